"""One trajectory by machine code: the same bits as in plain Python, without its time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from symopt.derivation.step import Step
from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.job import Job
from symopt.execution.kernel import compile_source, identifiers, listed, wrapped
from symopt.execution.machine_code import binding, machine_code, vector_size
from symopt.execution.trajectory import Trajectory
from symopt.program.printers.llvm import BINARY32, BINARY64, Real
from symopt.program.printers.llvm_loops import Loops
from symopt.program.printers.python import ARRAY, FLOAT, Printer, is_whole

__all__ = [
    "CHUNK", "REALS", "VECTOR", "Compiled", "follow", "function_of", "loops_of", "refusal",
    "run_compiled", "table_of",
]  # fmt: skip

#: Steps of one call and of one table: between two of them Python may be interrupted.
CHUNK = 1 << 14
#: Bytes of a line of the cache, at whose multiples rows of lanes begin; no vector is longer.
VECTOR = 64
REALS: dict[Any, Real] = {np.float64: BINARY64, np.float32: BINARY32}


@lru_cache(maxsize=256)
def refusal(step: Step, steps: int = 1) -> str | None:
    """Why a step is not compiled, or ``None``."""
    program = step.program
    clock = program.depends_on([("t",)])
    for index, node in enumerate(program.nodes):
        if node.op == "mul" and clock[index] and is_whole(program, index):
            degree = _degree(program, index)
            if steps**degree >= 1 << 53:
                return f"t to the power {degree} is beyond the whole numbers of binary64"
    return None


def _degree(program: Any, index: int) -> int:
    node = program.nodes[index]
    if node.op == "input":
        return 1
    degrees = [_degree(program, arg) for arg in node.args]
    return sum(degrees) if node.op == "mul" else max(degrees, default=0)


@lru_cache(maxsize=256)
def loops_of(
    step: Step, real: Real, lanes: frozenset[Any], fast: bool = False, vector: int = VECTOR
) -> Loops:
    """The loops of one step's program; ``lanes`` are the inputs that differ from lane to lane.

    ``vector`` is how many bytes of lanes are computed at once.
    """
    groups = tuple(len(list(group)) for _, group in groupby(step.slots, key=lambda slot: slot[0]))
    return Loops(step.program, step.slots, ("t",), lanes, groups, real, vector // real.size, fast)


#: The arguments of each function, and before them its result.
_KINDS = {"path": "iiiiiiipppp", "table": "viippp", "blocks": "viiipipp"}


@lru_cache(maxsize=256)
def function_of(loops: Loops, name: str) -> Callable[..., Any]:
    """One of the functions that the loops are printed as, compiled."""
    packed = name == "path" and loops.packed
    return machine_code(getattr(loops, name)(), name, _KINDS[name], packed)


@lru_cache(maxsize=256)
def _fixed_source(step: Step, loops: Loops, plain: bool) -> str:
    """The source of the function from hyperparameters to what holds for a whole run."""
    names = identifiers(step)
    lines, texts = Printer(step.program, FLOAT if plain else ARRAY, names).lines(loops.fixed)
    parameters = [names["hyper", name] for name in step.hyper]
    lines = [*lines, *wrapped(f"    return {listed(texts)}")]
    return "\n".join([*wrapped(f"def fixed({', '.join(parameters)}):"), *lines])


class Compiled:
    """One run's functions, and the numbers that hold for all of it.

    ``lanes`` are the inputs that differ from lane to lane, of one trajectory all slots.
    """

    def __init__(
        self,
        job: Job,
        dtype: type[np.floating[Any]],
        lanes: frozenset[Any] | None = None,
        fast: bool = False,
    ) -> None:
        self.plain = dtype is np.float64
        self.kernel = job.kernel(FLOAT if self.plain else ARRAY)
        step = self.kernel.step
        reason = refusal(step, job.steps)
        if reason is not None:
            raise InputError(
                f"{step.rule.name} on {step.objective.name} is not compiled for {job.steps} steps: "
                f"{reason}; use backend='auto'"
            )
        binding()
        self.job = job
        lanes = frozenset(step.slots) if lanes is None else lanes
        self.loops = loops_of(step, REALS[dtype], lanes, fast, vector_size())
        source = _fixed_source(step, self.loops, self.plain)
        guarded = numbers.guarded() if self.plain else numbers.array(dtype)
        for arithmetic in (numbers.float64(), guarded) if self.plain else (guarded,):
            # What differs from lane to lane enters no number that all share.
            given = [arithmetic.convert(job.fixed.get(name, Fraction(1))) for name in step.hyper]
            try:
                with np.errstate(all="ignore"):
                    values = compile_source(source, arithmetic)(*given)
                break
            except (ZeroDivisionError, OverflowError, ValueError):
                continue
        with np.errstate(all="ignore"):
            self.fixed = np.array(values, dtype)
        self.arithmetic = guarded


def run_compiled(
    job: Job, dtype: type[np.floating[Any]], hyperparameters: Any, fast: bool = False
) -> Trajectory:
    """One trajectory; machine code writes what is recorded into the result's arrays."""
    compiled = Compiled(job, dtype, fast=fast)
    step, loops = compiled.kernel.step, compiled.loops
    point = [compiled.arithmetic.convert(value) for value in job.start]
    with np.errstate(all="ignore"):
        slots = np.array(job.initial(compiled.kernel, compiled.arithmetic, point), dtype)
    begins_finite = bool(np.isfinite(slots).all())
    recorded = job.recorded
    rows = len(recorded)
    room = np.empty(rows * len(slots), dtype)
    columns, before = [], 0
    for group in loops.groups:
        part = room[before * rows : (before + group) * rows].reshape(rows, group)
        columns.append((part, slice(before, before + group)))
        before += group
    for column, own in columns:
        column[0] = slots[own]
    made = follow(job, compiled, slots, room, rows)
    for column, own in columns:
        column[-1] = slots[own]
    names = dict.fromkeys(name for name, _ in step.slots)
    found = {
        name: column[:, 0] if (name, None) in step.slots else column
        for name, (column, _) in zip(names, columns, strict=True)
    }
    x = found["x"]
    state = {symbol.name: found[symbol.name] for symbol in job.rule.state if job.keep_state}
    lost_at = None
    if not begins_finite or made < job.steps:
        seen = all(np.isfinite(array).all() for array in (x, *state.values()))
        lost_at = None if seen else made + 1 if begins_finite else 0
    result = job.trajectory(
        recorded, x, state, arithmetic=dtype.__name__, backend="llvm", diverged_at=lost_at,
        fast=fast, hyperparameters=hyperparameters,
        x0=tuple(Fraction(float(value)) for value in point),
    )  # fmt: skip
    return job.settled(result, compiled.kernel, tuple(slots), compiled.arithmetic)


