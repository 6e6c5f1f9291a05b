from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from common.dates import instant_of


@pytest.mark.parametrize(
    ("zone", "on", "at", "instant"),
    [
        ("Asia/Shanghai", "2027-06-07", "18:00", "2027-06-07T10:00"),
        # Clocks go back: 02:30 is shown twice, and the first counts.
        ("Europe/Berlin", "2027-10-31", "02:30", "2027-10-31T00:30"),
        ("America/New_York", "2027-11-07", "01:30", "2027-11-07T05:30"),
        # Clocks go forward: from 02:00 to 03:00, and to a half hour on Lord Howe.
        ("Europe/Berlin", "2027-03-28", "02:30", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28", "02:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28", "01:59", "2027-03-28T00:59"),
        ("Australia/Lord_Howe", "2027-10-03", "02:15", "2027-10-02T15:30"),
        # A whole day that Samoa left out.
        ("Pacific/Apia", "2011-12-30", "12:00", "2011-12-30T10:00"),
    ],
)
def test_wall_clock_is_the_first_instant_that_shows_it_or_the_next_that_there_is(
    zone: str, on: str, at: str, instant: str
) -> None:
    found = instant_of(date.fromisoformat(on), time.fromisoformat(at), ZoneInfo(zone))
    assert found == datetime.fromisoformat(instant).replace(tzinfo=UTC)
