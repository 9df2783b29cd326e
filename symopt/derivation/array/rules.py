"""The rules of reverse differentiation of array expressions, one for each operation.

A rule gives, for the adjoint G of a node (the gradient of the loss with respect to it), what each
argument receives; ``None`` where an argument receives nothing. The reason is the sentence that a
derivation prints. Tests prove every rule against ``sympy.diff`` on the entries.
"""

from __future__ import annotations

from collections.abc import Callable

from symopt.derivation.array import tidy
from symopt.statement.array.expression import Array, array
from symopt.statement.array.functions import apply

__all__ = ["ELEMENTWISE_DERIVATIVES", "REASONS", "adjoints"]

Parts = tuple[Array | None, ...]


def _one_minus(node: Array) -> Array:
    return array(1) - node


#: The derivative of each elementwise function, from its argument u and its own value v.
ELEMENTWISE_DERIVATIVES: dict[str, Callable[..., Array]] = {
    "exp": lambda u, v: v,
    "log": lambda u, v: array(1) / u,
    "tanh": lambda u, v: _one_minus(apply("square", v)),
    "sigmoid": lambda u, v: v * _one_minus(v),
    "softplus": lambda u, v: apply("sigmoid", u),
    "sqrt": lambda u, v: array(1) / tidy.scaled(array(2), v),
    "square": lambda u, v: tidy.scaled(array(2), u),
    "power": lambda u, v, n: tidy.scaled(array(n), u if n == 2 else u ** (n - 1)),
    "relu": lambda u, v: apply("step", u),
    "abs": lambda u, v: apply("sign", u),
    "huber": lambda u, v, delta: apply("clip", u, delta),
    "clip": lambda u, v, delta: apply("within", u, delta),
}
#: Functions whose derivative is 0 wherever they have one, and by convention where not.
FLAT = frozenset({"sign", "step", "within"})


def _apply(node: Array, bar: Array, value: Array) -> Parts:
    name, *constants = node.value
    if name in FLAT:
        return (None,)
    (u,) = node.args
    if name == "log":
        return (tidy.quotient(bar, u),)
    if name == "sqrt":
        return (tidy.quotient(tidy.scaled(array("1/2"), bar), value),)
    return (tidy.hadamard(bar, ELEMENTWISE_DERIVATIVES[name](u, value, *constants)),)


def _matmul(node: Array, bar: Array, value: Array) -> Parts:
    a, b = node.args
    if a.rank == 2 and b.rank == 2:
        return tidy.multiplied(bar, tidy.transposed(b)), tidy.multiplied(tidy.transposed(a), bar)
    if a.rank == 2:  # a matrix on a vector
        return tidy.outer(bar, b), tidy.multiplied(tidy.transposed(a), bar)
    if b.rank == 2:  # a vector on a matrix
        return tidy.multiplied(b, bar), tidy.outer(a, bar)
    return tidy.scaled(bar, b), tidy.scaled(bar, a)


def _div(node: Array, bar: Array, value: Array) -> Parts:
    a, b = node.args
    if b.shape == () and a.shape != ():
        return tidy.divided(bar, b), tidy.negated(_inner(bar, tidy.divided(value, b)))
    part = tidy.quotient(bar, b)
    return part, tidy.negated(tidy.hadamard(part, value))


def _inner(a: Array, b: Array) -> Array:
    return tidy.summed(tidy.hadamard(a, b), None, ())


def _broadcast(node: Array, bar: Array, value: Array) -> Parts:
    axis = {"scalar": None, "rows": 0, "columns": 1}[node.value]
    return (tidy.summed(bar, axis, node.args[0].shape),)


def _sum(node: Array, bar: Array, value: Array) -> Parts:
    shape = node.args[0].shape
    if node.value is None:
        return (tidy.filled(bar, shape),)
    return ((tidy.as_rows if node.value == 0 else tidy.as_columns)(bar, shape),)


