"""What programs write that call their files frab XML, schedule.json, pretalx JSON or iCalendar: small samples of each way that has
been met, with what is meant. Every sample differs from a plain one in one respect."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduling.importers import NotASchedule, Parsed, parse

GUID = "6b9e7e34-1f04-5d1a-9c3f-1c2a6d7a8f90"


def summary(parsed: Parsed) -> tuple[tuple[str, str, timedelta, str, str, tuple[str, ...]], ...]:
    """Title, begin, length, day, room and people of each session."""
    return tuple(
        (row.title, str(row.start), row.duration, str(row.day), row.room, tuple(person.name for person in row.persons))
        for row in parsed.programme.sessions
    )


def told(parsed: Parsed) -> str:
    return "; ".join(str(row) for row in (*parsed.unread, *parsed.warnings))


# -- frab XML


EVENT = (
    f'<event id="1" guid="{GUID}"><start>09:00</start><duration>00:30</duration><room>Hall</room><title>Kefir</title>'
    '<persons><person id="1">Li</person></persons></event>'
)
DAY = f'<day index="1" date="2010-06-07"><room name="Hall">{EVENT}</room></day>'
CONFERENCE = "<conference><title>Food</title></conference>"
XML = f'<?xml version="1.0" encoding="utf-8"?>\n<schedule>{CONFERENCE}{DAY}</schedule>'
MEANT = (("Kefir", "2010-06-07 09:00:00", timedelta(minutes=30), "2010-06-07", "Hall", ("Li",)),)


def dated(moment: str) -> str:
    return XML.replace("<start>", f"<date>{moment}</date><start>")


SAME: dict[str, str | bytes] = {
    "plain": XML,
    "no declaration": XML.partition("\n")[2],
    "lines before the declaration": f"\n\n  {XML}",
    "a byte order mark, and a line": f"\ufeff\n{XML}",
    "UTF-16": XML.replace("utf-8", "utf-16").encode("utf-16"),
    "UTF-16 that is UTF-8": XML.replace("utf-8", "utf-16"),
    "a style sheet and a comment": XML.replace("\n", '\n<?xml-stylesheet type="text/xsl" href="x.xsl"?><!-- x -->\n', 1),
    "a document type": XML.replace("\n", '\n<!DOCTYPE schedule SYSTEM "schedule.dtd">\n', 1),
    "a namespace": XML.replace("<schedule>", '<schedule xmlns="http://example.org/x">'),
    "a prefix": f'<p:schedule xmlns:p="x">{(CONFERENCE + DAY).replace("</", "<//").replace("<", "<p:").replace("<p://", "</p:")}</p:schedule>',
    "capitals": XML.replace("<event ", "<Event ").replace("</event", "</Event").replace("schedule", "Schedule"),
    "no conference": XML.replace(CONFERENCE, ""),
    "no rooms around the events": XML.replace('<room name="Hall">', "").replace("</room></day>", "</day>"),
    "the room's name in an element": XML.replace('<room name="Hall">', "<room><name>Hall</name>").replace("<room>Hall</room>", ""),
    "days in an element": XML.replace("<day ", "<days><day ").replace("</day>", "</day></days>"),
    "days in the conference": XML.replace("</conference>", "").replace("</day>", "</day></conference>"),
    "people without an element around them": XML.replace("<persons>", "").replace("</persons>", ""),
    "people as elements": XML.replace(">Li<", "><name>Li</name><biography>x</biography><"),
    "the time as a moment": XML.replace("09:00", "2010-06-07T09:00:00"),
    "seconds": XML.replace("09:00", "09:00:00").replace("00:30", "00:30:00"),
    "no zero": XML.replace("09:00", "9:00").replace("00:30", "0:30"),
    "no colon": XML.replace("09:00", "0900"),
    "minutes": XML.replace("00:30", "30"),
    "an ISO duration": XML.replace("00:30", "PT30M"),
    "a long ISO duration": XML.replace("00:30", "P0Y0M0DT0H30M0S"),
    "words": XML.replace("00:30", "30 min"),
    "an end": XML.replace("<duration>00:30</duration>", "<end>09:30</end>"),
    "an end as a moment": XML.replace("<duration>00:30</duration>", "<end>2010-06-07T09:30:00</end>"),
    "a day with a time": XML.replace('date="2010-06-07"', 'date="2010-06-07T00:00:00+02:00"'),
    "a day of digits": XML.replace('date="2010-06-07"', 'date="20100607"'),
    "a day in German": XML.replace('date="2010-06-07"', 'date="7.6.2010"'),
    "a day without date": XML.replace(' date="2010-06-07"', "").replace('index="1"', 'index="2"').replace("</title></conference>", "</title><start>2010-06-06</start></conference>"),
    "an event's date": dated("2010-06-07"),
    "an event's moment": dated("2010-06-07 09:00:00"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_one_programme_in_many_dialects_of_frab_xml(name: str) -> None:
    text = SAME[name]
    parsed = parse(text.encode() if isinstance(text, str) else text)

    assert summary(parsed) == MEANT
    assert parsed.programme.sessions[0].guid
    assert not parsed.unread


@pytest.mark.parametrize(
    "moment",
    [
        "2010-06-07T09:00:00+02:00",
        "2010-06-07T09:00:00+0200",
        "2010-06-07T09:00+02",
        "2010-06-07T9:00:00+2:00",
        "2010-06-07 09:00:00 +0200",
        "2010-06-07T07:00:00Z",
        "2010-06-07T07:00:00.000Z",
        "2010-06-07 07:00:00 UTC",
        "20100607T070000Z",
        "\n 2010-06-07T09:00:00+02:00 \n",
    ],
)
def test_an_instant_is_the_same_however_it_is_written(moment: str) -> None:
    (session,) = parse(dated(moment).encode()).programme.sessions
    assert session.start == datetime.fromisoformat("2010-06-07T09:00:00+02:00")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (XML.replace("09:00", "24:00"), "2010-06-08 00:00:00"),
        (XML.replace("09:00", "25:30"), "2010-06-08 01:30:00"),
        (XML.replace("09:00", "00:30"), "2010-06-08 00:30:00"),
        (XML.replace("09:00", "23:30"), "2010-06-07 23:30:00"),
        (dated("2010-06-07T24:00:00"), "2010-06-08 00:00:00"),
    ],
)
def test_hours_after_midnight_belong_to_the_day_before(text: str, start: str) -> None:
    (session,) = parse(text.encode()).programme.sessions
    assert (str(session.start), str(session.day)) == (start, "2010-06-07")


@pytest.mark.parametrize("encoding", ["iso-8859-1", "iso-8859-15", "windows-1252", "utf-8"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_old_encodings_are_read_as_they_are_declared(encoding: str, quote: str) -> None:
    text = XML.replace('"utf-8"', f"{quote}{encoding.upper()}{quote}").replace(
        "Kefir", "Süßes, né Šljivovica" if encoding != "iso-8859-1" else "Süßes"
    )
    parsed = parse(text.encode(encoding))
    assert parsed.programme.sessions[0].title.startswith("Süßes")
    assert not parsed.warnings


def test_ampersands_that_are_none_of_xml_are_read_as_they_look() -> None:
    parsed = parse(
        XML.replace("Kefir", "R & D: M&uuml;ller&nbsp;&amp; S&ouml;hne &hellip; &lt;b&gt; &unknown; &#252;").encode()
    )
    assert parsed.programme.sessions[0].title == "R & D: Müller\xa0& Söhne … <b> &unknown; ü"
    assert "line 2: “&” stands in the file" in told(parsed)

    raw = parse(XML.replace("Kefir", "<![CDATA[R & D &uuml;]]><!-- & -->").encode())
    assert raw.programme.sessions[0].title == "R & D &uuml;"
    assert not raw.warnings


def test_a_session_without_a_title_is_kept_and_said() -> None:
    nameless = EVENT.replace('id="1"', 'id="2"').replace(GUID, "").replace("<title>Kefir</title>", "")
    with_subtitle = nameless.replace('id="2"', 'id="3"').replace("<start>", "<subtitle>Tea</subtitle><start>")
    parsed = parse(XML.replace(EVENT, EVENT + nameless + with_subtitle).encode())

    assert [session.title for session in parsed.programme.sessions] == ["Kefir", "Untitled", "Tea"]
    assert told(parsed).count("It has no title.") == 2


def test_events_without_days_stand_on_their_own_dates() -> None:
    parsed = parse(
        f"<schedule><events>{EVENT}</events></schedule>".replace(
            "<start>", "<date>2010-06-07T09:00:00+02:00</date><start>"
        ).encode()
    )
    assert [str(day.date) for day in parsed.programme.days] == ["2010-06-07"]


@pytest.mark.parametrize(
    ("element", "is_secret"),
    [
        ("<recording><license>CC</license><optout>true</optout></recording>", True),
        ("<recording>\n<optout>1</optout></recording>", True),
        ('<recording optout="true"/>', True),
        ("<do_not_record>true</do_not_record>", True),
        ("<recording><optout>false</optout></recording>", False),
        ("<recording><license/></recording>", False),
        ("<recording>true</recording>", False),
    ],
)
def test_who_is_not_to_be_recorded_is_understood(element: str, is_secret: bool) -> None:
    (session,) = parse(XML.replace("<persons>", f"{element}<persons>").encode()).programme.sessions
    assert session.do_not_record is is_secret


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("America/Los Angeles", "America/Los_Angeles"),
        ("Berlin", "Europe/Berlin"),
        ("Hong Kong", "Asia/Hong_Kong"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Pacific Daylight Time", "America/Los_Angeles"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam"),
        ("CET", "CET"),
        ("PST", None),
        ("Atlantis", None),
        ("../../etc/passwd", None),
    ],
)
def test_zones_are_known_by_the_names_that_programs_give_them(name: str, zone: str | None) -> None:
    escaped = name.replace("&", "&amp;")
    parsed = parse(
        XML.replace(
            "</title></conference>", f"</title><time_zone_name>{escaped}</time_zone_name></conference>"
        ).encode()
    )
    assert parsed.programme.time_zone == zone
    assert ("is no time zone that is known here" in told(parsed)) is (zone is None)


# -- schedule.json


TALK = {
    "id": 1, "guid": GUID, "date": "2010-06-07T09:00:00+02:00", "start": "09:00", "duration": "00:30", "room": "Hall",
    "title": "Kefir", "persons": [{"id": 1, "public_name": "Li"}],
}  # fmt: skip
UNDATED = {key: value for key, value in TALK.items() if key != "date"}
WHOLE = {"start": "2010-06-07T09:00:00+02:00", "end": "2010-06-07T09:30:00+02:00"}
SECOND = {key: value for key, value in TALK.items() if key not in {"date", "duration"}} | WHOLE


def document(days: Any, **more: Any) -> dict[str, Any]:
    return {"schedule": {"version": "1", "conference": {"title": "Food", "start": "2010-06-07", "days": days}, **more}}


def day(*talks: Any, **more: Any) -> dict[str, Any]:
    return {"index": 1, "date": "2010-06-07", "rooms": {"Hall": list(talks)}} | more


DOCUMENTS: dict[str, Any] = {
    "plain": document([day(TALK)]),
    "no schedule around it": document([day(TALK)])["schedule"],
    "days by number": document({"0": day(TALK)}),
    "rooms in a list": document([day(rooms=[{"name": "Hall", "events": [TALK]}])]),
    "events of a day": document([day(rooms={}, events=[TALK])]),
    "a day without date": document([day(UNDATED, date=None)]),
    "a day with its beginning only": document([day(TALK, date=None, day_start="2010-06-07T06:00:00+02:00")]),
    "version 2": document([], events=[SECOND]),
    "version 2 without days": {"schedule": {"conference": {"title": "Food"}, "events": [SECOND]}},
    "version 2, events by name": document([], events={"a": SECOND}),
    "version 2, rooms and tracks as objects": document([], events=[{**SECOND, "room": {"name": "Hall"}, "track": {"slug": "t"}}]),
    "an end on the clock": document([day({**TALK, "duration": None, "end": "09:30"})]),
    "a number of minutes": document([day({**TALK, "duration": 30})]),
    "names only": document([day({**TALK, "persons": ["Li"]})]),
    "people by number": document([day({**TALK, "persons": {"0": {"id": 1, "name": "Li"}}})]),
    "names in full": document([day({**TALK, "persons": [{"id": 1, "full_public_name": "Li"}]})]),
    "nothing but what is needed": document([day({**TALK, "id": None, "room": None, "track": None, "type": None, "links": None})]),
    "texts in languages": document([day({**TALK, "title": {"de": "Kefir!", "en": "Kefir"}, "track": {"en": "Food"}})]),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_one_programme_in_many_dialects_of_schedule_json(name: str) -> None:
    parsed = parse(json.dumps(DOCUMENTS[name]).encode())

    (session,) = parsed.programme.sessions
    title, start, duration, on, room, people = MEANT[0]
    assert (session.title, session.duration, str(session.day), session.room) == (title, duration, on, room)
    assert str(session.start).removesuffix("+02:00") == start
    assert tuple(person.name for person in session.persons) == people
    assert not parsed.unread


def test_the_zone_of_a_schedule_json_may_have_another_name() -> None:
    tree = document([day(TALK)])
    tree["schedule"]["conference"]["timezone"] = "Europe/Paris"
    assert parse(json.dumps(tree).encode()).programme.time_zone == "Europe/Paris"


@pytest.mark.parametrize("said", [{"do_not_record": True}, {"do_not_record": "true"}, {"recording": {"optout": True}}])
def test_who_is_not_to_be_recorded_is_understood_in_json(said: dict[str, Any]) -> None:
    assert parse(json.dumps(document([day({**TALK, **said})])).encode()).programme.sessions[0].do_not_record


# -- pretalx


def test_pages_of_an_answer_may_stand_in_one_file() -> None:
    slot = {"room": "Hall", "start": "2027-06-07T09:00:00Z", "end": "2027-06-07T09:40:00Z"}
    pages = [
        {
            "count": 2,
            "next": None,
            "results": [{"code": f"ABC12{n}", "title": f"Talk {n}", "slot": slot, "speakers": []}],
        }
        for n in (1, 2)
    ]
    parsed = parse(json.dumps(pages).encode())
    assert [session.title for session in parsed.programme.sessions] == ["Talk 1", "Talk 2"]


def test_an_empty_answer_has_no_sessions() -> None:
    with pytest.raises(NotASchedule, match="This schedule has no sessions"):
        parse(b'{"count": 0, "next": null, "previous": null, "results": []}')


# -- Lists of sessions


AT = {"start_date": "2010-06-07 09:00:00", "end_date": "2010-06-07 09:30:00", "venue": "Hall"}
LISTS: dict[str, Any] = {
    "plain": [{"id": 1, "title": "Kefir", "speaker": "Li", **AT}],
    "occurrences": [{"id": 1, "title": "Kefir", "speakers": [{"name": "Li"}], "occurrences": [{"occurrence_num": 1, **AT}]}],
    "in an object": {"schedule": [{"name": "Kefir", "authors": ["Li"], "room": "Hall", "start": "2010-06-07T09:00:00", "duration": 30}]},
    "by id": {"kefir": {"name": "Kefir", "speakers": "Li", **AT}},
    "Sched": [{"event_key": "1", "name": "Kefir", "event_start": "2010-06-07 09:00", "event_end": "2010-06-07 09:30", "venue": "Hall", "speakers": "Li"}],
    "Sessionize": {
        "sessions": [{"id": "1", "title": "Kefir", "startsAt": "2010-06-07T09:00:00", "endsAt": "2010-06-07T09:30:00", "speakers": ["a"], "roomId": 7}],
        "speakers": [{"id": "a", "fullName": "Li"}],
        "rooms": [{"id": 7, "name": "Hall"}],
    },
    "sessions of a social": [{"UID": "kefir", "name": "Kefir", "presenter": "Li", "day": "Monday", "location": "Hall", "sessions": [{"name": "Live", "start_time": "2010-06-07_09:00:00", "end_time": "2010-06-07_09:30:00"}]}],
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_one_programme_in_many_kinds_of_list(name: str) -> None:
    parsed = parse(json.dumps(LISTS[name]).encode())
    assert parsed.format == "session list"
    assert summary(parsed) == MEANT


def test_a_table_may_say_in_its_header_what_its_numbers_are() -> None:
    parsed = parse(
        b"Title,Date (UTC),Start time (UTC),Duration (hr),Location (Public)\n"
        b"Kefir,2010-06-07,09:00,1.333333333,Hall\nTea,2010-06-07,23:00,33.75,\n"
    )
    assert parsed.programme.time_zone == "UTC"
    assert [session.duration for session in parsed.programme.sessions] == [
        timedelta(minutes=80),
        timedelta(hours=33.75),
    ]


@pytest.mark.parametrize(
    ("header", "lacking"),
    [
        ("title,speaker,abstract", "no column start, end or duration"),
        ("Date,Start,End,Room", "no column title"),
        ("title;start;room", "no column end or duration"),
    ],
)
def test_a_table_that_is_no_programme_is_told_what_it_lacks(header: str, lacking: str) -> None:
    with pytest.raises(NotASchedule, match=lacking):
        parse(f"{header}\n1,2,3\n".encode())


# -- iCalendar


def calendar(*events: tuple[str, ...], head: tuple[str, ...] = (), end: str = "\r\n") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *head]
    for event in events:
        lines += ["BEGIN:VEVENT", *event, "END:VEVENT"]
    return end.join([*lines, "END:VCALENDAR", ""]).encode()


def at(zone: str, *more: str) -> tuple[str, ...]:
    return (
        "UID:1", "SUMMARY:Kefir", "LOCATION:Hall", f"DTSTART;TZID={zone}:20270607T090000", f"DTEND;TZID={zone}:20270607T100000", *more,
    )  # fmt: skip


UTC_EVENT = ("UID:1", "SUMMARY:Kefir", "LOCATION:Hall", "DTSTART:20270607T070000Z", "DTEND:20270607T080000Z")
OUTLOOK = (
    "BEGIN:VTIMEZONE", "TZID:Somewhere", "BEGIN:STANDARD", "DTSTART:16010101T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:16010101T020000", "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "END:DAYLIGHT", "END:VTIMEZONE",
)  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        calendar(UTC_EVENT),
        calendar(at("Europe/Berlin")),
        calendar(at('"Europe/Berlin"')),
        calendar(at("/mozilla.org/20050126_1/Europe/Berlin")),
        calendar(at("W. Europe Standard Time")),
        calendar(at('"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"')),
        calendar(at("GMT+02:00")),
        calendar(at("UTC+2")),
        calendar(at("Somewhere"), head=OUTLOOK),
        calendar(("UID:1", "SUMMARY:Kefir", "LOCATION:Hall", "DTSTART:20270607T090000+0200", "DURATION:PT1H")),
        calendar(("UID:1", "SUMMARY:Kefir", "LOCATION:Hall", "DTSTART:2027-06-07T07:00:00Z", "DTEND:2027-06-07 08:00:00")),
        calendar(("UID:1", "SUMMARY:Kefir", "LOCATION:Hall", "DTSTART:20270607T090000", "DTEND:20270607T100000"), head=("X-WR-TIMEZONE:Europe/Berlin",)),
        calendar(at("Europe/Berlin"), end="\n"),
        calendar(at("Europe/Berlin"), end="\r"),
        b"\xef\xbb\xbf\r\n" + calendar(at("Europe/Berlin")),
        calendar(at("Europe/Berlin")).replace(b"BEGIN:VEVENT", b"begin:vevent").replace(b"SUMMARY", b"summary"),
        calendar(at("Europe/Berlin", "BEGIN:VALARM", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"), head=("BEGIN:VTODO", "SUMMARY:x", "END:VTODO")),
    ],
)  # fmt: skip
def test_one_event_in_many_dialects_of_icalendar(data: bytes) -> None:
    parsed = parse(data)

    (session,) = parsed.programme.sessions
    assert (session.title, session.room, session.duration) == ("Kefir", "Hall", timedelta(hours=1))
    assert session.start == datetime.fromisoformat("2027-06-07T09:00:00+02:00")
    assert not told(parsed)


#: As conference programs write it since pentabarf, and as RFC 6321 §1 has it.
XCAL = """<?xml version="1.0" encoding="utf-8"?>
<iCalendar xmlns:pentabarf="http://pentabarf.org" xmlns:xCal="urn:ietf:params:xml:ns:xcal"><vcalendar><version>2.0</version>
<prodid>-//Pentabarf//Schedule//EN</prodid><x-wr-calname>Food</x-wr-calname>{events}</vcalendar></iCalendar>"""
XCAL_EVENT = """<vevent><method>PUBLISH</method><uid>ABCDEF@@example.org</uid><pentabarf:event-id>7</pentabarf:event-id>
<pentabarf:event-slug>food-7-kefir</pentabarf:event-slug><pentabarf:title>Kefir</pentabarf:title>
<pentabarf:subtitle>and more</pentabarf:subtitle><pentabarf:language-code>en</pentabarf:language-code>{when}
<duration>1.00000</duration><summary>Kefir - and more</summary><description>A\\n; B</description><class>PUBLIC</class>
<status>CONFIRMED</status><category>Workshop</category><location>{location}</location>
<attendee>Li Ming</attendee><attendee>Ana</attendee></vevent>"""
RFC_6321 = """<?xml version="1.0" encoding="utf-8"?>
<icalendar xmlns="urn:ietf:params:xml:ns:icalendar-2.0"><vcalendar><properties><calscale><text>GREGORIAN</text></calscale>
<prodid><text>-//Example Inc.//Example Calendar//EN</text></prodid><version><text>2.0</text></version></properties><components>
<vevent><properties><dtstamp><date-time>2027-02-05T19:12:24Z</date-time></dtstamp>
<dtstart><parameters><tzid><text>Europe/Berlin</text></tzid></parameters><date-time>2027-06-07T09:00:00</date-time></dtstart>
<duration><duration>PT1H</duration></duration><summary><text>Kefir, cheese; A\\n</text></summary>
<categories><text>Milk, sour</text><text>Food</text></categories><location><text>Hall</text></location>
<rrule><recur><freq>DAILY</freq><count>3</count></recur></rrule>
<exdate><parameters><tzid><text>Europe/Berlin</text></tzid></parameters><date-time>2027-06-08T09:00:00</date-time></exdate>
<attendee><cal-address>mailto:guest@example.org</cal-address></attendee>
<uid><text>4088E990AD89CB3DBB484909</text></uid></properties></vevent></components></vcalendar></icalendar>"""


