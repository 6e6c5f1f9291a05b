"""What programs that read our files need of them: the schemas, and each row of what real clients were seen to need."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

import icalendar
import jsonschema
import vobject
from lxml import etree

from tests.data import shared

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_xml(document: bytes) -> Any:
    # huge_tree would let a bomb in; exports are none.
    tree = etree.fromstring(document)
    for schema in ("voc/xsd_schedule.xml.xsd", "pretalx/schedule.xsd"):
        validator = etree.XMLSchema(etree.parse(str(shared(f"schemas/{schema}"))))
        assert validator.validate(tree), (schema, validator.error_log)
    _check_what_phone_apps_need(tree)
    return tree


def check_json(document: bytes) -> Any:
    data = json.loads(document)
    for schema in ("voc/json_schema.json", "pretalx/schedule.schema.json"):
        definition = json.loads(shared(f"schemas/{schema}").read_text())
        validator = jsonschema.Draft6Validator(definition, format_checker=jsonschema.FormatChecker())
        errors = [f"{list(error.path)}: {error.message}"[:300] for error in validator.iter_errors(data)]
        assert not errors, (schema, errors[:5])
    conference = data["schedule"]["conference"]
    # c3voc's tools raise without it.
    assert conference["time_zone_name"]
    assert data["schedule"]["version"] not in {"", "latest", "wip"}
    assert date.fromisoformat(conference["start"]) <= date.fromisoformat(conference["end"])
    return data


def check_xcal(document: bytes) -> list[Any]:
    """Giggity leaves out what has no place or no end."""
    events: list[Any] = etree.fromstring(document).findall("vcalendar/vevent")
    for event in events:
        assert all(event.findtext(name) for name in ("uid", "dtstart", "dtend", "summary", "location"))
    return events


def check_ics(document: bytes) -> list[Any]:
    """For readers that refuse the whole file for one long line, one torn character or one bare carriage return."""
    assert all(len(line) <= 75 for line in document.split(b"\r\n"))
    bare = document.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    for line in document.split(b"\r\n"):
        line.decode()
    calendar = icalendar.Calendar.from_ical(document)
    assert not calendar.errors
    events = list(calendar.walk("VEVENT"))
    zones = {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")}
    for event in events:
        assert not event.errors
        # A zone whose rules are not in the file is no zone to ical.js; and giggity wants a LOCATION.
        assert {event[name].params.get("TZID") for name in ("DTSTART", "DTEND")} - {None} <= zones
        assert {"LOCATION", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED", "STATUS"} <= set(event)
        assert event["SUMMARY"]
    if events:
        assert len(read_with_vobject(document.decode()).vevent_list) == len(events)
    return events


def read_with_vobject(document: str) -> Any:
    """As by a program just started: vobject takes a zone's rules from the first file that it saw it in, and keeps them."""
    zones = vars(vobject.icalendar)["__tzidMap"]
    for name in zones.keys() - {"UTC"}:
        del zones[name]
    return vobject.readOne(document)


def _check_what_phone_apps_need(tree: Any) -> None:
    conference = tree.find("conference")
    # FOSDEM Companion: all three; Giggity and c3voc: the zone; ConfClerk: plain dates.
    assert all(conference.findtext(name) for name in ("acronym", "title", "base_url", "time_zone_name"))
    start, end = (date.fromisoformat(conference.findtext(name)) for name in ("start", "end"))
    assert start <= end
    # pretalx-downstream
    assert tree.findtext("version") not in {None, "", "latest", "wip"}
    assert tree.find("generator").get("name")
    for day in tree.findall("day"):
        # EventFahrplan refuses a file without any one of these, FOSDEM Companion one without offsets.
        assert int(day.get("index")) > 0
        assert date.fromisoformat(day.get("date"))
        first, last = (datetime.fromisoformat(day.get(name)) for name in ("start", "end"))
        assert first.tzinfo
        assert first < last
        for event in day.iter("event"):
            begins = datetime.fromisoformat(event.findtext("date"))
            assert begins.tzinfo
            # To the minute, and the last one counts: days end at 03:59 since frab.
            assert first <= begins <= last
            assert event.findtext("start") == f"{begins:%H:%M}"
            assert int(event.get("id")) > 0
            assert _UUID.fullmatch(event.get("guid"))
            assert event.findtext("title")
            hours, minutes = map(int, event.findtext("duration").split(":"))
            # Giggity knows no more.
            assert timedelta(hours=hours, minutes=minutes) < timedelta(hours=24)
            # pretalx-downstream joins them.
            assert event.findtext("description") or not event.findtext("subtitle")
            # ConfClerk keeps people under their numbers, pretalx-downstream under their names.
            assert all(int(person.get("id")) > 0 and person.text for person in event.iter("person"))
    assert tree.getroottree().docinfo.encoding == "utf-8"
