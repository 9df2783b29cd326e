"""The distance of runs to a minimum, step by step, by exact subtraction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Expr

from symopt.derivation.algebraic import enclosure
from symopt.errors import BudgetError, InexactError, InputError
from symopt.execution.arithmetic import precision
from symopt.execution.trajectory import Trajectory, as_floats, to_float
from symopt.presentation import canvas, drawing
from symopt.presentation.plot.by_step import limit
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["distance", "distances", "minima"]


#: Distances from here on are not drawn: the axis of a diverging run would show nothing else.
_HIGHEST = 1e30


def distance(
    *trajectories: Any, ax: Axes | None = None, to: Sequence[Any] | None = None, legend: bool = True
) -> Axes:
    """How far each run is from a minimum after each step, on a logarithmic scale.

    Parameters
    ----------
    to
        The point; by default, for each run, the minimum of the objective that is nearest to where
        the run ends. Minima are exact, and so is the subtraction: a distance far below the
        resolution of the coordinates is a distance, not noise.

    >>> import symopt
    >>> axes = distance(symopt.run("gradient_descent", "half_square", ("1",), 3, eta="1/2"))
    >>> axes.lines[0].get_ydata().tolist()
    [1.0, 0.5, 0.25, 0.125]

    Raises :class:`~symopt.errors.InputError` where no minimum is known and ``to`` is not given.
    """
    runs = drawing.flat(trajectories)
    if not runs:
        raise InputError("distance() needs at least one trajectory; make one with symopt.run")
    own = ax is None
    ax = canvas.figure(6.4, 4.2).add_subplot() if ax is None else ax
    measured = [distances(run, to) for run in runs]
    names = drawing.labels(runs)
    for index, (run, name, lanes) in enumerate(zip(runs, names, measured, strict=True)):
        text = name
        for whole, reached in lanes:
            lane = np.where(whole < _HIGHEST, whole, np.nan)
            zero = np.flatnonzero(lane == 0)
            remarks = [f"diverges at step {run.diverged_at}"] if run.diverged_at else []
            if zero.size:
                remarks.append(f"exactly there at step {run.recorded[int(zero[0])]}")
            if text != "_nolegend_":
                text += f", to ({', '.join(reached)})" + "".join(f" ({r})" for r in remarks)
            marks = canvas.mark_every(len(lane))
            ax.plot(run.recorded, lane, label=text, markevery=marks, **drawing.style(index))
            text = "_nolegend_"
    ax.set_yscale("log", nonpositive="mask")
    settled = [
        lane
        for run, lanes in zip(runs, measured, strict=True)
        if run.diverged_at is None
        for lane, _ in lanes
    ]
    if settled and any(run.diverged_at is not None for run in runs):
        calm = np.concatenate(settled)
        if (calm > 0).any():
            limit(ax, calm[calm > 0], "log")
    ax.set_xlabel("step")
    ax.set_ylabel("distance to the " + ("minimum" if to is None else "point"))
    titles = {run.objective.title for run in runs}
    ax.set_title(f"Distance on {titles.pop()}" if len(titles) == 1 else "Distance")
    ax.grid(True, color="#d9e2ea", linewidth=0.6)
    if legend:
        canvas.legend(ax, below=own)
    return ax


def distances(
    run: Trajectory, to: Sequence[Any] | None = None
) -> list[tuple[drawing.Array, tuple[str, ...]]]:
    """For each start of a run the distances after its recorded steps, and the point in decimals."""
    candidates = minima(run.objective) if to is None else [_given(run.objective, to)]
    points = as_floats(run.x)
    lanes = [run.x] if points.ndim == 2 else [run.x[:, lane, :] for lane in range(points.shape[1])]
    found = []
    with precision(max(256, run.precision or 0)):
        balls = [[enclosure(part, 256) for part in point] for point in candidates]
        for lane in lanes:
            ends = as_floats(lane)
            finite = ends[np.isfinite(ends).all(axis=1)]
            end = finite[-1] if len(finite) else ends[0]
            away = [
                math.hypot(*(float(a.mid()) - b for a, b in zip(ball, end, strict=True)))
                for ball in balls
            ]
            best = int(np.argmin(away))
            texts = tuple(f"{float(part.mid()):.6g}" for part in balls[best])
            found.append((np.array([_between(row, balls[best]) for row in lane]), texts))
    return found


def _between(row: Any, point: Sequence[Any]) -> float:
    from flint import arb, fmpq

    balls = [
        arb(fmpq(value.numerator, value.denominator)) if isinstance(value, Fraction)
        else value if isinstance(value, arb) else arb(float(value))
        for value in row
    ]  # fmt: skip
    parts = [to_float(value - part) for value, part in zip(balls, point, strict=True)]
    size = math.hypot(*parts)
    return size if math.isfinite(size) else math.nan


def minima(objective: Objective) -> list[tuple[Expr, ...]]:
    """The minima of an objective: all of them exactly, or those that the literature gives exactly.

    Raises :class:`~symopt.errors.InputError` where there are none.
    """
    try:
        found = [point.point for point in objective.critical_points() if point.kind == "minimum"]
    except (InexactError, BudgetError):
        found = [p.point for p in objective.known if p.kind == "minimum" and p.digits is None]
    if not found:
        raise InputError(f"no minimum of {objective.name} is known exactly; give a point with to=")
    return found


def _given(objective: Objective, to: Sequence[Any]) -> tuple[Expr, ...]:
    point = tuple(rational(exact(value, "to")) for value in to)
    if len(point) != objective.dimension:
        raise InputError(
            f"to= has {len(point)} numbers, and {objective.name} {objective.dimension} variables"
        )
    return point
