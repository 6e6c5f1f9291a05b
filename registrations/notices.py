"""What those who registered are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.models import Event
from notifications.notices import CalendarPart, Notice, NoticeKind, Placeholder, PlaceholderType, Recipient
from registrations.models import Registration, RegistrationState

_NAME = Placeholder(name="name", label=_("Name of the person"), example="Wang Fang")
_EVENT = Placeholder(name="event", label=_("Name of the event"), example="Food Futures 2027")
_TICKET = Placeholder(name="ticket", label=_("Ticket"), example="Student")
_CODE = Placeholder(name="code", label=_("Code of the registration"), example="A4C7EF")
_STARTS = Placeholder(name="starts", label=_("First day"), example="2027-06-07", type=PlaceholderType.DAY)
_ENDS = Placeholder(name="ends", label=_("Last day"), example="2027-06-09", type=PlaceholderType.DAY)
_PLACE = Placeholder(name="place", label=_("Place"), example="Lakeside Conference Centre")
_LINK = Placeholder(
    name="link",
    label=_("Open your registration"),
    example="https://conf.example.edu/food-2027/registrations/A4C7EF/…/",
    type=PlaceholderType.LINK,
)
_REASON = Placeholder(name="reason", label=_("Reason given"), example="The hall is smaller than planned.")
_ALL: Final = (_NAME, _EVENT, _TICKET, _CODE, _STARTS, _ENDS, _PLACE, _LINK)

#: Tickets go before programme changes and reminders.
_PRIORITY: Final = 10

CONFIRMED: Final = NoticeKind(
    code="registration_confirmed",
    title=_("Registration confirmed"),
    subject=_("You are registered for {event}"),
    body=_(
        "Dear {name},\n\n"
        "you have a place. We look forward to seeing you.\n\n"
        "{event}\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n"
        "Code: {code}\n\n"
        "{link}\n\n"
        "There you find your ticket with its QR code, and can change or cancel your registration. If you cannot come, please"
        " give your place back: somebody may be waiting for it."
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
WAITING: Final = NoticeKind(
    code="registration_waiting",
    title=_("On the waiting list"),
    subject=_("You are on the waiting list for {event}"),
    body=_(
        "Dear {name},\n\n"
        "all places for “{ticket}” are taken at the moment, and you are on the waiting list. As soon as a place becomes free and"
        " it is your turn, it is yours, and we write to you.\n\n"
        "{event}\n"
        "{starts} – {ends}\n\n"
        "{link}\n\n"
        "If you no longer want to come, please leave the waiting list there."
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
PLACE_GIVEN: Final = NoticeKind(
    code="place_given",
    title=_("A place for somebody who waited"),
    subject=_("You have a place at {event}"),
    body=_(
        "Dear {name},\n\n"
        "good news: a place became free, and it is yours.\n\n"
        "{event}\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n"
        "Code: {code}\n\n"
        "{link}\n\n"
        "If you can no longer come, please give it back there, so that the next in line gets it."
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
PENDING: Final = NoticeKind(
    code="registration_pending",
    title=_("Registration waits for approval"),
    subject=_("We have your registration for {event}"),
    body=_(
        "Dear {name},\n\n"
        "thank you. The organizers look at each registration for “{ticket}”; a place is kept for you until they have decided, and"
        " we write to you then.\n\n"
        "{event}\n"
        "{starts} – {ends}\n\n"
        "{link}"
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
APPROVED: Final = NoticeKind(
    code="registration_approved",
    title=_("Registration approved"),
    subject=_("Your registration for {event} is approved"),
    body=_(
        "Dear {name},\n\n"
        "the organizers have approved your registration. You have a place.\n\n"
        "{event}\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n"
        "Code: {code}\n\n"
        "{link}"
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
REJECTED: Final = NoticeKind(
    code="registration_rejected",
    title=_("Registration rejected"),
    subject=_("Your registration for {event}"),
    body=_("Dear {name},\n\nwe are sorry: the organizers cannot give you a place at {event}.\n\n{reason}\n\n{link}"),
    placeholders=(*_ALL, _REASON),
    priority=_PRIORITY,
)
CHANGED: Final = NoticeKind(
    code="registration_changed",
    title=_("Registration changed"),
    subject=_("Your registration for {event} was changed"),
    body=_(
        "Dear {name},\n\n"
        "your registration for {event} was changed. This is how it stands now:\n\n"
        "Name: {name}\n"
        "Ticket: {ticket}\n"
        "Code: {code}\n\n"
        "{link}\n\n"
        "If it was not you, please answer this mail."
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
CANCELLED: Final = NoticeKind(
    code="registration_cancelled",
    title=_("Registration cancelled"),
    subject=_("Your registration for {event} is cancelled"),
    body=_(
        "Dear {name},\n\n"
        "your registration for {event} is cancelled. If you had a place, it goes to somebody else now.\n\n"
        "{reason}\n\n"
        "If it was not you, please answer this mail. You can register again as long as there are places."
    ),
    placeholders=(*_ALL, _REASON),
    priority=_PRIORITY,
)
REGISTERED_ALREADY: Final = NoticeKind(
    code="registered_already",
    title=_("Somebody used an address that is registered"),
    subject=_("You are registered for {event} already"),
    body=_(
        "Dear {name},\n\n"
        "somebody, probably you, has just filled in the registration form for {event} with this address. You are registered"
        " already; nothing has changed.\n\n"
        "{link}"
    ),
    placeholders=_ALL,
    priority=_PRIORITY,
)
EVENT_REMINDER: Final = NoticeKind(
    code="event_reminder",
    title=_("Reminder before the event, to those who registered"),
    subject=_("Soon: {event}, {starts}"),
    body=_(
        "Dear {name},\n\n"
        "{event} begins soon:\n\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Your code: {code}\n\n"
        "{link}\n\n"
        "Please have your ticket ready on your phone, or give your place back if you cannot come."
    ),
    placeholders=_ALL,
    priority=30,
)

REGISTRATION_CLOSES: Final = NoticeKind(
    code="registration_closes",
    title=_("Reminder before registration closes, to speakers who have not registered"),
    subject=_("Please register for {event} by {closes}"),
    body=_(
        "Dear {name},\n\n"
        "you are on the programme of {event}, and have not registered with this address yet. Registration closes:\n\n"
        "{closes}\n\n"
        "{link}\n\n"
        "If you have registered with another address, there is nothing to do."
    ),
    placeholders=(
        _NAME,
        _EVENT,
        Placeholder(
            name="closes",
            label=_("End of registration"),
            example="2027-05-31T23:59:00+08:00",
            type=PlaceholderType.MOMENT,
        ),
        Placeholder(
            name="link",
            label=_("Register"),
            example="https://conf.example.edu/food-2027/register/",
            type=PlaceholderType.LINK,
        ),
    ),
    priority=30,
)
EVENT_CHANGED: Final = NoticeKind(
    code="registration_event_changed",
    title=_("Event with new days or place, to those who registered"),
    subject=_("{event} has new days or another place"),
    body=_(
        "Dear {name},\n\n"
        "{event}, for which you are registered, has other days or another place now:\n\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "{link}\n\n"
        "The calendar entry that comes with this mail takes the place of the one that you have. If you can no longer come, please"
        " give your place back by the link above."
    ),
    placeholders=_ALL,
)

KINDS: Final = (
    *(CONFIRMED, WAITING, PLACE_GIVEN, PENDING, APPROVED, REJECTED, CHANGED, CANCELLED),
    *(REGISTERED_ALREADY, EVENT_REMINDER, REGISTRATION_CLOSES, EVENT_CHANGED),
)

#: With a calendar entry: who gets one has a place.
INVITING: Final = (CONFIRMED, PLACE_GIVEN, APPROVED, EVENT_CHANGED)

#: What somebody is told who has just registered.
FOR_STATE: Final = {
    RegistrationState.CONFIRMED: CONFIRMED,
    RegistrationState.WAITING: WAITING,
    RegistrationState.PENDING: PENDING,
}


def about(registration: Registration) -> str:
    return f"registration:{registration.event_id}:{registration.code}"


def recipient(registration: Registration) -> Recipient:
    return Recipient(
        email=registration.email,
        name=registration.name,
        language=registration.language,
    )


def facts(registration: Registration, *, reason: str = "") -> dict[str, Any]:
    """Values for every placeholder above; `registration.event` and its venue must be at hand."""
    event = registration.event
    language = registration.language
    return {
        "name": registration.name,
        "event": event.name.localize(language),
        "ticket": registration.ticket_type.name.localize(language),
        "code": registration.code,
        "starts": event.starts_on.isoformat(),
        "ends": event.ends_on.isoformat(),
        "place": event.venue.name.localize(language) if event.venue else "",
        "link": settings.PUBLIC_URL + registration.get_absolute_url(),
        "reason": reason,
        "time_zone": event.time_zone,
    }


def facts_of_closing(event: Event, *, name: str, closes: datetime, language: str) -> dict[str, Any]:
    return {
        "name": name,
        "event": event.name.localize(language),
        "closes": closes.isoformat(),
        "link": settings.PUBLIC_URL + reverse("registrations:register", args=[event.slug]),
        "time_zone": event.time_zone,
    }


def calendar(registration: Registration, *, method: str) -> CalendarPart:
    """The event's days as whole days; the UID stays, the sequence rises with the registration's revision."""
    event = registration.event
    language = registration.language
    return CalendarPart(
        method=method,
        uid=f"registration-{registration.code.lower()}-{event.slug}@{settings.MAIL_FROM.rpartition('@')[2]}",
        sequence=registration.revision,
        start=event.starts_on.isoformat(),
        end=(event.ends_on + timedelta(days=1)).isoformat(),
        time_zone=event.time_zone,
        summary=event.name.localize(language),
        location=event.venue.name.localize(language) if event.venue else "",
        url=settings.PUBLIC_URL + registration.get_absolute_url(),
        organizer_name=event.name.localize(language),
        organizer_email=event.contact_email or settings.MAIL_FROM,
    )


def notice(
    kind: NoticeKind,
    registration: Registration,
    *,
    revision: str = "",
    reason: str = "",
    was_invited: bool = False,
) -> Notice:
    """One message about one registration, in its language; revisions are the registration's unless given.

    `was_invited`: their calendar has the event, so that a cancellation takes it out.
    """
    part = None
    if kind in INVITING:
        part = calendar(registration, method="REQUEST")
    elif kind in (CANCELLED, REJECTED) and was_invited:
        part = calendar(registration, method="CANCEL")
    return Notice(
        to=recipient(registration),
        about=about(registration),
        context=facts(registration, reason=reason),
        revision=revision or str(registration.revision),
        event_id=registration.event_id,
        calendar=part,
    )
