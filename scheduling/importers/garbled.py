"""Texts that were UTF-8, were read as Windows-1252 or Latin-1, and saved again: `MÃ¼ller` for `Müller`, once or several times."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers.reading import line, shortened


def _characters(first: int, last: int) -> str:
    """What the bytes from `first` to `last` look like when they are taken for Windows-1252, and for Latin-1."""
    shown = {
        bytes([byte]).decode(code, errors="ignore") for byte in range(first, last + 1) for code in ("cp1252", "latin-1")
    }
    return "".join(re.escape(character) for character in sorted(shown))


_NEXT: Final = f"[{_characters(0x80, 0xBF)}]"
#: Beginnings that say for sure what they come from: Latin letters, punctuation, emoji.
_SURE: Final = f"[ÂÃÄÅ]{_NEXT}|â{_characters(0x80, 0x80).join('[]')}{_NEXT}|ðŸ{_NEXT}{{2}}"
#: Greek and Cyrillic letters, and Chinese, Japanese and Korean ones, of which one alone may be chance.
_IN_ROWS: Final = f"(?:[ÎÏÐÑ]{_NEXT}){{3,}}|(?:[ãäåæçèéêëì]{_NEXT}{{2}}){{2,}}"
_GARBLED: Final = re.compile(f"{_IN_ROWS}|{_SURE}")
_ANY: Final = re.compile(f"(?:[Â-ß]{_NEXT}|[à-ï]{_NEXT}{{2}}|ð{_NEXT}{{3}})+")
_ROUNDS: Final = 4
#: One alone may be chance.
_FEWEST: Final = 2


class Garbled:
    """Counts texts that look decoded twice among all that have foreign letters. True where most of them do: one such text in a
    sound file is its author's."""

    def __init__(self) -> None:
        self._texts = 0
        self._garbled = 0
        self._found = 0
        self._example = ("", "")

    def look_at(self, text: str) -> None:
        """`text`: a field, or a line of a file."""
        if text.isascii():
            return
        self._texts += 1
        found = sum(_decoded(match[0]) is not None for match in _GARBLED.finditer(text))
        if found:
            self._garbled += 1
            self._found += found
            self._example = self._example if self._example[0] else _example(text)

    def __bool__(self) -> bool:
        return self._found >= _FEWEST and 2 * self._garbled > self._texts

    @property
    def reason(self) -> str:
        return _("The text looks like UTF-8 that was decoded twice: “%(shown)s” may be “%(meant)s”.") % {
            "shown": self._example[0],
            "meant": self._example[1],
        }


def repaired(text: str) -> str:
    """The text before it was decoded twice. What does not come from that stays as it is."""
    for _round in range(0 if text.isascii() else _ROUNDS):
        mended = _ANY.sub(lambda match: _decoded(match[0]) or match[0], text)
        if mended == text:
            break
        text = mended
    return text


def _decoded(text: str) -> str | None:
    """None where the characters are no bytes of UTF-8."""
    taken = bytearray()
    for character in text:
        try:
            taken += character.encode("cp1252")
        except UnicodeEncodeError:
            taken += character.encode("latin-1", errors="replace")
    try:
        return taken.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _example(text: str) -> tuple[str, str]:
    word = next((word for word in line(text).split() if _GARBLED.search(word)), line(text))
    return shortened(word, 40), shortened(repaired(word), 40)
