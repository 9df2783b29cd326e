"""The plain saddle: unbounded below along the first axis."""

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x, y = variable("x y")

saddle = Objective(
    -(x**2) / 2 + y**2,
    (x, y),
    title="Saddle",
    source=Source("karpathy2015cs231n", "Per-parameter adaptive learning rate methods, figure"),
    window=[(-1, 2), (-1, 1)],
    known=[KnownPoint((0, 0), 0, "saddle")],
    start=("1e-5", "1/2"),
    note="Unbounded below as |x| grows.",
)
