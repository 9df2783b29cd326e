"""Matyas' function: a convex quadratic, 25 times flatter along the diagonal than across it."""

from sympy import Rational

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

matyas = Objective(
    Rational(13, 50) * (x**2 + y**2) - Rational(12, 25) * x * y,
    (x, y),
    title="Matyas",
    source=Source("surjanovic2013virtual", "Matyas function"),
    window=[(-10, 10), (-10, 10)],
    known=[KnownPoint((0, 0), 0)],
    start=(8, -6),
)
