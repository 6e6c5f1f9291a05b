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
from scheduling.importers.table import is_header, read_header, read_row, template

FORMAT: Final = "CSV"

_DELIMITERS: Final = ",;\t"


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


def _delimiter(text: str) -> str | None:
    """The one that makes a header of ours out of the first line, or None."""
    first = next((part for part in text.lstrip("\ufeff").splitlines() if part.strip()), "")
    if re.fullmatch(r"sep=.", first.strip(), re.IGNORECASE):
        first = next((part for part in text.lstrip("\ufeff").splitlines()[1:] if part.strip()), "")
    for delimiter in _DELIMITERS:
        if is_header(first[:4_000].split(delimiter)):
            return delimiter
    return None