def _logsumexp(node: Array, bar: Array, value: Array) -> Parts:
    (z,) = node.args
    weights = Array("softmax", (z,), z.shape)
    wide = tidy.as_columns(bar, z.shape) if z.rank == 2 else tidy.filled(bar, z.shape)
    return (tidy.hadamard(wide, weights),)


def _softmax(node: Array, bar: Array, value: Array) -> Parts:
    """P * (G - <G, P> of every row)."""
    weighted = tidy.hadamard(bar, value)
    if node.rank == 2:
        inner = tidy.as_columns(tidy.summed(weighted, 1, node.shape[:1]), node.shape)
    else:
        inner = tidy.filled(tidy.summed(weighted, None, ()), node.shape)
    return (tidy.hadamard(value, Array("sub", (bar, inner), node.shape)),)


_RULES: dict[str, Callable[[Array, Array, Array], Parts]] = {
    "let": lambda node, bar, value: (bar,),
    "add": lambda node, bar, value: (bar, bar),
    "sub": lambda node, bar, value: (bar, tidy.negated(bar)),
    "neg": lambda node, bar, value: (tidy.negated(bar),),
    "mul": lambda node, bar, value: (
        tidy.hadamard(bar, node.args[1]), tidy.hadamard(bar, node.args[0])
    ),
    "scale": lambda node, bar, value: (
        _inner(bar, node.args[1]), tidy.scaled(node.args[0], bar)
    ),
    "div": _div,
    "matmul": _matmul,
    "outer": lambda node, bar, value: (
        tidy.multiplied(bar, node.args[1]), tidy.multiplied(tidy.transposed(bar), node.args[0])
    ),
    "transpose": lambda node, bar, value: (tidy.transposed(bar),),
    "apply": _apply,
    "sum": _sum,
    "broadcast": _broadcast,
    "trace": lambda node, bar, value: (
        tidy.scaled(bar, Array("eye", (), node.args[0].shape)),
    ),
    "logsumexp": _logsumexp,
    "softmax": _softmax,
}  # fmt: skip

#: What a derivation says of each use of a rule, by operation and argument (or by operation).
REASONS: dict[str | tuple[str, int], str] = {
    "add": "a sum passes the gradient on to each term",
    ("sub", 0): "a difference passes the gradient on",
    ("sub", 1): "with a minus, for it is subtracted",
    "neg": "with a minus",
    "mul": "times the other factor, entry by entry",
    ("scale", 0): "a scalar factor receives the sum of products",
    ("scale", 1): "a scalar factor stays",
    ("div", 0): "over the divisor",
    ("div", 1): "quotient rule",
    ("matmul", 0): "times the second factor transposed, from the right",
    ("matmul", 1): "times the first factor transposed, from the left",
    ("outer", 0): "times the row, for the column of a product",
    ("outer", 1): "times the column, for the row of a product",
    "transpose": "transposed",
    "apply": "chain rule, entry by entry",
    "sum": "every summand receives the gradient of the sum",
    "broadcast": "what is repeated receives the sum over its copies",
    "trace": "the unit matrix, for a trace",
    "logsumexp": "the gradient of log-sum-exp is softmax, row by row",
    "softmax": "each row of the softmax by the quotient rule",
    "let": "by definition",
}


def reason(node: Array, position: int) -> str:
    """What a derivation says where the rule of a node gave its argument's part.

    >>> from symopt.statement.array import data, parameter
    >>> reason(data("X", "n", "d") @ parameter("w", "d"), 1)
    'times the first factor transposed, from the left'
    """
    if node.op == "mul" and node.shape == ():
        return REASONS["scale", 1]
    told = REASONS.get((node.op, position)) or REASONS[node.op]
    return f"{told} ({node.value[0]})" if node.op == "apply" else told


def adjoints(node: Array, bar: Array, value: Array | None = None) -> Parts:
    """What each argument of a node receives from the node's adjoint.

    ``value`` is the node, or the name that it has.
    """
    return _RULES[node.op](node, bar, node if value is None else value)
