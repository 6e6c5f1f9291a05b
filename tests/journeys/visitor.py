"""One person at one browser: every page that they open is looked at by axe and must fit the screen."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page

from notifications.notices import kind_of
from notifications.services import rendering
from tests import browser
from tests.smtp import Received, SmtpSink


@dataclass
class Visitor:
    page: Page
    mail: SmtpSink
    email: str
    # Paths that axe has looked at, numbers and codes left out.
    seen: set[str] = field(default_factory=set)

    # -- Pages ---------------------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        answer = self.page.goto(path)
        assert answer
        assert answer.status == 200, f"{path}: {answer.status}"
        self.look()

    def look(self) -> None:
        """At the page that is open now."""
        self.page.wait_for_load_state()
        assert self.page.locator("h1").count() == 1, f"{self.page.url}: one heading says what a page is"
        shape = re.sub(r"\d+|[0-9A-Z]{6}(?=/)", "*", self.page.url)
        if shape not in self.seen:
            self.seen.add(shape)
            browser.check_accessibility(self.page)
            browser.check_fits(self.page)

    def send(self, form: str | Locator = "main form", **values: Any) -> None:
        """Fill in the fields by name, press the form's first button, and look at what comes."""
        found = self.page.locator(form).first if isinstance(form, str) else form
        for name, value in values.items():
            self.fill(found, name, value)
        before = self.page.url
        is_sent_by_script = found.get_attribute("data-draft") is not None
        found.locator("button[type=submit]:not([aria-hidden])").first.click()
        if is_sent_by_script:
            self.page.wait_for_url(lambda url: url != before)
        self.page.wait_for_load_state()
        errors = self.page.locator(".form-errors, .field-error").all_inner_texts()
        assert not errors, f"{before}: {errors}"
        self.look()

    def fill(self, form: Locator, name: str, value: Any) -> None:
        named = form.locator(f"[name='{name}']:not([type=hidden])")
        control = named.first
        kind = control.get_attribute("type") or ""
        if kind == "checkbox" and named.count() == 1:
            control.check()
        elif kind in {"radio", "checkbox"}:
            named.and_(self.page.locator(f"[value='{value}']")).check(force=True)
        elif kind == "file":
            control.set_input_files(value)
        elif control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(str(value))

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    # -- Mail ----------------------------------------------------------------------------------------------------------

    def mails(self, kind: str) -> list[Received]:
        """What they have received of that kind, in whichever language."""
        return mails_of(self.mail, self.email, kind)

    def wait_for_mail(self, kind: str, count: int = 1, *, seconds: float = 30) -> Received:
        """Their newest of that kind, once there are so many."""
        return wait_for_mail(self.mail, self.email, kind, count, seconds=seconds)

    def code(self) -> str:
        """The newest code that was mailed to them."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for received in reversed(self.mail.to(self.email)):
                if found := re.match(r"[A-Z0-9-]{6,}(?= )", received.message["Subject"]):
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no code for {self.email}")


def mails_of(sink: SmtpSink, address: str, kind: str) -> list[Received]:
    subjects = [_pattern(rendering.default_words(kind_of(kind), language).subject) for language in ("en", "zh-hans")]
    return [
        received
        for received in sink.to(address)
        if any(subject.fullmatch(str(received.message["Subject"])) for subject in subjects)
    ]


def wait_for_mail(sink: SmtpSink, address: str, kind: str, count: int = 1, *, seconds: float = 30) -> Received:
    deadline = time.monotonic() + seconds
    while len(found := mails_of(sink, address, kind)) < count:
        subjects = [str(received.message["Subject"]) for received in sink.to(address)]
        assert time.monotonic() < deadline, f"no {kind} for {address}, only {subjects}"
        time.sleep(0.1)
    return found[-1]


def link_in(received: Received, containing: str) -> str:
    links: list[str] = re.findall(r"https?://\S+", received.part("text/plain"))
    return next(link for link in links if containing in link)


def _pattern(subject: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(subject)), re.DOTALL)
