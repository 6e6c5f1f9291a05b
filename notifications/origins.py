"""What a mail says about the event it comes from. The app that knows events registers how to look it up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.conf import settings


# Told apart by identity, so that what is worked out from one can be kept.
@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    # Language → the event's name; empty for the site itself.
    name: Mapping[str, str]
    url: str
    # Where answers go; empty: nowhere.
    contact_email: str = ""
    time_zone: str
    # The event's languages; the first is the one that its texts fall back to.
    locales: tuple[str, ...]
    # Of buttons and links: #RRGGBB, dark enough for white words on it.
    colour: str = "#0f6b75"

    def name_in(self, language: str) -> str:
        for wanted in (language, *self.locales):
            if text := self.name.get(wanted):
                return text
        return next((text for text in self.name.values() if text), "")


Lookup = Callable[[Collection[int]], Mapping[int, Origin]]
_lookups: Final[list[Lookup]] = []


def register_lookup(lookup: Lookup) -> None:
    """Called once from the owning app's `AppConfig.ready`; `lookup(ids)` takes one query."""
    _lookups[:] = [lookup]


def origins_of(event_ids: Collection[int]) -> Mapping[int, Origin]:
    return _lookups[0](event_ids) if _lookups and event_ids else {}


def site() -> Origin:
    """Of mails that belong to no event."""
    return Origin(
        name={}, url=f"{settings.PUBLIC_URL}/", time_zone=settings.CAMPUS_TIME_ZONE, locales=(settings.LANGUAGE_CODE,)
    )
