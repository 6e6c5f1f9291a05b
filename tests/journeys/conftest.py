from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests import browser as chromium
from tests.journeys.instance import running
from tests.journeys.visitor import Visitor
from tests.smtp import SmtpSink


@pytest.fixture
def instance(tmp_path: Path, smtp: SmtpSink) -> Iterator[str]:
    """The address of an empty instance that runs for this test alone and mails to `smtp`."""
    with running(tmp_path / "home", smtp_url=smtp.url) as address:
        yield address


@pytest.fixture
def visitor(browser: Browser, instance: str, smtp: SmtpSink) -> Iterator[Callable[..., Visitor]]:
    """Makes a person with a browser of their own. Any script error fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []
    seen: set[str] = set()

    def make(email: str, *, phone: bool, language: str) -> Visitor:
        size = chromium.PHONE if phone else chromium.DESKTOP
        options: dict[str, Any] = {"viewport": {"width": size["width"], "height": size["height"]}}
        context = browser.new_context(
            base_url=instance,
            locale=language,
            has_touch=phone,
            is_mobile=phone,
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        contexts.append(context)
        return Visitor(context.new_page(), smtp, email, seen)

    yield make
    for context in contexts:
        context.close()
    assert not errors, f"errors in the browser: {errors}"
