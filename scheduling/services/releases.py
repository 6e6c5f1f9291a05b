"""Publishing the draft: what it would change, and doing it.

Source: docs/explanation/releases.md
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, Prefetch, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.problems import Invalid, Problem, Refusal, refusal_from
from common.text import validate_plain_text
from events.models import Event, Room
from notifications.services import ledger
from scheduling import notices
from scheduling.models import Agenda, Schedule, Slot
from scheduling.services import artifacts, printing, serving, telling
from scheduling.services.conflicts import Conflict, conflicts_of
from submissions.models import ON_THE_PROGRAMME, Talk

_COMMENT_LENGTH: Final = 5000


class CannotRelease(Refusal):
    """Codes `fatal_conflicts` (with `conflicts`), `version_taken`, `nothing_to_release`, `room_taken`."""

    def __init__(self, problems: Iterable[Problem], conflicts: Sequence[Conflict] = ()) -> None:
        super().__init__(problems)
        self.conflicts = list(conflicts)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotChange:
    """One slot in two releases: `old` None where it is new, `new` None where it is cancelled."""

    old: Slot | None
    new: Slot | None

    @property
    def slot(self) -> Slot:
        slot = self.new or self.old
        assert slot is not None
        return slot


@dataclass(frozen=True, kw_only=True)
class Changes:
    added: list[SlotChange] = field(default_factory=list)
    # Another time or room.
    moved: list[SlotChange] = field(default_factory=list)
    cancelled: list[SlotChange] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True)
class ReleasePreview:
    """What publishing the draft now would do."""

    added: list[SlotChange]
    moved: list[SlotChange]
    cancelled: list[SlotChange]
    unchanged: int
    speakers_affected: int
    # Of readers, in which a session moves or goes.
    agendas_affected: int
    # Mails that would be written.
    messages: int
    conflicts: list[Conflict]

    @property
    def fatal(self) -> list[Conflict]:
        return [conflict for conflict in self.conflicts if conflict.severity == "fatal"]


def preview(event: Event, *, now: datetime | None = None) -> ReleasePreview:
    """A constant number of queries; writes nothing but the draft itself where there is none yet."""
    draft = Schedule.objects.draft_of(event)
    last = _last_release(event)
    slots, adopted = _published(_slots_of(draft)), _adoptions(event, draft)
    old_slots = _slots_of(last)
    _read_speakers([*old_slots, *slots])
    changes = compare(old_slots, slots, adopted=adopted)
    told = [change for group in (changes.added, changes.moved, changes.cancelled) for change in group]
    speakers = {speaker.pk for change in told for speaker in telling.speakers_of(change.slot)}
    after = {adopted.get(slot.pk, slot.uid): slot for slot in slots}
    gone = {uid: sequence + 1 for uid, sequence in _highest(event).items() if uid not in after}
    return ReleasePreview(
        added=changes.added,
        moved=changes.moved,
        cancelled=changes.cancelled,
        unchanged=changes.unchanged,
        speakers_affected=len(speakers),
        agendas_affected=_agendas_with(event, [*changes.moved, *changes.cancelled]),
        messages=telling.mails_for(event=event, slots=after, gone=gone, now=now or timezone.now())
        if event.is_public
        else 0,
        conflicts=conflicts_of(draft),
    )


@transaction.atomic
def release(
    *, event: Event, version: str, comment: str = "", force: bool = False, actor: User | None, now: datetime
) -> Schedule:
    """Freeze the draft as `version` and make it the programme that the public sees.

    Locks the draft's row, so that of two releases at once the second sees the first, then the rows of its rooms in id order, so
    that two events that share one do not wait for each other in a circle. Copies the slots (their uid stays; their
    sequence rises where time, room or title is another than in the last release), renders every public page and file (but for the
    PDF, which a worker makes after commit), queues what speakers, and those who were reminded, are told where the event is public (`telling.tell`), withdraws
    reminders of slots that moved or went. `force` publishes with fatal conflicts, and marks the slots that overlap in a room as
    accepted. Audit "schedule_released".
    Raises CannotRelease or, for a version or comment that is no text, Invalid.
    """
    draft = Schedule.objects.draft_of(event)
    draft = Schedule.objects.select_for_update(of=("self",)).select_related("event").get(pk=draft.pk)
    version = version.strip()
    comment = comment.strip()
    last = _last_release(event)
    fresh = Schedule(
        event=draft.event,
        version=version,
        number=(last.number if last else 0) + 1,
        comment=comment,
        released_at=now,
        released_by=actor,
        is_current=True,
    )
    _validate(fresh)
    changes = _freeze(draft, fresh, last, force=force)
    artifacts.render(schedule=fresh, changes=changes)
    _tell(fresh, now)
    serving.refresh(fresh.event)
    printing.wake(fresh.pk)
    return fresh


def _freeze(draft: Schedule, fresh: Schedule, last: Schedule | None, *, force: bool) -> dict[str, Any]:
    """Save `fresh` with copies of the draft's slots. Returns what changed as data: the rows, which are large, are let go here."""
    event, now = fresh.event, fresh.released_at
    assert now is not None
    slots = _published(_slots_of(draft))
    if not slots:
        raise CannotRelease(
            [
                Problem(
                    code="nothing_to_release",
                    message=_("The draft has no session yet."),
                    fix=_("Place sessions in the schedule, or import a programme, and publish then."),
                )
            ]
        )
    conflicts = [conflict for conflict in conflicts_of(draft) if conflict.severity == "fatal"]
    if conflicts and not force:
        raise CannotRelease([_conflict_problem(conflicts)], conflicts)

    old_slots = _slots_of(last)
    _adopt_uids(slots, _adoptions(event, draft))
    sequences = _sequences(event, old_slots, slots)
    changes = compare(old_slots, slots)

    rooms = {slot.room_id for slot in slots if slot.room_id}
    list(Room.objects.select_for_update(no_key=True).filter(pk__in=rooms).order_by("pk").values_list("pk"))
    Schedule.objects.filter(event=event, is_current=True).update(is_current=False)
    Slot.objects.filter(schedule__event=event, is_live=True).update(is_live=False)
    fresh.save()
    accepted = _overlapping(event, slots) if force else set()
    try:
        with transaction.atomic():
            _copy(slots, fresh, sequences, accepted)
    except IntegrityError as error:
        if "scheduling_slot_one_live_per_room" not in str(error):
            raise
        raise CannotRelease([_room_problem()]) from error
    ledger.withdraw(
        about=[notices.about(change.slot) for change in (*changes.moved, *changes.cancelled)],
        kinds=[kind.code for kind in notices.REMINDERS],
        now=now,
    )
    audit.record(
        actor=fresh.released_by,
        verb="schedule_released",
        subject=fresh,
        at=now,
        event_id=event.pk,
        version=fresh.version,
        added=len(changes.added),
        moved=len(changes.moved),
        cancelled=len(changes.cancelled),
        forced=bool(conflicts),
    )
    return changes_as_data(fresh, changes, is_first=last is None)