def xcal(when: str, location: str = "Hall") -> bytes:
    return XCAL.format(events=XCAL_EVENT.format(when=when, location=location)).encode()


@pytest.mark.parametrize(
    ("when", "start"),
    [
        ("<dtstart>20270607T070000Z</dtstart><dtend>20270607T080000Z</dtend>", "2027-06-07T07:00:00+00:00"),
        # pretalx: the clock of the place.
        ("<dtstart>20270607T090000</dtstart><dtend>20270607T100000</dtend>", "2027-06-07T09:00:00"),
    ],
)
def test_xcal_of_conference_programs_is_read_with_what_they_add(when: str, start: str) -> None:
    parsed = parse(xcal(when))

    (session,) = parsed.programme.sessions
    assert parsed.programme.title == "Food"
    assert session.start == datetime.fromisoformat(start)
    assert (session.title, session.subtitle, session.language, session.kind) == ("Kefir", "and more", "en", "workshop")
    assert (session.source_id, session.room, session.abstract) == ("7", "Hall", "A\\n; B")
    assert [person.name for person in session.persons] == ["Li Ming", "Ana"]
    assert session.duration == timedelta(hours=1)
    assert not told(parsed)


def test_the_conference_as_a_place_is_no_room() -> None:
    when = "<dtstart>20270607T070000Z</dtstart><dtend>20270607T080000Z</dtend>"
    assert parse(xcal(when, location="Food")).programme.sessions[0].room == ""


