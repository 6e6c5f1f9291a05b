"""Who gets what when: the mails of an event that are still to go out, queued or only foreseen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.text import email_key
from notifications.models import CancelReason, Message, MessageState, ReminderRule
from notifications.notices import Notice, NoticeKind, PlaceholderType, find_kind
from notifications.services import ledger, reminders
from notifications.sources import source_for


@dataclass(kw_only=True)
class Coming:
    """One mail to come. `message` is its row in the ledger; for what the planner has not written yet, a row that is not saved
    (`fill_in` makes it)."""

    at: datetime
    email: str
    name: str
    kind: NoticeKind
    rule: ReminderRule | None
    # What a search finds it by, in small letters.
    words: str
    message: Message | None = None
    notice: Notice | None = None

    def matches(self, words: str) -> bool:
        return all(word in self.words for word in words.casefold().split())


def coming(*, event_id: int, now: datetime, until: datetime) -> list[Coming]:
    """All mails of the event that go out by `until` as things are now, the next first; nothing is written.

    What moves or is cancelled until then changes it. Queries: two, and those of each rule's source.
    """
    rules = {rule.pk: rule for rule in ReminderRule.objects.active().filter(event_id=event_id).order_by("pk")}
    queued = list(Message.objects.of_event(event_id).due(until).defer("rendered").order_by("due_at", "priority", "pk"))
    found = [_queued(row, rules, now) for row in queued if find_kind(row.kind)]
    seen = _known(event_id)
    kinds = reminders.kinds()
    told = {(row.about, row.recipient_key, row.send_at) for row in queued if row.kind in kinds}
    for rule in reminders.in_turn(rules.values()):
        source = source_for(rule.anchor, rule.audience)
        if source is None:
            continue
        for notice in reminders.foreseen(rule, source, now=now, until=until):
            person = email_key(notice.to.email)
            assert notice.send_at is not None
            telling = (notice.about, person, notice.send_at)
            if (source.kind.code, notice.about, person, notice.revision) not in seen and telling not in told:
                told.add(telling)
                found.append(_foreseen(notice, source.kind, rule, now))
    return sorted(found, key=lambda one: (one.at, one.kind.priority, one.email))


def fill_in(rows: Iterable[Coming], now: datetime) -> None:
    """Give those that are only foreseen the rows that they will be; in a few queries."""
    by_kind: dict[NoticeKind, list[Coming]] = {}
    for row in rows:
        if row.message is None and row.notice is not None:
            by_kind.setdefault(row.kind, []).append(row)
    for kind, some in by_kind.items():
        made = ledger.rows_for(kind, [row.notice for row in some if row.notice], now)
        for row, message in zip(some, made, strict=True):
            row.message = message


def _known(event_id: int) -> set[tuple[str, str, str, str]]:
    """Reminders that have a row, whatever became of it: none of them is written again but for what was withdrawn unsent."""
    rows = Message.objects.of_event(event_id).filter(kind__in=reminders.kinds())
    withdrawn = rows.filter(state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN, attempts=0)
    return set(rows.exclude(pk__in=withdrawn).values_list("kind", "about", "recipient_key", "revision"))


def _queued(row: Message, rules: Mapping[int, ReminderRule], now: datetime) -> Coming:
    kind = find_kind(row.kind)
    assert kind is not None
    return Coming(
        at=max(row.due_at, now),
        email=row.recipient_email,
        name=row.recipient_name,
        kind=kind,
        rule=rules.get(row.context.get("rule", 0)),
        words=f"{row.recipient_email} {row.recipient_name} {row.subject}".casefold(),
        message=row,
    )


def _foreseen(notice: Notice, kind: NoticeKind, rule: ReminderRule, now: datetime) -> Coming:
    assert notice.send_at is not None
    texts = " ".join(
        str(notice.context.get(placeholder.name, ""))
        for placeholder in kind.placeholders
        if placeholder.type is PlaceholderType.TEXT
    )
    return Coming(
        at=max(notice.send_at, now),
        email=notice.to.email,
        name=notice.to.name,
        kind=kind,
        rule=rule,
        words=f"{notice.to.email} {notice.to.name} {texts}".casefold(),
        notice=notice,
    )
