"""Statements and results as JSON data, with formulas both as trees and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symopt.cli.output import number
from symopt.errors import InexactError
from symopt.execution.trajectory import Trajectory
from symopt.presentation.notation import plain
from symopt.statement import serialize
from symopt.statement.array.expression import Array
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.system import System

__all__ = ["arrayobjective_data", "objective_data", "rule_data", "system_data", "trajectory_data"]


def rule_data(rule: Rule) -> dict[str, Any]:
    """A rule, with its lines as text of symopt's own language."""
    lines = [
        {"target": str(target), "expression": plain(expression, ascii=True)}
        for target, expression in rule.update
    ]
    defaults = {entry.name: plain(entry.default, ascii=True) for entry in rule.parameters}
    return {**serialize.rule_data(rule), "lines": lines, "defaults": defaults}


def arrayobjective_data(objective: ArrayObjective) -> dict[str, Any]:
    """A model with data, as text of the language of array expressions, with its gradient."""

    def shapes(given: Sequence[Array]) -> dict[str, list[int | str]]:
        return {leaf.name: list(leaf.shape) for leaf in given}

    return {
        "name": objective.name,
        "title": objective.title,
        "source": objective.source.text if objective.source else "",
        "note": objective.note,
        "parameters": shapes(objective.parameters),
        "data": shapes(objective.data),
        "intermediates": {node.name: repr(node.args[0]) for node in objective.intermediates},
        "loss": repr(objective.loss),
        "gradient": {step.target.name: repr(step.result) for step in objective.gradient.steps},
    }


def objective_data(objective: Objective) -> dict[str, Any]:
    """An objective, with its gradient, Hessian and critical points."""
    data = serialize.objective_data(objective)
    size = objective.dimension
    data |= {
        "text": plain(objective.expression, ascii=True),
        "gradient": [plain(part, ascii=True) for part in objective.gradient],
        "hessian": [
            [plain(objective.hessian[i, j], ascii=True) for j in range(size)] for i in range(size)
        ],
    }
    try:
        points = objective.critical_points()
    except InexactError as error:
        return {**data, "critical_points": None, "why_no_critical_points": str(error)}
    data["critical_points"] = [
        {
            "kind": point.kind, "point": [str(value) for value in point.point],
            "value": str(point.value), "approximate": list(point.approximate(15)),
        }
        for point in points
    ]  # fmt: skip
    return data


def system_data(system: System) -> dict[str, Any]:
    """A source system: its runs, printed numbers and claims."""
    return {
        "name": system.name, "title": system.title, "note": system.note,
        "runs": [
            {
                "label": run.label, "rule": run.rule, "objective": str(run.objective),
                "start": list(run.start), "steps": run.steps,
                "hyperparameters": dict(run.hyperparameters), "arithmetic": run.arithmetic,
            }
            for run in system.runs
        ],
        "printed": [
            {
                "run": entry.run, "step": entry.step, "quantity": entry.quantity,
                "coordinate": entry.coordinate, "text": entry.text,
            }
            for entry in system.printed
        ],
        "fits": [
            {
                "label": fit.label, "rule": fit.rule, "model": str(fit.on), "steps": fit.steps,
                "hyperparameters": dict(fit.hyperparameters), "data": fit.made,
            }
            for fit in system.fits
        ],
        "claims": [{"by": claim.by, "text": claim.text} for claim in system.claims],
    }  # fmt: skip


def trajectory_data(run: Trajectory) -> dict[str, Any]:
    """A run with its points, values, gradients and state; exact numbers are text."""
    return {
        "rule": run.rule.name, "objective": run.objective.name, "arithmetic": run.arithmetic,
        "precision": run.precision, "steps": run.steps, "recorded": list(run.recorded),
        "x0": [number(value) for value in run.x0],
        "hyperparameters": {
            name: str(value) for name, value in run.hyperparameters.items()
        },
        "variables": [symbol.name for symbol in run.objective.variables],
        "x": _rows(run.x), "f": _rows(run.values), "gradients": _rows(run.gradients),
        "state": {name: _rows(values) for name, values in run.state.items()},
        "diverged_at": run.diverged_at, "note": run.note,
    }  # fmt: skip


def _rows(values: Any) -> Any:
    """An array of numbers as nested lists."""
    return [_rows(row) if getattr(row, "ndim", 0) else number(row) for row in values]
