"""Codes, read by a reader as it reads them at a door."""

from __future__ import annotations

import re

import pytest
import zxingcpp

from common import qr


@pytest.mark.parametrize(
    "text", ["LIHU:food:ABC123:3WX1vF3wieGChXV3J-oEpPMIvJxuH5e6", "1", "食品科学", "LIHU:" + "a-long-address-" * 8]
)
@pytest.mark.parametrize("border", [qr.QUIET, 2])
def test_what_is_drawn_is_read(text: str, border: int) -> None:
    (found,) = zxingcpp.read_barcodes(drawn(qr.svg_of(text, border=border)))
    assert (found.text, found.format, found.ec_level) == (text, zxingcpp.BarcodeFormat.QRCode, "M")


def test_a_code_with_a_stain_is_read_and_one_without_a_corner_is_not() -> None:
    """The second is the control."""
    whole = qr.svg_of("LIHU:food:ABC123:3WX1vF3wieGChXV3J-oEpPMIvJxuH5e6")
    stain = whole.replace("</svg>", '<path d="M14 14h4v1H14zM14 15h4v1H14zM14 16h4v1H14z"/></svg>')
    assert zxingcpp.read_barcodes(drawn(stain))[0].text.startswith("LIHU:food")
    assert zxingcpp.read_barcodes(drawn(re.sub(r"M0 \d+h\d+v1H0z", "", whole))) == []


def drawn(picture: str) -> memoryview:
    """In grey, four pixels to a module."""
    left, _top, size, _height = map(int, re.findall(r'viewBox="([^"]+)"', picture)[0].split())
    pixels = bytearray(b"\xff" * (16 * size * size))
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1H", picture):
        for row in range(4 * (int(y) - left), 4 * (int(y) - left) + 4):
            start = 4 * size * row + 4 * (int(x) - left)
            pixels[start : start + 4 * int(width)] = bytes(4 * int(width))
    return memoryview(pixels).cast("B", (4 * size, 4 * size))
