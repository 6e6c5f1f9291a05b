"""Placing, moving and removing in the draft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Problem, Refusal
from events.models import Event, Room
from events.services.texts import assign, take_over, validate
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.problems import problems_with_lock, problems_with_released, problems_with_slot
from submissions.models import Submission

DEFAULT_DURATION: Final = timedelta(minutes=30)
#: Changing these moves the slot.
PLACE: Final = frozenset({"room", "starts_at", "ends_at", "parent"})


class CannotPlace(Refusal):
    """The draft cannot hold it there: codes of `scheduling.problems`, `moved_meanwhile` and `removed_meanwhile`."""


@transaction.atomic
def place_slot(
    *,
    event: Event,
    kind: str = SlotKind.TALK,
    submission: Submission | None = None,
    title: Localized = "",
    room: Room | None = None,
    starts_at: datetime,
    ends_at: datetime | None = None,
    parent: Slot | None = None,
    board: str = "",
    locked: bool = False,
    actor: User | None,
    now: datetime,
) -> Slot:
    """Put something into the event's draft. Without `ends_at` it lasts as long as its session, or half an hour.

    Locks the draft's row. Audit "slot_placed". Raises CannotPlace, Invalid.
    """
    schedule = _locked_draft(event)
    slot = Slot(
        schedule=schedule,
        kind=kind,
        submission=submission,
        room=room,
        starts_at=starts_at,
        ends_at=ends_at or starts_at + (submission.duration if submission else DEFAULT_DURATION),
        parent=parent,
        board=board,
        locked=locked,
    )
    assign(slot, {"title": title}, event.language)
    _check(slot, event)
    slot.save()
    audit.record(actor=actor, verb="slot_placed", subject=slot, at=now, event_id=event.pk, **_where(slot))
    return slot


@transaction.atomic
def move_slot(
    *, slot: Slot, changes: Mapping[str, Any], seen: datetime | None = None, actor: User | None, now: datetime
) -> Slot:
    """Change a slot of the draft: time, room, block, title, lock. A new beginning alone keeps the duration; what a block holds
    moves with it.

    Locks the draft's row. `seen`: the beginning that the editor saw; another one by now is refused (`moved_meanwhile`). A
    locked slot moves only when the same change unlocks it, and not with its block. Audit "slot_moved" or "slot_changed". Raises CannotPlace, Invalid.
    """
    event = slot.schedule.event
    if problems := problems_with_released(slot):
        raise CannotPlace(problems)
    _locked_draft(event)
    stored = Slot.objects.select_related("submission", "room", "parent").filter(pk=slot.pk).first()
    if stored is None:
        raise CannotPlace([_gone(slot)])
    if seen is not None and stored.starts_at != seen:
        raise CannotPlace(
            [
                Problem(
                    code="moved_meanwhile",
                    message=_("Somebody moved “%(title)s” meanwhile.") % {"title": stored.heading},
                    fix=_("Look at where it is now, and move it again if you still want to."),
                )
            ]
        )
    moves = any(name in PLACE and getattr(stored, name) != value for name, value in changes.items())
    if moves and changes.get("locked") is not False and (problems := problems_with_lock(stored)):
        raise CannotPlace(problems)
    began, lasted = stored.starts_at, stored.duration
    changed = set(assign(stored, changes, event.language))
    if "starts_at" in changed and "ends_at" not in changes:
        stored.ends_at = stored.starts_at + lasted
        changed.add("ends_at")
    if not changed:
        return take_over(slot, stored, changes)
    children = list(stored.children.select_related("submission"))
    if children and "kind" in changed:
        raise CannotPlace([_holds_others(stored)])
    shift = stored.starts_at - began
    if shift or "room" in changed:
        _refuse_locked(children)
    for child in children:
        child.starts_at += shift
        child.ends_at += shift
        if "room" in changed:
            child.room = stored.room
    _check(stored, event, children)
    stored.save(update_fields=sorted(changed))
    Slot.objects.bulk_update(children, ["starts_at", "ends_at", "room"])
    verb = "slot_moved" if moves else "slot_changed"
    audit.record(
        actor=actor, verb=verb, subject=stored, at=now, event_id=event.pk, fields=sorted(changed), **_where(stored)
    )
    return take_over(slot, stored, [*changes, "ends_at"])


@transaction.atomic
def remove_slot(*, slot: Slot, actor: User | None, now: datetime) -> None:
    """Take a slot out of the draft, with what it holds; the session itself stays. Repeating it changes nothing.

    Locks the draft's row. Audit "slot_removed". Raises CannotPlace for a released slot, a locked one, and one that holds a
    locked one.
    """
    if problems := problems_with_released(slot):
        raise CannotPlace(problems)
    event = slot.schedule.event
    _locked_draft(event)
    stored = Slot.objects.filter(pk=slot.pk).select_related("submission").first()
    if stored is None:
        return
    _refuse_locked([stored, *stored.children.select_related("submission")])
    audit.record(actor=actor, verb="slot_removed", subject=stored, at=now, event_id=event.pk, **_where(stored))
    stored.delete()


def _locked_draft(event: Event) -> Schedule:
    draft = Schedule.objects.draft_of(event)
    return Schedule.objects.select_for_update().get(pk=draft.pk)


def _check(slot: Slot, event: Event, children: list[Slot] | None = None) -> None:
    if problems := problems_with_slot(slot, event):
        raise CannotPlace(problems)
    for child in children or ():
        if child.starts_at < slot.starts_at or child.ends_at > slot.ends_at:
            raise CannotPlace(
                [
                    Problem(
                        code="outside_parent",
                        field="ends_at",
                        message=_("“%(title)s” would lie outside of it.") % {"title": child.heading},
                        fix=_("Move or remove what it holds first."),
                    )
                ]
            )
    validate(slot, constraints=False)


def _refuse_locked(held: Iterable[Slot]) -> None:
    if problems := [problem for slot in held for problem in problems_with_lock(slot)]:
        raise CannotPlace(problems)


def _gone(slot: Slot) -> Problem:
    return Problem(
        code="removed_meanwhile",
        message=_("Somebody took “%(title)s” out of the draft meanwhile.") % {"title": slot.heading},
        fix=_("Place it anew if you still want to."),
    )


def _holds_others(slot: Slot) -> Problem:
    return Problem(
        code="holds_others",
        field="kind",
        message=_("“%(title)s” holds others.") % {"title": slot.heading},
        fix=_("Move or remove what it holds first."),
    )


def _where(slot: Slot) -> dict[str, Any]:
    return {
        "starts_at": slot.starts_at.isoformat(),
        "ends_at": slot.ends_at.isoformat(),
        "room": str(slot.room) if slot.room else "",
    }
