"""Reminder rules, and the planner that turns them into messages.

A reminder exists only while what it is about exists at that time: each run compares what is queued with the occasions as
they are now, writes what is missing and withdraws what has gone.
Source: docs/explanation/mail-and-reminders.md
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction
from i18nfield.strings import LazyI18nString

from accounts.models import User
from common import audit
from common.jobs import enqueue_on_commit
from common.problems import Invalid, Problem
from notifications.models import Audience, CancelReason, Message, MessageState, ReminderRule
from notifications.notices import Notice, Recipient
from notifications.origins import origins_of, site
from notifications.problems import problems_with_rule, problems_with_words
from notifications.services import ledger, rendering
from notifications.sources import Occasion, Source, all_sources, source_for

log = structlog.get_logger(__name__)

#: How long before their time rows are written: longer than beat may be away without anybody noticing.
HORIZON: Final = timedelta(minutes=10)
#: What `Message.about` begins with where an organizer tries a mail out.
TEST: Final = "test:"

_Key = tuple[str, str, str, str]
#: One person is not told twice at the same instant of the same thing, however many rules and roles they fall under.
_Telling = tuple[str, str, datetime]


@dataclass(kw_only=True)
class Plan:
    """What a run of the planner wrote, or would write."""

    written: list[Message] = field(default_factory=list)
    # Queued rows that were brought up to date: another time, room, title, language or wording.
    changed: list[Message] = field(default_factory=list)
    withdrawn: list[Message] = field(default_factory=list)

    def add(self, other: Plan) -> None:
        self.written += other.written
        self.changed += other.changed
        self.withdrawn += other.withdrawn

    def __bool__(self) -> bool:
        return bool(self.written or self.changed or self.withdrawn)


# -- Planning --------------------------------------------------------------------------------------------------------


def plan_reminders(*, now: datetime, dry_run: bool = False) -> Plan:
    """Write the reminders that are due within `HORIZON`, and withdraw those whose occasion has gone.

    A rule's reminder is due its offset before the occasion, or at its wall clock in the event's zone; a rule made late, or a
    speaker added late, is still served once as long as the occasion has not begun. Idempotent, and safe to run twice at once: rows are unique by rule, subject,
    instant and person. Constant number of queries per rule.
    """
    plan = Plan()
    active = ReminderRule.objects.active().order_by("pk")
    rules = [rule for rule in in_turn(active) if source_for(rule.anchor, rule.audience)]
    zones = zones_of({rule.event_id for rule in rules})
    queued = _queued()
    known = {rule.pk for rule in rules}
    for rule_id in queued.keys() - known:
        plan.add(_withdraw(queued[rule_id], now, dry_run))
    failure: Exception | None = None
    for rule in rules:
        try:
            plan.add(
                _plan_rule(
                    rule,
                    queued.get(rule.pk, []),
                    now,
                    dry_run,
                    tz=zones[rule.event_id],
                    told={_telling(row) for row in plan.written},
                )
            )
        except Exception as error:
            # One event's data must not keep the others from being reminded.
            log.exception("rule_cannot_be_planned", rule=rule.pk)
            failure = failure or error
    if plan and not dry_run:
        log.info(
            "reminders_planned", written=len(plan.written), changed=len(plan.changed), withdrawn=len(plan.withdrawn)
        )
    if failure:
        raise failure
    return plan


def in_turn(rules: Iterable[ReminderRule]) -> list[ReminderRule]:
    """Who speaks is told as a speaker, whatever else they are."""
    order = list(Audience)
    return sorted(rules, key=lambda rule: order.index(Audience(rule.audience)))


def zones_of(event_ids: Collection[int]) -> dict[int, ZoneInfo]:
    """The zone that each event's wall clocks are in; one query."""
    origins = origins_of(event_ids)
    return {pk: ZoneInfo((origins.get(pk) or site()).time_zone) for pk in event_ids}


