"""Why a slot may not stand where somebody wants it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from django.utils.translation import gettext_lazy as _

from common.problems import Problem
from events.models import Event, EventRoom
from scheduling.models import HOLDS_TALKS, TAKES_EVERY_ROOM, Slot, SlotKind
from submissions.models import ON_THE_PROGRAMME

#: The longest that one slot may last: an exhibition over a summer school's week, not a typing error in the year.
LONGEST = timedelta(days=14)


def problems_with_slot(slot: Slot, event: Event) -> list[Problem]:
    """Of a slot of the draft, before it is written. What clashes with other slots is a conflict, not a problem: a draft may
    hold it for a while."""
    return [
        *_with_time(slot, event),
        *_with_place(slot, event),
        *_with_session(slot, event),
        *_with_parent(slot),
    ]


def problems_with_released(slot: Slot) -> list[Problem]:
    if slot.schedule.is_draft:
        return []
    return [
        Problem(
            code="schedule_is_released",
            message=_("This schedule is released and never changes."),
            fix=_("Change the draft and publish it as a new version."),
        )
    ]


def problems_with_lock(slot: Slot) -> list[Problem]:
    if not slot.locked:
        return []
    return [
        Problem(
            code="slot_is_locked",
            message=_("“%(title)s” is locked where it is.") % {"title": slot.heading},
            fix=_("Unlock it first."),
        )
    ]


def first_instant(event: Event) -> datetime:
    return datetime.combine(event.starts_on, time(), event.tz)


def last_instant(event: Event) -> datetime:
    """The night after the last day belongs to it, until the hour at which a conference day begins."""
    return datetime.combine(event.ends_on + timedelta(days=1), event.day_change, event.tz)


def _with_time(slot: Slot, event: Event) -> Iterator[Problem]:
    if slot.ends_at < slot.starts_at:
        yield Problem(
            code="ends_before_it_starts",
            field="ends_at",
            message=_("The end must come after the beginning."),
            fix=_("Choose a later end."),
        )
    elif slot.ends_at - slot.starts_at > LONGEST:
        yield Problem(
            code="too_long",
            field="ends_at",
            message=_("A slot cannot last longer than 14 days."),
            fix=_("Check the date of the end."),
        )


def _with_place(slot: Slot, event: Event) -> Iterator[Problem]:
    if slot.room_id and not EventRoom.objects.filter(event=event, room=slot.room_id).exists():
        yield Problem(
            code="not_of_event",
            field="room",
            message=_("This room is not one of this event."),
            fix=_("Choose a room of this event, or add the room to it."),
        )


def _with_session(slot: Slot, event: Event) -> Iterator[Problem]:
    submission = slot.submission
    if submission is None:
        if not str(slot.title).strip():
            yield Problem(
                code="title_required",
                field="title",
                message=_("A slot without a session needs a title."),
                fix=_("Choose a session or write a title."),
            )
    elif submission.event_id != event.pk:
        yield Problem(
            code="not_of_event",
            field="submission",
            message=_("This session is not one of this event."),
            fix=_("Choose a session of this event."),
        )
    elif submission.state not in ON_THE_PROGRAMME:
        yield Problem(
            code="not_on_the_programme",
            field="submission",
            message=_("“%(title)s” is not accepted.") % {"title": submission.title},
            fix=_("Accept the session first."),
        )


def _with_parent(slot: Slot) -> Iterator[Problem]:
    parent = slot.parent
    if slot.board and (parent is None or parent.kind != SlotKind.POSTERS):
        yield Problem(
            code="board_without_posters",
            field="board",
            message=_("Only what stands in a poster session has a board."),
            fix=_("Put it into a poster session, or leave the board empty."),
        )
    if parent is None:
        return
    if parent.schedule_id != slot.schedule_id or parent.pk == slot.pk:
        yield Problem(
            code="not_of_event",
            field="parent",
            message=_("This block is not in the same draft."),
            fix=_("Choose another."),
        )
    elif parent.kind not in HOLDS_TALKS or parent.parent_id or slot.kind in HOLDS_TALKS | TAKES_EVERY_ROOM:
        yield Problem(
            code="parent_holds_nothing",
            field="parent",
            message=_("Only blocks and poster sessions hold others, one level deep."),
            fix=_("Choose a block or a poster session, or none."),
        )
    elif slot.starts_at < parent.starts_at or slot.ends_at > parent.ends_at:
        yield Problem(
            code="outside_parent",
            field="starts_at",
            message=_("This lies outside of “%(title)s”.") % {"title": parent.heading},
            fix=_("Choose a time within it, or make it longer first."),
        )
