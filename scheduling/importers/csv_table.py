"""CSV of our own: `scheduling.importers.table` says which columns it has, `csv_template()` is a file to fill in."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers.parsed import NotASchedule, Parsed
from scheduling.importers.reading import decode, line
from scheduling.importers.source import SourceFile
from scheduling.importers.table import column_of, is_header, read_header, read_row, template

FORMAT: Final = "CSV"

_DELIMITERS: Final = ",;\t"
_LONGEST_HEADER: Final = 4_000
_FEWEST_CELLS: Final = 3


def csv_template() -> str:
    """A header and three rows to overwrite."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(template())
    return out.getvalue()


def recognises(file: SourceFile) -> bool:
    return _delimiter(file.start) is not None


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    text = decode(file.data, warn=collector.warn, chinese=True)
    delimiter = _delimiter(text)
    assert delimiter is not None
    text = re.sub(r"\A\s*sep=.\r?\n", "", text, flags=re.IGNORECASE)
    rows = csv.reader(io.StringIO(text.replace("\x00", ""), newline=""), delimiter=delimiter, strict=False)
    header: list[str] | None = None
    try:
        for row in rows:
            if header is None:
                if any(cell.strip() for cell in row):
                    header = read_header(row, collector, _("line %(line)d") % {"line": rows.line_num})
                continue
            if any(cell.strip() for cell in row):
                read_row(collector, _("line %(line)d") % {"line": rows.line_num}, dict(zip(header, row, strict=False)))
    except csv.Error as error:
        raise NotASchedule(
            _("This CSV file is damaged in line %(line)d: %(reason)s")
            % {"line": rows.line_num, "reason": line(str(error))}
        ) from None
    return collector.result()


def what_lacks(start: str) -> str:
    """Why a table is no programme; `""` for what is no table that knows a column of ours."""
    first = _first_line(start)[:_LONGEST_HEADER]
    cells = max((first.split(delimiter) for delimiter in _DELIMITERS), key=len)
    known = {column_of(cell) for cell in cells} - {""}
    if len(cells) < _FEWEST_CELLS or not known:
        return ""
    lacking = [name for name in ("title", "start") if name not in known]
    if not known & {"end", "duration"}:
        lacking.append(_("end or duration"))
    return _("This table is no programme: it has no column %(names)s.") % {"names": ", ".join(lacking)}


def _delimiter(text: str) -> str | None:
    """The one that makes a header of ours out of the first line, or None."""
    first = _first_line(text)[:_LONGEST_HEADER]
    return next((delimiter for delimiter in _DELIMITERS if is_header(first.split(delimiter))), None)


def _first_line(text: str) -> str:
    """Without the one that tells Excel the separator."""
    lines = (part for part in text.lstrip("\ufeff").splitlines() if part.strip())
    return next((part for part in lines if not re.fullmatch(r"sep=.", part.strip(), re.IGNORECASE)), "")
