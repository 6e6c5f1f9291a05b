"""The organizer's pages of tickets, questions and registrations."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from common.models import AuditEntry
from events.models import Event, Permission
from registrations.models import Question, Quota, Registration, TicketType
from registrations.services import payments
from tests.data import shared
from tests.factories.events import make_event, make_member
from tests.factories.registrations import (
    NOW,
    cancel,
    make_choice,
    make_product,
    make_question,
    make_quota,
    make_ticket,
    pay,
    places_of,
    register,
)
from tests.personae import AsUser

pytestmark = pytest.mark.django_db


@pytest.fixture
def organize(as_user: AsUser, organizer: User) -> Client:
    return as_user(organizer)


def page(client: Client, path: str, expected: int = 200) -> str:
    response = client.get(f"/organize/food-2027/{path}")
    assert response.status_code == expected, path
    return response.content.decode() if not response.streaming else ""


def post(client: Client, path: str, **values: Any) -> Any:
    return client.post(f"/organize/food-2027/{path}", values)


# -- Tickets -----------------------------------------------------------------------------------------------------------


def test_an_organizer_makes_a_quota_and_a_ticket(organize: Client, event: Event) -> None:
    assert "How many places are there?" in page(organize, "tickets/")
    assert post(organize, "quotas/new/", name="Seats", size="2").status_code == 302
    assert "No tickets yet" in page(organize, "tickets/")
    quota = Quota.objects.get(event=event)
    answer = post(organize, "tickets/new/", name_0="On campus", name_1="现场", quotas=[quota.pk], waiting_list="on")
    assert answer.status_code == 302
    ticket = TicketType.objects.get(event=event)
    assert (str(ticket.name), ticket.waiting_list, list(ticket.quotas.all())) == ("On campus", True, [quota])
    shown = page(organize, "tickets/")
    assert "On campus" in shown
    assert "0 of 2 taken" in shown


def test_a_ticket_needs_a_quota_first(organize: Client, event: Event) -> None:
    answer = organize.get("/organize/food-2027/tickets/new/")
    assert answer["Location"] == "/organize/food-2027/quotas/new/"


def test_times_are_those_of_the_event(organize: Client, event: Event) -> None:
    quota = make_quota(event)
    post(organize, "tickets/new/", name_0="Early", quotas=[quota.pk], available_until="2027-05-01T18:00")
    ticket = TicketType.objects.get(event=event)
    assert ticket.available_until
    assert ticket.available_until.astimezone(event.tz).isoformat() == "2027-05-01T18:00:00+08:00"
    assert 'value="2027-05-01T18:00' in page(organize, f"tickets/{ticket.pk}/")


def test_what_was_typed_stays_when_something_is_wrong(organize: Client, event: Event) -> None:
    quota = make_quota(event)
    answer = post(
        organize,
        "tickets/new/",
        name_0="Early bird <b>",
        quotas=[quota.pk],
        available_from="2027-05-02T18:00",
        available_until="2027-05-01T18:00",
    )
    text = answer.content.decode()
    assert "It closes before it opens" in text
    assert 'value="Early bird &lt;b&gt;"' in text
    assert not TicketType.objects.filter(event=event).exists()


def test_a_quota_cannot_be_smaller_than_what_is_taken_and_more_places_go_to_the_line(
    organize: Client, event: Event
) -> None:
    quota = make_quota(event, 2)
    ticket = make_ticket(event, quotas=[quota])
    rows = [register(ticket) for _ in range(4)]
    refused = post(organize, f"quotas/{quota.pk}/", name=quota.name, size="1").content.decode()
    assert "2 places are taken already." in refused
    assert post(organize, f"quotas/{quota.pk}/", name=quota.name, size="3").status_code == 302
    rows[2].refresh_from_db()
    assert rows[2].state == "confirmed"
    assert places_of(quota) == (3, 3)


def test_what_is_used_is_not_deleted(organize: Client, event: Event) -> None:
    quota = make_quota(event, 2)
    ticket = make_ticket(event, quotas=[quota])
    register(ticket)
    assert "Tickets count in" in post(organize, f"quotas/{quota.pk}/delete/").content.decode()
    assert "People have registered" in post(organize, f"tickets/{ticket.pk}/delete/").content.decode()
    assert Quota.objects.filter(pk=quota.pk).exists()
    unused = make_ticket(event, quotas=[quota])
    assert post(organize, f"tickets/{unused.pk}/delete/").status_code == 302
    assert not TicketType.objects.filter(pk=unused.pk).exists()


# -- Questions ---------------------------------------------------------------------------------------------------------


def test_a_choice_is_asked_with_its_answers_in_two_languages(organize: Client, event: Event) -> None:
    answer = post(
        organize,
        "questions/new/",
        label_0="What do you eat?",
        label_1="饮食？",
        kind="choice",
        options="Everything | 都可以\nHalal | 清真",
        is_required="on",
    )
    assert answer.status_code == 302
    question = Question.objects.get(event=event)
    assert (question.identifier, question.is_required) == ("what_do_you_eat", True)
    labels = [option["label"].get("zh-hans", option["label"]["en"]) for option in question.options]
    assert labels == ["都可以", "清真"]
    assert "What do you eat?" in page(organize, "questions/")


def test_a_choice_without_answers_is_refused_beside_its_field(organize: Client, event: Event) -> None:
    text = post(organize, "questions/new/", label_0="Meal?", kind="choice", options="one").content.decode()
    assert "A choice needs at least two answers" in text
    assert "Meal?" in text


def test_a_question_that_was_answered_is_put_aside_and_keeps_its_answers(organize: Client, event: Event) -> None:
    question = make_choice(event, "meals")
    register(make_ticket(event), answers={"meals": "vegan"})
    assert "Answers that people have given stay" in page(organize, f"questions/{question.pk}/delete/")
    assert post(organize, f"questions/{question.pk}/delete/").status_code == 302
    question.refresh_from_db()
    assert not question.is_active
    assert "1 answer kept" in page(organize, "questions/")


# -- Registrations -----------------------------------------------------------------------------------------------------


def test_people_are_found_by_name_in_any_script_address_and_code(organize: Client, event: Event) -> None:
    ticket = make_ticket(event)
    wang = register(ticket, "fang@example.org", name="Wang Fang", native_name="王芳", affiliation="江南大学")
    jose = register(ticket, "jose@example.org", name="José Núñez")
    for words, found in (
        ("王芳", wang),
        ("fang", wang),
        ("江南", wang),
        ("jose nunez", jose),
        ("JOSE@EXAMPLE", jose),
        (jose.code, jose),
    ):
        text = page(organize, f"registrations/?q={words}")
        assert found.code in text, words
        other = wang if found is jose else jose
        assert other.code not in text, words
    assert "No registration fits" in page(organize, "registrations/?q=nobody-of-that-name")


def test_the_list_is_narrowed_by_state_ticket_and_country(organize: Client, event: Event) -> None:
    one, two = make_ticket(event, 1), make_ticket(event, 1)
    first = register(one, country="CN")
    second = register(one, country="KE")
    third = register(two, country="KE")
    for query, expected in (
        ("state=waiting", {second}),
        (f"ticket={two.pk}", {third}),
        ("country=KE", {second, third}),
        ("country=KE&state=confirmed", {third}),
        ("state=nonsense", {first, second, third}),
    ):
        text = page(organize, f"registrations/?{query}")
        assert {row for row in (first, second, third) if f"/{row.code}/" in text} == expected, query


@pytest.mark.parametrize("path", ["registrations/", "tickets/", "questions/"])
def test_lists_take_as_many_queries_for_one_row_as_for_thirty(
    organize: Client, event: Event, django_assert_max_num_queries: DjangoAssertNumQueries, path: str
) -> None:

    counted = []
    for number in (1, 2, 27):
        for _ in range(number):
            ticket = make_ticket(event)
            make_question(event)
            register(ticket, country="CN")
        with CaptureQueriesContext(connection) as queries:
            page(organize, path)
        counted.append(len(queries))
    assert counted[0] == counted[1] == counted[2]
    assert counted[0] <= 15


def test_the_csv_is_what_the_list_shows_with_one_column_a_question(organize: Client, event: Event) -> None:
    make_choice(event, "meals")
    ticket = make_ticket(event)
    register(ticket, "a@example.org", name="Wang Fang", native_name="王芳", answers={"meals": "vegan"})
    register(ticket, "b@example.org", name="Ada")
    response = organize.get("/organize/food-2027/registrations/export.csv?q=fang")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "food-2027-registrations.csv" in response["Content-Disposition"]
    content = b"".join(response.streaming_content)  # type: ignore[arg-type]
    assert content.startswith(b"\xef\xbb\xbf")
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert (row["name"], row["native_name"], row["meals"], row["state"]) == ("Wang Fang", "王芳", "Vegan", "confirmed")


@pytest.mark.parametrize("payload", ["=1+1", "+1", "-2+3", "@SUM(A1)", '=HYPERLINK("http://evil.example")'])
def test_no_cell_of_the_csv_is_a_formula(organize: Client, event: Event, payload: str) -> None:
    make_question(event, "note")
    register(make_ticket(event), name=payload, affiliation=payload, answers={"note": payload})
    content = b"".join(organize.get("/organize/food-2027/registrations/export.csv").streaming_content)  # type: ignore[arg-type]
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    assert (row["name"], row["affiliation"], row["note"]) == (f"'{payload}",) * 3


def test_one_registration_shows_answers_turn_mails_and_history(organize: Client, event: Event) -> None:
    make_choice(event, "meals")
    ticket = make_ticket(event, 1)
    register(ticket)
    waiting = register(ticket, name="Ada Lovelace", answers={"meals": "vegan"})
    text = page(organize, f"registrations/{waiting.code}/")
    for shown in ("Ada Lovelace", "Vegan", "Turn in line", "On the waiting list", "registered:"):
        assert shown in text, shown
    assert "/organize/food-2027/messages/" in text


def test_an_organizer_changes_moves_and_cancels(organize: Client, event: Event) -> None:
    one, two = make_ticket(event, 1), make_ticket(event, 1)
    row, waiting = register(one, name="Ada"), register(one, name="Bo")
    base = f"registrations/{row.code}/"
    assert post(organize, f"{base}edit/", name="Ada L.", language="en", affiliation="Lab").status_code == 302
    assert post(organize, f"{base}move/", ticket_type=two.pk).status_code == 302
    row.refresh_from_db()
    waiting.refresh_from_db()
    assert (row.name, row.ticket_type, waiting.state) == ("Ada L.", two, "confirmed")
    full = post(organize, f"registrations/{waiting.code}/move/", ticket_type=two.pk).content.decode()
    assert "form-errors" in full
    assert post(organize, f"{base}cancel/", reason="Asked by telephone").status_code == 302
    row.refresh_from_db()
    assert row.state == "cancelled"
    text = page(organize, base)
    assert "Asked by telephone" in text
    assert AuditEntry.objects.filter(verb="registration_cancelled", actor__email="organizer@example.org").exists()


def test_an_organizer_approves_and_rejects(organize: Client, event: Event) -> None:
    ticket = make_ticket(event, requires_approval=True)
    yes, no = register(ticket), register(ticket)
    assert "Approve" in page(organize, f"registrations/{yes.code}/")
    assert post(organize, f"registrations/{yes.code}/approve/").status_code == 302
    assert post(organize, f"registrations/{no.code}/reject/", reason="Full of your topic").status_code == 302
    states = [Registration.objects.get(pk=row.pk).state for row in (yes, no)]
    assert states == ["confirmed", "rejected"]
    again = organize.post(f"/organize/food-2027/registrations/{no.code}/approve/", follow=True).content.decode()
    assert "notice" in again


def test_an_organizer_registers_somebody_although_it_is_closed(organize: Client, event: Event) -> None:
    ticket = make_ticket(event, available_until="2027-01-01T00:00:00+08:00")
    answer = post(
        organize,
        "registrations/new/",
        ticket_type=ticket.pk,
        name="王芳",
        email="fang@example.org",
        language="zh-hans",
    )
    assert answer.status_code == 302
    made = Registration.objects.get(email="fang@example.org")
    assert (made.state, made.language) == ("confirmed", "zh-hans")
    twice = post(
        organize, "registrations/new/", ticket_type=ticket.pk, name="W", email="fang@example.org", language="en"
    )
    assert twice.status_code == 200
    assert "This address is registered for this event already." in twice.content.decode()


def test_whoever_may_only_read_is_shown_no_way_to_change_and_has_none(as_user: AsUser, event: Event) -> None:
    row = register(make_ticket(event))
    reader = as_user(make_member(event, Permission.SEE_REGISTRATIONS, email="reader@example.org"))
    assert "Register somebody" not in page(reader, "registrations/")
    assert "Cancel it" not in page(reader, f"registrations/{row.code}/")
    page(reader, "tickets/")
    for path in ("quotas/new/", "tickets/new/", f"registrations/{row.code}/edit/", "registrations/new/"):
        page(reader, path, 403)
    assert post(reader, f"registrations/{row.code}/cancel/").status_code == 403
    row.refresh_from_db()
    assert row.state == "confirmed"


def test_registrations_of_another_event_are_not_here(organize: Client, event: Event) -> None:
    other = register(make_ticket(make_event("other-2027")))
    page(organize, f"registrations/{other.code}/", 404)
    for path in ("edit/", "move/", "cancel/", "reject/"):
        assert post(organize, f"registrations/{other.code}/{path}").status_code == 404


def test_nasty_words_are_shown_as_typed(organize: Client, event: Event) -> None:
    ticket = make_ticket(event)
    strings = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text.strip()][:200]
    kept = 0
    for number, text in enumerate(strings):
        answer = post(
            organize,
            "registrations/new/",
            ticket_type=ticket.pk,
            name=text[:200],
            email=f"n{number}@example.org",
            language="en",
        )
        assert answer.status_code in {200, 302}, text
        kept += answer.status_code == 302
    assert kept > len(strings) // 2
    text = page(organize, "registrations/")
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_cancelled_rows_are_not_cancelled_again(organize: Client, event: Event) -> None:
    row = register(make_ticket(event))
    cancel(row)
    assert "Cancel it" not in page(organize, f"registrations/{row.code}/")


def exported(organize: Client, kind: str) -> list[dict[str, Any]]:
    answer = organize.get(f"/organize/food-2027/registrations/export.{kind}")
    content = b"".join(answer.streaming_content)  # type: ignore[arg-type]
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    head, *rows = load_workbook(io.BytesIO(content), data_only=False).active.values
    return [{name: "" if cell is None else cell for name, cell in zip(head, row, strict=True)} for row in rows]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_export_says_what_is_owed_and_paid_and_which_products_they_have(
    organize: Client, event: Event, kind: str
) -> None:
    dinner = make_product(event, 1, name="=Dinner", price=Decimal(50))
    ticket = make_ticket(event, price=Decimal(100))
    free = register(make_ticket(event), name="Free")
    part = register(ticket, name="Part", products=[(dinner, 1)])
    pay(part, Decimal(120))
    full = register(ticket, name="Full", products=[(dinner, 1)])
    pay(full, Decimal(100))
    back = register(ticket, name="Back")
    pay(back, Decimal(100))
    cancel(back)
    kindly = register(ticket, name="Kindly")
    payments.record(registration=kindly, kind="waiver", amount=Decimal(100), actor=None, now=NOW)
    register(ticket, name="Open")
    assert free.amount == 0

    names = ("amount", "paid", "owed", "currency", "payment", "product: =Dinner")
    rows = {row["name"]: tuple(row[name] for name in names) for row in exported(organize, kind)}

    def said(*values: float | str) -> tuple[Any, ...]:
        if kind == "xlsx":
            return values
        return tuple(f"{value:.2f}" if isinstance(value, float) else str(value) for value in values)

    currency = event.currency
    assert rows == {
        "Free": said(0.0, 0.0, 0.0, currency, "none", ""),
        "Part": said(150.0, 120.0, 30.0, currency, "part", 1),
        "Full": said(100.0, 100.0, 0.0, currency, "paid", ""),
        "Back": said(100.0, 100.0, -100.0, currency, "to_return", ""),
        "Kindly": said(100.0, 0.0, 0.0, currency, "waived", ""),
        "Open": said(100.0, 0.0, 100.0, currency, "open", ""),
    }


def test_the_export_takes_as_many_queries_for_many_as_for_one(organize: Client, event: Event) -> None:
    ticket, dinner = make_ticket(event, price=Decimal(100)), make_product(event, 10)
    counted = []
    for _ in range(3):
        pay(register(ticket, products=[(dinner, 1)]), Decimal(10))
        with CaptureQueriesContext(connection) as queries:
            exported(organize, "csv")
        counted.append(len(queries))
    assert len(set(counted)) == 1, counted
