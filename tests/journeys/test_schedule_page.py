"""The published programme in a reader's hands: found, filtered, starred, now, in their own time zone, printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
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


@pytest.fixture
def event() -> Event:
    """Two days in Shanghai: yesterday and today; one session is under way, one begins soon, one was before."""
    now = timezone.now()
    today = now.astimezone(make.ZoneInfo("Asia/Shanghai")).date()
    event = make.make_event("food", starts_on=today - timedelta(days=1), locales=("en", "zh-hans"))
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
        slot.starts_at = now + timedelta(minutes=minutes)
        slot.ends_at = slot.starts_at + timedelta(minutes=45)
        slot.save()
    make.make_slot(event, title="Coffee", kind=SlotKind.BREAK)
    releases.release(event=event, version="1", force=True, actor=None, now=now)
    return event


@pytest.fixture(params=[False, True], ids=["desktop", "phone"])
def page(event: Event, new_context: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> Page:
    context = new_context(phone=request.param, timezone_id="America/Los_Angeles")
    page = context.new_page()
    page.goto("/food/schedule/")
    return page


def shown(page: Page) -> set[str]:
    titles = page.locator(".slot:visible h4")
    return {text.strip() for text in titles.all_inner_texts()}


def tools(page: Page) -> Locator:
    return page.locator("[data-tools]")


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
    assert parse_qs(urlsplit(page.url).query) == {"q": [words]}


def test_filters_stand_in_the_address_and_can_be_shared(page: Page) -> None:
    menu = tools(page).locator("[data-filter=track]")
    assert menu.count() == 0, "one track tells nothing apart"
    language = tools(page).locator("[data-filter=language]")
    language.locator("summary").click()
    language.get_by_label("English").check()
    assert shown(page) == {"Kéfir and its grains", "Tea at yesterday’s lake"}
    check_accessibility(page)

    page.goto(page.url)
    assert shown(page) == {"Kéfir and its grains", "Tea at yesterday’s lake"}
    tools(page).locator("button[type=reset]").click()
    assert "食品科学的未来" in shown(page)
    assert urlsplit(page.url).query == ""


def test_now_and_next(page: Page) -> None:
    tools(page).get_by_label("Now and next").check()
    assert shown(page) == {"食品科学的未来", "Kéfir and its grains"}
    check_accessibility(page)
    check_fits(page)


def test_stars_stay_in_the_browser(page: Page) -> None:
    page.get_by_role("button", name="Star: Kéfir and its grains").click()
    page.reload()
    tools(page).get_by_label("My stars").check()
    assert shown(page) == {"Kéfir and its grains"}
    page.get_by_role("link", name="Kéfir and its grains").click()
    expect(page.get_by_role("button", name="Starred")).to_have_attribute("aria-pressed", "true")


def test_times_on_the_readers_own_clocks(page: Page, event: Event) -> None:
    slot = event.schedules.exclude(version=None).get().slots.get(submission__title__icontains="grains")
    there = slot.starts_at.astimezone(event.tz).strftime("%H:%M")
    here = slot.starts_at.astimezone(make.ZoneInfo("America/Los_Angeles")).strftime("%H:%M")
    clock = page.locator(".slot", has_text="grains").locator(".slot-facts time").first
    expect(clock).to_have_text(there)
    tools(page).get_by_label("My time zone").check()
    expect(clock).to_contain_text(here)
    expect(page.locator("[data-zone-name]")).to_contain_text("America/Los_Angeles")


def test_paper_has_every_day_and_no_buttons(page: Page) -> None:
    page.emulate_media(media="print")
    assert {"食品科学的未来", "Kéfir and its grains", "Tea at yesterday’s lake"} <= shown(page)
    assert not page.locator(".star:visible, [data-tools]:visible").count()


def test_without_scripts_every_day_can_be_reached(event: Event, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto("/food/schedule/")
    assert {"食品科学的未来", "Kéfir and its grains", "Tea at yesterday’s lake"} <= shown(page)
