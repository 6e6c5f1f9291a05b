"""Everything public of a release, rendered and compressed once, when it is published."""

from __future__ import annotations

import gc
import gzip
import hashlib
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import brotli
from django.conf import settings
from django.db import connection, transaction
from django.utils import translation

from common.memory import give_back_memory
from events.models import Event
from scheduling.models import Artifact, Schedule
from scheduling.services import contents, exports, framing, grid, pages, serving
from scheduling.services.programme import slots_with_all

#: Bytes, from which on a page is compressed as well as is affordable.
_LONG_PAGE: Final = 100_000
HTML: Final = "text/html; charset=utf-8"
CSS: Final = "text/css; charset=utf-8"
ATOM: Final = "application/atom+xml; charset=utf-8"
JSON: Final = "application/json"
#: Not served: what changed with this release, for the page of changes of this release and all later ones.
CHANGES_PATH: Final = "schedule/changes.json"
#: Not served: what `printing` sets as a PDF.
PRINT_PATH: Final = "schedule/print.json"

_BATCH: Final = 200
_COMPRESSORS: Final = 2
#: That are compressed or wait for it: rendering stops for the first of them where there are more.
_BATCHES_AT_ONCE: Final = 3
#: For how long one thread holds the interpreter while others want it.
_SWITCH_SECONDS: Final = 0.0005
#: Of `Artifact`, with their types in PostgreSQL.
_COLUMNS: Final = {
    "schedule_id": "int8",
    "path": "varchar",
    "language": "varchar",
    "content_type": "varchar",
    "digest": "varchar",
    "brotli": "bytea",
    "gzip": "bytea",
}

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    # Empty: the same in every language.
    language: str
    content_type: str
    body: bytes


def render(*, schedule: Schedule, changes: dict[str, Any]) -> int:
    """Write every artifact of a release that has just been made; returns how many. Belongs in its transaction.

    `changes`: from `releases.changes_as_data`. Queries do not grow with the number of sessions, but for one insert per 500 files.
    """
    return _write(schedule, _files(schedule, changes))


@transaction.atomic
def reframe(event: Event) -> int:
    """Put the frame as it is now (the event's name and colour, the site's styles and navigation) around the pages of every
    release, whose own text stays as it was published. Returns how many pages changed. Idempotent; all pages or none."""
    changed = 0
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            frames = {tab: framing.render_frame(event, language, tab) for tab in framing.TABS}
        known = Artifact.objects.filter(schedule__event=event, language=language, content_type=HTML)
        for artifacts in _batches(known.order_by("pk").iterator(chunk_size=_BATCH)):
            stale = []
            for artifact in artifacts:
                body = framing.reframe(
                    frames[framing.tab_of(artifact.path)], gzip.decompress(artifact.gzip).decode()
                ).encode()
                if hashlib.sha256(body).hexdigest() != artifact.digest:
                    fresh = _artifact(artifact.schedule_id, _File(artifact.path, language, HTML, body))
                    fresh.pk = artifact.pk
                    stale.append(fresh)
            Artifact.objects.bulk_update(stale, ["digest", "brotli", "gzip"])
            changed += len(stale)
    if changed:
        serving.refresh(event)
    return changed


def reframe_stale() -> int:
    """`reframe` for each event of which a page shows that its frame is out of date: after an upgrade of Lihu, or where the wake-up
    after a change was lost. Returns how many pages changed."""
    changed = 0
    firsts = Artifact.objects.filter(schedule__is_current=True, path="schedule/", language=settings.LANGUAGE_CODE)
    for artifact in firsts.select_related("schedule__event__venue").order_by("pk").iterator(chunk_size=20):
        event = artifact.schedule.event
        with translation.override(settings.LANGUAGE_CODE):
            frame = framing.render_frame(event, settings.LANGUAGE_CODE, framing.tab_of(artifact.path))
        page = gzip.decompress(artifact.gzip).decode()
        if framing.reframe(frame, page) != page:
            changed += reframe(event)
    return changed


