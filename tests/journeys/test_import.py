"""An organizer brings a file, sees that it is being read, what it changes, and takes it over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from events.models import Event, Permission
from scheduling.models import Schedule
from scheduling.services.import_steps import ImportStep
from tests.browser import check_accessibility, check_fits
from tests.factories import scheduling as make

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.django_db(transaction=True)]

PROGRAMME = b"title,start,duration,room,speakers\nKefir,2027-06-07 09:00,30,Hall,Li Na\nTea,2027-06-07 10:00,30,Hall,\n"


FILE = {"name": "programme.csv", "mimeType": "text/csv", "buffer": PROGRAMME}


def open_import(context: BrowserContext, site: str, event: Event) -> Page:
    client = Client()
    client.force_login(make.make_organizer(event, Permission.EDIT_PROGRAMME))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
    page = context.new_page()
    page.goto(f"/organize/{event.slug}/import/")
    return page


@contextmanager
def held(row: Model) -> Iterator[None]:
    """Somebody else holds the row: an import waits where it needs it."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(f'SELECT 1 FROM "{row._meta.db_table}" WHERE id = %s FOR UPDATE', [row.pk])
        yield
    finally:
        other.close()


#: Says what stands above the buttons, each time that it changes. `done` is null while the bar only says that it is under way.
REPORT = """new MutationObserver(() => {
    const work = document.querySelector('main .work');
    if (work?.querySelector('.work-step')) console.debug(JSON.stringify({
        status: work.querySelector('[role=status]').textContent,
        step: work.querySelector('.work-step').textContent,
        done: work.querySelector('progress:indeterminate') ? null : work.querySelector('progress').value,
    }));
}).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });"""


class Watched:
    """A page that tells what it shows: Chromium lets nobody look into one whose form is on its way."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._seen: list[dict[str, str | float | None]] = []
        page.on("console", self._heard)
        page.add_init_script(REPORT)
        page.reload()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "debug":
            self._seen.append(json.loads(message.text))

    def shows(self, **wanted: str | float | None) -> None:
        """Wait until it does."""
        for _ in range(200):
            if self._seen and self._seen[-1] == wanted:
                return
            self._page.wait_for_timeout(50)
        raise AssertionError(f"{self._seen}, not {wanted} in the end")


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_file_is_read_looked_at_and_taken_over(
    new_context: Callable[..., BrowserContext], site: str, phone: bool
) -> None:
    event = make.make_event("food")
    page = open_import(new_context(phone=phone), site, event)
    page.set_input_files("main input[type=file]", FILE)
    # Held back, so that there is time to look.
    page.evaluate("document.addEventListener('submit', (event) => event.preventDefault())")
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("status").filter(has_text="being read")).to_be_visible()
    check_accessibility(page)

    page.goto("/organize/food/import/")
    page.set_input_files("main input[type=file]", FILE)
    page.locator("main form button[type=submit]").click()
    expect(page.get_by_role("row").filter(has_text="Kefir")).to_contain_text("Li Na")
    check_accessibility(page)
    check_fits(page)
    page.get_by_role("button", name="Take it over").click()
    expect(page.get_by_text("2 sessions added")).to_be_visible()
    assert event.submissions.count() == 2


def test_the_bar_moves_while_a_file_is_compared_and_while_it_is_taken_over(
    new_context: Callable[..., BrowserContext], site: str
) -> None:
    event = make.make_event("food")
    draft, speaker = Schedule.objects.draft_of(event), make.make_speaker(event, name="Li Na")
    page = open_import(new_context(), site, event)
    watched = Watched(page)
    page.set_input_files("main input[type=file]", FILE)

    for button, status in (
        ("Read the file", "The file is being read …"),
        ("Take it over", "The programme is being taken over …"),
    ):
        with held(speaker):
            with held(draft):
                page.get_by_role("button", name=button).click(no_wait_after=True)
                watched.shows(status=status, step="Opening the draft", done=ImportStep.DRAFT.done)
            # What is read out stays the same: steps are beside it.
            watched.shows(status=status, step="Speakers", done=ImportStep.SPEAKERS.done)
        expect(page.locator("main progress")).to_have_count(0)
    expect(page.get_by_text("2 sessions added")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_bar_can_be_read_by_everybody(
    new_context: Callable[..., BrowserContext], site: str, phone: bool, language: str
) -> None:
    event = make.make_event("food")
    page = open_import(new_context(phone=phone, language=language), site, event)
    page.set_input_files("main input[type=file]", FILE)
    # The answer goes into a tab of its own, so that there is time to look at this one.
    page.locator("main form").evaluate("form => { form.target = '_blank'; }")
    # The tab is there once it has been answered.
    with page.expect_popup() as tab, held(Schedule.objects.draft_of(event)):
        page.locator("main form button[type=submit]").click()
        expect(page.locator(".work-step")).to_have_text("正在打开草稿" if language == "zh-CN" else "Opening the draft")
        expect(page.locator("main progress")).to_have_js_property("value", ImportStep.DRAFT.done)
        check_accessibility(page)
        check_fits(page)
    # The server is done with it before the next test has the database.
    expect(tab.value.get_by_role("row").filter(has_text="Kefir")).to_contain_text("Li Na")


@pytest.mark.parametrize("answer", [None, 404, 500, 200], ids=["no answer", "not found", "fault", "another page"])
def test_where_nobody_can_say_how_far_it_is_the_page_says_that_it_is_under_way(
    new_context: Callable[..., BrowserContext], site: str, answer: int | None
) -> None:
    event = make.make_event("food")
    page = open_import(new_context(), site, event)
    watched = Watched(page)
    page.set_input_files("main input[type=file]", FILE)
    page.route(
        "**/import/progress/**", lambda route: route.fulfill(status=answer, body="<p>") if answer else route.abort()
    )
    with held(Schedule.objects.draft_of(event)):
        with page.expect_request("**/import/progress/**"):
            page.get_by_role("button", name="Read the file").click(no_wait_after=True)
        watched.shows(status="The file is being read …", step="", done=None)
    expect(page.get_by_role("row").filter(has_text="Kefir")).to_contain_text("Li Na")


def test_without_scripts_a_file_is_read_and_taken_over(new_context: Callable[..., BrowserContext], site: str) -> None:
    event = make.make_event("food")
    page = open_import(new_context(java_script_enabled=False), site, event)
    page.set_input_files("main input[type=file]", FILE)
    page.get_by_role("button", name="Read the file").click()
    page.get_by_role("button", name="Take it over").click()
    expect(page.get_by_text("2 sessions added")).to_be_visible()
