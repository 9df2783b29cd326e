"""Points on the edges: hyperparameters at the ends of their domains, gradients zero or all equal.

What holds for almost all numbers fails here first: 0**0, a quotient 0/0, the sign of zero, a bound
that is met exactly, a maximum of two equal values. Every proof is checked at such points too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice, product

import sympy
from sympy import Expr

from symopt.statement.numbers import rational
from symopt.statement.rule import Rule
from symopt.verification.comparison import Point, inside_domain, sample_points

__all__ = ["edge_points"]

_TINY, _LARGE = Fraction(1, 10**9), Fraction(10**6)
#: Gradients by step: none, all equal, equal up to the sign, one and then none, few that repeat.
_RUNS = ((0, 0), (1, 1), (1, -1), (2, 0, 0, 0, 0, 0), (0, 0, -3, -3), (-1, -1, 1))
#: And the usual ones, of both signs and several sizes.
_MIXED = (1, 3, -2, -1, 2, 1)


def edge_points(
    first: Rule, second: Rule, steps: int, size: int, nonzero: Iterable[Expr] = ()
) -> Iterator[Point]:
    """Each hyperparameter at each end, all of them at once, and plain ones; no divisor vanishes.

    ``nonzero`` are the expressions of hyperparameters that a proof divides by.

    >>> from symopt.statement.library import rules
    >>> points = list(edge_points(rules.momentum, rules.heavy_ball, 2, 1))
    >>> sorted({str(point.hyperparameters["mu"]) for point in points})
    ['-1', '0', '1', '1/3', '3/4']
    """
    plain = [dict(p.hyperparameters) for p in islice(sample_points(first, second, 1, size, 1), 2)]
    domains: dict[str, sympy.Set] = {}
    for entry in (*first.parameters, *second.parameters):
        domains[entry.name] = domains.get(entry.name, sympy.Reals).intersect(entry.domain)
    ends = {name: _ends(domain) for name, domain in domains.items()}
    settings = 2 * plain
    for base in plain[:1]:
        settings += [{**base, name: value} for name in ends for value in ends[name]]
        settings += [{name: ends[name][side] for name in ends} for side in (0, -1)]
    divisors = tuple(nonzero)
    for number, values in enumerate([values for values in settings for _ in range(2)]):
        if not all(inside_domain(domains[name], value) for name, value in values.items()):
            continue
        if any(_may_vanish(divisor, values) for divisor in divisors):
            continue
        run = _RUNS[number // 2 % len(_RUNS)] if number % 2 else _MIXED
        yield Point(
            values,
            tuple(Fraction(number % 3 - 1) for _ in range(size)),
            {
                (step, ask, index): Fraction(run[(step - 1) % len(run)])
                for step, ask, index in product(range(1, steps + 1), range(1, 9), range(size))
            },
        )


def _ends(domain: sympy.Set) -> list[Fraction]:
    """The least and the largest value of a domain, or numbers next to them; 0 where it lies."""
    found: list[Fraction] = []
    for end, inwards, far in ((domain.inf, _TINY, -_LARGE), (domain.sup, -_TINY, _LARGE)):
        if not end.is_Rational:
            found.append(far)
            continue
        value = Fraction(int(end.p), int(end.q))
        found.append(value if inside_domain(domain, value) else value + inwards)
    inner = [Fraction(0)] if inside_domain(domain, Fraction(0)) else []
    return list(dict.fromkeys((found[0], *inner, found[1])))


def _may_vanish(divisor: Expr, values: dict[str, Fraction]) -> bool:
    number = divisor.xreplace(
        {s: rational(values[s.name]) for s in divisor.free_symbols if s.name in values}
    )
    return not number.is_number or bool(number == 0)
