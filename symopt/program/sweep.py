"""Proofs of equality piece by piece: what is proved equal below is one thing further up.

Both programs are read into one graph. A value of the second that has the same number at a random
point as a value of the first is proved equal to it, with everything that is already common taken
as unknown; from then on both are the same node. The value of the first must exist wherever that of
the second does: else a guarded quotient would lose its guard. Numbers only choose what to try: an
equality is
used where :func:`~symopt.program.normal_form.proved_equal` has proved it, and proved for all values
of the unknowns, so for those that they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from symopt.program.field import always_needed
from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.normal_form import defined_where, proved_equal
from symopt.program.ranges import REAL, Range

__all__ = ["proved_by_parts"]

#: How near two floats must be for a proof to be tried, and how many partners are tried.
_NEAR = 1e-9
_PARTNERS = 2
#: Common values of these operations are unknowns; sums and products keep their structure. A branch
#: is equal to another where the parts are: cases are not told apart here.
_COSTLY = frozenset({"sqrt", "pow", "select", "lt", "le", "eq"})

_NUMBERS: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "sqrt": math.sqrt, "abs": abs,
    "pow": lambda a, b: float(a**b) if a > 0 else math.nan, "max": max, "min": min,
    "sign": lambda a: math.copysign(1.0, a) if a else 0.0,
    "lt": lambda a, b: float(a < b), "le": lambda a, b: float(a <= b),
    "eq": lambda a, b: float(a == b), "not": lambda a: 1.0 - a, "and": lambda a, b: a * b,
    "or": max, "select": lambda c, a, b: a if c else b,
    "pi": lambda: math.pi, "e": lambda: math.e,
    **{name: getattr(math, name) for name in
       ("exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")},
}  # fmt: skip


@lru_cache(maxsize=4096)
def _proved(
    first: Program,
    second: Program,
    ranges: tuple[tuple[Label, Range], ...],
    signs: int,
    sure: bool,
) -> bool:
    """Equal, and the first has a value wherever the second has: it may take its place.

    That is ``sure`` of what the first program computes in any case. The same pairs come up in
    every rewritten form of a program.
    """
    if sure:
        return proved_equal(first, second, ranges=dict(ranges), signs=signs)
    needed = {second.nodes[index].value for index in always_needed(second)}
    return (
        # What is common is a number only where it is computed.
        all(label in needed for label in first.inputs if _is_common(label))
        and proved_equal(first, second, ranges=dict(ranges), signs=signs)
        and defined_where(first, second, dict(ranges))
    )


def _is_common(label: Label) -> bool:
    return isinstance(label, tuple) and len(label) == 2 and label[0] == "common"


class _Sweep:
    def __init__(
        self, first: Program, second: Program, ranges: Mapping[Label, Range], signs: int
    ) -> None:
        self.ranges, self.signs = ranges, signs
        self.graph = Graph()
        self.numbers: list[float] = []
        self.shared: set[int] = set()  # made by the first program, inputs and constants aside
        self.merged: set[int] = set()
        self.ours = self._read(first, lambda index: index)
        self.known = set(self.ours)
        self.sure = {self.ours[place] for place in always_needed(first)}
        self.shared = {index for index in self.known if self._op(index) not in ("input", "const")}
        self.theirs = self._read(second, self._partner)
        self.equal = all(
            self.theirs[second.outputs[label]] == self.ours[index]
            for label, index in first.outputs.items()
        )

    def _op(self, index: int) -> str:
        return self.graph.nodes[index].op

    def _read(self, program: Program, visit: Callable[[int], int]) -> list[int]:
        place: list[int] = []
        for node in program.nodes:
            place.append(visit(self._made(node, [place[arg] for arg in node.args])))
            self._count()
        return place

    def _made(self, node: Node, args: Sequence[int]) -> int:
        if node.op == "input":
            return self.graph.input(node.value)
        if node.op == "const":
            return self.graph.const(node.value)
        return self.graph.apply(node.op, *args)

    def _count(self) -> None:
        """The numbers of the nodes that are new."""
        for node in self.graph.nodes[len(self.numbers) :]:
            position = len(self.numbers)
            if node.op == "input":
                # Just below 1, as decays are, and late, so that rules have reached their main
                # branch: a value of 0 or nan is compared with nothing.
                value = 0.9 + 0.09 * math.modf((position + 1) * 0.6180339887498949)[0]
                value = 60.0 if node.value in ("t", ("t",)) else value
            elif node.op == "const":
                value = float(node.value)
            else:
                try:
                    value = _NUMBERS[node.op](*[self.numbers[arg] for arg in node.args])
                except (ValueError, ZeroDivisionError, OverflowError):
                    value = math.nan
            self.numbers.append(value)

    def _partner(self, index: int) -> int:
        """The first program's node that this one is proved equal to, or itself."""
        self._count()
        value = self.numbers[index]
        if index in self.known or not math.isfinite(value) or value == 0:
            return index
        op = self._op(index)
        near = [
            other
            for other in sorted(self.shared, key=lambda other: (self._op(other) != op, other))
            if abs(self.numbers[other] - value) <= _NEAR * abs(value)
        ]
        for other in near[:_PARTNERS]:
            if self._proved(other, index):
                self.merged.add(other)
                return other
        return index

    def _proved(self, ours: int, theirs: int) -> bool:
        left, right = self._cone(ours), self._cone(theirs)
        cut = {
            index for index in left & right if index in self.merged or self._op(index) in _COSTLY
        }
        pair = self._program(ours, cut), self._program(theirs, cut)
        ranges = {
            label: self._range(label) for label in dict.fromkeys((*pair[0].inputs, *pair[1].inputs))
        }
        told = tuple((label, values) for label, values in ranges.items() if values != REAL)
        return _proved(*pair, told, self.signs, ours in self.sure)

    def _range(self, label: Label) -> Range:
        """The range of an input, or what the operation says of a common value."""
        if _is_common(label):
            assert isinstance(label, tuple)
            return Range(nonnegative=True) if self._op(label[1]) in ("sqrt", "abs") else REAL
        return self.ranges.get(label, REAL)

    def _cone(self, index: int) -> set[int]:
        found: set[int] = set()
        waiting = [index]
        while waiting:
            top = waiting.pop()
            if top not in found:
                found.add(top)
                waiting += self.graph.nodes[top].args
        return found

    def _program(self, output: int, cut: set[int]) -> Program:
        graph = Graph()
        copies: dict[int, int] = {}
        for index in sorted(self._cone(output)):
            node = self.graph.nodes[index]
            if index in cut:
                label: Label = ("common", index)
                copies[index] = graph.input(label)
            elif node.op == "input":
                copies[index] = graph.input(node.value)
            elif node.op == "const":
                copies[index] = graph.const(node.value)
            else:
                copies[index] = graph.apply(node.op, *[copies[arg] for arg in node.args])
        return graph.program({"value": copies[output]})


def proved_by_parts(
    first: Program,
    second: Program,
    ranges: Mapping[Label, Range] | None = None,
    *,
    signs: int = 0,
) -> bool:
    """Whether all outputs are proved equal wherever both are defined; ``False`` means unknown.

    ``ranges`` and ``signs`` are those of :func:`~symopt.program.normal_form.proved_equal`.

    >>> from symopt.program.graph import Graph
    >>> def norm(average):
    ...     graph = Graph()
    ...     b, m, g = graph.input("b"), graph.input("m"), graph.input("g")
    ...     mean = average(graph, b, m, g)
    ...     return graph.program({"r": graph.sqrt(graph.add(graph.mul(mean, mean), b))})
    >>> stated = norm(lambda q, b, m, g: q.add(q.mul(b, m), q.mul(q.sub(q.const(1), b), g)))
    >>> written = norm(lambda q, b, m, g: q.add(g, q.mul(b, q.sub(m, g))))
    >>> proved_by_parts(stated, written)
    True
    """
    return _Sweep(first, second, ranges or {}, signs).equal
