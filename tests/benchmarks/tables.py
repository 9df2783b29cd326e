"""Tables of results, printed as aligned Markdown, and all measures of a run by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .timing import Timing, ratio

__all__ = ["NOT_MEASURED", "Results", "Table", "shown"]

NOT_MEASURED = "not part of this run"


def shown(value: Any) -> str:
    """A cell: numbers to three digits.

    >>> [shown(value) for value in (0.01234, 12345.6, 2.0, None, 7)]
    ['0.0123', '12 300', '2.00', '–', '7']
    """
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    if not value or not 1e-3 <= abs(value) < 1e7:
        return f"{value:.3g}"
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}".replace(",", " ")
    return f"{rounded:.{1 if abs(rounded) >= 10 else 2}f}" if abs(rounded) >= 1 else f"{rounded:g}"


@dataclass(frozen=True)
class Table:
    """Rows under a title; cells are text, numbers, or ``None`` where there is nothing to say."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""

    def __str__(self) -> str:
        cells = [list(self.columns), *[[shown(cell) for cell in row] for row in self.rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        right = [
            any(isinstance(row[i], int | float) for row in self.rows)
            for i in range(len(self.columns))
        ]
        lines = [f"### {self.title}", ""]
        for number, row in enumerate(cells):
            padded = [
                cell.rjust(width) if push else cell.ljust(width)
                for cell, width, push in zip(row, widths, right, strict=True)
            ]
            lines.append(f"| {' | '.join(padded)} |")
            if number == 0:
                rules = [
                    "-" * (width - 1) + (":" if push else "-")
                    for width, push in zip(widths, right, strict=True)
                ]
                lines.append(f"| {' | '.join(rules)} |")
        return "\n".join([*lines, *(["", self.note] if self.note else [])])

    def as_json(self) -> dict[str, Any]:
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "note": self.note}


@dataclass
class Results:
    """Everything that a run measured: the tables, and the measures that targets refer to.

    ``timings`` holds samples by (race, candidate), ``numbers`` single figures by name,
    ``absent`` why a candidate did not run; ``show`` is called with each table when it is there.
    """

    tables: list[Table] = field(default_factory=list)
    timings: dict[tuple[str, str], Timing] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    absent: dict[tuple[str, str], str] = field(default_factory=dict)
    show: Callable[[Table], object] = lambda table: None

    def add(self, table: Table) -> None:
        self.tables.append(table)
        self.show(table)

    def ratio(self, race: str, over: str, under: str, processor: bool = False) -> Timing | None:
        """How many times longer (or more work) one candidate took than another of a race."""
        found = [self.timings.get((race, name)) for name in (over, under)]
        if found[0] is None or found[1] is None:
            return None
        if processor:
            return ratio(found[0].of_processor, found[1].of_processor)
        return ratio(found[0], found[1])

    def why_absent(self, race: str, *names: str) -> str:
        reasons = [self.absent[race, name] for name in names if (race, name) in self.absent]
        return "; ".join(dict.fromkeys(reasons)) or NOT_MEASURED
