"""Paths on the contours of an objective: in one picture, or a panel for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from symopt.errors import InputError
from symopt.execution.trajectory import Trajectory
from symopt.presentation import canvas, drawing
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["columns_of", "common_objective", "panels", "scenery", "trajectory"]


def trajectory(
    *trajectories: Any,
    ax: Axes | None = None,
    window: Sequence[Any] | None = None,
    levels: Sequence[float] | None = None,
    highest: Any = None,
    legend: bool = True,
) -> Axes:
    """The paths of one or more runs on the filled contours of their objective.

    The start is a white dot, known minima are starred and known saddles crossed. An objective of
    one variable is drawn as its curve. A path that leaves the window far behind, or diverges, is
    cut, and the legend says so.

    Parameters
    ----------
    trajectories
        Runs on one objective of one or two variables.
    ax
        Where to draw; a new figure by default.
    window
        One interval for each variable; by default the objective's window.
    levels
        Contour levels; by default chosen from f, geometric where it spans magnitudes.
    highest
        Where f is higher, nothing is filled.
    legend
        Whether to draw one.

    >>> import symopt
    >>> axes = trajectory(symopt.run("momentum", "beale", steps=20, eta="0.001"))
    >>> axes.get_xlabel(), len(axes.lines[0].get_xdata())
    ('x1', 21)

    Raises :class:`~symopt.errors.InputError` for runs on different objectives, more than two
    variables, or an unusable window.
    """
    runs = drawing.flat(trajectories)
    objective = common_objective(runs)
    own = ax is None
    ax = canvas.figure(6.4, 4.8).add_subplot() if ax is None else ax
    intervals = drawing.window_of(objective, runs, window)
    drawing.refuse_undrawable(runs, intervals)
    scenery(ax, objective, intervals, levels, highest)
    starts = []
    for index, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        paths = drawing.paths_of(run, intervals)
        text = name + "".join(sorted({f" ({path.ended})" for path in paths if path.ended})[:1])
        for path in paths:
            columns = columns_of(objective, path.points)
            marks = canvas.mark_every(len(path.points))
            ax.plot(*columns, label=text, markevery=marks, zorder=4, **drawing.style(index))
            text = "_nolegend_"
            if len(path.points):
                starts.append(tuple(column[0] for column in columns))
    for number, start in enumerate(dict.fromkeys(starts)):
        ax.plot(
            *[[value] for value in start],
            linestyle="none", marker="o", markersize=8, color="white", markeredgecolor="black",
            zorder=5, label="_nolegend_" if number else "start",
            clip_on=not all(a <= v <= b for v, (a, b) in zip(start, intervals, strict=False)),
        )  # fmt: skip
    canvas.known_points(ax, objective, intervals)
    if legend:
        canvas.legend(ax, below=own)
    return ax


def panels(
    *trajectories: Any,
    columns: int | None = None,
    window: Sequence[Any] | None = None,
    levels: Sequence[float] | None = None,
    highest: Any = None,
) -> Figure:
    """A grid of pictures, one for each run: 2×2 for four.

    >>> import symopt
    >>> runs = [symopt.run(rule, "elongated_bowl", steps=30) for rule in ("momentum", "adagrad")]
    >>> [axes.get_title() for axes in panels(runs).axes]
    ['Momentum', 'AdaGrad']

    Raises :class:`~symopt.errors.InputError` as :func:`trajectory` does.
    """
    runs = drawing.flat(trajectories)
    if not runs:
        raise InputError("panels() needs at least one trajectory; make one with symopt.run")
    width = math.ceil(math.sqrt(len(runs))) if columns is None else columns
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise InputError(f"columns is a positive integer, not {width!r}")
    width = min(width, len(runs))
    height = math.ceil(len(runs) / width)
    figure = canvas.figure(4.4 * width, 3.6 * height)
    titles = {run.objective.title for run in runs}
    if len(titles) == 1:
        figure.suptitle(titles.pop())
    for position, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        axes = figure.add_subplot(height, width, position + 1)
        trajectory(run, ax=axes, window=window, levels=levels, highest=highest, legend=False)
        ended = {
            path.ended
            for path in drawing.paths_of(run, drawing.window_of(run.objective, [run], window))
            if path.ended
        }
        axes.set_title("\n".join([name, *sorted(ended)[:1]]), fontsize="medium")
    return figure


def scenery(
    ax: Axes,
    objective: Objective,
    intervals: drawing.Window,
    levels: Sequence[float] | None = None,
    highest: Any = None,
) -> None:
    """What stands behind the paths: contours, or the curve of one variable, and the axes."""
    if objective.dimension == 1:
        canvas.curve(ax, objective, intervals)
    else:
        canvas.contours(ax, objective, intervals, levels, highest)
        ax.set_ylim(*intervals[1])
    ax.set_xlim(*intervals[0])
    ax.set_xlabel(str(objective.variables[0]))
    ax.set_ylabel(str(objective.variables[1]) if objective.dimension == 2 else "f")
    ax.set_title(objective.title)


def common_objective(runs: Sequence[Trajectory]) -> Objective:
    """The one objective of runs that are drawn in one picture.

    Raises :class:`~symopt.errors.InputError` for none, several, and more than two variables.
    """
    if not runs:
        raise InputError("a plot needs at least one trajectory; make one with symopt.run")
    objective: Objective = runs[0].objective
    for run in runs:
        if isinstance(run.objective, (BoundObjective, Batches)):
            raise InputError(f"{run.objective.name} has no contours to draw paths on; use losses()")
        if (run.objective.expression, run.objective.variables) != (
            objective.expression,
            objective.variables,
        ):
            raise InputError(
                f"one picture shows one objective, not {objective.name} and {run.objective.name}; "
                "use panels() or losses()"
            )
    if objective.dimension > 2:
        raise InputError(
            f"{objective.name} has {objective.dimension} variables; paths are drawn for one or "
            "two, use losses()"
        )
    return objective


def columns_of(objective: Objective, points: drawing.Array) -> list[drawing.Array]:
    """The coordinates to draw; a point of one variable stands on its curve."""
    if objective.dimension == 2:
        return [points[:, 0], points[:, 1]]
    return [points[:, 0], drawing.values_on(objective, points[:, 0])]
