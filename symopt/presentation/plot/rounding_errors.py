"""The rounding errors of runs, step by step, in ulp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.presentation import canvas, drawing
from symopt.verification.accuracy import Accuracy, accuracy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error"]


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
