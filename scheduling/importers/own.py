"""What files that we wrote ourselves say between the lines: `scheduling.exports.entries` is the other half."""

from __future__ import annotations

import dataclasses
import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from uuid import uuid5

from scheduling.programme import Session


def given_again(sessions: Sequence[Session]) -> list[Session]:
    """A talk's second time has a guid that follows from the first one's, and the address of the same page: it is that talk."""
    firsts = {session.url: session for session in sessions if session.code and session.guid and session.url}
    found = []
    for session in sessions:
        first = firsts.get(session.url)
        if first and first.guid and not session.code and session.guid == uuid5(first.guid, session.start.isoformat()):
            session = dataclasses.replace(session, guid=first.guid, code=first.code, source_id=first.source_id)
        found.append(session)
    return found


def without_page(sessions: Iterable[Session], base_url: str) -> list[Session]:
    """What leads to the schedule and not to a page of its own is a break or the like, placed by hand, and no session."""
    return [
        dataclasses.replace(session, is_bare=True)
        if session.guid and not session.code and not session.persons and session.url == f"{base_url}schedule/"
        else session
        for session in sessions
    ]


def rooms_in_order(sessions: Iterable[Session]) -> list[str]:
    """Each day names its rooms in the order of all; put together, that is an order of all in which each day's is right.

    Empty where days contradict each other, as in a file that somebody has edited.
    """
    by_day: dict[date, dict[str, None]] = defaultdict(dict)
    for session in sessions:
        if session.room:
            by_day[session.day][session.room] = None
    rank = {room: number for number, room in enumerate(dict.fromkeys(r for rooms in by_day.values() for r in rooms))}
    after: dict[str, set[str]] = defaultdict(set)
    for rooms in by_day.values():
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
