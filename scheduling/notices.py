"""What speakers and chairs are told about their slots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.models import Event
from notifications.notices import CalendarPart, NoticeKind, Placeholder, PlaceholderType, Recipient
from scheduling.models import Slot
from submissions.models import Speaker

#: Those that mails are written in.
_LANGUAGES: Final = {code for code, _name in settings.LANGUAGES}

_NAME = Placeholder(name="name", label=_("Name of the speaker"), example="Zhang Wei")
_SESSION = Placeholder(name="session", label=_("Title of the session"), example="Fermented tea and its microbes")
_EVENT = Placeholder(name="event", label=_("Name of the event"), example="Food Futures 2027")
_ROOM = Placeholder(name="room", label=_("Room"), example="Lake Hall")
_STARTS = Placeholder(name="starts", label=_("Begin"), example="2027-06-07T09:00:00+08:00", type=PlaceholderType.MOMENT)
_ENDS = Placeholder(name="ends", label=_("End"), example="2027-06-07T09:30:00+08:00", type=PlaceholderType.MOMENT)
_LINK = Placeholder(
    name="link",
    label=_("Open the session's page"),
    example="https://conf.example.edu/food-2027/sessions/A4C7EF/",
    type=PlaceholderType.LINK,
)
_OLD_STARTS = Placeholder(
    name="old_starts",
    label=_("Begin before the change"),
    example="2027-06-07T08:00:00+08:00",
    type=PlaceholderType.MOMENT,
)
_OLD_ROOM = Placeholder(name="old_room", label=_("Room before the change"), example="Garden Room")

_SLOT: Final = (_NAME, _SESSION, _EVENT, _ROOM, _STARTS, _ENDS, _LINK)

SLOT_PUBLISHED: Final = NoticeKind(
    code="slot_published",
    title=_("Session published, to its speakers"),
    subject=_("Your session at {event}: {starts}"),
    body=_(
        "Dear {name},\n\n"
        "the programme of {event} is published, and you are in it:\n\n"
        "{session}\n"
        "{starts}\n"
        "{room}\n\n"
        "{link}\n\n"
        "The calendar entry that comes with this mail follows every later change. If something is wrong, simply answer this mail."
    ),
    placeholders=_SLOT,
)
SLOT_MOVED: Final = NoticeKind(
    code="slot_moved",
    title=_("Session moved, to its speakers"),
    subject=_("Your session at {event} has moved: {starts}"),
    body=_(
        "Dear {name},\n\n"
        "your session “{session}” at {event} has a new place in the programme.\n\n"
        "New: {starts}, {room}\n"
        "Before: {old_starts}, {old_room}\n\n"
        "{link}\n\n"
        "Please answer this mail if the new time does not suit you."
    ),
    placeholders=(*_SLOT, _OLD_STARTS, _OLD_ROOM),
)
SLOT_CANCELLED: Final = NoticeKind(
    code="slot_cancelled",
    title=_("Session taken off the programme, to its speakers"),
    subject=_("Your session at {event} is no longer on the programme"),
    body=_(
        "Dear {name},\n\n"
        "your session “{session}”, which was planned for {starts}, is no longer on the programme of {event}.\n\n"
        "If you did not expect this, please answer this mail."
    ),
    placeholders=(_NAME, _SESSION, _EVENT, _ROOM, _STARTS, _ENDS),
)
SLOT_REMINDER: Final = NoticeKind(
    code="slot_reminder",
    title=_("Reminder before a session, to its speakers and chairs"),
    subject=_("Soon: {session}, {starts}"),
    body=_(
        "Dear {name},\n\n"
        "this is a reminder of your session at {event}:\n\n"
        "{session}\n"
        "{starts}\n"
        "{room}\n\n"
        "{link}\n\n"
        "Please be in the room ten minutes early."
    ),
    placeholders=_SLOT,
    priority=30,
)
SESSION_REMINDER: Final = NoticeKind(
    code="session_reminder",
    title=_("Reminder before a session, to attendees"),
    subject=_("Soon: {session}, {starts}"),
    body=_("Dear {name},\n\nthis begins soon at {event}:\n\n{session}\n{starts}\n{room}\n\n{link}"),
    placeholders=(replace(_NAME, label=_("Name of the person")), *_SLOT[1:]),
    priority=30,
    is_optional=True,
)

_CHANGED: Final = (
    Placeholder(name="moved", label=_("Titles of moved sessions"), example="The chemistry of vinegar"),
    replace(_STARTS, name="moved_starts", label=_("Begin of each moved session")),
    replace(_ROOM, name="moved_room", label=_("Room of each moved session")),
    _OLD_STARTS,
    _OLD_ROOM,
    Placeholder(name="gone", label=_("Titles of cancelled sessions"), example="A history of soy sauce"),
    replace(_STARTS, name="gone_starts", label=_("Begin of each cancelled session")),
    replace(_LINK, label=_("Open the programme"), example="https://conf.example.edu/food-2027/schedule/"),
)

PROGRAMME_CHANGED: Final = NoticeKind(
    code="programme_changed",
    title=_("Several sessions published, moved or taken off, to their speaker"),
    subject=_("Your sessions at {event}: what has changed"),
    body=_(
        "Dear {name},\n\n"
        "the programme of {event} has changed for you:\n\n"
        "- New: “{new}”, {new_starts}, {new_room}\n"
        "- Moved: “{moved}”, now {moved_starts}, {moved_room}; before {old_starts}, {old_room}\n"
        "- No longer on the programme: “{gone}”, which was planned for {gone_starts}\n\n"
        "{link}\n\n"
        "With this mail comes a calendar entry for each of them. Please answer this mail if something does not suit you."
    ),
    placeholders=(
        _NAME,
        _EVENT,
        Placeholder(name="new", label=_("Titles of new sessions"), example="Fermented tea and its microbes"),
        replace(_STARTS, name="new_starts", label=_("Begin of each new session")),
        replace(_ROOM, name="new_room", label=_("Room of each new session")),
        *_CHANGED,
    ),
)

REMINDED_CHANGED: Final = NoticeKind(
    code="reminded_changed",
    title=_("Sessions moved or taken off, to those who were reminded of them"),
    subject=_("{event}: what we reminded you of has changed"),
    body=_(
        "Dear {name},\n\n"
        "we reminded you of something at {event}, and the programme has changed since:\n\n"
        "- Moved: “{moved}”, now {moved_starts}, {moved_room}; before {old_starts}, {old_room}\n"
        "- No longer on the programme: “{gone}”, which was planned for {gone_starts}\n\n"
        "{link}\n\n"
        "The calendar entry that comes with this mail updates the one of the reminder."
    ),
    placeholders=(replace(_NAME, label=_("Name of the person")), _EVENT, *_CHANGED),
    is_optional=True,
)

EVENT_REMINDER: Final = NoticeKind(
    code="speaker_event_reminder",
    title=_("Reminder before the event, to speakers"),
    subject=_("Soon: your sessions at {event}"),
    body=_(
        "Dear {name},\n\n"
        "{event} begins soon. We look forward to you:\n\n"
        "- “{session}”, {starts}, {room}\n\n"
        "{link}\n\n"
        "Please answer this mail if something has come in between."
    ),
    placeholders=(
        _NAME,
        _EVENT,
        replace(_SESSION, label=_("Titles of their sessions")),
        replace(_STARTS, label=_("Begin of each session")),
        replace(_ROOM, label=_("Room of each session")),
        replace(_LINK, label=_("Open the programme"), example="https://conf.example.edu/food-2027/schedule/"),
    ),
    priority=30,
)

#: What people learn of a release: a speaker of one session by its own kind, of several in one mail; whoever was reminded of it.
NEWS: Final = (SLOT_PUBLISHED, SLOT_MOVED, SLOT_CANCELLED, PROGRAMME_CHANGED, REMINDED_CHANGED)
#: They bring an entry for the calendar.
REMINDERS: Final = (SLOT_REMINDER, SESSION_REMINDER)
KINDS: Final = (*NEWS, *REMINDERS, EVENT_REMINDER)


def about(slot: Slot) -> str:
    """How the ledger names a slot, in every release the same."""
    return f"slot:{slot.uid}"


def calendar_uid(uid: UUID | str) -> str:
    """The UID of the calendar entry of the slot with this uid, in mails and feeds alike."""
    return f"{uid}@{settings.MAIL_FROM.rpartition('@')[2]}"


def recipient(speaker: Speaker, *, language: str) -> Recipient | None:
    """None: nobody knows an address. `language`: of the event, for speakers who never chose one."""
    person = speaker.person
    email = speaker.email or (person.email if person else "")
    if not email:
        return None
    user = person.user if person else None
    return Recipient(
        email=email,
        name=speaker.name,
        language=next(
            (wish for wish in (speaker.language, user.language if user else "", language) if wish in _LANGUAGES),
            settings.LANGUAGE_CODE,
        ),
        time_zone=user.time_zone if user else "",
    )


def facts(slot: Slot, name: str, *, language: str) -> dict[str, Any]:
    """`name`: of whom it is told. The values of `_SLOT`'s placeholders; `slot.schedule.event` must be at hand."""
    event = slot.schedule.event
    return {
        "name": name,
        "session": heading(slot, language),
        "event": event.name.localize(language),
        "room": slot.room.name.localize(language) if slot.room else "",
        "starts": slot.starts_at.isoformat(),
        "ends": slot.ends_at.isoformat(),
        "link": link(slot),
        "time_zone": event.time_zone,
    }


def programme_link(event: Event) -> str:
    return settings.PUBLIC_URL + reverse("scheduling:schedule", args=[event.slug])


def link(slot: Slot) -> str:
    event = slot.schedule.event
    if slot.submission is None:
        return programme_link(event)
    return settings.PUBLIC_URL + reverse("scheduling:session", args=[event.slug, slot.submission.code])


def calendar(slot: Slot, *, method: str, sequence: int, language: str) -> CalendarPart:
    event = slot.schedule.event
    return CalendarPart(
        method=method,
        uid=calendar_uid(slot.uid),
        sequence=sequence,
        start=slot.starts_at.astimezone(event.tz).isoformat(),
        end=slot.ends_at.astimezone(event.tz).isoformat(),
        time_zone=event.time_zone,
        summary=heading(slot, language),
        location=slot.room.name.localize(language) if slot.room else "",
        url=link(slot),
        organizer_name=event.name.localize(language),
        organizer_email=event.contact_email or settings.MAIL_FROM,
    )


def heading(slot: Slot, language: str) -> str:
    text = slot.submission.title if slot.submission else slot.title
    return text.localize(language) or slot.get_kind_display()
