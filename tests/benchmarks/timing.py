"""The one clockwork of all benchmarks: candidates take turns in one process, and keep samples."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Absent", "Timing", "interleave", "ratio"]


class Absent(Exception):
    """A candidate that cannot run here, with the reason."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one call, a sample for each round; and, of the same calls, of processor time.

    >>> Timing((3.0, 1.0, 2.0)).median
    2.0
    """

    samples: tuple[float, ...]
    processor: tuple[float, ...] = ()

    @property
    def of_processor(self) -> Timing:
        """The processor time of all threads: what others do on the machine hardly enters it."""
        return Timing(self.processor)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median."""
        low, high = self.quartiles
        return (high - low) / self.median


def ratio(over: Timing, under: Timing) -> Timing:
    """Ratios round by round: what slows the machine for a while slows both sides of one.

    >>> ratio(Timing((2.0, 8.0)), Timing((1.0, 4.0))).median
    2.0
    """
    pairs = zip(over.samples, under.samples, strict=True)
    return Timing(tuple(a / b for a, b in pairs))


def interleave(
    candidates: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    least: float = 0.005,
    warm_up: int = 1,
) -> dict[str, Timing]:
    """Time candidates in turns, every other round in reverse order.

    Each is called ``warm_up`` times and once more before the first round. In its turn a candidate
    is called again and again for at least ``least`` seconds, and the mean of these calls is one
    sample. ``clock`` is the processor time of this process, or ``time.perf_counter`` where
    threads are to count as what they gain; processor time is kept beside it.
    """
    calls: dict[str, int] = {}
    for name, candidate in candidates.items():
        for _ in range(warm_up):
            candidate()
        began = clock()
        candidate()
        calls[name] = max(1, math.ceil(least / max(clock() - began, 1e-9)))
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    order = list(candidates)
    for _ in range(rounds):
        gc.collect()
        for name in order:
            candidate, count = candidates[name], calls[name]
            before, began = time.process_time(), clock()
            for _ in range(count):
                candidate()
            spent, worked = clock() - began, time.process_time() - before
            samples[name].append((spent / count, worked / count))
        order.reverse()
    return {name: Timing(*zip(*values, strict=True)) for name, values in samples.items()}
