"""Array objectives in exact fractions and in certified balls, at any size.

The same expressions that kernels are printed from are computed entry by entry; every elementwise
function follows from its statement. Matrix products of balls are flint's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from sympy import Symbol

from symopt.derivation.array.gradient import gradient
from symopt.execution import arithmetic as numbers
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.ball import run_balls
from symopt.execution.exact import as_balls, object_array, to_fraction
from symopt.execution.kernel import compile_source, function_source
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph
from symopt.program.printers.python import EXACT
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.entries import Entries, Numbers, evaluate
from symopt.statement.array.functions import ELEMENTWISE

__all__ = ["ExactKernel", "exact_gradient", "exact_value"]


class ExactKernel:
    """Value and gradient of a bound objective in one exact arithmetic, at its present precision."""

    def __init__(self, bound: BoundObjective, arithmetic: Arithmetic) -> None:
        self._bound = bound
        self._numbers = Numbers(
            arithmetic.convert,
            lambda value: _first(compile_source(_source(value), arithmetic)),
            _ball_product if arithmetic.name == "ball" else None,
        )
        self._data = {
            name: _each(arithmetic.convert, part) for name, part in bound.exact_data().items()
        }
        self._gradient = gradient(bound.statement)

    def value(self, theta: Sequence[Any]) -> Any:
        """The loss at a point, whose entries are numbers of the arithmetic."""
        return self._evaluate({"": self._bound.statement.loss}, theta)[""].item()

    def gradient(self, theta: Sequence[Any]) -> list[Any]:
        """The gradient at a point, as one number for each entry of it."""
        found = self._evaluate(self._gradient, theta)
        return [value for name in self._bound.slices for value in found[name].ravel()]

    def _evaluate(self, roots: Mapping[str, Any], theta: Sequence[Any]) -> dict[str, Entries]:
        point = self._bound.unflatten(object_array(list(theta)))
        return evaluate(dict(roots), {**point, **self._data}, self._numbers)


def exact_value(bound: BoundObjective, theta: Any, arithmetic: str) -> Any:
    """The loss at a point: a ``Fraction``, or a ball of a relative radius below 2**-120.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/3", 3])
    >>> exact_value(fit, [1, 0], "rational")
    Fraction(13, 18)
    """
    (found,) = _at(bound, theta, arithmetic, lambda kernel, point: [kernel.value(point)])
    return found


def exact_gradient(bound: BoundObjective, theta: Any, arithmetic: str) -> Any:
    """The gradient at a point, as an object array of fractions or of balls.

    Raises :class:`~symopt.errors.InexactError` where a function has no rational value, and
    :class:`~symopt.errors.BudgetError` where a ball does not decide a case.
    """
    return _at(bound, theta, arithmetic, lambda kernel, point: kernel.gradient(point))


def _at(
    bound: BoundObjective,
    theta: Any,
    arithmetic: str,
    ask: Callable[[ExactKernel, list[Any]], list[Any]],
) -> Any:
    exact = bound.exact_point(theta)
    if arithmetic == "rational":
        own = numbers.rational()
        found = ask(ExactKernel(bound, own), [own.convert(value) for value in exact])
        return object_array([to_fraction(value) for value in found])

    def attempt(watch: Callable[[tuple[Any, ...]], None]) -> list[Any]:
        balls = numbers.ball()
        result = ask(ExactKernel(bound, balls), [balls.convert(value) for value in exact])
        watch(tuple(result))
        return result

    found, _ = run_balls(attempt, bound.name, 1)
    return as_balls(found)


@lru_cache(maxsize=128)
def _source(value: tuple[Any, ...]) -> str:
    """The function of one number that an elementwise function's statement says."""
    name, *constants = value
    u = Symbol("u", real=True)
    graph = Graph()
    reader = Reader(graph, {u: graph.input("u")})
    stated = sympy.sympify(ELEMENTWISE[name].expression(u, *constants))
    return function_source("stated", graph.program({"v": reader.read(stated)}), {"u": "u"}, EXACT)


def _first(function: Callable[[Any], tuple[Any]]) -> Callable[[Any], Any]:
    return lambda number: function(number)[0]


def _each(convert: Callable[[Any], Any], given: Entries) -> Entries:
    return np.asarray(np.frompyfunc(convert, 1, 1)(given), dtype=object)


def _ball_product(a: Entries, b: Entries) -> Entries:
    """The matrix product of balls by flint, whose enclosures are as tight and much faster."""
    from flint import arb_mat

    left = a if a.ndim == 2 else a[None, :]
    right = b if b.ndim == 2 else b[:, None]
    product = arb_mat(left.tolist()) * arb_mat(right.tolist())
    made = np.empty(product.nrows() * product.ncols(), dtype=object)
    made[:] = product.entries()
    return made.reshape(a.shape[:-1] + b.shape[1:])
