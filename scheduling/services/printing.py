"""The printable programme of a release. Setting it takes a worker a few seconds, so it comes after the release, out of what the
release kept for it."""

from __future__ import annotations

import gzip
import json
from typing import Final

from common.jobs import enqueue_on_commit
from scheduling.exports import programme_pdf
from scheduling.models import Artifact
from scheduling.services import artifacts

PATH: Final = "schedule/export/schedule.pdf"


def wake(schedule_id: int) -> None:
    """Ask a worker to print the release after commit."""
    enqueue_on_commit("scheduling.print_programme", schedule_id=schedule_id)


def print_programme(schedule_id: int) -> int:
    """Set the release in every language in which it is not set yet; returns in how many. Idempotent, also side by side: a release
    never changes, so whoever comes second has set the same."""
    kept = Artifact.objects.filter(schedule=schedule_id, path=artifacts.PRINT_PATH).in_bulk(field_name="pk").values()
    done = set(Artifact.objects.filter(schedule=schedule_id, path=PATH).values_list("language", flat=True))
    printed = 0
    for source in kept:
        if source.language in done:
            continue
        body = programme_pdf.write(json.loads(gzip.decompress(source.gzip)), source.language)
        fresh = artifacts.artifact_of(
            schedule_id, path=PATH, language=source.language, content_type=programme_pdf.CONTENT_TYPE, body=body
        )
        Artifact.objects.bulk_create([fresh], ignore_conflicts=True)
        printed += 1
    return printed
