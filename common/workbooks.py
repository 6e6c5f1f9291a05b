"""Reading workbooks (XLSX) that anybody may have made.

Nothing is run: of a formula the result is read that the program stored with it, and macros, pictures and links to other files
are not looked at. How much a workbook unpacks to is bounded before anything is unpacked.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

#: Bytes of all parts of the workbook together, unpacked.
MAX_UNPACKED: Final = 64 * 1024 * 1024
#: Cells, rows and shared texts together.
MAX_CELLS: Final = 600_000
_MAX_PARTS: Final = 1_000
_MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 200
_ENCRYPTED: Final = 1

Row = tuple[Any, ...]


class BadWorkbook(Exception):
    """Why a file cannot be read as a workbook, for people."""


def is_workbook(data: bytes) -> bool:
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist()[: _MAX_PARTS * 2])
    except Exception:
        return False


def sheets(data: bytes) -> Iterator[tuple[str, Iterator[tuple[int, Row]]]]:
    """Each sheet's name and its rows, counted from 1; rows without any content are left out. Raises BadWorkbook."""
    from openpyxl import load_workbook  # noqa: PLC0415 (several megabytes: only where a workbook is read)

    try:
        _check(data)
        with warnings.catch_warnings():
            # Of parts of a workbook that the library does not know, none of which is a cell.
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            try:
                for sheet in book.worksheets:
                    yield str(sheet.title), _rows(sheet)
            finally:
                book.close()
    except BadWorkbook:
        raise
    except Exception as error:
        # The library raises whatever it stumbles over: KeyError, TypeError, BadZipFile, ParseError and others.
        reason = " ".join(str(error).split())[:120]
        raise BadWorkbook(_("This XLSX file is damaged: %(reason)s") % {"reason": reason}) from None


def _rows(sheet: Any) -> Iterator[tuple[int, Row]]:
    blank = (None,) * MAX_COLUMNS
    rows = sheet.iter_rows(min_row=1, max_row=_MAX_ROWS, max_col=MAX_COLUMNS, values_only=True)
    for number, row in enumerate(rows, start=1):
        # Rows that are not in the file come as this one; there may be a million of them before the next.
        if row != blank and any(value not in (None, "") for value in row):
            yield number, row


def _check(data: bytes) -> None:
    """Sizes that lie are cut off at what they say."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            limit = MAX_UNPACKED // (1024 * 1024)
            raise BadWorkbook(
                _("This workbook is too large when it is unpacked. It may have up to %(limit)d MB.") % {"limit": limit}
            )
        if any(part.flag_bits & _ENCRYPTED for part in parts):
            raise BadWorkbook(_("This workbook is protected with a password."))
        cells = 0
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                content = archive.read(part)
                if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\x00" in content[:4]:
                    raise BadWorkbook(_("This workbook declares entities, which a table has no need of."))
                cells += content.count(b"<c ") + content.count(b"<si>") + content.count(b"<row ")
        if cells > MAX_CELLS:
            raise BadWorkbook(_("This workbook has too many cells."))


def as_text(value: object) -> str:
    """A cell as the row of a CSV file would have it."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        # Fractions of a day are not exact.
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return clock(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)


def clock(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    return f"{minutes // 60:02}:{minutes % 60:02}"
