"""Tables to take along hold what was typed, and run nothing."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from common import tables
from tests.data import shared

PAYLOADS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("https://evil.example","x")',
    "=cmd|' /C calc'!A0",
]


def read_csv(rows: list[list[tables.Cell]]) -> list[list[str]]:
    text = b"".join(tables.csv_lines(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def read_xlsx(rows: list[list[tables.Cell]]) -> list[list[object]]:
    file = io.BytesIO()
    tables.write_xlsx(rows, file, sheet="People")
    page = load_workbook(file).active
    assert all(cell.data_type != "f" for row in page for cell in row), "a formula"
    return [[cell.value for cell in row] for row in page]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_begins_like_a_formula_is_text(payload: str) -> None:
    assert read_csv([["name"], [payload]])[1] == [f"'{payload}"]
    # The format has no carriage returns: openpyxl reads the escape, or a line feed, in its place.
    assert read_xlsx([["name"], [payload]])[1][0] in {
        payload,
        payload.replace("\r", "\n"),
        payload.replace("\r", "_x000D_"),
    }


def test_nasty_strings_come_back_as_they_were() -> None:
    nasty = [text for text in json.loads(shared("nasty/blns.json").read_text()) if text.strip() == text and text]
    written = [["text"], *([text] for text in nasty)]
    for before, after in zip(nasty, (row[0] for row in read_csv(written)[1:]), strict=True):
        assert after in {before, f"'{before}"}
    assert len(read_xlsx(written)) == len(written)


def test_numbers_days_and_instants_are_values() -> None:
    at = datetime(2027, 6, 7, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    row: list[tables.Cell] = [Decimal("-5.50"), 3, True, date(2027, 6, 7), at, None, "007"]
    assert read_csv([["head"], row])[1] == ["-5.50", "3", "yes", "2027-06-07", "2027-06-07T09:00:00+08:00", "", "007"]
    assert read_xlsx([["a"] * 7, row])[1] == [
        -5.5,
        3,
        True,
        datetime(2027, 6, 7),  # noqa: DTZ001 (cells know no zone)
        datetime(2027, 6, 7, 9),  # noqa: DTZ001
        None,
        "007",
    ]


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        tables.write_xlsx(([n, "Wang Fang", "x" * 50] for n in range(rows)), _Nowhere(), sheet="People")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(8000) < peak(2000) + 500_000


class _Nowhere(io.RawIOBase):
    """Swallows the file, so that only the writer's own memory is measured."""

    at = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.at += len(data)
        return len(data)

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset if whence == 0 else self.at + offset
        return self.at
