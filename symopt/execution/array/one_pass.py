"""The last stage of a step as machine code: every array of parameters is read and written once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.array.staged import StagedStep
from symopt.execution.array.loop import vector_loop
from symopt.execution.choice import pays
from symopt.execution.compiled import REALS
from symopt.execution.machine_code import is_kept, machine_code
from symopt.program.printers.llvm import Real, library_calls
from symopt.program.printers.llvm_pass import Pass

__all__ = ["bind_pass", "is_pass_worth_compiling"]

Values = np.ndarray[Any, Any]
#: What a loop calls with the arrays and the numbers of its pass.
Update = Callable[[tuple[Values, ...], tuple[Any, ...]], None]
#: Seconds saved for each operation and byte of an array. Measured on Adam with 203530 parameters.
_SAVED = 0.025e-9


@lru_cache(maxsize=256)
def _function_of(plan: Pass, real: Real) -> Callable[..., None]:
    return machine_code(plan.text(real), "pass", "vip" + "p" * plan.arrays)


def bind_pass(plan: Pass, dtype: type[np.floating[Any]], arrays: Sequence[Values]) -> Update:
    """The pass on vectors of one length, all of which are among ``arrays``.

    Raises :class:`~symopt.errors.MissingExtraError` where llvmlite is not installed.
    """
    function, count = _function_of(plan, REALS[dtype]), len(arrays[0])
    assert all(a.dtype == dtype and a.flags.c_contiguous and len(a) == count for a in arrays)
    address = {id(array): array.ctypes.data for array in arrays}
    numbers = np.empty(len(plan.numbers), dtype)
    row = numbers.ctypes.data

    def update(own: tuple[Values, ...], given: tuple[Any, ...]) -> None:
        numbers[...] = given
        function(count, row, *[address[id(array)] for array in own])

    return update


def is_pass_worth_compiling(
    step: StagedStep, dtype: type[np.floating[Any]], steps: int, size: int
) -> bool:
    """Whether compiled code is at hand, gives the bits of NumPy, and will have done it sooner."""
    real = REALS[dtype]
    scale = _SAVED * real.size * steps * size
    at_most = scale * step.program.operations
    if not pays(at_most, 0, lambda: True) or importlib.util.find_spec("llvmlite") is None:
        return False
    plan = vector_loop(step, one_pass=True).plan
    if plan is None or library_calls(plan.program, plan.inner):
        return False
    operations = len(plan.inner)
    return pays(scale * operations, operations, lambda: is_kept(plan.text(real)))
