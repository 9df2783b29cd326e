"""What happens step by step: losses, the distance to a minimum, the error of rounding."""

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
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.verification.accuracy import Accuracy, accuracy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["distance", "distances", "error", "losses", "minima"]


def losses(*trajectories: Any, ax: Axes | None = None, legend: bool = True) -> Axes:
    """The objective after each step, on a logarithmic scale where all values are positive.

    A run that diverges leaves the picture; the legend gives its step.

    >>> import symopt
    >>> axes = losses(symopt.run("adam", "beale", steps=50))
    >>> axes.get_yscale(), len(axes.lines[0].get_ydata())
    ('log', 51)

    Raises :class:`~symopt.errors.InputError` when no trajectory is given.
    """
    runs = drawing.flat(trajectories)
    if not runs:
        raise InputError("losses() needs at least one trajectory; make one with symopt.run")
    own = ax is None
    ax = canvas.figure(6.4, 4.2).add_subplot() if ax is None else ax
    titles = {run.objective.title for run in runs}
    lanes = [_lanes(run) for run in runs]
    settled = [
        lane
        for run, all_of_it in zip(runs, lanes, strict=True)
        for lane in all_of_it
        if run.diverged_at is None
    ]
    scale = _loss_scale(settled or [lane for all_of_it in lanes for lane in all_of_it])
    names = drawing.labels(runs)
    for index, (run, name, all_of_it) in enumerate(zip(runs, names, lanes, strict=True)):
        text = name
        remarks = [f"diverges at step {run.diverged_at}"] if run.diverged_at is not None else []
        below = [run.recorded[int(np.argmax(lane <= 0))] for lane in all_of_it if (lane <= 0).any()]
        if scale == "log" and below:
            remarks.append(f"f ≤ 0 at step {min(below)}")
        text += f" ({', '.join(remarks)})" if remarks else ""
        for lane in all_of_it:
            marks = canvas.mark_every(len(lane))
            ax.plot(run.recorded, lane, label=text, markevery=marks, **drawing.style(index))
            text = "_nolegend_"
    if scale == "log":
        ax.set_yscale("log", nonpositive="mask")
    elif scale == "symlog":
        start = max(abs(lane[0]) for all_of_it in lanes for lane in all_of_it)
        ax.set_yscale("symlog", linthresh=start or 1.0)
    if settled and len(settled) < sum(map(len, lanes)):
        _limit(ax, np.concatenate(settled), scale)
    ax.set_xlabel("step")
    ax.set_ylabel("f")
    ax.set_title(f"Loss on {titles.pop()}" if len(titles) == 1 else "Loss")
    ax.grid(True, color="#d9e2ea", linewidth=0.6)
    if legend:
        canvas.legend(ax, below=own)
    return ax


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
    for index, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        text = name
        for lane, reached in distances(run, to):
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
    settled = [lane for run in runs if run.diverged_at is None for lane, _ in distances(run, to)]
    if settled and any(run.diverged_at is not None for run in runs):
        calm = np.concatenate(settled)
        if (calm > 0).any():
            _limit(ax, calm[calm > 0], "log")
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


def error(*trajectories: Any, ax: Axes | None = None, legend: bool = True) -> Axes:
    """The error of float runs in ulp, against the exact runs from the same numbers.

    One line for each run: the worst coordinate after each step, on a logarithmic scale. An error
    of exactly zero has no place there; the legend counts such steps.

    Parameters
    ----------
    trajectories
        Float runs, or results of ``symopt.accuracy``.

    >>> import symopt
    >>> axes = error(symopt.run("momentum", "beale", steps=30, eta="1/1000"))
    >>> axes.get_ylabel()
    'error in ulp'

    Raises :class:`~symopt.errors.InputError` for runs that are exact, batches, and runs that no
    exact run can be compared with.
    """
    measured = [
        one if isinstance(one, Accuracy) else accuracy(one, one_step=False)
        for item in trajectories
        for one in ([item] if isinstance(item, Accuracy) else drawing.flat([item]))
    ]
    if not measured:
        raise InputError("error() needs at least one trajectory; make one with symopt.run")
    own = ax is None
    ax = canvas.figure(6.4, 4.2).add_subplot() if ax is None else ax
    runs = [one.trajectory for one in measured]
    for index, (one, name) in enumerate(zip(measured, drawing.labels(runs), strict=True)):
        if np.isnan(one.ulp).all():
            raise InputError(f"{name}: nothing can be compared: {one.reason}")
        known = ~np.isnan(one.ulp).all(axis=1)
        steps = np.array(one.trajectory.recorded)[known]
        worst = np.nanmax(one.ulp[known], axis=1)
        remarks = (
            [f"exact after {int((worst == 0).sum())} of {len(steps)}"] if (worst == 0).any() else []
        )
        if one.reason:
            remarks.append(f"compared to step {one.compared}")
        text = name + "".join(f" ({remark})" for remark in remarks)
        marks = canvas.mark_every(len(steps))
        ax.plot(steps, worst, label=text, markevery=marks, **drawing.style(index))
    ax.set_yscale("log", nonpositive="mask")
    ax.set_xlabel("step")
    ax.set_ylabel("error in ulp")
    titles = {run.objective.title for run in runs}
    kinds = "/".join(dict.fromkeys(run.arithmetic for run in runs))
    where = f" on {titles.pop()}" if len(titles) == 1 else ""
    ax.set_title(f"Error of {kinds} against exact{where}")
    ax.grid(True, color="#d9e2ea", linewidth=0.6)
    if legend:
        canvas.legend(ax, below=own)
    return ax


def _lanes(run: Trajectory) -> list[drawing.Array]:
    """The values of a run, one row for each start; what is not finite becomes nan."""
    values = as_floats(run.values)
    values = np.where(np.isfinite(values), values, np.nan)
    return [values] if values.ndim == 1 else list(values.T)


def _loss_scale(lanes: Sequence[drawing.Array]) -> str:
    """Logarithmic for positive values; for others linear, or its mixture over many magnitudes."""
    values = np.concatenate(lanes)
    values = values[np.isfinite(values)]
    if values.size and (values > 0).all():
        return "log"
    starts = max((abs(lane[0]) for lane in lanes if np.isfinite(lane[0])), default=0.0)
    return "symlog" if values.size and np.abs(values).max() > 1000 * starts > 0 else "linear"


def _limit(ax: Axes, calm: drawing.Array, scale: str) -> None:
    """Limits that the settled runs set, so that a diverging one does not."""
    low, high = float(np.nanmin(calm)), float(np.nanmax(calm))
    if scale == "log":
        ax.set_ylim(low / 2, high * 5)
    else:
        margin = 0.1 * (high - low or 1.0)
        ax.set_ylim(low - margin, high + margin)
