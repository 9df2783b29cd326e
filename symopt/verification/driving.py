"""Implementations driven twice: what a verdict may rest on must be repeatable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from symopt.verification.implementation import Observation

__all__ = ["Driven", "drive_twice"]


@dataclass(frozen=True)
class Driven:
    """Named runs, the first of which was made again at the end.

    Where the second time differs from the first it is one more run, and ``repeatable`` is false.
    """

    runs: tuple[tuple[str, Observation], ...]
    repeatable: bool = True

    @property
    def is_single(self) -> bool:
        """Whether every reported point is a binary32 number and some step was taken."""
        points = [run.points for _, run in self.runs]
        with np.errstate(over="ignore"):
            narrow = all(np.array_equal(p, p.astype(np.float32), equal_nan=True) for p in points)
        return narrow and any((p[1:] != p[:-1]).any() for p in points)


def drive_twice(named: list[tuple[str, Callable[[], Observation]]]) -> Driven:
    """Make all runs in order, then the first one once more.

    That shows randomness, and state that one run leaves behind for the next.

    >>> calls = iter([1.0, 2.0])
    >>> one = lambda: Observation(np.array([[0.0], [next(calls)]]), ())
    >>> drive_twice([("noise", one)]).repeatable
    False
    """
    runs = [(name, drive()) for name, drive in named]
    name, drive = named[0]
    again = drive()
    if np.array_equal(runs[0][1].points, again.points, equal_nan=True):
        return Driven(tuple(runs))
    return Driven((*runs, (f"{name}, a second time", again)), repeatable=False)
