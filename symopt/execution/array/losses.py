"""The losses of a run on data, by iteration and by epoch, in the run's own arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.array.batch_run import BatchKernels
from symopt.execution.array.exact import ExactOracle
from symopt.execution.array.exact_run import Oracles
from symopt.execution.array.kernel import array_kernel
from symopt.execution.exact import as_balls, object_array, to_fraction
from symopt.statement.array.batches import Batches

if TYPE_CHECKING:
    from symopt.execution.trajectory import Trajectory

__all__ = ["along_arrays", "losses"]


def along_arrays(run: Trajectory, what: str) -> Any:
    """The value on all data, or the gradient that the next step asks for, at recorded points."""
    objective = run.objective
    if what == "value" or not isinstance(objective, Batches):
        whole = objective.whole if isinstance(objective, Batches) else objective
        if run.x.dtype != object:
            kernel = array_kernel(whole, run.x.dtype.type)
            at = kernel.value_at if what == "value" else kernel.gradient_at
            return np.array([at(point) for point in run.x], run.x.dtype)
        with _exact(run) as (exact, convert, back):
            oracle = ExactOracle(whole, exact)
            function = oracle.value if what == "value" else oracle.gradient
            return back([function(convert(point)) for point in run.x])
    return _of_batches(run, "gradient", [(row, step + 1) for row, step in enumerate(run.recorded)])


def _of_batches(run: Trajectory, what: str, pairs: list[tuple[int, int]]) -> Any:
    """Values or gradients at rows of a run, each of the batch of a step."""
    steps = max(step for _, step in pairs)
    objective: Batches = run.objective
    if run.x.dtype != object:
        kernels = BatchKernels(objective, steps, run.x.dtype.type)
        found = []
        for row, step in pairs:
            kernel = kernels.at(step)
            at = kernel.value_at if what == "value" else kernel.gradient_at
            found.append(at(run.x[row]))
        return np.array(found, run.x.dtype)
    with _exact(run) as (exact, convert, back):
        oracles = Oracles(objective, steps, exact)
        return back([getattr(oracles.at(step), what)(convert(run.x[row])) for row, step in pairs])


@contextmanager
def _exact(run: Trajectory) -> Iterator[tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]]:
    """The arithmetic of an exact run, with the ways of its numbers in and out."""
    exact = numbers.rational() if run.arithmetic == "rational" else numbers.ball()

    def convert(point: Any) -> list[Any]:
        return [exact.convert(v) if isinstance(v, Fraction) else v for v in point]

    def back(rows: list[Any]) -> Any:
        flat = [v for row in rows for v in row] if isinstance(rows[0], list) else rows
        made = (
            object_array([to_fraction(value) for value in flat])
            if run.arithmetic == "rational"
            else as_balls(flat)
        )
        return made.reshape(len(rows), -1) if isinstance(rows[0], list) else made

    with numbers.precision(run.precision):
        yield exact, convert, back


def losses(run: Trajectory, by: str = "iteration", of: str = "mean") -> Any:
    """The losses of a run in batches.

    ``by="iteration"`` gives the loss of each step's batch at the point before the step, as a
    training loop prints it. ``by="epoch"`` gives one number for each whole epoch: the ``"mean"``
    of its iterations' losses, or the loss on the ``"whole"`` data after it.

    Raises :class:`~symopt.errors.InputError` where not every step was recorded.
    """
    for value, known, what in ((by, ("iteration", "epoch"), "by"), (of, ("mean", "whole"), "of")):
        if value not in known:
            raise InputError(f"no {what}={value!r}; there are {', '.join(map(repr, known))}")
    objective = run.objective
    if not isinstance(objective, Batches):
        raise InputError(
            f"{objective.name} is not in batches: give .batches(size=...) of a bound objective, or "
            "read .values"
        )
    if run.recorded != tuple(range(run.steps + 1)):
        raise InputError("losses need every step: run with record='all'")
    size = objective.per_epoch
    if by == "epoch" and run.steps < size:
        raise InputError(f"{run.steps} steps are no whole epoch, which is {size} steps")
    if by == "epoch" and of == "whole":
        return run.values[size::size]
    each = _of_batches(run, "value", [(step - 1, step) for step in range(1, run.steps + 1)])
    if by == "iteration":
        return each
    count = run.steps // size
    table = each[: count * size].reshape(count, size)
    if run.arithmetic == "ball":
        with numbers.precision(run.precision):
            return table.sum(axis=1) / size
    return table.sum(axis=1) / (size if table.dtype == object else table.dtype.type(size))
