"""The printable programme, set by typst from `programme.typ`. What people wrote goes in as data, so none of it is markup."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import manimgx_fonts_cjk

CONTENT_TYPE: Final = "application/pdf"

_TEMPLATE: Final = Path(__file__).with_name("programme.typ")
_ROOT: Final = Path(__file__).parents[2]
_LONGEST_SECONDS: Final = 300
#: The shapes of characters that Chinese, Japanese and Korean readers expect; Latin, Greek and Cyrillic are in each of them.
_FONTS: Final = {"zh-hans": "SC", "zh-hant": "TC", "ja": "JP", "ko": "KR"}
_REGIONS: Final = {"zh-hans": "CN", "zh-hant": "TW"}


def write(data: Mapping[str, Any], language: str) -> bytes:
    """`data`: as `pages.Pages.print_data` gives it. Takes seconds for a long programme. Equal data give equal bytes.

    Set in a process of its own: fonts and pages take 80 MB, which end with it, and a programme that cannot be set, or not within
    `_LONGEST_SECONDS`, harms no other work. Raises subprocess.SubprocessError for such a one.
    """
    code, _, _script = language.partition("-")
    complete = {
        **data,
        "fonts": [f"Noto Sans CJK {_FONTS.get(language, 'SC')}"],
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
    import typst  # noqa: PLC0415 (several megabytes: only where pages are set)

    written: bytes = typst.compile(_TEMPLATE, font_paths=_fonts(), sys_inputs={"data": data}, timestamp=0)
    return written


def _fonts() -> Any:
    """The system's own are left out, so that a programme looks the same wherever it is set."""
    import typst  # noqa: PLC0415 (several megabytes: only where pages are set)

    return typst.Fonts(include_system_fonts=False, font_paths=[str(Path(manimgx_fonts_cjk.__file__).parent)])


if __name__ == "__main__":
    sys.stdout.buffer.write(_set(sys.stdin.buffer.read().decode()))
