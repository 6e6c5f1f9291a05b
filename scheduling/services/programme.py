"""A schedule of ours as plain values, for exports and calendars."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.text import slugify
from i18nfield.strings import LazyI18nString

from events.models import Event
from scheduling import notices
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.programme import Link, Person, Programme, Room, Session, Track, days_from
from submissions.models import Link as LinkRow
from submissions.models import Speaker, Submission, Talk

#: Kinds of slot that say more than the kind of what is given in them.
_TELLING: frozenset[str] = frozenset({SlotKind.BLOCK, SlotKind.POSTERS, SlotKind.BREAK, SlotKind.PLENARY})


def programme_of(schedule: Schedule) -> Programme:
    """In the event's first language and its zone, one entry per slot. A constant number of queries."""
    return programme_from(schedule, slots_with_all(Slot.objects.filter(schedule=schedule)))


def slots_with_all(slots: QuerySet[Slot]) -> QuerySet[Slot]:
    """With all that `programme_from` needs."""
    talks = Talk.objects.select_related("speaker").order_by("position", "pk")
    return slots.select_related("room", "submission__track", "parent__submission").prefetch_related(
        Prefetch("submission__talks", talks),
        Prefetch("submission__links", LinkRow.objects.order_by("position", "pk")),
        Prefetch("chairs", Speaker.objects.in_order()),
    )


def programme_from(schedule: Schedule, slots: Iterable[Slot]) -> Programme:
    """As `programme_of`, of slots that were read by `slots_with_all`."""
    return _Writer(schedule.event).programme(schedule, list(slots))


class _Writer:
    def __init__(self, event: Event) -> None:
        self.event = event
        self.language = event.language
        self.tz = event.tz
        self.base = settings.PUBLIC_URL + reverse("events:event", args=[event.slug])
        self._persons: dict[int, Person] = {}

    def programme(self, schedule: Schedule, slots: list[Slot]) -> Programme:
        event = self.event
        places = dict(event.event_rooms.values_list("room_id", "position"))
        slots.sort(key=lambda slot: (slot.starts_at, places.get(slot.room_id or 0, 10**6), slot.pk))
        rooms = {slot.room_id: slot.room for slot in slots if slot.room}
        sessions = tuple(self._session(slot) for slot in slots)
        used = {session.track for session in sessions}
        return Programme(
            title=self._text(event.name),
            acronym=event.acronym or event.slug,
            start=event.starts_on,
            end=event.ends_on,
            sessions=sessions,
            time_zone=event.time_zone,
            time_slot_minutes=5,
            day_change=event.day_change,
            version=schedule.version or "",
            base_url=self.base,
            url=f"{self.base}schedule/",
            published_at=schedule.released_at,
            days=days_from({session.day for session in sessions}, day_change=event.day_change, zone=self.tz),
            rooms=tuple(
                Room(name=self._text(room.name), capacity=room.capacity, description=self._text(room.note))
                for room in sorted(rooms.values(), key=lambda room: (places.get(room.pk, 10**6), room.pk))
            ),
            tracks=tuple(
                Track(name=name, colour=track.colour.lower(), slug=slugify(name, allow_unicode=True))
                for track in event.tracks.order_by("position", "pk")
                if (name := self._text(track.name)) in used
            ),
        )

    def _session(self, slot: Slot) -> Session:
        submission = slot.submission
        start = slot.starts_at.astimezone(self.tz)
        shared: dict[str, Any] = {
            "start": start,
            "duration": slot.duration,
            "day": self.event.conference_day(start),
            "uid": notices.calendar_uid(slot.uid),
            "sequence": slot.sequence,
            "room": self._text(slot.room.name) if slot.room else "",
            "chairs": tuple(self._person(speaker) for speaker in slot.chairs.all()),
            "parent": self._source_id(slot.parent) if slot.parent else "",
            "board": slot.board,
            "source_id": self._source_id(slot),
        }
        title = self._text(slot.title)
        if submission is None:
            return Session(
                title=title or str(slot.get_kind_display()),
                guid=slot.uid,
                kind=slot.kind,
                kind_label=slot.kind,
                slug=f"{self.event.slug}-{slugify(title)}".strip("-"),
                url=f"{self.base}schedule/",
                is_bare=True,
                **shared,
            )
        # A release keeps the title as it was published; a draft's slot has none of its own.
        title = title or self._text(submission.title)
        return Session(
            title=title,
            subtitle=self._text(submission.subtitle),
            abstract=self._text(submission.abstract),
            description=self._text(submission.description),
            guid=submission.guid,
            code=submission.code,
            slug="-".join(filter(None, [self.event.slug, submission.code.lower(), slugify(title)[:60].strip("-")])),
            kind=slot.kind if slot.kind in _TELLING else submission.kind,
            kind_label=submission.kind_label or submission.kind,
            track=self._text(submission.track.name) if submission.track else "",
            language=submission.language,
            persons=tuple(self._person(talk.speaker) for talk in submission.talks.all()),
            links=tuple(_link(link) for link in submission.links.all() if not link.is_attachment),
            attachments=tuple(_link(link) for link in submission.links.all() if link.is_attachment),
            url=f"{self.base}sessions/{submission.code}/",
            do_not_record=submission.do_not_record,
            **shared,
        )

    def _source_id(self, slot: Slot) -> str:
        submission: Submission | None = slot.submission
        if submission is None:
            return str(slot.uid)
        return submission.source_id or submission.code

    def _person(self, speaker: Speaker) -> Person:
        if speaker.pk not in self._persons:
            self._persons[speaker.pk] = Person(
                name=speaker.name,
                source_id=speaker.source_id or speaker.code,
                guid=speaker.guid,
                code=speaker.code,
                native_name=speaker.native_name,
                affiliation=speaker.affiliation,
                biography=self._text(speaker.biography),
                url=f"{self.base}speakers/{speaker.code}/",
            )
        return self._persons[speaker.pk]

    def _text(self, text: LazyI18nString) -> str:
        return str(text.localize(self.language))


def _link(link: LinkRow) -> Link:
    return Link(url=link.url, title=link.title)


def cancelled(session: Session, *, sequence: int) -> Session:
    """The same entry, called off."""
    return dataclasses.replace(session, state="cancelled", sequence=sequence)
