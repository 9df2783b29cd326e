"""Booth's function: a convex quadratic away from the origin."""

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

booth = Objective(
    (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
    (x, y),
    title="Booth",
    source=Source("surjanovic2013virtual", "Booth function"),
    window=[(-10, 10), (-10, 10)],
    known=[KnownPoint((1, 3), 0)],
    start=(-5, -5),
)
