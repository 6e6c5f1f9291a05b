"""Tables to take along, as CSV and as XLSX, written row by row: memory does not grow with their length.

A spreadsheet takes a cell for a formula by how it begins (OWASP, CSV injection). In CSV such a cell gets an apostrophe in
front; in XLSX it is stored as the text that it is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Final

#: A row's cells. Instants are written as the wall clock of the zone that they carry.
Cell = str | int | float | Decimal | bool | date | datetime | None

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE: Final = "text/csv; charset=utf-8"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Characters that one cell holds (Excel's limit).
_LONGEST: Final = 32_767


class _Echo:
    """What `csv` writes into: each row is handed back."""

    def write(self, row: str) -> str:
        return row


def csv_lines(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """UTF-8 with the mark that spreadsheets look for."""
    writer = csv.writer(_Echo())
    yield "\ufeff".encode()
    for row in rows:
        yield writer.writerow([harmless(cell) if isinstance(cell, str) else _as_text(cell) for cell in row]).encode()


def harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _as_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    return "" if cell is None else str(cell)


def write_xlsx(rows: Iterable[Sequence[Cell]], file: IO[bytes], *, sheet: str) -> None:
    """The first row is the head: bold, and in sight while the rest scrolls."""
    import xlsxwriter  # noqa: PLC0415 (two megabytes: only where a workbook is written)

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "default_date_format": "yyyy-mm-dd hh:mm",
    }
    with xlsxwriter.Workbook(file, options) as book:
        page = book.add_worksheet(sheet[:31])
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        money = book.add_format({"num_format": "0.00"})
        page.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if cell is None or cell == "":
                    continue
                if number == 0:
                    page.write_string(number, column, str(cell), bold)
                elif isinstance(cell, bool):
                    page.write_boolean(number, column, cell)
                elif isinstance(cell, datetime):
                    page.write_datetime(number, column, cell.replace(tzinfo=None))
                elif isinstance(cell, date):
                    page.write_datetime(number, column, cell, day)
                elif isinstance(cell, Decimal):
                    page.write_number(number, column, cell, money)
                elif isinstance(cell, int | float):
                    page.write_number(number, column, cell)
                else:
                    page.write_string(number, column, str(cell)[:_LONGEST])
