"""The arithmetic of the grid: what stands where, how high a minute is, and which times are written beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.services.grid import Cell, grid_of, style_sheet

DAY = date(2027, 6, 7)


def cells(*slots: tuple[str, int, int], tz: ZoneInfo | None = None) -> list[Cell]:
    """(clock, minutes, room) of each."""
    made = []
    for key, (clock, minutes, room) in enumerate(slots, 1):
        hours, minute = map(int, clock.split(":"))
        start = datetime(DAY.year, DAY.month, DAY.day, hours, minute, tzinfo=tz or UTC).astimezone(UTC)
        made.append(Cell(key, DAY, start, start + timedelta(minutes=minutes), room, takes_every_room=False))
    return made


def labels(made: list[Cell], tz: ZoneInfo) -> list[str]:
    [day] = grid_of(made, sorted({cell.column or 0 for cell in made}), tz).days
    return [f"{instant.astimezone(tz):%H:%M}" for instant, _row, is_minor in day.times if not is_minor]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu"])
def test_where_labels_would_crowd_the_rounder_times_stay_on_the_events_own_clocks(zone: str) -> None:
    tz = ZoneInfo(zone)
    every_five_minutes = [(f"{9 + n // 12:02d}:{n % 12 * 5:02d}", 20, n) for n in range(25)]

    shown = labels(cells(*every_five_minutes, tz=tz), tz)

    assert {"09:00", "09:30", "10:00", "10:30", "11:00"} <= set(shown)
    assert not {"09:05", "09:25", "09:55"} & set(shown)


def test_a_lonely_time_is_written_however_odd_it_is() -> None:
    assert labels(cells(("09:00", 30, 1), ("10:35", 30, 1)), ZoneInfo("UTC")) == ["09:00", "10:35"]


def test_a_day_of_few_rooms_is_lower_because_its_columns_are_wide() -> None:
    few = grid_of(cells(*(("09:00", 30, room) for room in range(3))), range(3), UTC).days[0]
    many = grid_of(cells(*(("09:00", 30, room) for room in range(12))), range(12), UTC).days[0]
    assert few.pixels_per_minute < many.pixels_per_minute


def test_each_day_has_a_scale_of_its_own() -> None:
    [short], [long] = cells(("09:00", 10, 1)), cells(("09:00", 120, 1))
    tomorrow = replace(long, key=2, day=DAY + timedelta(days=1))
    style = style_sheet(grid_of([short, tomorrow], [1], UTC), [])
    units = [line.partition("--unit:")[2] for line in style.splitlines() if "--unit:" in line]
    assert len(units) == len(set(units)) == 2


def test_equal_lengths_are_equally_high_and_overlaps_stand_side_by_side() -> None:
    [day] = grid_of(cells(("09:00", 30, 1), ("09:15", 30, 1), ("09:30", 60, 1)), [1], UTC).days
    rows = {key: [int(name[1:]) for name in place.split() if name[0] in "se"] for key, place in day.places.items()}
    assert [end - start for start, end in rows.values()] == [2, 2, 4]
    assert day.columns[0].lanes == 2
