"""Himmelblau's function: four minima of equal value."""

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

himmelblau = Objective(
    (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    (x, y),
    title="Himmelblau",
    source=Source("jamil2013survey", "Himmelblau function"),
    window=[(-5, 5), (-5, 5)],
    known=[
        KnownPoint((3, 2), 0),
        KnownPoint(("-2.805118", "3.131313"), 0, digits=6),
        KnownPoint(("-3.779310", "-3.283186"), 0, digits=6),
        KnownPoint(("3.584428", "-1.848127"), 0, digits=6),
    ],
    start=(0, 0),
)
