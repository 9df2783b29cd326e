"""One step of a rule with opaque gradients: what any oracle's answers make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sympy import Expr, Symbol

from symopt.derivation.step import (
    Slot,
    State,
    Value,
    apply_step,
    flat_outputs,
    initial_state,
    scalar_names,
)
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, t

__all__ = ["OpaqueStep", "is_elementwise", "opaque_step"]


@dataclass(frozen=True)
class OpaqueStep:
    """One step as a program whose gradients are inputs.

    Inputs are labelled as in :class:`~symopt.derivation.step.Step`, the n-th answer of the oracle
    ``("g", n, coordinate)``. Outputs are the slots after the step and, as ``("ask", n,
    coordinate)``, the points at which the gradients were asked for. ``names`` says which nodes
    hold a line's result.
    """

    rule: Rule
    size: int
    program: Program
    start: Program
    slots: tuple[Slot, ...]
    hyper: tuple[str, ...]
    asks: int
    names: Mapping[int, str] = field(default_factory=dict, compare=False)

    @property
    def scalars(self) -> frozenset[Label]:
        """The inputs that are no arrays."""
        own = {slot for slot in self.slots if slot[1] is None}
        return frozenset({("t",), *[("hyper", name) for name in self.hyper], *own})


@lru_cache(maxsize=1024)
def is_elementwise(rule: Rule) -> bool:
    """Whether no coordinate of the rule depends on another one but through the oracle."""
    return not any(expression.has(*REDUCTIONS) for _, expression in rule.update)


@lru_cache(maxsize=512)
def opaque_step(
    rule: Rule, size: int = 1, schedules: tuple[tuple[Symbol, Expr], ...] = ()
) -> OpaqueStep:
    """The step of a rule in ``size`` coordinates.

    >>> import symopt
    >>> opaque_step(symopt.rules.nesterov).asks
    1
    """
    graph = Graph()
    time = graph.input(("t",))
    scheduled = dict(schedules)
    hyper = {
        symbol: Reader(graph, {t: time}).read(scheduled[symbol])
        if symbol in scheduled
        else graph.input(("hyper", symbol.name))
        for symbol in rule.hyperparameters
    }
    point = tuple(graph.input(("x", index)) for index in range(size))
    start = initial_state(graph, rule, point, hyper)
    scalars = scalar_names(rule)
    slots: list[Slot] = [("x", index) for index in range(size)]
    memory: dict[Symbol, Value] = {}
    for symbol in rule.state:
        labels: list[Slot] = (
            [(symbol.name, None)]
            if symbol in scalars
            else [(symbol.name, index) for index in range(size)]
        )
        slots += labels
        nodes = tuple(graph.input(label) for label in labels)
        memory[symbol] = nodes[0] if symbol in scalars else nodes
    asked: dict[Label, int] = {}
    known: dict[tuple[int, ...], list[int]] = {}

    def oracle(where: Sequence[int]) -> Sequence[int]:
        key = tuple(where)
        if key not in known:
            number = len(known) + 1
            asked.update({("ask", number, index): node for index, node in enumerate(key)})
            known[key] = [graph.input(("g", number, index)) for index in range(size)]
        return known[key]

    state = apply_step(graph, rule, oracle, State(point, memory), hyper, time)
    outputs: dict[Label, int] = {**flat_outputs(rule, state), **asked}
    return OpaqueStep(
        rule,
        size,
        graph.program(outputs),
        graph.program(flat_outputs(rule, start)),
        tuple(slots),
        tuple(symbol.name for symbol in rule.hyperparameters if symbol not in scheduled),
        len(known),
        _line_names(graph, outputs, state),
    )


def _line_names(graph: Graph, outputs: Mapping[Label, int], state: State) -> dict[int, str]:
    """Which nodes of the program of these outputs hold which line's result."""
    needed = set(outputs.values())
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in needed:
            needed.update(graph.nodes[index].args)
    numbers = {index: number for number, index in enumerate(sorted(needed))}
    return {
        numbers[node]: symbol.name + (f"_{index + 1}" if len(state.point) > 1 and several else "")
        for symbol, value in state.assigned.items()
        for several in [isinstance(value, tuple)]
        for index, node in enumerate(value if isinstance(value, tuple) else (value,))
        if node in numbers
    }
