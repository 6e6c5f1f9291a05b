"""What files that we wrote ourselves say between the lines: `scheduling.exports.entries` is the other half."""

from __future__ import annotations

import dataclasses
import heapq
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Final
from uuid import uuid5

from scheduling.programme import Session

#: Pages of sessions and of the schedule, with what comes before them in all addresses of an event.
_PAGE: Final = re.compile(r"(https?://.+/)(?:sessions/([0-9A-Z]{6})/|schedule/)")


def base_of(url: str) -> str:
    """Of the event whose page this is; `""` where it is no page of ours."""
    found = _PAGE.fullmatch(url)
    return found[1] if found else ""


def code_of(url: str) -> str:
    """Of the session whose page this is, for files without codes."""
    found = _PAGE.fullmatch(url)
    return (found[2] or "") if found else ""


def given_again(sessions: Sequence[Session]) -> list[Session]:
    """A talk's second time has the address of the same page, and the same code in calendars, where each time has a UID of its own;
    in other files a guid that follows from the first one's."""
    firsts: dict[str, Session] = {}
    for session in sessions:
        if session.code and session.guid and session.url:
            firsts.setdefault(session.url, session)
    return [
        dataclasses.replace(session, guid=first.guid, code=first.code, source_id=first.source_id)
        if (first := firsts.get(session.url)) and _is_same_talk(session, first)
        else session
        for session in sessions
    ]


def _is_same_talk(session: Session, first: Session) -> bool:
    if session.code:
        return session.code == first.code
    return first.guid is not None and session.guid == uuid5(first.guid, session.start.isoformat())


def without_page(sessions: Iterable[Session], base_url: str) -> list[Session]:
    """What leads to the schedule and not to a page of its own is a break or the like, placed by hand, and no session."""
    return [
        dataclasses.replace(session, is_bare=True)
        if session.guid and not session.code and not session.persons and session.url == f"{base_url}schedule/"
        else session
        for session in sessions
    ]


def rooms_in_order(sessions: Iterable[Session], *, by: Callable[[Session], Hashable]) -> list[str]:
    """Each group, of the sessions that have `by` in common, names its rooms in the order of all; put together, that is an order
    of all in which each group's is right.

    Empty where groups contradict each other, as in a file that somebody has edited.
    """
    groups: dict[Hashable, dict[str, None]] = defaultdict(dict)
    for session in sessions:
        if session.room:
            groups[by(session)][session.room] = None
    rank = {room: number for number, room in enumerate(dict.fromkeys(r for rooms in groups.values() for r in rooms))}
    after: dict[str, set[str]] = defaultdict(set)
    for rooms in groups.values():
        for room, following in pairwise(rooms):
            after[room].add(following)
    waits_for = {room: sum(room in following for following in after.values()) for room in rank}
    ready = [(rank[room], room) for room, count in waits_for.items() if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        _rank, room = heapq.heappop(ready)
        order.append(room)
        for following in after[room]:
            waits_for[following] -= 1
            if waits_for[following] == 0:
                heapq.heappush(ready, (rank[following], following))
    return order if len(order) == len(rank) else []
