"""The table of our own in a workbook (XLSX): the first row with its column names is the header, on every sheet that has one.

Nothing is run: of a formula the result is read that the program stored with it, and macros, pictures and links to other files
are not looked at.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font

from scheduling.importers.collecting import Collector
from scheduling.importers.parsed import MAX_NODES, NotASchedule, Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.table import column_of, is_header, read_header, read_row, template

FORMAT: Final = "XLSX"

#: Of all parts of the workbook together, unpacked.
MAX_UNPACKED: Final = 64 * 1024 * 1024
_MAX_PARTS: Final = 1_000
_MAX_ROWS: Final = 1_048_576
_MAX_COLUMNS: Final = 200
_HEADER_WITHIN: Final = 20
_ENCRYPTED: Final = 1
_TIMES: Final = frozenset({"start", "end", "duration"})


def xlsx_template() -> bytes:
    """A header and three rows to overwrite."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in template():
        sheet.append(row)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def recognises(file: SourceFile) -> bool:
    if not file.is_zip:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist()[: _MAX_PARTS * 2])
    except Exception:
        return False


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    try:
        _check(file.data)
        found = sum(_sheet(collector, name, rows) for name, rows in _sheets(file.data))
    except NotASchedule:
        raise
    except Exception as error:
        # The library raises whatever it stumbles over: KeyError, TypeError, BadZipFile, ParseError and others.
        raise NotASchedule(
            _("This XLSX file is damaged: %(reason)s") % {"reason": shortened(line(str(error)), 120)}
        ) from None
    if not found:
        raise NotASchedule(
            _("No sheet of this workbook has the columns of a schedule: title, start, and end or duration.")
        )
    return collector.result()


def _check(data: bytes) -> None:
    """Before anything is unpacked: how much would come of it. Sizes that lie are cut off at what they say."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            raise NotASchedule(
                _("This workbook is too large when it is unpacked. It may have up to %(limit)d MB.")
                % {"limit": MAX_UNPACKED // (1024 * 1024)}
            )
        if any(part.flag_bits & _ENCRYPTED for part in parts):
            raise NotASchedule(_("This workbook is protected with a password."))
        cells = 0
        for part in parts:
            if part.filename.endswith((".xml", ".rels")):
                content = archive.read(part)
                if b"<!DOCTYPE" in content or b"<!ENTITY" in content or b"\x00" in content[:4]:
                    raise NotASchedule(_("This workbook declares entities, which a schedule may not."))
                cells += content.count(b"<c ") + content.count(b"<si>") + content.count(b"<row ")
        if cells > MAX_NODES:
            raise NotASchedule(_("This workbook has too many cells for a schedule."))


def _sheets(data: bytes) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    with warnings.catch_warnings():
        # Of parts of a workbook that the library does not know, none of which is a cell.
        warnings.simplefilter("ignore")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                yield (
                    str(sheet.title),
                    sheet.iter_rows(min_row=1, max_row=_MAX_ROWS, max_col=_MAX_COLUMNS, values_only=True),
                )
        finally:
            book.close()


def _sheet(collector: Collector, name: str, rows: Iterator[tuple[Any, ...]]) -> bool:
    """Whether it has a header of ours."""
    header: list[str] | None = None
    blank = (None,) * _MAX_COLUMNS
    for number, row in enumerate(rows, start=1):
        # Rows that are not in the file come as this one; there may be a million of them before the next.
        if row == blank or not any(value not in (None, "") for value in row):
            continue
        where = _("sheet “%(sheet)s”, row %(row)d") % {"sheet": shortened(line(name), 40), "row": number}
        if header is not None:
            read_row(collector, where, {key: _text(key, value) for key, value in zip(header, row, strict=False) if key})
            continue
        cells = [_text("", value) for value in row]
        if is_header(cells):
            header = read_header(_without_blank_end(cells), collector, where)
        elif number > _HEADER_WITHIN:
            break
    return header is not None


def _without_blank_end(cells: Sequence[str]) -> Sequence[str]:
    last = max((number for number, cell in enumerate(cells) if column_of(cell) or cell.strip()), default=0)
    return cells[: last + 1]


def _text(column: str, value: object) -> str:
    """A cell as the row of a CSV file would have it; dates and times are values here, and may be bare numbers."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        # Fractions of a day are not exact.
        return (value + timedelta(milliseconds=500)).replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _clock(value)
    if isinstance(value, float) and column in _TIMES and 0 <= value < 1:
        return _clock(timedelta(days=value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)


def _clock(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    return f"{minutes // 60:02}:{minutes % 60:02}"
