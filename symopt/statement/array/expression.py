"""An array expression is a node of a hash-consed tree, its shape checked when it is made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from symopt.errors import InputError, StatementError
from symopt.statement.numbers import exact

__all__ = ["Array", "Dim", "Shape", "array", "order", "rebuild", "shape_text"]

#: A size: a number, or a name such as ``"n"`` that stands for one.
Dim = int | str
#: ``()`` is a scalar, ``(n,)`` a vector, ``(n, m)`` a matrix.
Shape = tuple[Dim, ...]

_TEXT = 60


class Array:
    """A scalar, vector or matrix expression. Equal expressions are one object.

    ``op`` names the operation, ``args`` are its arguments, ``shape`` is the result's, ``value``
    is what else the operation needs: a name, a constant, an axis, a function.

    Build arrays with :func:`~symopt.statement.array.parameter`,
    :func:`~symopt.statement.array.data`, the operators ``@ + - * / **`` and ``.T``.

    >>> from symopt.statement.array import data, parameter
    >>> X, w = data("X", "n", "d"), parameter("w", "d")
    >>> X @ w is X @ w, (X @ w).shape
    (True, ('n',))
    >>> w @ X
    Traceback (most recent call last):
    ...
    symopt.errors.StatementError: w @ X: shapes (d,) and (n, d) do not fit: d is not n
    """

    __slots__ = ("__weakref__", "args", "op", "shape", "value")
    op: str
    args: tuple[Array, ...]
    shape: Shape
    value: Any

    #: Every expression in use, so that equal ones are the same object. Invisible from outside.
    _made: ClassVar[WeakValueDictionary[Any, Array]] = WeakValueDictionary()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __new__(cls, op: str, args: tuple[Array, ...], shape: Shape, value: Any = None) -> Array:
        key = (op, tuple(map(id, args)), shape, value)
        with cls._lock:
            known = cls._made.get(key)
            if known is None:
                known = super().__new__(cls)
                for name, content in (
                    ("op", op), ("args", args), ("shape", shape), ("value", value)
                ):  # fmt: skip
                    object.__setattr__(known, name, content)
                cls._made[key] = known
            return known

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an array expression is fixed; {name} cannot be set")

    def __reduce__(self) -> Any:  # so that what is unpickled is the same object again
        return Array, (self.op, self.args, self.shape, self.value)

    def __copy__(self) -> Array:
        return self

    def __deepcopy__(self, memo: Any) -> Array:
        return self

    @property
    def name(self) -> str:
        """The name of a symbol or of a named intermediate, else ``""``."""
        named = self.op in ("parameter", "data", "labels", "let", "adjoint")
        return self.value if named else ""

    @property
    def rank(self) -> int:
        """0 for a scalar, 1 for a vector, 2 for a matrix."""
        return len(self.shape)

    @property
    def T(self) -> Array:
        """The transpose of a matrix."""
        if self.rank != 2:
            raise StatementError(
                f"{brief(self)}.T: only a matrix is transposed, and this has shape "
                f"{shape_text(self.shape)}"
            )
        return Array("transpose", (self,), self.shape[::-1])

    def __matmul__(self, other: Any) -> Array:
        return _matmul(self, array(other))

    def __rmatmul__(self, other: Any) -> Array:
        return _matmul(array(other), self)

    def __add__(self, other: Any) -> Array:
        a, b = _fitted("+", self, array(other))
        return Array("add", (a, b), a.shape)

    def __radd__(self, other: Any) -> Array:
        return array(other) + self

    def __sub__(self, other: Any) -> Array:
        a, b = _fitted("-", self, array(other))
        return Array("sub", (a, b), a.shape)

    def __rsub__(self, other: Any) -> Array:
        return array(other) - self

    def __neg__(self) -> Array:
        return Array("neg", (self,), self.shape)

    def __mul__(self, other: Any) -> Array:
        return _product(self, array(other))

    def __rmul__(self, other: Any) -> Array:
        return _product(array(other), self)

    def __truediv__(self, other: Any) -> Array:
        divisor = array(other)
        if divisor.op == "const" and divisor.value == 0:
            raise StatementError(f"{brief(self)} / 0: a division by zero")
        if divisor.shape == ():
            return Array("div", (self, divisor), self.shape)
        a, b = _fitted("/", self, divisor)
        return Array("div", (a, b), a.shape)

    def __rtruediv__(self, other: Any) -> Array:
        return array(other) / self

    def __pow__(self, exponent: Any) -> Array:
        if isinstance(exponent, bool) or not isinstance(exponent, int) or exponent < 2:
            raise StatementError(
                f"{brief(self)} ** {exponent!r}: an elementwise power is a whole number from 2; "
                "for roots there is sqrt()"
            )
        value = ("square",) if exponent == 2 else ("power", exponent)
        return Array("apply", (self,), self.shape, value)

    def __bool__(self) -> bool:
        raise StatementError(f"{brief(self)} is an expression; it is neither true nor false")

    def __iter__(self) -> Iterator[Array]:
        raise StatementError(f"{brief(self)} is an expression and has no items to go through")

    def __repr__(self) -> str:
        from symopt.statement.array.text import text

        return text(self)


def array(value: Any) -> Array:
    """An array expression from itself or from a number (decimals are taken as written).

    >>> array("0.1").value
    Fraction(1, 10)
    """
    if isinstance(value, Array):
        return value
    try:
        number = exact(value, "a constant")
    except InputError as error:
        raise StatementError(
            f"{error}; an array expression is made of parameters, data and exact numbers "
            "(arrays of numbers are bound to data names later)"
        ) from None
    return Array("const", (), (), number)


def shape_text(shape: Shape) -> str:
    """A shape as it is written: ``(n, 3)``, ``(n,)``, ``()``."""
    inside = ", ".join(map(str, shape))
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def brief(given: Array) -> str:
    """The expression's text, shortened for a message."""
    text = repr(given)
    return text if len(text) <= _TEXT else text[: _TEXT - 3] + "..."


