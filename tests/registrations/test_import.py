"""People out of a table: good rows are taken, bad ones named, and the same table again changes nothing."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook

from accounts.models import User
from events.models import Event
from notifications.models import Message
from registrations.models import Registration, TicketType
from registrations.services import imports
from registrations.services.imports import NotATable
from tests.concurrency.test_places import errors_in, race
from tests.factories.registrations import (
    NOW,
    cancel,
    make_choice,
    make_product,
    make_question,
    make_ticket,
    pay,
    places_of,
    register,
)
from tests.personae import AsUser

HEAD = "name,native_name,email,affiliation,country,meals,visa\n"
GOOD = HEAD + (
    "Wang Fang,王芳,fang@example.edu,Jiangnan University,CN,vegan,yes\n"
    "Zoë Müller,,zoe@example.edu,Universität Wien,Österreich,All,\n"
    "Lin Wei,林伟,lin@example.edu,江南大学,中国,,否\n"
)


@pytest.fixture
def ticket(event: Event) -> TicketType:
    make_choice(event, "meals")
    make_question(event, "visa", "yes_no")
    return make_ticket(event, 10)


def apply(event: Event, text: str | bytes, actor: User | None = None) -> list[imports.Outcome]:
    data = text.encode() if isinstance(text, str) else text
    return imports.apply(event=event, table=imports.read(data, event=event), actor=actor, now=NOW)


def told(outcomes: list[imports.Outcome]) -> list[str]:
    return [outcome.what for outcome in outcomes]


def test_each_row_is_one_person_with_answers(event: Event, ticket: TicketType) -> None:
    outcomes = apply(event, GOOD.replace("Österreich", "Austria"))
    assert told(outcomes) == ["added"] * 3, [outcome.reasons for outcome in outcomes]
    stored = Registration.objects.filter(event=event).order_by("pk")
    assert [(r.name, r.native_name, str(r.country), r.state) for r in stored] == [
        ("Wang Fang", "王芳", "CN", "confirmed"),
        ("Zoë Müller", "", "AT", "confirmed"),
        ("Lin Wei", "林伟", "CN", "confirmed"),
    ]
    answers = [{a.question.identifier: a.value for a in r.answers.all()} for r in stored]
    assert answers == [{"meals": "vegan", "visa": True}, {"meals": "all"}, {"visa": False}]
    assert Message.objects.filter(kind="registration_confirmed").count() == 3


def test_the_same_table_again_changes_nothing(event: Event, ticket: TicketType) -> None:
    table = GOOD.replace("Österreich", "AT")
    apply(event, table)
    before = list(Registration.objects.order_by("pk").values())
    assert told(apply(event, table)) == ["same"] * 3
    assert list(Registration.objects.order_by("pk").values()) == before
    assert Message.objects.count() == 3


def test_who_is_here_is_changed_as_the_row_says_and_no_further(event: Event, ticket: TicketType) -> None:
    stored = register(
        ticket, "fang@example.edu", name="Wang Fang", affiliation="Old", country="CN", answers={"meals": "all"}
    )
    outcomes = apply(event, "Name;E-Mail;Institution;Meals\nWang Fang;FANG@example.edu;Jiangnan University;vegan\n")
    assert told(outcomes) == ["changed"]
    assert [(label, old, new) for label, old, new in outcomes[0].changes] == [
        ("Institution", "Old", "Jiangnan University"),
        ("Question meals?", "All", "Vegan"),
    ]
    stored.refresh_from_db()
    assert (stored.affiliation, str(stored.country), stored.answers.get().value) == (
        "Jiangnan University",
        "CN",
        "vegan",
    )


def test_bad_rows_are_named_and_good_ones_taken(event: Event, ticket: TicketType) -> None:
    outcomes = apply(
        event,
        HEAD
        + "Good,,good@example.edu,,,,\n"
        + ",,no-name@example.edu,,,,\n"
        + "No Address,,nowhere,,,,\n"
        + "Lost,,lost@example.edu,,Atlantis,,\n"
        + "Hungry,,hungry@example.edu,,,stones,\n"
        + "Good Again,,GOOD@example.edu,,,,\n"
        + "Also Good,,also@example.edu,,,,\n",
    )
    assert [(outcome.where, outcome.what) for outcome in outcomes] == [
        ("line 2", "added"),
        ("line 3", "refused"),
        ("line 4", "refused"),
        ("line 5", "refused"),
        ("line 6", "refused"),
        ("line 7", "refused"),
        ("line 8", "added"),
    ]
    reasons = {outcome.where: " ".join(outcome.reasons) for outcome in outcomes if outcome.reasons}
    assert "name is missing" in reasons["line 3"]
    assert "nowhere" in reasons["line 4"]
    assert "Atlantis" in reasons["line 5"]
    assert "Choose one of the answers" in reasons["line 6"]
    assert "line 2" in reasons["line 7"]
    assert Registration.objects.count() == 2


def test_what_the_preview_says_is_what_happens_and_it_writes_nothing(event: Event, ticket: TicketType) -> None:
    register(ticket, "fang@example.edu", name="Wang F.")
    data = imports.read((GOOD + "Bad,,bad,,,,\n").encode(), event=event)
    with CaptureQueriesContext(connection) as captured:
        before = imports.preview(event=event, table=data, now=NOW)
    assert all(query["sql"].startswith("SELECT") for query in captured)
    assert told(before) == told(imports.apply(event=event, table=data, actor=None, now=NOW))


def test_a_long_table_is_looked_at_in_as_many_queries_as_a_short_one(event: Event, ticket: TicketType) -> None:
    def queries(rows: int) -> int:
        lines = "".join(f"Guest {n},,guest{n}@example.org,,,,\n" for n in range(rows))
        table = imports.read((HEAD + lines).encode(), event=event)
        with CaptureQueriesContext(connection) as captured:
            imports.preview(event=event, table=table, now=NOW)
        return len(captured)

    assert queries(1) == queries(50)


def test_when_places_run_out_the_rest_waits_in_the_order_of_the_table(event: Event) -> None:
    ticket = make_ticket(event, 2)
    outcomes = apply(event, "name,email\n" + "".join(f"Guest {n},guest{n}@example.org\n" for n in range(4)))
    assert [outcome.state for outcome in outcomes] == ["confirmed", "confirmed", "waiting", "waiting"]
    assert places_of(ticket.quotas.get()) == (2, 2)


def test_a_ticket_is_known_by_its_name_in_any_language(event: Event) -> None:
    make_ticket(event, name={"en": "Regular", "zh-hans": "普通"})
    student = make_ticket(event, name={"en": "Student", "zh-hans": "学生"})
    outcomes = apply(event, "name,email,ticket\nA,a@example.org,学生\nB,b@example.org,student\nC,c@example.org,\n")
    assert told(outcomes) == ["added", "added", "refused"]
    assert Registration.objects.filter(ticket_type=student).count() == 2


def test_another_ticket_moves_the_person(event: Event) -> None:
    regular, online = make_ticket(event, name={"en": "Regular"}), make_ticket(event, name={"en": "Online"})
    stored = register(regular, "a@example.org", name="A")
    assert told(apply(event, "name,email,ticket\nA,a@example.org,Online\n")) == ["changed"]
    stored.refresh_from_db()
    assert stored.ticket_type_id == online.pk
    assert places_of(regular.quotas.get()) == (0, 10)


def test_a_workbook_says_the_same(event: Event, ticket: TicketType) -> None:
    book = Workbook()
    book.active.append(["Participants 2027"])
    for line in GOOD.replace("Österreich", "AT").splitlines():
        book.active.append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    assert told(apply(event, out.getvalue())) == ["added"] * 3


def test_a_table_of_a_chinese_spreadsheet_is_read(event: Event, ticket: TicketType) -> None:
    text = "拼音,姓名,邮箱,单位,国家\nWang Fang,王芳,fang@example.edu,江南大学,中国\n"
    apply(event, text.encode("gb18030"))
    stored = Registration.objects.get()
    assert (stored.native_name, stored.affiliation, str(stored.country)) == ("王芳", "江南大学", "CN")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "name the columns"),
        (b"a,b\n1,2\n", "name the columns"),
        (b"name,email\n", "no rows"),
        (b"PK\x03\x04broken", "name the columns"),
        (b"name,email\n" + b"A,a@example.org\n" * 5001, "more than 5000 rows"),
    ],
)
def test_what_is_no_table_of_people_says_why(event: Event, data: bytes, words: str) -> None:
    with pytest.raises(NotATable, match=words):
        imports.read(data, event=event)


# -- The page -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(organizer: User, as_user: AsUser) -> Client:
    return as_user(organizer)


def sent(client: Client, event: Event, **fields: Any) -> Any:
    return client.post(f"/organize/{event.slug}/registrations/import/", fields, follow=True)


def test_a_file_is_looked_at_then_taken_over(event: Event, ticket: TicketType, signed_in: Client) -> None:
    file = SimpleUploadedFile("people.csv", (GOOD.replace("Österreich", "AT") + "Bad,,bad,,,,\n").encode())
    looked_at = sent(signed_in, event, file=file)
    page = looked_at.content.decode()
    assert "Take 3 rows over" in page
    assert "“bad” is no e-mail address." in page
    assert Registration.objects.count() == 0
    taken = sent(signed_in, event, packed=looked_at.context["packed"], name="people.csv")
    assert "“bad” is no e-mail address." in taken.content.decode(), "what could not be taken is still said"
    assert Registration.objects.count() == 3


def test_what_was_typed_is_shown_and_not_run(event: Event, ticket: TicketType, signed_in: Client) -> None:
    nasty = '"<img src=x onerror=alert(1)>"'
    file = SimpleUploadedFile("people.csv", f"name,email\n{nasty},a@example.org\n".encode())
    assert "<img src=x" not in sent(signed_in, event, file=file).content.decode()


def test_the_downloaded_list_can_be_brought_in_again(event: Event, ticket: TicketType, signed_in: Client) -> None:
    apply(event, GOOD.replace("Österreich", "AT") + '"=HYPERLINK(""x"")",,formula@example.org,"-5, Lake Road",,,\n')
    for kind in ("csv", "xlsx"):
        data = signed_in.get(f"/organize/{event.slug}/registrations/export.{kind}").getvalue()
        assert set(told(apply(event, data))) == {"same"}, kind


def test_the_template_has_a_column_for_each_question(event: Event, ticket: TicketType, signed_in: Client) -> None:
    data = signed_in.get(f"/organize/{event.slug}/registrations/import/template.csv").getvalue()
    assert "meals,visa" in data.decode("utf-8-sig")
    assert told(imports.preview(event=event, table=imports.read(data, event=event), now=NOW)) == ["added"]


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_table_at_once_register_each_person_once(event: Event) -> None:
    make_ticket(event, 100)
    table = "name,email\n" + "".join(f"Guest {n},guest{n}@example.org\n" for n in range(20))
    answers = race(4, lambda _: told(apply(event, table)), racers=4)
    assert errors_in(answers) == []
    assert Registration.objects.filter(event=event).count() == 20
    assert Message.objects.count() == 20


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_the_export_writes_the_import_reads_and_finds_the_same(
    event: Event, ticket: TicketType, organizer: User, as_user: AsUser, kind: str
) -> None:
    question = make_question(event, "card", "file")
    dinner = make_product(event, price=Decimal(50))
    paid = make_ticket(event, price=Decimal(100))
    register(ticket, name="=Wang Fang", family_name="Wang", native_name="王芳", country="CN", answers={"visa": True})
    guest = register(paid, name="Zoë", answers={"meals": "vegan"}, products=[(dinner, 1)])
    pay(guest, Decimal(30))
    assert question.pk
    answer = as_user(organizer).get(f"/organize/{event.slug}/registrations/export.{kind}")

    table = imports.read(answer.getvalue(), event=event)
    assert table.unknown == []
    outcomes = imports.preview(event=event, table=table, now=NOW)
    assert [(outcome.what, outcome.changes, outcome.reasons) for outcome in outcomes] == [("same", [], [])] * 2


def test_a_family_name_that_is_no_part_of_the_name_is_refused_before_anything_is_written(
    event: Event, ticket: TicketType
) -> None:
    head = "name,family name,email\n"
    table = imports.read(f"{head}Wang Fang,Wang,a@example.org\nWang Fang,Li,b@example.org\n".encode(), event=event)
    outcomes = imports.preview(event=event, table=table, now=NOW)
    assert [outcome.what for outcome in outcomes] == ["added", "refused"]
    assert outcomes[1].reasons == ["“Li” is no part of the name."]
    imports.apply(event=event, table=table, actor=None, now=NOW)
    assert Registration.objects.get().family_name == "Wang"


def test_an_export_does_not_bring_back_who_has_gone(
    event: Event, ticket: TicketType, organizer: User, as_user: AsUser
) -> None:
    register(ticket, "here@example.org")
    cancel(register(ticket, "gone@example.org"))
    data = as_user(organizer).get(f"/organize/{event.slug}/registrations/export.csv").getvalue()

    outcomes = apply(event, data)
    assert [(outcome.email, outcome.what) for outcome in outcomes] == [
        ("here@example.org", "same"),
        ("gone@example.org", "refused"),
    ]
    assert outcomes[1].reasons == ["This registration is cancelled, and stays so."]
    assert Registration.objects.live().count() == 1