def follow(job: Job, compiled: Compiled, slots: Any, room: Any, rows: int) -> int:
    """Make all steps; how many were made before a number was infinite or nan.

    ``slots`` are changed; what is recorded goes into the ``rows`` rows of ``room``, from the second
    on, as :meth:`~symopt.program.printers.llvm_loops.Loops.path` lays them out.
    """
    loops, fixed = compiled.loops, compiled.fixed
    path = function_of(loops, "path")
    done = made = 0
    every = job.every
    while done < job.steps:
        last = min(done + CHUNK, job.steps)
        table = table_of(loops, done, last, b"", fixed.tobytes())
        row = done // every + 1 if every else 0
        good = path(
            done, last, row * every, every, row, rows, slots.ctypes.data, fixed.ctypes.data,
            table.ctypes.data, room.ctypes.data,
        )  # fmt: skip
        made += good if made == done else 0
        done = last
    return made


@lru_cache(maxsize=32)
def table_of(loops: Loops, first: int, last: int, alike: bytes, fixed: bytes) -> Any:
    """The rows of some steps: what all lanes read, and the slots alike in all of them.

    ``alike`` and ``fixed`` are the numbers, as they stand in memory: those of the slots before.
    """
    dtype = np.dtype(f"f{loops.real.size}")
    table = np.empty((last - first, len(loops.moving) + len(loops.alike)), dtype)
    if table.size:
        before, row = np.frombuffer(alike, dtype).copy(), np.frombuffer(fixed, dtype)
        function = function_of(loops, "table")
        function(first, last, before.ctypes.data, row.ctypes.data, table.ctypes.data)
    table.flags.writeable = False
    return table