def test_xcal_of_the_standard_is_read_as_the_calendar_that_it_is() -> None:
    parsed = parse(RFC_6321.encode())

    begins = [session.start.isoformat() for session in parsed.programme.sessions]
    assert begins == ["2027-06-07T09:00:00+02:00", "2027-06-09T09:00:00+02:00"]
    session = parsed.programme.sessions[0]
    assert (session.title, session.track, session.room) == ("Kefir, cheese; A\\n", "Milk, sour", "Hall")
    assert session.persons == ()
    assert not told(parsed)


def test_a_zone_that_a_calendar_describes_changes_its_clocks_on_time() -> None:
    begins = ["20270327T090000", "20270328T090000", "20271030T090000", "20271031T090000"]
    parsed = parse(
        calendar(
            *(
                (f"UID:{n}", "SUMMARY:x", f"DTSTART;TZID=Somewhere:{text}", "DURATION:PT1H")
                for n, text in enumerate(begins)
            ),
            head=OUTLOOK,
        )
    )
    offsets = [session.start.utcoffset() for session in parsed.programme.sessions]
    assert offsets == [timedelta(hours=hours) for hours in (1, 2, 2, 1)]


@pytest.mark.parametrize(
    "rule", ["FREQ=YEARLY", "FREQ=MONTHLY;BYDAY=53MO", "FREQ=DAILY;BYSETPOS=9", "FREQ=SECONDLY", "nonsense"]
)
def test_a_rule_that_is_not_read_leaves_the_first_time(rule: str) -> None:
    parsed = parse(calendar((*UTC_EVENT, f"RRULE:{rule}")))
    assert len(parsed.programme.sessions) == 1
    assert "It repeats in a way that is not read here" in told(parsed)


