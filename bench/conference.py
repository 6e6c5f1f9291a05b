"""A conference to measure with, as schedule.json: 3 days, 12 rooms, as many talks as asked for, half as many speakers."""

from __future__ import annotations

import json
import random
import uuid
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
ROOMS = [f"Room {letter}" for letter in "ABCDEFGHIJKL"]
TRACKS = ["Databases", "Web", "Learning", "Security", "Embedded", "Community", "Visualisation", "Operations"]
WORDS = [
    "system",
    "model",
    "latency",
    "method",
    "result",
    "protocol",
    "storage",
    "cluster",
    "index",
    "stream",
    "sensor",
    "kernel",
    "review",
    "practice",
]
MINUTES = 20


def schedule_json(talks: int, first_day: date) -> bytes:
    dice = random.Random(talks)
    per_day = -(-talks // 3)
    days: list[dict[str, Any]] = []
    for number in range(3):
        rooms: dict[str, list[dict[str, Any]]] = {room: [] for room in ROOMS}
        for index in range(min(per_day, talks - number * per_day)):
            rooms[ROOMS[index % len(ROOMS)]].append(
                _talk(dice, number * per_day + index, talks, first_day + timedelta(days=number), index // len(ROOMS))
            )
        day = first_day + timedelta(days=number)
        days.append(
            {
                "index": number + 1,
                "date": day.isoformat(),
                "day_start": datetime.combine(day, time(6), ZONE).isoformat(),
                "day_end": datetime.combine(day + timedelta(days=1), time(5, 59), ZONE).isoformat(),
                "rooms": rooms,
            }
        )
    conference = {
        "acronym": "bench",
        "title": "Benchmark conference",
        "start": first_day.isoformat(),
        "end": (first_day + timedelta(days=2)).isoformat(),
        "daysCount": 3,
        "timeslot_duration": "00:05",
        "time_zone_name": ZONE.key,
        "rooms": [{"name": room} for room in ROOMS],
        "tracks": [{"name": name, "color": "#1F7A8C"} for name in TRACKS],
        "days": days,
    }
    return json.dumps({"schedule": {"version": "1", "conference": conference}}).encode()


def _talk(dice: random.Random, number: int, talks: int, day: date, row: int) -> dict[str, Any]:
    start = datetime.combine(day, time(8), ZONE) + timedelta(minutes=MINUTES * row)
    speaker = number % max(1, talks // 2)
    return {
        "guid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"bench:{number}")),
        "id": number + 1,
        "date": start.isoformat(),
        "start": start.strftime("%H:%M"),
        "duration": f"00:{MINUTES}",
        "room": ROOMS[number % len(ROOMS)],
        "slug": f"bench-{number + 1}",
        "title": " ".join(dice.choices(WORDS, k=6)).capitalize(),
        "subtitle": "",
        "track": TRACKS[number % len(TRACKS)],
        "type": "talk",
        "language": "en",
        "abstract": " ".join(dice.choices(WORDS, k=120)),
        "description": "",
        "persons": [{"id": speaker + 1, "public_name": f"Speaker Number {speaker + 1}"}],
        "links": [],
        "attachments": [],
    }
