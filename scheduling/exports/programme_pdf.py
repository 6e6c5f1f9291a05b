"""The printable programme, set by typst from `programme.typ`. What people wrote goes in as data, so none of it is markup."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import manimgx_fonts_cjk
import typst

CONTENT_TYPE: Final = "application/pdf"

_TEMPLATE: Final = Path(__file__).with_name("programme.typ")
#: The shapes of characters that Chinese, Japanese and Korean readers expect; Latin, Greek and Cyrillic are in each of them.
_FONTS: Final = {"zh-hans": "SC", "zh-hant": "TC", "ja": "JP", "ko": "KR"}
_REGIONS: Final = {"zh-hans": "CN", "zh-hant": "TW"}


def write(data: Mapping[str, Any], language: str) -> bytes:
    """`data`: as `pages.Pages.print_data` gives it. Takes seconds for a long programme. Equal data give equal bytes."""
    code, _, _script = language.partition("-")
    complete = {
        **data,
        "fonts": [f"Noto Sans CJK {_FONTS.get(language, 'SC')}"],
        "language": code,
        "region": _REGIONS.get(language),
    }
    written: bytes = typst.compile(
        _TEMPLATE, font_paths=_fonts(), sys_inputs={"data": json.dumps(complete, ensure_ascii=False)}, timestamp=0
    )
    return written


@lru_cache(maxsize=1)
def _fonts() -> Any:
    """Read once. The system's own fonts are left out, so that a programme looks the same wherever it is set."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(Path(manimgx_fonts_cjk.__file__).parent)])