def order(*roots: Array) -> list[Array]:
    """Every node below the roots once, arguments first."""
    found: dict[Array, None] = {}
    stack: list[tuple[Array, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if node in found:
            continue
        if ready:
            found[node] = None
        else:
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if arg not in found)
    return list(found)


def rebuild(root: Array, known: dict[Array, Array], sizes: dict[str, int] | None = None) -> Array:
    """The expression with some nodes replaced and named sizes put in; ``known`` is the memo."""
    for node in order(root):
        if node in known:
            continue
        args = tuple(known[arg] for arg in node.args)
        if node.op == "size" and sizes and node.value in sizes:
            known[node] = array(sizes[node.value])
            continue
        shape = tuple(sizes.get(dim, dim) if isinstance(dim, str) else dim for dim in node.shape
                      ) if sizes else node.shape  # fmt: skip
        known[node] = Array(node.op, args, shape, node.value)
    return known[root]


def _mismatch(sign: str, a: Array, b: Array, why: str) -> StatementError:
    return StatementError(
        f"{brief(a)} {sign} {brief(b)}: shapes {shape_text(a.shape)} and {shape_text(b.shape)} "
        f"do not fit: {why}"
    )


def _matmul(a: Array, b: Array) -> Array:
    if not a.shape or not b.shape:
        raise _mismatch("@", a, b, "a scalar multiplies with *")
    inner, first = a.shape[-1], b.shape[0]
    if inner != first:
        raise _mismatch("@", a, b, f"{inner} is not {first}")
    return Array("matmul", (a, b), a.shape[:-1] + b.shape[1:])


def _fitted(sign: str, a: Array, b: Array) -> tuple[Array, Array]:
    """The operands in one shape: a scalar fills it, a vector becomes every row of a matrix."""
    if a.shape == b.shape:
        return a, b
    for small, large, swapped in ((a, b, False), (b, a, True)):
        if small.shape == ():
            kind = "scalar"
        elif small.rank == 1 and large.rank == 2 and small.shape[0] == large.shape[1]:
            kind = "rows"
        else:
            continue
        wide = Array("broadcast", (small,), large.shape, kind)
        return (large, wide) if swapped else (wide, large)
    if {a.rank, b.rank} == {1, 2}:
        vector, matrix = (a, b) if a.rank == 1 else (b, a)
        why = f"a vector is added to every row, and {vector.shape[0]} is not {matrix.shape[1]}"
        if vector.shape[0] == matrix.shape[0]:
            why += "; to repeat it as every column write columns(...)"
        raise _mismatch(sign, a, b, why)
    pairs = zip(a.shape, b.shape, strict=True)
    why = ", ".join(f"{p} is not {q}" for p, q in pairs if p != q)
    raise _mismatch(sign, a, b, why)


def _product(a: Array, b: Array) -> Array:
    if a.shape == b.shape:
        return Array("mul", (a, b), a.shape)
    if a.shape == ():
        return Array("scale", (a, b), b.shape)
    if b.shape == ():
        return Array("scale", (b, a), a.shape)
    a, b = _fitted("*", a, b)
    return Array("mul", (a, b), a.shape)


def number(node: Array) -> Fraction | None:
    """The value of a constant, else ``None``."""
    return node.value if node.op == "const" else None
