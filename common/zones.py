"""Time zones to choose from: the places that people know, in their language."""

from __future__ import annotations

import functools
from zoneinfo import available_timezones

from babel.core import get_global
from babel.dates import get_timezone, get_timezone_location
from django.utils.translation import gettext_lazy as _

from common.dates import babel_locale

_REGIONS = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic Ocean"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific Ocean"),
}

Choices = list[tuple[str, list[tuple[str, str]]]]


def zone_choices(language: str) -> Choices:
    """Region → (IANA name, city): typing the beginning of a city finds it in a select."""
    return [(str(_REGIONS[region]), list(zones)) for region, zones in _cities(language)]


@functools.lru_cache(maxsize=8)
def _cities(language: str) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    locale, english = babel_locale(language), babel_locale("en")
    aliases: dict[str, str] = dict(get_global("zone_aliases"))
    groups: dict[str, list[str]] = {}
    for name in available_timezones():
        if name.partition("/")[0] in _REGIONS:
            groups.setdefault(aliases.get(name, name), []).append(name)
    found: dict[str, list[tuple[str, str]]] = {region: [] for region in _REGIONS}
    for canonical, names in groups.items():
        # One zone has many names, and CLDR keeps the oldest; of Calcutta and Kolkata the one that says what it is called.
        city = get_timezone_location(get_timezone(canonical), locale=english, return_city=True)
        best = next((name for name in names if name.endswith(city.replace(" ", "_"))), min(names))
        label = get_timezone_location(get_timezone(canonical), locale=locale, return_city=True)
        found[best.partition("/")[0]].append((best, label.rpartition("/")[2]))
    return tuple((region, tuple(sorted(zones, key=lambda zone: zone[1]))) for region, zones in found.items() if zones)
