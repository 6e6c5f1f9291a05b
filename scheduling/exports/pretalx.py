"""A release in the shapes of pretalx's API (pretalx 2026.2, `doc/api/schema.yml`), as tables of rows that refer to each other.

Only what is public: the sessions of the release, their people without addresses, rooms, tracks, kinds. What pretalx has and we
do not (answers, tags, resources, signups) is empty, as its own schema allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from i18nfield.strings import LazyI18nString

from events.models import Event, Room, Track
from scheduling.models import Schedule, Slot

CONTENT_TYPE: Final = "application/json"
#: Of pretalx, whose shapes these are.
API_VERSION: Final = "v1"

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def write(schedule: Schedule, slots: Iterable[Slot]) -> bytes:
    """`slots`: read by `programme.slots_with_all`; blocks, breaks and the like, which are no submissions, are left out."""
    return json.dumps(_Tables(schedule, list(slots)).tables(), ensure_ascii=False, separators=(",", ":")).encode()


def write_widget(tables: bytes, event: Event) -> bytes:
    """What pretalx's embedded schedule asks for (`widgets/schedule.json`), from what `write` wrote."""
    found = json.loads(tables)
    slots = {slot["id"]: slot for slot in found["slots"]}
    talks = [
        {
            "code": row["code"],
            "id": pk,
            "title": row["title"],
            "abstract": row["abstract"],
            "speakers": row["speakers"],
            "track": row["track"],
            "start": slots[pk]["start"],
            "end": slots[pk]["end"],
            "room": slots[pk]["room"],
            "duration": slots[pk]["duration"],
            "content_locale": row["content_locale"],
            "do_not_record": row["do_not_record"],
            "state": row["state"],
            "fav_count": 0,
            "tags": [],
        }
        for row in found["submissions"]
        for pk in row["slots"]
    ]
    widget = {
        "talks": talks,
        "version": found["schedules"][0]["version"],
        "timezone": event.time_zone,
        "event_start": event.starts_on.isoformat(),
        "event_end": event.ends_on.isoformat(),
        "tracks": [{key: row[key] for key in ("id", "name", "description", "color")} for row in found["tracks"]],
        "rooms": [{key: row[key] for key in ("id", "name", "description")} for row in found["rooms"]],
        "speakers": [{"code": row["code"], "name": row["name"], "avatar": None} for row in found["speakers"]],
    }
    return json.dumps(widget, ensure_ascii=False, separators=(",", ":")).encode()


def event_row(event: Event) -> Row:
    """As in the list of events."""
    return {
        "name": texts(event.name, event),
        "slug": event.slug,
        "is_public": event.is_public,
        "date_from": event.starts_on.isoformat(),
        "date_to": event.ends_on.isoformat(),
        "timezone": event.time_zone,
    }


def event_details(event: Event) -> Row:
    return {
        **event_row(event),
        # The site's own: an organizer's address is nobody's business here.
        "email": settings.MAIL_FROM,
        "primary_color": None,
        "custom_domain": None,
        "logo": "",
        "header_image": "",
        "og_image": "",
        "locale": event.language,
        "locales": list(event.locales),
        "content_locales": list(event.locales),
    }


def schedule_row(pk: int, version: str, released_at: str) -> Row:
    return {"id": pk, "version": version, "published": released_at}


def texts(text: LazyI18nString | str, event: Event) -> dict[str, str]:
    data = text.data if isinstance(text, LazyI18nString) else text
    return (
        {key: value for key, value in data.items() if value} if isinstance(data, dict) else {event.language: data or ""}
    )


