"""Kinds of mail. The app that sends one declares it in its own `notices.py` and calls `notifications.services.ledger`.

A kind's words are one subject and one body with placeholders in braces, translated like the rest of the interface; an
event may replace them per language (`MailTemplate`). The text part is the body with the values put in; the HTML part is the
same paragraphs in the mail layout, with links as buttons. Values are text, never markup (notifications/words.py has the
grammar).

A value of type TEXT in a context is a string or number; or a mapping from language to text, of which the mail's language is
taken; or a list, for which its line is repeated. A line whose placeholders are all empty is left out, its label included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.utils.functional import Promise


class PlaceholderType(StrEnum):
    """How a value of the context (JSON) becomes text."""

    TEXT = "text"
    # ISO 8601 instant → day, time and zone in the recipient's language and the event's zone (`context["time_zone"]`), and in
    # the recipient's own zone too where it is known and differs.
    MOMENT = "moment"
    # ISO 8601 date.
    DAY = "day"
    # An http(s) address of ours; alone on its line it becomes a button whose label is the placeholder's.
    LINK = "link"
    # Several paragraphs, alone in the body. Addresses of this site in them are links, and a line that is only a code is
    # shown large; everything else is text. For words that another part of the system has composed.
    PARAGRAPHS = "paragraphs"


@dataclass(frozen=True, kw_only=True)
class Placeholder:
    name: str
    label: str | Promise
    example: str
    type: PlaceholderType = PlaceholderType.TEXT


# Told apart by identity: there is one object per kind, and texts that follow the language of the moment have no stable hash.
@dataclass(frozen=True, kw_only=True, eq=False)
class NoticeKind:
    """One kind of mail. `priority`: see `Message.priority`."""

    code: str
    title: str | Promise
    subject: str | Promise
    body: str | Promise
    placeholders: tuple[Placeholder, ...]
    priority: int = 20
    # True where the mail is not about the recipient's own registration or slot: it then carries List-Unsubscribe (RFC 8058).
    is_optional: bool = False
    # True where an event may write its own words for it.
    is_editable: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(placeholder.name for placeholder in self.placeholders)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    email: str
    name: str = ""
    language: str = "en"
    # IANA name; empty where unknown.
    time_zone: str = ""


@dataclass(frozen=True, kw_only=True)
class CalendarPart:
    """A `text/calendar` part: `method` is PUBLISH, REQUEST or CANCEL (RFC 5546); instants are ISO 8601 strings with offset,
    or plain dates for whole days, so that the row in the ledger is plain data."""

    method: str
    uid: str
    sequence: int
    start: str
    end: str
    time_zone: str
    summary: str
    location: str = ""
    description: str = ""
    url: str = ""
    organizer_name: str = ""
    organizer_email: str = ""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message to be written: `context` holds a JSON value for each of the kind's placeholders, and `time_zone`
    (without it the event's is taken). `event_id` gives sender, reply address and the event's own words."""

    to: Recipient
    about: str
    context: Mapping[str, Any]
    revision: str = "0"
    event_id: int | None = None
    # None: at once.
    send_at: datetime | None = None
    expires_at: datetime | None = None
    calendar: CalendarPart | None = None
    # Where one mail is about several entries: each is a part of its own (RFC 6047 §2.4), and `calendar` is None.
    calendars: tuple[CalendarPart, ...] = ()


_kinds: Final[dict[str, NoticeKind]] = {}


def register(*kinds: NoticeKind) -> None:
    """Make kinds known; called once from the owning app's `AppConfig.ready`."""
    for kind in kinds:
        if _kinds.setdefault(kind.code, kind) is not kind:
            raise ValueError(f"notice kind {kind.code} is declared twice")


def kind_of(code: str) -> NoticeKind:
    return _kinds[code]


def find_kind(code: str) -> NoticeKind | None:
    """None for a kind that an older version knew."""
    return _kinds.get(code)


def all_kinds() -> list[NoticeKind]:
    return sorted(_kinds.values(), key=lambda kind: (kind.priority, kind.code))
