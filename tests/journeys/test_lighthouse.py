"""The longest real programmes on a phone, in Lighthouse's eyes. How fast they open is `make bench`'s matter: a busy machine would
fail a timed test."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from tests import lighthouse
from tests.data import shared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.django_db(transaction=True),
]


@pytest.mark.parametrize(
    "name", ["schedules/fosdem/fosdem-2026.pentabarf.xml", "schedules/ccc/36c3-everything.schedule.xml"]
)
def test_a_long_programme_is_accessible_well_made_and_found(
    name: str, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("import_schedule", str(shared(name)), "--event", "long", "--publish", "1", stdout=StringIO())

    scores = lighthouse.scores(f"{site}/long/schedule/")

    with capsys.disabled():
        print(f"\nLighthouse, {name}: {scores}")  # noqa: T201 (belongs to the run's output)
    assert {scores[category] for category in ("accessibility", "best-practices", "seo")} == {1.0}
