"""Where a rule converges on a quadratic, row by row: intervals whose ends are exact roots.

The conditions of a region are polynomials of the two hyperparameters of a map. In a row, where one
of them is a fraction, the ends of the stable intervals are among the real roots of the conditions
in the other; between two roots nothing changes sign, so that one fraction decides each piece.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr, Poly, Symbol

from symopt.errors import InputError

__all__ = ["Row", "polynomials", "rows", "stable_intervals"]


@dataclass(frozen=True)
class Row:
    """The stable intervals of the first parameter where the second one is ``height``.

    ``edge`` marks a height at which a condition of the second parameter alone vanishes: there the
    row is the boundary itself.
    """

    height: Fraction
    intervals: tuple[tuple[float, float], ...]
    edge: bool = False


def polynomials(
    expressions: Sequence[Expr], symbols: Sequence[Symbol], values: Mapping[Symbol, Expr], name: str
) -> list[Poly]:
    """Expressions as polynomials of some symbols, of the same signs, with numbers for the others.

    Raises :class:`~symopt.errors.InputError` for what is none with rational coefficients.
    """
    found = []
    for expression in expressions:
        above, below = sympy.fraction(sympy.cancel(expression.xreplace(dict(values))))
        product = sympy.expand(above * below)
        try:
            found.append(Poly(product, *symbols, domain="QQ"))
        except sympy.PolynomialError:
            raise InputError(
                f"{name}: the condition {expression} > 0 is no polynomial of "
                f"{', '.join(map(str, symbols))} with rational coefficients; choose other "
                "hyperparameters for the map, or give numbers for the rest"
            ) from None
    return found


def stable_intervals(
    conditions: Sequence[Poly], low: Fraction, high: Fraction
) -> tuple[tuple[float, float], ...]:
    """Where polynomials of one symbol are all positive, between two numbers.

    >>> x = sympy.Symbol("x")
    >>> stable_intervals([Poly(x, x), Poly(4 - x**2, x)], Fraction(-3), Fraction(3))
    ((0.0, 2.0),)
    """
    ends = sorted({root for one in conditions for root in _roots(one) if low < root < high})
    pieces: list[tuple[float, float]] = []
    marks = [Fraction(low), *map(Fraction, ends), Fraction(high)]
    for left, right in itertools.pairwise(marks):
        middle = (left + right) / 2
        number = sympy.Rational(middle.numerator, middle.denominator)
        if all(one.eval(number) > 0 for one in conditions):
            pieces.append((float(left), float(right)))
    return tuple(pieces)


def _roots(polynomial: Poly) -> list[float]:
    """The real roots, each the nearest binary64 number to a certified ball."""
    from flint import fmpq, fmpq_poly

    if polynomial.degree() < 1:
        return []
    coefficients = [fmpq(int(c.p), int(c.q)) for c in reversed(polynomial.all_coeffs())]
    found: Any = fmpq_poly(coefficients).numer().complex_roots()
    return [float(root.real.mid()) for root, _ in found if root.imag == 0]


def rows(
    conditions: Sequence[Poly],
    window: tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]],
    count: int,
) -> tuple[Row, ...]:
    """The stable set of a window, in that many rows and those that are boundaries themselves."""
    first, second = conditions[0].gens
    (left, right), (low, high) = window
    alone = [one for one in conditions if one.degree(first) < 1]
    turning = [
        height
        for one in alone
        for root in _roots(Poly(one.as_expr(), second, domain="QQ"))
        if low <= (height := Fraction(root)) <= high
    ]
    heights = [low + (high - low) * Fraction(index, count - 1) for index in range(count)]
    found = []
    for height in sorted({*heights, *turning}):
        edge = height in turning
        number = sympy.Rational(height.numerator, height.denominator)
        at_height = [
            Poly(one.as_expr().subs(second, number), first, domain="QQ")
            for one in conditions
            if not (edge and one in alone)
        ]
        if edge:  # what vanishes on the whole row says nothing about its two sides
            at_height = [one for one in at_height if not one.is_zero]
        found.append(Row(height, stable_intervals(at_height, left, right), edge))
    return tuple(found)
