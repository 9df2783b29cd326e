"""Array expressions computed entry by entry, in any arithmetic whose numbers have + - * /."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import StatementError
from symopt.statement.array.expression import Array, order, shape_text

__all__ = ["Entries", "Numbers", "evaluate"]

#: An array of objects: one number of some arithmetic per entry.
Entries = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Numbers:
    """An arithmetic: how it makes an exact constant, and its functions of one number.

    ``function`` gives, for ``("exp",)`` or ``("huber", delta)``, a function of one number. The
    numbers themselves bring ``+``, ``-``, ``*`` and ``/``. ``product`` multiplies matrices where
    the arithmetic has a way of its own.
    """

    constant: Callable[[Fraction], Any]
    function: Callable[[tuple[Any, ...]], Callable[[Any], Any]]
    product: Callable[[Entries, Entries], Entries] | None = None


def evaluate(
    roots: Mapping[str, Array], leaves: Mapping[str, Entries], numbers: Numbers
) -> dict[str, Entries]:
    """The entries of each root, from those of parameters and data; each node computed once.

    Labels are given as their one-hot rows. Sums go from the first entry to the last.
    """
    values: dict[Array, Entries] = {}
    for node in order(*roots.values()):
        values[node] = _node(node, [values[arg] for arg in node.args], leaves, numbers)
    return {name: values[root] for name, root in roots.items()}


def boxed(value: Any, shape: tuple[int, ...] = ()) -> Entries:
    """An array of objects of that shape, filled."""
    made = np.empty(shape, dtype=object)
    made[...] = value
    return made


def _node(
    node: Array, args: list[Entries], leaves: Mapping[str, Entries], numbers: Numbers
) -> Entries:
    if node.op in ("parameter", "data", "labels"):
        return leaves[node.name]
    sizes = tuple(dim for dim in node.shape if isinstance(dim, int))
    if len(sizes) < len(node.shape) or node.op == "size":
        raise StatementError(
            f"{node!r} has shape {shape_text(node.shape)}: give its sizes first, by .sized(...)"
        )
    if node.op == "matmul" and numbers.product:
        return numbers.product(*args)
    rule = _RULES.get(node.op)
    if rule is not None:
        return np.asarray(rule(*args), dtype=object)
    if node.op == "const":
        return boxed(numbers.constant(node.value))
    if node.op == "eye":
        one, zero = numbers.constant(Fraction(1)), numbers.constant(Fraction(0))
        made = boxed(zero, sizes)
        made[np.diag_indices(sizes[0])] = one
        return made
    if node.op == "apply":
        return _each(numbers.function(node.value), args[0])
    if node.op == "sum":
        return np.asarray(args[0].sum(axis=node.value), dtype=object)
    if node.op == "broadcast":
        given = args[0][:, None] if node.value == "columns" else args[0]
        return np.broadcast_to(given, sizes)
    if node.op in ("softmax", "logsumexp"):
        powers = _each(numbers.function(("exp",)), args[0])
        sums = powers.sum(axis=-1, keepdims=node.op == "softmax")
        if node.op == "softmax":
            return np.asarray(powers / sums, dtype=object)
        return _each(numbers.function(("log",)), np.asarray(sums, dtype=object))
    raise AssertionError(f"no rule for {node.op}")


def _each(function: Callable[[Any], Any], given: Entries) -> Entries:
    return np.asarray(np.frompyfunc(function, 1, 1)(given), dtype=object)


_RULES: dict[str, Callable[..., Any]] = {
    "let": lambda a: a,
    "adjoint": lambda a: a,
    "onehot": lambda a: a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "neg": lambda a: -a,
    "mul": lambda a, b: a * b,
    "scale": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "matmul": lambda a, b: np.dot(a, b),
    "outer": lambda a, b: a[:, None] * b[None, :],
    "transpose": lambda a: a.T,
    "trace": lambda a: np.trace(a),
}
