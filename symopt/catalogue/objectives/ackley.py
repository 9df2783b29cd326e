"""Ackley's function: a nearly flat outside, many ripples, one deep hole."""

from sympy import Add, E, Expr, Rational, Symbol, cos, exp, pi, sqrt

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable


def _of_means(n: int) -> tuple[Expr, tuple[Symbol, ...]]:
    x = variable(f"x1:{n + 1}")
    mean_square = Add(*(x_i**2 for x_i in x)) / n
    mean_cosine = Add(*(cos(2 * pi * x_i) for x_i in x)) / n
    return -20 * exp(-sqrt(mean_square) * Rational(1, 5)) - exp(mean_cosine) + 20 + E, x


ackley = Objective(
    *_of_means(2),
    title="Ackley",
    source=Source("surjanovic2013virtual", "Ackley function, a = 20, b = 1/5, c = 2π"),
    window=[(-5, 5), (-5, 5)],
    known=[KnownPoint((0, 0), 0)],
    start=("1.4", "-0.8"),
    of_dimension=_of_means,
    note="Not differentiable at its minimum (0, 0): the gradient is undefined there.",
)
