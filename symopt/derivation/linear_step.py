"""A step that is linear in state and gradient: its matrix on a quadratic, read from its program.

The gradient of ``h x**2 / 2 + c x`` is put in for the oracle, one coordinate stands for all, and
every state after the step is read in the normal form. Where each is a polynomial of degree at most
one in the states before the step, with coefficients that do not change with t, the step is
``s <- M s + d``; this is proved by the reading itself, and anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.opaque import is_elementwise
from symopt.derivation.step import (
    State,
    Value,
    apply_step,
    flat_outputs,
    initial_state,
    scalar_names,
)
from symopt.errors import BudgetError, InputError, UndefinedError
from symopt.program.field import Quotient
from symopt.program.graph import Graph, Label, Program
from symopt.program.normal_form import normal_forms, settled
from symopt.program.ranges import Range, range_of
from symopt.statement.rule import Rule
from symopt.statement.symbols import t

__all__ = [
    "SLOPE", "LinearStep", "curvature_symbol", "hyperparameter_ranges", "linear_step", "step_on",
    "symbol_values",
]  # fmt: skip

#: The slope of the quadratic at 0.
SLOPE = Symbol("c", real=True)
_MATRICES = (
    "matrix", "slope_part", "unit_part", "first", "first_slope_part", "first_unit_part", "start",
    "start_shift",
)  # fmt: skip


def curvature_symbol(rule: Rule) -> Symbol:
    """The letter of the curvature: lambda, or h where lambda is the rule's weight decay.

    >>> import symopt
    >>> curvature_symbol(symopt.rules.momentum), curvature_symbol(symopt.rules.sgdw)
    (lamda, h)
    """
    taken = {symbol.name for symbol in (*rule.hyperparameters, *rule.state)}
    name = next(name for name in ("lamda", "h", "curvature") if name not in taken)
    return Symbol(name, real=True)


def hyperparameter_ranges(rule: Rule) -> dict[Label, Range]:
    """Where the hyperparameters of a rule lie, by the labels of their inputs."""
    return {("hyper", entry.name): range_of(entry.domain) for entry in rule.parameters}


@dataclass(frozen=True)
class LinearStep:
    """``s <- M s + d`` on ``h x**2 / 2 + c x``, from the second step on; ``states[0]`` is x.

    ``first`` and ``first_shift`` are those of the first step, which may differ. ``start`` and
    ``start_shift`` say how the states begin, as ``start * x_0 + start_shift``. ``shift`` is linear
    in the slope c: ``shift = slope_part * c + unit_part``.

    >>> import symopt
    >>> step = linear_step(symopt.rules.momentum)
    >>> step.states, step.matrix[1, 0], step.matrix[1, 1]
    (('x', 'v'), -eta*lamda, mu)
    """

    rule: Rule
    curvature: Symbol
    states: tuple[str, ...]
    matrix: Matrix
    slope_part: Matrix
    unit_part: Matrix
    first: Matrix
    first_slope_part: Matrix
    first_unit_part: Matrix
    start: Matrix
    start_shift: Matrix

    def __hash__(self) -> int:
        return hash((self.rule, self.states))

    def bound(self, values: Mapping[Symbol, Expr]) -> LinearStep:
        """The same step with numbers for some hyperparameters, or for the curvature."""
        if not values:
            return self
        parts = {name: getattr(self, name) for name in _MATRICES}
        done = {
            name: part.applyfunc(lambda entry: sympy.cancel(entry.xreplace(dict(values))))
            for name, part in parts.items()
        }
        return replace(self, **done)


@dataclass(frozen=True)
class _StepOn:
    """One step on the quadratic as a program; outputs are the slots, and ``("line", name)``."""

    program: Program
    start: Program
    slots: tuple[tuple[str, int | None], ...]


def step_on(rule: Rule, curvature: Symbol) -> _StepOn:
    """The step of a rule in one coordinate of a quadratic, the curvature being an input."""
    graph = Graph()
    time = graph.input(("t",))
    hyper = {symbol: graph.input(("hyper", symbol.name)) for symbol in rule.hyperparameters}
    h, c = graph.input(("curvature",)), graph.input(("slope",))
    point = (graph.input(("x", 0)),)
    scalars = scalar_names(rule)
    slots: list[tuple[str, int | None]] = [("x", 0)]
    memory: dict[Symbol, Value] = {}
    for symbol in rule.state:
        slot = (symbol.name, None if symbol in scalars else 0)
        slots.append(slot)
        node = graph.input(slot)
        memory[symbol] = node if symbol in scalars else (node,)
    start = initial_state(graph, rule, point, hyper)
    state = apply_step(
        graph,
        rule,
        lambda where: [graph.add(graph.mul(h, where[0]), c)],
        State(point, memory),
        hyper,
        time,
    )
    lines: dict[Label, int] = {
        ("line", target.name): value if isinstance(value, int) else value[0]
        for target, value in state.assigned.items()
    }
    return _StepOn(
        graph.program({**lines, **flat_outputs(rule, state)}),
        graph.program(flat_outputs(rule, start)),
        tuple(slots),
    )


@lru_cache(maxsize=256)
def linear_step(rule: Rule) -> LinearStep:
    """The matrix of a rule that is linear in its state and gradient.

    Raises :class:`~symopt.errors.InputError` that names the line which is not linear, or whose
    coefficients change with t, or which looks at several coordinates.
    """
    if not is_elementwise(rule):
        raise InputError(
            f"{rule.name}: a line looks at several coordinates at once (a norm or a mean), so the "
            "directions of a quadratic do not move each by itself; no closed form for every step"
        )
    for entry in rule.parameters:
        if entry.is_schedule:
            raise InputError(
                f"{rule.name}: {entry.name} follows a schedule in t; give a rule with a constant "
                "one"
            )
    curvature = curvature_symbol(rule)
    step = step_on(rule, curvature)
    ranges = hyperparameter_ranges(rule)
    later: dict[Label, Range] = {**ranges, ("t",): Range.counter(2)}
    general = _Affine(rule, curvature, settled(step.program, later), step.slots, later)
    graph = Graph()
    first = graph.program(graph.inline(step.program, {("t",): graph.const(1)}))
    opening = _Affine(rule, curvature, first, step.slots, ranges)
    begun = _Affine(rule, curvature, step.start, step.slots, ranges)
    matrix, shift = general.matrix()
    first_matrix, first_shift = opening.matrix()
    start, start_shift = begun.matrix()
    return LinearStep(
        rule,
        curvature,
        tuple(name for name, _ in step.slots),
        matrix,
        *_by_slope(shift),
        first_matrix,
        *_by_slope(first_shift),
        start[:, 0],
        start_shift,
    )


def _by_slope(shift: Matrix) -> tuple[Matrix, Matrix]:
    """The factor of the slope and the rest; both free of it, as the reading has checked."""
    rest = shift.subs(SLOPE, 0)
    return (shift - rest).applyfunc(lambda value: sympy.cancel(value / SLOPE)), rest


class _Affine:
    """Reads the outputs of a program as polynomials of degree one in the slots."""

    def __init__(
        self,
        rule: Rule,
        curvature: Symbol,
        program: Program,
        slots: tuple[tuple[str, int | None], ...],
        ranges: Mapping[Label, Range],
    ) -> None:
        self.rule, self.slots, self.program = rule, slots, program
        self.symbols: dict[Label, Expr] = {
            ("curvature",): curvature,
            ("slope",): SLOPE,
            **{("hyper", symbol.name): symbol for symbol in rule.hyperparameters},
        }
        try:
            self.field, [(self.values, _)] = normal_forms(program, ranges=ranges)
        except (BudgetError, UndefinedError) as error:
            raise InputError(f"{rule.name} is not linear in state and gradient: {error}") from error

    def matrix(self) -> tuple[Matrix, Matrix]:
        """The coefficients of the slots, and the constant parts, a row per slot."""
        lines = [label for label in self.values if label[0] == "line"]  # type: ignore[index]
        for line in lines:
            self._row(line, str(line[1]))  # type: ignore[index]
        rows = [self._row(slot, slot[0]) for slot in self.slots]
        count = len(self.slots)
        return Matrix([row[:count] for row in rows]), Matrix([row[count:] for row in rows])

    def _row(self, label: Label, name: str) -> list[Expr]:
        value = self.values[label]
        row: list[Expr] = [sympy.S.Zero] * (len(self.slots) + 1)
        below = self._polynomial(name, value.bottom)
        for position, part in self._split(name, value):
            row[position] = sympy.cancel(self._polynomial(name, part) / below)
        return row

    def _split(self, name: str, value: Quotient) -> list[tuple[int, Any]]:
        """The top by the slot of which each monomial is the first power."""
        places = {self._place(slot): position for position, slot in enumerate(self.slots)}
        parts: dict[int, dict[Any, Any]] = {}
        for exponents, coefficient in value.top.to_dict().items():
            found = [(i, int(n)) for i, n in enumerate(exponents) if n and i in places]
            if sum(power for _, power in found) > 1:
                raise self._refusal(name, "products of states or gradients")
            position = places[found[0][0]] if found else len(self.slots)
            rest = [0 if i in places else int(n) for i, n in enumerate(exponents)]
            parts.setdefault(position, {})[tuple(rest)] = coefficient
        context = value.top.context()
        return [(position, context.from_dict(part)) for position, part in parts.items()]

    def _place(self, slot: Label) -> int:
        try:
            return self.field.names.index(slot)
        except ValueError:
            return -1  # no output depends on it

    def _polynomial(self, name: str, polynomial: Any) -> Expr:
        total: Expr = sympy.S.Zero
        for exponents, coefficient in polynomial.to_dict().items():
            term: Expr = sympy.Rational(int(coefficient.p), int(coefficient.q))
            for index, power in enumerate(exponents):
                if power:
                    term *= self._unknown(name, index) ** int(power)
            total += term
        return total

    def _unknown(self, name: str, index: int) -> Expr:
        label = self.field.names[index]
        if label in self.symbols:
            return self.symbols[label]
        if label == ("t",) or index in self.field.powers:
            raise self._refusal(name, "t: its coefficients change from step to step")
        if index in self.field.squares:
            return sympy.sqrt(self._polynomial(name, self.field.squares[index]))
        raise self._refusal(name, "a function of states or gradients that is not linear")

    def _refusal(self, name: str, why: str) -> InputError:
        lines = [f"{target} <- {text}" for target, text in self.rule.update if target.name == name]
        line = f" in the line {lines[-1]}" if lines else f" in the state {name}"
        return InputError(
            f"{self.rule.name} is not linear in its state and gradient with constant "
            f"coefficients:{line}, which has {why}"
        )


def symbol_values(rule: Rule, given: Mapping[str, Any]) -> dict[Symbol, Expr]:
    """The hyperparameters that were given, as exact numbers of their domains."""
    bound = rule.bind(given)
    for name in given:
        symbol = rule.parameter(name).symbol
        if t in bound[symbol].free_symbols:
            raise InputError(f"{rule.name}: {name} must be a number here, not a schedule in t")
    return {rule.parameter(name).symbol: bound[rule.parameter(name).symbol] for name in given}
