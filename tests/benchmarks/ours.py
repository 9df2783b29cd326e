"""The same runs by symopt: through ``symopt.run``, and the generated loops alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np

import symopt
from symopt.execution import arithmetic, compiled
from symopt.execution.inputs import split_hyperparameters
from symopt.execution.job import Job
from symopt.execution.kernel import build_kernel
from symopt.program.printers.python import ARRAY, FLOAT

from .problem import SETTINGS, START
from .timing import Absent

__all__ = ["bare_compiled", "job_of", "kernel_loop", "run_batch", "run_path"]


def needs_compiled() -> None:
    if importlib.util.find_spec("llvmlite") is None:
        raise Absent("llvmlite is not installed")


def run_path(rule: str, steps: int, backend: str, **how: Any) -> Callable[[], np.ndarray]:
    """The public function, everything included: reading its arguments, all state recorded."""
    if backend == "llvm":
        needs_compiled()
    how |= {"backend": backend, **SETTINGS[rule]}
    return lambda: symopt.run(rule, "beale", START, steps, **how).x


def kernel_loop(rule: str, steps: int, scalars: bool) -> Callable[[], Any]:
    """The generated plain Python, whole loop, on floats or on NumPy scalars; a tuple a step."""
    kernel = build_kernel(symopt.rules[rule], symopt.objectives.beale, ARRAY if scalars else FLOAT)
    function = kernel.bind(arithmetic.array(np.float64)) if scalars else kernel.function
    values = [SETTINGS[rule][name] for name in kernel.step.hyper]

    def run() -> list[tuple[float, ...]]:
        rows: list[tuple[float, ...]] = []
        function(*START, *values, steps, rows.append)
        return rows

    return run


def points_of_rows(rows: list[tuple[float, ...]]) -> np.ndarray:
    flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(rows[0]))
    return np.vstack([[START], flat.reshape(len(rows), -1)[:, :2]])


def job_of(rule: str, settings: Mapping[str, float], steps: int) -> Job:
    """What a run on Beale is to do."""
    fixed, schedules = split_hyperparameters(symopt.rules[rule], settings)
    start = tuple(map(Fraction, START))
    return Job(symopt.rules[rule], symopt.objectives.beale, start, steps, 1, fixed, schedules)


def bare_compiled(rule: str, steps: int) -> Callable[[], np.ndarray]:
    """The machine code alone, its tables made beforehand; every slot of every step is written."""
    needs_compiled()
    job = job_of(rule, SETTINGS[rule], steps)
    slots = job.kernel(FLOAT).step.slots
    made = compiled.Compiled(job, np.float64, frozenset(slots), False)
    before = np.zeros(len(slots))
    before[: len(START)] = START
    room = np.empty((steps + 1) * len(slots))
    room[: len(START)] = START

    def run() -> np.ndarray:
        compiled.follow(job, made, before.copy(), room, steps + 1)
        return room[: (steps + 1) * len(START)].reshape(-1, len(START))

    return run


def run_batch(backend: str, threads: int, **how: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    if backend == "llvm":
        needs_compiled()
        how["threads"] = threads

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        made = symopt.run(
            "adam", "beale", starts, steps, record="point", backend=backend, **how,
            **SETTINGS["adam"],
        )  # fmt: skip
        return made.x[0]

    return run
