"""The public pages of a release as HTML: what each template needs, prepared once per release and language."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import babel
from django.conf import settings
from django.template import engines
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from i18nfield.strings import LazyI18nString

from common import dates
from common.markup import plain_excerpt, render_markdown
from common.reading import reading
from scheduling.models import Slot
from scheduling.services import grid as layout
from scheduling.services.contents import Release
from scheduling.services.framing import TABS, put_in_frame, render_frame
from submissions.models import Speaker

_WORDS: Final = re.compile(r"""\{% translate (["'])(.+?)\1 %\}""")

# -- What templates see -------------------------------------------------------------------------------------------------


class _View:
    """Templates look a name up as a key first and as an attribute only after an exception, a hundred thousand times a release."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except (AttributeError, TypeError):
            raise KeyError(name) from None


@dataclass(kw_only=True, slots=True)
class PersonView(_View):
    code: str
    url: str
    name: str
    native_name: str
    affiliation: str
    country: str
    is_keynote: bool
    biography: SafeString
    reading: str
    sessions: list[SessionView] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class SessionView(_View):
    """A slot in one language. `day`, `starts` and `ends` are in the event's zone; `…_iso` for browsers."""

    pk: int
    # Empty where the slot is no submission: a break has no page.
    code: str
    url: str
    title: str
    subtitle: str
    kind: str
    slot_kind: str
    language: str
    language_name: str
    room: str
    room_id: int | None
    track: str
    # Of its colour.
    track_number: int
    day: str
    starts: str
    ends: str
    starts_iso: str
    ends_iso: str
    board: str
    do_not_record: bool
    place: str
    people: list[PersonView]
    chairs: list[PersonView]
    names: str
    # How its Chinese words are read, for the search.
    reading: str
    # What filters know it by, as attributes.
    facets: SafeString
    # As one line of a list, ready made: most sessions stand in several.
    line: str = ""
    children: list[SessionView] = field(default_factory=list)
    parent: SessionView | None = None


@dataclass(kw_only=True, slots=True)
class TimeView(_View):
    iso: str
    clock: str
    row: int
    is_minor: bool
    slots: list[SessionView]


@dataclass(kw_only=True, slots=True)
class DayView(_View):
    number: int
    date: date
    anchor: str
    name: str
    short_name: str
    is_wide: bool
    # First grid line, lines, name and id of each room, from left to right.
    columns: list[tuple[int, int, str, int]]
    times: list[TimeView]


class Pages:
    """The pages of one release in one language, which must be the active one."""

    def __init__(self, release: Release, language: str) -> None:
        self.release = release
        self.event = release.event
        self.language = language
        self.base = reverse("events:event", args=[self.event.slug])
        self.tz = self.event.tz
        self._track_numbers = {track.pk: number for number, track in enumerate(release.tracks)}
        self._track_names = {track.pk: str(track.name) for track in release.tracks}
        self._room_names = {room.pk: str(room.name) for room in release.rooms}
        self._places = {key: place for day in release.grid.days for key, place in day.places.items()}
        self.people: dict[int, PersonView] = {}
        self.sessions: dict[int, SessionView] = {slot.pk: self._session(slot) for slot in release.slots}
        for slot in release.slots:
            view = self.sessions[slot.pk]
            if slot.parent_id:
                view.parent = self.sessions[slot.parent_id]
            view.children = [self.sessions[child.pk] for child in release.children.get(slot.pk, ())]
            view.reading = " ".join(filter(None, [view.reading, *(child.reading for child in view.children)]))
        self.event_name = str(self.event.name)
        venue = self.event.venue
        self.venue, self.address = (str(venue), str(venue.address)) if venue else ("", "")
        self.host = str(self.event.organisation)
        # Looked up once, not once a page.
        self._addresses = {
            f"{name}_url": reverse(f"scheduling:{name}", args=[self.event.slug])
            for name in ("schedule", "changes", "changes_feed", "speakers")
        }
        line = _template_in_words("session_line")
        for view in self.sessions.values():
            view.line = line.render({"session": view})
        self._frames = {tab: render_frame(self.event, language, tab) for tab in TABS}

    # -- Pieces

    def _session(self, slot: Slot) -> SessionView:
        submission = slot.submission
        talks = submission.talks.all() if submission else ()
        people = [self._person(talk.speaker) for talk in talks]
        starts, ends = slot.starts_at.astimezone(self.tz), slot.ends_at.astimezone(self.tz)
        track_id = submission.track_id if submission else None
        language = submission.language if submission else ""
        view = SessionView(
            pk=slot.pk,
            code=submission.code if submission else "",
            url=escape(f"{self.base}sessions/{submission.code}/") if submission else "",
            title=str(submission.title if submission else slot.title) or str(slot.get_kind_display()).capitalize(),
            subtitle=str(submission.subtitle) if submission else "",
            kind=_kind_label(slot),
            slot_kind=slot.kind,
            language=language,
            language_name=_language_name(language, self.language),
            room=self._room_names.get(slot.room_id or 0, ""),
            room_id=slot.room_id,
            track=self._track_names.get(track_id or 0, ""),
            track_number=self._track_numbers.get(track_id or 0, -1),
            day=_day_name(self.event.conference_day(slot.starts_at), self.language),
            starts=_clock(starts),
            ends=_clock(ends),
            starts_iso=_iso(slot.starts_at),
            ends_iso=_iso(slot.ends_at),
            board=slot.board,
            do_not_record=bool(submission and submission.do_not_record),
            place=self._places.get(slot.pk, ""),
            people=people,
            chairs=[self._person(speaker) for speaker in slot.chairs.all()],
            names=", ".join(person.name for person in people),
            reading="",
            facets=_facets(slot),
        )
        found = [view.title, view.room, view.track, *(f"{person.name} {person.native_name}" for person in people)]
        view.reading = reading(" ".join(found))
        for person in people:
            person.sessions.append(view)
        return view

    def _person(self, speaker: Speaker) -> PersonView:
        if speaker.pk not in self.people:
            self.people[speaker.pk] = PersonView(
                code=speaker.code,
                url=f"{self.base}speakers/{speaker.code}/",
                name=speaker.name,
                native_name=speaker.native_name if speaker.native_name != speaker.name else "",
                affiliation=speaker.affiliation,
                country=str(getattr(speaker.country, "name", "")),
                is_keynote=speaker.is_keynote,
                biography=_markdown(str(speaker.biography)),
                reading=reading(f"{speaker.name} {speaker.native_name} {speaker.affiliation}"),
            )
        return self.people[speaker.pk]

    @cached_property
    def days(self) -> list[DayView]:
        views = []
        for number, day in enumerate(self.release.grid.days):
            by_start: dict[datetime, list[SessionView]] = defaultdict(list)
            for cell in day.cells:
                by_start[cell.starts_at].append(self.sessions[cell.key])
            views.append(
                DayView(
                    number=number,
                    date=day.date,
                    anchor=f"day-{day.date.isoformat()}",
                    name=_day_name(day.date, self.language),
                    short_name=dates.short_day(day.date, self.language),
                    is_wide=layout.day_is_wide(day),
                    columns=[
                        (column.line, column.lanes, self._room_names.get(column.key or 0, ""), column.key or 0)
                        for column in day.columns
                    ],
                    times=[
                        TimeView(
                            iso=_iso(instant),
                            clock=dates.clock(instant, self.tz),
                            row=row,
                            is_minor=is_minor,
                            slots=by_start[instant],
                        )
                        for instant, row, is_minor in day.times
                    ],
                )
            )
        return views

    # -- Pages

    def schedule(self) -> tuple[str, str]:
        """The schedule as the latest one and as this version."""
        schedule = self.release.schedule
        context = {
            **self._planned(),
            "exports": [("pdf", "PDF"), ("ics", "iCalendar"), ("json", "JSON"), ("xml", "XML"), ("xcal", "xCal")],
        }
        body = _template("schedule").render(context | {"is_latest": True})
        older = _template("schedule").render(context | {"is_latest": False})
        title = _("Schedule")
        address = reverse("scheduling:schedule", args=[self.event.slug])
        head = self._grid_link() + _canonical(address)
        description = _("The programme of %(event)s: sessions, speakers, rooms and times.") % {"event": self.event_name}
        return (
            self._page(title, description, head, body),
            self._page(
                f"{title} {schedule.version}",
                description,
                self._grid_link(schedule.version) + _canonical(address),
                older,
            ),
        )

    def print_data(self) -> dict[str, Any]:
        """What the printable programme says, as `exports/programme.typ` reads it."""
        event = self.event
        place = [dates.day_range(event.starts_on, event.ends_on, self.language), self.venue or self.host]
        version = _("Version %(version)s") % {"version": self.release.schedule.version}
        note = _("All times: %(zone)s") % {"zone": self._zone_name()}
        return {
            "title": self.event_name,
            "host": self.host,
            "version": version,
            "address": settings.PUBLIC_URL + self._addresses["schedule_url"],
            "when-and-where": " · ".join(place),
            "note": f"{note} · {version}",
            "days": [
                {
                    "name": day.name,
                    "times": [
                        {"clock": time.clock, "sessions": [self._printed(view) for view in time.slots]}
                        for time in day.times
                        if time.slots
                    ],
                }
                for day in self.days
            ],
            "people-title": _("Speakers"),
            "people": [
                {
                    "name": f"{person.name} {person.native_name}".strip(),
                    "affiliation": person.affiliation,
                    "sessions": "; ".join(dict.fromkeys(f"{s.title} ({s.day}, {s.starts})" for s in person.sessions)),
                }
                for person in sorted(self.people.values(), key=lambda person: person.name.casefold())
            ],
        }

    def _printed(self, view: SessionView) -> dict[str, Any]:
        chairs = ", ".join(person.name for person in view.chairs)
        facts = [f"{view.starts}–{view.ends}", view.room, view.track]
        if chairs:
            facts.append(f"{_('Chair')}: {chairs}")
        return {
            "title": view.title,
            "names": view.names,
            "facts": " · ".join(fact for fact in facts if fact),
            "talks": [
                {"label": child.board or child.starts, "title": child.title, "names": child.names}
                for child in view.children
            ],
        }

    def preview(self) -> str:
        """The schedule of the draft, for its editors."""
        back = reverse("scheduling:releases", args=[self.event.slug])
        context = {
            **self._planned(),
            "exports": [],
            "is_latest": True,
            "preview_back": back,
        }
        grid_address = reverse("scheduling:preview_grid", args=[self.event.slug])
        head = f'<meta name="robots" content="noindex"><link rel="stylesheet" href="{escape(grid_address)}">'
        return self._page(_("Preview"), "", head, _template("schedule").render(context))

    def session_pages(self) -> Iterator[tuple[str, str]]:
        """(path, page) of every session on the programme, and of those that no longer are."""
        template = _template_in_words("session")
        in_rooms = self._neighbours()
        placed: dict[int, list[Slot]] = defaultdict(list)
        for slot in self.release.slots:
            if slot.submission_id:
                placed[slot.submission_id].append(slot)
        grid_link = self._grid_link()
        for slots in placed.values():
            submission = slots[0].submission
            assert submission is not None
            views = [self.sessions[slot.pk] for slot in slots]
            view = views[0]
            before, after = in_rooms.get(view.pk, (None, None))
            abstract, description = str(submission.abstract), str(submission.description)
            context = {
                **self._common(),
                "session": view,
                "occurrences": views,
                "zone_name": _zone_name(self.event.time_zone, slots[0].starts_at, self.language),
                "abstract": _markdown(abstract),
                "description": _markdown(description) if description.strip() != abstract.strip() else "",
                "links": [
                    (link.title or link.url, link.url) for link in submission.links.all() if _is_web_address(link.url)
                ],
                "original_url": submission.url if _is_web_address(submission.url) else "",
                "others": [
                    (person, others)
                    for person in view.people
                    if (others := [other for other in person.sessions if other.code != view.code])
                ],
                "before": before,
                "after": after,
                "calendar_url": f"{self.base}sessions/{submission.code}.ics",
            }
            excerpt = _excerpt(abstract or description) or view.names
            head = grid_link + _canonical(view.url) + self._session_json_ld(view, excerpt)
            page = self._page(view.title, excerpt, head, template.render(context))
            yield f"sessions/{submission.code}/", page
        gone = _template("session_gone")
        for submission in self.release.gone:
            body = gone.render({**self._common(), "title": str(submission.title)})
            head = '<meta name="robots" content="noindex">'
            yield f"sessions/{submission.code}/", self._page(str(submission.title), "", head, body)

    def speaker_pages(self) -> Iterator[tuple[str, str]]:
        template = _template_in_words("speaker")
        grid_link = self._grid_link()
        for person in self.people.values():
            sessions = list({session.code: session for session in person.sessions}.values())
            context = {
                **self._common(),
                "person": person,
                "sessions": person.sessions,
                "zone_name": self._zone_name(),
                "calendar_url": f"{self.base}speakers/{person.code}.ics",
            }
            description = ", ".join(session.title for session in sessions)[:200]
            json_ld = _json_ld(
                {
                    "@context": "https://schema.org",
                    "@type": "Person",
                    "name": person.name,
                    **({"alternateName": person.native_name} if person.native_name else {}),
                    **(
                        {"affiliation": {"@type": "Organization", "name": person.affiliation}}
                        if person.affiliation
                        else {}
                    ),
                    "url": settings.PUBLIC_URL + person.url,
                }
            )
            head = grid_link + _canonical(person.url) + json_ld
            page = self._page(person.name, description, head, template.render(context), tab="speakers")
            yield f"speakers/{person.code}/", page

    def speakers(self) -> str:
        people = sorted(self.people.values(), key=lambda person: (not person.is_keynote, person.name.casefold()))
        body = _template("speakers").render(
            {
                **self._common(),
                "keynotes": [person for person in people if person.is_keynote],
                "people": [person for person in people if not person.is_keynote],
                "count": len(people),
            }
        )
        address = reverse("scheduling:speakers", args=[self.event.slug])
        description = _("Who speaks at %(event)s.") % {"event": self.event_name}
        return self._page(_("Speakers"), description, _canonical(address), body, tab="speakers")

    def changes(self, releases: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """The page and the feed of what changed with each of `releases` (`releases.changes_as_data`), newest first."""
        views = self.change_views(releases)
        body = _template("changes").render({**self._common(), "releases": views})
        feed = reverse("scheduling:changes_feed", args=[self.event.slug])
        title = _("Changes to the programme")
        head = f'<link rel="alternate" type="application/atom+xml" title="{escape(title)}" href="{escape(feed)}">'
        feed_body: str = _template("changes", "atom").render(
            {
                **self._common(),
                "public_url": settings.PUBLIC_URL,
                "releases": views,
                "updated": _iso(self.release.schedule.released_at),
            }
        )
        return self._page(title, "", head, body), feed_body

    def change_views(self, releases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """What `releases.changes_as_data` kept of each release, in words."""
        return [
            {
                "version": kept["version"],
                "url": reverse("scheduling:version", args=[self.event.slug, kept["version"]]),
                "comment": kept["comment"],
                "released_at": kept["released_at"],
                "released": dates.moment(datetime.fromisoformat(kept["released_at"]), self.tz, self.language),
                "is_first": kept["is_first"],
                "counts": {name: len(kept[name]) for name in ("added", "moved", "cancelled")},
                **{name: [self._change(row) for row in kept[name]] for name in ("added", "moved", "cancelled")},
            }
            for kept in releases
        ]

    def _change(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "title": _localized(row["title"], self.language),
            "url": f"{self.base}sessions/{row['code']}/" if row["code"] else "",
            "old": self._when_and_where(row["old"]),
            "new": self._when_and_where(row["new"]),
        }

    def _when_and_where(self, place: Mapping[str, Any] | None) -> str:
        if place is None:
            return ""
        starts = datetime.fromisoformat(place["starts_at"])
        ends = datetime.fromisoformat(place["ends_at"])
        words = [
            dates.short_day(self.event.conference_day(starts), self.language),
            f"{dates.clock(starts, self.tz)}–{dates.clock(ends, self.tz)}",
            _localized(place["room"], self.language),
        ]
        return ", ".join(word for word in words if word)

    # -- Parts of pages

    def _common(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "event_name": self.event_name,
            "base": self.base,
            "version": self.release.schedule.version,
            **self._addresses,
        }

    def _planned(self) -> dict[str, Any]:
        """What every look at the schedule shows; the plan itself, by far the longest part, ready made."""
        days = self.days
        return {
            **self._common(),
            "days": days,
            "plan": _template("plan").render({"days": days}),
            "zone_name": self._zone_name(),
            "filters": self._filters(),
        }

    def _zone_name(self) -> str:
        first = self.release.slots[0].starts_at if self.release.slots else self.event.starts_at
        return _zone_name(self.event.time_zone, first, self.language)

    def _filters(self) -> list[dict[str, Any]]:
        """What one can filter by: only what tells sessions apart. The values are the same in every release and language, so that
        a link to a filter goes on working."""
        slots = self.release.slots
        tracks = {slot.submission.track_id for slot in slots if slot.submission}
        rooms = {slot.room_id for slot in slots}
        kinds = sorted({(_kind_label(slot), _kind_key(slot)) for slot in slots if slot.submission})
        languages = {slot.submission.language for slot in slots if slot.submission and slot.submission.language}
        filters = [
            {
                "name": "track",
                "label": _("Track"),
                "choices": [
                    (str(pk), name, f"t{self._track_numbers[pk]}")
                    for pk, name in self._track_names.items()
                    if pk in tracks
                ],
            },
            {
                "name": "room",
                "label": _("Room"),
                "choices": [(str(pk), name, "") for pk, name in self._room_names.items() if pk in rooms],
            },
            {"name": "kind", "label": _("Kind"), "choices": [(key, kind, "") for kind, key in kinds]},
            {
                "name": "language",
                "label": _("Language"),
                "choices": [(code, _language_name(code, self.language), "") for code in sorted(languages)],
            },
        ]
        return [choice for choice in filters if len(choice["choices"]) > 1]

    def _neighbours(self) -> dict[int, tuple[SessionView | None, SessionView | None]]:
        """Slot → the session before and after it in the same room on the same day."""
        rooms: dict[tuple[Any, date], list[SessionView]] = defaultdict(list)
        for slot in self.release.slots:
            if slot.submission_id and slot.room_id:
                key = (slot.room_id, self.event.conference_day(slot.starts_at))
                rooms[key].append(self.sessions[slot.pk])
        neighbours: dict[int, tuple[SessionView | None, SessionView | None]] = {}
        for views in rooms.values():
            padded: list[SessionView | None] = [None, *views, None]
            for before, view, after in zip(padded, views, padded[2:], strict=False):
                neighbours[view.pk] = (before, after)
        return neighbours

    def _grid_link(self, version: str | None = None) -> str:
        if version:
            address = reverse("scheduling:version_grid", args=[self.event.slug, version])
        else:
            address = reverse("scheduling:grid", args=[self.event.slug])
        # The release's number tells browsers when to fetch it anew.
        return f'<link rel="stylesheet" href="{escape(address)}?v={self.release.schedule.number}">'

    def _session_json_ld(self, view: SessionView, excerpt: str) -> str:
        return _json_ld(
            {
                "@context": "https://schema.org",
                "@type": "Event",
                "name": view.title,
                "description": excerpt,
                "startDate": view.starts_iso,
                "endDate": view.ends_iso,
                "eventStatus": "https://schema.org/EventScheduled",
                "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
                "url": settings.PUBLIC_URL + view.url,
                **({"inLanguage": view.language} if view.language else {}),
                "location": self._location(view.room),
                "performer": [
                    {"@type": "Person", "name": person.name, "url": settings.PUBLIC_URL + person.url}
                    for person in view.people
                ],
                "superEvent": {
                    "@type": "Event",
                    "name": self.event_name,
                    "startDate": self.event.starts_on.isoformat(),
                    "endDate": self.event.ends_on.isoformat(),
                    "location": self._location(""),
                    "url": settings.PUBLIC_URL + self.base,
                },
            }
        )

    def _location(self, room: str) -> dict[str, Any]:
        """A room in a building, or what is known of the two: search engines pass over an event without a place."""
        if not room or not self.venue:
            return {"@type": "Place", "name": room or self.venue or self.host}
        return {
            "@type": "Place",
            "name": room,
            "containedInPlace": {
                "@type": "Place",
                "name": self.venue,
                **({"address": self.address} if self.address else {}),
            },
        }

    def _page(self, title: str, description: str, head: str, body: str, *, tab: str = "schedule") -> str:
        return put_in_frame(
            self._frames[tab],
            title=f"{title} · {self.event_name}",
            description=description,
            head=head,
            body=body,
        )


# -- Small helpers ------------------------------------------------------------------------------------------------------


def _template(name: str, extension: str = "html") -> Any:
    return get_template(f"scheduling/public/{name}.{extension}")


def _template_in_words(name: str) -> Any:
    """The template with its words as they are in the active language: looked up once, and not for each of a thousand pages."""
    source = _template(name).template.source
    return engines["django"].from_string(_WORDS.sub(lambda found: _(found[2]), source))


def forget_texts() -> None:
    """Those of one release are kept for its languages, and for no longer: a few large ones would take tens of megabytes."""
    _markdown.cache_clear()
    _excerpt.cache_clear()


@lru_cache(maxsize=4096)
def _markdown(text: str) -> SafeString:
    return render_markdown(text) if text.strip() else mark_safe("")


@lru_cache(maxsize=4096)
def _excerpt(text: str) -> str:
    # The rest would be cut off anyway, and parsing all of it takes its time.
    return plain_excerpt(text[:2000])


# What stands in thousands of places is escaped once.


@lru_cache(maxsize=4096)
def _iso(instant: datetime | None) -> str:
    assert instant is not None
    return escape(instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _clock(moment: datetime) -> str:
    # Not kept: one instant is equal to itself in every zone, and reads differently.
    return escape(moment.strftime("%H:%M"))


@lru_cache(maxsize=1024)
def _day_name(day: date, language: str) -> str:
    return escape(dates.day(day, language))


@lru_cache(maxsize=1024)
def _zone_name(zone: str, instant: datetime, language: str) -> str:
    return dates.zone_name(ZoneInfo(zone), instant, language)


@lru_cache(maxsize=1024)
def _language_name(code: str, reader: str) -> str:
    """`de` → German / 德语; what is no language code stays as it was written."""
    if not code:
        return ""
    try:
        return babel.Locale.parse(code.replace("-", "_")).get_display_name(dates.babel_locale(reader)) or code
    except (ValueError, babel.UnknownLocaleError):
        return code


def _kind_label(slot: Slot) -> str:
    """In the words of the programme that it came from, otherwise in ours."""
    if slot.submission is None:
        return str(slot.get_kind_display())
    return slot.submission.kind_label or str(slot.submission.get_kind_display())


def _kind_key(slot: Slot) -> str:
    """The same in every language."""
    assert slot.submission is not None
    return slot.submission.kind_label or slot.submission.kind


def _facets(slot: Slot) -> SafeString:
    if slot.submission is None:
        return mark_safe("")
    facets = {"kind": _kind_key(slot), "language": slot.submission.language, "track": slot.submission.track_id}
    return format_html_join("", ' data-{}="{}"', ((name, value) for name, value in facets.items() if value))


def _localized(text: str | Mapping[str, str], language: str) -> str:
    return text if isinstance(text, str) else str(LazyI18nString(text).localize(language))


def _is_web_address(url: str) -> bool:
    """Forms and files let nothing else in; a page that everybody reads does not rely on it."""
    return url.startswith(("https://", "http://"))


def _canonical(address: str) -> str:
    return f'<link rel="canonical" href="{escape(settings.PUBLIC_URL + address)}">'


def _json_ld(data: Mapping[str, Any]) -> str:
    """A block of data, not a script: what would end it early is escaped."""
    text = json.dumps(data, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/ld+json">{text}</script>'
