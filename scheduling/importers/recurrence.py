"""The days on which a recurrence rule (RFC 5545, RRULE) falls, asked about one by one.

Libraries walk from one day of a rule to its next, and look for it until the year 9999 where there is none, such as 31 February. Here
a question about a day takes no longer for an odd rule.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from typing import Final

#: The day alone is asked about: hours and minutes are those of the event.
_READ: Final = frozenset(
    {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE", "BYSECOND"}
)
_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_LONGEST: Final = 200
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY: Final = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")


class RecurrenceRule:
    """`first`: the day of DTSTART. Raises ValueError for rules that are not read here. `count`: None, or at most so often;
    `until`: as it stands in the rule."""

    def __init__(self, text: str, first: date) -> None:
        parts = dict(part.partition("=")[::2] for part in text.strip().upper().split(";") if part)
        if len(text) > _LONGEST or parts.keys() - _READ or parts.get("FREQ") not in _FREQUENCIES:
            raise ValueError(text)
        self.frequency = parts["FREQ"]
        self.count = int(parts["COUNT"]) if "COUNT" in parts else None
        self.until = parts.get("UNTIL", "")
        self._first = first
        self._interval = max(1, int(parts.get("INTERVAL", "1")))
        self._week = timedelta((first.weekday() - _WEEKDAYS.index(parts.get("WKST", "MO"))) % 7)
        self._months = _numbers(parts.get("BYMONTH", ""))
        self._dates = _numbers(parts.get("BYMONTHDAY", ""))
        self._weekdays = [_weekday(part) for part in parts["BYDAY"].split(",")] if "BYDAY" in parts else []
        self._take_over_from(first)

    def _take_over_from(self, first: date) -> None:
        """What a rule leaves open is as on its first day."""
        if self.frequency == "YEARLY" and not self._months:
            if self._weekdays:
                raise ValueError("weekdays of a year")
            self._months = {first.month}
        if self._weekdays or self._dates:
            return
        if self.frequency == "WEEKLY":
            self._weekdays = [(0, first.weekday())]
        elif self.frequency != "DAILY":
            self._dates = {first.day}

    def falls_on(self, day: date) -> bool:
        """`day`: not before the first."""
        if self._months and day.month not in self._months:
            return False
        days = calendar.monthrange(day.year, day.month)[1]
        if self._dates and not self._dates & {day.day, day.day - days - 1}:
            return False
        return (not self._weekdays or self._is_weekday(day, days)) and self._is_in_turn(day)

    def _is_weekday(self, day: date, days: int) -> bool:
        # In a week, each weekday is the only one.
        places = {0, (day.day - 1) // 7 + 1, -((days - day.day) // 7 + 1)}
        whole = self.frequency in {"DAILY", "WEEKLY"}
        return any(weekday == day.weekday() and (whole or place in places) for place, weekday in self._weekdays)

    def _is_in_turn(self, day: date) -> bool:
        first = self._first
        if self.frequency == "DAILY":
            gone = (day - first).days
        elif self.frequency == "WEEKLY":
            gone = (day - (first - self._week)).days // 7
        elif self.frequency == "MONTHLY":
            gone = 12 * (day.year - first.year) + day.month - first.month
        else:
            gone = day.year - first.year
        return gone % self._interval == 0


def _numbers(text: str) -> set[int]:
    return {int(number) for number in text.split(",")} if text else set()


def _weekday(text: str) -> tuple[int, int]:
    found = _WEEKDAY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1] or 0), _WEEKDAYS.index(found[2])
