"""The search for the best setting: a grid, then finer grids around what was best."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from symopt.errors import BudgetError
from symopt.execution.sweep.values import spaced

__all__ = ["Line", "Outcome", "Point", "lines_of", "search", "significant"]

#: Values of the hyperparameters that are tuned, in the order of the lines.
Point: TypeAlias = tuple[Fraction, ...]
#: Refinement ends where neighbors are this near to each other, relative to the best value.
_NEAR = Fraction(1, 50)
_ROUNDS = 8
#: Values along each line of a finer grid, by the number of lines.
_FINER = {1: 9, 2: 7, 3: 5}


@dataclass(frozen=True)
class Line:
    """One hyperparameter: the values of the first grid, and whether quotients or steps are even."""

    name: str
    values: tuple[Fraction, ...]
    log: bool


@dataclass(frozen=True)
class Outcome:
    """What a search tried, with the score of each setting (lower is better; inf if it failed)."""

    scores: Mapping[Point, float]
    best: Point
    rounds: int
    stopped: str = ""


def lines_of(axes: Mapping[str, Sequence[Fraction]]) -> tuple[Line, ...]:
    """The lines of a first grid, sorted."""
    found = []
    for name, values in axes.items():
        ordered = tuple(sorted(values))
        gaps = [b - a for a, b in itertools.pairwise(ordered)]
        found.append(Line(name, ordered, bool(gaps) and ordered[0] > 0 and gaps[-1] > 2 * gaps[0]))
    return tuple(found)


def search(
    lines: Sequence[Line],
    score: Callable[[Sequence[tuple[Fraction, ...]]], Mapping[Point, float]],
    budget: int,
) -> Outcome:
    """The best of the first grid, and of finer ones between its neighbors, again and again.

    ``score`` is given the values along each line and gives the score of every combination;
    ``budget`` is the largest number of settings.

    >>> (line,) = lines_of({"eta": spaced(0, 1, 5)})
    >>> valley = lambda grid: {(v,): float(abs(v - Fraction(3, 10))) for v in grid[0]}
    >>> search([line], valley, 100).best
    (Fraction(3, 10),)

    Raises :class:`~symopt.errors.BudgetError` where the first grid is over the budget.
    """
    first = math.prod(len(line.values) for line in lines)
    if first > budget:
        raise BudgetError(
            f"the first grid has {first} settings, and the budget is {budget}; give fewer values, "
            "or a larger budget"
        )
    scores = dict(score([line.values for line in lines]))
    known = [set(line.values) for line in lines]
    best = _best(scores)
    rounds, stopped = 1, ""
    while math.isfinite(scores[best]) and rounds < _ROUNDS:
        grid = [
            _finer(line, sorted(values), value, _FINER.get(len(lines), 3))
            for line, values, value in zip(lines, known, best, strict=True)
        ]
        if all(len(values) == 1 for values in grid):
            break
        size = math.prod(map(len, grid))
        if len(scores) + size > budget:
            stopped = f"the budget of {budget} settings ended the search before it was fine"
            break
        scores |= score(grid)
        known = [have | set(values) for have, values in zip(known, grid, strict=True)]
        best = _best(scores)
        rounds += 1
    return Outcome(scores, best, rounds, stopped)


def _best(scores: Mapping[Point, float]) -> Point:
    """The lowest score; among equal ones the shortest numbers, and of these the smallest."""
    return min(scores, key=lambda point: (scores[point], sum(map(significant, point)), point))


def significant(value: Fraction) -> int:
    """How many decimal digits a number has; many where it is no decimal.

    >>> significant(Fraction(3, 100)), significant(Fraction(17, 80)), significant(Fraction(1, 3))
    (1, 4, 99)
    """
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return 99
    digits = str(abs(value.numerator) * 10 ** value.denominator.bit_length() // value.denominator)
    return len(digits.strip("0")) or 1


def _finer(line: Line, known: list[Fraction], best: Fraction, count: int) -> tuple[Fraction, ...]:
    """Values between the neighbors of the best one; that alone where they are near enough."""
    place = known.index(best)
    low, high = known[max(place - 1, 0)], known[min(place + 1, len(known) - 1)]
    size = max(abs(best), (line.values[-1] - line.values[0]) / 100)
    if low == high or high - low <= 2 * _NEAR * size:
        return (best,)
    log = line.log and low > 0
    even = spaced(low, high, count, log=log)
    values = {best, *(_rounded(b, (b - a) / 4) for a, b in itertools.pairwise(even[:-1]))}
    return tuple(sorted(v for v in values if low < v < high or v == best))


def _rounded(value: Fraction, distance: Fraction) -> Fraction:
    """The shortest decimal within a distance."""
    number = Decimal(value.numerator) / Decimal(value.denominator)
    for digits in range(1, 20):
        rounded = Fraction(Decimal(f"{number:.{digits - 1}e}"))
        if abs(rounded - value) <= distance:
            return rounded
    return value
