"""The three-hump camel: three minima, the middle one the lowest."""

from sympy import Rational

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

three_hump_camel = Objective(
    2 * x**2 - Rational(21, 20) * x**4 + x**6 / 6 + x * y + y**2,
    (x, y),
    title="Three-hump camel",
    source=Source("surjanovic2013virtual", "Three-Hump Camel function"),
    window=[("-5/2", "5/2"), ("-5/2", "5/2")],
    known=[
        KnownPoint((0, 0), 0),
        KnownPoint(("1.747552", "-0.873776"), "0.298638", digits=6),
        KnownPoint(("-1.747552", "0.873776"), "0.298638", digits=6),
    ],
    start=(2, 2),
)