@transaction.atomic
def announce(*, event: Event, now: datetime) -> int:
    """Tell the people of the current release what they do not know: for an event that goes public now. Locks the draft's row.
    Idempotent. Returns how many messages are new."""
    draft = Schedule.objects.draft_of(event)
    Schedule.objects.select_for_update().get(pk=draft.pk)
    current = Schedule.objects.filter(event=event).current().select_related("event").first()
    return _tell(current, now) if current else 0


# -- Comparing ----------------------------------------------------------------------------------------------------------


def compare(old: Iterable[Slot], new: Iterable[Slot], adopted: Mapping[int, UUID] | None = None) -> Changes:
    """Slot by slot, known by uid. `adopted`: uids that slots of the new side will take over (`_adoptions`)."""
    adopted = adopted or {}
    before = {slot.uid: slot for slot in old}
    after = {adopted.get(slot.pk, slot.uid): slot for slot in new}
    changes = Changes(
        added=[SlotChange(old=None, new=slot) for uid, slot in after.items() if uid not in before],
        moved=[
            SlotChange(old=before[uid], new=slot)
            for uid, slot in after.items()
            if uid in before and _place(before[uid]) != _place(slot)
        ],
        cancelled=[SlotChange(old=slot, new=None) for uid, slot in before.items() if uid not in after],
    )
    unchanged = len(after) - len(changes.added) - len(changes.moved)
    return Changes(added=changes.added, moved=changes.moved, cancelled=changes.cancelled, unchanged=unchanged)


def changes_as_data(schedule: Schedule, changes: Changes, *, is_first: bool) -> dict[str, Any]:
    """As kept with the release for the page of changes: JSON values, texts in all their languages."""
    assert schedule.released_at is not None

    def place(slot: Slot | None) -> dict[str, Any] | None:
        if slot is None:
            return None
        room = slot.room.name.data if slot.room else ""
        return {"starts_at": slot.starts_at.isoformat(), "ends_at": slot.ends_at.isoformat(), "room": room}

    def row(change: SlotChange) -> dict[str, Any]:
        submission = change.slot.submission
        return {
            "code": submission.code if submission else "",
            "title": _title(change.slot).data or "",
            "old": place(change.old),
            "new": place(change.new),
        }

    return {
        "version": schedule.version,
        "comment": schedule.comment,
        "released_at": schedule.released_at.isoformat(),
        "is_first": is_first,
        "added": [row(change) for change in changes.added],
        "moved": [row(change) for change in changes.moved],
        "cancelled": [row(change) for change in changes.cancelled],
    }


