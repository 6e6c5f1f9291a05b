"""Calendar parts as they arrive by mail, read by programs of others and kept by a calendar server (RFC 5546, 6047)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import icalendar
import pytest
from pytest_django import Settings

from events.models import Event
from events.services import events
from notifications.services import delivery
from registrations.models import RegistrationState
from registrations.services import places
from scheduling.models import Slot
from scheduling.services import releases
from tests.factories import registrations as guests
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at
from tests.scheduling.reading import read_with_vobject
from tests.scheduling.test_clients import CALENDAR, Store, node, store  # noqa: F401 (a fixture)
from tests.smtp import SmtpSink

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def sink(smtp: SmtpSink, settings: Settings) -> SmtpSink:
    settings.SMTP_URL = smtp.url
    return smtp


def entries(mail: EmailMessage) -> list[str]:
    """The text/calendar parts of a mail."""
    return [
        part.get_content()
        for part in mail.walk()
        if isinstance(part, EmailMessage) and part.get_content_type() == "text/calendar"
    ]


class Mailbox:
    """Puts what arrives into a calendar as mail programs do: by UID, and not what is older than what is there
    (RFC 5546 §2.1.5)."""

    def __init__(self, server: Store, name: str) -> None:
        self.server, self.path = server, f"/reader/{name}/"
        server("MKCALENDAR", self.path, Authorization=CALENDAR["Authorization"])

    def take(self, document: str) -> None:
        calendar = icalendar.Calendar.from_ical(document)
        (entry,) = calendar.walk("VEVENT")
        kept = {str(one["UID"]): one for one in self.entries()}.get(str(entry["UID"]))
        if kept is not None and int(kept["SEQUENCE"]) > int(entry["SEQUENCE"]):
            return
        # METHOD belongs to the mail, not to what a server keeps (RFC 4791 §4.1).
        del calendar["METHOD"]
        self.server("PUT", f"{self.path}{entry['UID']}.ics", calendar.to_ical(), **CALENDAR)

    def entries(self) -> list[Any]:
        answer = self.server("GET", self.path, Authorization=CALENDAR["Authorization"])
        return list(icalendar.Calendar.from_ical(answer).walk("VEVENT"))

    def shown(self) -> list[tuple[str, datetime, str]]:
        return sorted((str(one["SUMMARY"]), one.start.astimezone(UTC), str(one["STATUS"])) for one in self.entries())


@pytest.fixture
def event() -> Event:
    return make.make_event("food", time_zone="Europe/Berlin", quiet_minutes=0)


def publish(event: Event, version: str, now: datetime) -> None:
    releases.release(event=event, version=version, force=True, actor=None, now=now)
    delivery.deliver_due(now=now)


def move(slot: Slot, clock: str) -> None:
    slot.starts_at = at(slot.schedule.event, clock)
    slot.ends_at = slot.starts_at + timedelta(minutes=30)
    slot.save()


@pytest.fixture
def mails(event: Event, sink: SmtpSink) -> list[EmailMessage]:
    """What one speaker gets while their three sessions are published, moved twice, cancelled and put back."""
    ada = make.make_speaker(event, "Ada Lovelace", email="ada@example.org")
    kefir, tea, soy = (
        make.make_talk(event, title, clock, speakers=[ada])
        for title, clock in (("Kefir", "09:00"), ("Tea", "11:00"), ("Soy; sauce, “old” 酱油", "13:00"))
    )
    publish(event, "1", NOW)
    move(kefir, "10:00")
    publish(event, "2", NOW + HOUR)
    move(kefir, "15:00")
    room, submission = tea.room, tea.submission
    tea.delete()
    publish(event, "3", NOW + 2 * HOUR)
    make.make_slot(event, "11:30", room=room, submission=submission)
    soy.delete()
    publish(event, "4", NOW + 3 * HOUR)
    found = [received.message for received in sink.to("ada@example.org")]
    assert [len(entries(mail)) for mail in found] == [3, 1, 2, 2]
    return found


FINALLY = [
    ("Kefir", "15:00", "CONFIRMED"),
    ("Soy; sauce, “old” 酱油", "13:00", "CANCELLED"),
    ("Tea", "11:30", "CONFIRMED"),
]


def orders(documents: Sequence[str]) -> Iterator[list[str]]:
    yield list(documents)
    yield list(reversed(documents))
    yield list(itertools.chain.from_iterable(zip(documents, documents, strict=True)))
    yield [*documents[3:], *documents[:5], *documents]


def test_a_calendar_server_ends_up_with_each_session_once_in_whatever_order_mails_come(
    event: Event,
    mails: list[EmailMessage],
    store: Store,  # noqa: F811 (a fixture)
) -> None:
    documents = [document for mail in mails for document in entries(mail)]
    expected = [(title, at(event, clock).astimezone(UTC), state) for title, clock, state in FINALLY]
    for number, order in enumerate(orders(documents)):
        box = Mailbox(store, f"own{number}")
        for document in order:
            box.take(document)
        assert box.shown() == expected


def test_the_sequence_of_each_entry_rises_and_its_uid_stays(mails: list[EmailMessage]) -> None:
    seen: dict[str, list[tuple[int, str]]] = {}
    for mail in mails:
        for document in entries(mail):
            calendar = icalendar.Calendar.from_ical(document)
            (entry,) = calendar.walk("VEVENT")
            seen.setdefault(str(entry["UID"]), []).append((int(entry["SEQUENCE"]), str(calendar["METHOD"])))
    assert sorted(seen.values()) == [
        [(0, "REQUEST"), (1, "CANCEL")],
        [(0, "REQUEST"), (1, "CANCEL"), (2, "REQUEST")],
        [(0, "REQUEST"), (1, "REQUEST"), (2, "REQUEST")],
    ]


def test_parsers_of_others_read_every_part_alike(event: Event, mails: list[EmailMessage], tmp_path: Path) -> None:
    for mail in mails:
        for document in entries(mail):
            calendar = icalendar.Calendar.from_ical(document)
            (entry,) = calendar.walk("VEVENT")
            assert entry["DTSTART"].params["TZID"] == "Europe/Berlin"
            assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["Europe/Berlin"]
            assert entry["ORGANIZER"].startswith("mailto:")
            assert entry["ATTENDEE"] == "mailto:ada@example.org"
            span = (entry.start.astimezone(UTC), entry.end.astimezone(UTC))

            read = read_with_vobject(document).vevent
            assert (read.dtstart.value.astimezone(UTC), read.dtend.value.astimezone(UTC)) == span
            assert (read.uid.value, read.summary.value) == (entry["UID"], entry["SUMMARY"])

            file = tmp_path / "invite.ics"
            file.write_text(document, encoding="utf-8", newline="")
            (row,) = node("ical_js.mjs", file)
            assert (datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) == span
            assert (row["uid"], row["sequence"], row["zone"]) == (entry["UID"], entry["SEQUENCE"], "Europe/Berlin")


def test_each_part_says_its_method_and_has_one_entry(mails: list[EmailMessage]) -> None:
    for mail in mails:
        parts = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        for part in parts:
            assert isinstance(part, EmailMessage)
            calendar = icalendar.Calendar.from_ical(part.get_content())
            assert part["Content-Type"].params["method"] == calendar["METHOD"]
            assert len({str(entry["UID"]) for entry in calendar.walk("VEVENT")}) == 1
        names = [part.get_filename() for part in parts if part.get_filename()]
        # Of several each is one to save; a single one is an alternative, with a copy to save.
        assert names == ([f"invite-{n}.ics" for n in range(1, len(parts) + 1)] if len(parts) > 1 else [])
        assert mail.get_content_type() == "multipart/mixed"


# -- Registrations ------------------------------------------------------------------------------------------------------


def test_a_registration_s_entry_is_updated_and_cancelled_and_not_doubled(
    event: Event,
    sink: SmtpSink,
    store: Store,  # noqa: F811 (a fixture)
) -> None:
    ticket = guests.make_ticket(event, 1)
    first = guests.register(ticket, "amina@example.org", name="Amina Diallo", now=NOW)
    waits = guests.register(ticket, "li@example.org", name="Li Na", now=NOW)
    assert waits.state == RegistrationState.WAITING
    days = timedelta(days=1)
    events.update_event(
        event=event,
        changes={"starts_on": event.starts_on + days, "ends_on": event.ends_on + days},
        actor=None,
        now=NOW + HOUR,
    )
    delivery.deliver_due(now=NOW + HOUR)
    assert not [document for received in sink.to("li@example.org") for document in entries(received.message)]
    places.cancel_registration(registration=first, actor=None, now=NOW + 2 * HOUR)
    delivery.deliver_due(now=NOW + 2 * HOUR)

    documents = [document for received in sink.to("amina@example.org") for document in entries(received.message)]
    read = [icalendar.Calendar.from_ical(document) for document in documents]
    seen = [(str(one["METHOD"]), one.walk("VEVENT")[0]) for one in read]
    assert [method for method, _entry in seen] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({str(entry["UID"]) for _method, entry in seen}) == 1
    sequences = [int(entry["SEQUENCE"]) for _method, entry in seen]
    assert sequences == sorted(set(sequences))
    event.refresh_from_db()
    for number, order in enumerate(([0, 1, 2], [2, 0, 1], [1, 1, 0, 2, 2, 1])):
        box = Mailbox(store, f"guest{number}")
        for index in order:
            box.take(documents[index])
        (kept,) = box.entries()
        assert (kept["STATUS"], kept["DTSTART"].dt) == ("CANCELLED", event.starts_on)
    # The place went to who waited, and with it an entry of their own.
    (given,) = [document for received in sink.to("li@example.org") for document in entries(received.message)]
    assert "METHOD:REQUEST" in given
    assert json.dumps(given).count("BEGIN:VEVENT") == 1
