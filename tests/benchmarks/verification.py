"""Verdicts: on whole arrays, and on whole implementations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import symopt
from symopt.verification.screen import screen_step

from .problem import SETTINGS, tutorial_adam
from .tables import Results, Table
from .timing import interleave

__all__ = ["add_tables"]

ADAM = SETTINGS["adam"]


def _one_step(count: int, dtype: Any) -> tuple[Any, ...]:
    """Parameters, gradients and moments over many magnitudes, and Adam's seventh step by hand."""
    rng = np.random.default_rng(0)
    g = rng.standard_normal(count) * 10.0 ** rng.uniform(-9, 6, count)
    g[rng.random(count) < 0.05] = 0
    x = rng.standard_normal(count) * 10.0 ** rng.uniform(-6, 2, count)
    x, g, m, v = (a.astype(dtype) for a in (x, g, g * rng.uniform(-1, 1, count), g**2))
    c = np.dtype(dtype).type
    m_new = c(0.9) * m + c(1 - 0.9) * g
    v_new = c(0.999) * v + c(1 - 0.999) * (g * g)
    root = np.sqrt(v_new / c(1 - 0.999**7))
    return x, g, m, v, x - c(1e-3) * (m_new / c(1 - 0.9**7)) / (root + c(1e-8))


def screened(count: int, dtype: Any) -> Callable[[], Any]:
    x, g, m, v, after = _one_step(count, dtype)

    def run() -> Any:
        made = screen_step("adam", x, g, after, {"m": m, "v": v}, t=7, **ADAM)
        assert made.status == "consistent", str(made)
        return made

    return run


def _by_hand(df: Callable[..., Any], start: Any, steps: int) -> Any:
    return tutorial_adam(lambda *x: df(np.array(x)), start, steps, ADAM)


def add_tables(results: Results, quick: bool = False) -> None:
    rounds = 1 if quick else 5
    rows = []
    for count in (1000,) if quick else (1000, 10_000, 100_000, 1_000_000):
        runs = {name: screened(count, getattr(np, name)) for name in ("float32", "float64")}
        timed = interleave(runs, rounds, time.perf_counter, least=0.0)
        for name, timing in timed.items():
            made = runs[name]()
            results.numbers[f"screen {name} {count}, s"] = timing.median
            each = timing.median / count * 1e9
            left = made.decided_by_balls
            rows.append([count, name, timing.median, *timing.quartiles, each, left])
    columns = ["elements", "dtype", "s", "from", "to", "ns an element", "left to balls"]
    title = "Rounding screened: one step of Adam on an array, every element against its bound"
    results.add(Table(title, columns, rows))
    implementation = symopt.Implementation.from_trajectory(_by_hand)
    verdicts = {
        "verify tutorial Adam": lambda: symopt.verify(implementation, "adam", **ADAM).status,
        "verify tutorial Adam as RMSProp": lambda: symopt.verify(implementation, "rmsprop").status,
    }
    timed = interleave(verdicts, 1 if quick else 3, time.process_time, least=0.0, warm_up=0)
    rows = [
        [name, timing.median, *timing.quartiles, verdicts[name]()] for name, timing in timed.items()
    ]
    columns = ["what", "s", "from", "to", "verdict"]
    results.add(Table("Verdicts", columns, rows))
