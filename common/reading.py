"""How Chinese words are read, for people who look for them on a keyboard without Chinese."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Final

# The dictionary of phrases takes 45 MB in every process; where a character is read in several ways we keep them all instead.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")

from pypinyin import Style, pinyin

_HAN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]+")
#: Of one character, and of one word.
_READINGS: Final = 3
_VARIANTS: Final = 6


def reading(text: str) -> str:
    """Pinyin without tones of each run of Chinese characters, with its initials: `食品` → `shipin sp`. Characters that are read in
    several ways give several words. Empty for a text without any."""
    return " ".join(dict.fromkeys(word for run in _HAN.findall(text) for word in _words(run)))


@lru_cache(maxsize=4096)
def _words(run: str) -> tuple[str, ...]:
    readings = [found[:_READINGS] for found in pinyin(run, style=Style.NORMAL, heteronym=True, v_to_u=False)]
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
