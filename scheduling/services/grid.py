"""Where each slot stands on the printed page: days, columns, rows. Pure arithmetic; the style sheet of a release holds the result.

A strict content security policy allows no inline style, so positions are classes: `c3` a column, `s12` and `e18` the rows at
which a slot begins and ends, `t2` a track's colour. They are written once per release, with the values that it uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from math import gcd
from typing import Final

#: Pixels from one label of a time to the next: enough to keep them apart, and few enough to be calm.
_LABEL_DISTANCE: Final = 34
#: Where labels do not all fit, those of the fullest hours stay.
_ROUND_MINUTES: Final = (60, 30, 15, 10, 5, 1)
#: As many rooms as fit side by side on the narrowest screen that shows a grid.
_ROOMS_THAT_FIT: Final = 5
#: A short slot (the one that a fifth of the day's slots are shorter than) is this many pixels high: a title of four lines and
#: its speakers, or of two lines where rooms are few and so columns wide.
_SHORT_SLOT_HEIGHT: Final = 92
_SHORT_SLOT_HEIGHT_IF_WIDE: Final = 60
_PIXELS_PER_MINUTE: Final = (1.6, 4.8)


@dataclass(frozen=True, slots=True)
class Cell:
    """What the grid needs to know of one slot. `column`: the key of its room; None: it has none, or takes all of them."""

    key: int
    day: date
    starts_at: datetime
    ends_at: datetime
    column: int | None
    takes_every_room: bool


@dataclass(slots=True)
class Column:
    key: int | None
    # First grid line, and how many lines wide: slots that overlap in one room stand side by side.
    line: int
    lanes: int


@dataclass(slots=True)
class Day:
    date: date
    columns: list[Column]
    # Slot key → classes.
    places: dict[int, str] = field(default_factory=dict)
    # (instant, row, whether its label gives way to a rounder one nearby) for each time at which something begins.
    times: list[tuple[datetime, int, bool]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    pixels_per_minute: float = 1
    # The row after the last.
    end_row: int = 2

    @property
    def lines(self) -> int:
        return sum(column.lanes for column in self.columns)


@dataclass(slots=True)
class Grid:
    days: list[Day]
    unit_minutes: int
    numbers: set[str]


def grid_of(cells: Sequence[Cell], order: Sequence[int], tz: tzinfo) -> Grid:
    """Lay out `cells`; `order`: the keys of the rooms from left to right; `tz`: on whose clocks a time is round."""
    unit = _unit(cells)
    numbers: set[str] = set()
    days = [
        _day(day, [cell for cell in cells if cell.day == day], order, tz, unit, numbers)
        for day in sorted({cell.day for cell in cells})
    ]
    return Grid(days, unit, numbers)


def _minutes(period: timedelta) -> int:
    return int(period.total_seconds() // 60)


def _unit(cells: Iterable[Cell]) -> int:
    """The longest step, in minutes, on which every slot begins and ends."""
    unit = 0
    for cell in cells:
        for instant in (cell.starts_at, cell.ends_at):
            unit = gcd(unit, instant.minute)
    return gcd(unit, 60) or 60


def _pixels_per_minute(cells: Sequence[Cell], lines: int) -> float:
    lengths = sorted(_minutes(cell.ends_at - cell.starts_at) for cell in cells)
    short = max(lengths[len(lengths) // 5], 1)
    low, high = _PIXELS_PER_MINUTE
    height = _SHORT_SLOT_HEIGHT if lines > _ROOMS_THAT_FIT else _SHORT_SLOT_HEIGHT_IF_WIDE
    return min(max(height / short, low), high)


def _day(day: date, cells: list[Cell], order: Sequence[int], tz: tzinfo, unit: int, numbers: set[str]) -> Day:
    cells.sort(key=lambda cell: (cell.starts_at, cell.ends_at))
    spanning, own, lanes = _sort_into_lanes(cells)
    keys: list[int | None] = [key for key in order if key in lanes]
    keys += [key for key in lanes if key is not None and key not in set(order)]
    if None in lanes:
        keys.insert(0, None)
    line = 2
    columns, first_lines = [], {}
    for key in keys:
        columns.append(Column(key, line, lanes[key]))
        first_lines[key] = line
        line += lanes[key]
    begin = min(cell.starts_at for cell in cells)
    # A slot that goes on for days is shown on its first one only, down to where the day's others end.
    last = max((cell.ends_at for cell in cells if cell.ends_at - begin < timedelta(hours=24)), default=begin)
    last = max(last, max(cell.starts_at for cell in cells) + timedelta(minutes=unit))

    def row(instant: datetime) -> int:
        return 2 + _minutes(min(instant, last) - begin) // unit

    laid = Day(day, columns, cells=cells)
    laid.pixels_per_minute = _pixels_per_minute(cells, laid.lines)
    for cell in cells:
        start, end = row(cell.starts_at), row(cell.ends_at)
        end = max(end, start + 1)
        laid.end_row = max(laid.end_row, end)
        where = "all" if cell.key in spanning else f"c{first_lines[_column(cell)] + own[cell.key]}"
        laid.places[cell.key] = f"{where} s{start} e{end}"
        numbers.update(laid.places[cell.key].split())
    laid.times = _times(cells, row, tz, unit * laid.pixels_per_minute)
    numbers.update(f"s{start}" for _instant, start, _hidden in laid.times)
    numbers.update(name for column in columns for name in (f"c{column.line}", f"w{column.lanes}"))
    return laid


def _column(cell: Cell) -> int | None:
    return None if cell.takes_every_room else cell.column


def _sort_into_lanes(cells: Sequence[Cell]) -> tuple[set[int], dict[int, int], dict[int | None, int]]:
    """The slots that stand across all columns, the lane of each other one, and how many lanes each column needs."""
    spanning = {
        a.key
        for a in cells
        if a.takes_every_room
        and not any(b is not a and b.starts_at < a.ends_at and a.starts_at < b.ends_at for b in cells)
    }
    own: dict[int, int] = {}
    free_from: dict[int | None, list[datetime]] = {}
    for cell in cells:
        if cell.key in spanning:
            continue
        ends = free_from.setdefault(_column(cell), [])
        lane = next((n for n, end in enumerate(ends) if end <= cell.starts_at), len(ends))
        ends[lane : lane + 1] = [cell.ends_at]
        own[cell.key] = lane
    return spanning, own, {key: len(ends) for key, ends in free_from.items()}


def _times(
    cells: Sequence[Cell], row: Callable[[datetime], int], tz: tzinfo, unit_pixels: float
) -> list[tuple[datetime, int, bool]]:
    def coarseness(instant: datetime) -> int:
        minute = instant.astimezone(tz).minute
        return next(rank for rank, minutes in enumerate(_ROUND_MINUTES) if minute % minutes == 0)

    rows = {instant: row(instant) for instant in sorted({cell.starts_at for cell in cells})}
    shown: set[int] = set()
    for instant in sorted(rows, key=lambda instant: (coarseness(instant), instant)):
        if all(abs(rows[instant] - other) * unit_pixels >= _LABEL_DISTANCE for other in shown):
            shown.add(rows[instant])
    return [(instant, at, at not in shown) for instant, at in rows.items()]


def style_sheet(grid: Grid, colours: Sequence[str]) -> str:
    """`colours`: of the tracks, in the order of their numbers."""
    rules = [f".t{number}{{--track:{colour}}}" for number, colour in enumerate(colours)]
    rules += [
        f".plan-{number}{{--columns:{max(day.lines, 1)};--end-row:{day.end_row}"
        f";--unit:{grid.unit_minutes * day.pixels_per_minute:.2f}px}}"
        for number, day in enumerate(grid.days)
    ]
    placed = {
        "c": "grid-column-start:{}",
        "w": "grid-column-end:span {}",
        "s": "grid-row-start:{}",
        "e": "grid-row-end:{}",
    }
    names = sorted((name for name in grid.numbers if name != "all"), key=lambda name: (name[0], int(name[1:])))
    rules += [f".{name}{{{placed[name[0]].format(name[1:])}}}" for name in names]
    return "\n".join(rules) + "\n"


def day_is_wide(day: Day) -> bool:
    """Whether the day needs a scroller of its own."""
    return day.lines > _ROOMS_THAT_FIT
