"""From a star to a calendar that follows, without an account, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import icalendar
import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from events.models import Event
from scheduling.models import Agenda, AgendaItem
from scheduling.services import releases
from tests.browser import check_accessibility, check_fits
from tests.factories import scheduling as make
from tests.factories.registrations import make_ticket, register
from tests.factories.scheduling import NOW

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def event() -> Event:
    event = make.make_event("food", days=1, locales=("en", "zh-hans"))
    for title, clock in (("Kefir", "09:00"), ("Tea", "10:00"), ("食品科学的未来", "11:00")):
        make.make_talk(event, title, clock)
    releases.release(event=event, version="1", actor=None, now=NOW)
    return event


@pytest.fixture(params=[False, True], ids=["desktop", "phone"])
def page(event: Event, new_context: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> Page:
    page = new_context(phone=request.param).new_page()
    page.goto("/food/schedule/")
    return page


def star(page: Page, title: str) -> None:
    page.locator(".slot").filter(has_text=title).get_by_role("button", name="Star").click()


def followed(address: str) -> set[str]:
    answer = Client().get(urlsplit(address).path)
    assert answer.status_code == 200
    return {str(entry["SUMMARY"]) for entry in icalendar.Calendar.from_ical(answer.content).walk("VEVENT")}


def wait_until(page: Page, condition: Callable[[], Any]) -> None:
    for _attempt in range(100):
        if condition():
            return
        page.wait_for_timeout(100)
    pytest.fail("It did not come to be.")


def test_stars_get_into_a_calendar_and_later_ones_follow(page: Page) -> None:
    opener = page.get_by_role("button", name="My stars in my calendar")
    expect(opener).to_be_hidden()
    star(page, "Kefir")
    opener.click()
    dialog = page.get_by_role("dialog", name="My sessions in my calendar")
    expect(dialog).to_be_visible()
    check_accessibility(page)
    check_fits(page)
    dialog.get_by_role("button", name="Get my address").click()
    subscribe = dialog.get_by_role("link", name="Subscribe in my calendar")
    expect(subscribe).to_be_focused()
    address = dialog.get_by_label("Address of my calendar").input_value()
    assert subscribe.get_attribute("href") == address.replace("http://", "webcal://")
    assert followed(address) == {"Kefir"}
    check_accessibility(page)
    check_fits(page)

    dialog.get_by_role("button", name="Done").click()
    star(page, "Tea")
    wait_until(page, lambda: followed(address) == {"Kefir", "Tea"})
    # On a session's own page, and gone from it at once.
    page.get_by_role("link", name="食品科学的未来").click()
    page.get_by_role("button", name="Star").click()
    page.goto("/food/speakers/")
    wait_until(page, lambda: followed(address) == {"Kefir", "Tea", "食品科学的未来"})
    page.goto("/food/schedule/")
    star(page, "Kefir")
    wait_until(page, lambda: followed(address) == {"Tea", "食品科学的未来"})

    page.get_by_role("button", name="My stars in my calendar").click()
    assert dialog.get_by_label("Address of my calendar").input_value() == address
    dialog.get_by_role("button", name="Stop and forget the address").click()
    expect(dialog.get_by_role("button", name="Get my address")).to_be_focused()
    assert not Agenda.objects.exists()
    assert Client().get(urlsplit(address).path).status_code == 404


def test_what_fails_says_so_and_can_be_tried_again(page: Page) -> None:
    star(page, "Kefir")
    page.get_by_role("button", name="My stars in my calendar").click()
    page.context.set_offline(True)
    page.get_by_role("button", name="Get my address").click()
    expect(page.get_by_role("alert")).to_have_text("That did not work. Please try again in a minute.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Get my address").click()
    expect(page.get_by_role("link", name="Subscribe in my calendar")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_an_agenda_that_was_swept_is_forgotten_by_the_browser(page: Page) -> None:
    star(page, "Kefir")
    page.get_by_role("button", name="My stars in my calendar").click()
    page.get_by_role("button", name="Get my address").click()
    expect(page.get_by_role("link", name="Subscribe in my calendar")).to_be_visible()
    Agenda.objects.all().delete()
    page.get_by_role("button", name="Done").click()
    star(page, "Tea")
    wait_until(page, lambda: page.evaluate("localStorage.getItem('lihu:agenda:food')") is None)


def test_who_registered_is_reminded_of_stars_with_one_button(page: Page, event: Event) -> None:
    event.refresh_from_db()
    own = register(make_ticket(event), now=NOW).get_absolute_url()
    page.goto(own)
    # No star in this browser: the address of an agenda is asked for.
    expect(page.get_by_label("Address of your agenda")).to_be_visible()
    check_accessibility(page)

    page.goto("/food/schedule/")
    star(page, "Kefir")
    page.goto(own)
    expect(page.get_by_label("Address of your agenda")).to_be_hidden()
    check_accessibility(page)
    check_fits(page)
    page.get_by_role("button", name="Remind me of what I star").click()
    section = page.locator("#agenda")
    expect(section).to_contain_text("You are reminded of 1 session,")

    page.goto("/food/schedule/")
    star(page, "Tea")
    wait_until(page, lambda: AgendaItem.objects.count() == 2)
    page.goto(own)
    expect(section).to_contain_text("You are reminded of 2 sessions,")
    section.get_by_role("button", name="Do not remind me any more").click()
    page.get_by_role("button", name="Remind me of what I star").click()
    expect(section).to_contain_text("You are reminded of 2 sessions,")
    assert Agenda.objects.count() == 1
