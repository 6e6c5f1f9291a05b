"""JSON of pretalx apart from its schedule.json: answers of its REST API (submissions, talks, slots, one schedule), what its
widget is fed with, and the grid that websites make of them, in which talks stand under day, minute and room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.importers.collecting import Collector, read_colour, read_uuid
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_date, parse_duration, parse_moment
from scheduling.programme import Link, Person, Room, Track

FORMAT: Final = "pretalx JSON"

_LISTS: Final = ("talks", "results", "submissions", "slots")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MINUTES: Final = re.compile(r"\d{1,4}")
#: What pretalx shows to the public.
_PUBLIC: Final = frozenset({"", "accepted", "confirmed"})

Talk = Mapping[str, Any]


def recognises(file: SourceFile) -> bool:
    if not file.is_json:
        return False
    document = file.document
    return _is_grid(document) or _is_empty_page(document) or any(_is_talk(talk) for _path, talk in _listed(document))


def parse(file: SourceFile) -> Parsed:
    return _Reader(file.document, file.collector(FORMAT)).read()


def _is_grid(document: Any) -> bool:
    """`{"schedule": {"2024-11-02": {"540": {"3": talk}}}}`"""
    days = document.get("schedule") if isinstance(document, dict) else None
    return (
        isinstance(days, dict)
        and bool(days)
        and all(_DATE.fullmatch(day) and isinstance(minutes, dict) for day, minutes in days.items())
    )


def _is_empty_page(document: Any) -> bool:
    return isinstance(document, dict) and document.get("results") == [] and "count" in document


def _is_talk(talk: Talk) -> bool:
    if "submission" in talk:
        return "start" in talk or "room" in talk
    if "code" not in talk or "title" not in talk:
        return False
    return bool({"slot", "slots", "submission_type", "session_type"} & talk.keys()) or {"start", "room"} <= talk.keys()


def _listed(document: Any) -> Iterator[tuple[str, Talk]]:
    """The talks of a list, and those of an object's lists."""
    if isinstance(document, list):
        for number, talk in dicts(document):
            if isinstance(talk.get("results"), list):
                # Pages of an answer, one after the other.
                yield from ((f"[{number}].results[{place}]", entry) for place, entry in dicts(talk["results"]))
            else:
                yield f"[{number}]", talk
    elif isinstance(document, dict):
        for name in _LISTS:
            yield from ((f"{name}[{number}]", talk) for number, talk in dicts(document.get(name)))


def _known(document: Any, name: str, key: str = "id") -> dict[str, Talk]:
    """What the document tells apart from the talks, by id; it may be a list, or an object by id."""
    values = document.get(name) if isinstance(document, dict) else None
    if isinstance(values, dict):
        return {str(key): value for key, value in values.items() if isinstance(value, dict)}
    return {text_of(value, key): value for _number, value in dicts(values)}