def _place(slot: Slot) -> tuple[object, ...]:
    return slot.starts_at, slot.ends_at, slot.room_id


def _looks(slot: Slot) -> tuple[object, ...]:
    """What a calendar shows of it."""
    return *_place(slot), _title(slot).data


def _title(slot: Slot) -> Any:
    """As published, which a release keeps in the slot itself; of a draft's slot as the session is called now."""
    return slot.submission.title if slot.submission and slot.schedule.is_draft else slot.title


# -- Reading ------------------------------------------------------------------------------------------------------------


def _last_release(event: Event) -> Schedule | None:
    return Schedule.objects.filter(event=event).released().first()


def _slots_of(schedule: Schedule | None) -> list[Slot]:
    """With all that comparing and copying need; parents before their children."""
    if schedule is None:
        return []
    slots = schedule.slots.select_related("room", "submission").order_by("starts_at", "pk")
    return sorted(slots, key=lambda slot: slot.parent_id is not None)


def _read_speakers(slots: list[Slot]) -> None:
    """Which telling needs besides. One query."""
    talks = Talk.objects.select_related("speaker__person__user").order_by("position", "pk")
    prefetch_related_objects(slots, Prefetch("submission__talks", talks))


def _published(slots: list[Slot]) -> list[Slot]:
    """Without the sessions that are not, or no longer, on the programme, and without what such a slot held."""
    kept = {slot.pk for slot in slots if slot.submission is None or slot.submission.state in ON_THE_PROGRAMME}
    return [slot for slot in slots if slot.pk in kept and (slot.parent_id is None or slot.parent_id in kept)]


def _agendas_with(event: Event, changes: Iterable[SlotChange]) -> int:
    sessions = {change.slot.submission_id for change in changes if change.slot.submission_id}
    return Agenda.objects.filter(event=event, items__submission__in=sessions).distinct().count()


def _adoptions(event: Event, draft: Schedule) -> dict[int, UUID]:
    """Draft slot → the uid that its session had before, for sessions that were taken out and put in anew: a calendar entry
    that moves must not become another entry. The latest release counts first, and of one release the earlier slot."""
    mine: dict[int, list[Slot]] = defaultdict(list)
    for slot in draft.slots.exclude(submission=None).order_by("starts_at", "pk"):
        mine[slot.submission_id or 0].append(slot)
    earlier: dict[int, list[UUID]] = defaultdict(list)
    known = Slot.objects.filter(schedule__event=event, schedule__version__isnull=False, submission__in=mine.keys())
    for submission_id, uid in known.order_by("-schedule__number", "starts_at", "pk").values_list(
        "submission_id", "uid"
    ):
        if submission_id and uid not in earlier[submission_id]:
            earlier[submission_id].append(uid)
    adopted: dict[int, UUID] = {}
    for submission_id, slots in mine.items():
        kept = {slot.uid for slot in slots}
        free = [uid for uid in earlier.get(submission_id, ()) if uid not in kept]
        strangers = [slot for slot in slots if slot.uid not in earlier.get(submission_id, ())]
        adopted |= {slot.pk: uid for slot, uid in zip(strangers, free, strict=False)}
    return adopted


def _highest(event: Event) -> dict[UUID, int]:
    """The highest sequence that each slot has had in a release."""
    return dict(
        Slot.objects.filter(schedule__event=event, schedule__version__isnull=False)
        .order_by()
        .values("uid")
        .annotate(highest=Max("sequence"))
        .values_list("uid", "highest")
    )


def _sequences(event: Event, old: list[Slot], new: list[Slot]) -> dict[UUID, int]:
    """The sequence of each slot of the new release.

    Higher than any that a calendar has seen where something visible changed. A slot that comes back follows its own
    cancellation, which counted one up."""
    before = {slot.uid: slot for slot in old}
    highest = _highest(event)
    sequences: dict[UUID, int] = {}
    for slot in new:
        if slot.uid not in highest:
            # Of a draft's slot, what an imported calendar said.
            sequences[slot.uid] = slot.sequence
        elif slot.uid not in before:
            sequences[slot.uid] = highest[slot.uid] + 2
        else:
            known = before[slot.uid]
            sequences[slot.uid] = known.sequence + (_looks(known) != _looks(slot))
    return sequences


