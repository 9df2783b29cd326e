"""One part of a sweep, run: from text to arrays, on whatever machine."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from symopt.execution.run import run
from symopt.execution.sweep.plan import Task, setting_from
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import objective_from, rule_from

__all__ = ["Numbers", "run_task"]

#: What a part gives: one array of shape (settings, starts, ...) for each quantity.
Numbers: TypeAlias = dict[str, Any]


def run_task(task: Task) -> Numbers:
    """The last point, its value, and whether the run diverged, for every run of a part."""
    rule, objective = _rule(task.rule), _objective(task.objective)
    points = task.starts.at(np.arange(task.starts.count))
    fixed: dict[str, Any] = {name: setting_from(text) for name, text in task.fixed}
    shape = tuple(len(values) for _, values in task.axes)
    rows: dict[str, list[Any]] = {"x": [], "f": [], "diverged": []}
    for number in range(task.first, task.last):
        place = np.unravel_index(number, shape) if shape else ()
        chosen: dict[str, Any] = {
            name: setting_from(values[int(index)])
            for (name, values), index in zip(task.axes, place, strict=True)
        }
        made = run(
            rule, objective, points, task.steps, task.arithmetic, record="point",
            **fixed, **chosen,
        )  # fmt: skip
        rows["x"].append(made.x[0])
        rows["f"].append(made.values[0])
        finite = np.isfinite(made.x[0]).all(axis=-1) & np.isfinite(made.values[0])
        rows["diverged"].append(~finite)
    return {name: np.stack(values) for name, values in rows.items()}


@lru_cache(maxsize=64)
def _rule(text: str) -> Rule:
    return rule_from(json.loads(text))


@lru_cache(maxsize=64)
def _objective(text: str) -> Objective:
    return objective_from(json.loads(text))
