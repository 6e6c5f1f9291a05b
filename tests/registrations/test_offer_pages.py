"""Offers, products and payments as people see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from events.models import Event
from registrations.models import LineItem, Product, Registration
from registrations.services import places
from tests.factories.registrations import make_product, make_quota, make_ticket, pay, register, states_of
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

ORGANIZE = "/organize/food-2027/"


@pytest.fixture
def client() -> Client:
    return Client(headers={"accept-language": "en"})


def offered_to(event: Event, **fields: Any) -> Registration:
    ticket = make_ticket(event, 1, offer_hours=24, **fields)
    first, second = register(ticket, now=timezone.now()), register(ticket, now=timezone.now())
    places.cancel_registration(registration=first, actor=None, now=timezone.now())
    second.refresh_from_db()
    return second


# -- One's own ----------------------------------------------------------------------------------------------------------


def test_an_offer_is_accepted_by_one_button_with_its_deadline_beside_it(client: Client, event: Event) -> None:
    registration = offered_to(event)
    own = registration.get_absolute_url()
    text = client.get(own).content.decode()
    assert "Accept the place" in text
    assert "After that it goes to the next in line." in text
    answer = client.post(f"{own}offer/", {"answer": "accept"}, follow=True)
    assert states_of(registration) == ["confirmed"]
    assert "It is yours." in answer.content.decode()
    # Sent again, it says nothing frightening.
    assert "Nothing is on offer" not in client.post(f"{own}offer/", {"answer": "accept"}, follow=True).content.decode()


def test_nobody_is_shown_an_offer_that_ran_out(client: Client, event: Event) -> None:
    registration = offered_to(event)
    Registration.objects.filter(pk=registration.pk).update(offer_expires_at=timezone.now() - timedelta(seconds=1))
    text = client.get(registration.get_absolute_url()).content.decode()
    assert "Accept the place" not in text
    assert "This place has gone to somebody else" in text
    assert states_of(registration) == ["expired"]


def test_what_is_to_be_paid_stands_there_until_when(client: Client, event: Event) -> None:
    registration = register(make_ticket(event, price="1200.00"), now=timezone.now())
    own = registration.get_absolute_url()
    text = client.get(own).content.decode()
    assert "CN¥1,200.00 to be paid" in text
    assert "ticket.svg" not in text
    pay(registration, "200.00", now=timezone.now())
    assert "CN¥1,000.00 to be paid" in client.get(own).content.decode()
    pay(registration, "1000.00", now=timezone.now())
    text = client.get(own).content.decode()
    assert "to be paid" not in text
    assert "ticket.svg" in text


def test_products_are_chosen_when_registering_and_changed_afterwards(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    dinner = make_product(event, 5, name={"en": "Dinner"}, price="80.00", max_per_registration=2)
    full = make_product(event, 0, name={"en": "Tour"}, waiting_list=False)
    text = client.get("/food-2027/register/").content.decode()
    assert "CN¥80.00" in text
    assert f"product_{full.pk}" not in text
    filled = {"ticket_type": ticket.pk, "name": "Ada", "email": "ada@example.org", "language": "en", "token": "t"}
    own = client.post("/food-2027/register/", {**filled, f"product_{dinner.pk}": "2"})["Location"]
    assert LineItem.objects.get().quantity == 2
    assert "CN¥160.00 to be paid" in client.get(own).content.decode()
    assert client.get(f"{own}products/").status_code == 200
    assert client.post(f"{own}products/", {f"product_{dinner.pk}": "1"})["Location"] == own
    assert "CN¥80.00 to be paid" in client.get(own).content.decode()
    assert client.post(f"{own}products/", {f"product_{dinner.pk}": "3"}).status_code == 200
    client.post(f"{own}products/", {f"product_{dinner.pk}": "0"})
    # Nothing is left to be paid.
    assert Registration.objects.get().state == "confirmed"


def test_a_full_product_is_refused_on_the_form_and_nothing_typed_is_lost(client: Client, event: Event) -> None:
    ticket = make_ticket(event)
    dinner = make_product(event, 1, waiting_list=False, max_per_registration=2)
    filled = {"ticket_type": ticket.pk, "name": "Ada", "email": "ada@example.org", "language": "en", "token": "t"}
    answer = client.post("/food-2027/register/", {**filled, f"product_{dinner.pk}": "2"})
    text = answer.content.decode()
    assert "There is no more left of" in text
    assert 'value="ada@example.org"' in text
    assert '<option value="2" selected' in text


# -- Organizers ---------------------------------------------------------------------------------------------------------


def test_an_organizer_makes_changes_and_deletes_a_product(as_user: AsUser, organizer: User, event: Event) -> None:
    client = as_user(organizer)
    assert client.get(f"{ORGANIZE}products/new/")["Location"] == f"{ORGANIZE}quotas/new/"
    quota = make_quota(event, 20)
    values = {
        "name_0": "Dinner",
        "price": "80",
        "quotas": [quota.pk],
        "max_per_registration": "2",
        "waiting_list": "on",
        "offer_hours": "24",
    }
    assert client.post(f"{ORGANIZE}products/new/", values).status_code == 302
    product = Product.objects.get()
    assert (product.price, product.offer_hours, product.waiting_list) == (80, 24, True)
    assert client.post(f"{ORGANIZE}products/{product.pk}/", {**values, "price": "90"}).status_code == 302
    product.refresh_from_db()
    assert product.price == 90
    text = client.get(f"{ORGANIZE}tickets/").content.decode()
    assert "CN¥90.00" in text
    assert "By products: 0" in text
    assert client.post(f"{ORGANIZE}products/{product.pk}/delete/").status_code == 302
    assert not Product.objects.exists()


def test_an_organizer_prices_a_ticket_and_says_how_long_offers_and_payments_wait(
    as_user: AsUser, organizer: User, event: Event
) -> None:
    client = as_user(organizer)
    quota = make_quota(event)
    values = {"name_0": "Regular", "quotas": [quota.pk], "price": "120.50", "offer_hours": "48", "payment_days": "7"}
    client.post(f"{ORGANIZE}tickets/new/", values)
    ticket = event.ticket_types.get()
    assert (str(ticket.price), ticket.offer_hours, ticket.payment_days) == ("120.50", 48, 7)
    assert 'value="120.50"' in client.get(f"{ORGANIZE}tickets/{ticket.pk}/").content.decode()


def test_an_organizer_writes_down_payments_and_sees_what_is_owed(
    as_user: AsUser, organizer: User, event: Event
) -> None:
    client = as_user(organizer)
    registration = register(make_ticket(event, price="100.00"), now=timezone.now())
    path = f"{ORGANIZE}registrations/{registration.code}/"
    assert "still owed: CN¥100.00" in client.get(f"{ORGANIZE}registrations/").content.decode()
    assert 'value="100.00"' in client.get(f"{path}payments/").content.decode()
    values = {"kind": "payment", "amount": "100.00", "method": "transfer", "reference": "TX 1", "key": "k"}
    assert client.post(f"{path}payments/", values)["Location"] == path
    text = client.get(path).content.decode()
    assert "TX 1" in text
    assert "Owed: CN¥0.00 · paid: CN¥100.00" in text
    assert states_of(registration) == ["confirmed"]
    refused = client.post(f"{path}payments/", {**values, "kind": "refund", "amount": "100.01", "key": "k2"})
    assert "Only CN¥100.00 was paid." in refused.content.decode()


def test_the_tickets_page_asks_as_often_for_three_as_for_one(as_user: AsUser, organizer: User, event: Event) -> None:
    client = as_user(organizer)
    counts = []
    for more in (1, 2):
        for _ in range(more):
            register(make_ticket(event), products=[(make_product(event), 1)])
        with CaptureQueriesContext(connection) as queries:
            client.get(f"{ORGANIZE}tickets/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
