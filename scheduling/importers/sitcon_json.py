"""sessions.json of SITCON, COSCUP and others that use the same app: sessions, speakers, rooms, types and tags, named in several
languages (`zh`, `en`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_moment
from scheduling.programme import Link, Person

FORMAT: Final = "SITCON JSON"

_LANGUAGE: Final = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?")
_LINKS: Final = ("slide", "record", "live", "qa", "co_write")

Thing = Mapping[str, Any]


def recognises(file: SourceFile) -> bool:
    document = file.document if file.is_json else None
    if not isinstance(document, dict) or not isinstance(document.get("rooms"), list):
        return False
    first = next((session for _number, session in dicts(document.get("sessions"))), {})
    return {"start", "end"} <= first.keys() and bool(_languages(first))


def parse(file: SourceFile) -> Parsed:
    return _Reader(file.document, file.collector(FORMAT)).read()


def _languages(thing: Thing) -> list[str]:
    return [key for key, value in thing.items() if _LANGUAGE.fullmatch(key) and isinstance(value, dict)]


def _main_language(sessions: object) -> str:
    """English where the sessions have titles in it, else the language that they are in; Chinese under `en` is no English."""
    votes: Counter[str] = Counter()
    for _number, session in dicts(sessions):
        languages = _languages(session)
        english = text_of(session["en"], "title") if "en" in languages else ""
        votes["en" if english and english.isascii() else next((key for key in languages if key != "en"), "en")] += 1
    return votes.most_common(1)[0][0] if votes else "en"


class _Reader:
    def __init__(self, document: Any, collector: Collector) -> None:
        self._into = collector
        self._sessions = document.get("sessions")
        self._language = _main_language(self._sessions)
        self._rooms = self._named(document, "rooms")
        self._types = self._named(document, "session_types")
        self._tags = self._named(document, "tags")
        self._people = {
            text_of(speaker, "id"): (f"speakers[{number}]", speaker)
            for number, speaker in dicts(document.get("speakers"))
        }

    def read(self) -> Parsed:
        for number, session in dicts(self._sessions):
            path = f"sessions[{number}]"
            try:
                self._add(path, session)
            except Unreadable as reason:
                title = shortened(line(self._text(session, "title")), 60)
                self._into.unread(path, f"{reason} ({title})" if title else str(reason))
        return self._into.result()

    def _text(self, thing: Thing, name: str, *, other: bool = False) -> str:
        """In the main language, else in any; with `other` in one that is not the main one."""
        languages = sorted(_languages(thing), key=lambda key: key != self._language)
        for language in languages[1:] if other else languages:
            if text := text_of(thing[language], name):
                return text
        return "" if other else text_of(thing, name)

    def _named(self, document: Thing, name: str) -> dict[str, str]:
        return {text_of(thing, "id"): self._text(thing, "name") for _number, thing in dicts(document.get(name))}

    def _add(self, path: str, session: Thing) -> None:
        start = parse_moment(text_of(session, "start"))
        tags = session.get("tags")
        names = [self._tags.get(as_text(tag)) or as_text(tag) for tag in (tags if isinstance(tags, list) else ())]
        speakers = session.get("speakers")
        self._into.add(
            path,
            title=self._text(session, "title"),
            start=start,
            duration=between(start, parse_moment(text_of(session, "end"))),
            source_id=text_of(session, "id"),
            room=self._rooms.get(text_of(session, "room")) or text_of(session, "room"),
            kind_label=self._types.get(text_of(session, "type")) or text_of(session, "type"),
            # A session has one track here: the first of its tags.
            track=next(iter(names), ""),
            language=text_of(session, "language"),
            description=self._text(session, "description"),
            persons=[
                self._person(path, as_text(identifier))
                for identifier in (speakers if isinstance(speakers, list) else ())
            ],
            links=self._links(path, session),
            url=text_of(session, "uri"),
        )

    def _person(self, path: str, identifier: str) -> Person | None:
        where, speaker = self._people.get(identifier, (path, None))
        if speaker is None:
            self._into.warn(
                path, _("It names a speaker %(id)s who is not in the file.") % {"id": shortened(line(identifier), 40)}
            )
            return None
        name, other = self._text(speaker, "name"), self._text(speaker, "name", other=True)
        return self._into.person(
            where,
            name=name,
            source_id=identifier,
            native_name=other if other != name else "",
            biography=self._text(speaker, "bio"),
        )

    def _links(self, path: str, session: Thing) -> list[Link | None]:
        return [
            self._into.link(f"{path}.{name}", url=url, kind=name)
            for name in _LINKS
            if (url := text_of(session, name)).strip()
        ]
