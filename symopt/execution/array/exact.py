"""The exact value and gradient of an array objective on data: in fractions, or in balls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Symbol

from symopt.derivation.array.quadratic import degree, quadratic_loss
from symopt.errors import InputError
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.kernel import compile_source, function_source
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph
from symopt.program.printers.python import EXACT
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.entries import Entries, Numbers, evaluate
from symopt.statement.array.functions import ELEMENTWISE

__all__ = ["ExactOracle"]


class ExactOracle:
    """Value and gradient of a bound objective in an exact arithmetic.

    Where the loss is quadratic in its parameters its exact Hessian is used, else the matrix form
    of the gradient is computed entry by entry.

    >>> import symopt
    >>> from symopt.execution.arithmetic import rational
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> ExactOracle(fit, rational()).gradient([1, 0])
    [-3/2, -1/2]
    """

    def __init__(self, bound: BoundObjective, arithmetic: Arithmetic) -> None:
        self.bound, self.arithmetic = bound, arithmetic
        reached = degree(bound.statement.loss)
        self._quadratic = None
        self._converted: dict[int, Any] = {}
        if reached is not None and reached <= 2:
            with suppress(InputError):  # a function of the data may have no rational value
                self._quadratic = quadratic_loss(bound)
                return
        self._statement = bound.statement
        self._data = bound.exact_data()
        product = _ball_product if arithmetic.name == "ball" else None
        self._numbers = Numbers(arithmetic.convert, self._function, product)

    def _function(self, value: tuple[Any, ...]) -> Callable[[Any], Any]:
        function = compile_source(_source(value), self.arithmetic)
        return lambda entry: function(entry)[0]

    def _held(self, key: str, make: Callable[[], Any]) -> Any:
        """Balls are converted anew at every precision; what was converted last is kept."""
        from flint import ctx

        kept = self._converted.get(ctx.prec)
        if kept is None:
            self._converted.clear()
            kept = self._converted[ctx.prec] = {}
        if key not in kept:
            kept[key] = make()
        return kept[key]

    def _quadratic_parts(self) -> tuple[list[list[Any]], list[Any], Any]:
        assert self._quadratic is not None
        convert = self.arithmetic.convert
        found = self._quadratic
        return (
            [[convert(value) for value in row] for row in found.matrix],
            [convert(value) for value in found.linear],
            convert(found.constant),
        )

    def gradient(self, point: Sequence[Any]) -> list[Any]:
        """The gradient at a point of the arithmetic's numbers (or integers)."""
        if self._quadratic is not None:
            matrix, linear, _ = self._held("quadratic", self._quadratic_parts)
            return [
                sum((a * w for a, w in zip(row, point, strict=True)), -c)
                for row, c in zip(matrix, linear, strict=True)
            ]
        found = self._evaluate(point, dict(self._statement.gradient))
        return [value for name in self.bound.slices for value in found[name].ravel()]

    def value(self, point: Sequence[Any]) -> Any:
        """The loss at a point."""
        if self._quadratic is not None:
            matrix, linear, constant = self._held("quadratic", self._quadratic_parts)
            total = constant
            for row, c, w in zip(matrix, linear, point, strict=True):
                total = total + w * (
                    sum((a * v for a, v in zip(row, point, strict=True)), 0) / 2 - c
                )
            return total
        return self._evaluate(point, {"L": self._statement.loss})["L"].item()

    def _evaluate(self, point: Sequence[Any], roots: Any) -> dict[str, Any]:
        convert = np.frompyfunc(self.arithmetic.convert, 1, 1)
        data = self._held(
            "data", lambda: {name: np.asarray(convert(part)) for name, part in self._data.items()}
        )
        theta = np.empty(len(point), dtype=object)
        theta[:] = [
            self.arithmetic.convert(Fraction(v)) if isinstance(v, int) else v for v in point
        ]
        return evaluate(roots, {**self.bound.unflatten(theta), **data}, self._numbers)


@lru_cache(maxsize=64)
def _source(value: tuple[Any, ...]) -> str:
    """The source of an elementwise function."""
    name, *constants = value
    graph = Graph()
    u = Symbol("u", real=True)
    stated = ELEMENTWISE[name].expression(u, *constants)
    program = graph.program({"y": Reader(graph, {u: graph.input("u")}).read(stated)})
    return function_source(f"each_{name}", program, {"u": "u"}, EXACT)


def _ball_product(a: Entries, b: Entries) -> Entries:
    """The matrix product of balls by flint, whose enclosures are as tight and much faster."""
    from flint import arb_mat

    left = a if a.ndim == 2 else a[None, :]
    right = b if b.ndim == 2 else b[:, None]
    product = arb_mat(left.tolist()) * arb_mat(right.tolist())
    made = np.empty(product.nrows() * product.ncols(), dtype=object)
    made[:] = product.entries()
    return made.reshape(a.shape[:-1] + b.shape[1:])
