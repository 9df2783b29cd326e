"""One step of a rule on a vector of any length: stages of elementwise work between questions.

Every line of a rule acts on all coordinates alike, so that one coordinate's program says what is
done to a whole vector. What needs the whole vector at once is asked in between: the gradient at a
point, and sums or maxima over coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Expr, Symbol

from symopt.derivation.step import (
    State,
    Value,
    apply_step,
    hyper_nodes,
    initial_state,
    scalar_names,
)
from symopt.program.graph import Graph, Label, Program
from symopt.statement.rule import Rule
from symopt.statement.symbols import amax, mean, rms

__all__ = ["Question", "StagedStep", "staged_step"]


@dataclass(frozen=True)
class Question:
    """What is asked of a whole vector: ``"gradient"``, ``"sum"`` or ``"max"``.

    ``asked`` is the output with the vector's program, ``answer`` the input that stands for the
    result.
    """

    kind: str
    asked: Label
    answer: Label


@dataclass(frozen=True, eq=False)
class StagedStep:
    """A step as a program for one coordinate, with its questions in the order of asking.

    Inputs are ``("x",)``, ``("state", name)``, ``("t",)``, ``("hyper", name)``, ``("count",)`` and
    the answers; outputs the new ``("x",)`` and ``("state", name)``, and what is asked. ``start``
    gives the state before the first step. Names in ``scalars`` have one value for all coordinates.
    """

    rule: Rule
    program: Program
    start: Program
    questions: tuple[Question, ...]
    slots: tuple[Label, ...]
    scalars: frozenset[Label]
    hyper: tuple[str, ...]


@lru_cache(maxsize=256)
def staged_step(rule: Rule, schedules: tuple[tuple[Symbol, Expr], ...] = ()) -> StagedStep:
    """The stages of one step of a rule.

    >>> import symopt
    >>> [question.kind for question in staged_step(symopt.rules.adam).questions]
    ['gradient']
    """
    graph = Graph()
    time, count = graph.input(("t",)), graph.input(("count",))
    scheduled = dict(schedules)
    hyper = hyper_nodes(graph, rule, time, scheduled)
    point = (graph.input(("x",)),)
    start = initial_state(graph, rule, point, hyper)
    scalars = scalar_names(rule)
    memory: dict[Symbol, Value] = {}
    for symbol in rule.state:
        node = graph.input(("state", symbol.name))
        memory[symbol] = node if symbol in scalars else (node,)
    questions: list[Question] = []
    asked: dict[Label, int] = {}
    known: dict[tuple[str, int], int] = {}

    def ask(kind: str, node: int) -> int:
        if (kind, node) not in known:
            number = len(questions) + 1
            question = Question(kind, ("ask", number), ("answer", number))
            questions.append(question)
            asked[question.asked] = node
            known[kind, node] = graph.input(question.answer)
        return known[kind, node]

    def oracle(where: Sequence[int]) -> Sequence[int]:
        return (ask("gradient", where[0]),)

    def reduce(graph: Graph, kind: type[sympy.Basic], columns: Sequence[int]) -> int:
        (node,) = columns
        if kind is amax:
            return ask("max", node)
        if kind is mean:
            return graph.div(ask("sum", node), count)
        squares = ask("sum", graph.mul(node, node))
        return graph.sqrt(graph.div(squares, count) if kind is rms else squares)

    state = apply_step(graph, rule, oracle, State(point, memory), hyper, time, reduce)
    outputs = {**_outputs(state), **asked}
    slots: tuple[Label, ...] = tuple(_outputs(start))
    own = {("state", symbol.name) for symbol in rule.state if symbol in scalars}
    return StagedStep(
        rule,
        graph.program(outputs),
        graph.program(_outputs(start)),
        tuple(questions),
        slots,
        frozenset(own),
        tuple(symbol.name for symbol in rule.hyperparameters if symbol not in scheduled),
    )


def _outputs(state: State) -> dict[Label, int]:
    found: dict[Label, int] = {("x",): state.point[0]}
    for symbol, value in state.memory.items():
        found["state", symbol.name] = value if isinstance(value, int) else value[0]
    return found
