"""How Chinese is read: pypinyin's own words, out of a table that takes a tenth of its memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pypinyin import Style, pinyin
from pypinyin.constants import PINYIN_DICT

from common.reading import _HAN, _readings_of, reading


def test_every_character_is_read_as_pypinyin_reads_it() -> None:
    characters = [character for code in PINYIN_DICT if _HAN.fullmatch(character := chr(code))]
    assert len(characters) > 40_000
    ours = {character: list(_readings_of(character)) for character in characters}
    theirs = {
        character: pinyin(character, style=Style.NORMAL, heteronym=True, v_to_u=False)[0][:3]
        for character in characters
    }
    assert {c: (ours[c], theirs[c]) for c in characters if ours[c] != theirs[c]} == {}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("食品", "shipin sipin yipin sp"),
        ("江南大学", "jiangnan"),
        ("吕", "lv lu"),
        ("Tea, 茶", "cha"),
        ("Jiangnan", ""),
        ("\U0002ebf0", "\U0002ebf0"),
    ],
)
def test_it_is_found_by(text: str, read: str) -> None:
    assert reading(text).startswith(read)
    assert bool(reading(text)) == bool(read)


def test_the_rest_of_the_library_is_not_in_memory() -> None:
    asked = "import sys, common.reading; print([name for name in sys.modules if 'pinyin' in name])"
    done = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
