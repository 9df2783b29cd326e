"""A sweep of five rules on Beale from a grid of starts: 164 million steps of one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

import symopt

from . import c_code, ours
from .batches import BOUND
from .calls import NOTE, least_of_calls
from .problem import CAREFUL, careful
from .race import Candidate, race, with_bound
from .tables import Results

__all__ = ["BY_HAND", "C", "NUMPY", "SERIAL", "THREADS", "add_tables"]

BY_HAND, NUMPY = "careful NumPy, five loops", "symopt.run, NumPy blocks"
SERIAL, THREADS = "symopt.sweep", "symopt.sweep, 2 threads"
PROCESSES = "symopt.sweep, 2 processes"
C = "C, omp simd, 2 threads, five loops"
SETTINGS: dict[str, dict[str, float]] = {
    "gradient_descent": {"eta": 0.001},
    "momentum": {"eta": 0.001, "mu": 0.9},
    "adagrad": {"eta": 0.01, "epsilon": 1e-10},
    "rmsprop": {"eta": 0.001, "rho": 0.9, "epsilon": 1e-8},
    "adam": {"eta": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
}


def _by_hand(starts: np.ndarray, steps: int) -> np.ndarray:
    return np.stack([careful(rule, starts, steps, SETTINGS[rule]) for rule in CAREFUL])


def _by_c(starts: np.ndarray, steps: int) -> Callable[[], np.ndarray]:
    loops = [c_code.batch(2, rule, settings) for rule, settings in SETTINGS.items()]
    return lambda: np.stack([loop(starts, steps) for loop in loops])


def _runs(starts: np.ndarray, steps: int) -> np.ndarray:
    return np.stack([
        symopt.run(rule, "beale", starts, steps, record="point", backend="numpy", **settings).x[0]
        for rule, settings in SETTINGS.items()
    ])  # fmt: skip


def _sweep(starts: np.ndarray, steps: int, executor: Executor | None) -> np.ndarray:
    rules: dict[str, Any] = dict(SETTINGS)
    made = symopt.sweep(rules, "beale", starts, steps, executor=executor)
    return np.stack([made[rule, "beale"].x.reshape(-1, 2) for rule in SETTINGS])


def _square(count: int) -> np.ndarray:
    side = np.linspace(-1, 1, count)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def add_tables(results: Results, quick: bool = False) -> None:
    side, steps, rounds = (16, 10, 3) if quick else (256, 500, 5)
    starts = _square(side)
    total = len(starts) * steps * len(SETTINGS)
    with ExitStack() as stack:

        def threads() -> Callable[[], Any]:
            ours.needs_compiled()
            pool = stack.enter_context(ThreadPoolExecutor(2))
            return lambda: _sweep(starts, steps, pool)

        def processes() -> Callable[[], Any]:
            pool = stack.enter_context(ProcessPoolExecutor(2, get_context("spawn")))
            return lambda: _sweep(starts, steps, pool)

        def serial() -> Callable[[], Any]:
            return lambda: _sweep(starts, steps, None)

        table = race(
            results,
            "sweep",
            f"A sweep: {len(SETTINGS)} rules on Beale from {len(starts)} starts, {steps} steps",
            [
                Candidate(BY_HAND, lambda: partial(_by_hand, starts, steps)),
                Candidate(NUMPY, lambda: partial(_runs, starts, steps)),
                Candidate(SERIAL, serial),
                Candidate(THREADS, threads),
                Candidate(PROCESSES, processes),
                Candidate(C, partial(_by_c, starts, steps)),
            ],
            baseline=BY_HAND,
            reference=partial(_runs, starts, steps),
            scale=1e9 / total,
            unit="ns an element and step",
            rounds=rounds,
            clock=time.perf_counter,
            unstable=0.05,  # RMSProp's steps at a valley's floor have the signs of rounding errors
        )
        least = [least_of_calls(rule, settings) for rule, settings in SETTINGS.items()]
        bounded = with_bound(
            table, results, "sweep", BOUND, sum(least) / len(least),
            scale=1e9 / total, baseline=BY_HAND, remark="no starts, no results", note=NOTE,
        )  # fmt: skip
        results.add(bounded)
