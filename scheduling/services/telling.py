"""Telling people what the published programme has changed for them since they were last told: speakers, of their sessions; and
whoever was reminded of a session, so that the entry in their calendar is right.

What is queued and not yet on its way is told by the next mail instead: moves add up, and a move there and back is no news.
Source: docs/explanation/mail-and-reminders.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from common.text import email_key
from events.models import Event
from notifications.models import CancelReason, Message, MessageState
from notifications.notices import CalendarPart, Notice, NoticeKind, Recipient
from notifications.services import ledger
from scheduling import notices
from scheduling.models import Slot
from submissions.models import Speaker

#: What begins sooner is told at once: then a quick word is worth more than one mail fewer.
SOON: Final = timedelta(days=2)
#: Changes that never cease are told all the same after so many quiet periods.
PATIENCE: Final = 6

KINDS: Final = tuple(kind.code for kind in notices.NEWS)
#: Of a slot as its speakers know it: plain data, kept in the message's context under `told` by uid.
_Known = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One slot of one person. `before`: as they know it, None where they do not; `after` says `gone` where it is cancelled."""

    uid: str
    before: _Known | None
    after: _Known

    @property
    def kind(self) -> NoticeKind:
        if _is_heard(self.after):
            return notices.REMINDED_CHANGED
        if self.after["gone"]:
            return notices.SLOT_CANCELLED
        return notices.SLOT_MOVED if self.before else notices.SLOT_PUBLISHED

    @property
    def begins(self) -> datetime:
        """The earlier of the two, where it moved."""
        return min(datetime.fromisoformat(known["starts"]) for known in (self.before, self.after) if known)


@dataclass(kw_only=True)
class _Person:
    """One address of the event: what its owner does on the programme or wants to hear, and what they know of it."""

    to: Recipient
    # As the mail addresses them.
    name: str
    # On the programme now, by uid.
    slots: dict[str, _Known] = field(default_factory=dict)
    # As told by what was sent, or is being sent.
    told: dict[str, _Known] = field(default_factory=dict)
    # Not on its way yet.
    queued: list[Message] = field(default_factory=list)
    # Of all mails about the programme so far.
    number: int = 0

    def changes(self, sequences: Mapping[str, int], now: datetime) -> list[Change]:
        """What they do not know yet and is not over, in the order of time. `sequences`: of all slots, gone ones too."""
        found = []
        for uid, known in self.slots.items():
            before = self.told.get(uid)
            before = None if before is None or before["gone"] else before
            if not _is_over(known, now) and not (before and _place(before) == _place(known)):
                found.append(Change(uid=uid, before=before, after=known))
        for uid, before in self.told.items():
            if uid in sequences and not before["gone"] and not _is_over(before, now):
                gone = {**before, "gone": True, "sequence": sequences[uid]}
                found.append(Change(uid=uid, before=before, after=gone))
        return sorted(found, key=lambda change: (change.begins, change.uid))

    def waits_for(self, changes: list[Change]) -> bool:
        """Whether exactly this is queued already."""
        return len(self.queued) == 1 and _content(self.queued[0].context["told"]) == _content(
            {change.uid: change.after for change in changes}
        )


@dataclass(frozen=True, kw_only=True)
class _News:
    """What is to be written for one address, and what it takes the place of."""

    notice: Notice | None
    kind: NoticeKind
    replaced: list[Message]


