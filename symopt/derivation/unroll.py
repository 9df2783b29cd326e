"""The first k steps of a rule as one straight-line program, linear in k."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, Symbol

from symopt.derivation.step import Oracle, apply_step, initial_state, objective_oracle
from symopt.errors import InputError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.statement.library import objectives, rules
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.statement.parse import parse_expression
from symopt.statement.rule import Rule
from symopt.statement.symbols import t

if TYPE_CHECKING:
    from symopt.derivation.first_steps import ClosedForm

__all__ = ["Unrolled", "unroll"]


@dataclass(frozen=True)
class Unrolled:
    """The first ``steps`` steps of a rule, from a symbolic or numeric start.

    ``program`` has an output ``(name, coordinate, step)`` for every line of every step (the
    parameter is named ``"x"``, scalars have coordinate ``None``) and a SymPy symbol as label of
    each input: the start (``x_0``), hyperparameters that were not given, and, without an
    objective, the opaque gradients ``g1``, ``g2``, ...

    >>> u = unroll("momentum_ema", steps=2)
    >>> u.closed_form(1).expressions
    (beta*eta*g1 - eta*g1 + x_0,)
    """

    rule: Rule
    objective: Objective | None
    steps: int
    variables: tuple[str, ...]
    arguments: tuple[Symbol, ...]
    program: Program

    @property
    def operations(self) -> int:
        """The number of arithmetic operations of all steps together."""
        return self.program.operations

    def labels(self, name: str, step: int) -> tuple[Label, ...]:
        """The outputs that hold a quantity after a step, one per coordinate.

        Raises :class:`~symopt.errors.InputError` for a quantity or step that there is not.
        """
        if not 0 <= step <= self.steps:
            raise InputError(f"step {step} is not among the unrolled steps 0 to {self.steps}")
        found = [(name, index, step) for index in range(len(self.variables))]
        if (name, None, step) in self.program.outputs:
            return ((name, None, step),)
        if found[0] not in self.program.outputs:
            known = sorted({str(label[0]) for label in self.program.outputs})  # type: ignore[index]
            raise InputError(
                f"{self.rule.name} has no quantity {name!r} at step {step}; there are "
                f"{', '.join(known)}"
            )
        return tuple(found)

    def expressions(self, name: str, step: int) -> tuple[Expr, ...]:
        """A quantity after a step as SymPy expressions of the arguments, not simplified."""
        from symopt.program.to_sympy import to_sympy

        labels = self.labels(name, step)
        part = Program(self.program.nodes, {label: self.program.outputs[label] for label in labels})
        values = to_sympy(part, {symbol: symbol for symbol in self.arguments})
        return tuple(values[label] for label in labels)

    def closed_form(self, step: int | None = None, *, max_terms: int = 5000) -> ClosedForm:
        """The point after a step in closed form, expanded while it stays within ``max_terms``."""
        from symopt.derivation.first_steps import closed_form

        step = self.steps if step is None else step
        self.labels("x", step)
        return closed_form(self, step, max_terms)

    def lambdify(self, step: int | None = None) -> Callable[..., tuple[Any, ...]]:
        """The map from the arguments to the point after a step as one vectorized NumPy function.

        Called like a function of ``sympy.lambdify(arguments, point)``: positional, arrays
        broadcast. Its length is linear in the number of steps, and its source is ``.source``.

        >>> f = unroll("gradient_descent", "half_square", steps=3).lambdify()
        >>> f(1.0, 0.5)
        (np.float64(0.125),)
        """
        from symopt.execution.maps import numpy_map

        return numpy_map(self, self.steps if step is None else step)

    def evaluate(self, *values: Any, arithmetic: str = "rational") -> list[tuple[Any, ...]]:
        """The points of all steps, in exact arithmetic: ``"rational"`` or ``"ball"``.

        >>> unroll("gradient_descent", "half_square", steps=2).evaluate("1", "1/4")
        [(Fraction(1, 1),), (Fraction(3, 4),), (Fraction(9, 16),)]
        """
        from symopt.execution.maps import exact_map

        return exact_map(self, values, arithmetic)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def __str__(self) -> str:
        where = f" on {self.objective.title}" if self.objective else ", gradients opaque"
        given = ", ".join(map(str, self.arguments)) or "no free symbols"
        return (
            f"{self.rule.title}{where}: {self.steps} steps in {self.operations} operations of "
            f"{given}"
        )


def unroll(
    rule: Rule | str,
    objective: Objective | str | None = None,
    steps: int = 1,
    x0: Sequence[Any] | None = None,
    **hyper: Any,
) -> Unrolled:
    """Unroll the first steps of a rule.

    Parameters
    ----------
    rule, objective
        Names or statements. Without an objective there is one coordinate, and the gradients are
        the symbols ``g1``, ``g2``, ...
    steps
        How many, at least 1. Time and size grow linearly.
    x0
        The start: numbers or SymPy expressions; symbols ``x_0`` if not given.
    hyper
        Hyperparameters: numbers, or expressions (of ``t``: schedules). What is not given stays a
        symbol, unless its default is a schedule.

    >>> print(unroll("adam", "beale", steps=3))
    Adam on Beale: 3 steps in ... operations of x1_0, x2_0, eta, beta1, beta2, epsilon
    """
    the_rule = rules.resolve(rule)
    the_objective = None if objective is None else objectives.resolve(objective)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"steps = {steps!r}: unrolling needs at least 1 step")
    names = tuple(s.name for s in the_objective.variables) if the_objective else ("x",)
    start = _start(names, x0)
    bound = _hyperparameters(the_rule, hyper)
    graph = Graph()
    arguments = dict.fromkeys(_free(start))
    arguments |= dict.fromkeys(_free(list(bound.values()), without=t))
    symbols = {symbol: graph.input(symbol) for symbol in arguments}
    oracle = None if the_objective is None else objective_oracle(graph, the_objective)
    outputs: dict[Label, int] = {}
    gradients: dict[Symbol, int] = {}
    point = [Reader(graph, symbols).read(value) for value in start]
    state = None
    for step in range(1, steps + 1):
        time = graph.const(step)
        reader = Reader(graph, {**symbols, t: time})
        values = {symbol: reader.read(value) for symbol, value in bound.items()}
        if state is None:
            state = initial_state(graph, the_rule, point, values)
            outputs.update(_outputs(state.memory, 0))
            outputs.update({("x", index, 0): node for index, node in enumerate(point)})
        state = apply_step(
            graph, the_rule, oracle or _opaque(graph, step, gradients), state, values, time
        )
        outputs.update(_outputs(state.assigned, step))
    program = graph.program(outputs)
    used = set(program.inputs)
    free = [symbol for symbol in (*arguments, *gradients) if symbol in used or symbol in start]
    return Unrolled(the_rule, the_objective, steps, names, tuple(free), program)


def _start(names: tuple[str, ...], x0: Sequence[Any] | None) -> tuple[Expr, ...]:
    if x0 is None:
        return tuple(Symbol(f"{name}_0", real=True) for name in names)
    values: list[Any] = (
        list(x0) if isinstance(x0, (list, tuple)) or hasattr(x0, "__len__") else [x0]
    )
    if isinstance(x0, str):
        values = x0.replace(",", " ").split()
    if len(values) != len(names):
        raise InputError(f"x0 has {len(values)} numbers for the variables {', '.join(names)}")
    return tuple(_exact(value, "x0") for value in values)


def _exact(value: Any, what: str) -> Expr:
    if isinstance(value, Expr) and not value.is_Number:
        floats = {atom: rational(exact(atom, what)) for atom in value.atoms(sympy.Float)}
        return value.xreplace(floats)
    return rational(exact(value, what))


def _hyperparameters(rule: Rule, given: dict[str, Any]) -> dict[Symbol, Expr]:
    bound: dict[Symbol, Expr] = {
        entry.symbol: entry.default if entry.is_schedule else entry.symbol
        for entry in rule.parameters
    }
    for name, value in given.items():
        symbol = rule.parameter(name).symbol
        if isinstance(value, str) and "t" in value:
            value = parse_expression(value, {"t": t})
        expression = _exact(value, f"{rule.name}: {name}")
        # A number must lie in the domain; an expression is taken at its word.
        bound[symbol] = rule.bind({name: value})[symbol] if expression.is_Number else expression
    return bound


def _free(expressions: Sequence[Expr], without: Symbol | None = None) -> list[Symbol]:
    return [
        symbol
        for expression in expressions
        for symbol in sorted(expression.free_symbols, key=str)
        if symbol != without
    ]


def _opaque(graph: Graph, step: int, seen: dict[Symbol, int]) -> Oracle:
    """An oracle whose answers are symbols: the n-th question of step t is ``g{t}`` (``g{t}_n``)."""
    asked: dict[tuple[int, ...], list[int]] = {}

    def oracle(point: Sequence[int]) -> Sequence[int]:
        key = tuple(point)
        if key not in asked:
            suffix = f"_{len(asked) + 1}" if asked else ""
            symbol = Symbol(f"g{step}{suffix}", real=True)
            seen[symbol] = step
            asked[key] = [graph.input(symbol)]
        return asked[key]

    return oracle


def _outputs(values: dict[Symbol, Any], step: int) -> dict[Label, int]:
    outputs: dict[Label, int] = {}
    for symbol, value in values.items():
        if isinstance(value, int):
            outputs[symbol.name, None, step] = value
        else:
            outputs.update({(symbol.name, i, step): node for i, node in enumerate(value)})
    return outputs
