"""Scalar factors drawn out of array expressions: when one expression is a multiple of another.

Matrix products, sums, transposes, broadcasts and named intermediates are linear, so a factor of
any argument is a factor of the whole, for all sizes. What is left is compared as it is: no other
identity is used, so a ratio that is found holds for all inputs, and one that is not found says
nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from symopt.statement.array.expression import Array, array, order

__all__ = ["Factored", "factored", "ratio"]

#: Operations that are linear in each argument, and those of one argument.
_LINEAR = frozenset({"matmul", "mul", "outer", "scale"})
_UNARY = frozenset({"sum", "transpose", "broadcast", "trace"})


@dataclass(frozen=True)
class Factored:
    """``number * product of scalars to their powers * core``; scalars are sizes."""

    number: Fraction
    core: Array
    powers: tuple[tuple[Array, int], ...] = field(default=())


def _merged(number: Fraction, core: Array, *parts: Factored, sign: int = 1) -> Factored:
    powers: Counter[Array] = Counter(dict(parts[0].powers) if parts else {})
    for part in parts[1:]:
        for scalar, power in part.powers:
            powers[scalar] += sign * power
    kept = sorted(((s, p) for s, p in powers.items() if p), key=lambda pair: repr(pair[0]))
    return Factored(number, core, tuple(kept))


def factored(root: Array) -> Factored:
    """The expression with all scalar factors in front.

    >>> from symopt.statement.array import data, mean
    >>> X, y = data("X", "n", "d"), data("y", "n")
    >>> found = factored((X.T * 3) @ (y / 2) / 5)
    >>> found.number, found.core
    (Fraction(3, 10), X.T @ y)
    """
    one = array(1)
    known: dict[Array, Factored] = {}
    for node in order(root):
        parts = [known[arg] for arg in node.args]
        if node.op in ("let", "adjoint"):
            known[node] = parts[0]
        elif node.op == "const" and node.value:
            known[node] = Factored(node.value, one)
        elif node.op == "size":
            known[node] = Factored(Fraction(1), one, ((node, 1),))
        elif node.op == "neg":
            known[node] = Factored(-parts[0].number, parts[0].core, parts[0].powers)
        elif node.op in _LINEAR:
            cores = [part.core for part in parts]
            number = parts[0].number * parts[1].number
            known[node] = _merged(number, _product(node, *cores), *parts)
        elif node.op == "div" and parts[1].core is one:
            number = parts[0].number / parts[1].number
            known[node] = _merged(number, parts[0].core, *parts, sign=-1)
        elif node.op in _UNARY:
            core = Array(node.op, (parts[0].core,), node.shape, node.value)
            known[node] = Factored(parts[0].number, core, parts[0].powers)
        else:
            core = Array(node.op, tuple(map(_plain, parts, node.args)), node.shape, node.value)
            known[node] = Factored(Fraction(1), core)
    return known[root]


def _product(node: Array, a: Array, b: Array) -> Array:
    one = array(1)
    if node.op == "scale" and a is one:
        return b
    if node.op == "mul" and node.shape == () and one in (a, b):
        return b if a is one else a
    return Array(node.op, (a, b), node.shape, node.value)


def _plain(part: Factored, given: Array) -> Array:
    """An argument of what is not linear: as it was, names resolved where there are no factors."""
    return part.core if part.number == 1 and not part.powers else given


def ratio(written: Array, stated: Array) -> Fraction | None:
    """The number by which one expression is the other times it, for all inputs and sizes.

    ``None`` where scalar factors alone do not relate them.

    >>> from symopt.statement.array import data
    >>> X, y = data("X", "n", "d"), data("y", "n")
    >>> ratio(X.T @ y, 2 * (X.T @ y)), ratio(X.T @ y, X.T @ (y + 1))
    (Fraction(1, 2), None)
    """
    left, right = factored(written), factored(stated)
    if left.core is not right.core or left.powers != right.powers or not right.number:
        return None
    return left.number / right.number
