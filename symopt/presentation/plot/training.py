"""The losses of training in batches, by iteration and by epoch, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.trajectory import as_floats
from symopt.presentation import canvas, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["training"]


def training(*trajectories: Any, of: str = "mean") -> Figure:
    """Two panels: the loss of each step's batch, and one loss for each epoch.

    ``of`` says which: the ``"mean"`` of the epoch's iterations, or the loss on the ``"whole"``
    data after it. Losses are drawn on a logarithmic scale where all are positive.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [3]], y=[0, 3, 1])
    >>> figure = training(symopt.run("adam", fit.batches(size=2), [0, 0], 20))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['iteration', 'epoch']

    Raises :class:`~symopt.errors.InputError` without runs, and for runs not in batches.
    """
    runs = drawing.flat(trajectories)
    if not runs:
        raise InputError("training() needs at least one run; make one with symopt.run")
    each = [as_floats(run.losses()) for run in runs]
    epochs = [as_floats(run.losses(by="epoch", of=of)) for run in runs]
    figure = canvas.figure(10.5, 4.2)
    names = drawing.labels(runs)
    said = "mean of its iterations" if of == "mean" else "on all data after it"
    panels = figure.subplots(1, 2)
    for axes, lanes, label, title in (
        (panels[0], each, "iteration", "By iteration: the loss of its batch"),
        (panels[1], epochs, "epoch", f"By epoch: {said}"),
    ):
        positive = all((lane[np.isfinite(lane)] > 0).all() for lane in lanes)
        for index, (lane, name) in enumerate(zip(lanes, names, strict=True)):
            shown = np.where(np.isfinite(lane), lane, np.nan)
            style = drawing.style(index)
            if label == "iteration":
                style |= {"marker": None, "linewidth": 0.9}
            axes.plot(
                np.arange(1, len(lane) + 1), shown, label=name,
                markevery=canvas.mark_every(len(lane)), **style,
            )  # fmt: skip
        if positive:
            axes.set_yscale("log")
        axes.set_xlabel(label)
        axes.set_ylabel("loss")
        axes.set_title(title, fontsize=10)
        axes.grid(True, color="#d9e2ea", linewidth=0.6)
    handles, shown_names = panels[0].get_legend_handles_labels()
    figure.legend(handles, shown_names, loc="outside lower center", ncols=3, fontsize=8)
    titles = {run.objective.title for run in runs}
    if len(titles) == 1:
        figure.suptitle(titles.pop(), fontsize=11)
    return figure
