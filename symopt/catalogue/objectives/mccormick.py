"""McCormick's function: a tilted valley crossed by a sine wave."""

from sympy import Rational, pi, sin, sqrt

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

mccormick = Objective(
    sin(x + y) + (x - y) ** 2 - Rational(3, 2) * x + Rational(5, 2) * y + 1,
    (x, y),
    title="McCormick",
    source=Source("surjanovic2013virtual", "McCormick function"),
    window=[("-3/2", 4), (-3, 4)],
    known=[
        KnownPoint(
            (Rational(1, 2) - pi / 3, -Rational(1, 2) - pi / 3),
            -sqrt(3) / 2 - pi / 3,
        )
    ],
    start=(2, 3),
    note="Lowest in its window; outside it falls without bound along x - y = 1.",
)
