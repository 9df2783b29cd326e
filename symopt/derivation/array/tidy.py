"""Constructors that write adjoints as a person would: numbers in front, no ones, no zeros.

Every simplification is an identity of exact arithmetic.
"""

from __future__ import annotations

from fractions import Fraction

from symopt.statement.array.expression import Array, Shape, array

__all__ = [
    "added", "as_columns", "as_rows", "coefficient", "filled", "hadamard", "multiplied", "negated",
    "outer", "scaled", "summed", "transposed",
]  # fmt: skip

ONE = Fraction(1)


def _number(node: Array) -> Fraction | None:
    return node.value if node.op == "const" else None


def scaled(scalar: Array, node: Array) -> Array:
    """scalar * node, with scalars collected in front."""
    factor = _number(scalar)
    if factor == 1:
        return node
    if node.shape == ():
        return _scalar_product(scalar, node)
    if node.op == "broadcast" and node.value == "scalar":
        return filled(scaled(scalar, node.args[0]), node.shape)
    if node.op == "scale":
        return scaled(_scalar_product(scalar, node.args[0]), node.args[1])
    if node.op == "neg":
        return scaled(negated(scalar), node.args[0])
    if factor == -1:
        return negated(node)
    return Array("scale", (scalar, node), node.shape)


def _scalar_product(a: Array, b: Array) -> Array:
    p, q = _number(a), _number(b)
    if p is not None and q is not None:
        return array(p * q)
    if p == 1 or q == 1:
        return b if p == 1 else a
    if q is not None:
        return _scalar_product(b, a)
    if p == -1:
        return negated(b)
    if b.op == "div" and (p is not None or _number(b.args[0]) is not None):
        return _quotient(_scalar_product(a, b.args[0]), b.args[1])
    if a.op == "div" and _number(a.args[0]) is not None:
        return _quotient(_scalar_product(a.args[0], b), a.args[1])
    if b.op == "mul" and p is not None and _number(b.args[0]) is not None:
        return _scalar_product(_scalar_product(a, b.args[0]), b.args[1])
    return Array("mul", (a, b), ())


def _quotient(a: Array, b: Array) -> Array:
    p, q = _number(a), _number(b)
    if p is not None and q is not None and q != 0:
        return array(p / q)
    if q == 1:
        return a
    if a.op == "div" and a.shape == ():
        return Array("div", (a.args[0], _scalar_product(a.args[1], b)), ())
    return Array("div", (a, b), a.shape)


def divided(a: Array, scalar: Array) -> Array:
    """a / scalar, as a scalar factor in front of an array."""
    if a.shape == ():
        return _quotient(a, scalar)
    return scaled(_quotient(array(1), scalar), a)


def negated(node: Array) -> Array:
    """-node, with the sign in front."""
    value = _number(node)
    if value is not None:
        return array(-value)
    if node.op == "neg":
        return node.args[0]
    if node.op == "sub":
        return Array("sub", node.args[::-1], node.shape)
    if node.op == "scale":
        return scaled(negated(node.args[0]), node.args[1])
    if node.op == "div" and _number(node.args[0]) is not None:
        return Array("div", (negated(node.args[0]), node.args[1]), node.shape)
    if node.op == "broadcast" and node.value == "scalar":
        return filled(negated(node.args[0]), node.shape)
    return Array("neg", (node,), node.shape)


def _is_negative(scalar: Array) -> bool:
    value = _number(scalar.args[0] if scalar.op == "div" else scalar)
    return value is not None and value < 0


def coefficient(node: Array) -> tuple[Array, Array]:
    """A node as scalar factor and the rest."""
    return node.args if node.op == "scale" else (array(1), node)  # type: ignore[return-value]


