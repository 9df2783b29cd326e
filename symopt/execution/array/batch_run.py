"""Runs in mini-batches: the vector loop of a rule around a kernel whose data change each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.execution.array.kernel import ArrayKernel, array_kernel
from symopt.execution.array.run import VectorRun
from symopt.statement.array.batches import Batches
from symopt.statement.rule import Rule

__all__ = ["BatchKernels", "BatchRun"]

Values = np.ndarray[Any, Any]


class BatchKernels:
    """One kernel for each length of batch, filled with the samples of the step in turn.

    All of them read the point and write the gradient where ``kernel``, the one of all samples,
    does.
    """

    def __init__(
        self,
        objective: Batches,
        steps: int,
        dtype: type[np.floating[Any]],
        kernel: ArrayKernel | None = None,
    ) -> None:
        self._objective, self._dtype = objective, dtype
        self._schedule = objective.schedule(steps)
        self._made: dict[int, ArrayKernel] = {}
        whole = objective.whole
        self._axes = {
            leaf.name: leaf.shape.index(whole.samples)
            for leaf in whole.stated.data
            if whole.samples in leaf.shape
        }
        self._kernel = kernel or array_kernel(whole, dtype)

    def at(self, step: int) -> ArrayKernel:
        """The kernel of a step, counted from 1, with the data of its batch."""
        rows = self._schedule[step - 1]
        kernel = self._made.get(len(rows))
        if kernel is None:
            kernel = self._made[len(rows)] = array_kernel(
                self._objective.on(rows), self._dtype, (self._kernel.theta, self._kernel.grad)
            )
        for name, axis in self._axes.items():
            kernel.data[name][...] = np.take(self._kernel.data[name], rows, axis=axis)
        with np.errstate(all="ignore"):
            kernel.prepare()
        return kernel


class BatchRun(VectorRun):
    """A rule on batches: every question of step t is answered by the gradient of batch t."""

    def __init__(
        self,
        rule: Rule,
        objective: Batches,
        start: Values,
        dtype: type[np.floating[Any]],
        fixed: Mapping[str, Fraction],
        schedules: Mapping[Symbol, Expr],
        compiled: bool = False,
    ) -> None:
        super().__init__(rule, objective.whole, start, dtype, fixed, schedules, compiled)
        self._batches = objective

    def run(self, steps: int, record: Callable[[tuple[Any, ...]], None]) -> None:
        """All steps from the start; ``record`` gets all slots after each."""
        kernels = BatchKernels(self._batches, steps, self.dtype, self.kernel)
        step, current = 1, kernels.at(1)

        def gradient() -> None:
            current.compute_gradient()

        def recorded(slots: tuple[Any, ...]) -> None:
            nonlocal step, current
            record(slots)
            step += 1
            if step <= steps:
                current = kernels.at(step)

        self.loop_on(steps, recorded, gradient)