def _plan_rule(
    rule: ReminderRule, queued: list[Message], now: datetime, dry_run: bool, *, tz: ZoneInfo, told: set[_Telling]
) -> Plan:
    plan = _compare(rule, queued, now, tz, told)
    if dry_run or not plan:
        return plan
    with transaction.atomic():
        # There is something to write: look once more, now that no release or cancellation can come in between.
        ledger.keep_withdrawals_out()
        plan = _compare(rule, list(Message.objects.filter(pk__in=[row.pk for row in queued])), now, tz, told)
        _write(plan)
    return plan


def _compare(rule: ReminderRule, queued: list[Message], now: datetime, tz: ZoneInfo, told: set[_Telling]) -> Plan:
    """What is missing, out of date or gone, in three queries and those of the source."""
    source = source_for(rule.anchor, rule.audience)
    assert source is not None
    present = {_key(row): row for row in queued if row.state == MessageState.QUEUED}
    # As far as rows were written already, should the clock have been set back since.
    until = max([now + HORIZON, *(row.send_at for row in present.values())])
    notices = [_notice(rule, occasion, tz) for occasion in source.occasions(rule.event_id, now, until + rule.reach)]
    due = [notice for notice in notices if _is_due(notice, until)]
    rows = {_key(row): row for row in ledger.rows_for(source.kind, due, now)}
    plan = Plan(withdrawn=[row for key, row in present.items() if key not in rows and not _is_over(row, now)])
    missing = {key: row for key, row in rows.items() if key not in present}
    if missing:
        subjects = {row.about for row in missing.values()}
        for old in Message.objects.filter(kind__in=kinds(), about__in=subjects):
            row = missing.pop(_key(old), None)
            if row is None and old.state != MessageState.CANCELLED:
                told.add(_telling(old))
            # Withdrawn and never sent: a slot that was moved away and back.
            if (
                row
                and old.state == MessageState.CANCELLED
                and old.reason == CancelReason.WITHDRAWN
                and not old.attempts
            ):
                plan.changed.append(_brought_up_to_date(old, row))
    plan.written = [row for row in missing.values() if _telling(row) not in told]
    for key, old in present.items():
        if (row := rows.get(key)) and _differs(old, row):
            plan.changed.append(_brought_up_to_date(old, row))
    return plan


def _is_due(notice: Notice, until: datetime) -> bool:
    """By then, and while it is of use: of a session at 07:30 nobody is reminded at 08:00."""
    assert notice.send_at is not None
    assert notice.expires_at is not None
    return notice.send_at <= until and notice.send_at < notice.expires_at


def _notice(rule: ReminderRule, occasion: Occasion, tz: ZoneInfo) -> Notice:
    return Notice(
        to=occasion.to,
        about=occasion.about,
        context={**occasion.context, "rule": rule.pk},
        revision=f"{rule.pk}:{occasion.at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        event_id=rule.event_id,
        send_at=rule.send_at(occasion.at, tz),
        expires_at=occasion.useful_until or occasion.at,
        calendar=occasion.calendar,
    )


def _key(row: Message) -> _Key:
    return row.kind, row.about, row.recipient_key, row.revision


def _telling(row: Message) -> _Telling:
    return row.about, row.recipient_key, row.send_at


def _is_over(row: Message, now: datetime) -> bool:
    # Delivery says so itself, with the better reason.
    return row.expires_at is not None and row.expires_at <= now


_COMPARED: Final = ("send_at", "subject", "language", "recipient_email", "recipient_name")


def _differs(old: Message, new: Message) -> bool:
    if old.attempts:
        # Refused once already: its next try is at a time of its own.
        return False
    return any(getattr(old, name) != getattr(new, name) for name in _COMPARED) or old.context != json.loads(
        json.dumps(new.context)
    )


def _brought_up_to_date(old: Message, new: Message) -> Message:
    for name in (*_COMPARED, "context", "due_at", "expires_at", "state", "reason"):
        setattr(old, name, getattr(new, name))
    return old


