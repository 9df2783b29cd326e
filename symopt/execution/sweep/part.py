"""One part of a sweep, run: from text to arrays, on whatever machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr

from symopt.execution.arithmetic import round_to
from symopt.execution.reductions import Best, FirstBelow
from symopt.execution.run import run
from symopt.execution.sweep.plan import Task, setting_from
from symopt.execution.trajectory import Trajectory
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import objective_from, rule_from

__all__ = ["Numbers", "run_task"]

#: Starts from which each setting is a batch of its own.
_MANY = 2048
#: What a part gives: one array of shape (settings, starts, ...) for each quantity.
Numbers: TypeAlias = dict[str, Any]


def run_task(task: Task, threads: int | None = None) -> Numbers:
    """What is kept of every run of a part: arrays of shape (settings, starts, ...).

    ``threads`` is how many may share it, by default as many as there are processors.
    """
    rule, objective = _rule(task.rule), _objective(task.objective)
    points = task.starts.all
    fixed: dict[str, Any] = {name: setting_from(text) for name, text in task.fixed}
    settings = task.last - task.first
    arrays = task.kept.empty(
        (settings * len(points),), objective.dimension, np.dtype(task.arithmetic)
    )
    record: list[Any] = ["point", *([Best()] if task.kept.best else [])]
    if task.kept.threshold is not None:
        record.append(FirstBelow(task.kept.threshold))
    for rows, chosen in _together(task, len(points)):
        lanes = (rows[:, None] * len(points) + np.arange(len(points))).ravel()
        own: dict[str, Any] = {
            name: value if isinstance(value, (Fraction, Expr)) else value[lanes // len(points)]
            for name, value in chosen.items()
        }
        begin = points if len(rows) == 1 else points[lanes % len(points)]
        made = run(
            rule, objective, begin, task.steps, task.arithmetic,
            record=record if len(record) > 1 else "point", threads=threads, **fixed, **own,
        )  # fmt: skip
        for name, values in _kept(made, task).items():
            arrays[name][lanes] = values
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
    """What is kept of a batch: a row for the end, one for the best, one for the threshold."""
    x, f = made.x[0], made.values[0]
    found = {"x": x, "f": f, "diverged": ~(np.isfinite(x).all(axis=-1) & np.isfinite(f))}
    if task.kept.best:
        never = made.attained[1] < 0
        found |= {"best": np.where(never, np.inf, made.values[1]), "best_at": made.attained[1]}
    if task.kept.threshold is not None:
        found["reached"] = made.attained[-1]
    return found


@lru_cache(maxsize=64)
def _rule(text: str) -> Rule:
    return rule_from(json.loads(text))


@lru_cache(maxsize=64)
def _objective(text: str) -> Objective:
    return objective_from(json.loads(text))
