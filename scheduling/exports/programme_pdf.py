"""The printable programme, set by typst from `programme.typ`. What people wrote goes in as data, so none of it is markup."""

from __future__ import annotations

import json
import string
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import manimgx_fonts_cjk

CONTENT_TYPE: Final = "application/pdf"

_FONT: Final = Path(manimgx_fonts_cjk.__file__).with_name("NotoSansCJK-VF.otf.ttc")
_TEMPLATE: Final = Path(__file__).with_name("programme.typ")
_ROOT: Final = Path(__file__).parents[2]
_LONGEST_SECONDS: Final = 300
#: The shapes of characters that Chinese, Japanese and Korean readers expect; Latin, Greek and Cyrillic are in each of them.
_FONTS: Final = {"zh-hans": "SC", "zh-hant": "TC", "ja": "JP", "ko": "KR"}
#: Its apostrophe and quotation marks are as narrow as Latin letters want them; the others' are as wide as a character.
_NARROW: Final = "Noto Sans CJK KR"
_REGIONS: Final = {"zh-hans": "CN", "zh-hant": "TW"}


def write(data: Mapping[str, Any], language: str) -> bytes:
    """`data`: as `pages.Pages.print_data` gives it. Takes seconds for a long programme. Equal data give equal bytes.

    Set in a process of its own: fonts and pages take up to 90 MB, which end with it, and a programme that cannot be set, or not within
    `_LONGEST_SECONDS`, harms no other work. Raises subprocess.SubprocessError for such a one.
    """
    code, _, _script = language.partition("-")
    complete = {
        **data,
        "font": f"Noto Sans CJK {_FONTS.get(language, 'SC')}",
        "narrow-font": _NARROW,
        "language": code,
        "region": _REGIONS.get(language),
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(complete, ensure_ascii=False).encode(),
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        timeout=_LONGEST_SECONDS,
        check=True,
    )
    return done.stdout


def _set(data: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        for family in {json.loads(data)["font"], _NARROW}:
            Path(folder, f"{family}.otf").write_bytes(_font(family, data))
        import typst  # noqa: PLC0415 (several megabytes: only where pages are set)

        # The system's own are left out, so that a programme looks the same wherever it is set.
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[folder])
        written: bytes = typst.compile(_TEMPLATE, font_paths=fonts, sys_inputs={"data": data}, timestamp=0)
    return written


def _font(family: str, text: str) -> bytes:
    """Of a font of 65,000 characters, those that these pages come by: typst would hold all 30 MB of it."""
    import uharfbuzz  # noqa: PLC0415 (as typst)

    whole = uharfbuzz.Blob.from_file_path(str(_FONT))
    faces = (uharfbuzz.Face(whole, index) for index in range(uharfbuzz.Face(whole).count))
    face = next(face for face in faces if face.get_name(uharfbuzz.OTNameIdPredefined.FONT_FAMILY) == family)
    # Numbers, hyphens and dots are typst's own.
    asked = text + _TEMPLATE.read_text() + string.printable + "\u2010\u2011\u2026"
    wanted = uharfbuzz.SubsetInput()
    wanted.unicode_set.update(map(ord, _pieces(asked)))
    cut: bytes = uharfbuzz.subset(face, wanted).blob.data
    return cut


def _pieces(text: str) -> set[str]:
    """Letters with marks in one piece and in as many as there may be: which of them a font has, it is asked."""
    pieces = set(text) | set(unicodedata.normalize("NFC", text))
    while more := {part for piece in pieces for part in _parts(piece)} - pieces:
        pieces |= more
    return pieces


def _parts(character: str) -> list[str]:
    """One step of the canonical decomposition (UAX #15)."""
    found = unicodedata.decomposition(character)
    return [] if found.startswith("<") else [chr(int(part, 16)) for part in found.split()]


if __name__ == "__main__":
    sys.stdout.buffer.write(_set(sys.stdin.buffer.read().decode()))
