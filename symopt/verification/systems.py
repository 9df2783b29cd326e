"""The source systems, reproduced: every printed number beside the exact one.

>>> import symopt
>>> list(symopt.systems)
['N1', 'N2', 'N3a', 'N3b', 'N3c', 'N3d', 'N4', 'N5']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symopt.errors import SymoptError, UndecidedError
from symopt.execution.run import run
from symopt.statement.library import Library
from symopt.statement.system import Printed, System, SystemRun
from symopt.verification.claims import Finding, Runs, printed_value, settle
from symopt.verification.digits import bounds, decimal, within
from symopt.verification.fit_claims import settle_fits as settle_fits
from symopt.verification.fits import FitResult

__all__ = [
    "AGREES", "DIFFERS", "EndPoint", "Reproduction", "Row", "UNRECORDED", "claims_of",
    "reproduce", "systems",
]  # fmt: skip

AGREES = "agrees to the last printed digit"
UNRECORDED = "the note's print is not recorded"
DIFFERS = "differs"
UNDECIDED = "undecided"

systems: Library[System] = Library(System, "systems")


@dataclass(frozen=True)
class Row:
    """One printed number beside what this package computes in its place.

    Where the note's print is not recorded, ``UNRECORDED`` is the verdict.

    ``float64`` and ``native`` are the rule in binary64 and in the arithmetic of the note,
    ``exact`` the rule in exact arithmetic to 25 digits, and the verdict compares the print with
    the exact value. ``detail`` says how far off it is and whether rounding explains it.
    """

    printed: Printed
    float64: float
    native: float
    exact: str
    verdict: str
    detail: str = ""

    @property
    def run(self) -> str:
        return self.printed.run

    @property
    def step(self) -> int:
        return self.printed.step

    @property
    def quantity(self) -> str:
        """What was printed, such as ``w`` or ``x[1]``."""
        entry = self.printed
        return entry.what or (
            entry.quantity if entry.quantity == "f" else f"{entry.quantity}[{entry.coordinate}]"
        )


@dataclass(frozen=True)
class EndPoint:
    """Where a run ends: in binary64, and certified to 25 digits.

    ``exact`` and ``value`` are empty when no certified end exists, and ``detail`` says why.
    """

    run: SystemRun
    float64: tuple[float, ...]
    exact: tuple[str, ...]
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Reproduction:
    """A source system computed anew: printed numbers, end points, fits and settled claims."""

    system: System
    rows: tuple[Row, ...]
    ends: tuple[EndPoint, ...]
    findings: tuple[Finding, ...]
    fits: tuple[FitResult, ...] = ()

    def finding(self, text: str) -> Finding:
        """The one finding whose claim contains that text.

        Raises :class:`~symopt.errors.SymoptError` when none or several do.
        """
        matches = [finding for finding in self.findings if text in finding.claim.text]
        if len(matches) != 1:
            raise SymoptError(f"{len(matches)} claims of {self.system.name} contain {text!r}")
        return matches[0]

    def __str__(self) -> str:
        lines = [f"{self.system.name}: {self.system.title}"]
        lines += [
            f"  {row.run}, step {row.step}, {row.quantity}: printed {row.printed.text or '-'}, "
            f"exact {row.exact}: {row.verdict}{' ' * bool(row.detail)}{row.detail}"
            for row in self.rows
        ]
        for end in self.ends:
            where = f"({', '.join(end.exact)}), f = {end.value}" if end.exact else end.detail
            lines.append(f"  {end.run.label}, after {end.run.steps} steps: {where}")
        lines += [f"  {line}" for fit in self.fits for line in str(fit).splitlines()]
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])


def reproduce(system: System | str) -> Reproduction:
    """Run a source system and set each printed number beside the exact one.

    The statement's decimals are exact here (0.01 is 1/100); the float64 and native columns
    compute with the nearest floats, as the note did.

    >>> result = reproduce("N1")
    >>> result.rows[1].printed.text, result.rows[1].exact, result.rows[1].verdict
    ('0.990000', '0.9990000000000000000000000', 'differs')
    >>> print(result.finding("ε inside the root from outside").holds)
    True

    Raises :class:`~symopt.errors.UnknownNameError` for a system that is not stated.
    """
    stated = systems.resolve(system)
    runs = Runs(stated, run)
    ends = tuple(_end(entry, runs) for entry in stated.runs)
    rows = tuple(_row(entry, runs) for entry in stated.printed)
    fits = tuple(runs.fits.result(fit) for fit in stated.fits)
    findings = tuple(settle(claim, runs) for claim in stated.claims)
    return Reproduction(stated, rows, ends, findings, fits)


def claims_of(system: System | str) -> tuple[Finding, ...]:
    """The claims about a source system, settled, without reproducing its numbers.

    >>> [finding.holds for finding in claims_of("N3c")]
    [True]

    Raises :class:`~symopt.errors.UnknownNameError` for a system that is not stated.
    """
    stated = systems.resolve(system)
    runs = Runs(stated, run)
    return tuple(settle(claim, runs) for claim in stated.claims)


def _end(stated: SystemRun, runs: Runs) -> EndPoint:
    floats = runs.get(stated.label, "float64")
    last = tuple(float(value) for value in floats.x[-1])
    if floats.diverged_at is not None:
        detail = f"diverges: float64 leaves its range at step {floats.diverged_at}"
        return EndPoint(stated, last, (), "", detail)
    try:
        balls = runs.get(stated.label, "ball")
    except SymoptError as error:
        return EndPoint(stated, last, (), "", f"no certified end point: {error}")
    return EndPoint(
        stated, last, tuple(decimal(value) for value in balls.x[-1]), decimal(balls.values[-1])
    )


def _row(entry: Printed, runs: Runs) -> Row:
    needed = max(other.step for other in runs.system.printed if other.run == entry.run)
    native_arithmetic = runs.system.run(entry.run).arithmetic
    float64 = float(printed_value(runs.get(entry.run, "float64", needed), entry))
    native = float(printed_value(runs.get(entry.run, native_arithmetic, needed), entry))
    exact = printed_value(runs.get(entry.run, "ball", needed), entry)
    if not entry.text:
        return Row(entry, float64, native, decimal(exact), UNRECORDED)
    try:
        agrees = within(exact, entry.value, entry.half_unit)
    except UndecidedError as error:
        return Row(entry, float64, native, decimal(exact), UNDECIDED, str(error))
    if agrees:
        return Row(entry, float64, native, decimal(exact), AGREES)
    detail = _distance(entry, exact, native, native_arithmetic)
    return Row(entry, float64, native, decimal(exact), DIFFERS, detail)


def _distance(entry: Printed, exact: Any, native: float, arithmetic: str) -> str:
    """How far the print is from the exact value, and whether rounding accounts for it."""
    low, high = bounds(exact)
    units = abs(low - entry.value) / (2 * entry.half_unit)
    distance = f"by {decimal(units, 3)} units of the last digit"
    if within(native, entry.value, entry.half_unit):
        return f"{distance}: rounding, {arithmetic} gives the printed digits"
    if not within(native, (low + high) / 2, entry.half_unit):
        return f"{distance}: rounding decides these digits, {arithmetic} here gives {native!r}"
    return f"{distance}: not by rounding, {arithmetic} gives the exact value's digits"
