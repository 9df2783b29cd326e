"""Which combinations of coordinates solve a polynomial system: each excluded or proved.

A candidate is excluded by a ball that does not contain zero. It is proved by the test of Krawczyk
(1969) in balls or, where the Jacobian is singular, by the exact test for zero of
:mod:`symopt.derivation.algebraic`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import flint
from flint import arb, arb_mat

from symopt.derivation.algebraic import RealAlgebraic, evaluate, proved_sign
from symopt.derivation.polynomials import Point, full, too_large

__all__ = ["among", "vanishes"]

MAX_CANDIDATES = 20_000


def among(
    system: Sequence[Any], roots: Sequence[Sequence[RealAlgebraic]], variables: Sequence[int]
) -> list[Point]:
    """Those among all combinations of coordinates that solve the system, each with a proof."""
    if prod(map(len, roots)) > MAX_CANDIDATES:
        raise too_large(f"{prod(map(len, roots))} candidates")
    n, open_points, proved = system[0].context().nvars(), list(product(*roots)), []
    for bits in (64, 128, 256, 512):
        still_open = []
        with flint.ctx.workprec(bits):
            for point in open_points:
                balls = full([a.ball(bits) for a in point], variables, n)
                if any(not arb(evaluate(e, balls)).contains(0) for e in system):
                    continue
                if all(a.rational is not None for a in point):
                    if all(vanishes(e, point, variables) for e in system):
                        proved.append(point)
                elif _krawczyk(system, point, roots, variables, bits):
                    proved.append(point)
                else:
                    still_open.append(point)
        open_points = still_open
    return proved + [p for p in open_points if all(vanishes(e, p, variables) for e in system)]


def vanishes(equation: Any, point: Point, variables: Sequence[int]) -> bool:
    """Is the equation exactly satisfied?"""
    padded = full(point, variables, equation.context().nvars())
    return proved_sign(equation, padded, f"the sign of {equation}") == 0


def _krawczyk(
    system: Sequence[Any],
    point: Point,
    roots: Sequence[Sequence[RealAlgebraic]],
    variables: Sequence[int],
    bits: int,
) -> bool:
    """Does a box around the candidate, which holds no other candidate, hold exactly one solution?

    With the box X, its center m and Y near the inverse of the Jacobian J(m), a strict inclusion
    m - Y*F(m) + (I - Y*J(X))*(X - m) in the inside of X proves one solution in X. Its coordinates
    are roots of the eliminants, and the box holds only one root of each.
    """
    n, count = len(variables), system[0].context().nvars()
    centers = [a.ball(bits).mid() for a in point]
    radii = [arb(2) ** (-bits // 2) * (1 + abs(center)) for center in centers]
    box = [center + arb(0, radius) for center, radius in zip(centers, radii, strict=True)]
    for a, side, ball in zip(point, roots, box, strict=True):
        if not ball.contains(a.ball(bits)):
            return False
        if any(ball.overlaps(other.ball(bits)) for other in side if other != a):
            return False
    jacobian = [[equation.derivative(i) for i in variables] for equation in system]

    def at(values: Sequence[arb]) -> arb_mat:
        padded = full(values, variables, count)
        return arb_mat([[arb(evaluate(entry, padded)) for entry in row] for row in jacobian])

    try:
        inverse = at(centers).inv().mid()
    except ZeroDivisionError:
        return False
    padded = full(centers, variables, count)
    newton = inverse * arb_mat([[arb(evaluate(equation, padded))] for equation in system])
    identity = arb_mat([[int(i == j) for j in range(n)] for i in range(n)])
    shift = arb_mat([[ball - center] for ball, center in zip(box, centers, strict=True)])
    moved = (identity - inverse * at(box)) * shift - newton
    return all(moved[i, 0].abs_upper() < radius for i, radius in enumerate(radii))
