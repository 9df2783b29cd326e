"""A kernel as machine code, with the text that it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.derivation.step import Step
from symopt.execution.compiled import REALS, loops_of
from symopt.execution.kernel import build_kernel
from symopt.execution.machine_code import assembly
from symopt.program.printers.python import FLOAT
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["MachineKernel", "machine_kernel"]


@dataclass(frozen=True)
class MachineKernel:
    """The whole loop of one trajectory in binary64, as text of LLVM.

    Called, it takes a start and keyword hyperparameters, and returns the final point.

    >>> import symopt
    >>> k = symopt.kernel("gradient_descent", "half_square", backend="llvm")
    >>> print(*[line.strip() for line in k.source.splitlines() if "fmul" in line], sep="\\n")
    %n8 = fmul double %slot0, %n1
    """

    step: Step
    source: str
    packed: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the recorded quantities, in order."""
        return tuple(self.step.identifier(slot) for slot in self.step.slots)

    @property
    def assembly(self) -> str:
        """The instructions that it becomes on this machine.

        Raises :class:`~symopt.errors.MissingExtraError` where llvmlite is not installed.
        """
        return assembly(self.source, self.packed)

    def __call__(self, x0: Any, *, steps: int, **hyper: float) -> tuple[float, ...]:
        """The point after ``steps`` steps.

        Raises :class:`~symopt.errors.MissingExtraError` where llvmlite is not installed.
        """
        from symopt.execution.run import run

        settings: dict[str, Any] = dict(hyper)
        final = run(self.step.rule, self.step.objective, x0, steps, record="final",
                    backend="llvm", **settings)  # fmt: skip
        return tuple(float(value) for value in final.x[-1])


def machine_kernel(rule: Rule, objective: Objective) -> MachineKernel:
    """The kernel of a rule on an objective; its text needs no compiler."""
    step = build_kernel(rule, objective, FLOAT).step
    loops = loops_of(step, REALS[np.float64], frozenset(step.slots))
    return MachineKernel(step, loops.path(), loops.packed)
