"""Rastrigin's function: a bowl with a minimum near every lattice point."""

from sympy import Add, Expr, Symbol, cos, pi

from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable


def _separable(n: int) -> tuple[Expr, tuple[Symbol, ...]]:
    x = variable(f"x1:{n + 1}")
    return 10 * n + Add(*(x_i**2 - 10 * cos(2 * pi * x_i) for x_i in x)), x


rastrigin = Objective(
    *_separable(2),
    title="Rastrigin",
    source=Source("muhlenbein1991parallel", "F6 with A = 10"),
    window=[("-5.12", "5.12"), ("-5.12", "5.12")],
    known=[KnownPoint((0, 0), 0)],
    start=("3.2", "-2.3"),
    of_dimension=_separable,
)
