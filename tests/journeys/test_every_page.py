"""Every page of the demo conference, found by following links as its people would: axe finds nothing, and it fits the screen."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext

from accounts.models import User
from events.models import Event
from notifications.services import campaigns
from registrations.models import Registration
from tests.browser import check_accessibility, check_fits
from tests.factories.registrations import register_group

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(600), pytest.mark.xdist_group("pages")]

#: No pages: files, pictures, parts of pages, and addresses that only take forms.
NO_PAGE: Final = re.compile(
    r"^(api:|livez$|readyz$|robots$|favicon|jsi18n|set_language"
    r"|scheduling:(pretalx_\w+|widget|part_export|import_progress|import_template|grid|version_grid|preview_grid|export|version_export|changes_feed|changes_atom|session_calendar|speaker_calendar)$"
    r"|institutions$|registrations:(ticket|calendar|registrations_file|statistics_table|import_template|own_data|approve|file|organize_file|answer_offer|agenda|save_segment|delete_segment)$"
    r"|registrations:(order_questions|preview_question|duplicate_question|restore_question)$"
    r"|scheduling:(agenda|agendas|agenda_calendar)$"
    r"|notifications:(mail_html|mail_source|mail_part|provider_reports)$"
    r"|events:(campaign_progress|campaign_reach|preview_campaign|preview_campaign_words|send_campaign|pause_campaign|resume_campaign|cancel_campaign)$"
    r"|events:(message_html|mail_preview|order_\w+|cancel_message|retry_message|test_\w+|reset_mail_template|attach_room)$)"
)
#: Pages that stand behind a form that was sent, a mail, or another state than the demo's.
ELSEWHERE: Final = re.compile(
    r"^(account_|mfa_|socialaccount_|usersessions_|design$|index$"
    r"|events:(invitation|delete_team|remove_member|withdraw_invitation|invite|release_hold|remove_\w+|withdraw_\w+|join)"
    r"|notifications:unsubscribe|registrations:(sent|erased|reject|delete_quota|move|add|copy_questions|record_payment)|submissions:delete_speaker)"
)


@pytest.fixture
def demo(transactional_db: None) -> None:
    call_command("load_demo", verbosity=0)
    call_command("deliver_messages", "--until-empty", verbosity=0)
    campaigns.create_campaign(
        event_id=Event.objects.get(slug="future-food").pk,
        subject={"en": "The programme is out"},
        body={"en": "Dear {name},\n\nthe programme is out.\n\n{link}"},
        audiences={"registrations": {"state": ["confirmed"]}},
        actor=None,
        now=timezone.now(),
    )


def names(resolver: URLResolver, space: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from names(entry, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif isinstance(entry, URLPattern):
            yield f"{space}{entry.name or entry.lookup_str}"


def signed_in(context: BrowserContext, site: str, email: str) -> BrowserContext:
    client = Client()
    client.force_login(User.objects.get(email=email))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
    return context


def walk(context: BrowserContext, starts: list[str]) -> set[str]:
    """Follow every link within the site, one page for each kind of address; the names of those that were looked at."""
    page = context.new_page()
    queue, seen = deque(starts), set[str]()
    while queue:
        path = queue.popleft()
        try:
            name = resolve(urlsplit(path).path).view_name
        except Resolver404:
            raise AssertionError(f"a link leads to {path}, which is nowhere") from None
        if name in seen or NO_PAGE.search(name):
            continue
        seen.add(name)
        answer = page.goto(path)
        assert answer
        assert answer.status == 200, f"{path}: {answer.status}"
        assert page.locator("h1").count() == 1, f"{path}: one heading says what a page is"
        check_accessibility(page)
        check_fits(page)
        links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
        queue.extend(
            link.partition("#")[0] for link in links if link.startswith("/") and not link.startswith(("//", "/static/"))
        )
    page.close()
    return seen


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("phone", "language", "scheme"),
    [(False, "en-GB", "light"), (True, "zh-CN", "dark")],
    ids=["desktop-en-light", "phone-zh-dark"],
)
def test_every_page_is_accessible_and_fits(
    demo: None, new_context: Callable[..., BrowserContext], site: str, phone: bool, language: str, scheme: str
) -> None:
    def browser() -> BrowserContext:
        return new_context(phone=phone, language=language, color_scheme=scheme)

    own = Registration.objects.filter(state="confirmed").select_related("event").first()
    assert own
    answers = {answer.question.identifier: answer.value for answer in own.answers.select_related("question")}
    group = register_group([own.ticket_type] * 2, answers=answers, now=timezone.now())[0].group
    assert group
    of_group = reverse("registrations:group", args=[own.event.slug, group.token])
    seen = walk(browser(), ["/", "/mail/", "/accounts/login/", own.get_absolute_url(), of_group])
    seen |= walk(
        signed_in(browser(), site, "organizer@lihu.example"),
        ["/organize/", "/me/", "/organize/future-food/", "/organize/new/", "/organize/organisations/new/"],
    )

    missed = {
        name
        for name in names(get_resolver())
        if name not in seen and not NO_PAGE.search(name) and not ELSEWHERE.search(name)
    }
    assert not missed, f"no link leads to {sorted(missed)}"