def tell(*, event: Event, slots: Mapping[UUID, Slot], gone: Mapping[UUID, int], now: datetime) -> int:
    """Queue one mail to each speaker, and each who was reminded, for whom the programme is another than they know; returns how many are
    written.

    Belongs inside the transaction that publishes, which holds the lock of the event's draft. Locks what is queued about the
    programme and not claimed by a worker yet; cancels what the new mail tells (`merged`) or what is no longer true
    (`withdrawn`). A mail goes out when nothing has changed for its reader during `event.quiet_minutes`, at the latest after
    PATIENCE times as long; at once where something begins within SOON. Idempotent: who knows all is not written to.
    `slots`: of the release by uid, with sessions, speakers and rooms. `gone`: the slots that earlier releases had and this one
    has not, and the calendar sequence of their cancellation.
    """
    news = _news_of(event, slots, gone, _earlier(event, lock=True), now)
    for reason in (CancelReason.MERGED, CancelReason.WITHDRAWN):
        rows = [
            row.pk for item in news if bool(item.notice) == (reason == CancelReason.MERGED) for row in item.replaced
        ]
        Message.objects.filter(pk__in=rows).update(state=MessageState.CANCELLED, reason=reason)
    written = {kind: [item.notice for item in news if item.notice and item.kind is kind] for kind in notices.NEWS}
    for kind, told in written.items():
        ledger.notify_many(kind=kind, notices=told, now=now)
    return sum(map(len, written.values()))


def mails_for(*, event: Event, slots: Mapping[UUID, Slot], gone: Mapping[UUID, int], now: datetime) -> int:
    """How many `tell` would write."""
    return sum(item.notice is not None for item in _news_of(event, slots, gone, _earlier(event, lock=False), now))


def take_back(*, event: Event, now: datetime) -> int:
    """What is queued about the programme does not go out: the public sees none. Returns how many mails."""
    return ledger.withdraw_of_event(event_id=event.pk, kinds=KINDS, now=now)


def _earlier(event: Event, *, lock: bool) -> list[Message]:
    """All mails about the programme, in the order of writing; of those who were erased nobody knows whose they were."""
    rows = Message.objects.of_event(event.pk).filter(kind__in=KINDS).exclude(recipient_email="")
    rows = rows.defer("rendered").order_by("pk")
    if lock:
        # What a worker claims before we have the lock is told by the time that we read it; the rest it leaves to us.
        list(rows.filter(state=MessageState.QUEUED).select_for_update().values_list("pk"))
    return list(rows)


def _news_of(
    event: Event,
    slots: Mapping[UUID, Slot],
    gone: Mapping[UUID, int],
    earlier: Iterable[Message],
    now: datetime,
) -> list[_News]:
    sequences = {str(uid): sequence for uid, sequence in gone.items()}
    news = []
    people = _people(event, slots, earlier)
    _add_reminded(people, event, slots, sequences, now)
    for person in people.values():
        changes = person.changes(sequences, now)
        if changes and not person.waits_for(changes):
            kind = _kind_of(changes)
            news.append(_News(kind=kind, notice=_notice(event, person, changes, now), replaced=person.queued))
        elif person.queued and not changes:
            news.append(_News(kind=notices.PROGRAMME_CHANGED, notice=None, replaced=person.queued))
    return news


def _kind_of(changes: list[Change]) -> NoticeKind:
    kinds = {change.kind for change in changes}
    is_one = len(changes) == 1 or kinds == {notices.REMINDED_CHANGED}
    return changes[0].kind if is_one else notices.PROGRAMME_CHANGED


def _people(event: Event, slots: Mapping[UUID, Slot], earlier: Iterable[Message]) -> dict[str, _Person]:
    """By address: speakers, and whoever was told before."""
    people: dict[str, _Person] = {}
    for uid, slot in slots.items():
        for speaker in speakers_of(slot):
            if to := notices.recipient(speaker, language=event.language):
                person = people.setdefault(email_key(to.email), _Person(to=to, name=speaker.name))
                person.slots[str(uid)] = _known(slot, person.to.language)
    for row in earlier:
        person = people.setdefault(row.recipient_key, _reader_of(row))
        person.number = max(person.number, int(row.revision))
        # One that a server has refused for now may have arrived all the same: it counts as told, and goes on being tried.
        if row.state == MessageState.QUEUED and not row.attempts:
            person.queued.append(row)
        elif not (row.state == MessageState.CANCELLED and row.reason in (CancelReason.MERGED, CancelReason.WITHDRAWN)):
            person.told |= row.context["told"]
    return people


