"""Registration as browsers of other time zones show it: days do not shift, and instants are the event's, with the zone named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, Page, expect

from events.models import Event
from registrations.models import Registration
from scheduling.services import releases
from tests.factories import scheduling as make
from tests.factories.registrations import cancel, make_product, make_question, make_ticket, register

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.django_db(transaction=True),
]

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: Where the event is; 12 or 13 hours behind it; 5 ahead, beyond the date line; and a quarter of an hour off all of them.
ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"]


@pytest.fixture
def event() -> Event:
    """In two months, in Shanghai; its workshop begins half an hour after midnight, when most of the world has another day."""
    event = make.make_event("food", starts_on=timezone.localdate(timezone=SHANGHAI) + timedelta(days=60))
    make.make_talk(event, "Workshop", "00:30")
    releases.release(event=event, version="1", actor=None, now=timezone.now())
    return Event.objects.get(pk=event.pk)


@pytest.fixture(params=ZONES)
def page(event: Event, new_context: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> Page:
    return new_context(timezone_id=request.param).new_page()


def in_words(instant: datetime) -> str:
    local = instant.astimezone(SHANGHAI)
    return f"{local:%A, %B} {local.day}, {local.year}, {local:%H:%M} China Standard Time (UTC+08:00)"


def test_a_registration_says_the_days_and_times_of_the_event(event: Event, page: Page) -> None:
    opens = datetime.combine(event.starts_on - timedelta(days=30), time(0, 30), SHANGHAI)
    make_ticket(event, name={"en": "Regular"}, price="100.00")
    make_ticket(event, name={"en": "Late"}, available_from=opens)
    first, last = event.starts_on, event.ends_on
    make_question(event, "arrival", "date", label={"en": "When do you arrive?"})
    make_question(event, "departure", "date", label={"en": "When do you leave?"})

    page.goto("/food/register/")
    expect(page.get_by_text(f"Opens {in_words(opens)}")).to_be_visible()
    page.get_by_label("Regular").check()
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("When do you arrive?").fill(first.isoformat())
    page.get_by_label("When do you leave?").fill(last.isoformat())
    page.get_by_role("button", name="Register", exact=True).click()
    page.wait_for_url("**/registrations/**")

    registration = Registration.objects.get()
    assert {answer.question.identifier: answer.value for answer in registration.answers.all()} == {
        "arrival": first.isoformat(),
        "departure": last.isoformat(),
    }
    assert registration.payment_due_at
    expect(page.get_by_text(f"Your place is kept until {in_words(registration.payment_due_at)}.")).to_be_visible()
    for term, day in (("When do you arrive?", first), ("When do you leave?", last)):
        expect(fact(page, term)).to_have_text(f"{day:%A, %B} {day.day}, {day.year}")
    expect(fact(page, "When", exact=True)).to_contain_text(str(last.day))

    page.get_by_role("link", name="Change", exact=True).click()
    expect(page.get_by_label("When do you arrive?")).to_have_value(first.isoformat())
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/registrations/**")
    assert registration.answers.get(question__identifier="arrival").value == first.isoformat()


def test_a_place_and_its_calendar_are_of_the_events_days(event: Event, page: Page) -> None:
    registration = register(make_ticket(event), now=timezone.now())
    page.goto(f"/food/registrations/{registration.code}/{registration.secret}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Add to calendar").click()
    (entry,) = icalendar.Calendar.from_ical(download.value.path().read_bytes()).walk("VEVENT")
    assert (entry.start, entry.end) == (event.starts_on, event.ends_on + timedelta(days=1))

    # The code and the line under it stand below each other.
    code, line = (page.locator(selector).bounding_box() for selector in (".qr", "aside > p"))
    assert code
    assert line
    assert abs(code["x"] + code["width"] / 2 - line["x"] - line["width"] / 2) < 1


def test_an_offer_ends_when_the_page_says(event: Event, page: Page) -> None:
    ticket = make_ticket(event, 1, offer_hours=30)
    workshop = make_product(event, 1, name={"en": "Workshop"}, offer_hours=30)
    held = register(ticket, now=timezone.now(), products=[(workshop, 1)])
    behind = register(ticket, now=timezone.now(), products=[(workshop, 1)])
    cancel(held, now=timezone.now())
    behind.refresh_from_db()
    page.goto(f"/food/registrations/{behind.code}/{behind.secret}/")
    ends = {behind.offer_expires_at, *behind.lines.values_list("offer_expires_at", flat=True)} - {None}
    assert ends
    for instant in ends:
        expect(page.get_by_text(f"Until {in_words(instant)}.").first).to_be_visible()


def test_a_session_is_read_in_the_events_time_and_in_ones_own(
    event: Event, new_context: Callable[..., BrowserContext]
) -> None:
    """Half past midnight of a Monday in Wuxi is Sunday in New York."""
    begins = datetime.combine(event.starts_on, time(0, 30), SHANGHAI)
    for zone in ZONES:
        page = new_context(timezone_id=zone).new_page()
        page.goto("/food/schedule/")
        clock = page.locator(".slot", has_text="Workshop").locator(".slot-facts time").first
        expect(clock).to_have_text("00:30")
        here = begins.astimezone(ZoneInfo(zone))
        switch = page.get_by_label("My time zone")
        if zone == "Asia/Shanghai":
            expect(switch).to_be_hidden()
            continue
        switch.check()
        day = "" if here.date() == begins.date() else f"{here:%a} "
        expect(clock).to_have_text(f"{day}{here:%H:%M}")
        # By the name that the browser has for it, such as Asia/Katmandu.
        named = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
        expect(page.locator("[data-zone-name]").first).to_contain_text(named)


def fact(page: Page, term: str, *, exact: bool = False) -> Locator:
    return page.locator("dt", has=page.get_by_text(term, exact=exact)).locator("xpath=following-sibling::dd[1]")
