"""The relation between the memories of two rules as a program."""

from __future__ import annotations

from typing import Any

from symopt.derivation.opaque import OpaqueStep
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.statement.symbols import t, x
from symopt.verification.relation import Equality

__all__ = ["relation_program"]


def relation_program(
    equality: Equality, ours: OpaqueStep, theirs: OpaqueStep
) -> tuple[Program, list[Any]]:
    """The memory of the second rule in terms of the first one's, and the slots that it gives."""
    graph = Graph()
    time = graph.input(("t",))
    values = {symbol.name: value for symbol, value in equality.relation.items()}
    own = {symbol.name: symbol for symbol in (*equality.first.state, x)}
    slots: list[Any] = [slot for slot in theirs.slots[theirs.size :] if slot[0] in values]
    outputs: dict[Label, int] = {}
    for slot in slots:
        nodes: dict[Any, int] = {t: time}
        for symbol in equality.first.hyperparameters:
            nodes[symbol] = graph.input(("hyper", symbol.name))
        for name, place in ours.slots:
            if place == slot[1] or place is None:
                nodes[own[name]] = graph.input((name, place))
        outputs[slot] = Reader(graph, nodes).read(values[str(slot[0])])
    return graph.program(outputs), slots