def _reader_of(row: Message) -> _Person:
    to = Recipient(
        email=row.recipient_email,
        name=row.recipient_name,
        language=row.language,
        time_zone=row.context.get("recipient_time_zone", ""),
    )
    return _Person(to=to, name=row.context["name"])


def _add_reminded(
    people: dict[str, _Person],
    event: Event,
    slots: Mapping[UUID, Slot],
    gone: Mapping[str, int],
    now: datetime,
) -> None:
    """Whoever has an entry in their calendar by a reminder, of a session that may have changed since: three queries. Speakers are
    told of their sessions as such."""
    live = {slot.uid: slot for slot in Slot.objects.filter(schedule__event=event, is_live=True)}
    changed = {
        str(uid)
        for uid, slot in slots.items()
        # In a release the sequence says so. A draft has none of its own yet.
        if slot.ends_at > now and (slot.sequence or uid not in live or _where(slot) != _where(live[uid]))
    } | gone.keys()
    may_have_arrived = Q(state__in=[MessageState.SENT, MessageState.SENDING]) | Q(
        state__in=[MessageState.QUEUED, MessageState.CANCELLED], attempts__gt=0
    )
    rows = list(
        Message.objects.of_event(event.pk)
        .about(*(f"slot:{uid}" for uid in changed))
        .filter(may_have_arrived, kind__in=[kind.code for kind in notices.REMINDERS])
        .exclude(recipient_email="")
        .defer("rendered")
        .order_by("pk")
    )
    released = Slot.objects.filter(
        schedule__event=event, schedule__version__isnull=False, uid__in={_uid(row) for row in rows}
    ).select_related("schedule__event", "room", "submission")
    as_released = {(str(slot.uid), slot.sequence): slot for slot in released}
    for row in rows:
        uid, sequence = _uid(row), row.context["calendar"]["sequence"]
        person = people.setdefault(row.recipient_key, _reader_of(row))
        told = person.told.get(uid)
        if uid in person.slots and not _is_heard(person.slots[uid]):
            continue
        if told is None or (_is_heard(told) and told["sequence"] < sequence):
            told = _known(as_released[uid, sequence], person.to.language, is_heard=True)
            person.told[uid] = told
        if _is_heard(told) and not told["gone"] and (slot := slots.get(UUID(uid))):
            person.slots[uid] = _known(slot, person.to.language, is_heard=True)


def _uid(row: Message) -> str:
    return row.about.removeprefix("slot:")


def speakers_of(slot: Slot) -> list[Speaker]:
    return [talk.speaker for talk in slot.submission.talks.all()] if slot.submission else []


def _known(slot: Slot, language: str, *, is_heard: bool = False) -> _Known:
    """`is_heard`: by somebody who was reminded of it, rather than given by them."""
    return {
        "session": notices.heading(slot, language),
        "starts": slot.starts_at.astimezone(UTC).isoformat(),
        "ends": slot.ends_at.astimezone(UTC).isoformat(),
        "room": slot.room.name.localize(language) if slot.room else "",
        "room_id": slot.room_id,
        "link": notices.link(slot),
        "sequence": slot.sequence,
        "gone": False,
        "is_heard": is_heard,
    }


def _is_heard(known: _Known) -> bool:
    # Older mails were to speakers only, and do not say.
    return bool(known.get("is_heard"))


def _where(slot: Slot) -> tuple[object, ...]:
    return slot.starts_at, slot.ends_at, slot.room_id


def _place(known: _Known) -> tuple[object, ...]:
    return known["starts"], known["ends"], known["room_id"]


def _content(told: Mapping[str, _Known]) -> dict[str, dict[str, Any]]:
    """What a mail says. A sequence may rise for a title in another language."""
    return {uid: {name: value for name, value in known.items() if name != "sequence"} for uid, known in told.items()}


