"""Why something may not happen, as values: pages list them, the API serialises them, services raise them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One reason. `code` is for programs and never changes; `message` says what is wrong and `fix` how to mend it, both
    in the reader's language; `field` names the form or API field it belongs to, empty for the whole request."""

    code: str
    message: str | Promise
    field: str = ""
    fix: str | Promise = ""


class Refusal(Exception):
    """A service did nothing, for these reasons. Sub-classes live beside the service that raises them."""

    #: The HTTP status that interfaces answer with: 409 where the state of things forbids it, 400 where the input does.
    status = 409
    #: What the API adds to its answer beside the problems (RFC 9457 §3.2), such as conflicts.
    members: Mapping[str, object] = MappingProxyType({})

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{problem.field or problem.code}: {problem.message}" for problem in self.problems))


class Invalid(Refusal):
    """The input itself is at fault: one problem per field and reason."""

    status = 400


def refusal_from(error: ValidationError) -> Invalid:
    """What a model's `full_clean` found, as problems."""
    if not hasattr(error, "error_dict"):
        return Invalid([Problem(code=e.code or "invalid", message=m) for e in error.error_list for m in e.messages])
    return Invalid(
        Problem(code=e.code or "invalid", message=message, field="" if field == NON_FIELD_ERRORS else field)
        for field, errors in error.error_dict.items()
        for e in errors
        for message in e.messages
    )