def _overlapping(event: Event, slots: list[Slot]) -> set[int]:
    """Draft slots whose room has another slot at the time, in this draft or in what another event has published."""
    by_room: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots:
        if slot.room_id and slot.parent_id is None and slot.ends_at > slot.starts_at:
            by_room[slot.room_id].append(slot)
    foreign = Slot.objects.filter(is_live=True, parent=None, room__in=by_room.keys()).exclude(schedule__event=event)
    taken: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for room_id, starts_at, ends_at in foreign.values_list("room_id", "starts_at", "ends_at"):
        taken[room_id or 0].append((starts_at, ends_at))
    found: set[int] = set()
    for room_id, held in by_room.items():
        held.sort(key=lambda slot: slot.starts_at)
        # The one that lasts longest of those so far is the one that the next can run into.
        longest = held[0]
        for slot in held[1:]:
            if slot.starts_at < longest.ends_at:
                found |= {slot.pk, longest.pk}
            if slot.ends_at > longest.ends_at:
                longest = slot
        found |= {
            slot.pk for slot in held for start, end in taken[room_id] if start < slot.ends_at and slot.starts_at < end
        }
    return found


# -- Writing ------------------------------------------------------------------------------------------------------------


def _validate(schedule: Schedule) -> None:
    try:
        schedule.clean_fields(exclude=["released_by"])
        validate_plain_text(schedule.comment)
    except ValidationError as error:
        raise refusal_from(error) from error
    if len(schedule.comment) > _COMMENT_LENGTH:
        raise Invalid([Problem(code="max_length", field="comment", message=_("This text is too long."))])
    if Schedule.objects.filter(event=schedule.event, version=schedule.version).exists():
        raise CannotRelease(
            [
                Problem(
                    code="version_taken",
                    field="version",
                    message=_("Version %(version)s is published already.") % {"version": schedule.version},
                    fix=_("Choose another name for this version."),
                )
            ]
        )


def _adopt_uids(slots: list[Slot], adopted: Mapping[int, UUID]) -> None:
    renamed = [slot for slot in slots if slot.pk in adopted]
    for slot in renamed:
        slot.uid = adopted[slot.pk]
    Slot.objects.bulk_update(renamed, ["uid"])


def _copy(slots: list[Slot], release: Schedule, sequences: Mapping[UUID, int], accepted: set[int]) -> None:
    copies: dict[int, Slot] = {}
    for children in (False, True):
        batch = [slot for slot in slots if (slot.parent_id is not None) == children]
        made = [
            Slot(
                schedule=release,
                uid=slot.uid,
                kind=slot.kind,
                submission_id=slot.submission_id,
                title=_title(slot),
                room_id=slot.room_id,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                parent=copies[slot.parent_id] if slot.parent_id else None,
                board=slot.board,
                locked=slot.locked,
                sequence=sequences[slot.uid],
                is_live=True,
                overlap_accepted=slot.pk in accepted,
            )
            for slot in batch
        ]
        Slot.objects.bulk_create(made)
        copies |= {slot.pk: copy for slot, copy in zip(batch, made, strict=True)}
    chairs = Slot.chairs.through
    chairs.objects.bulk_create(
        chairs(slot_id=copies[slot_id].pk, speaker_id=speaker_id)
        for slot_id, speaker_id in chairs.objects.filter(slot__in=copies).values_list("slot_id", "speaker_id")
    )


def _tell(current: Schedule, now: datetime) -> int:
    # As it is now: it may have gone public, or changed its quiet period, while this transaction waited for its lock.
    event = Event.objects.get(pk=current.event_id)
    if not event.is_public:
        return 0
    rows = _slots_of(current)
    _read_speakers(rows)
    slots = {slot.uid: slot for slot in rows}
    gone = {uid: sequence + 1 for uid, sequence in _highest(event).items() if uid not in slots}
    return telling.tell(event=event, slots=slots, gone=gone, now=now)


def _conflict_problem(conflicts: Sequence[Conflict]) -> Problem:
    return Problem(
        code="fatal_conflicts",
        message=_(
            "The draft has %(count)s conflicts that cannot work: a room or a person would be needed twice at once."
        )
        % {"count": len(conflicts)},
        fix=_("Mend them in the schedule, or publish all the same."),
    )


def _room_problem() -> Problem:
    return Problem(
        code="room_taken",
        message=_("A session of another event that is published already has one of these rooms at the same time."),
        fix=_("Move the session to another room or time."),
    )
