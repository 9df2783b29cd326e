"""Adam on Beale from many starts at once, by time and by memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import c_code, frameworks, lambdified, ours
from .calls import NOTE, least_of_calls
from .child import in_child
from .problem import SETTINGS, batch_starts, careful
from .race import Candidate, race, with_bound
from .tables import Results
from .timing import Absent

__all__ = ["BOUND", "CAREFUL", "LAMBDIFY", "NUMPY", "add_tables", "candidates"]

CAREFUL, LAMBDIFY = "careful NumPy", "lambdify(cse=True), numpy"
NUMPY = "symopt.run, NumPy blocks"
COMPILED, COMPILED_2 = "symopt.run, llvm, 1 thread", "symopt.run, llvm, 2 threads"
FAST_2 = "symopt.run, llvm, fast, 2 threads"
BOUND = "NumPy's calls alone"
C, C_2 = "C, omp simd, 1 thread", "C, omp simd, 2 threads"
OPTAX, TORCH = "optax, vmap and jit, all cores", "torch, fused, 2 threads"

Batch = Callable[[np.ndarray, int], np.ndarray]


def candidates() -> list[Candidate]:
    """``make`` gives functions of the starts and the number of steps."""

    def by_hand() -> Batch:
        return lambda starts, steps: careful("adam", starts, steps, SETTINGS["adam"])

    return [
        Candidate(LAMBDIFY, lambdified.lambdified_batch),
        Candidate(CAREFUL, by_hand),
        Candidate(NUMPY, partial(ours.run_batch, "numpy", 1)),
        Candidate(COMPILED, partial(ours.run_batch, "llvm", 1)),
        Candidate(COMPILED_2, partial(ours.run_batch, "llvm", 2)),
        Candidate(FAST_2, partial(ours.run_batch, "llvm", 2, fast=True)),
        Candidate(C, partial(c_code.batch, 1)),
        Candidate(C_2, partial(c_code.batch, 2)),
        Candidate(OPTAX, frameworks.optax_batch),
        Candidate(TORCH, partial(frameworks.torch_batch, 2)),
    ]


def _applied(candidate: Candidate, starts: np.ndarray, steps: int) -> Candidate:
    def make() -> Callable[[], Any]:
        function = candidate.make()
        return lambda: function(starts, steps)

    return Candidate(candidate.name, make)


def add_tables(results: Results, quick: bool = False) -> None:
    steps, sizes, rounds = (10, (2000,), 3) if quick else (100, (100_000, 1_000_000), 5)
    for size in sizes:
        starts = batch_starts(size)
        peaks = {} if quick else _memory(size, results)
        table = race(
            results,
            f"batch {size}",
            f"A batch: adam on Beale from {size} starts, {steps} steps, last points only",
            [_applied(candidate, starts, steps) for candidate in candidates()],
            baseline=CAREFUL,
            reference=lambda starts=starts: ours.run_batch("numpy", 1)(starts, steps),
            scale=1e9 / size / steps,
            unit="ns an element and step",
            rounds=rounds,
            clock=time.perf_counter,
            extra=lambda name, peaks=peaks: {"peak over resting, MB": peaks.get(name)},
        )
        bounded = with_bound(
            table, results, f"batch {size}", BOUND, least_of_calls("adam", SETTINGS["adam"]),
            scale=1e9 / size / steps, baseline=CAREFUL, remark="no starts, no results", note=NOTE,
        )  # fmt: skip
        results.add(bounded)


def _memory(size: int, results: Results) -> dict[str, float]:
    """Megabytes over resting of each candidate that can run, each in a process of its own."""
    peaks = {}
    for candidate in candidates():
        try:
            candidate.make()
        except Absent:  # the race says why
            continue
        peaks[candidate.name] = in_child("memory", candidate.name, str(size), "10")
        results.numbers[f"memory {size}, {candidate.name}"] = peaks[candidate.name]
    return peaks