def _files(schedule: Schedule, changes: dict[str, Any]) -> Iterator[_File]:
    slots = list(slots_with_all(schedule.slots.order_by("starts_at", "pk")))
    values = exports.contents_from(schedule, slots)
    # First what takes long to compress and little to write: it is compressed while the pages are rendered.
    for file in exports.files_of(values):
        yield _File(file.path, "", file.content_type, file.body)
    # Pages and files need much memory each, and not at the same time. All of theirs is young: see `_rendering`.
    del values
    gc.collect(1)
    yield from _pages(contents.release_from(schedule, slots), changes)


def _pages(release: contents.Release, changes: dict[str, Any]) -> Iterator[_File]:
    yield _File(
        "schedule/grid.css", "", CSS, grid.style_sheet(release.grid, [t.colour for t in release.tracks]).encode()
    )
    yield _File(CHANGES_PATH, "", JSON, json.dumps(changes, ensure_ascii=False).encode())
    history = [changes, *_earlier_changes(release.schedule)]
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            rendered = pages.Pages(release, language)
            latest, version = rendered.schedule()
            changed, feed = rendered.changes(history)
            html = {
                "schedule/": latest,
                "schedule/v/": version,
                "schedule/changes/": changed,
                "speakers/": rendered.speakers(),
            }
            for path, page in html.items():
                yield _File(path, language, HTML, page.encode())
            yield _File("schedule/changes.atom", language, ATOM, feed.encode())
            yield _File(PRINT_PATH, language, JSON, json.dumps(rendered.print_data(), ensure_ascii=False).encode())
            for path, page in rendered.session_pages():
                yield _File(path, language, HTML, page.encode())
            for path, page in rendered.speaker_pages():
                yield _File(path, language, HTML, page.encode())


def _earlier_changes(schedule: Schedule) -> list[dict[str, Any]]:
    """Newest first."""
    kept = Artifact.objects.filter(
        schedule__event=schedule.event_id, schedule__number__lt=schedule.number, path=CHANGES_PATH
    ).order_by("-schedule__number")
    return [json.loads(gzip.decompress(body)) for body in kept.values_list("gzip", flat=True)]


@transaction.atomic
def _write(schedule: Schedule, files: Iterator[_File]) -> int:
    written = 0
    with ThreadPoolExecutor(max_workers=_COMPRESSORS) as compressors, _rendering():
        compressing: deque[list[Future[Artifact]]] = deque()
        for batch in _batches(files):
            compressing.append([compressors.submit(_artifact, schedule.pk, file) for file in batch])
            written += len(batch)
            if len(compressing) > _BATCHES_AT_ONCE:
                _insert([artifact.result() for artifact in compressing.popleft()])
        for ready in compressing:
            _insert([artifact.result() for artifact in ready])
    return written


@contextmanager
def _rendering() -> Iterator[None]:
    """Rendering makes hundreds of thousands of objects: looking for cycles meanwhile takes a tenth of the time. Compressors let
    go of the interpreter's lock, and get it back from a page that is being rendered after a fraction of a millisecond, not five."""
    was_collecting, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if was_collecting:
            gc.enable()
        pages.forget_texts()
        # A release and its pages know each other, and nobody else would look for them soon.
        gc.collect()
        give_back_memory()


def _insert(artifacts: list[Artifact]) -> None:
    """As bulk_create does, but with bytes as bytes and not as text."""
    columns = ", ".join(_COLUMNS)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {Artifact._meta.db_table} ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(list(_COLUMNS.values()))
        for artifact in artifacts:
            copy.write_row([getattr(artifact, name) for name in _COLUMNS])


def _artifact(schedule_id: int, file: _File) -> Artifact:
    return Artifact(
        schedule_id=schedule_id,
        path=file.path,
        language=file.language,
        content_type=file.content_type,
        digest=hashlib.sha256(file.body).hexdigest(),
        # The few long pages are worth more effort: they are what a phone waits for.
        brotli=brotli.compress(
            file.body, quality=9 if file.content_type == HTML and len(file.body) > _LONG_PAGE else 5
        ),
        gzip=gzip.compress(file.body, compresslevel=6, mtime=0),
    )


def artifact_of(schedule_id: int, *, path: str, language: str, content_type: str, body: bytes) -> Artifact:
    """One more of a release that is made already; not saved."""
    return _artifact(schedule_id, _File(path, language, content_type, body))


def _batches(things: Iterable[Thing]) -> Iterator[list[Thing]]:
    batch: list[Thing] = []
    for thing in things:
        batch.append(thing)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
