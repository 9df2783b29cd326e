"""The objective along a trajectory, in the trajectory's own arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from symopt.execution import arithmetic as numbers
from symopt.execution.array.losses import along_arrays
from symopt.execution.exact import as_balls, to_fraction
from symopt.execution.kernel import value_and_gradient
from symopt.execution.trajectory import Trajectory
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective

__all__ = ["evaluate"]


def evaluate(trajectory: Trajectory, what: str) -> Any:
    """The objective's values or gradients along a trajectory, in the trajectory's arithmetic."""
    if isinstance(trajectory.objective, (BoundObjective, Batches)):
        return along_arrays(trajectory, what)
    name = trajectory.arithmetic
    points = trajectory.x
    size = trajectory.objective.dimension
    if name in ("float64", "float32"):
        arithmetic = numbers.array(np.float64 if name == "float64" else np.float32)
        if name == "float64" and points.ndim == 2:
            arithmetic = numbers.guarded()
            points = points.astype(object)
    else:
        arithmetic = numbers.rational() if name == "rational" else numbers.ball()
    value, gradient = value_and_gradient(trajectory.objective, arithmetic)
    function = value if what == "value" else gradient
    if points.dtype != object:
        with np.errstate(all="ignore"):
            parts = function(*[points[..., index] for index in range(size)])
        shape = points.shape[:-1]
        columns = [np.broadcast_to(part, shape).astype(points.dtype) for part in parts]
        return columns[0] if what == "value" else np.stack(columns, axis=-1)
    convert = arithmetic.convert
    rows = []
    with np.errstate(all="ignore"), numbers.precision(trajectory.precision):
        for point in points:
            if name == "float64":
                inputs = [np.float64(value) for value in point]
            else:
                inputs = [convert(v) if isinstance(v, Fraction) else v for v in point]
            rows.append(function(*inputs))
    if name == "float64":
        table = np.array(rows, dtype=np.float64)
    else:
        convert_back = to_fraction if name == "rational" else (lambda item: item)
        table = np.empty((len(rows), len(rows[0])), dtype=object)
        for i, row in enumerate(rows):
            for j, item in enumerate(row):
                table[i, j] = convert_back(item)
        if name == "ball":
            table = as_balls(list(table.flat)).reshape(table.shape)
    return table[:, 0] if what == "value" else table
