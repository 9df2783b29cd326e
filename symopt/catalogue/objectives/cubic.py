"""The cubic of the three-dimensional comparison: one minimum, one saddle, no lower bound."""

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

x0, x1 = variable("x0 x1")

cubic = Objective(
    x0**2 + x1**2 + x1**3 + x0 * x1,
    (x0, x1),
    title="Cubic",
    source=Source("qiu2022practice", "section 7.3.4"),
    window=[(-3, 3), (-3, 3)],
    known=[
        KnownPoint((0, 0), 0),
        KnownPoint(("1/4", "-1/2"), "1/16", "saddle"),
    ],
    start=(2, 3),
    note=(
        "The source calls (0, 0) a saddle; it is a strict local minimum, and the saddle is at "
        "(1/4, -1/2). Unbounded below as x1 falls."
    ),
)
