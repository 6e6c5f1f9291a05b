"""How Chinese words are read, for people who look for them on a keyboard without Chinese."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Final

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]+")
#: Of one character, and of one word.
_READINGS: Final = 3
_VARIANTS: Final = 6
#: `{"19968": "yī", …}`
_ENTRY: Final = re.compile(r'"(\d+)":\s*"([^"\\]*)"')
_MANY: Final = 5_000
#: Grave, acute, macron and caron.
_TONES: Final = re.compile("[\u0300\u0301\u0304\u030c]")


def reading(text: str) -> str:
    """Pinyin without tones of each run of Chinese characters, with its initials: `食品` → `shipin sp`. Characters that are read in
    several ways give several words. Empty for a text without any."""
    return " ".join(dict.fromkeys(word for run in _HAN.findall(text) for word in _words(run)))


@lru_cache(maxsize=4096)
def _words(run: str) -> tuple[str, ...]:
    readings = [_readings_of(character) for character in run]
    usual = [found[0] for found in readings]
    words = ["".join(usual)]
    for place, found in enumerate(readings):
        for other in found[1:]:
            if len(words) < _VARIANTS:
                words.append("".join([*usual[:place], other, *usual[place + 1 :]]))
    # ü is typed as v, and by people who do not know that as u.
    words += [word.replace("v", "u") for word in words if "v" in word]
    if len(run) > 1:
        words.append("".join(syllable[0] for syllable in usual))
    return tuple(words)


def _readings_of(character: str) -> tuple[str, ...]:
    """The usual one first; the character itself where none is known."""
    return _without_tones(_written[_places[ord(character)]]) or (character,)


@lru_cache(maxsize=8192)
def _without_tones(written: str) -> tuple[str, ...]:
    """ü as v."""
    plain = unicodedata.normalize("NFC", _TONES.sub("", unicodedata.normalize("NFD", written))).replace("ü", "v")
    return tuple(dict.fromkeys(plain.split(",")))[:_READINGS] if plain else ()


def _read_dictionary() -> tuple[array[int], list[str]]:
    """By code point, the place in the list of all ways in which characters are read.

    The file is pypinyin's, without the library: that takes 13 MB in every process (its phrases another 45), and this takes one.
    Where a character is read in several ways we keep them all, where phrases would choose.
    """
    library = importlib.util.find_spec("pypinyin")
    assert library
    assert library.origin
    text = Path(library.origin).with_name("pinyin_dict.json").read_text("utf-8")
    places = array("H", bytes(2 * (ord("\U0003ffff") + 1)))
    written = {"": 0}
    # One by one: as a dictionary it would take as much, if only for a moment, and what it leaves behind lies scattered.
    for found in _ENTRY.finditer(text):
        places[int(found[1])] = written.setdefault(found[2], len(written))
    if len(written) < _MANY:
        raise ImportError("pypinyin's dictionary is not as it was")
    return places, list(written)


_places, _written = _read_dictionary()
