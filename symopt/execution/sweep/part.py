"""One part of a sweep, run: from text to arrays, on whatever machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr

from symopt.execution.arithmetic import nearest, round_to
from symopt.execution.run import run
from symopt.execution.sweep.plan import Task, setting_from
from symopt.execution.trajectory import Trajectory
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import objective_from, rule_from

__all__ = ["Numbers", "run_task"]

#: Numbers of a history that is held to find the best value of each run.
_HISTORY = 1 << 20
#: Starts from which each setting is a batch of its own.
_MANY = 2048
#: What a part gives: one array of shape (settings, starts, ...) for each quantity.
Numbers: TypeAlias = dict[str, Any]


def run_task(task: Task) -> Numbers:
    """What is kept of every run of a part: arrays of shape (settings, starts, ...)."""
    rule, objective = _rule(task.rule), _objective(task.objective)
    points = task.starts.all
    fixed: dict[str, Any] = {name: setting_from(text) for name, text in task.fixed}
    settings = task.last - task.first
    arrays = task.kept.empty(
        (settings * len(points),), objective.dimension, np.dtype(task.arithmetic)
    )
    follows = task.kept.best or task.kept.threshold is not None
    width = max(1, _HISTORY // (task.steps * points.shape[1])) if follows else len(arrays["f"])
    for rows, chosen in _together(task, len(points)):
        lanes = (rows[:, None] * len(points) + np.arange(len(points))).ravel()
        for first in range(0, len(lanes), width):
            here = lanes[first : first + width]
            own: dict[str, Any] = {
                name: value if isinstance(value, (Fraction, Expr)) else value[here // len(points)]
                for name, value in chosen.items()
            }
            # So many lanes begin where a setting does: what is left is whole settings too.
            begin = points if len(here) == len(points) else points[here % len(points)]
            made = run(
                rule, objective, begin, task.steps, task.arithmetic,
                record="all" if follows else "point", **fixed, **own,
            )  # fmt: skip
            for name, values in _kept(made, task).items():
                arrays[name][here] = values
    return {
        name: array.reshape(settings, len(points), *array.shape[1:])
        for name, array in arrays.items()
    }


def _together(task: Task, starts: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Settings that are run at once, and their hyperparameters: one of each, or one per setting.

    With many starts each setting is a batch of its own, which is quicker; schedules have code of
    their own. The bits are the same.
    """
    count = task.last - task.first
    places = np.unravel_index(
        np.arange(task.first, task.last), tuple(len(values) for _, values in task.axes) or (1,)
    )
    dtype = np.dtype(task.arithmetic).type
    groups: dict[tuple[int, ...], list[int]] = {}
    apart = count == 1 or starts >= _MANY
    mixed = [apart or any(text.startswith("[") for text in values) for _, values in task.axes]
    for row in range(count):
        own = tuple(int(place[row]) for place, whole in zip(places, mixed, strict=False) if whole)
        groups.setdefault(own, []).append(row)
    for listed in groups.values():
        rows = np.array(listed)
        chosen: dict[str, Any] = {}
        for (name, values), place, whole in zip(task.axes, places, mixed, strict=False):
            if whole:
                chosen[name] = setting_from(values[int(place[rows[0]])])
            else:
                numbers = np.array([round_to(Fraction(text), dtype) for text in values], dtype)
                chosen[name] = numbers[place]
        yield rows, chosen


def _kept(made: Trajectory, task: Task) -> Numbers:
    """What is kept of a batch."""
    x, f = made.x[-1], made.values[-1]
    found = {"x": x, "f": f, "diverged": ~(np.isfinite(x).all(axis=-1) & np.isfinite(f))}
    if task.kept.best:
        values = np.where(np.isnan(made.values), np.inf, made.values)
        found |= {"best": values.min(axis=0), "best_at": values.argmin(axis=0)}
    if task.kept.threshold is not None:
        below = made.values <= np.float64(nearest(task.kept.threshold))
        found["reached"] = np.where(below.any(axis=0), below.argmax(axis=0), -1)
    return found


@lru_cache(maxsize=64)
def _rule(text: str) -> Rule:
    return rule_from(json.loads(text))


@lru_cache(maxsize=64)
def _objective(text: str) -> Objective:
    return objective_from(json.loads(text))
