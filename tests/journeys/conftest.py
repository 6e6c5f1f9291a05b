from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import browser as chromium
from tests.journeys.instance import running
from tests.journeys.visitor import Visitor
from tests.smtp import SmtpSink


@dataclass(frozen=True)
class Place:
    """An empty instance that runs for this test alone, and all the mail that leaves it. `meet` makes a person with a browser of
    their own."""

    smtp: SmtpSink
    meet: Callable[[str], Visitor]


@pytest.fixture
def new_place(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """`new_place("desktop-en", phone=False, language="en-GB")`: how its visitors look at it. Any script error fails the test."""
    errors: list[str] = []
    with ExitStack() as opened:

        def make(name: str, *, phone: bool, language: str) -> Place:
            smtp = SmtpSink()
            opened.callback(smtp.stop)
            address = opened.enter_context(running(tmp_path / name, smtp_url=smtp.url))
            seen: set[str] = set()

            def meet(email: str) -> Visitor:
                size = chromium.PHONE if phone else chromium.DESKTOP
                context = browser.new_context(
                    base_url=address,
                    locale=language,
                    viewport={"width": size["width"], "height": size["height"]},
                    has_touch=phone,
                    is_mobile=phone,
                    reduced_motion="reduce",
                )
                opened.callback(context.close)
                context.set_default_timeout(15_000)
                context.on("weberror", lambda error: errors.append(f"{name}: {error.error}"))
                return Visitor(context.new_page(), smtp, email, seen)

            return Place(smtp, meet)

        yield make
    assert not errors, f"errors in the browser: {errors}"