def added(a: Array, b: Array) -> Array:
    """a + b, with a common scalar factor taken out."""
    if a.shape == () == b.shape:
        p, q = _number(a), _number(b)
        if p is not None and q is not None:
            return array(p + q)
    (s, u), (r, v) = coefficient(a), coefficient(b)
    if s is r and _number(s) != 1:
        return scaled(s, Array("add", (u, v), u.shape))
    if negated(r) is s and _number(s) not in (1, -1):
        first, second, front = (v, u, r) if _is_negative(s) else (u, v, s)
        return scaled(front, Array("sub", (first, second), u.shape))
    if b.op == "neg":
        return Array("sub", (a, b.args[0]), a.shape)
    if a.op == "neg":
        return Array("sub", (b, a.args[0]), a.shape)
    if b.op == "scale" and _is_negative(b.args[0]):
        return Array("sub", (a, negated(b)), a.shape)
    if a.op == "scale" and _is_negative(a.args[0]):
        return Array("sub", (b, negated(a)), a.shape)
    return Array("add", (a, b), a.shape)


def hadamard(a: Array, b: Array) -> Array:
    """The elementwise product of two arrays of one shape."""
    if a.shape == ():
        return _scalar_product(a, b)
    for one, other in ((a, b), (b, a)):
        if one.op == "broadcast" and one.value == "scalar":
            return scaled(one.args[0], other)
    for one, other, left in ((a, b, True), (b, a, False)):
        if one.op == "neg":
            return negated(hadamard(*((one.args[0], other) if left else (other, one.args[0]))))
        if one.op == "scale":
            inner = one.args[1]
            return scaled(one.args[0], hadamard(*((inner, other) if left else (other, inner))))
    return Array("mul", (a, b), a.shape)


def quotient(a: Array, b: Array) -> Array:
    """The elementwise quotient of two arrays of one shape."""
    if a.shape == ():
        return _quotient(a, b)
    if a.op in ("scale", "neg"):
        scalar, rest = coefficient(a) if a.op == "scale" else (array(-1), a.args[0])
        return scaled(scalar, quotient(rest, b))
    return Array("div", (a, b), a.shape)


def filled(scalar: Array, shape: Shape) -> Array:
    """A scalar as an array of that shape."""
    return scalar if shape == () else Array("broadcast", (scalar,), shape, "scalar")


def as_rows(vector: Array, shape: Shape) -> Array:
    """A vector as every row of a matrix."""
    return _spread(vector, shape, "rows")


def as_columns(vector: Array, shape: Shape) -> Array:
    """A vector as every column of a matrix."""
    return _spread(vector, shape, "columns")


def _spread(vector: Array, shape: Shape, kind: str) -> Array:
    if vector.op == "broadcast" and vector.value == "scalar":
        return filled(vector.args[0], shape)
    if vector.op in ("scale", "neg"):
        scalar, rest = coefficient(vector) if vector.op == "scale" else (array(-1), vector.args[0])
        return scaled(scalar, _spread(rest, shape, kind))
    return Array("broadcast", (vector,), shape, kind)


def summed(node: Array, axis: int | None, shape: Shape) -> Array:
    """The sum over an axis or of all entries, with a scalar factor in front."""
    if node.shape == ():
        return node
    if node.op in ("scale", "neg"):
        scalar, rest = coefficient(node) if node.op == "scale" else (array(-1), node.args[0])
        return scaled(scalar, summed(rest, axis, shape))
    return Array("sum", (node,), shape, axis)


def transposed(node: Array) -> Array:
    """The transpose of a matrix, and of a vector itself."""
    if node.rank < 2:
        return node
    if node.op == "transpose":
        return node.args[0]
    if node.op == "eye":
        return node
    return Array("transpose", (node,), node.shape[::-1])


def multiplied(a: Array, b: Array) -> Array:
    """The matrix product, with scalar factors in front."""
    for one, left in ((a, True), (b, False)):
        if one.op in ("scale", "neg"):
            scalar, rest = coefficient(one) if one.op == "scale" else (array(-1), one.args[0])
            return scaled(scalar, multiplied(*((rest, b) if left else (a, rest))))
    return a @ b


def outer(a: Array, b: Array) -> Array:
    """The matrix of all products of two vectors' entries."""
    for one, left in ((a, True), (b, False)):
        if one.op in ("scale", "neg"):
            scalar, rest = coefficient(one) if one.op == "scale" else (array(-1), one.args[0])
            return scaled(scalar, outer(*((rest, b) if left else (a, rest))))
    return Array("outer", (a, b), a.shape + b.shape)
