"""One programme, imported as it grew: what each new version adds, takes away and changes is what really changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from events.models import Event
from scheduling.importers import files
from scheduling.models import Schedule, Slot
from scheduling.services import imports
from scheduling.services.import_results import ImportResult
from submissions.models import Submission, SubmissionState
from tests.data import has_shared, shared

pytestmark = pytest.mark.django_db

EXPECTED: dict[str, Any] = (
    json.loads(shared("schedules/versions/updates_expected.dev.json").read_text()) if has_shared() else {}
)
CHANGES = ("time", "room", "title", "speakers")


def result_of(name: str, event: Event) -> ImportResult:
    parsed = files.read(shared(name).read_bytes(), name)
    return imports.apply(event=event, parsed=parsed, actor=None, now=timezone.now())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_version_changes_what_really_changed(name: str) -> None:
    first, *later = EXPECTED[name]["steps"]
    call_command("import_schedule", str(shared(first["file"])), "--event", "programme", verbosity=0)
    event = Event.objects.get(slug="programme")
    for step in later:
        result = result_of(step["file"], event)

        told = {kind: [row for row in result.sessions if row.kind == kind] for kind in ("added", "changed", "missing")}
        counts = {"added": len(told["added"]), "removed": len(told["missing"])}
        counts |= {f"{field}_changed": sum(field in row.fields for row in told["changed"]) for field in CHANGES}
        assert counts == {key: step[key] for key in counts}, step["file"]
        assert result.added["sessions"] == step["added"]
        assert len(result.missing) == step["removed"]
        standing = Submission.objects.filter(event=event).exclude(state=SubmissionState.CANCELLED)
        assert standing.count() == step["events"]
        assert result_of(step["file"], event).is_same
    draft = Schedule.objects.draft_of(event)
    assert set(Slot.objects.filter(schedule=draft).values_list("submission_id", flat=True)) == set(
        standing.values_list("pk", flat=True)
    )
