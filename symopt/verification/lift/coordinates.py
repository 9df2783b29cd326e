"""A traced step in several coordinates, read as what one coordinate does.

Code is traced on a few coordinates. It is elementwise if every coordinate computes the same; what
mixes coordinates must be one of the reductions that rules have: a norm, a mean, a largest entry.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from symopt.errors import LiftError
from symopt.program.graph import ARITY, Graph

__all__ = ["Coordinates", "Reduction"]

_CHAINS = {"add": "sum", "sub": "sum", "max": "max", "min": "min"}


class Reduction(NamedTuple):
    """``sum``, ``max`` or ``min`` of a node over all coordinates; the node is that of the first."""

    kind: str
    element: int


class Coordinates:
    """Which coordinates each node of a graph depends on, and which nodes reduce over all.

    An input belongs to a coordinate if its label ends with an integer (``("x", 0)``).

    >>> graph = Graph()
    >>> squares = [graph.power(graph.input(("g", 1, i)), 2) for i in range(3)]
    >>> reading = Coordinates(graph, 3)
    >>> reading.reduction(graph.total(squares)) == Reduction("sum", squares[0])
    True
    """

    def __init__(self, graph: Graph, size: int) -> None:
        self.graph = graph
        self.size = size
        self._support: dict[int, frozenset[int]] = {}
        self._reductions: dict[int, Reduction] = {}
        self._shifted: dict[tuple[int, int], int] = {}

    def support(self, node: int) -> frozenset[int]:
        """The coordinates that a node depends on outside of reductions."""
        stack = [node]
        while stack:
            current = stack[-1]
            entry = self.graph.nodes[current]
            waiting = [arg for arg in entry.args if arg not in self._support]
            if current in self._support:
                stack.pop()
            elif waiting:
                stack += waiting
            else:
                stack.pop()
                self._support[current] = self._find(current)
        return self._support[node]

    def reduction(self, node: int) -> Reduction | None:
        """What the node reduces, if it is a reduction."""
        self.support(node)
        return self._reductions.get(node)

    def shifted(self, node: int, coordinate: int) -> int:
        """What the first coordinate's node is for another coordinate."""
        key = (node, coordinate)
        found = self._shifted.get(key)
        if found is None:
            found = self._shifted[key] = self._shift(node, coordinate)
        return found

    def one(self, nodes: tuple[int, ...], what: str) -> int:
        """The first coordinate's node of a quantity that is the same in every coordinate.

        Raises :class:`~symopt.errors.LiftError` where it is not.
        """
        if not self.support(nodes[0]) <= {0}:
            raise LiftError(f"{what} mixes coordinates in a way that is no norm, mean or maximum")
        for coordinate, node in enumerate(nodes[1:], 1):
            if self.shifted(nodes[0], coordinate) != node:
                raise LiftError(f"{what} treats coordinate {coordinate} in a way of its own")
        return nodes[0]

    def _find(self, node: int) -> frozenset[int]:
        entry = self.graph.nodes[node]
        if entry.op == "input":
            label = entry.value
            last = label[-1] if isinstance(label, tuple) and len(label) > 1 else None
            return frozenset({last} if isinstance(last, int) else ())
        support = frozenset[int]().union(*(self._support[arg] for arg in entry.args))
        if len(support) == self.size > 1 and entry.op in _CHAINS:
            element = self._reduced(node, _CHAINS[entry.op])
            if element is not None:
                self._reductions[node] = Reduction(_CHAINS[entry.op], element)
                return frozenset()
        return support

    def _reduced(self, node: int, kind: str) -> int | None:
        """The first term of a chain that has the same term for every coordinate, once each."""
        terms = self._terms(node, kind, False)
        graph = self.graph
        found: dict[int, int] = {}
        for term, negative in terms:
            support = self._support[term]
            if len(support) != 1 or support & set(found):
                return None
            found[next(iter(support))] = graph.neg(term) if negative else term
        if set(found) != set(range(self.size)):
            return None
        for coordinate in range(1, self.size):
            self.support(found[coordinate])
            if self.shifted(found[0], coordinate) != found[coordinate]:
                return None
        self.support(found[0])
        return found[0]

    def _terms(self, node: int, kind: str, negative: bool) -> list[tuple[int, bool]]:
        entry = self.graph.nodes[node]
        # A node that is being classified has no support yet: it is the head of the chain.
        mixed = node not in self._support or len(self._support[node]) > 1
        if not mixed or _CHAINS.get(entry.op) != kind:
            return [(node, negative)]
        terms: list[tuple[int, bool]] = []
        for position, arg in enumerate(entry.args):
            minus = entry.op == "sub" and position == 1
            terms += self._terms(arg, kind, negative != minus)
        return terms

    def _shift(self, node: int, coordinate: int) -> int:
        graph = self.graph
        entry = graph.nodes[node]
        if not self.support(node):
            return node
        if entry.op == "input":
            return graph.input((*entry.value[:-1], coordinate))
        assert ARITY[entry.op]
        return graph.apply(entry.op, *[self.shifted(arg, coordinate) for arg in entry.args])

    def scaled(self, node: int) -> tuple[int, Fraction] | None:
        """A reduction times a known number, as a mean is: the reduction and the number."""
        graph = self.graph
        entry = graph.nodes[node]
        if entry.op == "div":
            factor = graph.value(entry.args[1])
            return (entry.args[0], 1 / factor) if factor else None
        if entry.op == "mul":
            for known, other in (entry.args, entry.args[::-1]):
                factor = graph.value(known)
                if factor is not None:
                    return other, factor
        return None
