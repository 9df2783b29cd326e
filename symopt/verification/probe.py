"""Probes: a start and prescribed gradients, chosen so that rival rules come apart."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from symopt.verification.implementation import Observation

__all__ = ["Probe", "as_probe", "further_probes", "long_probe", "standard_probes"]


@dataclass(frozen=True)
class Probe:
    """A start and the gradients of each step, all representable in binary32.

    ``start`` has one number per coordinate, ``gradients`` one row per step.
    """

    name: str
    start: tuple[Fraction, ...]
    gradients: tuple[tuple[Fraction, ...], ...]

    @property
    def steps(self) -> int:
        return len(self.gradients)

    @property
    def size(self) -> int:
        return len(self.start)

    def shortened(self, steps: int) -> Probe:
        """The same probe with fewer steps."""
        return Probe(self.name, self.start, self.gradients[:steps])

    def coordinate(self, index: int) -> Probe:
        """The probe of one coordinate alone."""
        rows = tuple((row[index],) for row in self.gradients)
        return Probe(f"{self.name}, coordinate {index}", (self.start[index],), rows)


def _dyadic(seed: int, count: int, bits: int = 11) -> list[Fraction]:
    """Numbers in [1/2, 1) with ``bits`` bits, from a small linear congruence: the same always."""
    state = seed * 2654435761 % 2**32
    values = []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        values.append(Fraction(2 ** (bits - 1) + (state >> 12) % 2 ** (bits - 1), 2**bits))
    return values


def _rows(seed: int, scales: list[tuple[int, ...]]) -> tuple[tuple[Fraction, ...], ...]:
    """Gradients of prescribed binary exponents, with signs that change and do not alternate."""
    size = len(scales[0])
    numbers = iter(_dyadic(seed, size * len(scales)))
    signs = [(1, 1), (-1, 1), (1, -1), (1, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)]
    return tuple(
        tuple(
            signs[row % len(signs)][index % 2] * next(numbers) * Fraction(2) ** exponent
            for index, exponent in enumerate(exponents)
        )
        for row, exponents in enumerate(scales)
    )


def standard_probes(epsilon: Fraction | None = None, size: int = 2) -> tuple[Probe, ...]:
    """The probes that every check starts with.

    - *unit*: gradients of order 1 from a start that is neither 0 nor 1 (w0 = 1 hides weight decay
      applied to 1 instead of w);
    - *small*: gradients of the order of epsilon from 0, where the last subtraction is exact and
      the place of epsilon shows in every digit;
    - *spread*: gradients over twelve orders of magnitude.

    >>> [probe.steps for probe in standard_probes()]
    [8, 8, 8]
    """
    level = (
        -27 if not epsilon else (epsilon.numerator.bit_length() - epsilon.denominator.bit_length())
    )
    level = max(-60, min(level, 3))

    def shape(*pairs: tuple[int, int]) -> list[tuple[int, ...]]:
        return [tuple(pair[index % 2] for index in range(size)) for pair in pairs]

    unit = shape((1, 0), (0, 2), (1, 1), (-1, 0), (0, -2), (2, 1), (0, 0), (1, -1))
    small = [tuple(level + shift + (index % 2) * 2 for index in range(size))
             for shift in (0, 1, -1, 0, 2, 0, -2, 1)]  # fmt: skip
    spread = shape((0, -20), (-10, 3), (6, -14), (-18, 0), (3, -8), (-4, 10), (9, -3), (-20, 5))
    away = _away(size)
    return (
        Probe("unit", away, _rows(1, unit)),
        Probe("small", (Fraction(0),) * size, _rows(2, small)),
        Probe("spread", away, _rows(3, spread)),
    )


def further_probes(size: int = 2) -> tuple[Probe, ...]:
    """Probes for what the standard ones cannot show.

    - *resting*: gradients that vanish, from the start and later;
    - *long*: steps enough for thresholds that a counter passes late (RAdam with beta2 near 1),
      and sizes near each other, so that now and then a sign is decided by how the old is weighed
      against the new (Lion).

    >>> [(probe.name, probe.steps) for probe in further_probes()]
    [('resting', 8), ('long', 40)]
    """
    resting = tuple(
        tuple(value if (row + index) % 3 == 1 else Fraction(0) for index, value in enumerate(line))
        for row, line in enumerate(_rows(5, _round(8, size, 0, 1, -1)))
    )
    return Probe("resting", _away(size), resting), long_probe(6, size)


def long_probe(seed: int, size: int = 2) -> Probe:
    """Forty gradients of near sizes; another seed gives other numbers, the same each time."""
    rows = _rows(seed, _round(40, size, 0, 1, -2, -1, 2))
    return Probe(f"long, seed {seed}" if seed != 6 else "long", _away(size), rows)


def _away(size: int) -> tuple[Fraction, ...]:
    starts = [Fraction(3), Fraction(-5, 4), Fraction(9, 8), Fraction(-2)]
    return tuple(starts[index % len(starts)] for index in range(size))


def _round(count: int, size: int, *pattern: int) -> list[tuple[int, ...]]:
    """Exponents that go round a pattern, shifted from coordinate to coordinate."""
    length = len(pattern)
    return [tuple(pattern[(row + 3 * i) % length] for i in range(size)) for row in range(count)]


def as_probe(name: str, seen: Observation) -> Probe:
    """What an oracle answered in a run, as a probe that prescribes the same answers."""
    rows = [question.answer for question in seen.questions] or [seen.points[0] * 0]
    return Probe(
        name,
        tuple(Fraction(float(value)) for value in seen.points[0]),
        tuple(tuple(Fraction(float(value)) for value in row) for row in rows),
    )