class _Tables:
    def __init__(self, schedule: Schedule, slots: list[Slot]) -> None:
        self.schedule = schedule
        self.event = schedule.event
        self.places = dict(self.event.event_rooms.values_list("room_id", "position"))
        self.slots = sorted((slot for slot in slots if slot.submission), key=self._order)

    def tables(self) -> Tables:
        kinds: dict[str, int] = {}
        submissions: dict[str, Row] = {}
        speakers: dict[str, Row] = {}
        rooms: dict[int, Row] = {}
        tracks: dict[int, Row] = {}
        for slot in self.slots:
            submission = slot.submission
            assert submission is not None
            label = submission.kind_label or submission.kind
            kind = kinds.setdefault(label, len(kinds) + 1)
            if slot.room:
                rooms.setdefault(slot.room.pk, self._room(slot.room))
            if submission.track:
                tracks.setdefault(submission.track.pk, self._track(submission.track))
            row = submissions.get(submission.code)
            if row is None:
                row = submissions[submission.code] = self._submission(slot, kind)
                for talk in submission.talks.all():
                    person = speakers.setdefault(talk.speaker.code, self._speaker(talk.speaker))
                    person["submissions"].append(submission.code)
            row["slots"].append(slot.pk)
            row["slot_count"] = len(row["slots"])
        assert self.schedule.released_at is not None
        return {
            "submissions": list(submissions.values()),
            "speakers": sorted(speakers.values(), key=lambda row: (row["name"], row["code"])),
            "rooms": sorted(rooms.values(), key=lambda row: (row["position"] is None, row["position"], row["id"])),
            "tracks": sorted(tracks.values(), key=lambda row: (row["position"], row["id"])),
            "submission-types": [self._kind(label, pk) for label, pk in kinds.items()],
            "slots": [self._slot(slot) for slot in self.slots],
            "schedules": [
                {
                    **schedule_row(
                        self.schedule.pk, self.schedule.version or "", self._moment(self.schedule.released_at)
                    ),
                    "comment": texts(self.schedule.comment, self.event),
                    "slots": [slot.pk for slot in self.slots],
                }
            ],
        }

    def _submission(self, slot: Slot, kind: int) -> Row:
        submission = slot.submission
        assert submission is not None
        return {
            "code": submission.code,
            "title": self._text(slot.title) or self._text(submission.title),
            "speakers": [talk.speaker.code for talk in submission.talks.all()],
            "submission_type": kind,
            "track": submission.track_id,
            "tags": [],
            "state": "confirmed",
            "abstract": self._text(submission.abstract),
            "description": self._text(submission.description),
            "duration": int(submission.duration.total_seconds() // 60),
            "slot_count": 0,
            "attendee_signup_required": False,
            "attendee_signup_capacity": None,
            "signup_status": None,
            "content_locale": submission.language or self.event.language,
            "do_not_record": submission.do_not_record,
            "image": "",
            "resources": [],
            "slots": [],
            "answers": [],
        }

    def _speaker(self, speaker: Any) -> Row:
        return {
            "code": speaker.code,
            "name": speaker.name,
            "biography": self._text(speaker.biography),
            "submissions": [],
            "avatar_url": "",
            "answers": [],
        }

    def _order(self, slot: Slot) -> tuple[object, ...]:
        return slot.starts_at, self.places.get(slot.room_id or 0, 10**6), slot.pk

    def _room(self, room: Room) -> Row:
        guid = str(uuid5(NAMESPACE_URL, f"{settings.PUBLIC_URL}/rooms/{room.pk}"))
        return {
            "id": room.pk,
            "name": texts(room.name, self.event),
            "description": texts(room.note, self.event),
            "uuid": guid,
            "guid": guid,
            "capacity": room.capacity,
            "position": self.places.get(room.pk),
            "hidden": False,
        }

    def _track(self, track: Track) -> Row:
        return {
            "id": track.pk,
            "name": texts(track.name, self.event),
            "description": {self.event.language: ""},
            "color": track.colour,
            "position": track.position,
            "requires_access_code": False,
            "attendee_signup_required": False,
        }

    def _kind(self, label: str, pk: int) -> Row:
        return {
            "id": pk,
            "name": {self.event.language: label},
            "default_duration": 30,
            "deadline": None,
            "requires_access_code": False,
            "attendee_signup_required": False,
        }

    def _slot(self, slot: Slot) -> Row:
        assert slot.submission is not None
        return {
            "id": slot.pk,
            "room": slot.room_id,
            "start": self._moment(slot.starts_at),
            "end": self._moment(slot.ends_at),
            "submission": slot.submission.code,
            "schedule": self.schedule.pk,
            "description": None,
            "duration": int(slot.duration.total_seconds() // 60),
        }

    def _moment(self, instant: datetime) -> str:
        return instant.astimezone(self.event.tz).isoformat(timespec="seconds")

    def _text(self, text: LazyI18nString | str) -> str:
        return str(text.localize(self.event.language)) if isinstance(text, LazyI18nString) else text
