"""The functions of array expressions: elementwise ones, sums, and rows' softmax.

Each elementwise function is stated once, as an expression of one real argument; its derivative,
its kernels and its formulas follow from that or are proved against it. At a kink the stated
convention holds: ``relu``, ``abs`` and ``step`` have derivative 0 at 0 (a subgradient).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr, S

from symopt.errors import StatementError
from symopt.statement.array.expression import Array, Dim, array, brief, shape_text
from symopt.statement.numbers import exact, rational

__all__ = [
    "ELEMENTWISE", "Elementwise", "absolute", "clip", "columns", "data", "dot", "exp", "eye",
    "frobenius", "huber", "labels", "let", "log", "logsumexp", "mean", "onehot", "parameter",
    "relu", "rows", "sigmoid", "sign", "size", "softmax", "softplus", "sqrt", "square", "step",
    "tanh", "total", "trace", "within",
]  # fmt: skip


@dataclass(frozen=True)
class Elementwise:
    """A function of one real argument, and of constants, that acts on every entry.

    ``expression`` states it in SymPy; ``convention`` says what its derivative is at a kink.

    >>> ELEMENTWISE["sigmoid"].expression(sympy.Symbol("u"))
    1/(1 + exp(-u))
    """

    name: str
    expression: Callable[..., Expr]
    convention: str = ""
    constants: int = 0


def _cases(*pairs: Any) -> Expr:
    return sympy.Piecewise(*pairs)


def _huber(u: Expr, delta: Any) -> Expr:
    d = rational(Fraction(delta))
    return _cases((u**2 / 2, sympy.Abs(u) <= d), (d * (sympy.Abs(u) - d / 2), True))


def _clip(u: Expr, delta: Any) -> Expr:
    d = rational(Fraction(delta))
    return _cases((-d, u < -d), (d, u > d), (u, True))


#: Every elementwise function by name.
ELEMENTWISE: dict[str, Elementwise] = {
    entry.name: entry
    for entry in (
        Elementwise("exp", sympy.exp),
        Elementwise("log", sympy.log),
        Elementwise("tanh", sympy.tanh),
        Elementwise("sigmoid", lambda u: 1 / (1 + sympy.exp(-u))),
        Elementwise("softplus", lambda u: sympy.log(1 + sympy.exp(u))),
        Elementwise("sqrt", sympy.sqrt),
        Elementwise("square", lambda u: u**2),
        Elementwise("power", lambda u, n: u ** int(n), constants=1),
        Elementwise(
            "relu", lambda u: _cases((S.Zero, u <= 0), (u, True)), "the derivative at 0 is 0"
        ),
        Elementwise("abs", sympy.Abs, "the derivative at 0 is 0"),
        Elementwise("sign", sympy.sign, "the derivative at 0 is 0"),
        Elementwise(
            "step", lambda u: _cases((S.Zero, u <= 0), (S.One, True)), "the derivative at 0 is 0"
        ),
        Elementwise("huber", _huber, constants=1),
        Elementwise(
            "clip", _clip, "the derivative at the two ends is 1", constants=1
        ),
        Elementwise(
            "within",
            lambda u, delta: _cases(
                (S.One, sympy.Abs(u) <= rational(Fraction(delta))), (S.Zero, True)
            ),
            "the derivative at the two ends is 0", constants=1,
        ),
    )
}  # fmt: skip


def _name(name: str, taken: str) -> str:
    if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
        raise StatementError(f"{name!r} is not a name for {taken}; write letters and digits")
    return name


def _shape(name: str, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    for dim in shape:
        whole = isinstance(dim, int) and not isinstance(dim, bool) and dim > 0
        if not whole and not (isinstance(dim, str) and dim.isidentifier()):
            raise StatementError(
                f"{name}: {dim!r} is not a size; give a positive number or a name such as 'n'"
            )
    if len(shape) > 2:
        raise StatementError(
            f"{name}: shape {shape_text(shape)} has {len(shape)} axes; there are scalars, vectors "
            "and matrices"
        )
    return shape


def parameter(name: str, *shape: Dim) -> Array:
    """A parameter to be learned: ``parameter("W", "d", "K")``; without sizes a scalar."""
    return Array("parameter", (), _shape(_name(name, "a parameter"), shape), name)


def data(name: str, *shape: Dim) -> Array:
    """Data to be bound later; samples are rows: ``data("X", "n", "d")``."""
    return Array("data", (), _shape(_name(name, "data"), shape), name)


def labels(name: str, samples: Dim = "n") -> Array:
    """Integer labels 0, 1, ..., one per sample; :func:`onehot` makes them rows."""
    return Array("labels", (), _shape(_name(name, "labels"), (samples,)), name)


def onehot(given: Array, classes: Dim) -> Array:
    """The matrix with a 1 in every row's labelled column, of shape (samples, classes)."""
    if given.op != "labels":
        raise StatementError(f"onehot({brief(given)}): it takes labels(...), integers to be bound")
    return Array("onehot", (given,), (*given.shape, *_shape("onehot", (classes,))))


def let(name: str, given: Array) -> Array:
    """The same value under a name, which derivations and kernels then use.

    >>> let("r", data("X", "n", "d") @ parameter("w", "d")).name
    'r'
    """
    return Array("let", (array(given),), array(given).shape, _name(name, "an intermediate"))


def size(dim: Dim) -> Array:
    """A size as a scalar."""
    return array(dim) if isinstance(dim, int) else Array("size", (), (), dim)


