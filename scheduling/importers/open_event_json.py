"""`sessions` of an Open Event export, as Eventyay writes it for FOSSASIA: proposals in every state, of which the accepted ones are
the programme."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from scheduling.importers.collecting import Collector
from scheduling.importers.json_text import dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_duration, parse_moment
from scheduling.programme import Link, Person

FORMAT: Final = "Open Event JSON"

_PUBLIC: Final = frozenset({"", "accepted", "confirmed"})
_STARTS: Final = ("start_time", "starts_at", "starts-at")
_ENDS: Final = ("end_time", "ends_at", "ends-at")
_FILES: Final = ("slides", "slides_url", "video", "video_url", "audio", "audio_url")


def recognises(file: SourceFile) -> bool:
    if not file.is_json:
        return False
    first = next((session for _number, session in dicts(_sessions(file.document))), {})
    return (
        "title" in first and bool({"microlocation", "session_type"} & first.keys()) and bool({*_STARTS} & first.keys())
    )


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    path = "" if isinstance(file.document, list) else "sessions"
    for number, session in dicts(_sessions(file.document)):
        _session(collector, f"{path}[{number}]", session)
    return collector.result()


def _sessions(document: Any) -> object:
    return document.get("sessions") if isinstance(document, dict) else document


def _session(into: Collector, path: str, session: Mapping[str, Any]) -> None:
    state = text_of(session, "state").strip().lower()
    if state not in _PUBLIC:
        into.leave_out(state)
        return
    try:
        _add(into, path, session)
    except Unreadable as reason:
        title = shortened(line(text_of(session, "title")), 60)
        into.unread(path, f"{reason} ({title})" if title else str(reason))


def _add(into: Collector, path: str, session: Mapping[str, Any]) -> None:
    start = parse_moment(text_of(session, *_STARTS))
    track = session.get("track")
    into.add(
        path,
        title=text_of(session, "title"),
        subtitle=text_of(session, "subtitle"),
        start=start,
        duration=_duration(session, start),
        source_id=text_of(session, "id"),
        room=_name(session, "microlocation") or _name(session, "room"),
        kind_label=_name(session, "session_type"),
        track=_name(session, "track"),
        track_colour=text_of(track, "color") if isinstance(track, dict) else "",
        language=text_of(session, "language"),
        abstract=text_of(session, "short_abstract"),
        description=text_of(session, "long_abstract"),
        persons=[_person(into, f"{path}.speakers[{n}]", speaker) for n, speaker in dicts(session.get("speakers"))],
        attachments=_attachments(into, path, session),
        state="accepted" if text_of(session, "state") == "accepted" else "confirmed",
    )


def _name(session: Mapping[str, Any], field: str) -> str:
    value = session.get(field)
    return text_of(value, "name") if isinstance(value, dict) else text_of(session, field)


def _duration(session: Mapping[str, Any], start: datetime) -> timedelta:
    end = text_of(session, *_ENDS).strip()
    if end:
        return between(start, parse_moment(end))
    kind = session.get("session_type")
    return parse_duration(text_of(kind, "length") if isinstance(kind, dict) else "")


def _person(into: Collector, where: str, speaker: Mapping[str, Any]) -> Person | None:
    return into.person(
        where,
        name=text_of(speaker, "name"),
        source_id=text_of(speaker, "id"),
        affiliation=text_of(speaker, "organisation"),
        biography=text_of(speaker, "long_biography", "short_biography"),
        url=text_of(speaker, "website"),
    )


def _attachments(into: Collector, path: str, session: Mapping[str, Any]) -> list[Link | None]:
    kinds = ((name, text_of(session, name)) for name in _FILES)
    return [into.link(f"{path}.{name}", url=url, kind=name.removesuffix("_url")) for name, url in kinds if url.strip()]
