"""One part of a sweep, run: from text to arrays, on whatever machine."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from symopt.execution.arithmetic import nearest
from symopt.execution.run import run
from symopt.execution.sweep.plan import Task, setting_from
from symopt.execution.trajectory import Trajectory
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import objective_from, rule_from

__all__ = ["Numbers", "run_task"]

#: Numbers of a history that is held to find the best value of each run.
_HISTORY = 1 << 20
#: What a part gives: one array of shape (settings, starts, ...) for each quantity.
Numbers: TypeAlias = dict[str, Any]


def run_task(task: Task) -> Numbers:
    """What is kept of every run of a part."""
    rule, objective = _rule(task.rule), _objective(task.objective)
    points = task.starts.at(np.arange(task.starts.count))
    fixed: dict[str, Any] = {name: setting_from(text) for name, text in task.fixed}
    shape = tuple(len(values) for _, values in task.axes)
    settings = range(task.first, task.last)
    whole = (len(settings), len(points))
    arrays = task.kept.empty(whole, objective.dimension, task.arithmetic)
    follows = task.kept.best or task.kept.threshold is not None
    width = max(1, _HISTORY // (task.steps * points.shape[1])) if follows else len(points)
    for row, number in enumerate(settings):
        place = np.unravel_index(number, shape) if shape else ()
        chosen: dict[str, Any] = {
            name: setting_from(values[int(index)])
            for (name, values), index in zip(task.axes, place, strict=True)
        }
        for first in range(0, len(points), width):
            span = slice(first, first + width)
            made = run(
                rule, objective, points[span], task.steps, task.arithmetic,
                record="all" if follows else "point", **fixed, **chosen,
            )  # fmt: skip
            _fill({name: array[row, span] for name, array in arrays.items()}, made, task)
    return arrays


def _fill(arrays: Numbers, made: Trajectory, task: Task) -> None:
    """Put what is kept of a batch into its place."""
    x, f = made.x[-1], made.values[-1]
    arrays["x"][...], arrays["f"][...] = x, f
    arrays["diverged"][...] = ~(np.isfinite(x).all(axis=-1) & np.isfinite(f))
    if task.kept.best:
        values = np.where(np.isnan(made.values), np.inf, made.values)
        arrays["best"][...] = values.min(axis=0)
        arrays["best_at"][...] = values.argmin(axis=0)
    if task.kept.threshold is not None:
        below = made.values <= np.float64(nearest(task.kept.threshold))
        arrays["reached"][...] = np.where(below.any(axis=0), below.argmax(axis=0), -1)


@lru_cache(maxsize=64)
def _rule(text: str) -> Rule:
    return rule_from(json.loads(text))


@lru_cache(maxsize=64)
def _objective(text: str) -> Objective:
    return objective_from(json.loads(text))