def _write(plan: Plan) -> None:
    Message.objects.bulk_create(plan.written, ignore_conflicts=True, batch_size=1000)
    for row in plan.changed:
        # Not by bulk: a worker may have claimed some of them in the meantime.
        Message.objects.filter(pk=row.pk, state__in=[MessageState.QUEUED, MessageState.CANCELLED]).update(
            **{name: getattr(row, name) for name in (*_COMPARED, "context", "due_at", "expires_at", "state", "reason")}
        )
    _cancel(plan.withdrawn)
    if plan.written or plan.changed:
        enqueue_on_commit("notifications.deliver_due")


def _withdraw(rows: list[Message], now: datetime, dry_run: bool) -> Plan:
    gone = [row for row in rows if not _is_over(row, now)]
    if not dry_run:
        _cancel(gone)
    return Plan(withdrawn=gone)


def _cancel(rows: Iterable[Message]) -> None:
    Message.objects.filter(pk__in=[row.pk for row in rows], state=MessageState.QUEUED).update(
        state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN
    )


def _queued() -> Mapping[int, list[Message]]:
    """Queued reminders by the rule that they come from."""
    by_rule: dict[int, list[Message]] = defaultdict(list)
    for row in Message.objects.filter(state=MessageState.QUEUED, kind__in=kinds()).exclude(about__startswith=TEST):
        by_rule[int(row.context.get("rule", 0))].append(row)
    return by_rule


def kinds() -> set[str]:
    """Codes of every kind of mail that a rule can give rise to."""
    return {source.kind.code for source in all_sources()}


# -- Looking ahead ---------------------------------------------------------------------------------------------------


#: As far as anybody plans an event.
_EVER: Final = timedelta(days=3 * 366)


def upcoming(rule: ReminderRule, *, now: datetime, limit: int = 10) -> list[Message]:
    """Who gets what when by this rule, the next first; the rows are not written. Works for a rule that is not saved yet."""
    return look_ahead(rule, now=now, limit=limit)[1]


def look_ahead(rule: ReminderRule, *, now: datetime, limit: int = 10) -> tuple[int, list[Message]]:
    """How many mails this rule still gives rise to as the programme is now, and the next of them (`upcoming`)."""
    source = source_for(rule.anchor, rule.audience)
    if source is None:
        return 0, []
    notices = sorted(foreseen(rule, source, now=now, until=now + _EVER), key=_when)
    return len(notices), ledger.rows_for(source.kind, notices[:limit], now)


def foreseen(rule: ReminderRule, source: Source, *, now: datetime, until: datetime) -> list[Notice]:
    """What this rule gives rise to by `until`, sent or not, in no order; a constant number of queries."""
    tz = zones_of({rule.event_id})[rule.event_id]
    notices = [_notice(rule, occasion, tz) for occasion in source.occasions(rule.event_id, now, until + rule.reach)]
    return [notice for notice in notices if _is_due(notice, until)]


def _when(notice: Notice) -> tuple[datetime, str, str]:
    assert notice.send_at is not None
    return notice.send_at, notice.about, notice.to.email


@transaction.atomic
def send_test(*, rule: ReminderRule, actor: User, now: datetime) -> None:
    """Mail the rule's reminder to `actor`, as if the next occasion, or an invented one, were theirs."""
    source = source_for(rule.anchor, rule.audience)
    if source is None:
        raise Invalid(_problems_of(rule))
    occasions = sorted(source.occasions(rule.event_id, now, now + timedelta(days=366)), key=lambda o: o.at)
    context = occasions[0].context if occasions else rendering.example_context(source.kind)
    notice = Notice(
        to=Recipient(email=actor.email, name=actor.name, language=actor.language, time_zone=actor.time_zone),
        about=f"{TEST}rule:{rule.pk}",
        context={**context, "rule": rule.pk},
        revision=uuid.uuid4().hex,
        event_id=rule.event_id,
    )
    ledger.notify(kind=source.kind, notice=notice, now=now)


# -- Rules -----------------------------------------------------------------------------------------------------------

_WHEN: Final = ("offset_minutes", "days_before", "at_time")
_FIELDS: Final = ("anchor", "audience", *_WHEN, "subject", "body", "is_active")


