"""The exact quadratic that a loss on data is in its parameters, and its exact minimizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.entries import Entries, Numbers, evaluate
from symopt.statement.array.expression import Array, order

__all__ = ["QuadraticLoss", "degree", "quadratic_loss", "to_fmpq"]


def degree(loss: Array) -> int | None:
    """A bound on a loss's degree as a polynomial in its parameters; ``None`` where it is none.

    >>> import symopt
    >>> degree(symopt.models.ridge.loss), degree(symopt.models.lasso.loss)
    (2, None)
    """
    found: dict[Array, int | None] = {}
    for node in order(loss):
        parts = [found[arg] for arg in node.args]
        known = [part for part in parts if part is not None]
        value: int | None = max(known, default=0)
        if node.op == "parameter":
            value = 1
        elif len(known) < len(parts):
            value = None
        elif node.op in ("mul", "scale", "matmul", "outer"):
            value = sum(known)
        elif node.op == "div":
            value = known[0] if known[1] == 0 else None
        elif node.op == "apply" and value:
            name, *constants = node.value
            powers = {"square": 2, "power": int(constants[0]) if constants else 0}
            value = value * powers[name] if name in powers else None
        elif node.op in ("softmax", "logsumexp") and value:
            value = None
        found[node] = value
    return found[loss]


@dataclass(frozen=True, eq=False)
class QuadraticLoss:
    """A loss on data as ``w'Aw/2 - c'w + k`` in the vector ``w`` of all parameters, exactly.

    ``matrix`` is A (the Hessian), ``linear`` is c, ``constant`` is k, all exact fractions of the
    data as they are: floats at their exact binary values.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[0], [1], [2]], y=[0, 1, 3])
    >>> loss = symopt.quadratic_loss(fit)
    >>> loss.minimizer, loss.value(loss.minimizer)
    ((Fraction(3, 2), Fraction(-1, 6)), Fraction(1, 18))
    """

    bound: BoundObjective
    matrix: tuple[tuple[Fraction, ...], ...]
    linear: tuple[Fraction, ...]
    constant: Fraction

    @property
    def minimizer(self) -> tuple[Fraction, ...]:
        """The one point of least loss.

        Raises :class:`~symopt.errors.InputError` where the Hessian is singular, so that there is
        none or a whole line of them (a mean of squares has no negative curvature).
        """
        from flint import fmpq_mat

        size = len(self.linear)
        matrix = fmpq_mat(size, size, [to_fmpq(v) for row in self.matrix for v in row])
        if matrix.rank() < size:
            raise InputError(
                f"{self.bound.name}: the Hessian has rank {matrix.rank()} for {size} parameters, "
                "so no single point has the least loss; drop columns that depend on others, or "
                "add a penalty"
            )
        if not _positive(matrix):
            raise InputError(f"{self.bound.name} has a direction of negative curvature: no minimum")
        solved = matrix.solve(fmpq_mat(size, 1, [to_fmpq(v) for v in self.linear]))
        return tuple(_fraction(solved[i, 0]) for i in range(size))

    def gradient(self, point: Any) -> tuple[Any, ...]:
        """``A w - c``, in the numbers of the point."""
        return tuple(
            sum((a * w for a, w in zip(row, point, strict=True)), -c)
            for row, c in zip(self.matrix, self.linear, strict=True)
        )

    def value(self, point: Any) -> Any:
        """The loss, in the numbers of the point."""
        halves = (
            w * (g - c) / 2
            for w, g, c in zip(point, self.gradient(point), self.linear, strict=True)
        )
        return sum(halves, self.constant)

    def __str__(self) -> str:
        digits = ", ".join(f"{float(value):.6g}" for value in self.minimizer)
        return (
            f"{self.bound.title}: quadratic in {len(self.linear)} parameters, least at ({digits})"
        )


@lru_cache(maxsize=128)
def quadratic_loss(bound: BoundObjective) -> QuadraticLoss:
    """The exact quadratic that a bound objective is.

    Raises :class:`~symopt.errors.InputError` for a loss that is not quadratic in its parameters.

    >>> import symopt
    >>> symopt.quadratic_loss(symopt.models.lasso.bind(X=[[1]], y=[2], lam=1))
    Traceback (most recent call last):
    ...
    symopt.errors.InputError: lasso is not a quadratic in its parameters, so no rational ...
    """
    reached = degree(bound.statement.loss)
    if reached is None or reached > 2:
        raise InputError(
            f"{bound.name} is not a quadratic in its parameters, so no rational computation "
            "gives its minimizer; run it instead, in balls for certified digits"
        )
    data = {name: np.asarray(_convert(part)) for name, part in bound.exact_data().items()}
    roots = {"": bound.statement.loss, **bound.statement.gradient}
    size = bound.dimension

    def at(point: Entries, wanted: dict[str, Array]) -> dict[str, Entries]:
        return evaluate(wanted, {**bound.unflatten(point), **data}, _RATIONALS)

    def slopes(point: Entries) -> list[Any]:
        found = at(point, roots)
        return [value for name in bound.slices for value in found[name].ravel()]

    origin = _convert(np.zeros(size, dtype=object))
    base = slopes(origin)
    columns = []
    for index in range(size):
        point = origin.copy()
        point[index] = to_fmpq(Fraction(1))
        columns.append([_fraction(a - b) for a, b in zip(slopes(point), base, strict=True)])
    return QuadraticLoss(
        bound,
        tuple(zip(*columns, strict=True)),
        tuple(-_fraction(value) for value in base),
        _fraction(at(origin, roots)[""].item()),
    )


def to_fmpq(value: Any) -> Any:
    """A fraction in flint's rationals."""
    from flint import fmpq

    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _convert(given: Any) -> Entries:
    return np.asarray(np.frompyfunc(to_fmpq, 1, 1)(given), dtype=object)


def _function(value: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Powers alone have exact values; what a function gives of data alone is not needed here."""
    name, *constants = value
    if name not in ("square", "power"):
        raise InputError(f"{name} of data has no exact rational value")
    exponent = 2 if name == "square" else int(constants[0])
    return lambda entry: entry**exponent


_RATIONALS = Numbers(to_fmpq, _function)


def _positive(matrix: Any) -> bool:
    """Whether a regular symmetric matrix is positive definite: by its leading minors."""
    from flint import fmpq_mat

    size = matrix.nrows()
    for count in range(1, size + 1):
        corner = fmpq_mat(count, count, [matrix[i, j] for i in range(count) for j in range(count)])
        if corner.det() <= 0:
            return False
    return True
