"""Which backend a run takes by itself: the one that will have done it sooner, to the same bits."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from symopt.derivation.step import Step
from symopt.errors import InputError
from symopt.execution.compiled import REALS, loops_of, refusal
from symopt.execution.job import Job
from symopt.execution.lanes import lane_inputs
from symopt.execution.machine_code import is_kept, vector_size
from symopt.program.printers.llvm import LIBRARY

__all__ = ["BACKENDS", "check_backend", "is_worth_compiling", "pays"]

BACKENDS = ("auto", "python", "numpy", "llvm")
#: Seconds for an operation: of plain Python, of NumPy on a number and on an array, for each lane at
#: least, and of machine code on a number and a lane. Measured on Adam on Beale; ratios count.
_PYTHON, _NUMBER, _ARRAY, _LANE = 10e-9, 100e-9, 1e-6, 0.2e-9
_COMPILED, _COMPILED_LANE = 0.6e-9, 0.07e-9
#: Seconds to load the compiler, to compile, and for each operation, and to read compiled code.
_LOADING, _COMPILING, _EACH, _READING = 0.05, 0.03, 0.15e-3, 0.01


def check_backend(backend: str, known: tuple[str, ...] = BACKENDS) -> None:
    """Refuse a backend that there is not.

    >>> check_backend("numba")
    Traceback (most recent call last):
    symopt.errors.InputError: no backend 'numba': machine code is made by 'llvm', which took its ...
    """
    if backend == "numba":
        raise InputError(
            "no backend 'numba': machine code is made by 'llvm', which took its place "
            "(pip install 'symopt[jit]')"
        )
    if backend not in known:
        raise InputError(f"no backend {backend!r}; there are {', '.join(map(repr, known))}")


def is_worth_compiling(job: Job, dtype: type[np.floating[Any]], lanes: int | None) -> bool:
    """Whether compiled code is at hand, gives the same bits, and will have done it sooner."""
    step = job.step
    operations = step.program.operations * job.steps
    if lanes is None:
        gain = (_PYTHON if dtype is np.float64 else _NUMBER) - _COMPILED
    else:
        gain = max(_ARRAY, _LANE * lanes) - _COMPILED_LANE * lanes
    gain *= operations
    if gain < _READING or importlib.util.find_spec("llvmlite") is None:
        return False
    if refusal(step, job.steps) is not None or not _same_bits(job, step, dtype, lanes):
        return False
    size = step.program.operations
    return pays(gain, size, lambda: _is_kept(job, step, dtype, lanes))


def pays(gain: float, operations: int, is_at_hand: Callable[[], bool]) -> bool:
    """Whether machine code of so many operations saves more seconds than it takes to have it."""
    cost = _COMPILING + _EACH * operations
    if "llvmlite" not in sys.modules:
        cost += _LOADING
    elif gain < cost and is_at_hand():
        cost = _READING
    return gain > cost


def _same_bits(job: Job, step: Step, dtype: type[np.floating[Any]], lanes: int | None) -> bool:
    """Whether the other backend calls the C library for what machine code calls it for.

    NumPy does so for the power of a number, and has code of its own for the rest.
    """
    if lanes is None and dtype is np.float64:
        return True
    differs = step.program.depends_on(lane_inputs(step, job.varied))
    pairs = zip(step.program.nodes, differs, strict=True)
    return not any(node.op in LIBRARY and (node.op != "pow" or own) for node, own in pairs)


def _is_kept(job: Job, step: Step, dtype: type[np.floating[Any]], lanes: int | None) -> bool:
    own = frozenset(step.slots) if lanes is None else lane_inputs(step, job.varied)
    loops = loops_of(step, REALS[dtype], own, vector=vector_size())
    return is_kept(loops.path(), loops.packed) if lanes is None else is_kept(loops.blocks())