class _Reader:
    def __init__(self, document: Any, collector: Collector) -> None:
        self._document = document
        self._into = collector
        self._rooms = _known(document, "rooms")
        self._tracks = _known(document, "tracks")
        self._types = _known(document, "submission_types")
        self._speakers = _known(document, "speakers", "code")
        self._nameless: set[str] = set()

    def read(self) -> Parsed:
        into, document = self._into, self._document
        if isinstance(document, dict):
            into.set_zone("timezone", text_of(document, "timezone"))
        for identifier, room in self._rooms.items():
            self._room(f"rooms[{identifier}]", room)
        for identifier, track in self._tracks.items():
            self._track(f"tracks[{identifier}]", track)
        if _is_grid(document):
            self._grid(document["schedule"])
            self._other_grids()
        else:
            for path, talk in _listed(document):
                self._talk(path, talk)
            if isinstance(document, dict):
                for number, pause in dicts(document.get("breaks")):
                    self._talk(f"breaks[{number}]", pause)
            self._tell_of_pages()
        if self._nameless:
            count = len(self._nameless)
            into.warn(
                _("file"),
                ngettext(
                    "%(count)d speaker is named only by a code and was left out.",
                    "%(count)d speakers are named only by a code and were left out.",
                    count,
                )
                % {"count": count}
                + " "
                + _("Ask the API for them with ?expand=speakers."),
            )
        return into.result(
            title=text_of(document, "title") if isinstance(document, dict) else "",
            version=text_of(document, "version") if isinstance(document, dict) else "",
            generator="pretalx",
        )

    # What the document tells apart from the talks

    def _room(self, where: str, room: Talk) -> None:
        capacity = room.get("capacity")
        self._into.add_room(
            Room(
                name=self._into.line(where, "room", text_of(room, "name")),
                guid=read_uuid(text_of(room, "guid", "uuid")),
                capacity=capacity if type(capacity) is int and 0 < capacity < 1_000_000 else None,
                description=self._into.text(where, text_of(room, "description")),
            )
        )

    def _track(self, where: str, track: Talk) -> None:
        colour = text_of(track, "color")
        self._into.add_track(
            Track(
                name=self._into.line(where, "track", text_of(track, "name")),
                colour=read_colour(colour) if colour else "",
            )
        )

    def _tell_of_pages(self) -> None:
        document = self._document
        if isinstance(document, dict) and text_of(document, "next"):
            self._into.warn(
                "next",
                _("This is one page of an answer with %(count)s entries: the other pages are not in this file.")
                % {"count": shortened(line(text_of(document, "count")), 20) or "?"},
            )

    # The grid

    def _grid(self, days: Mapping[str, Any]) -> None:
        for path, talk, day, minutes in _cells("schedule", days):
            if isinstance(talk, dict):
                self._talk(path, talk, day=day, minutes=minutes)
            else:
                self._into.unread(path, _("This is no event."))

    def _other_grids(self) -> None:
        for name, days in self._document.items():
            if name == "schedule" or not _is_grid({"schedule": days}):
                continue
            count = sum(1 for _cell in _cells(name, days))
            self._into.warn(
                shortened(line(name), 60),
                ngettext(
                    "%(count)d entry stands apart from the schedule and was left out.",
                    "%(count)d entries stand apart from the schedule and were left out.",
                    count,
                )
                % {"count": count},
            )

    # Talks

    def _talk(self, path: str, talk: Talk, *, day: str = "", minutes: str = "") -> None:
        submission = talk.get("submission")
        places: object = talk.get("slots") or talk.get("slot") or None
        if isinstance(submission, dict):
            talk, places = submission, talk
        elif places is None and (talk.get("start") or talk.get("end")):
            places = talk
        state = text_of(talk, "state").strip().lower()
        if state not in _PUBLIC:
            self._into.leave_out(state)
            return
        try:
            for place in self._places(places, talk, day=day, minutes=minutes):
                self._add(path, talk, place, day=day, minutes=minutes)
        except Unreadable as reason:
            title = shortened(line(text_of(talk, "title", "code")), 60)
            self._into.unread(path, f"{reason} ({title})" if title else str(reason))

    @staticmethod
    def _places(places: object, talk: Talk, *, day: str, minutes: str) -> list[Talk]:
        found: list[Talk] = [
            place for place in (places if isinstance(places, list) else [places]) if isinstance(place, dict)
        ]
        if found:
            return found
        if day and minutes:
            return [{}]
        if isinstance(places, list) and places:
            raise Unreadable(_("Its times are given by number only. Ask the API with ?expand=slots,slots.room."))
        if isinstance(talk.get("submission"), str):
            raise Unreadable(_("It has no time."))
        raise Unreadable(_("It has no place in the schedule."))

    def _add(self, path: str, talk: Talk, place: Talk, *, day: str, minutes: str) -> None:
        into = self._into
        start = self._start(place, day, minutes)
        code = text_of(talk, "code")
        into.add(
            path,
            title=text_of(talk, "title") or text_of(place, "description") or self._title_of_code(talk),
            start=start,
            duration=self._duration(talk, place, start),
            day=parse_date(day) if day else None,
            source_id=code or text_of(talk, "id"),
            guid=text_of(talk, "guid"),
            code=code,
            room=self._room_of(place, talk),
            kind_label=self._name(talk.get("submission_type") or talk.get("session_type"), self._types),
            track=self._name(talk.get("track"), self._tracks),
            track_colour=self._colour(talk.get("track")),
            language=text_of(talk, "content_locale"),
            abstract=text_of(talk, "abstract"),
            description="" if "submission" in place else text_of(talk, "description"),
            persons=self._persons(path, talk.get("speakers")),
            attachments=self._resources(f"{path}.resources", talk.get("resources")),
            url=text_of(talk, "url"),
            do_not_record=talk.get("do_not_record") is True,
            state="accepted" if text_of(talk, "state").strip().lower() == "accepted" else "confirmed",
        )

    @staticmethod
    def _title_of_code(talk: Talk) -> str:
        code = as_text(talk.get("submission")).strip()
        if code:
            raise Unreadable(
                _("It names its session only by the code %(code)s. Ask the API with ?expand=submission.")
                % {"code": shortened(line(code), 20)}
            )
        return ""

    @staticmethod
    def _start(place: Talk, day: str, minutes: str) -> datetime:
        text = text_of(place, "start").strip()
        if text:
            return parse_moment(text)
        if not _MINUTES.fullmatch(minutes) or int(minutes) >= 48 * 60:
            raise Unreadable(_("It has no time."))
        return datetime.combine(parse_date(day), datetime.min.time()) + timedelta(minutes=int(minutes))

    @staticmethod
    def _duration(talk: Talk, place: Talk, start: datetime) -> timedelta:
        end = text_of(place, "end").strip()
        return between(start, parse_moment(end)) if end else parse_duration(text_of(talk, "duration"))

    def _room_of(self, place: Talk, talk: Talk) -> str:
        known = self._rooms.get(text_of(place, "room_id"))
        name = text_of(known, "name") if known else ""
        return name or self._name(place.get("room"), self._rooms) or self._name(talk.get("room"), self._rooms)

    @staticmethod
    def _name(value: object, known: Mapping[str, Talk]) -> str:
        """A name may stand as it is, in several languages, in an object that has it, or behind a number."""
        if isinstance(value, dict):
            return text_of(value, "name") or ("" if "id" in value else as_text(value))
        text = as_text(value)
        if text in known:
            return text_of(known[text], "name")
        return text if isinstance(value, str) else ""

    @staticmethod
    def _colour(track: object) -> str:
        return text_of(track, "color") if isinstance(track, dict) else ""

    def _persons(self, path: str, speakers: object) -> list[Person | None]:
        return [
            self._person(f"{path}.speakers[{number}]", speaker)
            for number, speaker in enumerate(speakers if isinstance(speakers, list) else ())
        ]

    def _person(self, where: str, speaker: object) -> Person | None:
        known = speaker if isinstance(speaker, dict) else self._speakers.get(as_text(speaker))
        if known is None:
            self._nameless.add(as_text(speaker))
            return None
        code = text_of(known, "code") or ("" if speaker is known else as_text(speaker))
        return self._into.person(
            where,
            name=text_of(known, "name"),
            source_id=code,
            guid=text_of(known, "guid"),
            code=code,
            biography=text_of(known, "biography"),
        )

    def _resources(self, where: str, resources: object) -> list[Link | None]:
        return [
            self._into.link(
                f"{where}[{number}]",
                url=text_of(resource, "resource", "link", "url"),
                title=text_of(resource, "description", "title"),
            )
            for number, resource in dicts(resources)
        ]


def _cells(name: str, days: Mapping[str, Any]) -> Iterator[tuple[str, object, str, str]]:
    """Path, what stands there, day and minutes. A cell of several rooms, or of one thing for all."""
    for day, rows in days.items():
        for minutes, rooms in rows.items():
            path = f'{name}["{day}"]["{shortened(line(minutes), 20)}"]'
            if isinstance(rooms, dict) and not {"title", "id", "code"} & rooms.keys():
                for room, talk in rooms.items():
                    yield f'{path}["{shortened(line(room), 20)}"]', talk, day, minutes
            else:
                yield path, rooms, day, minutes
