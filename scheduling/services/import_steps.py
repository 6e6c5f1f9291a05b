"""How far an import is, for whoever waits for it. The cache alone keeps it: an import is as well without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ImportStep(TextChoices):
    """What an import does, in this order. `label`: in the language of whoever reads it."""

    READ = "read", _("Reading the file")
    DRAFT = "draft", _("Opening the draft")
    ROOMS = "rooms", _("Rooms")
    TRACKS = "tracks", _("Tracks")
    SPEAKERS = "speakers", _("Speakers")
    SESSIONS = "sessions", _("Sessions")
    SLOTS = "slots", _("Places in the schedule")
    MISSING = "missing", _("Sessions that are gone")
    RESULT = "result", _("Putting the result together")

    @property
    def done(self) -> int:
        """Parts of `WHOLE` that are done when this step begins."""
        steps = list(ImportStep)
        return sum(_SHARES[step] for step in steps[: steps.index(self)])


#: Called before each step.
OnStep = Callable[[ImportStep], None]

#: In hundredths of the time that the largest programme at hand takes (36C3: 1,351 sessions, 2.3 MB of frab XML, into an empty
#: event), median of five runs; the page or the commit that follows counts as the result.
_SHARES: Final = {
    ImportStep.READ: 42,
    ImportStep.DRAFT: 1,
    ImportStep.ROOMS: 1,
    ImportStep.TRACKS: 1,
    ImportStep.SPEAKERS: 7,
    ImportStep.SESSIONS: 31,
    ImportStep.SLOTS: 13,
    ImportStep.MISSING: 1,
    ImportStep.RESULT: 3,
}
WHOLE: Final = sum(_SHARES.values())

#: Longer than any step takes.
_LIFETIME: Final = 120


def ignore(_step: ImportStep) -> None:
    """For whoever does not wait."""


class Progress:
    """One import by one person at one event, which the page before it gave a number of its own, `run`."""

    def __init__(self, *, event_id: int, user_id: int, run: UUID) -> None:
        self._key = f"import:{event_id}:{user_id}:{run}"
        self._is_heard: bool | None = None

    def tell(self, step: ImportStep) -> None:
        """Say that `step` begins. Nothing more is said to a cache that is away: each try could cost a second."""
        if self._is_heard is not False:
            cache.set(self._key, step.value, _LIFETIME)
        if self._is_heard is None:
            self._is_heard = self.step is not None

    def forget(self) -> None:
        if self._is_heard:
            cache.delete(self._key)

    @property
    def step(self) -> ImportStep | None:
        """The step that began last; None before the first, after the last, and while the cache is away."""
        told = cache.get(self._key)
        return ImportStep(told) if told in ImportStep.values else None
