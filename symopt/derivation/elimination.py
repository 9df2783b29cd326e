"""One polynomial per coordinate for a system in three or more variables, by a Gröbner basis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import flint
from flint import fmpq, fmpq_mat

from symopt.derivation.algebraic import RealAlgebraic, real_roots
from symopt.errors import InexactError

__all__ = ["eliminants"]

#: Basis length, terms of a polynomial and bits of a coefficient; number of complex solutions.
LIMITS, MAX_SOLUTIONS = (200, 400, 4000), 100

Monomial = tuple[int, ...]


def eliminants(system: Sequence[Any], variables: Sequence[int]) -> list[list[RealAlgebraic]]:
    """For each variable the real numbers that it may take at a solution.

    With a Gröbner basis of the ideal, multiplication by a variable is a matrix on the finitely
    many standard monomials, and its eigenvalues are the values of that variable at the solutions
    (Stickelberger; Cox, Little and O'Shea, "Using Algebraic Geometry", section 2.4).
    """
    basis = _groebner(system, variables)
    n = len(variables)
    if any(sum(monomial) == 0 for monomial, _ in basis):
        return [[] for _ in variables]
    bounds = [
        min((m[i] for m, _ in basis if m[i] and m[i] == sum(m)), default=None) for i in range(n)
    ]
    if None in bounds:
        raise InexactError(
            "the equations have infinitely many complex solutions, so their real solutions cannot "
            "be listed one by one; fix a variable, or search numerically"
        )
    leading = [monomial for monomial, _ in basis]
    standard = [
        monomial
        for monomial in product(*(range(bound) for bound in bounds if bound is not None))
        if not any(all(a <= b for a, b in zip(lead, monomial, strict=True)) for lead in leading)
    ]
    if len(standard) > MAX_SOLUTIONS:
        raise InexactError(
            f"the polynomial system has {len(standard)} complex solutions, more than the "
            f"{MAX_SOLUTIONS} that are searched exactly; search numerically instead"
        )
    return [_eigenvalues(i, basis, standard) for i in range(n)]


def _groebner(
    system: Sequence[Any], variables: Sequence[int]
) -> list[tuple[Monomial, dict[Monomial, fmpq]]]:
    """The reduced basis: leading monomials, each with what it is equal to modulo the ideal."""
    names = tuple(f"v{i}" for i in range(len(variables)))
    context = flint.fmpz_mpoly_ctx.get(names, "degrevlex")
    polynomials = [
        context.from_dict({tuple(m[i] for i in variables): v for m, v in e.to_dict().items()})
        for e in system
    ]
    vector = flint.fmpz_mpoly_vec(polynomials, context)
    found: Any
    found, complete = vector.buchberger_naive(limits=LIMITS)
    if not complete:
        raise InexactError(
            f"the polynomial system in {len(variables)} variables is too large for an exact "
            "solution (its Gröbner basis exceeds the limits); search numerically instead"
        )
    basis = []
    for polynomial in found.autoreduction(groebner=True):
        (lead, value), *tail = polynomial.terms()
        basis.append((tuple(map(int, lead)), {tuple(map(int, m)): -fmpq(c) / value
                                              for m, c in tail}))  # fmt: skip
    return basis


def _eigenvalues(
    i: int, basis: list[tuple[Monomial, dict[Monomial, fmpq]]], standard: list[Monomial]
) -> list[RealAlgebraic]:
    place = {monomial: k for k, monomial in enumerate(standard)}
    normal: dict[Monomial, dict[Monomial, fmpq]] = {
        monomial: {monomial: fmpq(1)} for monomial in standard
    }
    rules = dict(basis)

    def reduce(monomial: Monomial) -> dict[Monomial, fmpq]:
        """The normal form of a monomial, by reducing a divisor of it first."""
        if monomial in normal:
            return normal[monomial]
        if monomial in rules:
            inner, factor = rules[monomial], (0,) * len(monomial)
        else:
            j = next(
                j for j, k in enumerate(monomial)
                if k and (*monomial[:j], k - 1, *monomial[j + 1 :]) not in place
            )  # fmt: skip
            factor = tuple(int(k == j) for k in range(len(monomial)))
            inner = reduce(tuple(a - b for a, b in zip(monomial, factor, strict=True)))
        total: dict[Monomial, fmpq] = {}
        for m, value in inner.items():
            for m2, value2 in reduce(tuple(a + b for a, b in zip(m, factor, strict=True))).items():
                total[m2] = total.get(m2, fmpq(0)) + value * value2
        normal[monomial] = total
        return total

    size = len(standard)
    rows = [[fmpq(0)] * size for _ in range(size)]
    for column, monomial in enumerate(standard):
        raised = tuple(k + (j == i) for j, k in enumerate(monomial))
        for m, value in reduce(raised).items():
            rows[place[m]][column] = value
    characteristic = fmpq_mat(rows).charpoly()
    return real_roots([int(value) for value in characteristic.numer().coeffs()])
