"""Finding an artifact without asking the database: a pointer in the cache, the bytes in this process.

The pointer says which release of an event is current and whether the public may see it. Its writers are those who change
that (`refresh`, once more after commit); a reader that finds none fills it from the database, never over a newer one. Bytes
of a release do not change under one stamp, so a process keeps the ones it was asked for. Redis away means one query more.

A process that hears of every change (`scheduling.listening`) keeps pointers too, and then asks not even the cache.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, cast

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from common.cache import ForgivingRedisCache
from events.models import Event, EventState
from scheduling.models import Artifact, Schedule

#: Seconds after which a pointer is read anew from the database even if nobody said that it changed: what a Redis that was
#: away during a release, or a process killed between commit and its hook, can cost.
POINTER_LIFETIME: Final = 30
#: Bytes of compressed artifacts that one process keeps.
MEMORY: Final = 64 * 1024 * 1024
#: Where the slugs of events whose pointer is another now are said, for processes that listen.
CHANNEL: Final = f"{settings.CACHES['default']['KEY_PREFIX']}:programme-changed"


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
    # Empty: the same in every language.
    language: str
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


class _Pointers:
    """Pointers that this process need not look up: while it hears of every change, and no longer than POINTER_LIFETIME."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Pointer]] = {}
        self._lock = threading.Lock()
        self._hears = False
        # Counts up with everything that is heard: what was read before is not kept after.
        self.generation = 0

    def get(self, slug: str) -> Pointer | None:
        until, pointer = self._known.get(slug, (0.0, None))
        return pointer if until > time.monotonic() else None

    def put(self, slug: str, pointer: Pointer, generation: int) -> None:
        with self._lock:
            if self._hears and generation == self.generation:
                self._known[slug] = (time.monotonic() + POINTER_LIFETIME, pointer)

    def forget(self, slug: str) -> None:
        with self._lock:
            self.generation += 1
            self._known.pop(slug, None)

    def hear(self, hears: bool) -> None:
        with self._lock:
            self.generation += 1
            self._hears = hears
            self._known.clear()


_memory: Final = _Memory()
_pointers: Final = _Pointers()

#: The pointer of an event, where this process may trust its own memory; the same object as long as nothing has changed.
known_pointer: Final = _pointers.get
#: Somebody said that an event's pointer is another now.
forget: Final = _pointers.forget
#: From now on this process hears of every change, or no longer does. Either way it forgets what it knew.
hear: Final = _pointers.hear


def forget_all() -> None:
    """Empty this process's memory, as a restart does."""
    _memory.clear()
    _pointers.hear(False)


def pointer_to(slug: str) -> Pointer | None:
    """None: there is no such event."""
    if known := known_pointer(slug):
        return known
    generation = _pointers.generation
    key = _key(slug)
    pointer: Pointer | None
    if isinstance(kept := cache.get(key), dict):
        pointer = Pointer(**kept)
    else:
        pointer = _pointer_from_database(slug)
        if pointer:
            # `add`, not `set`: a release that commits between the query and this line has written the newer one.
            cache.add(key, _plain(pointer), POINTER_LIFETIME)
    if pointer:
        _pointers.put(slug, pointer, generation)
    return pointer


def refresh(event: Event) -> None:
    """Make every process see the event's state and current release, from now on and once more after commit."""
    cache.delete(_key(event.slug))
    forget(event.slug)
    transaction.on_commit(partial(_write, event.slug))


def artifact(schedule_id: int, stamp: str, path: str, language: str) -> Served | None:
    """The bytes at `path` in `language`, or those that are the same in every language."""
    key = (schedule_id, stamp, path, language)
    if found := _memory.get(key):
        return found
    row = (
        Artifact.objects.filter(schedule=schedule_id, path=path, language__in=["", language])
        .select_related("schedule")
        .only("content_type", "language", "digest", "brotli", "gzip", "schedule__released_at")
        .first()
    )
    if row is None or row.schedule.released_at is None:
        return None
    served = Served(
        content_type=row.content_type,
        language=row.language,
        digest=row.digest,
        brotli=bytes(row.brotli),
        gzip=bytes(row.gzip),
        released_at=row.schedule.released_at,
    )
    _memory.put(key, served)
    return served


def _key(slug: str) -> str:
    return f"programme:{slug}"


def _write(slug: str) -> None:
    if pointer := _pointer_from_database(slug):
        cache.set(_key(slug), _plain(pointer), POINTER_LIFETIME)
    else:
        cache.delete(_key(slug))
    forget(slug)
    cast(ForgivingRedisCache, cache).publish(CHANNEL, slug)


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
