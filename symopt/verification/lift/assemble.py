"""From traced runs of a framework's step to one :class:`~.to_rule.TracedStep`.

Two steps are traced: the first one, and one from an arbitrary state. Where the general step from
the initial state is not what the first step does, the first step becomes a case of its own. A
state that is 1 after the first step and grows by 1 is the step counter, and is read as ``t - 1``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from symopt.errors import LiftError
from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.normal_form import proved_equal
from symopt.verification.lift.remainders import turning
from symopt.verification.lift.settle import settled_comparison
from symopt.verification.lift.to_rule import Memory, TracedStep

__all__ = ["assembled", "begins_with", "programs"]

Outputs = dict[Label, int]
#: With more conditions than this, repeated ones are left as they are.
_MAX_PRUNED = 60


def assembled(
    graph: Graph,
    size: int,
    general: Outputs,
    first: Outputs,
    starts: Mapping[Label, int],
    hyper: Mapping[str, Fraction],
) -> TracedStep:
    """The traced step.

    Parameters
    ----------
    general
        Points and states after a step from an arbitrary state, labelled as slots.
    first
        The same after the very first step.
    starts
        The states before the first step; one that depends on a gradient had no value before.
    hyper
        The values of the hyperparameters that the code has by default.

    Raises :class:`~symopt.errors.LiftError` where the first step keeps other state than the rest.
    """
    if set(general) != set(first) or set(general) - set(starts) != {
        label for label in general if _name(label) == "x"
    }:
        raise LiftError("the first step keeps other state than later ones do")
    general, first, starts = turning(graph, general, first, starts)
    counters = {
        graph.input(label)
        for label, node in general.items()
        if _is_counter(graph, label, node, first[label])
    }
    general = _rewritten(graph, general, lambda node, args: _counted(graph, node, args, counters))
    general, first = _pruned(graph, general), _pruned(graph, first)
    for change in (_mean_root, _settled, _extremum):
        general = _rewritten(graph, general, partial(change, graph, size))
        first = _rewritten(graph, first, partial(change, graph, size))
    kept = {label: node for label, node in general.items() if graph.input(label) not in counters}
    begins = {
        label: graph.const(0) if _asks(graph, starts[label]) else starts[label] for label in starts
    }
    step = _with_first_step(graph, kept, first, begins)
    return TracedStep(
        graph=graph,
        size=size,
        point=tuple(step["x", index] for index in range(size)),
        asks=(tuple(graph.input(("x", index)) for index in range(size)),),
        state=_memories(step, begins),
        hyper=dict(hyper),
    )


def programs(step: TracedStep) -> tuple[Program, Program]:
    """A traced step, and the state before the first one, with outputs labelled as slots."""
    after: dict[Label, int] = {("x", index): node for index, node in enumerate(step.point)}
    start: dict[Label, int] = {}
    for entry in step.state:
        for index in range(len(entry.after)):
            label = (entry.name, None if entry.scalar else index)
            after[label], start[label] = entry.after[index], entry.start[index]
    return step.graph.program(after), step.graph.program(start)


def _name(label: Label) -> str:
    assert isinstance(label, tuple)
    return str(label[0])


def _is_counter(graph: Graph, label: Label, after: int, first: int) -> bool:
    entry = graph.nodes[after]
    if entry.op != "add" or graph.value(first) != 1:
        return False
    others = [arg for arg in entry.args if arg != graph.input(label)]
    return len(others) == 1 and graph.value(others[0]) == 1


def _counted(graph: Graph, node: Node, args: list[int], counters: set[int]) -> int | None:
    """A node in which counters of finished steps are read as ``t - 1``."""
    time = graph.input(("t",))
    if node.op == "input":
        return graph.sub(time, graph.const(1)) if graph.input(node.value) in counters else None
    before = graph.sub(time, graph.const(1))
    first = node.op in ("add", "sub") and args[0] == before
    if first or (node.op == "add" and args[1] == before):
        other = args[1] if args[0] == before else args[0]
        value = graph.value(other)
        if value is not None:
            return graph.add(time, graph.const((-value if node.op == "sub" else value) - 1))
    return None


def _extremum(graph: Graph, size: int, node: Node, args: list[int]) -> int | None:
    """``b`` where ``a <= b`` and ``a`` elsewhere, as the maximum that it is."""
    if node.op != "select":
        return None
    condition, then, otherwise = args
    entry = graph.nodes[condition]
    if entry.op not in ("lt", "le") or set(entry.args) != {then, otherwise}:
        return None
    larger = entry.args == (otherwise, then)
    root = graph.nodes[otherwise].op in ("sqrt", "abs") and graph.value(then) == 0
    if larger and root:
        return otherwise  # a root is never below zero
    return graph.apply("max" if larger else "min", then, otherwise)


def _pruned(graph: Graph, outputs: Outputs) -> Outputs:
    """Without the cases within a case that can never be reached: the same condition again."""
    program = graph.program(outputs)
    selects = {node.args[0] for node in program.nodes if node.op == "select"}
    if len(selects) > _MAX_PRUNED:
        return outputs
    repeated = [
        condition
        for condition in selects
        if sum(node.op == "select" and node.args[0] == condition for node in program.nodes) > 1
    ]
    if not repeated:
        return outputs

    def visit(node: Node, args: list[int]) -> int | None:
        if node.op != "select":
            return None
        sides = [_reduced(graph, args[0], side, args[1 if side else 2]) for side in (True, False)]
        return graph.apply("select", args[0], *sides)

    return _rewritten(graph, outputs, visit)


def _reduced(graph: Graph, condition: int, side: bool, node: int) -> int:
    """A node where a condition is known to hold, or not to."""
    inside = graph.program({"node": node})
    if not inside.has("select"):
        return node

    def visit(entry: Node, args: list[int]) -> int | None:
        if entry.op == "select" and args[0] == condition:
            return args[1] if side else args[2]
        return None

    return _rewritten(graph, {"node": node}, visit)["node"]


def _settled(graph: Graph, size: int, node: Node, args: list[int]) -> int | None:
    """A comparison of values a known number apart, as its outcome."""
    return settled_comparison(graph, node.op, args)


def _mean_root(graph: Graph, size: int, node: Node, args: list[int]) -> int | None:
    """The root of a sum over the root of the number of coordinates, as the root of a mean."""
    if node.op != "div" or graph.nodes[args[0]].op != "sqrt":
        return None
    root = graph.sqrt(graph.const(size))
    entry = graph.nodes[args[1]]
    factors = list(entry.args) if entry.op == "mul" else [args[1]]
    if size < 2 or root not in factors or graph.nodes[root].op != "sqrt":
        return None
    mean = graph.sqrt(graph.div(graph.nodes[args[0]].args[0], graph.const(size)))
    factors.remove(root)
    return graph.div(mean, factors[0]) if factors else mean


def _rewritten(graph: Graph, outputs: Outputs, change: Any) -> Outputs:
    """The outputs with nodes replaced by what ``change(node, arguments)`` gives, where it does."""

    def visit(node: Node, args: list[int]) -> int:
        changed: int | None = change(node, args)
        if changed is not None:
            return changed
        if node.op == "input":
            return graph.input(node.value)
        return graph.const(node.value) if node.op == "const" else graph.apply(node.op, *args)

    return graph.program(outputs).fold(visit)


def _asks(graph: Graph, node: int) -> bool:
    labels = graph.program({"node": node}).inputs
    return any(isinstance(label, tuple) and label[0] == "g" for label in labels)


def _with_first_step(
    graph: Graph, general: Outputs, first: Outputs, begins: Mapping[Label, int]
) -> Outputs:
    """The general step, with cases for the first one where it needs them."""
    differing = _differing(graph, general, first, begins)
    states = [label for label in differing if _name(label) != "x"]
    if states:
        # What else differs may differ only through these states: put the cases there.
        cases = {general[label]: _case(graph, first[label], general[label]) for label in states}
        tried = _replaced(graph, general, cases)
        if not _differing(graph, tried, first, begins):
            return tried
    return {
        label: _case(graph, first[label], node) if label in differing else node
        for label, node in general.items()
    }


def begins_with(
    graph: Graph, general: Outputs, first: Outputs, begins: Mapping[Label, int]
) -> bool:
    """Whether the general step from these states is what the first step does."""
    return not _differing(graph, general, first, begins)


def _differing(
    graph: Graph, general: Outputs, first: Outputs, begins: Mapping[Label, int]
) -> list[Label]:
    begun = graph.inline(graph.program(general), {**begins, ("t",): graph.const(1)})
    begun = _rewritten(graph, begun, partial(_settled, graph, 0))
    return [label for label in general if not _same(graph, begun[label], first[label])]


def _same(graph: Graph, a: int, b: int) -> bool:
    return a == b or proved_equal(graph.program({"f": a}), graph.program({"f": b}))


def _case(graph: Graph, first: int, later: int) -> int:
    condition = graph.apply("eq", graph.input(("t",)), graph.const(1))
    return graph.apply("select", condition, first, later)


def _replaced(graph: Graph, outputs: Outputs, cases: Mapping[int, int]) -> Outputs:
    """The outputs with the given nodes replaced wherever they are used."""
    memo: dict[int, int] = {}
    stack = list(outputs.values())
    while stack:
        current = stack[-1]
        if current in memo:
            stack.pop()
            continue
        if current in cases:
            memo[current] = cases[current]
            continue
        entry = graph.nodes[current]
        waiting = [arg for arg in entry.args if arg not in memo]
        if waiting:
            stack += waiting
        elif entry.args:
            memo[current] = graph.apply(entry.op, *[memo[arg] for arg in entry.args])
        else:
            memo[current] = current
    return {label: memo[node] for label, node in outputs.items()}


def _memories(step: Outputs, begins: Mapping[Label, int]) -> tuple[Memory, ...]:
    labels: dict[str, list[Label]] = {}
    for label in step:
        if _name(label) != "x":
            labels.setdefault(_name(label), []).append(label)
    return tuple(
        Memory(
            name,
            tuple(begins[label] for label in own),
            tuple(step[label] for label in own),
            own == [(name, None)],
        )
        for name, own in labels.items()
    )
