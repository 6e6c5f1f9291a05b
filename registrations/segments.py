"""A part of those who registered for an event, named by a filter: for the organizer's list, for campaigns, for saved segments.

A filter is plain data, as it stands in an address or in a saved segment: `q` (words to search for), and `state`, `ticket`, `product`,
`country`, `language` and `answer.IDENTIFIER` with one value or several, any one of which is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registrations.models import RegistrationQuerySet

ANSWER: Final = "answer."
#: Filter → field.
_FIELDS: Final = {"state": "state", "country": "country", "language": "language"}


def narrow(registrations: RegistrationQuerySet, wanted: Mapping[str, Any]) -> RegistrationQuerySet:
    """Those that every filter fits; what is empty or unknown is no filter."""
    if words := wanted.get("q"):
        registrations = registrations.matching(str(words))
    for name, field in _FIELDS.items():
        if values := values_of(wanted, name):
            registrations = registrations.filter(**{f"{field}__in": values})
    if tickets := [int(value) for value in values_of(wanted, "ticket") if str(value).isdigit()]:
        registrations = registrations.filter(ticket_type__in=tickets)
    if products := [int(value) for value in values_of(wanted, "product") if str(value).isdigit()]:
        registrations = registrations.wanting(products)
    for name in wanted:
        if name.startswith(ANSWER) and (values := values_of(wanted, name)):
            registrations = registrations.answering(name.removeprefix(ANSWER), values)
    return registrations


def values_of(wanted: Mapping[str, Any], name: str) -> list[Any]:
    value = wanted.get(name)
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if each not in (None, "")]
