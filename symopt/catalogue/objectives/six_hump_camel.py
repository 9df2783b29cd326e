"""The six-hump camel: six minima, two of them global."""

from sympy import Rational

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

six_hump_camel = Objective(
    (4 - Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2,
    (x, y),
    title="Six-hump camel",
    source=Source("jamil2013survey", "f30"),
    window=[(-2, 2), ("-5/4", "5/4")],
    known=[
        KnownPoint(("0.089842", "-0.712656"), "-1.031628", digits=6),
        KnownPoint(("-0.089842", "0.712656"), "-1.031628", digits=6),
        KnownPoint(("1.703607", "-0.796084"), "-0.215464", digits=6),
        KnownPoint(("-1.703607", "0.796084"), "-0.215464", digits=6),
        KnownPoint(("1.607105", "0.568651"), "2.104250", digits=6),
        KnownPoint(("-1.607105", "-0.568651"), "2.104250", digits=6),
    ],
    start=("-3/2", "-1"),
)
