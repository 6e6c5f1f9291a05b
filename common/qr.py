"""QR codes (ISO/IEC 18004) as pictures."""

from __future__ import annotations

import re
from typing import Final

import zxingcpp

#: Modules on a side of what is not to be drawn on, as the standard asks.
QUIET: Final = 4
_PIXELS: Final = 8
_DARK: Final = re.compile(rb"\0+")


def svg_of(text: str, *, border: int = QUIET) -> str:
    """With 15 % to spare for dirt (level M). `border`: less than `QUIET` where the page around it is white."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    picture = memoryview(code.to_image(add_quiet_zones=False))  # type: ignore[arg-type]  # a buffer, which its types do not say
    size = picture.shape[0] if picture.shape else 0
    pixels, whole = picture.tobytes(), size + 2 * border
    dark = "".join(
        [
            f"M{run.start()} {row}h{run.end() - run.start()}v1H{run.start()}z"
            for row in range(size)
            for run in _DARK.finditer(pixels[row * size : (row + 1) * size])
        ]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole * _PIXELS}" height="{whole * _PIXELS}"'
        f' viewBox="{-border} {-border} {whole} {whole}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M{-border} {-border}h{whole}v{whole}h-{whole}z"/><path d="{dark}"/></svg>'
    )
