"""Chromium for the tests: where it is, how it is started, and what axe says about a page."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests import findings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # /dev/shm is small in a container
    "--force-color-profile=srgb",
    # Nothing leaves the machine: a name that is not this machine does not resolve.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

# WCAG 2.2 AA, which is what the pages promise, and axe's own best practices.
AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


def find_chromium() -> str | None:
    """The browser to test with: LIHU_CHROMIUM, or the first one that the machine has."""
    if named := os.environ.get("LIHU_CHROMIUM"):
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    return next((path for path in MAC_PATHS if Path(path).exists()), None)


def arguments() -> list[str]:
    # Chromium's sandbox needs an ordinary user; the pages under test are ours.
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def check_accessibility(page: Page, *, without: tuple[str, ...] = ()) -> None:
    """Fail with axe's own words on any violation. `without` names rules that do not apply, with a reason at the call."""
    options = {**AXE_OPTIONS, "rules": {rule: {"enabled": False} for rule in without}}
    results = Axe().run(page, options=options)
    language, is_dark = page.evaluate(
        "[document.documentElement.lang, getComputedStyle(document.documentElement).colorScheme === 'dark'"
        " || !document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches]"
    )
    findings.saw(
        page.url, language=language, scheme="dark" if is_dark else "light", violations=results.violations_count
    )
    if results.violations_count:
        raise AssertionError(f"{page.url}: {results.generate_report()}")


def check_fits(page: Page) -> None:
    """Fail where the page is wider than the screen: a reader would have to scroll sideways."""
    wide = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll('body *')]
                .filter(element => element.getBoundingClientRect().right > width + 1)
                .slice(0, 5)
                .map(element => element.tagName.toLowerCase() + '.' + element.className);
        }"""
    )
    assert not wide, f"{page.url} is wider than the screen: {wide}"


if __name__ == "__main__":
    found = find_chromium()
    if not found:
        sys.exit("The tests need Chromium or Chrome: install one (Debian: apt install chromium), or set LIHU_CHROMIUM.")
    print(found)  # noqa: T201 (asked by make)
