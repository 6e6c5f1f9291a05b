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

from tests.journeys.conftest import Place
from tests.journeys.programme import TALKS, schedule_json
from tests.journeys.visitor import Visitor, link_in, mails_of, wait_for_mail

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]

SLUG = "sitcon"
#: In different rooms, each by one person.
REMINDED, MOVED_AWAY = (next(talk for talk in TALKS if talk["room"] == room) for room in ("R1", "R2"))
#: A reminder leaves no earlier than its minute and, with beat's steps, not much later.
LATEST = timedelta(seconds=90)


#: (phone, language) of those who walk.
LOOKS = {
    "desktop-en": (False, "en-GB"),
    "phone-zh": (True, "zh-CN"),
    "desktop-zh": (False, "zh-CN"),
    "phone-en": (True, "en-GB"),
}


@dataclass
class Conference:
    place: Place
    organizer: Visitor
    zone: ZoneInfo
    first_day: date
    # When the reminder of the talk that stays is to leave.
    due: datetime | None = None

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


def test_a_conference_from_nothing_to_its_reminders(
    new_place: Callable[..., Place], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Each on an instance of its own; the minutes until the reminders fall due are waited for once, by all together."""
    conferences: dict[str, Conference] = {}
    for name, (phone, language) in LOOKS.items():
        with subtests.test(name):
            place = new_place(name, phone=phone, language=language)
            began = time.monotonic()
            zone = _zone()
            conference = Conference(place, place.meet("yan@hosts.example"), zone, datetime.now(zone).date())
            sign_up(conference.organizer)
            make_event(conference)
            import_programme(conference, tmp_path)
            name_addresses(conference)
            set_reminder(conference)
            publish_schedule(conference, "1.0")
            open_registration(conference)
            publish_event(conference)
            someone_waits_and_gets_the_place(place.meet)
            # Moving them takes less than all of this did, however busy the machine is.
            two_talks_begin_soon_and_one_is_moved_away(conference, timedelta(seconds=time.monotonic() - began))
            conferences[name] = conference
    for name, conference in conferences.items():
        with subtests.test(f"{name}: the reminder"):
            a_reminder_comes_at_its_minute(conference)
    # Two more rounds of beat: nothing comes twice, and nothing at the time that no longer holds.
    time.sleep(25)
    for name, conference in conferences.items():
        with subtests.test(f"{name}: no other"):
            no_other_reminder_has_come(conference)


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


def name_addresses(conference: Conference) -> None:
    """Imported programmes carry names, and mail needs addresses."""
    organizer = conference.organizer
    for talk in (REMINDED, MOVED_AWAY):
        (name,) = [speaker["name"] for speaker in talk["speakers"]]
        organizer.open(conference.page("speakers/"))
        organizer.page.get_by_role("link", name=name, exact=True).click()
        organizer.look()
        organizer.send(email=address_of(talk))


def set_reminder(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("reminders/new/"))
    organizer.send(whom="slot:speakers", amount="1", unit="hours")


def publish_schedule(conference: Conference, version: str) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("releases/"))
    organizer.send("main form:has([name=version])", version=version)
    assert version in organizer.text()


def open_registration(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("tickets/"))
    organizer.open(conference.page("quotas/new/"))
    organizer.send(name="Seats", size="1")
    organizer.open(conference.page("tickets/new/"))
    organizer.send(name_0="On campus", name_1="现场参会", waiting_list="on")
    organizer.open(conference.page("questions/new/"))
    organizer.page.locator("details:has([name=identifier]) > summary").click()
    organizer.send(label_0="What do you eat?", label_1="饮食要求？", kind="text", identifier="meals")


def publish_event(conference: Conference) -> None:
    organizer = conference.organizer
    organizer.open(conference.page("state/"))
    organizer.page.locator("form:has([name=state][value=live]) button").click()
    organizer.look()
    organizer.open(f"/{SLUG}/")


def someone_waits_and_gets_the_place(meet: Callable[[str], Visitor]) -> None:
    first, second = meet("amina@guests.example"), meet("li.na@guests.example")
    for person, name, kind in (
        (first, "Amina Diallo", "registration_confirmed"),
        (second, "Li Na", "registration_waiting"),
    ):
        person.open(f"/{SLUG}/")
        person.open(f"/{SLUG}/schedule/")
        person.open(f"/{SLUG}/register/")
        person.send(name=name, email=person.email, answer_meals="halal")
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


def two_talks_begin_soon_and_one_is_moved_away(conference: Conference, time_to_do_so: timedelta) -> None:
    """Both are to begin at one minute, an hour from now and a little. One is moved away before its reminder falls due."""
    smtp = conference.place.smtp
    kept, away = address_of(REMINDED), address_of(MOVED_AWAY)
    for address in (kept, away):
        wait_for_mail(smtp, address, "slot_published")
    earliest = datetime.now(conference.zone) + timedelta(hours=1) + time_to_do_so
    begins = earliest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    conference.due = begins - timedelta(hours=1)
    move(conference, REMINDED, begins)
    move(conference, MOVED_AWAY, begins)
    publish_schedule(conference, "2.0")
    for address in (kept, away):
        moved = wait_for_mail(smtp, address, "slot_moved")
        assert begins.strftime("%H:%M") in moved.part("text/plain")
        assert "METHOD:REQUEST" in moved.part("text/calendar")
    move(conference, MOVED_AWAY, begins + timedelta(hours=2))
    publish_schedule(conference, "3.0")
    assert datetime.now(UTC) < conference.due, "this machine is too slow for the minutes that the journey has"
    assert not mails_of(smtp, kept, "slot_reminder")


def a_reminder_comes_at_its_minute(conference: Conference) -> None:
    assert conference.due
    latest = conference.due + LATEST
    # Where it is past that already, the reminder has come while others walked, or not at all.
    seconds = max((latest - datetime.now(UTC)).total_seconds(), 0)
    reminder = wait_for_mail(conference.place.smtp, address_of(REMINDED), "slot_reminder", seconds=seconds)
    assert conference.due <= reminder.at <= latest


def no_other_reminder_has_come(conference: Conference) -> None:
    smtp = conference.place.smtp
    kept, away = address_of(REMINDED), address_of(MOVED_AWAY)
    assert len(mails_of(smtp, kept, "slot_reminder")) == 1
    assert not mails_of(smtp, away, "slot_reminder")
    conference.organizer.open(conference.page("messages/"))
    assert kept in conference.organizer.text()


def move(conference: Conference, talk: dict[str, Any], begins: datetime) -> None:
    organizer = conference.organizer
    for day in (conference.first_day, conference.last_day):
        organizer.open(conference.page(f"schedule/?day={day.isoformat()}"))
        if (link := organizer.page.locator(".editor-slot > p > a", has_text=talk["title"])).count():
            link.first.click()
            break
    else:
        raise AssertionError(f"{talk['title']} stands on no day")
    organizer.look()
    organizer.send(
        day=begins.date().isoformat(),
        starts=begins.strftime("%H:%M"),
        ends=(begins + timedelta(minutes=30)).strftime("%H:%M"),
    )


def address_of(talk: dict[str, Any]) -> str:
    return f"speaker-{talk['id']}@speakers.example"
