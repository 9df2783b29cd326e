"""The trajectory as a table: exact or certified, with the binary64 run measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Symbol

from symopt.errors import BudgetError, UndecidedError, UndefinedError
from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.presentation.document import Block, Math, Paragraph, Section, Table, math, spans
from symopt.presentation.figures import figure
from symopt.presentation.names import Label
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import t
from symopt.verification.accuracy import accuracy

__all__ = ["TrajectoryTable", "table_section"]

#: The table shows at least this many steps.
TABLE_STEPS = 10
#: Bits that a number of the table may need before enclosures are used instead.
_TABLE_BITS = 60_000


@dataclass(frozen=True)
class TrajectoryTable:
    """The section, and the exact or certified run that it shows, if there is one."""

    section: Section
    exact: Trajectory | None = None


def table_section(
    rule: Rule,
    objective: Objective,
    start: Sequence[Fraction],
    steps: int,
    hyper: dict[str, Any],
) -> TrajectoryTable:
    """The points, the values and the deviation of binary64, step by step."""
    title = spans("The trajectory")
    count = max(steps, TABLE_STEPS)
    try:
        exact = run(
            rule, objective, start, count, "rational", mode="auto", budget=_TABLE_BITS, **hyper
        )
    except (UndefinedError, UndecidedError, BudgetError) as error:
        reason = Paragraph(spans(f"There is no exact trajectory: {error}."))
        return TrajectoryTable(Section(title, (reason,)))
    floats = run(rule, objective, start, count, "float64", **hyper)
    report = accuracy(floats)
    variables = objective.variables[:3]
    header = [
        spans(math(t)),
        *(spans(Math(*_indexed(symbol.name))) for symbol in variables),
        spans(Math("f", "f")),
        spans("float64, ulp"),
    ]
    digits = 12 if len(variables) <= 2 else 8
    rows = []
    for row, step in enumerate(exact.recorded):
        point = exact.x[row] if step else start
        numbers = [*point[: len(variables)], exact.values[row]]
        cells = [spans(Math(str(step), str(step), 0.5 * len(str(step))))]
        cells += [spans(figure(value, digits, telling=False).math) for value in numbers]
        cells.append(spans(_ulp(report.ulp[row])))
        rows.append(tuple(cells))
    table = Table(tuple(header), tuple(rows), "r" * len(header))
    remarks = _table_remarks(exact, report, variables, objective)
    return TrajectoryTable(Section(title, (table, *remarks)), exact)


def _indexed(name: str) -> tuple[str, str, float]:
    label = Label(name, "t")
    return label.latex, label.unicode, label.width


def _ulp(row: Any) -> Math | str:
    known = [float(value) for value in row if not np.isnan(value)]
    if not known:
        return "-"
    text = f"{max(known):.2f}" if max(known) < 1000 else f"{max(known):.3g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return Math(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", text, 4.0)
    return Math(text, text, 0.5 * len(text))


def _table_remarks(
    exact: Any, report: Any, variables: Sequence[Symbol], objective: Objective
) -> list[Block]:
    kind = (
        "The run is exact: every number is a fraction, printed as one while it is short and as "
        "correctly rounded digits from then on."
        if exact.arithmetic == "rational"
        else f"The run is certified: it was made in interval arithmetic of {exact.precision} bits, "
        "and all printed digits are correct."
    )
    parts = list(spans(kind))
    if len(variables) < objective.dimension:
        parts += spans(f" The first {len(variables)} of {objective.dimension} variables are shown.")
    if report.reference is not None and not np.isnan(report.max_ulp):
        parts += spans(
            " The last column compares the binary64 run with the exact run from the very numbers "
            "that it received: the largest deviation of a coordinate in units in the last place. "
            "Its maximum is ", _ulp([report.max_ulp]), f" ulp, at step {report.worst_step}; "
            f"{report.digits:.1f} decimal digits agree.",
        )  # fmt: skip
    if report.reason:
        parts += spans(f" The comparison ends at step {report.compared}: {report.reason}.")
    return [Paragraph(tuple(parts))]
