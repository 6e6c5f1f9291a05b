"""JSON that is safe to look at, and short ways to its values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.parsed import MAX_NODES, NotASchedule
from scheduling.importers.reading import line, shortened

_LONG_NUMBER: Final = 30


def load(text: str) -> Any:
    """Raises NotASchedule for damaged JSON, and for more or deeper of it than any schedule has."""
    if text.count("{") + text.count("[") > MAX_NODES:
        raise NotASchedule(_("This JSON file has too many elements for a schedule."))
    try:
        # Numbers longer than any id stay text: making them a number takes long, and they are none.
        return json.loads(
            text, parse_int=lambda digits: int(digits) if len(digits) <= _LONG_NUMBER else digits, parse_constant=str
        )
    except RecursionError:
        raise NotASchedule(_("This JSON file is nested too deeply for a schedule.")) from None
    except json.JSONDecodeError as error:
        raise NotASchedule(
            _("This JSON file breaks off or is damaged in line %(line)d: %(reason)s")
            % {"line": error.lineno, "reason": error.msg}
        ) from None
    except ValueError as error:
        raise NotASchedule(
            _("This JSON file is damaged: %(reason)s") % {"reason": shortened(line(str(error)), 120)}
        ) from None


def dicts(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The objects of a list, with their places in it."""
    if isinstance(value, list):
        yield from ((number, item) for number, item in enumerate(value) if isinstance(item, dict))


def as_text(value: object, *, language: str = "en") -> str:
    """A value as text: numbers too, and of texts in several languages the one wanted or the first."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        texts = {key: text for key, text in value.items() if isinstance(text, str) and text.strip()}
        return texts.get(language) or next(iter(texts.values()), "")
    return ""


def text_of(values: Mapping[str, object], *names: str) -> str:
    """The first of these that says something, as text."""
    return next((text for name in names if (text := as_text(values.get(name)))), "")
