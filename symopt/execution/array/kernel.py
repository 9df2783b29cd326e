"""A generated NumPy kernel of an array objective: value and gradient on fixed buffers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.derivation.array.gradient import gradient
from symopt.errors import InputError
from symopt.execution.arithmetic import round_to
from symopt.execution.array.printer import kernel_source
from symopt.statement.array.objective import ArrayObjective

if TYPE_CHECKING:
    from symopt.statement.array.bound import BoundObjective

__all__ = ["ArrayKernel", "array_kernel"]

Values = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class ArrayKernel:
    """Value and gradient as generated NumPy code that makes no arrays while it runs.

    ``theta`` is the buffer that ``compute_value()`` and ``compute_gradient()`` read, ``grad`` the
    one that the latter writes; ``data`` are the arrays that it was made for, by name. After other
    numbers (of the same shapes) are written into those, call ``prepare()``.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> print(fit.kernel.source)
    def linear_regression(theta, grad, X, y):
        w = theta[0:1]
        d_w = grad[0:1]
        b = theta[1:2].reshape(())
        d_b = grad[1:2].reshape(())
        c1 = X.T
        ...
        def gradient():
            dot(X, w, a1)
            add(a1, b, a1)
            subtract(a1, y, a1)
            dot(c1, a1, d_w)
            a2 = reduce_sum(a1, None)
            d_b[...] = a2
        return prepare, value, gradient
    """

    source: str
    dtype: type[np.floating[Any]]
    theta: Values = field(repr=False)
    grad: Values = field(repr=False)
    data: dict[str, Values] = field(repr=False)
    prepare: Callable[[], None] = field(repr=False)
    compute_value: Callable[[], float] = field(repr=False)
    compute_gradient: Callable[[], None] = field(repr=False)
    #: The buffers serve one caller at a time.
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def value_at(self, theta: Values) -> float:
        """The loss at a point."""
        with self.lock, np.errstate(all="ignore"):
            self.theta[:] = theta
            return self.compute_value()

    def gradient_at(self, theta: Values) -> Values:
        """The gradient at a point, as a new array."""
        with self.lock, np.errstate(all="ignore"):
            self.theta[:] = theta
            self.compute_gradient()
            return self.grad.copy()


def array_kernel(
    bound: BoundObjective,
    dtype: type[np.floating[Any]] = np.float64,
    places: tuple[Values, Values] | None = None,
) -> ArrayKernel:
    """A new kernel of a bound objective, with buffers of its own; ``places`` are theta and grad.

    Raises :class:`~symopt.errors.InputError` for data beyond the range of the dtype.
    """
    theta, grad = places or (np.zeros(bound.dimension, dtype), np.zeros(bound.dimension, dtype))
    data = {name: _as_floats(name, part, dtype) for name, part in bound.data.items()}
    source = source_of(bound.statement)
    namespace = _namespace(dtype)
    exec(_compiled(source), namespace)
    made = namespace[source[4 : source.index("(")]]
    prepare, value, gradients = made(theta, grad, *data.values())
    with np.errstate(all="ignore"):
        prepare()
    return ArrayKernel(source, dtype, theta, grad, data, prepare, value, gradients)


@lru_cache(maxsize=128)
def source_of(objective: ArrayObjective) -> str:
    """The source of the kernel of an objective whose sizes are numbers."""
    title = objective.name if objective.name.isidentifier() else "objective"
    return kernel_source(objective, gradient(objective), title)


@lru_cache(maxsize=128)
def _compiled(source: str) -> Any:
    return compile(source, f"<symopt kernel: {source[4 : source.index('(')]}>", "exec")


def _namespace(dtype: type[np.floating[Any]]) -> dict[str, Any]:
    from symopt.execution.array.printer import WORDS

    own: dict[str, Any] = {
        "empty": lambda shape: np.empty(shape, dtype),
        "reduce_sum": np.add.reduce,
        "reduce_max": np.maximum.reduce,
        "number": lambda cell: cell[()],
        "onehot": _onehot,
        "eye": lambda count: np.eye(count, dtype=dtype),
    }
    return {name: own.get(name) or getattr(np, name) for name in WORDS}


def _onehot(labels: Values, out: Values) -> None:
    out[...] = 0
    out[np.arange(len(labels)), labels] = 1


def _as_floats(name: str, given: Values, dtype: type[np.floating[Any]]) -> Values:
    if given.dtype.kind in "iu":
        return given.copy()
    if given.dtype == object:
        rounded = [round_to(value, dtype) for value in given.ravel()]
        made = np.array(rounded, dtype).reshape(given.shape)
    else:
        with np.errstate(over="ignore"):
            made = given.astype(dtype)
    if not np.isfinite(made).all():
        raise InputError(f"{name}: a number beyond the range of {np.dtype(dtype).name}")
    return made
