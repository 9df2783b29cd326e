"""One step of a rule as a program: the only place that says what a rule's lines mean.

Unrolled steps, kernels, exact runs and formulas all read the same program. Quantities that depend
on nothing but hyperparameters and ``t`` (bias corrections, schedules, products over steps) are
scalars, computed once; everything else has one value per coordinate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import sympy
from sympy import Expr, Symbol

from symopt.errors import InputError
from symopt.program.differentiate import gradient_program
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.program.recipe import recipe
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, amax, grad, mean, norm, rms, t, x

__all__ = [
    "Oracle", "State", "Step", "apply_step", "initial_state", "objective_programs",
    "scalar_names", "step_program",
]  # fmt: skip

#: One node for a scalar, or one node per coordinate.
Value = int | tuple[int, ...]
#: A name with a coordinate, or with ``None`` for a scalar.
Slot = tuple[str, int | None]
#: Asked for the gradient at a point (a node per coordinate); gives a node per coordinate.
Oracle = Callable[[Sequence[int]], Sequence[int]]
#: Gives the node of a reduction of a node per coordinate.
Reduce = Callable[[Graph, type, Sequence[int]], int]


@lru_cache(maxsize=256)
def objective_programs(objective: Objective) -> tuple[Program, Program]:
    """The value (output ``"f"``) and the gradient (an output per variable) as programs.

    The gradient is the cheaper of the one that a person would write and the reverse sweep over
    the value's program; both keep the unexpanded form, whose rounding errors are small.
    """
    graph = Graph()
    symbols = {symbol: graph.input(symbol.name) for symbol in objective.variables}
    value = graph.program({"f": Reader(graph, symbols).read(objective.expression)})
    names = [symbol.name for symbol in objective.variables]
    sweep = gradient_program(value, "f", names)
    graph = Graph()
    reader = Reader(graph, {symbol: graph.input(symbol.name) for symbol in objective.variables})
    components = zip(names, objective.gradient, strict=True)
    written = graph.program({name: reader.read(part) for name, part in components})
    return value, min(written, sweep, key=lambda program: program.operations)


def objective_oracle(graph: Graph, objective: Objective) -> Oracle:
    """The oracle that inlines the objective's gradient."""
    _, gradient = objective_programs(objective)
    names = [symbol.name for symbol in objective.variables]

    def oracle(point: Sequence[int]) -> Sequence[int]:
        outputs = graph.inline(gradient, dict(zip(names, point, strict=True)))
        return [outputs[name] for name in names]

    return oracle


@lru_cache(maxsize=1024)
def scalar_names(rule: Rule) -> frozenset[Symbol]:
    """State and temporaries that never depend on a coordinate."""
    scalar = {target for target, _ in rule.update if target != x} | set(rule.state)
    constants = {t, *rule.hyperparameters}
    while True:
        coordinate = {
            target
            for target, expression in rule.update
            if target in scalar and _coordinates(expression) - scalar - constants
        } | {symbol for symbol in scalar if rule.state.get(symbol, sympy.S.Zero).has(x)}
        if not coordinate:
            return frozenset(scalar)
        scalar -= coordinate


def _coordinates(expression: Expr) -> set[Expr]:
    """Symbols and gradients outside reductions: a reduction of coordinates is itself a scalar."""
    if isinstance(expression, REDUCTIONS):
        return set()
    if isinstance(expression, grad):
        return {expression}
    if not expression.args:
        return set(expression.free_symbols)
    return {symbol for arg in expression.args for symbol in _coordinates(arg)}


@lru_cache(maxsize=4096)
def _parts(expression: Expr) -> tuple[tuple[Expr, ...], frozenset[Expr]]:
    """What is asked, in an order that does not hang on how Python hashes, and the symbols."""
    questions = sorted(expression.atoms(grad, *REDUCTIONS), key=sympy.default_sort_key)
    return tuple(questions), frozenset(_coordinates(expression))


@dataclass
class State:
    """What the rule knows between two steps, as nodes of one graph."""

    point: tuple[int, ...]
    memory: dict[Symbol, Value]
    assigned: dict[Symbol, Value] = field(default_factory=dict)


