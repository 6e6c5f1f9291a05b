"""schedule.json as frab, pretalx and the c3voc tools read it: https://c3voc.de/wiki/schedule, valid by its schema."""

from __future__ import annotations

import json
from typing import Any, Final

from scheduling.exports.entries import Entry, acronym_of, by_day_and_room, clean, clock, description_of, entries_of
from scheduling.exports.frab_xml import GENERATOR
from scheduling.programme import Link, Person, Programme

CONTENT_TYPE: Final = "application/json"
SCHEMA: Final = "https://c3voc.de/schedule/schema.json"


def write(programme: Programme) -> bytes:
    days = []
    for day, places in by_day_and_room(programme, entries_of(programme)):
        assert day.start
        assert day.end
        days.append(
            {
                "index": day.index,
                "date": day.date.isoformat(),
                "day_start": day.start.isoformat(),
                "day_end": day.end.isoformat(),
                "rooms": {clean(name): [_event(entry) for entry in entries] for name, entries in places},
            }
        )
    conference = {
        "acronym": acronym_of(programme),
        "title": clean(programme.title),
        "start": programme.start.isoformat(),
        "end": programme.end.isoformat(),
        "daysCount": len(days),
        "timeslot_duration": f"00:{programme.time_slot_minutes:02d}",
        "time_zone_name": programme.time_zone or "UTC",
        "url": programme.url,
        # The schema lets only rooms with a guid stand here; their names stand below each day.
        "rooms": [
            {
                "name": clean(room.name),
                "guid": str(room.guid),
                "description": clean(room.description),
                "capacity": room.capacity,
            }
            for room in programme.rooms
            if room.guid
        ],
        "tracks": [
            {"name": clean(track.name), **({"color": track.colour} if track.colour else {})}
            for track in programme.tracks
        ],
        "days": days,
    }
    document = {
        "$schema": SCHEMA,
        "generator": {"name": GENERATOR},
        "schedule": {"version": programme.version, "base_url": programme.base_url, "conference": conference},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _event(entry: Entry) -> dict[str, Any]:
    session = entry.session
    return {
        "guid": str(entry.guid),
        **({"code": entry.code} if entry.code else {}),
        "id": entry.number,
        "date": session.start.isoformat(),
        "start": f"{session.start:%H:%M}",
        "end": session.end.isoformat(),
        "duration": clock(session.duration),
        "room": clean(session.room),
        "slug": entry.slug,
        "url": session.url,
        "title": clean(session.title),
        "subtitle": clean(session.subtitle),
        "track": clean(session.track) or None,
        "type": clean(session.kind_label or session.kind),
        "language": session.language or None,
        "abstract": clean(session.abstract),
        "description": clean(description_of(session)),
        "recording_license": clean(session.licence),
        "do_not_record": session.do_not_record,
        "persons": [_person(person) for person in session.persons],
        "links": [_link(link) for link in session.links],
        "attachments": [_link(link) for link in session.attachments],
        **({"feedback_url": session.feedback_url} if session.feedback_url else {}),
    }


def _person(person: Person) -> dict[str, Any]:
    # The schema takes somebody with a number and somebody with a code for two kinds of person, and nobody for both.
    return {
        **({"guid": str(person.guid)} if person.guid else {}),
        "code": person.code,
        "name": clean(person.name),
        "avatar": None,
        "biography": clean(person.biography),
        **({"url": person.url} if person.url else {}),
    }


def _link(link: Link) -> dict[str, str]:
    return {"url": clean(link.url), "title": clean(link.title or link.url)}
