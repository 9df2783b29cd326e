"""The loss and the gradient of a bound objective at a point, as fractions or certified balls."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symopt.execution import arithmetic as numbers
from symopt.execution.array.exact import ExactOracle
from symopt.execution.ball import run_balls
from symopt.execution.exact import as_balls, object_array, to_fraction
from symopt.statement.array.bound import BoundObjective

__all__ = ["exact_gradient", "exact_value"]


def exact_value(bound: BoundObjective, theta: Any, arithmetic: str) -> Any:
    """The loss at a point: a ``Fraction``, or a ball of a relative radius below 2**-120.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/3", 3])
    >>> exact_value(fit, [1, 0], "rational")
    Fraction(13, 18)
    """
    return _at(bound, theta, arithmetic, lambda oracle, point: [oracle.value(point)])[0]


def exact_gradient(bound: BoundObjective, theta: Any, arithmetic: str) -> Any:
    """The gradient at a point, as an object array of fractions or of balls.

    Raises :class:`~symopt.errors.InexactError` where a function has no rational value, and
    :class:`~symopt.errors.BudgetError` where balls do not decide a case.
    """
    return _at(bound, theta, arithmetic, lambda oracle, point: oracle.gradient(point))


def _at(
    bound: BoundObjective,
    theta: Any,
    arithmetic: str,
    ask: Callable[[ExactOracle, list[Any]], list[Any]],
) -> Any:
    exact = [Fraction(value) for value in bound.point(theta).tolist()]
    if arithmetic == "rational":
        own = numbers.rational()
        found = ask(ExactOracle(bound, own), [own.convert(value) for value in exact])
        return object_array([to_fraction(value) for value in found])
    oracle = ExactOracle(bound, numbers.ball())

    def attempt(watch: Callable[[tuple[Any, ...]], None]) -> list[Any]:
        result = ask(oracle, [numbers.ball().convert(value) for value in exact])
        watch(tuple(result))
        return result

    found, _ = run_balls(attempt, bound.name, 1)
    return as_balls(found)
