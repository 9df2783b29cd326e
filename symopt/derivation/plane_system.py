"""Real solutions of two polynomial equations in two variables, by resultants."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

from flint import fmpq

from symopt.derivation.algebraic import RealAlgebraic, real_roots
from symopt.derivation.candidates import among, vanishes
from symopt.derivation.polynomials import (
    MAX_DEGREE,
    NotIsolatedError,
    Point,
    factors,
    replace,
    too_large,
    univariate,
)  # fmt: skip

__all__ = ["on_curve", "solve_pair"]


def solve_pair(first: Any, second: Any, variables: Sequence[int]) -> list[Point]:
    """The real solutions of two equations in two variables, split into irreducible factors."""
    if first.total_degree() * second.total_degree() > MAX_DEGREE:
        raise too_large(f"degrees {first.total_degree()} and {second.total_degree()}")
    sides = [factors(first), factors(second)]
    common = [factor for factor in sides[0] if factor in sides[1]]
    own = [[factor for factor in side if factor not in common] for side in sides]
    found = [point for factor in common for point in on_curve(factor, variables)]
    for p, q in product(*own):
        found += _irreducible_pair(p, q, variables)
    return _unique(found)


def _unique(points: list[Point]) -> list[Point]:
    return list(dict.fromkeys(points))


def _irreducible_pair(p: Any, q: Any, variables: Sequence[int]) -> list[Point]:
    x, y = variables
    roots = [real_roots(univariate(p.resultant(q, other), own)) for own, other in ((x, y), (y, x))]
    return among([p, q], roots, variables)


def on_curve(factor: Any, variables: Sequence[int]) -> list[Point]:
    """The real zeros of one irreducible polynomial, if they are finitely many.

    Its real zeros fill a curve just if some line x = s between the roots of its discriminant
    meets them; otherwise all of them are singular points.
    """
    x, y = variables
    for own, other in ((x, y), (y, x)):
        if factor.degrees()[other] == 0:
            if real_roots(univariate(factor, own)):
                raise NotIsolatedError([factor])
            return []
    border = real_roots(univariate(factor.resultant(factor.derivative(y), y), x))
    for sample in _between(border):
        line = replace(factor, x, factor.context().constant(int(sample.p)), int(sample.q))
        if real_roots(univariate(line, y)):
            raise NotIsolatedError([factor])
    singular = solve_pair(factor, factor.derivative(x), variables)
    return [p for p in singular if vanishes(factor.derivative(y), p, variables)]


def _between(roots: Sequence[RealAlgebraic]) -> list[fmpq]:
    """One fraction in each interval that the numbers (ascending) leave free."""
    if not roots:
        return [fmpq(0)]
    balls = [root.ball(64) for root in roots]
    for bits in (128, 512, 2048, 8192):
        if all(left < right for left, right in pairwise(balls)):
            break
        balls = [root.ball(bits) for root in roots]
    inner = [(left.upper().fmpq() + right.lower().fmpq()) / 2 for left, right in pairwise(balls)]
    return [balls[0].lower().fmpq() - 1, *inner, balls[-1].upper().fmpq() + 1]
