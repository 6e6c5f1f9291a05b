"""Products, groups, offers and payments, by API alone."""

from __future__ import annotations

from events.models import Event
from tests.api.conftest import Caller


def test_products_groups_offers_and_payments_by_api(event: Event, api: Caller, anybody: Caller) -> None:
    base = f"events/{event.slug}/"
    seats = api.post(f"{base}quotas/", {"name": "Seats", "size": 2}).json()["id"]
    tables = api.post(f"{base}quotas/", {"name": "Tables", "size": 3}).json()["id"]
    ticket = api.post(
        f"{base}ticket-types/",
        {"name": {"en": "Guest"}, "quotas": [seats], "waiting_list": True, "offer_hours": 24, "price": "50.00"},
    ).json()
    dinner = api.post(
        f"{base}products/", {"name": {"en": "Dinner"}, "quotas": [tables], "price": "20.00", "max_per_registration": 2}
    ).json()
    people = [
        {"ticket_type": ticket["id"], "name": f"Guest {n}", "email": f"guest{n}@example.org", "products": wanted}
        for n, wanted in enumerate([[dinner["id"]], [{"product": dinner["id"], "quantity": 2}]])
    ]
    made = anybody.post(f"{base}registrations/group/", {"registrations": people}).json()["registrations"]
    assert [(row["state"], row["amount"]) for row in made] == [
        ("awaiting_payment", "70.00"),
        ("awaiting_payment", "90.00"),
    ]
    assert made[0]["group"] == made[1]["group"]
    assert api.get(f"{base}quotas/{tables}/").json()["taken"] == 3
    full = {**people[0], "email": "late@example.org"}
    assert anybody.post(f"{base}registrations/", full).json()["problems"][0]["field"] == "products"
    waiting = anybody.post(f"{base}registrations/", {**full, "products": []}).json()
    assert waiting["state"] == "waiting"

    own = f"{base}registrations/{made[0]['code']}/"
    secret = f"?secret={made[0]['secret']}"
    changed = anybody.patch(f"{own}{secret}", {"products": [], "affiliation": "Lab"}).json()
    assert (changed["products"], changed["amount"], changed["affiliation"]) == ([], "50.00", "Lab")
    paid = api.post(f"{own}payments/", {"amount": "50.00", "method": "cash"})
    assert (paid.status_code, paid.json()["kind"], paid.json()["amount"]) == (201, "payment", "50.00")
    assert [row["kind"] for row in api.get(f"{own}payments/").json()["results"]] == ["charge", "charge", "payment"]
    assert api.get(own).json()["state"] == "confirmed"
    assert anybody.get(f"{own}payments/{secret}").status_code == 404

    anybody.post(f"{own}cancel/{secret}", {})
    late = f"{base}registrations/{waiting['code']}/"
    offered = anybody.get(f"{late}?secret={waiting['secret']}").json()
    assert (offered["state"], offered["offer_expires_at"] is None) == ("offered", False)
    accepted = anybody.post(f"{late}accept-offer/?secret={waiting['secret']}", {})
    assert accepted.json()["state"] == "awaiting_payment"
    again = anybody.post(f"{late}accept-offer/?secret={waiting['secret']}", {})
    assert (again.status_code, again.json()["code"]) == (409, "not_offered")
    assert api.delete(f"{base}products/{dinner['id']}/").json()["code"] == "product_in_use"
