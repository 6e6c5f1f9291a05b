"""Kinds of mail of an imagined app, and short ways to write rows of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from notifications.audiences import Audience, Person
from notifications.models import Message
from notifications.notices import CalendarPart, Notice, NoticeKind, Placeholder, PlaceholderType, Recipient
from notifications.origins import Origin
from notifications.services.ledger import notify_many
from notifications.sources import Occasion

NOW = datetime(2027, 6, 7, 0, 30, tzinfo=UTC)

ORIGIN = Origin(
    name={"en": "Food Science Days", "zh-hans": "食品科学日"},
    url="https://conf.example/food/",
    contact_email="office@conf.example",
    time_zone="Asia/Shanghai",
    locales=("en", "zh-hans"),
)

_NAME = Placeholder(name="name", label="name", example="Lin Wei")
_LINK = Placeholder(name="link", label="See your ticket", example="https://conf.example/t/", type=PlaceholderType.LINK)

TICKET = NoticeKind(
    code="sample_ticket",
    title="Ticket",
    subject="Your ticket, {name}",
    body="Hello {name},\n\nyou are in.\n\n{link}\n\nWhere: {room}\n- {items}",
    placeholders=(
        _NAME,
        _LINK,
        Placeholder(name="room", label="room", example="Hall 1"),
        Placeholder(name="items", label="items", example="Lunch"),
    ),
    priority=10,
)

REMINDER = NoticeKind(
    code="sample_reminder",
    title="Reminder",
    subject="“{talk}” begins {starts}",
    body="{talk}\n{starts}\n{room}",
    placeholders=(
        Placeholder(name="talk", label="talk", example="On eggs"),
        Placeholder(name="room", label="room", example="Hall 1"),
        Placeholder(name="starts", label="begins", example="2027-06-07T09:00:00+08:00", type=PlaceholderType.MOMENT),
    ),
    priority=30,
)

WELCOME = NoticeKind(
    code="sample_news",
    title="News",
    subject="News for {name}",
    body="Hello {name}.",
    placeholders=(_NAME,),
    priority=40,
    is_optional=True,
)

CALENDAR = CalendarPart(
    method="REQUEST",
    uid="slot-1@conf.example",
    sequence=2,
    start="2027-06-07T09:00:00+08:00",
    end="2027-06-07T09:30:00+08:00",
    time_zone="Asia/Shanghai",
    summary="On eggs, and “ham”",
    location="Hall 1",
    organizer_name="Food Science Days",
    organizer_email="office@conf.example",
)


def queue(
    count: int = 1,
    *,
    kind: NoticeKind = TICKET,
    now: datetime = NOW,
    prefix: str = "p",
    event_id: int | None = 1,
    calendar: CalendarPart | None = None,
    **notice: Any,
) -> list[Message]:
    """Rows for `p0@example.org`, `p1@example.org`, …, in this order."""
    notices = [
        Notice(
            to=Recipient(email=f"{prefix}{n}@example.org", name=f"Person {n}"),
            about=f"registration:{prefix}{n}",
            context={"name": f"Person {n}", "link": "https://conf.example/t/", "talk": "On eggs", "room": "Hall 1"},
            event_id=event_id,
            calendar=calendar,
            **notice,
        )
        for n in range(count)
    ]
    notify_many(kind=kind, notices=notices, now=now)
    return list(Message.objects.filter(kind=kind.code, recipient_key__startswith=prefix).order_by("pk"))


def crowd_of(count: int) -> Audience:
    """`p0@example.org` to whom campaigns go, `p1@example.org`, …"""

    def addresses(event_id: int, wanted: Any) -> Iterator[tuple[int, str]]:
        yield from ((n, f"p{n}@example.org") for n in range(count))

    def people(event_id: int, numbers: Collection[int]) -> Iterator[Person]:
        for n in numbers:
            yield Person(number=n, to=Recipient(email=f"p{n}@example.org"), context={"name": f"P{n}"})

    return Audience(code="crowd", title="crowd", addresses=addresses, people=people)


def occasion(
    n: int = 0, *, at: datetime = NOW + timedelta(hours=1), email: str = "", talk: str = "On eggs", **more: Any
) -> Occasion:
    return Occasion(
        about=f"slot:{n}",
        at=at,
        to=Recipient(email=email or f"s{n}@example.org", name=f"Speaker {n}", **more),
        context={"talk": talk, "room": "Hall 1", "starts": at.isoformat()},
    )
