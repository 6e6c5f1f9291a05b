"""One text to many people: written, counted, tried out, sent, held, stopped.

The rows of the ledger are written by a worker, a chunk per transaction, each with how far it has got: a worker that is killed
loses its chunk whole, and the next one goes on from there. Whatever runs twice, an address has one row.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from accounts.models import User
from common import audit
from common.jobs import enqueue_on_commit
from common.localized import Localized
from common.problems import Invalid, Problem, Refusal
from common.text import email_key
from notifications.audiences import Person, find_audience
from notifications.kinds import CAMPAIGN
from notifications.models import Campaign, CampaignState, CancelReason, Message, MessageState, Preference
from notifications.notices import Notice, Recipient
from notifications.origins import origins_of
from notifications.problems import problems_with_words
from notifications.services import ledger, rendering

#: Rows of one transaction: some tenths of a second, so that a pause never waits longer.
CHUNK: Final = 500
#: Among so many somebody is looked for who reads the language of a preview.
SAMPLE: Final = 50
#: A second test to the same person within this is the same press of the button.
ONE_TEST_IN: Final = timedelta(seconds=10)
TEST: Final = "test:campaign:"

Audiences = Mapping[str, Mapping[str, Any]]


class CannotChangeCampaign(Refusal):
    """Codes: `has_begun`, `is_over`, `nobody`, `in_the_past`."""


# -- Whom ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Whom a campaign would go to now, in addresses."""

    people: int
    # Of these, how many want no such mail.
    unsubscribed: int

    @property
    def mails(self) -> int:
        return self.people - self.unsubscribed


def reach_of(event_id: int, audiences: Audiences) -> Reach:
    """Exact; a constant number of queries for each audience."""
    keys = [key for _recipient, key in _everybody(event_id, audiences)]
    unsubscribed = Preference.objects.filter(event_id=event_id) | Preference.objects.filter(event_id=None)
    refused = set(unsubscribed.values_list("recipient_key", flat=True))
    return Reach(people=len(keys), unsubscribed=sum(key in refused for key in keys))


def sample_of(campaign: Campaign, *, language: str) -> Person | None:
    """One of the first whom it would go to now, of those who read `language` if there are any."""
    everybody = itertools.islice(_everybody(campaign.event_id, campaign.audiences), SAMPLE)
    found = list(_people(campaign.event_id, [recipient for recipient, _key in everybody]))
    return next((person for person in found if person.to.language == language), found[0] if found else None)


def _everybody(event_id: int, audiences: Audiences) -> Iterator[tuple[str, str]]:
    """Recipient (`registrations:17`) and address of each, one per address however many roles a person has."""
    seen: set[str] = set()
    for code, wanted in audiences.items():
        audience = find_audience(code)
        for number, key in audience.addresses(event_id, wanted) if audience else ():
            if key and key not in seen:
                seen.add(key)
                yield f"{code}:{number}", key


def _people(event_id: int, recipients: Iterable[str]) -> Iterator[Person]:
    """In the order given; those who have gone since are left out."""
    for code, group in itertools.groupby(recipients, key=lambda recipient: recipient.partition(":")[0]):
        numbers = [int(recipient.partition(":")[2]) for recipient in group]
        audience = find_audience(code)
        found = {person.number: person for person in (audience.people(event_id, numbers) if audience else ())}
        yield from (found[number] for number in numbers if number in found)


# -- Writing it ------------------------------------------------------------------------------------------------------


def problems_with_campaign(
    *, event_id: int, subject: Localized, body: Localized, audiences: Audiences
) -> list[Problem]:
    problems = []
    for field, words in (("subject", subject), ("body", body)):
        texts = rendering.own_texts(rendering.as_localized(words))
        problems += problems_with_words(CAMPAIGN.names, texts, field=field)
        if not texts:
            problems.append(Problem(code="required", field=field, message=_("This must be written.")))
    if not audiences:
        problems.append(Problem(code="required", field="audiences", message=_("Choose whom to write to.")))
    for code, wanted in audiences.items():
        audience = find_audience(code)
        if audience is None or not isinstance(wanted, Mapping):
            problems.append(Problem(code="unknown", field="audiences", message=_("There are no such people.")))
        else:
            problems += audience.problems(event_id, wanted)
    return problems


