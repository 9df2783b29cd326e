"""Remainders of counters: what happens at every k-th step, as states that go round.

``count % k`` is no operation of a rule. Of a count of the steps it is one more state, which
becomes 0 instead of k; and a count that is kept as a remainder is such a state already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symopt.errors import LiftError
from symopt.program.graph import Graph, Label

__all__ = ["REMAINDER", "turning"]

#: Label of an input that stands for a remainder: with the node, the divisor and the place.
REMAINDER = "remainder"
Outputs = dict[Label, int]


def turning(
    graph: Graph, general: Outputs, first: Outputs, starts: Mapping[Label, int]
) -> tuple[Outputs, Outputs, dict[Label, int]]:
    """General and first step and starts, with states in the place of remainders.

    Raises :class:`~symopt.errors.LiftError` for the remainder of what is no counter.
    """
    labels = [label for label in graph.program(general).inputs if _is_remainder(label)]
    general, first, begins = dict(general), dict(first), dict(starts)
    taken = {str(label[0]) for label in general if isinstance(label, tuple)}
    chosen: dict[Label, int] = {}
    for label in labels:
        assert isinstance(label, tuple)
        _, node, divisor, place = label
        counter, offset = _counter(graph, node)
        begin = graph.value(begins[counter]) if counter in begins else None
        whole = begin is not None and begin.denominator == 1 and begin >= 0
        own = general.get(counter) if counter is not None else None
        if not whole or own is None or begin is None:
            raise LiftError(_text(place))
        if graph.nodes[own].op == "input" and _is_remainder(graph.nodes[own].value):
            # The counter is kept below the divisor: it begins there, and stays there.
            inner = graph.nodes[own].value
            assert isinstance(inner, tuple)
            same = _counter(graph, inner[1]) == (counter, 1) and inner[2] == divisor
            if not same or begin >= divisor or offset not in (0, 1):
                raise LiftError(_text(place))
            old = graph.input(counter)
            chosen[label] = _next(graph, old, divisor) if offset else old
        elif _counter(graph, own) == (counter, 1):
            name = next(f"c{n}" for n in ["", *range(2, 100)] if f"c{n}" not in taken)
            taken.add(name)
            state: Label = (name, None)
            old = graph.input(state)
            chosen[label] = old
            general[state] = _next(graph, old, divisor)
            first[state] = graph.const((begin + offset + 1) % divisor)
            begins[state] = graph.const((begin + offset) % divisor)
        else:
            raise LiftError(_text(place))
    if not chosen:
        return general, first, begins
    identity = {
        label: graph.input(label) for label in graph.program(general).inputs if label not in chosen
    }
    replaced = graph.inline(graph.program(general), {**identity, **chosen})
    return {label: replaced[label] for label in general}, first, begins


def _is_remainder(label: Any) -> bool:
    return isinstance(label, tuple) and label[0] == REMAINDER


def _text(place: str) -> str:
    return f"{place}: a remainder of what is no counter of steps cannot be lifted".removeprefix(
        ": "
    )


def _next(graph: Graph, old: int, divisor: int) -> int:
    grown = graph.add(old, graph.const(1))
    ends = graph.apply("eq", grown, graph.const(divisor))
    return graph.apply("select", ends, graph.const(0), grown)


def _counter(graph: Graph, node: int) -> tuple[Label | None, int]:
    """The label of an input, and the whole number that is added to it."""
    entry = graph.nodes[node]
    if entry.op == "input":
        return entry.value, 0
    if entry.op == "add":
        for inner, added in (entry.args, entry.args[::-1]):
            value = graph.value(added)
            if graph.nodes[inner].op == "input" and value is not None and value.denominator == 1:
                return graph.nodes[inner].value, int(value)
    return None, 0