def test_folding_may_cut_a_character_in_two() -> None:
    data = calendar((*UTC_EVENT, "DESCRIPTION:" + "é李" * 30))
    folded = b"".join(
        b"\r\n ".join(text[at : at + 40] for at in range(0, len(text), 40)) + b"\r\n"
        for text in data.split(b"\r\n")
        if text
    )
    for variant in (folded, folded.replace(b"\r\n", b"\n")):
        assert parse(variant).programme.sessions[0].abstract == "é李" * 30


BERLIN = (
    "UID:1",
    "SUMMARY:Kefir",
    "DTSTART;TZID=Europe/Berlin:20261024T090000",
    "DTEND;TZID=Europe/Berlin:20261024T100000",
)


@pytest.mark.parametrize(
    ("more", "others", "times"),
    [
        (("RRULE:FREQ=DAILY;COUNT=3",), (), ["24 09:00 +02:00", "25 09:00 +01:00", "26 09:00 +01:00"]),
        (("RRULE:FREQ=DAILY;UNTIL=20261025T235959Z",), (), ["24 09:00 +02:00", "25 09:00 +01:00"]),
        (("RRULE:FREQ=DAILY;INTERVAL=2;COUNT=2",), (), ["24 09:00 +02:00", "26 09:00 +01:00"]),
        (("RRULE:FREQ=WEEKLY;COUNT=2",), (), ["24 09:00 +02:00", "31 09:00 +01:00"]),
        (("RRULE:FREQ=WEEKLY;BYDAY=SA,TU;COUNT=3",), (), ["24 09:00 +02:00", "27 09:00 +01:00", "31 09:00 +01:00"]),
        (("RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SA,SU;UNTIL=20261031",), (), ["24 09:00 +02:00"]),
        (("RRULE:FREQ=MONTHLY;BYDAY=-1SA;UNTIL=20261031",), (), ["24 09:00 +02:00", "31 09:00 +01:00"]),
        (("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=1",), (), ["24 09:00 +02:00", "31 09:00 +01:00"]),
        (("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",), (), ["24 09:00 +02:00"]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Berlin:20261025T090000"), (), ["24 09:00 +02:00", "26 09:00 +01:00"]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20261024"), (), ["25 09:00 +01:00", "26 09:00 +01:00"]),
        (("RDATE;TZID=Europe/Berlin:20261025T110000,20261026T110000",), (), ["24 09:00 +02:00", "25 11:00 +01:00", "26 11:00 +01:00"]),
        (("RDATE;VALUE=PERIOD:20261025T100000Z/PT1H",), (), ["24 09:00 +02:00", "25 11:00 +01:00"]),
        (("RRULE:FREQ=DAILY;COUNT=2",), ("20261024T090000", "20261024T120000"), ["24 12:00 +02:00", "25 09:00 +01:00"]),
        (("RRULE:FREQ=DAILY;COUNT=2",), ("20261025T090000", "20261025T120000"), ["24 09:00 +02:00", "25 12:00 +01:00"]),
        (("RRULE:FREQ=DAILY;COUNT=2",), ("20261025T090000", ""), ["24 09:00 +02:00"]),
    ],
)  # fmt: skip
def test_repeated_events_take_place_when_their_rules_say(
    more: tuple[str, ...], others: tuple[str, str] | tuple[()], times: list[str]
) -> None:
    events = [(*BERLIN, *more)]
    if others:
        old, new = others
        state = "CONFIRMED" if new else "CANCELLED"
        events.append(
            (
                "UID:1", "SUMMARY:Kefir", f"STATUS:{state}", f"RECURRENCE-ID;TZID=Europe/Berlin:{old}",
                f"DTSTART;TZID=Europe/Berlin:{new or old}", "DURATION:PT1H",
            )
        )  # fmt: skip
    parsed = parse(calendar(*events))
    found = sorted(session.start.isoformat() for session in parsed.programme.sessions)
    assert found == [f"2026-10-{text[:2]}T{text[3:8]}:00{text[9:]}" for text in times]
    assert {session.title for session in parsed.programme.sessions} == {"Kefir"}


