"""An objective as a surface in three dimensions, with the paths on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.presentation import canvas, drawing
from symopt.statement.library import objectives
from symopt.statement.objective import Objective

__all__ = ["ground", "surface"]

#: Points of the mesh along each side.
_MESH = 61


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
    drawing.refuse_undrawable(runs, intervals)
    low, high = ground(ax, stated, intervals, heights)
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
            look = {**drawing.style(index), "markersize": 4.5, "linestyle": drawing.dashes(index)}
            every = max(1, count // 12)
            ax.plot(*points[:count].T, label=text, zorder=10, markevery=every, **look)
            text = "_nolegend_"
    if runs:
        canvas.legend(ax, below=own)
    return ax


def ground(
    ax: Any,
    objective: Objective,
    window: drawing.Window,
    heights: tuple[float, float] | None,
) -> tuple[float, float]:
    """The surface alone, and the interval of f that it shows."""
    first, second, values = drawing.grid(objective, window, _MESH)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise InputError(f"{objective.name} has no finite value in the window; choose another one")
    try:
        low, high = map(float, heights or (finite.min(), finite.max()))
    except (TypeError, ValueError):
        low = high = 0.0
    if not low < high:
        raise InputError(f"heights needs an interval (low, high), not {heights!r}")
    shown = np.where((values >= low) & (values <= high), values, np.nan)
    ax.plot_surface(
        first, second, shown, cmap=canvas.background(), vmin=low, vmax=high, rcount=_MESH,
        ccount=_MESH, alpha=0.65, linewidth=0.2, edgecolor="#9db1c5",
    )  # fmt: skip
    ax.set_xlim(*window[0])
    ax.set_ylim(*window[1])
    ax.set_zlim(low, high)
    ax.set_xlabel(str(objective.variables[0]))
    ax.set_ylabel(str(objective.variables[1]))
    ax.set_zlabel("f")
    ax.set_title(objective.title)
    return low, high
