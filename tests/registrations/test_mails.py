"""Mails about registrations: each about one's own event, told once, taken back with what they were about, and text to the letter."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import openpyxl
import pytest
import vobject
from django.db import connection
from django.test import Client

from accounts.models import User
from events.models import Event
from notifications.models import CancelReason, Message, MessageState
from notifications.services import delivery
from registrations.services import places, promotion
from tests.clients import node
from tests.factories.events import make_event
from tests.factories.registrations import NOW, make_question, make_ticket, register
from tests.personae import AsUser
from tests.smtp import SmtpSink

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
EVIL = "[x](https://evil.example)<b>"


def test_a_name_with_markup_arrives_as_typed_and_links_nowhere(event: Event, smtp: SmtpSink, settings: Any) -> None:
    settings.SMTP_URL = smtp.url
    ticket = make_ticket(event, 1, price="10.00", name={"en": EVIL, "zh-hans": EVIL}, offer_hours=24)
    first, second = (register(ticket, name=EVIL, affiliation=EVIL) for _ in range(2))
    delivery.deliver_due(now=NOW, until_empty=True)
    places.cancel_registration(registration=first, actor=None, now=NOW, reason=EVIL)
    delivery.deliver_due(now=NOW, until_empty=True)
    promotion.expire_overdue(now=NOW + 2 * DAY)
    delivery.deliver_due(now=NOW + 2 * DAY, until_empty=True)

    kinds = set(Message.objects.filter(state=MessageState.SENT).values_list("kind", flat=True))
    assert kinds >= {
        "payment_requested",
        "registration_waiting",
        "registration_cancelled",
        "place_offered",
        "offer_expired",
    }
    assert {mail.recipients[0] for mail in smtp.messages} == {first.email, second.email}
    for mail in smtp.messages:
        assert EVIL in mail.part("text/plain")
        html = mail.part("text/html")
        assert "&lt;b&gt;" in html
        assert "<b>" not in html
        assert 'href="https://evil' not in html


def test_cancelling_withdraws_what_was_still_to_come_and_is_told_once(event: Event) -> None:
    registration = register(make_ticket(event, price="100.00", payment_days=10))
    assert Message.objects.get(kind="payment_reminder").state == MessageState.QUEUED
    for _ in range(2):
        places.cancel_registration(registration=registration, actor=None, now=NOW + DAY)

    reminder = Message.objects.get(kind="payment_reminder")
    assert (reminder.state, reminder.reason) == (MessageState.CANCELLED, CancelReason.WITHDRAWN)
    assert Message.objects.filter(kind="registration_cancelled").count() == 1


def test_an_outbox_shows_no_mail_of_another_event_to_the_same_person(
    event: Event, as_user: AsUser, organizer: User
) -> None:
    elsewhere = make_event(name="A Secret Meeting")
    here = register(make_ticket(event), "same@example.org")
    there = register(make_ticket(elsewhere), "same@example.org")
    client = as_user(organizer)

    pages = [
        "/organize/food-2027/messages/",
        "/organize/food-2027/messages/?q=same@example.org",
        f"/organize/food-2027/registrations/{here.code}/",
    ]
    for page in pages:
        shown = client.get(page).content.decode()
        assert "same@example.org" in shown
        assert "A Secret Meeting" not in shown
        assert there.code not in shown
    listed = client.get("/api/v1/events/food-2027/messages/").json()["results"]
    assert [message["about"] for message in listed] == [Message.objects.get(event_id=event.pk).about]


def test_the_calendar_entry_is_the_same_to_every_reader(client: Client, event: Event, tmp_path: Path) -> None:
    registration = register(make_ticket(event))
    content = client.get(f"{registration.get_absolute_url()}calendar.ics").content
    (one,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    other = vobject.readOne(content.decode()).vevent
    days = [line.partition(b":")[2] for line in content.split(b"\r\n") if line.startswith((b"DTSTART", b"DTEND"))]

    # Whole days have no zone that could be misread.
    assert (one["DTSTART"].dt, one["DTEND"].dt) == (date(2027, 6, 7), date(2027, 6, 10))
    assert (other.dtstart.value, other.dtend.value) == (date(2027, 6, 7), date(2027, 6, 10))
    assert days == [b"20270607", b"20270610"]
    file = tmp_path / "calendar.ics"
    file.write_bytes(content)
    (third,) = node("ical_js.mjs", file)
    assert (third["start"], third["end"]) == ("2027-06-07T00:00:00.000Z", "2027-06-10T00:00:00.000Z")
    assert str(one["UID"]) == other.uid.value == third["uid"]


@pytest.mark.parametrize("payload", ["=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_no_cell_of_the_workbook_is_a_formula(as_user: AsUser, organizer: User, event: Event, payload: str) -> None:
    make_question(event, "note")
    registration = register(make_ticket(event), answers={"note": "x"})
    type(registration).objects.filter(pk=registration.pk).update(name=payload, affiliation=payload)
    registration.answers.update(value=payload)
    answer = as_user(organizer).get("/organize/food-2027/registrations/export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active  # type: ignore[arg-type]

    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} <= {"s", "n", "d"}
    assert sum(payload.strip() in str(cell.value) for row in sheet.iter_rows() for cell in row) == 3


@pytest.mark.parametrize("before", [datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 10, 30, 20, tzinfo=UTC)])
def test_an_offer_lasts_as_long_on_the_nights_when_clocks_change(before: datetime) -> None:
    event = make_event(starts_on=date(2027, 12, 6), time_zone="Europe/Berlin")
    ticket = make_ticket(event, 1, offer_hours=24)
    first, second = (register(ticket, now=before) for _ in range(2))
    places.cancel_registration(registration=first, actor=None, now=before)

    second.refresh_from_db()
    assert second.offer_expires_at == before + timedelta(hours=24)
    assert promotion.expire_overdue(now=before + timedelta(hours=24, seconds=-1)) == 0
    assert promotion.expire_overdue(now=before + timedelta(hours=24)) == 1
    assert promotion.expire_overdue(now=before + timedelta(hours=24)) == 0


def test_places_are_counted_at_the_isolation_that_production_has() -> None:
    """What the races show holds for this engine and this level."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)
    assert connection.vendor == "postgresql"
    assert "isolation_level" not in connection.settings_dict["OPTIONS"]
