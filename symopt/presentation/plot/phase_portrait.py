"""Phase portraits of one-dimensional runs: where a run is, and how it moves there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError, did_you_mean
from symopt.execution.trajectory import Trajectory, as_floats
from symopt.presentation import canvas, drawing
from symopt.presentation.names import Label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["phase"]


def phase(
    *trajectories: Any, ax: Axes | None = None, against: str = "step", legend: bool = True
) -> Axes:
    """The point of one-dimensional runs against the step they take there, or against a state.

    Parameters
    ----------
    trajectories
        Runs on an objective of one variable that record every step; a batch of starts fills the
        plane.
    against
        ``"step"`` (x after the step minus x), or the name of a state variable such as ``"v"``.

    >>> import symopt
    >>> axes = phase(symopt.run("momentum", "half_square", ("1",), 40, eta="1/10"), against="v")
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('w', 'v')

    Raises :class:`~symopt.errors.InputError` for more than one variable, an unknown state, and
    runs of which some steps are not recorded.
    """
    runs = drawing.flat(trajectories)
    if not runs:
        raise InputError("phase() needs at least one trajectory; make one with symopt.run")
    own = ax is None
    ax = canvas.figure(6.4, 4.8).add_subplot() if ax is None else ax
    for index, (run, name) in enumerate(zip(runs, drawing.labels(runs), strict=True)):
        text = name + (f" (diverges at step {run.diverged_at})" if run.diverged_at else "")
        for points, motion in _lanes(run, against):
            count = _shown(points, motion)
            look = {**drawing.style(index), "linewidth": 0.9}
            ax.plot(points[:count], motion[:count], label=text, zorder=4, **look)
            ax.plot(
                points[:1], motion[:1], linestyle="none", marker="o", markersize=8, color="white",
                markeredgecolor="black", zorder=5,
                label="start" if text == name and not index else "_nolegend_",
            )  # fmt: skip
            text = "_nolegend_"
    variables = {str(run.objective.variables[0]) for run in runs}
    letter = variables.pop() if len(variables) == 1 else "x"
    ax.set_xlabel(letter)
    ax.set_ylabel("step taken" if against == "step" else Label(against).unicode)
    titles = {run.objective.title for run in runs}
    ax.set_title(f"Phase portrait on {titles.pop()}" if len(titles) == 1 else "Phase portrait")
    ax.axhline(0, color="#bccad8", linewidth=0.8, zorder=1)
    ax.grid(True, color="#d9e2ea", linewidth=0.6)
    if legend:
        canvas.legend(ax, below=own)
    return ax


def _lanes(run: Trajectory, against: str) -> list[tuple[drawing.Array, drawing.Array]]:
    """For each start the points and what they are drawn against."""
    if run.objective.dimension != 1:
        raise InputError(
            f"a phase portrait shows one variable; {run.objective.name} has "
            f"{run.objective.dimension}: use trajectory()"
        )
    if run.recorded != tuple(range(run.steps + 1)):
        raise InputError("a phase portrait needs every step; run with record='all'")
    points = as_floats(run.x).reshape(run.steps + 1, -1)
    if against == "step":
        with np.errstate(invalid="ignore", over="ignore"):
            return [(lane[:-1], np.diff(lane)) for lane in points.T]
    if against not in run.state:
        raise InputError(
            f"against: {run.rule.name} has no state {against!r}, but "
            + ", ".join(map(repr, run.state))
            + "; or 'step'."
            + did_you_mean(against, run.state)
        )
    state = as_floats(run.state[against]).reshape(run.steps + 1, -1)
    return [(points[:, lane], state[:, lane % state.shape[1]]) for lane in range(points.shape[1])]


def _shown(points: drawing.Array, motion: drawing.Array) -> int:
    """How many steps are drawn: those before a diverging run leaves every scale."""
    size = 1e3 * (1 + max(abs(points[0]), abs(motion[0])))
    with np.errstate(invalid="ignore"):
        near = (np.abs(points) < size) & (np.abs(motion) < size)
    return len(near) if near.all() else int(np.argmin(near))
