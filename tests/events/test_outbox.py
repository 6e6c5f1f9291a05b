"""What an organizer reads of one mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.models import User
from events.models import Event
from notifications.kinds import ORGANIZERS_MESSAGE
from notifications.models import Message
from notifications.notices import CalendarPart, Notice, Recipient
from notifications.services import ledger
from tests.personae import AsUser

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ({"start": "2027-06-07T09:00:00+08:00", "end": "2027-06-07T09:30:00+08:00"}, "Mon, 7 Jun 09:00–09:30"),
        ({"start": "2027-06-07", "end": "2027-06-10"}, "Jun"),
    ],
)
@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_an_organizer_reads_what_a_mail_does_to_the_calendar(
    organizer: User, as_user: AsUser, event: Event, part: dict[str, str], shown: str, method: str
) -> None:
    calendar = CalendarPart(
        method=method,
        uid="u@example.org",
        sequence=3,
        time_zone="Asia/Shanghai",
        summary="<b>Kefir",
        location="Hall",
        **part,
    )
    notice = Notice(
        to=Recipient(email="a@example.org"),
        about="slot:1",
        context={"subject": "x", "text": "y"},
        event_id=event.pk,
        calendar=calendar,
    )
    ledger.notify(kind=ORGANIZERS_MESSAGE, notice=notice, now=NOW)
    page = as_user(organizer).get(f"/organize/{event.slug}/messages/{Message.objects.latest('pk').pk}/")
    (entry,) = page.context["entries"]
    assert shown in entry["when"]
    assert (entry["is_cancelled"], entry["place"], entry["sequence"]) == (method == "CANCEL", "Hall", 3)
    text = page.content.decode()
    assert "&lt;b&gt;Kefir" in text
    assert f"METHOD:{method}" in text
    assert ("taken out" in text) == (method == "CANCEL")
