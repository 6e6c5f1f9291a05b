"""From the bytes of a file to a programme. An importer is one module with two functions and a name:

- `FORMAT`: what people call it.
- `recognises(file)`: whether a file is its business, by `file.start` (its first 4,000 characters) or, for JSON and YAML, by
  `file.document` (what it says, taken apart once for all importers).
- `parse(file)`: makes `Parsed` of it; raises NotASchedule with one line for people, and nothing else.

To add a format, write its module with a `Collector` and put it into `IMPORTERS`; docs/reference/import.md says how.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers import (
    chinavis_json,
    csv_table,
    entry_xml,
    frab_xml,
    icalendar_file,
    open_event_json,
    pretalx_json,
    pyconchina_yaml,
    schedule_json,
    session_list,
    sitcon_json,
    xcal,
    xlsx_table,
)
from scheduling.importers.csv_table import csv_template
from scheduling.importers.garbled import Garbled
from scheduling.importers.parsed import MAX_BYTES, NotASchedule, Parsed
from scheduling.importers.reading import check_size, decode
from scheduling.importers.sniffing import what_it_is
from scheduling.importers.source import SourceFile
from scheduling.importers.xlsx_table import xlsx_template

__all__ = ["IMPORTERS", "MAX_BYTES", "NotASchedule", "Parsed", "csv_template", "parse", "xlsx_template"]

#: In this order each is asked whether a file is its own.
IMPORTERS: Final[tuple[ModuleType, ...]] = (
    entry_xml,
    xcal,
    frab_xml,
    icalendar_file,
    csv_table,
    xlsx_table,
    schedule_json,
    sitcon_json,
    chinavis_json,
    open_event_json,
    pretalx_json,
    pyconchina_yaml,
    session_list,
)


def parse(data: bytes, *, name: str = "", repair: bool = False) -> Parsed:
    """Read a programme, whatever its format, which is told by content.

    `name`: the file's; only a date without a year may depend on it. `repair`: mend texts that were decoded twice. Raises
    NotASchedule, and nothing else, for what cannot be read as a whole; rows that cannot be read are in `Parsed.unread`.
    """
    check_size(data)
    file = SourceFile(data, name=name, repair=repair)
    for importer in IMPORTERS:
        if importer.recognises(file):
            parsed: Parsed = importer.parse(file)
            return parsed
    raise NotASchedule(_reason(file))


def _reason(file: SourceFile) -> str:
    reason = what_it_is(file.data, file.start) or _undecodable(file.data)
    if not reason and file.is_json:
        reason = _("This JSON file is no schedule in a format that is known here.")
    elif not reason and file.is_yaml:
        reason = _("This YAML file is no schedule in a format that is known here.")
    elif not reason:
        reason = csv_table.what_lacks(file.start)
    reason = reason or _("This file is no schedule in a format that is known here.")
    garbled = Garbled()
    for row in file.data.decode("utf-8", errors="ignore").splitlines():
        garbled.look_at(row)
    return f"{reason} {garbled.reason}" if garbled else reason


def _undecodable(data: bytes) -> str:
    try:
        decode(data, warn=lambda _where, _reason: None)
    except NotASchedule as refusal:
        return str(refusal)
    return ""
