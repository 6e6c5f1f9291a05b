"""Taking a programme that was read from a file into an event's draft.

Source: docs/howto/import-a-programme.md
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.db import models, transaction
from django.db.models import Prefetch
from django.utils.translation import ngettext
from i18nfield.strings import LazyI18nString

from accounts.models import User
from common import audit
from common.codes import CODE_PATTERN, new_code
from common.localized import localized
from events.models import Event, EventRoom, Room, Track
from events.services import places
from scheduling.importers import Parsed
from scheduling.models import HOLDS_TALKS, Schedule, Slot, SlotKind
from scheduling.problems import first_instant, last_instant
from scheduling.programme import Session
from scheduling.services.import_results import FieldChange, ImportResult, Seen, SessionChange
from scheduling.services.import_steps import ImportStep, OnStep, ignore
from submissions.models import Link, Speaker, Submission, SubmissionKind, SubmissionState, Talk

Thing = TypeVar("Thing", bound=models.Model)
_CODE: Final = re.compile(CODE_PATTERN)

_BATCH: Final = 500
#: Kinds of session that are kinds of slot; what is held there is a submission all the same, so that nothing of a file is lost.
_SLOT_KINDS: Final = {
    "block": SlotKind.BLOCK,
    "posters": SlotKind.POSTERS,
    "break": SlotKind.BREAK,
    "ceremony": SlotKind.CEREMONY,
    "social": SlotKind.SOCIAL,
}


@transaction.atomic
def apply(*, event: Event, parsed: Parsed, actor: User | None, now: datetime, on_step: OnStep = ignore) -> ImportResult:
    """Bring the event's draft in line with what was read.

    Locks the draft's row. A constant number of queries, and one insert per 500 rows. What the file says wins over what stands in
    the fields that files have; other fields (addresses, other languages of a text, what a file leaves unsaid of a person) stay.
    Sessions are known again by GUID, else by their id in the file, else by title and speakers. Slots that are locked stay where
    they are. Sessions that an earlier import brought and that are gone now lose their slots in the draft and are cancelled; what
    was made by hand is left alone. Audit "programme_imported". Idempotent: the same file again changes nothing.

    `on_step` is called before each step, from `DRAFT` to `RESULT`, inside the transaction, while the draft is locked (before it is,
    for `DRAFT`): it must neither ask the database nor take long. What it raises ends the import.
    """
    on_step(ImportStep.DRAFT)
    draft = _locked_draft(event)
    # An import that was waited for may have given the event its venue.
    event.refresh_from_db(fields=["venue"])
    run = _Run(event, draft, parsed, now)
    on_step(ImportStep.ROOMS)
    run.rooms(actor)
    on_step(ImportStep.TRACKS)
    run.tracks()
    on_step(ImportStep.SPEAKERS)
    run.speakers()
    on_step(ImportStep.SESSIONS)
    run.sessions()
    on_step(ImportStep.SLOTS)
    run.slots()
    run.bare_slots()
    on_step(ImportStep.MISSING)
    run.missing()
    on_step(ImportStep.RESULT)
    run.outside()
    run.tell()
    if not run.result.is_same:
        audit.record(
            actor=actor,
            verb="programme_imported",
            subject=event,
            at=now,
            event_id=event.pk,
            added=dict(run.result.added),
            changed=dict(run.result.changed),
            missing=len(run.result.missing),
        )
    return run.result


def _locked_draft(event: Event) -> Schedule:
    """Imports wait for each other, and for a release that is being made, until they commit."""
    draft = Schedule.objects.draft_of(event)
    return Schedule.objects.select_for_update().get(pk=draft.pk)


def preview(*, event: Event, parsed: Parsed, now: datetime, on_step: OnStep = ignore) -> ImportResult:
    """What `apply` would do, by the same steps. Nothing is written."""
    with transaction.atomic():
        result = apply(event=event, parsed=parsed, actor=None, now=now, on_step=on_step)
        transaction.set_rollback(True)
    return result


class _Run:
    """One import; each step needs those before it."""

    def __init__(self, event: Event, draft: Schedule, parsed: Parsed, now: datetime) -> None:
        self.event = event
        self.draft = draft
        self.now = now
        self.language = event.language
        # Times without a zone are the event's; instants stay the same instants.
        programme = parsed.programme.in_zone(parsed.programme.time_zone or event.time_zone)
        self.bare = [session for session in programme.sessions if session.is_bare]
        self.programme = dataclasses.replace(
            programme, sessions=tuple(session for session in programme.sessions if not session.is_bare)
        )
        # One talk that is given several times is one session with several slots.
        by_key: dict[str, list[Session]] = defaultdict(list)
        for session in self.programme.sessions:
            by_key[session.key].append(session)
        self.incoming = [given[0] for given in by_key.values()]
        self.number_of = {key: number for number, key in enumerate(by_key)}
        self.result = ImportResult(
            counts=parsed.programme.counts,
            unread=parsed.unread,
            warnings=parsed.warnings,
            is_garbled=parsed.is_garbled,
        )
        self.room_of: dict[str, Room] = {}
        self.track_of: dict[str, Track] = {}
        self.speaker_of: dict[tuple[str, str], Speaker] = {}
        self.submissions: list[Submission] = []
        # Sessions that were in the event before, by pk.
        self.known: dict[int, Submission] = {}
        self.found: set[int] = set()
        # Of speakers who changed, by pk.
        self.old_names: dict[int, str] = {}
        # What stood there before, and what stands there now, by number of the session.
        self.before: dict[int, Seen] = {}
        self.after: dict[int, Seen] = {}
        self.touched: set[int] = set()
        # Title, and what the file that it came from knew it by.
        self.gone: list[tuple[str, str]] = []

    # -- Rooms and tracks

    def rooms(self, actor: User | None) -> None:
        position = 0
        for row in EventRoom.objects.filter(event=self.event).select_related("room").order_by("position", "pk"):
            position = max(position, row.position + 1)
            for name in _texts(row.room.name):
                self.room_of.setdefault(name, row.room)
        new = [room for room in self.programme.rooms if room.name not in self.room_of]
        if not new:
            return
        venue = self.event.venue or places.create_venue(
            event=self.event, name=self.event.name, actor=actor, now=self.now
        )
        made = Room.objects.bulk_create(
            Room(
                venue=venue, name=self._text(room.name), capacity=room.capacity, note=self._text(room.description[:300])
            )
            for room in new
        )
        EventRoom.objects.bulk_create(
            EventRoom(event=self.event, room=room, position=position + n) for n, room in enumerate(made)
        )
        self.room_of |= {room.name: row for room, row in zip(new, made, strict=True)}
        self.result.added["rooms"] += len(made)

    def tracks(self) -> None:
        position = 0
        for track in self.event.tracks.order_by("position", "pk"):
            position = max(position, track.position + 1)
            for name in _texts(track.name):
                self.track_of.setdefault(name, track)
        new: list[Track] = []
        changed: list[Track] = []
        for incoming in self.programme.tracks:
            known = self.track_of.get(incoming.name)
            if known is None:
                fresh = Track(event=self.event, name=self._text(incoming.name), position=position + len(new))
                fresh.colour = incoming.colour or PALETTE[fresh.position % len(PALETTE)]
                new.append(fresh)
                self.track_of[incoming.name] = fresh
            elif incoming.colour and known.colour.lower() != incoming.colour.lower():
                known.colour = incoming.colour
                changed.append(known)
        Track.objects.bulk_create(new)
        Track.objects.bulk_update(changed, ["colour"])
        self.result.added["tracks"] += len(new)
        self.result.changed["tracks"] += len(changed)

    # -- Speakers

    def speakers(self) -> None:
        existing = list(Speaker.objects.filter(event=self.event).order_by("pk"))
        find = _Finder(
            existing,
            [
                (lambda s: (s.source_id, s.name) if s.source_id else None),
                (lambda s: s.guid),
                (lambda s: s.source_id or None),
                # Somebody entered by hand before the file came, or by a file that had no ids.
                (lambda s: s.name if not s.source_id or s.source_id == _named(s.name) else None),
            ],
        )
        people = self.programme.persons
        in_file = Counter(person.source_id for person in people)
        codes = {speaker.code for speaker in existing}
        guids = {speaker.guid for speaker in existing}
        new, changed = [], []
        matched = find.match(
            [
                (
                    (person.source_id or _named(person.name), person.name),
                    person.guid,
                    person.source_id if in_file[person.source_id] == 1 else None,
                    person.name,
                )
                for person in people
            ]
        )
        for person, known in zip(people, matched, strict=True):
            values: dict[str, Any] = {"source_id": person.source_id or _named(person.name), "name": person.name}
            values |= {name: value for name in ("native_name", "affiliation") if (value := getattr(person, name))}
            if known is None:
                known = Speaker(event=self.event, code=_free_code(person.code, codes), **values)
                known.biography = self._text(person.biography)
                if person.guid and person.guid not in guids:
                    known.guid = person.guid
                guids.add(known.guid)
                new.append(known)
            else:
                if person.biography:
                    values["biography"] = self._merged(known.biography, person.biography)
                name = known.name
                if _assign(known, values):
                    self.old_names[known.pk] = name
                    changed.append(known)
            self.speaker_of[person.key] = known
        Speaker.objects.bulk_create(new, batch_size=_BATCH)
        Speaker.objects.bulk_update(changed, _SPEAKER_FIELDS, batch_size=_BATCH)
        self.result.added["speakers"] += len(new)
        self.result.changed["speakers"] += len(changed)

    # -- Sessions

    def sessions(self) -> None:
        talks = Talk.objects.select_related("speaker").order_by("position", "pk")
        existing = list(
            Submission.objects.filter(event=self.event)
            .select_related("track")
            .prefetch_related(Prefetch("talks", talks), Prefetch("links", Link.objects.order_by("position", "pk")))
            .order_by("pk")
        )
        self.known = {submission.pk: submission for submission in existing}

        def people(submission: Submission) -> tuple[str, ...]:
            return tuple(sorted(talk.speaker.name for talk in submission.talks.all()))

        find = _Finder(
            existing,
            [
                (lambda s: s.guid),
                (lambda s: s.source_id or None),
                (lambda s: (s.title.localize(self.language), people(s))),
            ],
        )
        matched = find.match(
            [
                (
                    session.guid,
                    session.source_id or None,
                    (session.title, tuple(sorted(person.name for person in session.persons))),
                )
                for session in self.incoming
            ]
        )
        codes = {submission.code for submission in existing}
        guids = {submission.guid for submission in existing}
        new: list[Submission] = []
        changed: list[Submission] = []
        touched: set[int] = set()
        for number, (session, known) in enumerate(zip(self.incoming, matched, strict=True)):
            values = self._values(session)
            before = Seen()
            if known is not None:
                names = (self.old_names.get(t.speaker_id, t.speaker.name) for t in known.talks.all())
                before = Seen(known.title.localize(self.language), tuple(names))
            if known is None:
                known = Submission(event=self.event, code=_free_code(session.code, codes), state=session.state)
                if session.guid and session.guid not in guids:
                    known.guid = session.guid
                guids.add(known.guid)
                _assign(known, values)
                new.append(known)
            else:
                for name in ("title", "subtitle", "abstract", "description"):
                    values[name] = self._merged(getattr(known, name), getattr(session, name))
                if session.state == SubmissionState.CANCELLED:
                    values["state"] = session.state
                elif known.state == SubmissionState.CANCELLED and known.source_id:
                    # It came back.
                    values["state"] = session.state
                if _assign(known, values):
                    known.updated_at = self.now
                    changed.append(known)
                    touched.add(number)
                self.found.add(known.pk)
                self.before[number] = before
            self.submissions.append(known)
        Submission.objects.bulk_create(new, batch_size=_BATCH)
        Submission.objects.bulk_update(changed, [*_FIELDS, "state", "updated_at"], batch_size=_BATCH)
        touched |= self._people()
        touched |= self._links()
        fresh = {submission.pk for submission in new}
        self.touched = touched
        self.result.added["sessions"] += len(new)
        self.result.changed["sessions"] += sum(self.submissions[number].pk not in fresh for number in touched)

    def _values(self, session: Session) -> dict[str, Any]:
        return {
            "title": self._text(session.title),
            "subtitle": self._text(session.subtitle),
            "abstract": self._text(session.abstract),
            "description": self._text(session.description),
            "kind": session.kind if session.kind in SubmissionKind.values else SubmissionKind.OTHER,
            "kind_label": session.kind_label[:100],
            "track": self.track_of[session.track] if session.track else None,
            "duration": session.duration,
            "language": session.language[:35],
            "url": session.url if len(session.url) <= 500 else "",
            "do_not_record": session.do_not_record,
            # Never empty: this is how a later import tells what came from a file from what was made by hand.
            "source_id": session.source_id or session.key or "file",
        }

    def _people(self) -> set[int]:
        """Name the speakers of each session in the file's order; returns which sessions' changed."""
        touched, stale, fresh = set(), [], []
        for number, (session, submission) in enumerate(zip(self.incoming, self.submissions, strict=True)):
            wanted = list(dict.fromkeys(self.speaker_of[person.key].pk for person in session.persons))
            named = [talk.speaker_id for talk in submission.talks.all()] if submission.pk in self.known else []
            if wanted != named:
                touched.add(number)
                stale.append(submission.pk)
                fresh += [Talk(submission=submission, speaker_id=pk, position=n) for n, pk in enumerate(wanted)]
        Talk.objects.filter(submission__in=stale).delete()
        Talk.objects.bulk_create(fresh, batch_size=_BATCH * 2)
        return touched

    def _links(self) -> set[int]:
        touched, stale, fresh = set(), [], []
        for number, (session, submission) in enumerate(zip(self.incoming, self.submissions, strict=True)):
            held = submission.links.all() if submission.pk in self.known else ()
            wanted = [
                (link.title[:300], link.url, is_attachment)
                for links, is_attachment in ((session.links, False), (session.attachments, True))
                for link in links
                if len(link.url) <= _LONGEST_ADDRESS
            ]
            if [(link.title, link.url, link.is_attachment) for link in held] != wanted:
                touched.add(number)
                stale.append(submission.pk)
                fresh += [
                    Link(submission=submission, title=title, url=url, is_attachment=is_attachment, position=n)
                    for n, (title, url, is_attachment) in enumerate(wanted)
                ]
        Link.objects.filter(submission__in=stale).delete()
        Link.objects.bulk_create(fresh, batch_size=_BATCH * 2)
        return touched

    # -- Slots

    def slots(self) -> None:
        existing = list(
            Slot.objects.filter(schedule=self.draft)
            .select_related("room", "parent")
            .prefetch_related("chairs")
            .order_by("starts_at", "pk")
        )
        of_session: dict[int, list[Slot]] = defaultdict(list)
        for slot in existing:
            if slot.submission_id:
                of_session[slot.submission_id].append(slot)
        given: dict[int, list[Session]] = defaultdict(list)
        for session in self.programme.sessions:
            if session.state != SubmissionState.CANCELLED:
                given[self.number_of[session.key]].append(session)
        for number, before in self.before.items():
            before.stand_in(of_session[self.submissions[number].pk], self.language)
        uids = {slot.uid for slot in existing}
        # The slot of each block by the id that its talks name; blocks first, so that it is there.
        holders: dict[str, Slot] = {}
        kept: set[int] = set()
        new: list[tuple[Slot, Session]] = []
        changed: list[Slot] = []
        chaired: list[tuple[Slot, Session]] = []
        for number in sorted(given, key=lambda number: bool(given[number][0].parent)):
            submission = self.submissions[number]
            stands: list[Slot] = []
            for session, known in self._pair(given[number], of_session.get(submission.pk, [])):
                values = self._place(session, holders)
                slot = known or Slot(schedule=self.draft, submission=submission)
                if known is None:
                    _assign(slot, values)
                    if (uid := _uid(session)) and uid not in uids:
                        # Calendars know it already: what they are told next has to follow (RFC 5546 §2.1.5).
                        slot.uid, slot.sequence = uid, session.sequence
                    uids.add(slot.uid)
                    new.append((slot, session))
                else:
                    kept.add(known.pk)
                    if not known.locked and _assign(known, values):
                        changed.append(known)
                if not slot.locked:
                    chaired.append((slot, session))
                holders.setdefault(session.source_id, slot)
                stands.append(slot)
            self.after[number] = self._seen(number)
            self.after[number].stand_in(stands, self.language)
        for children in (False, True):
            batch = [slot for slot, session in new if bool(session.parent) == children]
            for slot in batch:
                # Its block was given a number by the first round.
                slot.parent = slot.parent
            Slot.objects.bulk_create(batch, batch_size=_BATCH * 2)
        Slot.objects.bulk_update(changed, _SLOT_FIELDS, batch_size=_BATCH)
        fresh = {slot.pk for slot, _session in new}
        touched = {slot.pk for slot in changed} | self._chairs(chaired, fresh)
        surplus = self._surplus(existing, kept)
        self.result.added["slots"] += len(new)
        self.result.changed["slots"] += len(touched - fresh) + len(surplus)

    def bare_slots(self) -> None:
        """Breaks and the like, which files of our own know by the slot; others that stand in the draft stay there."""
        if not self.bare:
            return
        known = {slot.uid: slot for slot in Slot.objects.filter(schedule=self.draft).select_related("room", "parent")}
        new, changed = [], []
        for session in self.bare:
            assert session.guid
            slot = known.get(session.guid)
            if slot and (slot.locked or slot.submission_id):
                continue
            values = self._place(session, {})
            values["kind"] = session.kind_label if session.kind_label in SlotKind.values else SlotKind.TALK
            if slot is None or slot.title.localize(self.language) != session.title:
                values["title"] = self._text(session.title)
            if slot is None:
                slot = Slot(schedule=self.draft, uid=session.guid)
                new.append(slot)
                _assign(slot, values)
            elif _assign(slot, values):
                changed.append(slot)
        Slot.objects.bulk_create(new, batch_size=_BATCH)
        Slot.objects.bulk_update(changed, [*_SLOT_FIELDS, "title"], batch_size=_BATCH)
        self.result.added["slots"] += len(new)
        self.result.changed["slots"] += len(changed)

    def _surplus(self, existing: list[Slot], kept: set[int]) -> list[int]:
        """Take away the places of sessions of which the file has fewer than the draft."""
        mine = {submission.pk for submission in self.submissions}
        surplus = [
            slot.pk for slot in existing if slot.submission_id in mine and slot.pk not in kept and not slot.locked
        ]
        Slot.objects.filter(pk__in=surplus).delete()
        return surplus

    def _seen(self, number: int) -> Seen:
        session = self.incoming[number]
        names = dict.fromkeys(self.speaker_of[person.key].name for person in session.persons)
        return Seen(self.submissions[number].title.localize(self.language), tuple(names))

    def _place(self, session: Session, holders: dict[str, Slot]) -> dict[str, Any]:
        parent = holders.get(session.parent) if session.parent else None
        kind = _SLOT_KINDS.get(session.kind, SlotKind.TALK)
        if parent is not None and (parent.kind not in HOLDS_TALKS or parent.parent is not None or kind in HOLDS_TALKS):
            parent = None
        return {
            "kind": kind,
            "room": self.room_of[session.room] if session.room else None,
            "starts_at": session.start,
            "ends_at": session.end,
            "parent": parent,
            "board": session.board[:20] if parent is not None and parent.kind == SlotKind.POSTERS else "",
        }

    def _chairs(self, chaired: list[tuple[Slot, Session]], fresh: set[int]) -> set[int]:
        chairs = Slot.chairs.through
        touched: set[int] = set()
        links = []
        for slot, session in chaired:
            wanted = {self.speaker_of[person.key].pk for person in session.chairs}
            held = set() if slot.pk in fresh else {speaker.pk for speaker in slot.chairs.all()}
            if wanted != held:
                touched.add(slot.pk)
                links += [chairs(slot_id=slot.pk, speaker_id=pk) for pk in wanted]
        chairs.objects.filter(slot__in=touched).delete()
        chairs.objects.bulk_create(links)
        return touched

    def _pair(self, given: list[Session], slots: list[Slot]) -> list[tuple[Session, Slot | None]]:
        """The places of one session in the file with those in the draft: equal ones first, then in order of time."""
        free = list(slots)
        pairs: dict[int, Slot] = {}
        for number, session in enumerate(given):
            if same := next((slot for slot in free if slot.starts_at == session.start), None):
                pairs[number] = same
                free.remove(same)
        for number in range(len(given)):
            if number not in pairs and free:
                pairs[number] = free.pop(0)
        return [(session, pairs.get(number)) for number, session in enumerate(given)]

    # -- What is gone

    def missing(self) -> None:
        gone = [
            submission
            for pk, submission in self.known.items()
            if submission.source_id
            and pk not in self.found
            and submission.state in {SubmissionState.ACCEPTED, SubmissionState.CONFIRMED}
        ]
        if not gone:
            return
        if self._is_another_programme():
            self.result.notes.append(
                ngettext(
                    "The session imported before is not in this file: it stays, and this programme is added.",
                    "None of the %(count)s sessions imported before is in this file: they stay, and this programme is added.",
                    len(gone),
                )
                % {"count": len(gone)}
            )
            return
        Slot.objects.filter(schedule=self.draft, submission__in=gone).delete()
        for submission in gone:
            submission.state = SubmissionState.CANCELLED
            submission.updated_at = self.now
        Submission.objects.bulk_update(gone, ["state", "updated_at"], batch_size=_BATCH)
        self.gone = [(submission.title.localize(self.language), submission.source_id) for submission in gone]
        self.result.missing = sorted(title for title, _key in self.gone)

    def tell(self) -> None:
        """Session by session, for people."""
        for number, session in enumerate(self.incoming):
            after = self.after.get(number) or self._seen(number)
            before = self.before.get(number)
            if before is None:
                told = SessionChange(
                    kind="added", key=session.key, title=session.title, changes=after.placed(self.event.tz)
                )
            else:
                changes = before.changes(after, self.event.tz)
                if not changes and number in self.touched:
                    changes = (FieldChange(field="details"),)
                told = SessionChange(kind="changed", key=session.key, title=after.title, changes=changes)
            if before is None or told.changes:
                self.result.sessions.append(told)
        self.result.sessions += [
            SessionChange(kind="missing", key=key, title=title) for title, key in sorted(self.gone)
        ]

    def outside(self) -> None:
        """A file of another year is soon chosen."""
        first, last = first_instant(self.event), last_instant(self.event)
        outside = sum(not first <= session.start <= last for session in self.programme.sessions)
        if outside:
            self.result.notes.append(
                ngettext(
                    "%(count)s session is not on a day of the event (%(first)s to %(last)s).",
                    "%(count)s sessions are not on a day of the event (%(first)s to %(last)s).",
                    outside,
                )
                % {"count": outside, "first": self.event.starts_on, "last": self.event.ends_on}
            )

    def _is_another_programme(self) -> bool:
        """Not one session was known: a second file for the same event, not a newer state of the first."""
        return not any(pk in self.found for pk, submission in self.known.items() if submission.source_id)

    # -- Texts

    def _text(self, text: str) -> LazyI18nString:
        return localized(text, self.language)

    def _merged(self, old: LazyI18nString, text: str) -> LazyI18nString:
        """The file's text in the event's first language; what organizers wrote in others stays."""
        data = dict(localized(old, self.language).data or {})
        data.pop(self.language, None)
        if text:
            data[self.language] = text
        return LazyI18nString(data)


_FIELDS: Final = (
    "title",
    "subtitle",
    "abstract",
    "description",
    "kind",
    "kind_label",
    "track",
    "duration",
    "language",
    "url",
    "do_not_record",
    "source_id",
)

_SPEAKER_FIELDS: Final = ("source_id", "name", "native_name", "affiliation", "biography")
_SLOT_FIELDS: Final = ("kind", "room", "starts_at", "ends_at", "parent", "board")
_LONGEST_ADDRESS: Final = 1000

#: For tracks whose file names no colour: apart from each other, and legible as a bar on light and dark.
PALETTE: Final = (
    "#1F7A8C", "#B5533C", "#5B7F2B", "#8A5A9E", "#B0851B", "#2F6DB5", "#B34A6E", "#3F8F6B", "#7A6A58", "#6464B8",
    "#A65E2E", "#4A8296",
)  # fmt: skip


def _named(name: str) -> str:
    """The id of somebody in a file that gives people none."""
    return f"name:{name}"[:200]


class _Finder(Generic[Thing]):
    """Known rows by several keys, the surest first; each row is found once."""

    def __init__(self, rows: Iterable[Thing], keys: Sequence[Callable[[Thing], object]]) -> None:
        self._tables: list[dict[object, list[Thing]]] = []
        for key in keys:
            table: dict[object, list[Thing]] = defaultdict(list)
            for row in rows:
                if (value := key(row)) is not None:
                    table[value].append(row)
            self._tables.append(table)

    def match(self, wanted: Sequence[Sequence[object]]) -> list[Thing | None]:
        """One row or None for each of `wanted`, which has a value, or None, for each key."""
        matched: list[Thing | None] = [None] * len(wanted)
        taken: set[int] = set()
        for level, table in enumerate(self._tables):
            for number, values in enumerate(wanted):
                if matched[number] is not None or values[level] is None:
                    continue
                row = next((row for row in table.get(values[level], ()) if row.pk not in taken), None)
                if row is not None:
                    matched[number] = row
                    taken.add(row.pk)
        return matched


def _assign(row: models.Model, values: dict[str, Any]) -> bool:
    """Set what is different; whether anything was."""
    changed = False
    for name, value in values.items():
        old = getattr(row, name)
        if isinstance(value, LazyI18nString):
            if (localized(old or "", "").data or {}) == (value.data or {}):
                continue
        elif old == value:
            continue
        setattr(row, name, value)
        changed = True
    return changed


def _texts(text: LazyI18nString) -> list[str]:
    data = text.data
    return [*data.values()] if isinstance(data, dict) else [str(data or "")]


def _free_code(wanted: str, taken: set[str]) -> str:
    """The code that the file has, where it is one and nobody else has it; otherwise a new one."""
    code = wanted if _CODE.fullmatch(wanted) and wanted not in taken else new_code()
    while code in taken:
        code = new_code()
    taken.add(code)
    return code


def _uid(session: Session) -> uuid.UUID | None:
    """A calendar that knows the session from the file will know it from us."""
    try:
        return uuid.UUID(session.uid.partition("@")[0])
    except ValueError:
        return None
