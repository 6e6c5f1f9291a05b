"""What an importer gives back, and the one thing it raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scheduling.programme import Programme, UnreadRow

#: Larger files are refused before anything reads them. The largest real programme met so far has 3 MB.
MAX_BYTES: Final = 16 * 1024 * 1024
#: Tags in XML, brackets in JSON: what a parser makes an object of. The largest real programme has 60,000.
MAX_NODES: Final = 600_000
MAX_SESSIONS: Final = 20_000
MAX_PERSONS_OF_A_SESSION: Final = 500


class NotASchedule(Exception):
    """The file holds no programme that can be read. `str()` of it is one line for people, which says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """`unread`: rows that are not in the programme. `warnings`: rows that are, but not as they stand in the file."""

    programme: Programme
    format: str
    unread: tuple[UnreadRow, ...] = ()
    warnings: tuple[UnreadRow, ...] = ()
    # Its texts look like UTF-8 that was decoded twice.
    is_garbled: bool = False
