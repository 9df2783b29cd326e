"""Arrays of nodes: what a framework's array operations mean on the program.

The frameworks' tensors become NumPy arrays of node indices of one graph; broadcasting, slicing
and reshaping are NumPy's own. Conditions are nodes too: :meth:`Nodes.number` and
:meth:`Nodes.condition` lead from one reading to the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from symopt.program.graph import Graph
from symopt.statement.numbers import exact

__all__ = ["INFINITY", "NAN", "Array", "Nodes"]

Array: TypeAlias = NDArray[np.int64]
#: Labels of the two values that are no real numbers; no lifted rule may depend on them.
INFINITY, NAN = ("infinity",), ("nan",)
_CONDITIONS = frozenset({"lt", "le", "eq", "and", "or", "not"})
_HALF = Fraction(1, 2)
_LARGEST = 1e300


class Nodes:
    """Operations on nodes of one graph, and on arrays of them.

    >>> nodes = Nodes(Graph())
    >>> row = nodes.constants([0.5, 1.0])
    >>> nodes.graph.value(int(nodes.fold("add", row)))
    Fraction(3, 2)
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        #: Constants that were read as a shorter decimal than the float is, as (float, decimal).
        self.repaired: dict[float, Fraction] = {}

    def constant(self, value: Any) -> int:
        """The node of a number of the code: decimals mean what was written.

        A float whose shortest decimal has 16 or 17 digits but which is, to within four units
        of its last place, a decimal of at most 15 digits (such as ``1 - 0.999``) is read as that.
        """
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, bool | int):
            return self.graph.const(int(value))
        if math.isnan(value):
            return self.graph.input(NAN)
        if math.isinf(value):
            infinity = self.graph.input(INFINITY)
            return infinity if value > 0 else self.graph.neg(infinity)
        if value == math.pi:
            return self.graph.apply("pi")
        written = exact(value)
        digits = repr(value).partition("e")[0].replace(".", "").lstrip("-0")
        if abs(value) > _LARGEST or (len(digits) > 15 and abs(math.frexp(value)[0]) == 0.5):
            # A power of two, such as the spacing of floats, or the largest float, is meant.
            written = Fraction(value)
        elif len(digits) > 15:
            short = Fraction(f"{value:.15g}")
            if 0 < abs(float(short) - value) <= 4 * math.ulp(value):
                self.repaired[value] = written = short
        return self.graph.const(written)

    def constants(self, values: Any) -> Array:
        """The nodes of an array of numbers."""
        array = np.asarray(values)
        flat = [self.constant(value) for value in array.ravel()]
        return np.array(flat, dtype=np.int64).reshape(array.shape)

    def is_infinite(self, node: int) -> int:
        """1 for infinity, -1 for minus infinity, 0 for all others."""
        entry = self.graph.nodes[node]
        if entry.op == "input" and entry.value == INFINITY:
            return 1
        return -1 if entry.op == "neg" and self.is_infinite(entry.args[0]) == 1 else 0

    def number(self, node: int) -> int:
        """A condition read as 1 or 0; anything else as it is."""
        graph = self.graph
        if graph.nodes[node].op in _CONDITIONS:
            return graph.apply("select", node, graph.const(1), graph.const(0))
        return node

    def condition(self, node: int) -> int:
        """A number read as a condition: whether it is not zero."""
        graph = self.graph
        entry = graph.nodes[node]
        if entry.op in _CONDITIONS or entry.op == "const":
            return graph.const(bool(entry.value)) if entry.op == "const" else node
        if entry.op == "select" and [graph.value(arg) for arg in entry.args[1:]] == [1, 0]:
            return entry.args[0]
        return graph.apply("not", graph.apply("eq", node, graph.const(0)))

    def negation(self, condition: int) -> int:
        """Not the condition, turned around where that is again a comparison."""
        graph = self.graph
        entry = graph.nodes[condition]
        if entry.op == "not":
            return entry.args[0]
        if entry.op in ("lt", "le"):
            return graph.apply("le" if entry.op == "lt" else "lt", *reversed(entry.args))
        return graph.apply("not", condition)

    def apply(self, op: str, *args: int) -> int:
        """One operation on nodes, by its name here or in the graph."""
        special: Callable[..., int] | None = getattr(self, f"_{op}", None)
        if special is not None:
            return special(*args)
        if op in ("and", "or"):
            return self._joined(op, *map(self.condition, args))
        return self.graph.apply(op, *map(self.number, args))

    def _joined(self, op: str, a: int, b: int) -> int:
        """``and`` or ``or``; a side that is known decides, or leaves the other."""
        for known, other in ((a, b), (b, a)):
            value = self.graph.value(known)
            if value is not None:
                return other if bool(value) == (op == "and") else known
        return self.graph.apply(op, a, b)

    def each(self, op: str, *arrays: Any) -> Array:
        """One operation on arrays of nodes, elementwise, with broadcasting."""
        arrays = tuple(np.asarray(array) for array in arrays)
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        columns = [np.broadcast_to(array, shape).ravel().tolist() for array in arrays]
        flat = [self.apply(op, *row) for row in zip(*columns, strict=True)]
        return np.array(flat, dtype=np.int64).reshape(shape)

    def fold(
        self, op: str, array: Any, axes: Sequence[int] | None = None, keep: bool = False
    ) -> Array:
        """A reduction by a binary operation over axes (all of them by default)."""
        array = np.asarray(array)
        chosen = tuple(range(array.ndim)) if axes is None else tuple(a % array.ndim for a in axes)
        kept = [axis for axis in range(array.ndim) if axis not in chosen]
        rows = np.transpose(array, [*kept, *chosen]).reshape([array.shape[a] for a in kept] + [-1])
        flat = [self._chain(op, row.tolist()) for row in rows.reshape(-1, rows.shape[-1])]
        result = np.array(flat, dtype=np.int64).reshape(rows.shape[:-1])
        if keep:
            result = result.reshape(
                [1 if axis in chosen else size for axis, size in enumerate(array.shape)]
            )
        return result

    def _chain(self, op: str, nodes: Iterable[int]) -> int:
        neutral = {"add": 0, "mul": 1, "and": 1, "or": 0}
        result: int | None = None
        for node in nodes:
            result = node if result is None else self.apply(op, result, node)
        return self.graph.const(neutral[op]) if result is None else result

    def product(self, a: Any, b: Any) -> Array:
        """The matrix product over the last axis of one and the last but one of the other."""
        a, b = np.asarray(a), np.asarray(b)
        left = a[None, :] if a.ndim == 1 else a
        right = b[:, None] if b.ndim == 1 else b
        terms = self.each("mul", left[..., :, :, None], right[..., None, :, :])
        result = self.fold("add", terms, (-2,))
        if a.ndim == 1:
            result = result[..., 0, :]
        return result[..., 0] if b.ndim == 1 else result

    def _square(self, a: int) -> int:
        a = self.number(a)
        return self.graph.mul(a, a)

    def _reciprocal(self, a: int) -> int:
        # 1/(a/b) is b/a wherever it is defined, and in IEEE arithmetic for b = 0 as well.
        entry = self.graph.nodes[a]
        if entry.op == "div":
            return self.graph.div(entry.args[1], entry.args[0])
        return self.graph.div(self.graph.const(1), self.number(a))

    def _rsqrt(self, a: int) -> int:
        return self._reciprocal(self.graph.sqrt(self.number(a)))

    def _pow(self, a: int, b: int) -> int:
        a, b = self.number(a), self.number(b)
        exponent = self.graph.value(b)
        if exponent is not None and exponent.denominator == 2 and abs(exponent) <= 64:
            whole = int(abs(exponent) - _HALF)
            root = self.graph.sqrt(a)
            result = self.graph.mul(self.graph.power(a, whole), root) if whole else root
            return self._reciprocal(result) if exponent < 0 else result
        return self.graph.apply("pow", a, b)

    def _not(self, a: int) -> int:
        return self.negation(self.condition(a))

    def _xor(self, a: int, b: int) -> int:
        a, b = self.condition(a), self.condition(b)
        graph = self.graph
        return graph.apply(
            "or",
            graph.apply("and", a, self.negation(b)),
            graph.apply("and", self.negation(a), b),
        )

    def _ne(self, a: int, b: int) -> int:
        return self.negation(self._eq(a, b))

    def _eq(self, a: int, b: int) -> int:
        # Values are finite numbers: nothing equals infinity.
        if bool(self.is_infinite(a)) != bool(self.is_infinite(b)):
            return self.graph.const(0)
        return self.graph.apply("eq", self.number(a), self.number(b))

    def _lt(self, a: int, b: int) -> int:
        if self.is_infinite(a) or self.is_infinite(b):
            return self.graph.const(self.is_infinite(a) < self.is_infinite(b))
        return self.graph.apply("lt", self.number(a), self.number(b))

    def _le(self, a: int, b: int) -> int:
        return self.negation(self._lt(b, a))

    def _gt(self, a: int, b: int) -> int:
        return self._lt(b, a)

    def _ge(self, a: int, b: int) -> int:
        return self._le(b, a)

    def _max(self, a: int, b: int) -> int:
        if a == b or self.is_infinite(a) == -1 or self.is_infinite(b) == 1:
            return b
        if self.is_infinite(b) == -1 or self.is_infinite(a) == 1:
            return a
        return self.graph.apply("max", self.number(a), self.number(b))

    def _min(self, a: int, b: int) -> int:
        if a == b or self.is_infinite(a) == 1 or self.is_infinite(b) == -1:
            return b
        if self.is_infinite(b) == 1 or self.is_infinite(a) == -1:
            return a
        return self.graph.apply("min", self.number(a), self.number(b))

    def _select(self, condition: int, then: int, otherwise: int) -> int:
        graph = self.graph
        condition = self.condition(condition)
        entry = graph.nodes[condition]
        if entry.op == "not":
            condition, then, otherwise = entry.args[0], otherwise, then
        then, otherwise = self._same_kind(then, otherwise)
        return graph.apply("select", condition, then, otherwise)

    def _same_kind(self, a: int, b: int) -> tuple[int, int]:
        kinds = {self.graph.nodes[node].op in _CONDITIONS for node in (a, b)}
        return (self.number(a), self.number(b)) if len(kinds) == 2 else (a, b)
