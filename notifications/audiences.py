"""Whom a campaign may be written to. The app that knows the people registers how to find them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.functional import Promise

from common.problems import Problem
from notifications.notices import Recipient

#: As it is stored with the campaign: name of a filter → values, any one of which is enough; text for words to search for.
Wanted = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of an audience: `number` is the row's, stable while it exists."""

    number: int
    to: Recipient
    # Values for the placeholders of `kinds.CAMPAIGN`.
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Something by which an audience can be narrowed: a choice of values, or words to search for where there are none."""

    name: str
    label: str | Promise
    choices: tuple[tuple[str, str], ...] = ()
    # What is chosen at first.
    initial: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Audience:
    """`addresses(event_id, wanted)` yields number and address key (common.text.email_key) of each, in a stable order, in a constant
    number of queries; `people(event_id, numbers)` those that still exist, so as well. `problems` says why a filter cannot be
    used; `filters` what the page offers."""

    code: str
    title: str | Promise
    addresses: Callable[[int, Wanted], Iterable[tuple[int, str]]]
    people: Callable[[int, Collection[int]], Iterable[Person]]
    filters: Callable[[int], list[Filter]] = lambda event_id: []
    problems: Callable[[int, Wanted], list[Problem]] = lambda event_id, wanted: []


_audiences: Final[dict[str, Audience]] = {}


def register_audience(audience: Audience) -> None:
    """Called once from the owning app's `AppConfig.ready`."""
    _audiences[audience.code] = audience


def find_audience(code: str) -> Audience | None:
    return _audiences.get(code)


def all_audiences() -> list[Audience]:
    """Those of the app furthest up first: it knows the most people."""
    return list(reversed(_audiences.values()))
