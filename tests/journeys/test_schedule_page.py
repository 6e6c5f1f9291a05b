"""The published programme in a reader's hands: found, filtered, starred, now, in their own time zone, printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.db import models
from playwright.sync_api import BrowserContext, Locator, Page, expect

from events.models import Event
from scheduling.models import SlotKind
from scheduling.services import releases
from tests.browser import check_accessibility, check_fits
from tests.factories import scheduling as make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.django_db(transaction=True),
]

NOW = datetime(2027, 6, 8, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def event() -> Event:
    """Two days in Shanghai: yesterday and today; one session is under way, one begins soon, one was before."""
    event = make.make_event("food", starts_on=NOW.date() - timedelta(days=1), locales=("en", "zh-hans"))
    hall, small, other = (make.make_room(event, name) for name in ("大礼堂", "Salle Lumière", "Boathouse"))
    track = make.make_track(event, "Fermentation")
    sessions = [
        ("食品科学的未来", "江南", hall, -20, None, "zh-hans"),
        ("Kéfir and its grains", "Zoë Müller", small, 30, track, "en"),
        ("Tea at yesterday’s lake", "Li Na", other, -24 * 60, track, "en"),
    ]
    for title, name, room, minutes, of_track, language in sessions:
        submission = make.make_submission(
            event, title, speakers=[make.make_speaker(event, name)], track=of_track, language=language
        )
        slot = make.make_slot(event, room=room, submission=submission)
        slot.starts_at = NOW + timedelta(minutes=minutes)
        slot.ends_at = slot.starts_at + timedelta(minutes=45)
        slot.save()
    make.make_slot(event, title="Coffee", kind=SlotKind.BREAK)
    releases.release(event=event, version="1", force=True, actor=None, now=NOW)
    return event


Reader = Callable[..., Page]


@pytest.fixture
def reader(event: Event, new_context: Callable[..., BrowserContext]) -> Reader:
    """Opens the schedule in a browser whose clock stands at `NOW`."""

    def open_schedule(address: str = "/food/schedule/", **options: Any) -> Page:
        context = new_context(**options)
        context.clock.set_fixed_time(NOW)
        page = context.new_page()
        page.goto(address)
        return page

    return open_schedule


@pytest.fixture(params=[False, True], ids=["desktop", "phone"])
def page(reader: Reader, request: pytest.FixtureRequest) -> Page:
    return reader(phone=request.param, timezone_id="America/Los_Angeles")


def shown(page: Page) -> set[str]:
    titles = page.locator(".slot:visible h4")
    return {text.strip() for text in titles.all_inner_texts()}


def tools(page: Page) -> Locator:
    return page.locator("[data-tools]")


def address(page: Page) -> str:
    """As the page itself knows it: Playwright hears of a change a moment later."""
    found: str = page.evaluate("location.href")
    return found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("shipin kexue", "食品科学的未来"),
        ("spkx", "食品科学的未来"),
        ("jiangnan", "食品科学的未来"),
        ("食品", "食品科学的未来"),
        ("dalitang", "食品科学的未来"),
        ("kefir MULLER", "Kéfir and its grains"),
        ("lumiere", "Kéfir and its grains"),
    ],
)
def test_a_session_is_found_in_chinese_in_pinyin_and_without_accents(page: Page, words: str, found: str) -> None:
    tools(page).locator("[name=q]").fill(words)
    expect(page.locator("[data-found]")).to_contain_text("1")
    assert shown(page) == {found}
    assert parse_qs(urlsplit(address(page)).query) == {"q": [words]}


def test_filters_stand_in_the_address_and_can_be_shared(page: Page) -> None:
    menu = tools(page).locator("[data-filter=track]")
    assert menu.count() == 0, "one track tells nothing apart"
    language = tools(page).locator("[data-filter=language]")
    language.locator("summary").click()
    language.get_by_label("English").check()
    assert shown(page) == {"Kéfir and its grains", "Tea at yesterday’s lake"}
    check_accessibility(page)

    page.goto(address(page))
    assert shown(page) == {"Kéfir and its grains", "Tea at yesterday’s lake"}
    tools(page).locator("button[type=reset]").click()
    assert "食品科学的未来" in shown(page)
    assert urlsplit(address(page)).query == ""


def test_a_filter_is_linked_to_in_every_language_and_stays_in_later_releases(page: Page, event: Event) -> None:
    room = tools(page).locator("[data-filter=room]")
    room.locator("summary").click()
    room.get_by_label("Salle Lumière").check()
    link = address(page)
    assert shown(page) >= {"Kéfir and its grains"}
    # A room more, and first in line: numbers would now mean other rooms.
    first = make.make_room(event, "Annex")
    event.event_rooms.update(position=models.F("position") + 1)
    event.event_rooms.filter(room=first).update(position=0)
    make.make_talk(event, "In the annex", room=first)
    releases.release(event=event, version="2", force=True, actor=None, now=NOW)

    page.goto(f"{link}&lang=zh-hans")

    assert page.evaluate("document.documentElement.lang") == "zh-hans"
    assert "Kéfir and its grains" in shown(page)
    assert "In the annex" not in shown(page)


def test_rooms_alone_are_the_columns_of_the_grid_and_breaks_stay(event: Event, reader: Reader) -> None:
    page = reader()
    room = tools(page).locator("[data-filter=room]")
    room.locator("summary").click()
    room.get_by_label("Salle Lumière").check()
    assert set(page.locator(".plan-room:visible").all_inner_texts()) == {"Salle Lumière"}
    assert shown(page) == {"Kéfir and its grains"}
    wide = page.locator(".slot", has_text="grains").bounding_box()
    assert wide
    assert wide["width"] > 1000
    # Breaks take every room; this one is on the other day.
    page.get_by_role("navigation", name="Days").get_by_role("link").first.click()
    assert shown(page) == {"Coffee"}

    tools(page).get_by_role("button", name="Show all").click()
    assert shown(page) > {"Coffee"}


def test_what_was_found_can_be_narrowed_to_a_day_and_linked_to(page: Page) -> None:
    tools(page).locator("[name=q]").fill("yesterday")
    days = page.get_by_role("navigation", name="Days").get_by_role("link")
    expect(days.first).to_have_attribute("aria-current", "true")
    assert days.all_inner_texts()[0] == "All days"
    assert [day.get_attribute("data-hits") for day in days.all()] == [None, "1", "0"]

    days.nth(2).click()
    assert shown(page) == set()
    expect(page.locator("[data-nothing]")).to_be_visible()
    check_accessibility(page)
    page.goto(address(page))
    assert shown(page) == set()
    days.nth(1).click()
    assert shown(page) == {"Tea at yesterday’s lake"}
    days.first.click()
    assert urlsplit(address(page)).fragment == ""

    days.nth(2).click()
    page.locator("[data-nothing]").get_by_role("button", name="Show all").click()
    assert "食品科学的未来" in shown(page), "the day that was asked for, without the search"


def test_without_a_star_the_tab_says_how_to_get_one(page: Page) -> None:
    page.get_by_label("My stars").check()
    expect(page.locator("[data-no-stars]")).to_be_visible()
    expect(page.locator("[data-nothing]")).to_be_hidden()
    check_accessibility(page)
    check_fits(page)
    page.get_by_role("navigation", name="Days").get_by_role("link").last.click()
    assert not page.get_by_label("My stars").is_checked()
    assert "食品科学的未来" in shown(page)


def test_a_talk_in_a_block_is_found_by_its_own_track(event: Event, reader: Reader) -> None:
    room = event.event_rooms.first().room
    block = make.make_slot(event, "11:00", minutes=60, room=room, kind=SlotKind.BLOCK, title={"en": "Block"})
    track = make.make_track(event, "Brewing")
    submission = make.make_submission(event, "In the block", track=track)
    make.make_slot(event, "11:00", room=room, parent=block, submission=submission)
    releases.release(event=event, version="2", force=True, actor=None, now=NOW)
    page = reader(f"/food/schedule/?track={track.pk}")
    assert shown(page) == {"Block"}


def test_the_keyboard_alone_reaches_days_filters_sessions_and_stars(event: Event, reader: Reader) -> None:
    page = reader()
    tools(page).locator("[name=q]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert urlsplit(address(page)).query.startswith("room=")
    page.keyboard.press("Escape")
    assert not tools(page).locator("details[open]").count()
    tools(page).get_by_role("button", name="Show all").focus()
    page.keyboard.press("Enter")
    page.get_by_label("My stars").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-no-stars]")).to_be_visible()
    page.keyboard.press("Space")
    link = page.get_by_role("link", name="Kéfir and its grains")
    link.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Star: Kéfir and its grains")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("[data-star-count]")).to_have_text("(1)")


def test_now_and_next(page: Page) -> None:
    page.get_by_label("Now and next").check()
    assert shown(page) == {"食品科学的未来", "Kéfir and its grains"}
    check_accessibility(page)
    check_fits(page)


def test_stars_stay_in_the_browser(page: Page) -> None:
    page.get_by_role("button", name="Star: Kéfir and its grains").click()
    page.reload()
    page.get_by_label("My stars").check()
    assert shown(page) == {"Kéfir and its grains"}
    page.get_by_role("link", name="Kéfir and its grains").click()
    expect(page.get_by_role("button", name="Starred")).to_have_attribute("aria-pressed", "true")


def test_times_on_the_readers_own_clocks(page: Page, event: Event) -> None:
    slot = event.schedules.exclude(version=None).get().slots.get(submission__title__icontains="grains")
    there = slot.starts_at.astimezone(event.tz).strftime("%H:%M")
    here = slot.starts_at.astimezone(ZoneInfo("America/Los_Angeles")).strftime("%H:%M")
    clock = page.locator(".slot", has_text="grains").locator(".slot-facts time").first
    expect(clock).to_have_text(there)
    page.get_by_label("My time zone").check()
    expect(clock).to_contain_text(here)
    expect(page.locator("[data-zone-name]")).to_contain_text("America/Los_Angeles")


GEOMETRY = """() => [...document.querySelectorAll('[data-shown] .slot, [data-shown] .plan-time, [data-shown] .plan-room')]
    .map(node => { const box = node.getBoundingClientRect(); return [box.x, box.y, box.width, box.height].map(Math.round); })"""


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_readers_zone_neither_stretches_nor_shifts_the_grid(event: Event, reader: Reader, zone: str) -> None:
    """The one thing that the zone may change is the words of a time."""
    at_home = reader(timezone_id="Asia/Shanghai")
    abroad = reader(timezone_id=zone)
    assert shown(abroad) == shown(at_home)
    expected = at_home.evaluate(GEOMETRY)
    heights = {height for *_place, height in expected}
    assert max(heights) > 50
    assert abroad.evaluate(GEOMETRY) == expected

    abroad.get_by_label("My time zone").check()

    assert abroad.evaluate(GEOMETRY) == expected
    assert shown(abroad) == shown(at_home)
    links = abroad.get_by_role("navigation", name="Days").get_by_role("link").all_inner_texts()
    assert links == at_home.get_by_role("navigation", name="Days").get_by_role("link").all_inner_texts()
    places = {page.locator(".now-line").evaluate("line => line.style.insetBlockStart") for page in (at_home, abroad)}
    assert len(places) == 1


def test_a_talk_is_as_high_as_it_is_long_and_lines_do_not_run_through_it(event: Event, reader: Reader) -> None:
    day = event.starts_on
    for title, clock, minutes in [("Half", "07:00", 30), ("Whole", "07:30", 60), ("Double", "08:30", 120)]:
        make.make_talk(event, title, clock, minutes=minutes, room=event.event_rooms.first().room)
    make.make_talk(event, "Meanwhile", "09:15", room=event.event_rooms.last().room)
    releases.release(event=event, version="2", force=True, actor=None, now=NOW)
    page = reader(f"/food/schedule/#day-{day.isoformat()}")
    height = {
        title: page.locator(".slot", has_text=title).bounding_box()["height"] + 2
        for title in ("Half", "Whole", "Double")
    }
    assert abs(height["Whole"] - 2 * height["Half"]) < 2
    assert abs(height["Double"] - 4 * height["Half"]) < 3
    line = page.locator(".plan-time", has_text="09:15").bounding_box()
    double = page.locator(".slot", has_text="Double").bounding_box()
    is_over = page.evaluate(
        "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.slot'))",
        [double["x"] + 20, line["y"]],
    )
    assert is_over


def test_paper_has_every_day_and_no_buttons(page: Page) -> None:
    page.emulate_media(media="print")
    assert {"食品科学的未来", "Kéfir and its grains", "Tea at yesterday’s lake"} <= shown(page)
    assert not page.locator(".star:visible, [data-tools]:visible").count()
    check_fits(page)
    title = page.locator(".slot h4", has_text="grains").bounding_box()
    assert title["width"] > 200, "a list, also on wide paper"


def test_without_scripts_every_day_can_be_reached(reader: Reader) -> None:
    page = reader(java_script_enabled=False)
    assert {"食品科学的未来", "Kéfir and its grains", "Tea at yesterday’s lake"} <= shown(page)
