"""What those who registered are told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common.money import money
from events.models import Event
from notifications.notices import CalendarPart, Notice, NoticeKind, Placeholder, PlaceholderType, Recipient
from registrations.models import LineItem, Registration, RegistrationState

_NAME: Final = Placeholder(name="name", label=_("Name of the person"), example="Wang Fang")
_EVENT: Final = Placeholder(name="event", label=_("Name of the event"), example="Food Futures 2027")
_TICKET: Final = Placeholder(name="ticket", label=_("Ticket"), example="Student")
_CODE: Final = Placeholder(name="code", label=_("Code of the registration"), example="A4C7EF")
_STARTS: Final = Placeholder(name="starts", label=_("First day"), example="2027-06-07", type=PlaceholderType.DAY)
_ENDS: Final = Placeholder(name="ends", label=_("Last day"), example="2027-06-09", type=PlaceholderType.DAY)
_PLACE: Final = Placeholder(name="place", label=_("Place"), example="Lakeside Conference Centre")
_LINK: Final = Placeholder(
    name="link",
    label=_("Open your registration"),
    example="https://conf.example.edu/food-2027/registrations/A4C7EF/…/",
    type=PlaceholderType.LINK,
)
_REASON: Final = Placeholder(name="reason", label=_("Reason given"), example="The hall is smaller than planned.")
_PRODUCTS: Final = Placeholder(name="products", label=_("Products that are theirs"), example="1 × Conference dinner")
_PRODUCT: Final = Placeholder(name="product", label=_("Product"), example="1 × Conference dinner")
_OWED: Final = Placeholder(name="owed", label=_("To be paid"), example="CN¥1,200.00")
_PAID: Final = Placeholder(name="paid", label=_("What came"), example="CN¥1,200.00")
_DUE: Final = Placeholder(
    name="due", label=_("To be paid until"), example="2027-05-20T18:00:00+08:00", type=PlaceholderType.MOMENT
)
_UNTIL: Final = Placeholder(
    name="until", label=_("Offered until"), example="2027-05-20T18:00:00+08:00", type=PlaceholderType.MOMENT
)
_ALL: Final = (_NAME, _EVENT, _TICKET, _CODE, _STARTS, _ENDS, _PLACE, _LINK)


def _kind(
    *,
    code: str,
    title: str | Promise,
    subject: str | Promise,
    body: str | Promise,
    also: tuple[Placeholder, ...] = (),
    priority: int = 10,
) -> NoticeKind:
    """A kind of mail about one registration, whose words may name what is known of each, and `also` these. Unless it says
    otherwise, it goes before programme changes and reminders."""
    return NoticeKind(
        code=code, title=title, subject=subject, body=body, placeholders=(*_ALL, *also), priority=priority
    )


CONFIRMED: Final = _kind(
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
        "With: {products}\n"
        "Code: {code}\n\n"
        "{link}\n\n"
        "There you find your ticket with its QR code, and can change or cancel your registration. If you cannot come, please"
        " give your place back: somebody may be waiting for it."
    ),
    also=(_PRODUCTS,),
)
WAITING: Final = _kind(
    code="registration_waiting",
    title=_("On the waiting list"),
    subject=_("You are on the waiting list for {event}"),
    body=_(
        "Dear {name},\n\n"
        "all places for “{ticket}” are taken at the moment, and you are on the waiting list. As soon as a place becomes free and"
        " it is your turn, we write to you.\n\n"
        "{event}\n"
        "{starts} – {ends}\n\n"
        "{link}\n\n"
        "If you no longer want to come, please leave the waiting list there."
    ),
)
PLACE_GIVEN: Final = _kind(
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
        "With: {products}\n"
        "Code: {code}\n\n"
        "{link}\n\n"
        "If you can no longer come, please give it back there, so that the next in line gets it."
    ),
    also=(_PRODUCTS,),
)
PENDING: Final = _kind(
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
)
APPROVED: Final = _kind(
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
        "With: {products}\n"
        "Code: {code}\n\n"
        "{link}"
    ),
    also=(_PRODUCTS,),
)
REJECTED: Final = _kind(
    code="registration_rejected",
    title=_("Registration rejected"),
    subject=_("Your registration for {event}"),
    body=_("Dear {name},\n\nwe are sorry: the organizers cannot give you a place at {event}.\n\n{reason}\n\n{link}"),
    also=(_REASON,),
)
CHANGED: Final = _kind(
    code="registration_changed",
    title=_("Registration changed"),
    subject=_("Your registration for {event} was changed"),
    body=_(
        "Dear {name},\n\n"
        "your registration for {event} was changed. This is how it stands now:\n\n"
        "Name: {name}\n"
        "Ticket: {ticket}\n"
        "With: {products}\n"
        "Code: {code}\n"
        "To be paid: {owed}\n\n"
        "{link}\n\n"
        "If it was not you, please answer this mail."
    ),
    also=(_PRODUCTS, _OWED),
)
CANCELLED: Final = _kind(
    code="registration_cancelled",
    title=_("Registration cancelled"),
    subject=_("Your registration for {event} is cancelled"),
    body=_(
        "Dear {name},\n\n"
        "your registration for {event} is cancelled. If you had a place, it goes to somebody else now.\n\n"
        "{reason}\n\n"
        "If it was not you, please answer this mail. You can register again as long as there are places."
    ),
    also=(_REASON,),
)
REGISTERED_ALREADY: Final = _kind(
    code="registered_already",
    title=_("Somebody used an address that is registered"),
    subject=_("You are registered for {event} already"),
    body=_(
        "Dear {name},\n\n"
        "somebody, probably you, has just filled in the registration form for {event} with this address. You are registered"
        " already; nothing has changed.\n\n"
        "{link}"
    ),
)
PLACE_OFFERED: Final = _kind(
    code="place_offered",
    title=_("A place on offer for somebody who waited"),
    subject=_("A place at {event} is kept for you"),
    body=_(
        "Dear {name},\n\n"
        "good news: a place became free, and it is your turn. It is kept for you until\n\n"
        "{until}\n\n"
        "Please accept it by then, or give it up so that the next in line gets it. After that it goes to them by itself.\n\n"
        "{event}\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n\n"
        "{link}"
    ),
    also=(_UNTIL,),
)
OFFER_EXPIRED: Final = _kind(
    code="offer_expired",
    title=_("An offered place was not accepted in time"),
    subject=_("The place at {event} has gone to the next in line"),
    body=_(
        "Dear {name},\n\n"
        "the place at {event} that was kept for you was not accepted in time, and has gone to the next in line.\n\n"
        "{link}\n\n"
        "If you still want to come, please register again; you then stand at the end of the line."
    ),
)
PAYMENT_REQUESTED: Final = _kind(
    code="payment_requested",
    title=_("A place that has to be paid"),
    subject=_("Please pay for your place at {event}"),
    body=_(
        "Dear {name},\n\n"
        "a place at {event} is kept for you. It is yours as soon as we have received\n\n"
        "{owed}\n\n"
        "Please pay until {due}. After that the place goes to somebody else.\n\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n"
        "With: {products}\n"
        "Code, to be named with the payment: {code}\n\n"
        "{link}\n\n"
        "If you have questions about the payment, please answer this mail."
    ),
    also=(_PRODUCTS, _OWED, _DUE),
)
PAYMENT_REMINDER: Final = _kind(
    code="payment_reminder",
    title=_("Reminder before a payment is due"),
    subject=_("Your place at {event} is kept until {due}"),
    body=_(
        "Dear {name},\n\n"
        "we have not received all of your payment for {event} yet:\n\n"
        "{owed}\n\n"
        "Please pay until {due}. After that your place goes to somebody else. If you have paid in these days, thank you; you"
        " need do nothing.\n\n"
        "Code, to be named with the payment: {code}\n\n"
        "{link}"
    ),
    also=(_OWED, _DUE),
)
PAYMENT_DEADLINE: Final = replace(
    PAYMENT_REMINDER,
    code="payment_deadline",
    title=_("Reminder before a payment is due, by a rule"),
    priority=30,
)
PAYMENT_RECEIVED: Final = _kind(
    code="payment_received",
    title=_("All is paid"),
    subject=_("We have received your payment for {event}"),
    body=_(
        "Dear {name},\n\n"
        "thank you: we have received {paid}, and nothing is left to be paid. You have a place.\n\n"
        "{event}\n"
        "{starts} – {ends}\n"
        "{place}\n\n"
        "Ticket: {ticket}\n"
        "With: {products}\n"
        "Code: {code}\n\n"
        "{link}"
    ),
    also=(_PRODUCTS, _PAID),
)
PAYMENT_PART_RECEIVED: Final = _kind(
    code="payment_part_received",
    title=_("A part is paid"),
    subject=_("We have received a part of your payment for {event}"),
    body=_(
        "Dear {name},\n\n"
        "thank you: we have received {paid} for {event}.\n\n"
        "Still to be paid: {owed}\n"
        "Until: {due}\n\n"
        "Code, to be named with the payment: {code}\n\n"
        "{link}"
    ),
    also=(_PAID, _OWED, _DUE),
)
PAYMENT_EXPIRED: Final = _kind(
    code="payment_expired",
    title=_("A place was not paid in time"),
    subject=_("Your place at {event} has gone to somebody else"),
    body=_(
        "Dear {name},\n\n"
        "we have not received the payment for your place at {event} in time, and the place has gone to somebody else.\n\n"
        "{link}\n\n"
        "If you have paid all the same, please answer this mail. You can register again as long as there are places."
    ),
)
PRODUCT_GIVEN: Final = _kind(
    code="product_given",
    title=_("A product for somebody who waited for it"),
    subject=_("{product} at {event} is yours"),
    body=_(
        "Dear {name},\n\n"
        "good news: a place became free, and it is yours.\n\n"
        "{product}\n"
        "Price: {owed}\n\n"
        "{event}\n"
        "{starts} – {ends}\n\n"
        "{link}\n\n"
        "If you no longer want it, please give it back there, so that the next in line gets it."
    ),
    also=(_PRODUCT, _OWED),
)
PRODUCT_OFFERED: Final = _kind(
    code="product_offered",
    title=_("A product on offer for somebody who waited for it"),
    subject=_("{product} at {event} is kept for you"),
    body=_(
        "Dear {name},\n\n"
        "good news: a place became free, and it is your turn. It is kept for you until\n\n"
        "{until}\n\n"
        "{product}\n"
        "Price: {owed}\n\n"
        "Please accept it by then, or give it up so that the next in line gets it.\n\n"
        "{link}"
    ),
    also=(_PRODUCT, _OWED, _UNTIL),
)
PRODUCT_OFFER_EXPIRED: Final = _kind(
    code="product_offer_expired",
    title=_("An offered product was not accepted in time"),
    subject=_("{product} at {event} has gone to the next in line"),
    body=_(
        "Dear {name},\n\n"
        "{product} was kept for you and not accepted in time; it has gone to the next in line. Your place at {event} is not"
        " touched by it.\n\n"
        "{link}"
    ),
    also=(_PRODUCT,),
)
EVENT_REMINDER: Final = _kind(
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
EVENT_CHANGED: Final = _kind(
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
    priority=20,
)

KINDS: Final = (
    *(CONFIRMED, WAITING, PLACE_GIVEN, PENDING, APPROVED, REJECTED, CHANGED, CANCELLED),
    *(PLACE_OFFERED, OFFER_EXPIRED, PRODUCT_GIVEN, PRODUCT_OFFERED, PRODUCT_OFFER_EXPIRED),
    *(PAYMENT_REQUESTED, PAYMENT_REMINDER, PAYMENT_DEADLINE, PAYMENT_RECEIVED, PAYMENT_PART_RECEIVED, PAYMENT_EXPIRED),
    *(REGISTERED_ALREADY, EVENT_REMINDER, REGISTRATION_CLOSES, EVENT_CHANGED),
)

#: With a calendar entry: who gets one has a place.
INVITING: Final = (CONFIRMED, PLACE_GIVEN, APPROVED, PAYMENT_RECEIVED, EVENT_CHANGED)

#: What somebody is told who has just registered.
FOR_STATE: Final = {
    RegistrationState.CONFIRMED: CONFIRMED,
    RegistrationState.WAITING: WAITING,
    RegistrationState.PENDING: PENDING,
    RegistrationState.AWAITING_PAYMENT: PAYMENT_REQUESTED,
}


def about(registration: Registration) -> str:
    return f"registration:{registration.event_id}:{registration.code}"


def recipient(registration: Registration) -> Recipient:
    return Recipient(
        email=registration.email,
        name=registration.name,
        language=registration.language,
    )


def facts(
    registration: Registration,
    *,
    reason: str = "",
    lines: Iterable[LineItem] = (),
    line: LineItem | None = None,
    paid: Decimal | None = None,
    owed: Decimal | None = None,
) -> dict[str, Any]:
    """Values for every placeholder above; `registration.event` and its venue must be at hand, and the products of lines.

    `lines`: those that are theirs; `line`: the one that it is about. `owed`: what is left to be paid, by default the price of
    `line`, or else the amount of a registration that waits for payment.
    """
    event = registration.event
    language = registration.language
    if owed is None:
        is_due = registration.state == RegistrationState.AWAITING_PAYMENT
        owed = line.total if line else registration.amount if is_due else Decimal(0)
    until = line.offer_expires_at if line else registration.offer_expires_at
    due = registration.payment_due_at
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
        "products": [_in_words(one, language) for one in lines],
        "product": _in_words(line, language) if line else "",
        "paid": money(paid, registration.currency, language) if paid else "",
        "owed": money(owed, registration.currency, language) if owed > 0 else "",
        "until": until.isoformat() if until else "",
        "due": due.isoformat() if due else "",
    }


def _in_words(line: LineItem, language: str) -> str:
    return f"{line.quantity} × {line.product.name.localize(language)}"


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
    was_invited: bool = False,
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
    **values: Any,
) -> Notice:
    """One message about one registration, in its language; revisions are the registration's unless given; `values` as
    `facts` takes them.

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
        context=facts(registration, **values),
        revision=revision or str(registration.revision),
        event_id=registration.event_id,
        send_at=send_at,
        expires_at=expires_at,
        calendar=part,
    )
