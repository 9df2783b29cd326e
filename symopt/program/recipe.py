"""How an expression becomes nodes, worked out once: the calls on a graph, to be made again.

A rule's lines are read at every step and for every coordinate. What SymPy has to be asked (signs,
orders of terms, kinds of powers) depends on the expression alone, so a :class:`Recipe` keeps the
calls that the :class:`~symopt.program.from_sympy.Reader` makes, and makes them on any graph: the
same calls in the same order, hence the same nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import Expr

from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph

__all__ = ["Recipe", "recipe"]

#: A call: what is called, and its arguments, numbers of earlier results.
_Call = tuple[str, tuple[Any, ...]]


class _GraphMattersError(Exception):
    """Which calls are made depends on the nodes of a graph, so that there is no recipe."""


class _Recorder(Graph):
    """A graph that folds nothing and keeps the calls that a reader makes."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[_Call] = []
        self._made: dict[_Call, int] = {}

    def record(self, name: str, *args: Any) -> int:
        call = (name, args)
        index = self._made.get(call)
        if index is None:
            index = self._made[call] = len(self.calls)
            self.calls.append(call)
        return index

    def const(self, value: Fraction | int) -> int:
        whole = value.denominator == 1
        return self.record("const", value.numerator if whole else Fraction(value))

    def apply(self, op: str, *args: int) -> int:
        return self.record(op, *args)

    def power(self, base: int, exponent: int) -> int:
        return self.record("power", base, exponent)

    def ratio(self, above: Sequence[int], below: Sequence[int]) -> int:
        return self.record("ratio", tuple(above), tuple(below))

    def value(self, index: int) -> Fraction | None:
        raise _GraphMattersError

    def is_total(self, index: int) -> bool:
        raise _GraphMattersError


@dataclass(frozen=True)
class Recipe:
    """The calls that read an expression: results are numbered from 0, the last one is wanted.

    A call ``("given", (n,))`` is the n-th of the expressions that the caller has nodes for.
    """

    calls: tuple[_Call, ...]
    result: int

    def make(self, graph: Graph, given: Sequence[int]) -> int:
        """Make the calls on a graph; the node of the expression."""
        values: list[int] = []
        for name, args in self.calls:
            if name == "given":
                node = given[args[0]]
            elif name == "const":
                node = graph.const(args[0])
            elif name == "power":
                node = graph.power(values[args[0]], args[1])
            elif name == "ratio":
                above, below = args
                node = graph.ratio([values[arg] for arg in above], [values[arg] for arg in below])
            else:
                node = graph.apply(name, *[values[arg] for arg in args])
            values.append(node)
        return values[self.result]


class _Given(Mapping[Expr, int]):
    """The expressions that a reader finds given, recorded where it comes to them."""

    def __init__(self, recorder: _Recorder, given: tuple[Expr, ...]) -> None:
        self._recorder = recorder
        self._places = {expression: place for place, expression in enumerate(given)}

    def __getitem__(self, expression: Expr) -> int:
        return self._recorder.record("given", self._places[expression])

    def __contains__(self, expression: object) -> bool:
        return expression in self._places

    def __iter__(self) -> Any:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@lru_cache(maxsize=4096)
def recipe(expression: Expr, given: tuple[Expr, ...]) -> Recipe | None:
    """How to read an expression where the given ones have nodes.

    ``None`` if the nodes themselves decide (a condition with branches that may have no value);
    then a :class:`~symopt.program.from_sympy.Reader` has to read it.

    >>> from sympy.abc import x
    >>> graph = Graph()
    >>> node = recipe(x**2 + 1, (x,)).make(graph, [graph.input("x")])
    >>> node == Reader(graph, {x: graph.input("x")}).read(x**2 + 1)
    True
    """
    recorder = _Recorder()
    try:
        result = Reader(recorder, _Given(recorder, given)).read(expression)
    except _GraphMattersError:
        return None
    return Recipe(tuple(recorder.calls), result)
