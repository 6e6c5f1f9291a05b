from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `limit` is what the machine allows in the same run; `target` is what is promised, of the ratio to it or, where
    there is no limit, of the figure itself."""

    work: str
    figure: float
    unit: str
    target: str
    met: bool
    limit: float | None = None

    @property
    def ratio(self) -> str:
        return f"{self.figure / self.limit:.0%}" if self.limit else ""


def at_least(work: str, figure: float, unit: str, *, limit: float, share: float) -> Row:
    return say_progress(
        Row(work=work, figure=figure, unit=unit, limit=limit, target=f"≥ {share:.0%}", met=figure >= share * limit)
    )


def at_least_figure(work: str, figure: float, unit: str, *, least: float) -> Row:
    return say_progress(Row(work=work, figure=figure, unit=unit, target=f"≥ {least:g} {unit}", met=figure >= least))


def at_most(work: str, figure: float, unit: str, *, most: float) -> Row:
    return say_progress(Row(work=work, figure=figure, unit=unit, target=f"≤ {most:g} {unit}", met=figure <= most))


def say_progress(row: Row) -> Row:
    print(f"  {row.work}: {row.figure:,.3g} {row.unit} {row.ratio}", file=sys.stderr, flush=True)
    return row


def show(rows: list[Row], say: Callable[[str], None] = print) -> None:
    head = ("work", "figure", "limit", "ratio", "target", "")
    cells = [
        (
            row.work,
            f"{row.figure:,.3g} {row.unit}" if row.figure < 100 else f"{row.figure:,.0f} {row.unit}",
            f"{row.limit:,.0f}" if row.limit else "",
            row.ratio,
            row.target,
            "met" if row.met else "MISSED",
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    for line in (head, tuple("-" * width for width in widths), *cells):
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
