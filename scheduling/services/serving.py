"""Finding an artifact without asking the database: a pointer in the cache, the bytes in this process.

The pointer says which release of an event is current and whether the public may see it. Its writers are those who change
that (`refresh`, once more after commit); a reader that finds none fills it from the database, never over a newer one. Bytes
of a release do not change under one stamp, so a process keeps the ones it was asked for. Redis away means one query more.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from django.core.cache import cache
from django.db import transaction

from events.models import Event, EventState
from scheduling.models import Artifact, Schedule

#: Seconds after which a pointer is read anew from the database even if nobody said that it changed: what a Redis that was
#: away during a release, or a process killed between commit and its hook, can cost.
POINTER_LIFETIME: Final = 30
#: Bytes of compressed artifacts that one process keeps.
MEMORY: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pointer:
    event_id: int
    is_public: bool
    # None: nothing is released yet.
    current: int | None
    # Version name → schedule id.
    versions: dict[str, int]
    # Changes whenever the bytes of a release may have been rendered anew.
    stamp: str


@dataclass(frozen=True, slots=True)
class Served:
    content_type: str
    digest: str
    brotli: bytes
    gzip: bytes
    released_at: datetime


@dataclass
class _Memory:
    """The artifacts that this process served last."""

    size: int = 0
    entries: OrderedDict[tuple[int, str, str, str], Served] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: tuple[int, str, str, str]) -> Served | None:
        with self.lock:
            found = self.entries.get(key)
            if found:
                self.entries.move_to_end(key)
            return found

    def put(self, key: tuple[int, str, str, str], served: Served) -> None:
        with self.lock:
            if key in self.entries:
                return
            self.entries[key] = served
            self.size += len(served.brotli) + len(served.gzip)
            while self.size > MEMORY and len(self.entries) > 1:
                _, old = self.entries.popitem(last=False)
                self.size -= len(old.brotli) + len(old.gzip)

    def clear(self) -> None:
        with self.lock:
            self.entries.clear()
            self.size = 0


_memory: Final = _Memory()


def forget_all() -> None:
    """Empty this process's memory, as a restart does."""
    _memory.clear()


def pointer_to(slug: str) -> Pointer | None:
    """None: there is no such event."""
    key = _key(slug)
    if isinstance(kept := cache.get(key), dict):
        return Pointer(**kept)
    pointer = _pointer_from_database(slug)
    if pointer:
        # `add`, not `set`: a release that commits between the query and this line has written the newer one.
        cache.add(key, _plain(pointer), POINTER_LIFETIME)
    return pointer


def refresh(event: Event) -> None:
    """Make every process see the event's state and current release, from now on and once more after commit."""
    cache.delete(_key(event.slug))
    transaction.on_commit(partial(_write, event.slug))


def artifact(schedule_id: int, stamp: str, path: str, language: str) -> Served | None:
    """The bytes at `path` in `language`, or those that are the same in every language."""
    key = (schedule_id, stamp, path, language)
    if found := _memory.get(key):
        return found
    row = (
        Artifact.objects.filter(schedule=schedule_id, path=path, language__in=["", language])
        .select_related("schedule")
        .only("content_type", "digest", "brotli", "gzip", "schedule__released_at")
        .first()
    )
    if row is None or row.schedule.released_at is None:
        return None
    served = Served(row.content_type, row.digest, bytes(row.brotli), bytes(row.gzip), row.schedule.released_at)
    _memory.put(key, served)
    return served


def _key(slug: str) -> str:
    return f"programme:{slug}"


def _write(slug: str) -> None:
    if pointer := _pointer_from_database(slug):
        cache.set(_key(slug), _plain(pointer), POINTER_LIFETIME)
    else:
        cache.delete(_key(slug))


def _plain(pointer: Pointer) -> dict[str, object]:
    return {name: getattr(pointer, name) for name in Pointer.__slots__}


def _pointer_from_database(slug: str) -> Pointer | None:
    event = Event.objects.filter(slug=slug).only("state").first()
    if event is None:
        return None
    releases = list(Schedule.objects.filter(event=event).released().values_list("pk", "version", "is_current"))
    return Pointer(
        event_id=event.pk,
        is_public=event.state != EventState.DRAFT,
        current=next((pk for pk, _version, is_current in releases if is_current), None),
        versions={str(version): pk for pk, version, _is_current in releases},
        stamp=_stamp(event),
    )


def _stamp(event: Event) -> str:
    """Another frame around an event's pages is around all of them: one page per release and language tells."""
    pages = Artifact.objects.filter(schedule__event=event, path="schedule/").order_by("pk")
    return hashlib.sha256("".join(pages.values_list("digest", flat=True)).encode()).hexdigest()[:16]
