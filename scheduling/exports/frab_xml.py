"""schedule.xml as frab, pentabarf and pretalx write it: https://c3voc.de/wiki/schedule, valid by its schema."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from lxml import etree

from scheduling.exports.entries import (
    Entry,
    acronym_of,
    by_day_and_room,
    clean,
    clock,
    description_of,
    entries_of,
    persons_of,
)
from scheduling.programme import Link, Programme

CONTENT_TYPE: Final = "application/xml; charset=utf-8"
GENERATOR: Final = "Lihu"


def write(programme: Programme) -> bytes:
    root = etree.Element("schedule")
    etree.SubElement(root, "generator", name=GENERATOR, version=_version())
    if programme.url:
        _add(root, "url", f"{programme.url}export/schedule.xml")
    _add(root, "version", programme.version)
    root.append(_conference(programme))
    rooms = {room.name: room for room in programme.rooms}
    persons = persons_of(programme)
    for day, places in by_day_and_room(programme, entries_of(programme)):
        assert day.start
        assert day.end
        day_element = etree.SubElement(
            root,
            "day",
            index=str(day.index),
            date=day.date.isoformat(),
            start=day.start.isoformat(),
            end=day.end.isoformat(),
        )
        for name, entries in places:
            room = etree.SubElement(day_element, "room", name=clean(name))
            if name in rooms and (guid := rooms[name].guid):
                room.set("guid", str(guid))
            room.extend(_event(entry, persons) for entry in entries)
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return written


def _conference(programme: Programme) -> Any:
    conference = etree.Element("conference")
    _add(conference, "acronym", acronym_of(programme))
    _add(conference, "title", programme.title)
    _add(conference, "start", programme.start.isoformat())
    _add(conference, "end", programme.end.isoformat())
    _add(conference, "days", str(len(programme.days)))
    _add(conference, "timeslot_duration", f"00:{programme.time_slot_minutes:02d}")
    if programme.base_url:
        _add(conference, "base_url", programme.base_url)
        _add(conference, "url", programme.url)
    if programme.time_zone:
        _add(conference, "time_zone_name", programme.time_zone)
    for track in programme.tracks:
        element = etree.SubElement(conference, "track", name=clean(track.name))
        if track.colour:
            element.set("color", track.colour)
    return conference


def _event(entry: Entry, persons: Any) -> Any:
    session = entry.session
    event = etree.Element("event", guid=str(entry.guid), id=str(entry.number))
    if entry.code:
        event.set("code", entry.code)
    for name, text in (
        ("room", session.room),
        ("title", session.title),
        ("subtitle", session.subtitle),
        ("type", session.kind_label or session.kind),
        ("date", session.start.isoformat()),
        ("start", f"{session.start:%H:%M}"),
        ("duration", clock(session.duration)),
        ("abstract", session.abstract),
        ("slug", entry.slug),
        ("track", session.track),
    ):
        _add(event, name, text)
    group = etree.SubElement(event, "persons")
    for person in session.persons:
        element = _add(group, "person", person.name)
        element.set("id", str(persons[person.key]))
        if person.guid:
            element.set("guid", str(person.guid))
    _add(event, "language", session.language)
    _add(event, "description", description_of(session))
    recording = etree.SubElement(event, "recording")
    _add(recording, "license", session.licence)
    _add(recording, "optout", "true" if session.do_not_record else "false")
    _links(etree.SubElement(event, "links"), "link", session.links)
    _links(etree.SubElement(event, "attachments"), "attachment", session.attachments)
    if session.url:
        _add(event, "url", session.url)
    if session.feedback_url:
        _add(event, "feedback_url", session.feedback_url)
    return event


def _links(group: Any, name: str, links: tuple[Link, ...]) -> None:
    for link in links:
        _add(group, name, link.title or link.url).set("href", clean(link.url))


def _add(parent: Any, name: str, text: str) -> Any:
    element = etree.SubElement(parent, name)
    element.text = clean(text)
    return element


def _version() -> str:
    try:
        return version("lihu")
    except ModuleNotFoundError:
        return "1"