def eye(dim: Dim) -> Array:
    """The unit matrix."""
    return Array("eye", (), (dim, dim))


def apply(name: str, given: Any, *constants: Any) -> Array:
    """An elementwise function by its name in ``ELEMENTWISE``."""
    node = array(given)
    return Array("apply", (node,), node.shape, (name, *constants))


def exp(a: Any) -> Array:
    """exp of every entry."""
    return apply("exp", a)


def log(a: Any) -> Array:
    """The natural logarithm of every entry."""
    return apply("log", a)


def tanh(a: Any) -> Array:
    """tanh of every entry."""
    return apply("tanh", a)


def sigmoid(a: Any) -> Array:
    """1 / (1 + exp(-u)) of every entry."""
    return apply("sigmoid", a)


def softplus(a: Any) -> Array:
    """log(1 + exp(u)) of every entry, computed without overflow."""
    return apply("softplus", a)


def sqrt(a: Any) -> Array:
    """The square root of every entry."""
    return apply("sqrt", a)


def square(a: Any) -> Array:
    """The square of every entry."""
    return apply("square", a)


def relu(a: Any) -> Array:
    """max(0, u) of every entry; by convention its derivative at 0 is 0."""
    return apply("relu", a)


def absolute(a: Any) -> Array:
    """The absolute value of every entry; by convention its derivative at 0 is 0."""
    return apply("abs", a)


def sign(a: Any) -> Array:
    """-1, 0 or 1 for every entry."""
    return apply("sign", a)


def step(a: Any) -> Array:
    """1 where an entry is positive, else 0: the derivative of :func:`relu`."""
    return apply("step", a)


def _threshold(delta: Any, what: str) -> Fraction:
    value = exact(delta, what)
    if value <= 0:
        raise StatementError(f"{what}: the threshold is positive, not {value}")
    return value


def huber(a: Any, delta: Any = 1) -> Array:
    """u**2/2 up to ``|u| = delta``, from there on the straight line ``delta*(|u| - delta/2)``."""
    return apply("huber", a, _threshold(delta, "huber"))


def clip(a: Any, delta: Any = 1) -> Array:
    """Every entry cut to ``[-delta, delta]``: the derivative of :func:`huber`."""
    return apply("clip", a, _threshold(delta, "clip"))


def within(a: Any, delta: Any = 1) -> Array:
    """1 where ``|u| <= delta``, else 0: the derivative of :func:`clip`."""
    return apply("within", a, _threshold(delta, "within"))


def total(a: Any, axis: int | None = None) -> Array:
    """The sum of all entries; of a matrix also over the samples (axis 0) or along rows (axis 1).

    >>> total(data("X", "n", "d"), axis=0).shape
    ('d',)
    """
    node = array(a)
    if axis is None:
        return Array("sum", (node,), (), None) if node.shape else node
    if node.rank != 2 or axis not in (0, 1):
        raise StatementError(
            f"total({brief(node)}, axis={axis!r}): an axis is 0 or 1, of a matrix; this has shape "
            f"{shape_text(node.shape)}"
        )
    return Array("sum", (node,), (node.shape[1 - axis],), axis)


def mean(a: Any, axis: int | None = None) -> Array:
    """The mean of all entries, or over one axis of a matrix."""
    node = array(a)
    summed = total(node, axis)
    if not node.shape:
        return node
    dims = node.shape if axis is None else (node.shape[axis],)
    count = size(dims[0])
    for dim in dims[1:]:
        count = count * size(dim)
    return summed / count


def frobenius(a: Any) -> Array:
    """The squared Frobenius norm, which is the squared length of a vector."""
    return total(square(a))


def dot(a: Any, b: Any) -> Array:
    """The sum of the products of corresponding entries."""
    return total(array(a) * array(b))


def trace(a: Array) -> Array:
    """The sum of the diagonal of a square matrix."""
    if a.rank != 2 or a.shape[0] != a.shape[1]:
        raise StatementError(
            f"trace({brief(a)}): a trace is of a square matrix, and this has shape "
            f"{shape_text(a.shape)}"
        )
    return Array("trace", (a,), ())


def logsumexp(a: Array) -> Array:
    """log(sum(exp(row))) of every row of a matrix, or of a vector; computed without overflow."""
    _by_rows("logsumexp", a)
    return Array("logsumexp", (a,), a.shape[:-1])


def softmax(a: Array) -> Array:
    """exp(row)/sum(exp(row)) of every row of a matrix, or of a vector; without overflow."""
    _by_rows("softmax", a)
    return Array("softmax", (a,), a.shape)


def _by_rows(name: str, a: Array) -> None:
    if a.rank == 0:
        raise StatementError(f"{name}({brief(a)}): it takes the rows of a matrix or a vector")


def rows(a: Array, samples: Dim) -> Array:
    """A vector repeated as every row of a matrix of that many rows."""
    return _repeated(a, (samples, *a.shape), "rows")


def columns(a: Array, width: Dim) -> Array:
    """A vector repeated as every column of a matrix of that many columns."""
    return _repeated(a, (*a.shape, width), "columns")


def _repeated(a: Array, shape: tuple[Dim, ...], kind: str) -> Array:
    if a.rank != 1:
        raise StatementError(
            f"{kind}({brief(a)}): it takes a vector, and this has shape {shape_text(a.shape)}"
        )
    return Array("broadcast", (a,), _shape(kind, shape), kind)
