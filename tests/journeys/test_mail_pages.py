"""The outbox and campaigns in every state that they can be in, empty and full, with all that is folded opened: axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext

from events.models import Event
from notifications.models import Campaign, CampaignState, Delivery, Message, MessageState
from notifications.services import campaigns, delivery, messages
from registrations.services import agendas
from scheduling.services import agendas as stars
from scheduling.services import releases
from tests.browser import check_accessibility, check_fits
from tests.factories import scheduling as make
from tests.factories.registrations import make_quota, make_ticket, register

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.xdist_group("pages")]

LONG = "The hall has changed: all sessions of Tuesday afternoon are in the building on the other side of the lake"


@pytest.fixture
def event(transactional_db: None) -> Event:
    event = make.make_event("food", locales=("en", "zh-hans"), starts_on=timezone.now().date() + timedelta(days=30))
    room = make.make_room(event, "Lake Hall 湖畔厅")
    speakers = [make.make_speaker(event, f"Wang Fang {n}", language=("en", "zh-hans")[n % 2]) for n in range(3)]
    for clock in ("09:00", "10:00", "11:00"):
        talk = make.make_submission(event, f"Fermented tea and its microbes, {clock}", speakers=speakers)
        make.make_slot(event, clock, room=room, submission=talk)
    releases.release(event=event, version="1", force=True, actor=None, now=timezone.now())
    return Event.objects.get(pk=event.pk)


@pytest.fixture
def empty(transactional_db: None) -> Event:
    return make.make_event("quiet")


def fill(event: Event) -> list[str]:
    """Something in every state; the paths of the pages that show it."""
    now = timezone.now()
    ticket = make_ticket(event, quotas=[make_quota(event, 50)], available_from=now)
    guests = [
        register(ticket, email=f"guest{n}@example.org", name=f"李娜 {n}", language="zh-hans", now=now) for n in range(4)
    ]
    _agenda, token = stars.create_agenda(event=event, codes=event.submissions.values_list("code", flat=True), now=now)
    agendas.follow_agenda(registration=guests[0], address=token, actor=None, now=now)
    delivery.deliver_due(now=now, until_empty=True)
    # Whatever waits goes out with the one that is done.
    for state in sorted(CampaignState, key=lambda state: state != CampaignState.DONE):
        made: Any = campaigns.create_campaign(
            event_id=event.pk,
            subject={"en": f"{LONG} ({state})", "zh-hans": "会场有变"},
            body={"en": "Dear {name},\n\n" + LONG + ".\n\n{link}", "zh-hans": "{name}：\n\n会场有变。\n\n{link}"},
            audiences={"registrations": {"state": ["confirmed"]}, "bookmarked": {}, "speakers": {}, "chairs": {}},
            actor=None,
            now=now,
        )
        bring_to(made, state)
    written = [
        messages.write_message(
            event_id=event.pk, to=_to(guests[n]), subject=f"{LONG} {n}", text=LONG, send_at=None, actor=None, now=now
        )
        for n in range(3)
    ]
    failed, cancelled, waiting = written
    answer = (
        b"550 5.1.1 <guest0@example.org>: Recipient address rejected: User unknown in virtual mailbox table".decode()
    )
    for number in range(3):
        Delivery.objects.create(
            message=failed, attempted_at=now - timedelta(hours=number), accepted=False, code=550, answer=answer
        )
    Message.objects.filter(pk=failed.pk).update(state=MessageState.FAILED, attempts=3, error=answer)
    messages.cancel_message(message=cancelled, actor=None, now=now)
    Message.objects.filter(pk=waiting.pk).update(attempts=1, due_at=now + timedelta(hours=1))
    with_part = Message.objects.filter(kind__in=["programme_changed", "registration_confirmed"])
    shown = [*written, with_part.filter(kind="programme_changed").first(), with_part.latest("pk")]
    here = f"/organize/{event.slug}"
    return [
        f"{here}/mail/",
        f"{here}/mail/new/",
        *(f"{here}/mail/campaigns/{pk}/" for pk in Campaign.objects.order_by("pk").values_list("pk", flat=True)),
        f"{here}/mail/campaigns/{Campaign.objects.earliest('pk').pk}/edit/",
        f"{here}/messages/",
        *(f"{here}/messages/{message.pk}/" for message in shown if message),
        f"{here}/reminders/new/?as=5",
        f"{here}/reminders/timeline/",
        guests[0].get_absolute_url(),
        guests[1].get_absolute_url(),
    ]


def _to(guest: Any) -> Any:
    return campaigns.Recipient(email=guest.email, name=guest.name, language=guest.language)


def bring_to(campaign: Campaign, state: CampaignState) -> None:
    now = timezone.now()
    by = {"campaign": campaign, "actor": None, "now": now}
    if state == CampaignState.SCHEDULED:
        campaigns.send_campaign(**by, send_at=now + timedelta(days=2))
    elif state == CampaignState.CANCELLED:
        campaigns.cancel_campaign(**by)
    elif state != CampaignState.DRAFT:
        campaigns.send_campaign(**by)
        campaigns.advance_campaigns(now=now)
        if state == CampaignState.DONE:
            delivery.deliver_due(now=now, until_empty=True)
            campaigns.advance_campaigns(now=now)
        elif state == CampaignState.PAUSED:
            campaigns.pause_campaign(**by)
    campaign.refresh_from_db()
    assert campaign.state == state


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("phone", "language", "scheme"),
    [(False, "en-GB", "light"), (False, "zh-CN", "dark"), (True, "zh-CN", "light"), (True, "en-GB", "dark")],
    ids=["desktop-en-light", "desktop-zh-dark", "phone-zh-light", "phone-en-dark"],
)
def test_mail_pages_are_accessible_and_fit_in_every_state(
    event: Event,
    empty: Event,
    new_context: Callable[..., BrowserContext],
    site: str,
    phone: bool,
    language: str,
    scheme: str,
) -> None:
    paths = fill(event)
    client = Client()
    for one in (event, empty):
        client.force_login(make.make_organizer(one, email=f"me@{one.slug}.example"))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context = new_context(phone=phone, language=language, color_scheme=scheme)
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": site}])
        page = context.new_page()
        here = f"/organize/{one.slug}"
        for path in paths if one is event else [f"{here}/mail/", f"{here}/mail/new/", f"{here}/messages/"]:
            answer = page.goto(path)
            assert answer
            assert answer.status == 200, path
            page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
            check_accessibility(page)
            check_fits(page)