@transaction.atomic
def create_campaign(
    *,
    event_id: int,
    subject: Localized,
    body: Localized,
    audiences: Audiences,
    key: uuid.UUID | None = None,
    actor: User | None,
    now: datetime,
) -> Campaign:
    """A draft; nobody gets anything yet. Idempotent by `key`: the second call returns the first one's. Raises Invalid. Audit
    "campaign_created"."""
    if problems := problems_with_campaign(event_id=event_id, subject=subject, body=body, audiences=audiences):
        raise Invalid(problems)
    key = key or uuid.uuid4()
    made = Campaign(
        event_id=event_id,
        key=key,
        subject=rendering.as_localized(subject),
        body=rendering.as_localized(body),
        audiences=dict(audiences),
        created_at=now,
    )
    Campaign.objects.bulk_create([made], ignore_conflicts=True)
    campaign = Campaign.objects.get(key=key, event_id=event_id)
    # The same instant twice is the same row only by its key: a row that was there before has another time.
    if campaign.created_at == now:
        audit.record(actor=actor, verb="campaign_created", subject=campaign, at=now, event_id=event_id)
    return campaign


@transaction.atomic
def update_campaign(*, campaign: Campaign, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Campaign:
    """Other words or people, until it has begun. `changes`: subject, body, audiences. Idempotent. Raises Invalid,
    CannotChangeCampaign. Audit "campaign_changed"."""
    current = _locked(campaign)
    if not current.is_editable:
        raise CannotChangeCampaign([_has_begun()])
    wanted = {"subject": current.subject, "body": current.body, "audiences": current.audiences, **changes}
    if problems := problems_with_campaign(event_id=current.event_id, **wanted):
        raise Invalid(problems)
    wanted = {name: value if name == "audiences" else rendering.as_localized(value) for name, value in wanted.items()}
    if all(getattr(current, name) == value for name, value in wanted.items()):
        return current
    current.subject, current.body = wanted["subject"], wanted["body"]
    current.audiences = dict(wanted["audiences"])
    current.save(update_fields=["subject", "body", "audiences"])
    audit.record(actor=actor, verb="campaign_changed", subject=current, at=now, event_id=current.event_id)
    return current


def preview(campaign: Campaign, *, language: str) -> rendering.Rendered:
    """How it reads in `language`, with the values of the first whom it would go to, or else with examples."""
    someone = sample_of(campaign, language=language)
    context = dict(someone.context) if someone else rendering.example_context(CAMPAIGN)
    words = rendering.words_for(
        CAMPAIGN, language, **campaign.words(), locales=origins_of([campaign.event_id])[campaign.event_id].locales
    )
    origin = origins_of([campaign.event_id])[campaign.event_id]
    return rendering.compose(CAMPAIGN, words, context, origin=origin, unsubscribe_url=origin.url)


@transaction.atomic
def send_test(*, campaign: Campaign, actor: User, now: datetime) -> bool:
    """Mail it to `actor` alone, in the actor's language; False where one has just gone out."""
    current = _locked(campaign)
    about = f"{TEST}{current.pk}"
    key = email_key(actor.email)
    if Message.objects.filter(about=about, recipient_key=key, created_at__gt=now - ONE_TEST_IN).exists():
        return False
    someone = sample_of(current, language=actor.language)
    context = dict(someone.context) if someone else rendering.example_context(CAMPAIGN)
    notice = Notice(
        to=Recipient(email=actor.email, name=actor.name, language=actor.language, time_zone=actor.time_zone),
        about=about,
        context={**context, "campaign": current.pk, "is_test": True},
        revision=uuid.uuid4().hex,
        event_id=current.event_id,
    )
    ledger.notify(kind=CAMPAIGN, notice=notice, now=now)
    return True


# -- Sending, holding, stopping ------------------------------------------------------------------------------------------


@transaction.atomic
def send_campaign(
    *, campaign: Campaign, send_at: datetime | None = None, actor: User | None, now: datetime
) -> Campaign:
    """Begin at once, or at `send_at`. A worker makes the list of who is in the audiences then, and writes their mails.

    Answers at once however many they are. Telling it twice changes nothing. Raises CannotChangeCampaign (`has_begun`, `nobody`,
    `in_the_past`). Audit "campaign_sent" or "campaign_scheduled".
    """
    current = _locked(campaign)
    if current.state == CampaignState.SENDING and send_at is None:
        return current
    if problems := _problems_with_sending(current, send_at, now):
        raise CannotChangeCampaign(problems)
    current.send_at = send_at
    current.state = CampaignState.SCHEDULED if send_at else CampaignState.SENDING
    current.save(update_fields=["send_at", "state"])
    verb = "campaign_scheduled" if send_at else "campaign_sent"
    audit.record(actor=actor, verb=verb, subject=current, at=now, event_id=current.event_id)
    enqueue_on_commit("notifications.advance_campaigns")
    return current


def _problems_with_sending(campaign: Campaign, send_at: datetime | None, now: datetime) -> list[Problem]:
    if not campaign.is_editable:
        return [_has_begun()]
    problems = []
    if send_at and send_at <= now:
        problems.append(
            Problem(code="in_the_past", field="send_at", message=_("This time is over."), fix=_("Choose a later one."))
        )
    # Who is there in a week is not known yet.
    if not send_at and not reach_of(campaign.event_id, campaign.audiences).people:
        problems.append(
            Problem(
                code="nobody",
                field="audiences",
                message=_("Nobody fits this choice."),
                fix=_("Choose other people."),
            )
        )
    return problems


@transaction.atomic
def pause_campaign(*, campaign: Campaign, actor: User | None, now: datetime) -> Campaign:
    """Hold what has not gone out. What a worker has in hand (25 mails at most) still goes. Idempotent. Audit "campaign_paused"."""
    current = _locked(campaign)
    if current.state == CampaignState.PAUSED:
        return current
    _refuse_unless(current, CampaignState.SENDING)
    _to_state(current, CampaignState.PAUSED, "campaign_paused", actor, now)
    _settle(current)
    return current


@transaction.atomic
def resume_campaign(*, campaign: Campaign, actor: User | None, now: datetime) -> Campaign:
    """Go on where it was paused. Idempotent. Audit "campaign_resumed"."""
    current = _locked(campaign)
    if current.state in {CampaignState.SENDING, CampaignState.DONE}:
        return current
    _refuse_unless(current, CampaignState.PAUSED)
    _to_state(current, CampaignState.SENDING, "campaign_resumed", actor, now)
    _settle(current)
    enqueue_on_commit("notifications.advance_campaigns")
    return current


@transaction.atomic
def cancel_campaign(*, campaign: Campaign, actor: User | None, now: datetime) -> Campaign:
    """Stop for good: what has not gone out never will. Idempotent. Audit "campaign_cancelled"."""
    current = _locked(campaign)
    if current.state == CampaignState.CANCELLED:
        return current
    _refuse_unless(current, CampaignState.DRAFT, CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)
    _to_state(current, CampaignState.CANCELLED, "campaign_cancelled", actor, now)
    _settle(current)
    return current


def _locked(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_for_update().without_recipients().get(pk=campaign.pk)


def _to_state(campaign: Campaign, state: CampaignState, verb: str, actor: User | None, now: datetime) -> None:
    campaign.state = state
    campaign.save(update_fields=["state"])
    audit.record(actor=actor, verb=verb, subject=campaign, at=now, event_id=campaign.event_id)


def _refuse_unless(campaign: Campaign, *states: CampaignState) -> None:
    if campaign.state not in states:
        message = _("This campaign is %(state)s.") % {"state": campaign.get_state_display()}
        raise CannotChangeCampaign([Problem(code="is_over", message=message)])


def _has_begun() -> Problem:
    return Problem(
        code="has_begun",
        message=_("This campaign has begun, so it can no longer be changed."),
        fix=_("Write another one."),
    )


def _settle(campaign: Campaign) -> None:
    """Bring the mails that have not gone out in line with the campaign's state."""
    mails = Message.objects.about(campaign.about)
    if campaign.state == CampaignState.SENDING:
        if mails.filter(state=MessageState.DRAFT).update(state=MessageState.QUEUED):
            enqueue_on_commit("notifications.deliver_due")
    elif campaign.state == CampaignState.PAUSED:
        mails.filter(state=MessageState.QUEUED).update(state=MessageState.DRAFT)
    elif campaign.state == CampaignState.CANCELLED:
        mails.filter(state__in=[MessageState.QUEUED, MessageState.DRAFT]).update(
            state=MessageState.CANCELLED, reason=CancelReason.BY_HAND
        )


# -- What workers do ------------------------------------------------------------------------------------------------------


def advance_campaigns(*, now: datetime) -> None:
    """Begin what is due, write mails of what has begun, finish what is done. Any number of workers may run it at once, and
    any of them may be killed."""
    Campaign.objects.filter(state=CampaignState.SCHEDULED, send_at__lte=now).update(state=CampaignState.SENDING)
    for pk in Campaign.objects.filter(state=CampaignState.SENDING).order_by("pk").values_list("pk", flat=True):
        while _write_chunk(pk, now=now):
            pass
    # Not those that another worker is writing just now: it would find them locked, and stop.
    is_written = Q(state=CampaignState.SENDING, began_at__isnull=False, written=F("total"))
    for pk in Campaign.objects.filter(is_written | Q(state=CampaignState.PAUSED)).values_list("pk", flat=True):
        _look_after(pk, now=now)


@transaction.atomic
def _write_chunk(pk: int, *, now: datetime) -> bool:
    """The next rows of the ledger, and how far that is; False where there is nothing left or another worker is at it."""
    unlocked = Campaign.objects.select_for_update(skip_locked=True).filter(pk=pk, state=CampaignState.SENDING)
    campaign = unlocked.without_recipients().first()
    if campaign is None:
        return False
    if campaign.began_at is None:
        recipients = [recipient for recipient, _key in _everybody(campaign.event_id, campaign.audiences)]
        campaign.recipients, campaign.total, campaign.began_at = recipients, len(recipients), now
        campaign.save(update_fields=["recipients", "total", "began_at"])
        return True
    chunk = _slice(pk, campaign.written)
    if not chunk:
        return False
    notices = [
        Notice(
            to=person.to,
            about=campaign.about,
            context={**person.context, "campaign": pk},
            event_id=campaign.event_id,
        )
        for person in _people(campaign.event_id, chunk)
    ]
    ledger.notify_many(kind=CAMPAIGN, notices=notices, now=now)
    campaign.written += len(chunk)
    campaign.save(update_fields=["written"])
    return campaign.written < campaign.total


def _slice(pk: int, start: int) -> list[str]:
    table = Campaign._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT recipients[%s:%s] FROM {table} WHERE id = %s", [start + 1, start + CHUNK, pk])  # noqa: S608
        return list(cursor.fetchone()[0])


@transaction.atomic
def _look_after(pk: int, *, now: datetime) -> None:
    """A worker that had mails in hand during a pause, or its end, may have put them back in the state of before."""
    campaign = Campaign.objects.select_for_update(skip_locked=True).without_recipients().filter(pk=pk).first()
    if campaign is None:
        return
    _settle(campaign)
    pending = [MessageState.DRAFT, MessageState.QUEUED, MessageState.SENDING]
    if (
        campaign.state == CampaignState.SENDING
        and not Message.objects.about(campaign.about).filter(state__in=pending).exists()
    ):
        campaign.state, campaign.finished_at = CampaignState.DONE, now
        campaign.save(update_fields=["state", "finished_at"])


# -- How far it is --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Progress:
    """In addresses; everything but `total` is counted in the ledger."""

    total: int
    # Not in the ledger yet, or waiting for their turn.
    waiting: int
    sent: int
    failed: int
    bounced: int
    unsubscribed: int
    cancelled: int
    # Somebody whose registration has gone between the beginning and their turn.
    gone: int = 0

    @property
    def settled(self) -> int:
        return self.total - self.waiting


def progress_of(campaigns: Iterable[Campaign]) -> dict[int, Progress]:
    """By campaign; one query for all."""
    campaigns = list(campaigns)
    by_about = {campaign.about: campaign for campaign in campaigns}
    counts: dict[str, Counter[str]] = {about: Counter() for about in by_about}
    rows = Message.objects.filter(about__in=by_about).values_list("about", "state", "reason").annotate(Count("pk"))
    for about, state, reason, count in rows.order_by():
        counts[about]["unsubscribed" if reason == CancelReason.UNSUBSCRIBED else state] += count
    return {campaign.pk: _progress(campaign, counts[campaign.about]) for campaign in campaigns}


def _progress(campaign: Campaign, counts: Counter[str]) -> Progress:
    in_hand = sum(counts[state] for state in ("draft", "queued", "sending"))
    unwritten = campaign.total - campaign.written if campaign.state != CampaignState.CANCELLED else 0
    return Progress(
        total=campaign.total,
        waiting=unwritten + in_hand,
        sent=counts["sent"],
        failed=counts["failed"],
        bounced=counts["bounced"],
        unsubscribed=counts["unsubscribed"],
        cancelled=counts["cancelled"] + (campaign.total - campaign.written - unwritten),
        gone=campaign.written - counts.total(),
    )
