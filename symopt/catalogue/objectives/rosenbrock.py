"""Rosenbrock's banana valley, in two variables and chained in n."""

from sympy import Add, Expr, Symbol

from symopt.errors import InputError
from symopt.statement.objective import KnownPoint, Objective
from symopt.statement.source import Source
from symopt.statement.symbols import variable


def _chained(n: int) -> tuple[Expr, tuple[Symbol, ...]]:
    if n < 2:
        raise InputError(f"rosenbrock: needs at least 2 variables, not {n}")
    x = variable(f"x1:{n + 1}")
    return Add(*(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(n - 1))), x


rosenbrock = Objective(
    *_chained(2),
    title="Rosenbrock",
    source=Source("more1981testing", "problem (1); n variables: Jamil and Yang (2013), f105"),
    window=[(-2, 2), (-1, 3)],
    known=[KnownPoint((1, 1), 0)],
    start=("-6/5", 1),
    of_dimension=_chained,
)
