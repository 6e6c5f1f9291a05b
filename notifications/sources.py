"""What reminder rules count back from. The app that knows slots, or registrations, gives the occasions; the planner here
turns them into messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from notifications.models import Anchor, Audience
from notifications.notices import CalendarPart, NoticeKind, Recipient


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """One anchor and one person to be reminded of it."""

    about: str
    # The instant that the rule counts back from; a reminder is of no use after it, or after `useful_until` where that is later.
    at: datetime
    to: Recipient
    context: Mapping[str, Any]
    calendar: CalendarPart | None = None
    useful_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """`occasions(event_id, after, until)` yields those with `at <= until` that are of use after `after`, in a constant number of queries.
    `kind` has the default words."""

    kind: NoticeKind
    occasions: Callable[[int, datetime, datetime], Iterable[Occasion]]


_sources: Final[dict[tuple[Anchor, Audience], Source]] = {}


def register_source(anchor: Anchor, audience: Audience, source: Source) -> None:
    """Called once from the owning app's `AppConfig.ready`."""
    _sources[anchor, audience] = source


def source_for(anchor: str, audience: str) -> Source | None:
    """None where no app knows such occasions."""
    if anchor not in Anchor or audience not in Audience:
        return None
    return _sources.get((Anchor(anchor), Audience(audience)))


def all_sources() -> list[Source]:
    return list(_sources.values())


def supported() -> list[tuple[Anchor, Audience]]:
    """In the order in which people choose from them."""
    return sorted(_sources, key=lambda pair: (list(Anchor).index(pair[0]), list(Audience).index(pair[1])))