@transaction.atomic
def create_rule(
    *,
    event_id: int,
    anchor: str,
    audience: str,
    offset_minutes: int | None = None,
    days_before: int | None = None,
    at_time: time | None = None,
    subject: LazyI18nString | Mapping[str, str] | str = "",
    body: LazyI18nString | Mapping[str, str] | str = "",
    is_active: bool = True,
    actor: User | None,
    now: datetime,
) -> ReminderRule:
    """Remind `audience` of `anchor`, `offset_minutes` before it or `days_before` its day at `at_time` of the event's zone;
    without words of its own, in Lihu's. Audit "reminder_rule_created". Raises Invalid."""
    rule = ReminderRule(
        event_id=event_id,
        anchor=anchor,
        audience=audience,
        offset_minutes=offset_minutes,
        days_before=days_before,
        at_time=at_time,
        subject=rendering.as_localized(subject),
        body=rendering.as_localized(body),
        is_active=is_active,
    )
    _check(rule)
    rule.save()
    audit.record(actor=actor, verb="reminder_rule_created", subject=rule, at=now, event_id=event_id)
    return rule


@transaction.atomic
def update_rule(*, rule: ReminderRule, changes: Mapping[str, Any], actor: User | None, now: datetime) -> ReminderRule:
    """Change some of a rule's fields; one kind of time takes the place of the other. What it has queued at the old time is withdrawn; the planner writes it anew. What it
    has sent already about an occasion is not sent again. Raises Invalid."""
    if unknown := sorted(set(changes) - set(_FIELDS)):
        raise Invalid([Problem(code="unknown_field", field=name, message=name) for name in unknown])
    rule = ReminderRule.objects.select_for_update().get(pk=rule.pk)
    before = {name: getattr(rule, name) for name in _FIELDS}
    changes = {**_other_kind_of_time(changes), **changes}
    for name, value in changes.items():
        setattr(rule, name, rendering.as_localized(value) if name in ("subject", "body") else value)
    _check(rule)
    changed = sorted(name for name in changes if getattr(rule, name) != before[name])
    if not changed:
        return rule
    rule.save(update_fields=changed)
    if set(changed) & {"anchor", "audience", "is_active", *_WHEN}:
        _withdraw_all(rule)
    audit.record(
        actor=actor, verb="reminder_rule_changed", subject=rule, at=now, event_id=rule.event_id, fields=changed
    )
    return rule


def _other_kind_of_time(changes: Mapping[str, Any]) -> dict[str, None]:
    """What goes where only one kind is named."""
    by_length = changes.get("offset_minutes") is not None
    by_clock = changes.get("days_before") is not None or changes.get("at_time") is not None
    if by_length == by_clock:
        return {}
    return dict.fromkeys(("days_before", "at_time") if by_length else ("offset_minutes",))


@transaction.atomic
def delete_rule(*, rule: ReminderRule, actor: User | None, now: datetime) -> None:
    """What it has queued is withdrawn; what it has sent stays in the outbox."""
    stored = ReminderRule.objects.select_for_update().get(pk=rule.pk)
    _withdraw_all(stored)
    audit.record(actor=actor, verb="reminder_rule_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()


def withdraw_reminders(*, event_id: int, now: datetime) -> int:
    """Take back what an event's rules have queued, for an event that the public does not see any more. What still holds the
    planner writes anew."""
    return ledger.withdraw_of_event(event_id=event_id, kinds=kinds(), now=now)


def _withdraw_all(rule: ReminderRule) -> None:
    Message.objects.filter(event_id=rule.event_id, context__rule=rule.pk, state=MessageState.QUEUED).update(
        state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN
    )


def _check(rule: ReminderRule) -> None:
    if problems := _problems_of(rule):
        raise Invalid(problems)


def _problems_of(rule: ReminderRule) -> list[Problem]:
    source = source_for(rule.anchor, rule.audience)
    problems = problems_with_rule(rule, is_supported=source is not None)
    if source is not None:
        for name in ("subject", "body"):
            problems += problems_with_words(source.kind.names, rendering.own_texts(getattr(rule, name)), field=name)
    return problems
