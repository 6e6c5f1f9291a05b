"""The longest real programmes on a phone, in Lighthouse's eyes. How fast they open is `make bench`'s matter: a busy machine would
fail a timed test."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from scheduling.models import Artifact
from tests import findings, lighthouse
from tests.data import shared

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("lighthouse"),
    pytest.mark.django_db(transaction=True),
]


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        ("schedules/fosdem/fosdem-2026.pentabarf.xml", [("schedule/", "en"), ("schedule/", "zh-CN"), ("", "en")]),
        (
            "schedules/ccc/36c3-everything.schedule.xml",
            [("schedule/", "en"), ("schedule/", "zh-CN"), ("speakers/", "en"), ("sessions/", "en")],
        ),
    ],
    ids=["FOSDEM 2026", "36C3"],
)
def test_a_long_programme_is_accessible_well_made_found_and_holds_still(
    name: str, looks: list[tuple[str, str]], site: str, request: pytest.FixtureRequest
) -> None:
    call_command("import_schedule", str(shared(name)), "--event", "long", "--publish", "1", stdout=StringIO())
    session = Artifact.objects.filter(path__startswith="sessions/", path__endswith="/").order_by("path").first().path

    for path, language in looks:
        report = lighthouse.report(
            f"{site}/long/{session if path == 'sessions/' else path}",
            language=language,
        )
        findings.lighthouse.append(f"{request.node.callspec.id}, /{path} in {language}: {report}")

        scores = {name: score for name, score in report.scores.items() if name != "performance"}
        assert scores == {"accessibility": 1, "best-practices": 1, "seo": 1}, path
        # Of one: an unnoticeable rest, such as a scroll bar that comes.
        assert report.layout_shift < 0.01, path
