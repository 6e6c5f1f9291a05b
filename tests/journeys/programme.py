"""Part of a real programme, moved to the days of a journey, as a schedule.json."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

SESSIONS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "sitcon_2026.json").read_text())["sessions"]
TALKS = [session for session in SESSIONS if session["speakers"]]


def schedule_json(*, first_day: date, last_day: date, zone: ZoneInfo) -> bytes:
    """All sessions on the last day, at their real hours."""
    rooms = defaultdict(list)
    for number, session in enumerate(SESSIONS, 1):
        start = datetime.fromisoformat(session["start"]).replace(tzinfo=None)
        length = datetime.fromisoformat(session["end"]).replace(tzinfo=None) - start
        begins = datetime.combine(last_day, start.time(), zone)
        rooms[session["room"]].append(
            {
                "id": number,
                "guid": f"5170c026-0000-4000-8000-{session['id']:0>12}",
                "date": begins.isoformat(),
                "start": begins.strftime("%H:%M"),
                "duration": f"{length.seconds // 3600:02d}:{length.seconds // 60 % 60:02d}",
                "room": session["room"],
                "slug": session["id"],
                "title": session["title"],
                "type": "talk" if session["speakers"] else "other",
                "language": "zh-tw",
                "persons": [
                    {"id": int(who["id"], 16), "public_name": who["name"], "name": who["name"]}
                    for who in session["speakers"]
                ],
            }
        )
    days = [
        {
            "index": index,
            "date": day.isoformat(),
            "day_start": datetime.combine(day, time(0), zone).isoformat(),
            "day_end": datetime.combine(day, time(23, 59), zone).isoformat(),
            "rooms": rooms if day == last_day else {},
        }
        for index, day in enumerate([first_day, last_day], 1)
    ]
    conference = {
        "acronym": "sitcon",
        "title": "SITCON",
        "start": first_day.isoformat(),
        "end": last_day.isoformat(),
        "daysCount": len(days),
        "timeslot_duration": "00:05",
        "time_zone_name": str(zone),
        "days": days,
    }
    return json.dumps({"schedule": {"version": "1", "conference": conference}}, ensure_ascii=False).encode()