def _is_over(known: _Known, now: datetime) -> bool:
    return datetime.fromisoformat(known["ends"]) <= now


# -- The mail -----------------------------------------------------------------------------------------------------------


def _notice(event: Event, person: _Person, changes: list[Change], now: datetime) -> Notice:
    since = min([now, *(datetime.fromisoformat(row.context["since"]) for row in person.queued)])
    language = person.to.language
    parts = tuple(_calendar(event, change, language) for change in changes)
    only = changes[0] if len(changes) == 1 and not _is_heard(changes[0].after) else None
    return Notice(
        to=person.to,
        about=f"slot:{only.uid}" if only else f"programme:{event.pk}",
        context={
            "name": person.name,
            "event": event.name.localize(language),
            "time_zone": event.time_zone,
            **(_facts(only) if only else _lists(event, changes)),
            "told": {change.uid: change.after for change in changes},
            "since": since.isoformat(),
        },
        # Their n-th: two publications at once cannot both tell the same.
        revision=str(person.number + 1),
        event_id=event.pk,
        send_at=_send_at(event, changes, since, now),
        expires_at=_expires_at(changes),
        calendar=parts[0] if only else None,
        calendars=() if only else parts,
    )


def _send_at(event: Event, changes: list[Change], since: datetime, now: datetime) -> datetime:
    if changes[0].begins <= now + SOON:
        return now
    quiet = timedelta(minutes=event.quiet_minutes)
    return max(now, min(now + quiet, since + quiet * PATIENCE))


def _expires_at(changes: list[Change]) -> datetime | None:
    """A cancellation is never too late: it takes the entry out of a calendar."""
    if any(change.after["gone"] for change in changes):
        return None
    return max(datetime.fromisoformat(change.after["ends"]) for change in changes)


def _facts(change: Change) -> dict[str, Any]:
    facts = {name: change.after[name] for name in ("session", "room", "starts", "ends", "link")}
    if change.kind is notices.SLOT_MOVED and change.before:
        facts |= {"old_starts": change.before["starts"], "old_room": change.before["room"]}
    return facts


def _lists(event: Event, changes: list[Change]) -> dict[str, Any]:
    """Of each kind of change its values as lists, so that a line of the mail is repeated for each."""
    gone = [change for change in changes if change.after["gone"]]
    moved = [change for change in changes if change.before and not change.after["gone"]]
    new = [change for change in changes if not change.before]

    def values(known: Iterable[_Known | None], name: str) -> list[str]:
        return [one[name] or "–" for one in known if one]

    return {
        "new": values([change.after for change in new], "session"),
        "new_starts": values([change.after for change in new], "starts"),
        "new_room": values([change.after for change in new], "room"),
        "moved": values([change.after for change in moved], "session"),
        "moved_starts": values([change.after for change in moved], "starts"),
        "moved_room": values([change.after for change in moved], "room"),
        "old_starts": values([change.before for change in moved], "starts"),
        "old_room": values([change.before for change in moved], "room"),
        "gone": values([change.after for change in gone], "session"),
        "gone_starts": values([change.after for change in gone], "starts"),
        "link": notices.programme_link(event),
    }


def _calendar(event: Event, change: Change, language: str) -> CalendarPart:
    known = change.after
    return CalendarPart(
        method="CANCEL" if known["gone"] else "REQUEST",
        uid=notices.calendar_uid(change.uid),
        sequence=known["sequence"],
        start=datetime.fromisoformat(known["starts"]).astimezone(event.tz).isoformat(),
        end=datetime.fromisoformat(known["ends"]).astimezone(event.tz).isoformat(),
        time_zone=event.time_zone,
        summary=known["session"],
        location=known["room"],
        url=known["link"],
        organizer_name=event.name.localize(language),
        organizer_email=event.contact_email or settings.MAIL_FROM,
    )
