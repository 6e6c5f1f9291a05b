"""The table of our own in a workbook (XLSX): the first row with its column names is the header, on every sheet that has one.
How workbooks are read: `common.workbooks`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _

from common import workbooks
from common.workbooks import BadWorkbook, Row
from scheduling.importers.collecting import Collector
from scheduling.importers.parsed import NotASchedule, Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.table import column_of, is_header, read_header, read_row, template

FORMAT: Final = "XLSX"

_HEADER_WITHIN: Final = 20
_TIMES: Final = frozenset({"start", "end", "duration"})


def xlsx_template() -> bytes:
    """A header and three rows to overwrite."""
    from openpyxl import Workbook  # noqa: PLC0415 (as in `common.workbooks`)
    from openpyxl.styles import Font  # noqa: PLC0415 (likewise)

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
    return workbooks.is_workbook(file.data)


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    try:
        found = sum(_sheet(collector, name, rows) for name, rows in workbooks.sheets(file.data))
    except BadWorkbook as error:
        raise NotASchedule(str(error)) from None
    if not found:
        raise NotASchedule(
            _("No sheet of this workbook has the columns of a schedule: title, start, and end or duration.")
        )
    return collector.result()


def _sheet(collector: Collector, name: str, rows: Iterator[tuple[int, Row]]) -> bool:
    """Whether it has a header of ours."""
    header: list[str] | None = None
    for number, row in rows:
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
    """Times of the day may be bare fractions of one here."""
    if isinstance(value, float) and column in _TIMES and 0 <= value < 1:
        return workbooks.clock(timedelta(days=value))
    return workbooks.as_text(value)
