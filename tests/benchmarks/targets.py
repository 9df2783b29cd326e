"""The targets as data, and what a run measured of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import batches, networks, sweeps, symbolic, trajectories
from .tables import NOT_MEASURED, Results, Table, shown
from .timing import Timing

__all__ = ["TARGETS", "Target", "targets_table"]

Measured = Timing | float | None


@dataclass(frozen=True)
class Target:
    """``measure`` reads the results; met if it is at least, or at most, the figure.

    ``limit`` is what a bound, or C that is written by hand, would have come to in the same run: no
    more can be had on this machine. A target that lies beyond is missed for that reason.
    """

    what: str
    measure: Callable[[Results], Measured]
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "×"
    needs: tuple[str, str, str] | None = None
    limit: tuple[str, Callable[[Results], Timing | None]] | None = None

    @property
    def figure(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        return f"≤ {self.at_most:g} {self.unit}"

    def is_met(self, value: float) -> bool:
        if self.at_least is not None:
            return value >= self.at_least
        assert self.at_most is not None
        return value <= self.at_most

    def row(self, results: Results) -> list[str]:
        measured = self.measure(results)
        if measured is None:
            why = results.why_absent(*self.needs) if self.needs else NOT_MEASURED
            return [self.what, self.figure, "–", why]
        if isinstance(measured, Timing):
            value = measured.median
            low, high = measured.quartiles
            text = f"{shown(value)} {self.unit} ({shown(low)} to {shown(high)})"
        else:
            value = measured
            text = f"{shown(value)} {self.unit}"
        return [
            self.what,
            self.figure,
            text,
            "met" if self.is_met(value) else self._missed(results),
        ]

    def _missed(self, results: Results) -> str:
        name, measure = self.limit or ("", lambda results: None)
        best = measure(results)
        if best is None:
            return "MISSED"
        return f"MISSED; {name}: {shown(best.median)} {self.unit}"


def faster(
    what: str,
    race: str,
    ours: str,
    other: str,
    at_least: float,
    processor: bool = False,
    limit: str | None = None,
) -> Target:
    """``processor``: by processor time, where both sides run on one thread."""
    return Target(
        what,
        lambda results: results.ratio(race, other, ours, processor),
        at_least=at_least,
        needs=(race, other, ours),
        limit=(limit, lambda results: results.ratio(race, other, limit, processor))
        if limit
        else None,
    )


def within(
    what: str, race: str, ours: str, other: str, at_most: float, processor: bool = False
) -> Target:
    return Target(
        what,
        lambda results: results.ratio(race, ours, other, processor),
        at_most=at_most,
        needs=(race, other, ours),
    )


def near(what: str, race: str, ours: str, bound: str, at_most: float) -> Target:
    """A bound is made of least times, and compared with the least."""

    def measure(results: Results) -> Measured:
        found = [results.timings.get((race, name)) for name in (ours, bound)]
        if found[0] is None or found[1] is None:
            return None
        return min(found[0].samples) / min(found[1].samples)

    return Target(what, measure, at_most=at_most, needs=(race, ours, bound))


def number(what: str, name: str, unit: str, at_most: float) -> Target:
    return Target(what, lambda results: results.numbers.get(name), at_most=at_most, unit=unit)


_T, _B = trajectories, batches
_SMALL, _LARGE = "batch 100000", "batch 1000000"
TARGETS: tuple[Target, ...] = (
    within("compiled trajectory against hand-written C, Adam", "adam", _T.BARE, _T.C, 1.1),
    within("the same, against C as gcc contracts it", "adam", _T.BARE, _T.C_CONTRACTED, 1.1),
    near("the same, against the latency bound, least of both", "adam", _T.BARE, _T.BOUND, 1.25),
    faster("compiled trajectory against optax lax.scan", "adam", _T.BARE, _T.OPTAX, 1.7),
    faster("compiled trajectory against torch, analytic", "adam", _T.BARE, _T.ANALYTIC, 1000),
    faster("compiled trajectory against tutorial NumPy", "adam", _T.BARE, _T.TUTORIAL, 300),
    faster("plain-Python kernel against tutorial NumPy", "adam", _T.PYTHON, _T.TUTORIAL, 10),
    faster("plain-Python kernel against torch autograd", "adam", _T.PYTHON, _T.AUTOGRAD, 200),
    faster(
        "NumPy batch against careful NumPy, 1e5", _SMALL, _B.NUMPY, _B.CAREFUL, 1.8, True, _B.BOUND
    ),
    faster(
        "NumPy batch against careful NumPy, 1e6", _LARGE, _B.NUMPY, _B.CAREFUL, 3, True, _B.BOUND
    ),
    faster(
        "NumPy batch against lambdify(cse=True), 1e5",
        _SMALL,
        _B.NUMPY,
        _B.LAMBDIFY,
        5,
        True,
        _B.BOUND,
    ),
    number("NumPy batch, peak memory over resting, 1e6", f"memory 1000000, {_B.NUMPY}", "MB", 20),
    within("compiled batch against C, one core, 1e6", _LARGE, _B.COMPILED, _B.C, 1.15, True),
    within("compiled batch against C, two cores, 1e6", _LARGE, _B.COMPILED_2, _B.C_2, 1.15),
    faster(
        "compiled batch against optax vmap, two cores",
        _LARGE,
        _B.COMPILED_2,
        _B.OPTAX,
        4,
        limit=_B.C_2,
    ),
    faster(
        "NumPy sweep against careful NumPy",
        "sweep",
        sweeps.NUMPY,
        sweeps.BY_HAND,
        2,
        True,
        sweeps.BOUND,
    ),
    faster(
        "compiled sweep on two cores against the same",
        "sweep",
        sweeps.THREADS,
        sweeps.BY_HAND,
        20,
        limit=sweeps.C,
    ),
    *(
        faster(f"network {case.key}, against {way}", case.key, networks.COMPILED, way, 1)
        for case in networks.cases()
        for way in networks.TORCH
    ),
    number("unroll of 50 Adam steps on Beale", f"cold {symbolic.UNROLL}, ms", "ms", 100),
    number("rounding screen of 1e6 elements, float32", "screen float32 1000000, s", "s", 1),
    number("the same, float64 (about a second)", "screen float64 1000000, s", "s", 1.25),
)


def targets_table(results: Results) -> Table:
    """What a run measured of each target; those of tables that it did not make are counted."""
    rows = [target.row(results) for target in TARGETS]
    judged = [row for row in rows if row[-1] != NOT_MEASURED]
    note = f"{len(rows) - len(judged)} targets are not part of this run."
    columns = ["what", "target", "measured (quartiles)", "verdict; what else was measured"]
    return Table("Targets", columns, judged, note if len(judged) < len(rows) else "")
