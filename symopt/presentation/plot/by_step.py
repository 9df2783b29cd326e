"""The losses of runs, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.trajectory import Trajectory, as_floats
from symopt.presentation import canvas, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["limit", "losses"]


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
        limit(ax, np.concatenate(settled), scale)
    ax.set_xlabel("step")
    ax.set_ylabel("f")
    ax.set_title(f"Loss on {titles.pop()}" if len(titles) == 1 else "Loss")
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


def limit(ax: Axes, calm: drawing.Array, scale: str) -> None:
    """Limits that the settled runs set, so that a diverging one does not."""
    low, high = float(np.nanmin(calm)), float(np.nanmax(calm))
    if scale == "log":
        ax.set_ylim(low / 2, high * 5)
    else:
        margin = 0.1 * (high - low or 1.0)
        ax.set_ylim(low - margin, high + margin)