def test_what_lasts_whole_days_or_is_cancelled_is_named() -> None:
    parsed = parse(
        calendar(
            UTC_EVENT,
            ("UID:2", "SUMMARY:Holiday", "DTSTART;VALUE=DATE:20270607"),
            ("UID:3", "SUMMARY:Gone", "STATUS:CANCELLED", "DTSTART:20270607T090000Z"),
            ("UID:4", "SUMMARY:Backwards", "DTSTART:20270607T090000Z", "DTEND:20270607T080000Z"),
        )
    )
    assert [session.title for session in parsed.programme.sessions] == ["Kefir"]
    assert [row.reason for row in parsed.unread] == [
        "It lasts whole days and has no time. (Holiday)",
        "It ends before it begins. (Backwards)",
    ]
    assert "“Gone” is cancelled and was left out." in told(parsed)


def test_several_calendars_in_one_file_are_one_programme() -> None:
    other = (UTC_EVENT[0].replace("1", "2"), *UTC_EVENT[1:])
    assert len(parse(calendar(UTC_EVENT) + calendar(other)).programme.sessions) == 2


def test_two_events_with_one_uid_and_different_titles_are_two_sessions() -> None:
    parsed = parse(calendar(UTC_EVENT, ("UID:1", "SUMMARY:Tea", *UTC_EVENT[2:])))
    assert len({session.key for session in parsed.programme.sessions}) == 2
    assert "Another session has its id 1" in told(parsed)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Speaker: Li Ming\\nMore", ["Li Ming"]),
        ("Speakers: Li Ming\\, José Núñez and Bob\\n\\nMore", ["Li Ming", "José Núñez", "Bob"]),
        ("Speaker: Guido van Rossum\\, PhD", ["Guido van Rossum, PhD"]),
        ("<p>Speaker: Li Ming</p><p>More</p>", ["Li Ming"]),
        ("A speaker: nobody", []),
    ],
)
def test_speakers_are_read_where_a_description_begins_with_them(text: str, names: list[str]) -> None:
    (session,) = parse(calendar((*UTC_EVENT, f"DESCRIPTION:{text}"))).programme.sessions
    assert [person.name for person in session.persons] == names


def test_texts_of_vcalendar_one_are_decoded() -> None:
    parsed = parse(
        calendar(
            (
                "SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:S=C3=BC=C3=9Fes", "DTSTART:20270607T070000Z", "DURATION:PT1H",
                "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:Kefir and =", "tea=0D=0AMore",
            )
        )
    )  # fmt: skip
    (session,) = parsed.programme.sessions
    assert (session.title, session.abstract) == ("Süßes", "Kefir and tea\nMore")
