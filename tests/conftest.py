"""Fixtures that every app's tests share. Services are started by tests/services.py."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests import browser as chromium
from tests.smtp import SmtpSink

pytest_plugins = ["tests.personae"]

#: Modules whose tests take longest, the longest first.
LONG: Final = (
    "tests.journeys.test_first_conference",
    "tests.journeys.test_lighthouse",
    "tests.journeys.test_every_page",
    "tests.journeys.test_without_services",
    "tests.scheduling.test_clients",
    "tests.scheduling.test_real_exports",
    "tests.journeys.test_public_programmes",
    "tests.api.test_pretalx_schema",
    "tests.scheduling.test_import_schedules",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first: at a run's end no process waits for one that has just begun with it."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.getparent(pytest.Module).obj.__name__, len(LONG)))


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Rate limits and cached pages of one test must not reach the next."""
    yield
    from django.core.cache import cache  # noqa: PLC0415 (settings are not ready when this module loads)

    cache.clear()


# -- Mail ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def smtp() -> Iterator[SmtpSink]:
    """A real SMTP server: `settings.SMTP_URL = smtp.url` sends to it."""
    sink = SmtpSink()
    yield sink
    sink.stop()


# -- Browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium per worker; each test has a context, and so cookies and storage, of its own."""
    path = chromium.find_chromium()
    if path is None:
        pytest.fail("No Chromium found: run `make test`, install one, or name it in LIHU_CHROMIUM.", pytrace=False)
    # Playwright keeps an event loop in this thread. Django sees it and would refuse to touch the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=chromium.arguments())
        yield launched
        launched.close()


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The address of the site under test; links in mails and calendars lead to it, too."""
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def new_context(browser: Browser, site: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes one person's browser: `new_context(phone=True, language="zh-CN")`. Any script error fails the test."""
    opened: list[BrowserContext] = []
    errors: list[str] = []

    def make(*, phone: bool = False, language: str = "en-GB", **options: Any) -> BrowserContext:
        size = chromium.PHONE if phone else chromium.DESKTOP
        context = browser.new_context(
            base_url=site,
            viewport={"width": size["width"], "height": size["height"]},
            locale=language,
            has_touch=phone,
            is_mobile=phone,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(10_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()
    assert not errors, f"errors in the browser: {errors}"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A desktop, 1280 wide."""
    return new_context().new_page()


@pytest.fixture
def phone(new_context: Callable[..., BrowserContext]) -> Page:
    """A phone, 390 wide."""
    return new_context(phone=True).new_page()


@pytest.fixture
def axe() -> Callable[..., None]:
    """`axe(page)` fails on any accessibility violation."""
    return chromium.check_accessibility
