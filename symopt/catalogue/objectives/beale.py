"""Beale's function: a curved valley with steep corners."""

from sympy import Rational

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x1, x2 = variable("x1 x2")

beale = Objective(
    (Rational(3, 2) - x1 + x1 * x2) ** 2
    + (Rational(9, 4) - x1 + x1 * x2**2) ** 2
    + (Rational(21, 8) - x1 + x1 * x2**3) ** 2,
    (x1, x2),
    title="Beale",
    source=Source("more1981testing", "problem (5)"),
    window=[("-9/2", "9/2"), ("-9/2", "9/2")],
    known=[
        KnownPoint((3, "1/2"), 0),
        KnownPoint((0, 1), "909/64", "saddle"),
        KnownPoint(("0.100538", "-2.644514"), "9.864512", "saddle", digits=6),
    ],
    start=(1, "3/2"),
)