class _Lines:
    """Reads the lines of one step, in order, against the values known so far."""

    def __init__(
        self,
        graph: Graph,
        oracle: Oracle,
        values: dict[Symbol, Value],
        size: int,
        reduce: Reduce,
    ):
        self._reduce = reduce
        self._graph = graph
        self._oracle = oracle
        self._values = values
        self._size = size

    def evaluate(self, expression: Expr) -> Value:
        special: dict[Expr, Value] = {}
        questions, parts = _parts(expression)
        for node in questions:
            self._special(node, special)
        values = {**self._values, **special}
        if all(isinstance(values[part], int) for part in parts if part in values):
            return self._read(expression, values, 0)
        return tuple(self._read(expression, values, index) for index in range(self._size))

    def _special(self, node: Expr, special: dict[Expr, Value]) -> Value:
        if node not in special:
            inner = self.evaluate(node.args[0])
            columns = inner if isinstance(inner, tuple) else (inner,) * self._size
            if isinstance(node, grad):
                special[node] = tuple(self._oracle(columns))
            else:
                special[node] = self._reduce(self._graph, type(node), columns)
        return special[node]

    def _read(self, expression: Expr, values: Mapping[Expr, Value], index: int) -> int:
        nodes = [value if isinstance(value, int) else value[index] for value in values.values()]
        known = recipe(expression, tuple(values))
        if known is not None:
            return known.make(self._graph, nodes)
        return Reader(self._graph, dict(zip(values, nodes, strict=True))).read(expression)


def _reduce(graph: Graph, kind: type, columns: Sequence[int]) -> int:
    if kind is amax:
        result = columns[0]
        for column in columns[1:]:
            result = graph.apply("max", result, column)
        return result
    count = graph.const(len(columns))
    if kind is mean:
        return graph.div(graph.total(columns), count)
    squares = graph.total([graph.mul(column, column) for column in columns])
    if kind is rms:
        squares = graph.div(squares, count)
    assert kind in (norm, rms)
    return graph.sqrt(squares)


def initial_state(
    graph: Graph, rule: Rule, point: Sequence[int], hyper: Mapping[Symbol, int]
) -> State:
    """The state before the first step."""
    scalars = scalar_names(rule)
    memory: dict[Symbol, Value] = {}
    for symbol, value in rule.state.items():
        if symbol in scalars:
            memory[symbol] = Reader(graph, hyper).read(value)
        else:
            memory[symbol] = tuple(
                Reader(graph, {**hyper, x: column}).read(value) for column in point
            )
    return State(tuple(point), memory)


def apply_step(
    graph: Graph,
    rule: Rule,
    oracle: Oracle,
    state: State,
    hyper: Mapping[Symbol, int],
    step: int,
    reduce: Reduce | None = None,
) -> State:
    """The state after one step; ``step`` is the node of ``t``.

    ``reduce`` makes reductions, by default from the nodes of all coordinates.
    """
    values: dict[Symbol, Value] = {**hyper, **state.memory, x: state.point, t: step}
    lines = _Lines(graph, oracle, values, len(state.point), reduce or _reduce)
    assigned: dict[Symbol, Value] = {}
    scalars = scalar_names(rule)
    for target, expression in rule.update:
        value = lines.evaluate(expression)
        if isinstance(value, int) and target not in scalars:
            value = (value,) * len(state.point)
        values[target] = assigned[target] = value
    point = values[x]
    assert isinstance(point, tuple)
    return State(point, {symbol: values[symbol] for symbol in rule.state}, assigned)


