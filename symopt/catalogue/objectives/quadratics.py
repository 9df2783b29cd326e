"""Quadratics: one variable, and two bowls of unequal curvature."""

from sympy import Rational

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable

w, x, y, x1, x2 = variable("w x y x1 x2")

half_square = Objective(
    w**2 / 2,
    (w,),
    title="Half square",
    source=Source("nocedal2006numerical", "equation (3.24) with Q = 1, b = 0"),
    window=[("-5/4", "5/4")],
    known=[KnownPoint((0,), 0)],
    start=(1,),
)

weighted_squares = Objective(
    Rational(1, 5) * x1**2 + 2 * x2**2,
    (x1, x2),
    title="Weighted squares",
    source=Source("qiu2022practice", "section 7.3.1: wᵀ(x ⊙ x) with w = (0.2, 2)"),
    window=[(-5, 5), (-5, 5)],
    known=[KnownPoint((0, 0), 0)],
    start=(3, 4),
)

elongated_bowl = Objective(
    x**2 / 20 + y**2,
    (x, y),
    title="Elongated bowl",
    source=Source("saitoh2016deep", "equation (6.2)"),
    window=[(-10, 10), (-10, 10)],
    known=[KnownPoint((0, 0), 0)],
    start=(-7, 2),
)
