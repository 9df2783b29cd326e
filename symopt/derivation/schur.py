"""When all roots of a polynomial lie inside the unit circle: by inequalities, and exactly.

The inequalities are those of Jury (1964) for degrees one and two and the reduction of Schur and
Cohn above: ``P`` of degree n with leading coefficient a_n and constant one a_0 has all its roots
inside exactly if ``a_n**2 > a_0**2`` and ``(a_n P(z) - a_0 z**n P(1/z)) / z`` has.

For numbers everything is decided exactly, the unit circle included: an irreducible factor has a
root there only if it is its own mirror image, and then ``w = z + 1/z`` turns roots on the circle
into real roots in [-2, 2], which are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import sympy
from sympy import Expr

from symopt.derivation.recurrence import polynomial_of, tidy

__all__ = ["CONVERGES", "BOUNDED", "DIVERGES", "conditions", "fate", "is_schur"]

#: All roots inside the unit circle; none outside and those on it simple; anything else.
CONVERGES, BOUNDED, DIVERGES = "converges", "stays bounded", "diverges"


def conditions(coefficients: Sequence[Expr]) -> tuple[Expr, ...]:
    """What must be positive for all roots to lie inside the unit circle: exactly if all are.

    >>> s, p = sympy.symbols("s p")
    >>> conditions((p, -s))
    (p - s + 1, p + s + 1, 1 - p)
    """
    size = len(coefficients)
    ends = (
        polynomial_of(coefficients, sympy.S.One),
        (-1) ** size * polynomial_of(coefficients, sympy.S.NegativeOne),
    )
    if size == 1:
        return tuple(sympy.expand(end) for end in ends)
    found: list[Expr] = []
    current = [*coefficients, sympy.S.One]
    while len(current) > 3:
        low, top = current[0], current[-1]
        found.append(tidy(top**2 - low**2))
        mirrored = current[::-1]
        current = [sympy.cancel(top * a - low * b) for a, b in zip(current, mirrored, strict=True)][
            1:
        ]
    found.append(tidy(current[2] - current[0]))
    return (*(sympy.expand(end) for end in ends), *found)


def _integers(coefficients: Sequence[Fraction]) -> Any:
    from flint import fmpz_poly

    values = [*coefficients, Fraction(1)]
    scale = lcm(*(value.denominator for value in values))
    return fmpz_poly([int(value * scale) for value in values])


def is_schur(coefficients: Sequence[Fraction]) -> bool:
    """Whether all roots of a monic polynomial of fractions lie inside the unit circle, exactly.

    >>> is_schur([Fraction(1, 2), Fraction(-1)]), is_schur([Fraction(1), Fraction(0)])
    (True, False)
    """
    current = [*coefficients, Fraction(1)]
    while len(current) > 1:
        low, top = current[0], current[-1]
        if abs(low) >= abs(top):
            return False
        mirrored = current[::-1]
        current = [top * a - low * b for a, b in zip(current, mirrored, strict=True)][1:]
        current = [value / current[-1] for value in current]
    return True


def fate(coefficients: Sequence[Fraction]) -> str:
    """What becomes of the powers of the companion matrix: one of the three words above.

    A simple root on the circle keeps them bounded; a double one lets them grow like t.

    >>> fate([Fraction(1), Fraction(0)]), fate([Fraction(1), Fraction(-2)])
    ('stays bounded', 'diverges')
    """
    if is_schur(coefficients):
        return CONVERGES
    result = CONVERGES
    for factor, multiplicity in _integers(coefficients).factor()[1]:
        whole = [int(value) for value in factor.coeffs()]
        monic = [Fraction(value, whole[-1]) for value in whole[:-1]]
        if is_schur(monic):
            continue
        if multiplicity > 1 or not _on_circle(whole):
            return DIVERGES
        result = BOUNDED
    return result


def _on_circle(whole: list[int]) -> bool:
    """Whether all roots of an irreducible polynomial lie on the unit circle."""
    degree = len(whole) - 1
    if degree == 1:
        return abs(whole[0]) == abs(whole[1])
    if whole != whole[::-1]:
        return False  # with a root z on the circle it would share the root 1/z with its mirror
    w = sympy.Symbol("w")
    half = degree // 2
    # z**k + z**-k is 2 T_k(w / 2).
    folded: Any = whole[half] + sum(
        whole[half + k] * 2 * sympy.chebyshevt_poly(k, w / 2) for k in range(1, half + 1)
    )
    return bool(sympy.Poly(sympy.expand(folded), w).count_roots(-2, 2) == half)
