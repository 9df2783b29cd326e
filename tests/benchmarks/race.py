"""A race: candidates that are checked to compute the same thing, and then take turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .tables import Results, Table, shown
from .timing import Absent, Timing, interleave, ratio

__all__ = ["Candidate", "agreement", "race", "with_bound"]

#: More than what the rounding of all steps comes to is another computation.
_SAME = 1e-6


@dataclass(frozen=True)
class Candidate:
    """What is timed; ``make`` prepares it (imports, compiles) and gives the function to time.

    ``points`` makes what the function returns into the array that is compared.
    """

    name: str
    make: Callable[[], Callable[[], Any]]
    points: Callable[[Any], np.ndarray] = np.asarray


def agreement(found: np.ndarray, reference: np.ndarray, unstable: float = 0.0) -> str:
    """How far two arrays are apart: in bits, in units of the last place, or relatively.

    ``unstable`` is the share of numbers that rounding may carry away where runs are chaotic.

    >>> agreement(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 2**-51]))
    '1 ulp'
    """
    if found.shape != reference.shape:
        raise ValueError(f"wrong: shape {found.shape}, not {reference.shape}")
    if np.array_equal(found, reference):
        return "same bits"
    apart = np.abs(found - reference)
    relative = float(np.max(apart / np.maximum(np.abs(reference), 1e-300)))
    near = float(np.mean(apart <= _SAME * np.maximum(np.abs(reference), 1.0)))
    if not relative <= _SAME and 1.0 - unstable <= near:
        return f"{near:.2%} within {_SAME:g}"
    if not relative <= _SAME:
        raise ValueError(f"wrong: differs by {relative:.1g}")
    units = float(np.max(apart / np.spacing(np.abs(reference))))
    return f"{units:.0f} ulp" if units < 1000 else f"{relative:.0e}"


def race(
    results: Results,
    key: str,
    title: str,
    candidates: list[Candidate],
    *,
    baseline: str,
    reference: Callable[[], np.ndarray],
    scale: float,
    unit: str,
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    unstable: float = 0.0,
    extra: Callable[[str], dict[str, Any]] = lambda name: {},
) -> Table:
    """Check and time the candidates: their table; their samples go into the results.

    ``scale`` makes seconds of a call into the unit; ``extra`` gives more columns. Who computes
    something else is named in the table and not timed.
    """
    expected = reference()
    running: dict[str, Callable[[], Any]] = {}
    remarks: dict[str, str] = {}
    for candidate in candidates:
        try:
            function = candidate.make()
            remarks[candidate.name] = agreement(candidate.points(function()), expected, unstable)
            running[candidate.name] = function
        except (Absent, ValueError) as reason:
            remarks[candidate.name] = str(reason)
            results.absent[key, candidate.name] = str(reason)
    timed = interleave(running, rounds, clock)
    results.timings |= {(key, name): timing for name, timing in timed.items()}
    rows = [
        _row(candidate.name, timed, baseline, scale, remarks[candidate.name], clock, extra)
        for candidate in candidates
    ]
    more = list(extra(baseline))
    work = [] if clock is time.process_time else ["of processor time"]
    last = [*work, *more, "against symopt.run"]
    columns = ["candidate", unit, "quartiles", f"times {baseline}", *last]
    return Table(title, columns, rows)


def with_bound(
    table: Table,
    results: Results,
    key: str,
    name: str,
    bound: float | None,
    *,
    scale: float,
    baseline: str,
    remark: str,
    note: str = "",
) -> Table:
    """A race's table with a bound as its first row, and as a candidate that takes just that long.

    ``bound`` is in the table's unit; ``None`` says that it could not be measured, for the reason
    in ``remark``.
    """
    against = None
    if bound is None:
        results.absent[key, name] = remark
    elif (key, baseline) in results.timings:
        samples = (bound / scale,) * len(results.timings[key, baseline].samples)
        results.timings[key, name] = Timing(samples, samples)
        against = results.ratio(key, name, baseline)
    between = [None] * (len(table.columns) - 5)
    row = [name, bound, None, against and against.median, *between, remark]
    return Table(table.title, table.columns, [row, *table.rows], note)


def _row(
    name: str,
    timed: dict[str, Timing],
    baseline: str,
    scale: float,
    remark: str,
    clock: Callable[[], float],
    extra: Callable[[str], dict[str, Any]],
) -> list[Any]:
    timing = timed.get(name)
    if timing is None:
        empty = [None] * (3 + (clock is not time.process_time) + len(extra(baseline)))
        return [name, *empty, remark]
    low, high = (value * scale for value in timing.quartiles)
    against = ratio(timing, timed[baseline]).median if baseline in timed else None
    quartiles = f"{shown(low)} to {shown(high)}"
    work = [] if clock is time.process_time else [timing.of_processor.median * scale]
    own = [*work, *extra(name).values()]
    return [name, timing.median * scale, quartiles, against, *own, remark]
