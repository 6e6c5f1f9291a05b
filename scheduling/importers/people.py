"""Names of several people in one text."""

from __future__ import annotations

import re
from typing import Final

_SEPARATORS: Final = re.compile(r"\s*[;；、\n]\s*|\s+/\s+|\s*&\s*")
_COMMAS: Final = re.compile(r"\s*[,，]\s*")
#: `Guido van Rossum, PhD` is one person.
_SUFFIX: Final = re.compile(r"(?:jr|sr|ph\.?\s?d|m\.?d|m\.?sc|mba|esq|ii|iii|iv)\.?", re.IGNORECASE)


def names_in(text: str, *, commas: bool = False) -> list[str]:
    """Names between semicolons, `、`, `&`, ` / ` and line breaks; with `commas` also between those."""
    names: list[str] = []
    for part in _SEPARATORS.split(text):
        _add(names, _COMMAS.split(part) if commas else [part])
    return names


def split_at_commas(text: str) -> list[str]:
    """Names between commas and nothing else."""
    names: list[str] = []
    _add(names, _COMMAS.split(text))
    return names


def _add(names: list[str], parts: list[str]) -> None:
    for name in parts:
        if names and _SUFFIX.fullmatch(name):
            names[-1] += f", {name}"
        elif name:
            names.append(name)
