"""The Goldstein-Price function: four minima, values from 3 to a million in its window."""

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

goldstein_price = Objective(
    (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2))
    * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)),
    (x, y),
    title="Goldstein-Price",
    source=Source("surjanovic2013virtual", "Goldstein-Price function"),
    window=[(-2, 2), (-2, 2)],
    known=[
        KnownPoint((0, -1), 3),
        KnownPoint(("-3/5", "-2/5"), 30),
        KnownPoint(("9/5", "1/5"), 84),
        KnownPoint(("6/5", "4/5"), 840),
    ],
    start=("-1", "1"),
)
