from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from notifications import notices, origins, sources
from notifications.models import Anchor, Audience
from notifications.notices import NoticeKind
from notifications.origins import Origin
from notifications.sources import Occasion, Source
from tests.notifications.samples import ORIGIN, REMINDER, TICKET, WELCOME


@pytest.fixture(autouse=True)
def _sample_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (TICKET, REMINDER, WELCOME):
        monkeypatch.setitem(notices._kinds, kind.code, kind)


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Event 1 is a conference in Shanghai."""
    before = list(origins._lookups)
    origins.register_lookup(lambda ids: {pk: ORIGIN for pk in ids if pk == 1})
    yield ORIGIN
    origins._lookups[:] = before


@dataclass
class Programme:
    """Stands for the app that knows slots: what the planner is told."""

    occasions: list[Occasion] = field(default_factory=list)
    calls: int = 0

    def between(self, event_id: int, after: datetime, until: datetime) -> list[Occasion]:
        self.calls += 1
        return [occasion for occasion in self.occasions if event_id == 1 and after < occasion.at <= until]


@pytest.fixture
def programme(monkeypatch: pytest.MonkeyPatch) -> Programme:
    """The source of reminders to speakers; nothing else is a source."""
    programme = Programme()
    monkeypatch.setattr(
        sources, "_sources", {(Anchor.SLOT, Audience.SPEAKERS): Source(kind=REMINDER, occasions=programme.between)}
    )
    return programme


@pytest.fixture
def kinds() -> list[NoticeKind]:
    return notices.all_kinds()