def hyper_nodes(
    graph: Graph, rule: Rule, time: int, scheduled: Mapping[Symbol, Expr]
) -> dict[Symbol, int]:
    """The node of every hyperparameter: an input, or an expression of ``t``.

    Raises :class:`~symopt.errors.InputError` for a schedule on which the initial state depends.
    """
    for symbol, value in rule.state.items():
        for free in value.free_symbols & set(scheduled):
            raise InputError(
                f"{rule.name}: {free} cannot follow a schedule, since the initial value of "
                f"{symbol} depends on it"
            )
    return {
        symbol: Reader(graph, {t: time}).read(scheduled[symbol])
        if symbol in scheduled
        else graph.input(("hyper", symbol.name))
        for symbol in rule.hyperparameters
    }


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a rule on an objective, as a program, with the layout of its state.

    Inputs and outputs are labelled ``(name, coordinate)`` for the parameter (name ``"x"``) and
    for state, with coordinate ``None`` for scalar state; inputs further ``("t",)`` and
    ``("hyper", name)``. ``names`` says which nodes hold a line's result, for readable code.
    """

    rule: Rule
    objective: Objective
    program: Program
    start: Program
    slots: tuple[Slot, ...]
    hyper: tuple[str, ...]
    names: Mapping[int, str]

    def identifier(self, label: Label) -> str:
        """The name of an input or output in generated code, such as ``m_x``."""
        return _identifier(self.objective, label)


@lru_cache(maxsize=512)
def step_program(
    rule: Rule, objective: Objective, schedules: tuple[tuple[Symbol, Expr], ...] = ()
) -> Step:
    """The program of one step, ``t`` and hyperparameters being inputs.

    ``schedules`` binds hyperparameters to expressions of ``t``; those are then no inputs.
    """
    graph = Graph()
    size = objective.dimension
    point = tuple(graph.input(("x", index)) for index in range(size))
    time = graph.input(("t",))
    scheduled = dict(schedules)
    hyper = hyper_nodes(graph, rule, time, scheduled)
    start = initial_state(graph, rule, point, hyper)
    scalars = scalar_names(rule)
    slots: list[Slot] = [("x", index) for index in range(size)]
    memory: dict[Symbol, Value] = {}
    for symbol in rule.state:
        labels = _labels(symbol, size, symbol in scalars)
        slots += labels
        nodes = tuple(graph.input(label) for label in labels)
        memory[symbol] = nodes[0] if symbol in scalars else nodes
    oracle = objective_oracle(graph, objective)
    state = apply_step(graph, rule, oracle, State(point, memory), hyper, time)
    outputs = flat_outputs(rule, state)
    lines: dict[Label, int] = {
        ("line", name, index): node
        for symbol, value in state.assigned.items()
        for (name, index), node in _flat(symbol, value)
    }
    everything = graph.program({**lines, **outputs})
    program = Program(everything.nodes, {label: everything.outputs[label] for label in outputs})
    return Step(
        rule,
        objective,
        program,
        graph.program(flat_outputs(rule, start)),
        tuple(slots),
        tuple(symbol.name for symbol in rule.hyperparameters if symbol not in scheduled),
        {everything.outputs[label]: _line_name(objective, label) for label in lines},
    )


def _line_name(objective: Objective, label: Label) -> str:
    assert isinstance(label, tuple)
    return _identifier(objective, label[1:])


def _identifier(objective: Objective, label: Label) -> str:
    assert isinstance(label, tuple)
    if label[0] == "hyper":
        return str(label[1])
    if label == ("t",):
        return "t"
    name, index = label
    name = str(name).replace(" ", "_")
    if index is None:
        return name
    variable = objective.variables[index].name
    return variable if name == "x" else f"{name}_{variable}"


def _labels(symbol: Symbol, size: int, scalar: bool) -> list[Slot]:
    if scalar:
        return [(symbol.name, None)]
    return [(symbol.name, index) for index in range(size)]


def _flat(symbol: Symbol, value: Value) -> list[tuple[Slot, int]]:
    nodes = (value,) if isinstance(value, int) else value
    labels = _labels(symbol, len(nodes), isinstance(value, int))
    return list(zip(labels, nodes, strict=True))


def flat_outputs(rule: Rule, state: State) -> dict[Label, int]:
    """The nodes of a state, labelled as the slots of a step."""
    outputs: dict[Label, int] = {("x", index): node for index, node in enumerate(state.point)}
    for symbol, value in state.memory.items():
        outputs.update(_flat(symbol, value))
    return outputs
