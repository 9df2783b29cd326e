"""Pictures of runs, with matplotlib: paths on contours, losses, surfaces.

Every function takes ``ax=`` and returns the axes it drew on; without ``ax`` it makes a figure of
its own, with no use of pyplot and its global state. Matplotlib is imported on first use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.trajectory import Trajectory, as_floats
from symopt.presentation import canvas, drawing
from symopt.presentation.canvas import save
from symopt.presentation.captions import caption
from symopt.statement.library import objectives
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["caption", "losses", "panels", "save", "surface", "trajectory"]


def trajectory(
    *trajectories: Any,
    ax: Axes | None = None,
    window: Sequence[Any] | None = None,
    levels: Sequence[float] | None = None,
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
    objective = _common_objective(runs)
    own = ax is None
    ax = canvas.figure(6.4, 4.8).add_subplot() if ax is None else ax
    intervals = drawing.window_of(objective, runs, window)
    if objective.dimension == 1:
        canvas.curve(ax, objective, intervals)
    else:
        canvas.contours(ax, objective, intervals, levels)
    starts = []
    for index, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        paths = drawing.paths_of(run, intervals)
        text = name + "".join(sorted({f" ({path.ended})" for path in paths if path.ended})[:1])
        for path in paths:
            columns = _columns(objective, path.points)
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
    ax.set_xlim(*intervals[0])
    if objective.dimension == 2:
        ax.set_ylim(*intervals[1])
    ax.set_xlabel(str(objective.variables[0]))
    ax.set_ylabel(str(objective.variables[1]) if objective.dimension == 2 else "f")
    ax.set_title(objective.title)
    if legend:
        canvas.legend(ax, below=own)
    return ax


def panels(
    *trajectories: Any,
    columns: int | None = None,
    window: Sequence[Any] | None = None,
    levels: Sequence[float] | None = None,
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
        trajectory(run, ax=axes, window=window, levels=levels, legend=False)
        ended = {
            path.ended
            for path in drawing.paths_of(run, drawing.window_of(run.objective, [run], window))
            if path.ended
        }
        axes.set_title("\n".join([name, *sorted(ended)[:1]]), fontsize="medium")
    return figure


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


def surface(
    objective: Objective | str,
    *trajectories: Any,
    ax: Any = None,
    window: Sequence[Any] | None = None,
    heights: tuple[float, float] | None = None,
) -> Any:
    """The objective as a surface in three dimensions, with the paths on it.

    ``heights`` cuts the surface and the paths to an interval of f. Paths end where they leave the
    box; the legend says so.

    >>> import symopt
    >>> axes = surface("saddle", symopt.run("momentum", "saddle", steps=40), heights=(-3, 2))
    >>> tuple(float(end) for end in axes.get_zlim())
    (-3.0, 2.0)

    Raises :class:`~symopt.errors.InputError` unless the objective has two variables.
    """
    stated = objectives.resolve(objective)
    runs = drawing.flat(trajectories)
    own = ax is None
    if stated.dimension != 2 or any(run.objective.dimension != 2 for run in runs):
        raise InputError(f"surface() draws two variables; {stated.name} has {stated.dimension}")
    ax = canvas.figure(6.8, 5.4).add_subplot(projection="3d") if ax is None else ax
    intervals = drawing.window_of(stated, runs, window)
    first, second, values = drawing.grid(stated, intervals, 81)
    low, high = heights or (float(np.nanmin(values)), float(np.nanmax(values)))
    if not low < high:
        raise InputError(f"heights needs an interval (low, high), not {heights!r}")
    shown = np.where((values >= low) & (values <= high), values, np.nan)
    ax.plot_surface(
        first, second, shown, cmap=canvas.background(), vmin=low, vmax=high, rcount=60, ccount=60,
        alpha=0.65, linewidth=0.2, edgecolor="#9db1c5",
    )  # fmt: skip
    bounds = (*intervals, (low, high))
    for index, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        text = name
        for path in drawing.paths_of(run, intervals):
            points = np.column_stack(
                [path.points, drawing.values_on(stated, path.points[:, 0], path.points[:, 1])]
            )
            inside = np.array(
                [all(a <= v <= b for v, (a, b) in zip(p, bounds, strict=True)) for p in points]
            )
            count = len(points) if inside.all() else int(np.argmin(inside))
            if count < len(run.recorded) and text != "_nolegend_":
                reason = f"diverges at step {run.diverged_at}, " if run.diverged_at else ""
                text += f" ({reason}leaves the box after step {max(count - 1, 0)})"
            look = {**drawing.style(index), "markersize": 2.5}
            ax.plot(*points[:count].T, label=text, zorder=10, **look)
            text = "_nolegend_"
    ax.set_xlim(*intervals[0])
    ax.set_ylim(*intervals[1])
    ax.set_zlim(low, high)
    ax.set_xlabel(str(stated.variables[0]))
    ax.set_ylabel(str(stated.variables[1]))
    ax.set_zlabel("f")
    ax.set_title(stated.title)
    if runs:
        canvas.legend(ax, below=own)
    return ax


def _common_objective(runs: Sequence[Trajectory]) -> Objective:
    if not runs:
        raise InputError("a plot needs at least one trajectory; make one with symopt.run")
    objective = runs[0].objective
    for run in runs:
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


def _columns(objective: Objective, points: drawing.Array) -> list[drawing.Array]:
    if objective.dimension == 2:
        return [points[:, 0], points[:, 1]]
    return [points[:, 0], drawing.values_on(objective, points[:, 0])]


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
