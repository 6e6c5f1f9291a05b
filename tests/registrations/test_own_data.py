"""One's own data: all of them to take along, none of them after they were erased."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Person, User
from common.models import AuditEntry
from events.models import Event
from notifications.models import CaughtMail, Message
from notifications.services import delivery
from notifications.services.messages import cancel_message
from registrations.models import Registration
from registrations.services import check_ins, own_data, places
from registrations.services.check_ins import Scan
from tests.concurrency.test_places import errors_in, race
from tests.factories.accounts import make_user
from tests.factories.registrations import NOW, make_question, make_quota, make_ticket, places_of, register
from tests.factories.scheduling import make_speaker

NAME, NATIVE, EMAIL, ANSWER = "Wang Xiaofang", "王小芳", "xiaofang.wang@example.org", "No peanuts, please"


@pytest.fixture
def guest(event: Event) -> Registration:
    make_question(event, "diet")
    return register(
        make_ticket(event),
        EMAIL,
        name=NAME,
        native_name=NATIVE,
        affiliation="Jiangnan University",
        country="CN",
        answers={"diet": ANSWER},
    )


def everything() -> str:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows).encode().decode("unicode_escape", "ignore") + "\n".join(rows)


def test_all_that_is_stored_can_be_taken_along(event: Event, guest: Registration) -> None:
    delivery.deliver_due(now=NOW, until_empty=True)
    scan = Scan(scan_id=uuid.uuid4(), secret=guest.secret, scanned_at=NOW, device="door 1")
    check_ins.check_in(event=event, scans=[scan], actor=None, now=NOW)
    response = Client().get(f"{guest.get_absolute_url()}data.json")
    data = json.loads(response.content)
    assert response["Content-Disposition"].startswith("attachment")
    assert data["registration"]["name"] == NAME
    assert data["registration"]["native_name"] == NATIVE
    assert data["registration"]["email"] == EMAIL
    assert [answer["answer"] for answer in data["answers"]] == [ANSWER]
    assert [row["device"] for row in data["check_ins"]] == ["door 1"]
    assert [(row["kind"], row["state"]) for row in data["mails"]] == [("registration_confirmed", "sent")]
    assert NAME in data["mails"][0]["text"]
    assert [row["what"] for row in data["history"]] == ["registered"]
    assert data["registration"]["registered_at"] == "2027-03-01T17:00:00+08:00"


def test_it_opens_to_nobody_else(guest: Registration) -> None:
    other = guest.get_absolute_url().replace(guest.secret, "x" * 27)
    assert Client().get(f"{other}data.json").status_code == 404
    assert Client().post(f"{other}erase/").status_code == 404
    guest.refresh_from_db()
    assert guest.erased_at is None


def test_nothing_of_the_person_is_left(guest: Registration) -> None:
    delivery.deliver_due(now=NOW, until_empty=True)
    CaughtMail.objects.all().delete()  # the mailbox stands for the receiver's own
    assert NAME in everything()
    assert NATIVE in everything()
    response = Client().post(f"{guest.get_absolute_url()}erase/", follow=True)
    assert "Your data are erased" in response.content.decode()
    left = everything()
    for trace in (NAME, NATIVE, EMAIL, ANSWER, "Jiangnan University", guest.secret, "wang"):
        assert trace not in left, trace
    assert Client().get(guest.get_absolute_url()).status_code == 404


def test_what_was_changed_and_what_the_api_keeps_of_its_answers_is_erased_too(
    event: Event, guest: Registration, organizer: User
) -> None:
    places.change_registration(
        registration=guest,
        changes={"name": "Wang Xiaofang-Li", "answers": {"diet": "Nothing with sesame"}},
        actor=organizer,
        now=NOW,
    )
    message = Message.objects.filter(kind="registration_changed").get()
    cancel_message(message=message, actor=organizer, now=NOW)
    other = f"/api/v1/events/{event.slug}/registrations/"
    body = {"ticket_type": guest.ticket_type_id, "name": "Ann", "email": "ann@example.org", "language": "en"}
    first = repeated(other, body, "0b6c")
    assert first.status_code == 201
    cancel = f"{other}{guest.code}/cancel/?secret={guest.secret}"
    assert repeated(cancel, {}, f"of {EMAIL}").status_code == 200
    assert repeated(cancel, {}, "of-no-name").status_code == 200
    assert {EMAIL, "Nothing with sesame", "Wang Xiaofang-Li"} <= {trace for trace in TRACES if trace in everything()}

    own_data.erase_registration(registration=guest, actor=None, now=NOW)

    left = everything()
    assert [trace for trace in TRACES if trace in left] == []
    again = repeated(cancel, {}, "of-no-name")
    assert (again.status_code, again.json()["code"]) == (410, "answer_erased")
    assert repeated(other, body, "0b6c").json() == first.json()


TRACES = (EMAIL, NAME, "Wang Xiaofang-Li", "Nothing with sesame", ANSWER)


def repeated(path: str, body: Any, key: str) -> Any:
    return Client().post(path, json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key})


def test_what_others_count_stays(event: Event, guest: Registration) -> None:
    own_data.erase_registration(registration=guest, actor=None, now=NOW)
    stored = Registration.objects.get(pk=guest.pk)
    assert (stored.state, str(stored.country), stored.ticket_type_id) == ("cancelled", "CN", guest.ticket_type_id)
    assert Registration.objects.filter(event=event).count() == 1


def test_the_place_goes_to_the_next_in_line(event: Event) -> None:
    quota = make_quota(event, 1)
    ticket = make_ticket(event, quotas=[quota])
    first, second = register(ticket, EMAIL), register(ticket)
    own_data.erase_registration(registration=first, actor=None, now=NOW)
    second.refresh_from_db()
    assert (second.state, places_of(quota)) == ("confirmed", (1, 1))


def test_mails_still_to_go_out_do_not(guest: Registration) -> None:
    own_data.erase_registration(registration=guest, actor=None, now=NOW)
    assert delivery.deliver_due(now=NOW, until_empty=True).sent == 0
    assert set(Message.objects.values_list("state", "recipient_email")) == {("cancelled", "")}


@pytest.mark.parametrize("also", ["account", "speaker", "registration"])
def test_a_person_who_is_here_for_something_else_stays(event: Event, guest: Registration, also: str) -> None:
    person = guest.person
    if also == "account":
        person.user = make_user(EMAIL)
        person.save()
    elif also == "speaker":
        speaker = make_speaker(event, NAME)
        speaker.person = person
        speaker.save()
    else:
        guest2 = Registration.objects.get(pk=guest.pk)
        guest2.pk, guest2.code, guest2.secret, guest2.state = None, "A3C4D6", "y" * 27, "cancelled"
        guest2.save(force_insert=True)
    own_data.erase_registration(registration=guest, actor=None, now=NOW)
    assert Person.objects.get(pk=person.pk).name == NAME


def test_the_address_can_register_anew(event: Event, guest: Registration) -> None:
    own_data.erase_registration(registration=guest, actor=None, now=NOW)
    again = register(guest.ticket_type, EMAIL)
    assert again.state == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_erasing_twice_at_once_is_one_erasure(guest: Registration) -> None:
    def erase(_: int) -> Any:
        return Client().post(f"{guest.get_absolute_url()}erase/").status_code

    answers = race(6, erase, racers=6)
    assert errors_in(answers) == []
    assert set(answers) <= {302, 404}
    assert AuditEntry.objects.filter(verb="registration_erased", subject_id=guest.pk).count() == 1
