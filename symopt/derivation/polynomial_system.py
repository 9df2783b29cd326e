"""All real solutions of a system of polynomial equations, exactly and with proof.

Equations that are linear in a variable with a constant coefficient are solved for it. What is
left in two variables is split into pairs of irreducible factors; the resultant in either variable
(Cox, Little and O'Shea, "Ideals, Varieties, and Algorithms", section 3.6) gives a polynomial for
every coordinate, so that finitely many candidates remain. In more variables these polynomials are
the characteristic polynomials of multiplication modulo a Gröbner basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from math import prod
from typing import Any

import flint
from flint import arb, fmpq, fmpq_mat

from symopt.derivation.algebraic import RealAlgebraic, evaluate, real_roots
from symopt.derivation.candidates import among, vanishes
from symopt.derivation.elimination import eliminants
from symopt.derivation.plane_system import on_curve, solve_pair
from symopt.derivation.polynomials import (
    MAX_DEGREE,
    NotIsolatedError,
    Point,
    factors,
    full,
    replace,
    too_large,
    univariate,
)  # fmt: skip
from symopt.errors import InexactError

__all__ = ["image", "solve"]


def solve(equations: Sequence[Any], variables: Sequence[int]) -> list[Point]:
    """The real solutions, one tuple in the order of ``variables`` (indices of generators) each.

    Raises :class:`NotIsolatedError` where they are not finitely many, and
    :class:`~symopt.errors.InexactError` where the system is too large or a zero stays unproved.
    """
    system = [equation for equation in equations if equation != 0]
    if any(equation.is_constant() for equation in system):
        return []
    if not variables:
        return [()]
    if len(system) < len(variables):
        return _underdetermined(system, variables)
    if all(equation.total_degree() <= 1 for equation in system):
        return _linear(system, variables)
    for equation in system:
        for i in variables:
            if _solvable(equation, i):
                return _substituted(system, equation, i, variables)
    if len(variables) == 1:
        common = system[0]
        for equation in system[1:]:
            common = common.gcd(equation)
        return [(root,) for root in real_roots(univariate(common, variables[0]))]
    if len(variables) == 2:
        found = solve_pair(system[0], system[1], variables)
        return [p for p in found if all(vanishes(e, p, variables) for e in system[2:])]
    _refuse_surface(system, variables)
    return among(system, eliminants(system, variables), variables)


def _underdetermined(system: Sequence[Any], variables: Sequence[int]) -> list[Point]:
    """Fewer equations than unknowns: finitely many real solutions only in special cases."""
    if not system:
        raise NotIsolatedError([])
    if len(system) == 1 and len(variables) == 2:
        found = [p for factor in factors(system[0]) for p in on_curve(factor, variables)]
        return list(dict.fromkeys(found))
    _refuse_surface(system, variables)
    raise InexactError(
        f"{len(system)} equations in {len(variables)} unknowns have infinitely many complex "
        "solutions; their real solutions cannot be listed one by one"
    )


def _refuse_surface(system: Sequence[Any], variables: Sequence[int]) -> None:
    """A common factor that takes both signs vanishes on a whole surface."""
    common = system[0]
    for equation in system[1:]:
        common = common.gcd(equation)
    if common.is_constant():
        return
    signs = set()
    for corner in islice(product((0, 1, -1, 2, -2), repeat=len(variables)), 5000):
        value = evaluate(common, full([fmpq(k) for k in corner], variables, len(common.degrees())))
        signs.add((value > 0) - (value < 0))
        if {1, -1} <= signs:
            raise NotIsolatedError([common])


def _solvable(equation: Any, i: int) -> bool:
    """Is this c*v + r with a number c and v not in r?"""
    if equation.degrees()[i] != 1:
        return False
    return all(not m[i] or sum(m) == 1 for m in equation.to_dict())


def _substituted(
    system: Sequence[Any], equation: Any, i: int, variables: Sequence[int]
) -> list[Point]:
    context = equation.context()
    v = context.gens()[i]
    c = equation.derivative(i).leading_coefficient()
    negative_rest = c * v - equation
    rest = [replace(e, i, negative_rest, c) for e in system if e is not equation]
    others = [k for k in variables if k != i]
    try:
        points = solve(rest, others)
    except NotIsolatedError as error:
        raise NotIsolatedError([equation, *error.equations]) from None
    place = list(variables).index(i)
    found = []
    for point in points:
        value = image(negative_rest, int(c), full(point, others, context.nvars()))
        found.append((*point[:place], value, *point[place:]))
    return found


def _linear(system: Sequence[Any], variables: Sequence[int]) -> list[Point]:
    rows = []
    for equation in system:
        values = {next((i for i, k in enumerate(m) if k), -1): value
                  for m, value in equation.to_dict().items()}  # fmt: skip
        rows.append([fmpq(values.get(i, 0)) for i in variables] + [-fmpq(values.get(-1, 0))])
    reduced, rank = fmpq_mat(rows).rref()
    n = len(variables)
    leads = [next(j for j in range(n + 1) if reduced[i, j] != 0) for i in range(rank)]
    if n in leads:
        return []
    if rank < n:
        raise NotIsolatedError(_independent(system, variables, rank))
    return [tuple(RealAlgebraic.from_rational(reduced[i, n]) for i in range(n))]


def _independent(system: Sequence[Any], variables: Sequence[int], rank: int) -> list[Any]:
    """As many of the equations as span all of them."""
    chosen: list[Any] = []
    for equation in system:
        rows = [[fmpq(e.derivative(i).leading_coefficient() if e.degrees()[i] else 0)
                 for i in variables] for e in [*chosen, equation]]  # fmt: skip
        if fmpq_mat(rows).rref()[1] == len(rows) and len(chosen) < rank:
            chosen.append(equation)
    return chosen


def image(numerator: Any, denominator: int, point: Sequence[RealAlgebraic]) -> RealAlgebraic:
    """The algebraic number ``numerator(point) / denominator``.

    It is a root of a resultant; the irreducible factor and the root are told apart by balls.
    """
    used = [i for i, degree in enumerate(numerator.degrees()) if degree > 0]
    moving = [i for i in used if point[i].rational is None]
    if prod(point[i].degree for i in moving) > MAX_DEGREE:
        raise too_large(f"coordinates of degrees {[point[i].degree for i in moving]}")
    if not moving:
        value = evaluate(numerator, [a.rational or fmpq(0) for a in point])
        return RealAlgebraic.from_rational(fmpq(value) / denominator)
    reduced = numerator
    scale = 1
    for i in used:
        fraction = point[i].rational
        if fraction is not None:
            scale *= int(fraction.q) ** reduced.degrees()[i]
            reduced = replace(
                reduced, i, reduced.context().constant(int(fraction.p)), int(fraction.q)
            )
    names = [f"a{i}" for i in range(len(point))]
    context = flint.fmpz_mpoly_ctx.get((*names, "z"), "lex")
    z = context.gens()[-1]
    relation = denominator * scale * z - context.from_dict(
        {(*m, 0): value for m, value in reduced.to_dict().items()}
    )
    for i in moving:
        minimal = {tuple(k if j == i else 0 for j in range(len(point) + 1)): value
                   for k, value in enumerate(point[i].coefficients)}  # fmt: skip
        relation = relation.resultant(context.from_dict(minimal), i)
    roots, bits = real_roots(univariate(relation, len(point))), 64
    while len(roots) > 1:
        with flint.ctx.workprec(bits):
            ball = arb(evaluate(numerator, [a.ball(bits) for a in point])) / denominator
            roots = [root for root in roots if root.ball(bits).overlaps(ball)]
        bits *= 2
    return roots[0]
