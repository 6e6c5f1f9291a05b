"""From the bytes of a file to a programme. An importer is one module with two functions and a name:

- `FORMAT`: what people call it.
- `recognises(start)`: whether a file that begins with this text (its first 4,000 characters) is its business.
- `parse(data)`: the bytes made into `Parsed`; raises NotASchedule with one line for people, and nothing else.

To add a format, write its module with a `Collector` and put it into `IMPORTERS`; docs/reference/import.md says how.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers import csv_table, frab_xml, icalendar_file, schedule_json
from scheduling.importers.csv_table import csv_template
from scheduling.importers.parsed import MAX_BYTES, NotASchedule, Parsed
from scheduling.importers.reading import check_size
from scheduling.importers.sniffing import beginning, what_it_is

__all__ = ["IMPORTERS", "MAX_BYTES", "NotASchedule", "Parsed", "csv_template", "parse"]

#: In this order each is asked whether a file is its own.
IMPORTERS: Final[tuple[ModuleType, ...]] = (frab_xml, schedule_json, icalendar_file, csv_table)


def parse(data: bytes, *, name: str = "") -> Parsed:
    """Read a programme, whatever its format, which is told by content.

    `name`: the file's, for people; nothing depends on it. Raises NotASchedule, and nothing else, for what cannot be read as
    a whole; rows that cannot be read are in `Parsed.unread`.
    """
    check_size(data)
    start = beginning(data)
    for importer in IMPORTERS:
        if importer.recognises(start):
            parsed: Parsed = importer.parse(data)
            return parsed
    raise NotASchedule(what_it_is(data, start) or _("This file is no schedule in a format that is known here."))
