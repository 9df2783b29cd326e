"""The Styblinski-Tang function: a separable quartic with two minima in every coordinate."""

from sympy import Add, Expr, Symbol

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable


def _separable(n: int) -> tuple[Expr, tuple[Symbol, ...]]:
    x = variable(f"x1:{n + 1}")
    return Add(*(x_i**4 - 16 * x_i**2 + 5 * x_i for x_i in x)) / 2, x


styblinski_tang = Objective(
    *_separable(2),
    title="Styblinski-Tang",
    source=Source("jamil2013survey", "f144"),
    window=[(-5, 5), (-5, 5)],
    known=[
        KnownPoint(("-2.903534", "-2.903534"), "-78.332331", digits=6),
        KnownPoint(("2.746803", "-2.903534"), "-64.195612", digits=6),
        KnownPoint(("-2.903534", "2.746803"), "-64.195612", digits=6),
        KnownPoint(("2.746803", "2.746803"), "-50.058893", digits=6),
    ],
    start=(4, -1),
    of_dimension=_separable,
)
