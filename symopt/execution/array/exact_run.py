"""Runs on array objectives and their batches in exact fractions and in certified balls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.array.quadratic import degree
from symopt.derivation.opaque import OpaqueStep, opaque_step
from symopt.errors import BudgetError, InexactError, InputError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.array.exact import ExactOracle
from symopt.execution.array.run import start_of
from symopt.execution.ball import run_balls
from symopt.execution.exact import as_balls, object_array, to_fraction
from symopt.execution.inputs import read_record, split_hyperparameters
from symopt.execution.job import Recorder, mark_divergence
from symopt.execution.kernel import compile_source, function_source
from symopt.execution.trajectory import Trajectory
from symopt.program.graph import Label, Program
from symopt.program.printers.python import EXACT
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.rule import Rule

__all__ = ["ExactRun", "Oracles", "run_exactly"]

Row = tuple[Any, ...]


class Oracles:
    """The exact oracle of each step: one for the whole, or one for each batch."""

    def __init__(self, objective: BoundObjective | Batches, steps: int, exact: Arithmetic) -> None:
        self._exact = exact
        self._made: dict[bytes, ExactOracle] = {}
        if isinstance(objective, Batches):
            self._of = [self._batch(objective, rows) for rows in objective.schedule(steps)]
        else:
            self._of = [ExactOracle(objective, exact)] * steps

    def _batch(self, objective: Batches, rows: Any) -> ExactOracle:
        key = rows.tobytes()
        if key not in self._made:
            self._made[key] = ExactOracle(objective.on(rows), self._exact)
        return self._made[key]

    def at(self, step: int) -> ExactOracle:
        """The oracle of a step, counted from 1."""
        return self._of[step - 1]


class ExactRun:
    """A rule on a bound objective or its batches, in fractions or in balls."""

    def __init__(
        self,
        rule: Rule,
        objective: BoundObjective | Batches,
        start: tuple[Fraction, ...],
        steps: int,
        every: int,
        keep_state: bool,
        fixed: Mapping[str, Fraction],
        schedules: Mapping[Symbol, Expr],
    ) -> None:
        self.rule, self.objective, self.start, self.steps = rule, objective, start, steps
        self.every, self.keep_state, self.fixed, self.schedules = (
            every, keep_state, fixed, schedules,
        )  # fmt: skip
        bound = ((symbol, value) for symbol, value in schedules.items())
        ordered = tuple(sorted(bound, key=lambda pair: str(pair[0])))
        self.step: OpaqueStep = opaque_step(rule, len(start), ordered)

    def rational(self, budget: int) -> Trajectory:
        """The run in fractions.

        Raises :class:`~symopt.errors.InexactError` for what is irrational, and
        :class:`~symopt.errors.BudgetError` where a number needs more bits than the budget.
        """
        exact = numbers.rational()
        self._refuse_irrational()
        recorder = Recorder(self.every, self._first(exact))

        def watch(row: Row) -> None:
            recorder.record(row)
            bits = max(v.bit_length() if isinstance(v, int) else v.height_bits() for v in row)
            if bits > budget and recorder.count < self.steps:
                raise BudgetError(
                    f"an exact rational run of {self.rule.name} on {self.objective.name} needs "
                    f"{bits:,} bits for a number at step {recorder.count}, past the budget of "
                    f"{budget:,}; raise budget=, or use arithmetic='ball'"
                )

        self._go(exact, watch)
        return self._result(
            recorder, lambda v: object_array([to_fraction(x) for x in v]), "rational"
        )

    def certified(self, note: str = "") -> Trajectory:
        """The run in balls of sufficient precision."""
        exact = numbers.ball()
        oracles = Oracles(self.objective, self.steps, exact)

        def attempt(watch: Callable[[Row], None]) -> Recorder:
            recorder = Recorder(self.every, self._first(exact))

            def both(row: Row) -> None:
                watch(row)
                recorder.record(row)

            self._go(exact, both, oracles)
            return recorder

        label = f"{self.rule.name} on {self.objective.name}"
        recorder, bits = run_balls(attempt, label, self.steps)
        return mark_divergence(self._result(recorder, as_balls, "ball", precision=bits, note=note))

    def _refuse_irrational(self) -> None:
        found = [op for op in ("sqrt", "exp", "log", "tanh") if self.step.program.has(op)]
        whole = self.objective.whole if isinstance(self.objective, Batches) else self.objective
        where = f"{self.rule.name} uses {', '.join(found)}"
        if not found and degree(whole.statement.loss) is None:
            functions = {
                node.value[0] if node.op == "apply" else node.op
                for node in _nodes(whole)
                if node.op in ("softmax", "logsumexp", "apply")
            } & {"softmax", "logsumexp", "exp", "log", "tanh", "sigmoid", "softplus", "sqrt"}
            found, where = sorted(functions), f"{whole.name} uses {', '.join(sorted(functions))}"
        if found:
            raise InexactError(
                f"{where}, which is irrational in general; use arithmetic='ball' for certified "
                "digits"
            )

    def _names(self) -> dict[Label, str]:
        step = self.step
        names: dict[Label, str] = {}
        for slot in step.slots:
            name, index = slot
            names[slot] = f"{name}_{index}" if index is not None else f"{name}_scalar"
        names |= {("hyper", name): f"h_{name}" for name in step.hyper}
        names["t",] = "t"
        for number in range(1, step.asks + 1):
            names |= {("g", number, index): f"g{number}_{index}" for index in range(step.size)}
        return names

    def _first(self, exact: Arithmetic) -> Row:
        """All slots before the first step."""
        step = self.step
        labels: list[Label] = [("x", index) for index in range(step.size)]
        labels += [("hyper", name) for name in step.hyper]
        names = self._names()
        ordered = Program(step.start.nodes, {slot: step.start.outputs[slot] for slot in step.slots})
        source = function_source("start", ordered, {label: names[label] for label in labels}, EXACT)
        point = [exact.convert(value) for value in self.start]
        values: Row = compile_source(source, exact)(*point, *self._hyper(exact))
        return values

    def _hyper(self, exact: Arithmetic) -> list[Any]:
        return [exact.convert(self.fixed[name]) for name in self.step.hyper]

    def _go(
        self, exact: Arithmetic, record: Callable[[Row], None], oracles: Oracles | None = None
    ) -> None:
        step, names = self.step, self._names()
        oracles = oracles or Oracles(self.objective, self.steps, exact)

        def compiled(title: str, labels: list[Label]) -> Callable[..., Row]:
            outputs = {label: step.program.outputs[label] for label in labels}
            program = Program(step.program.nodes, outputs)
            return compile_source(function_source(title, program, names, EXACT), exact)

        size, asks = step.size, range(1, step.asks + 1)
        questions = [compiled("ask", [("ask", n, i) for i in range(size)]) for n in asks]
        advance = compiled("advance", list(step.slots))
        hyper, row = self._hyper(exact), self._first(exact)
        for t in range(1, self.steps + 1):
            answers: list[Any] = [0] * (size * step.asks)
            try:
                for number, question in enumerate(questions):
                    point = question(*row, *hyper, t, *answers)
                    answers[number * size : (number + 1) * size] = oracles.at(t).gradient(point)
                row = advance(*row, *hyper, t, *answers)
            except (UndefinedError, InexactError, UndecidedError) as error:
                where = f"step {t} of {self.rule.name} on {self.objective.name}"
                raise type(error)(f"{error}, at {where}") from None
            record(row)

    def _result(
        self, recorder: Recorder, convert: Callable[[list[Any]], Any], name: str, **more: Any
    ) -> Trajectory:
        recorded, rows = recorder.finish()
        columns = [convert(list(column)) for column in zip(*rows, strict=True)]
        slots = self.step.slots

        def stack(name: str) -> Any:
            chosen = [c for c, slot in zip(columns, slots, strict=True) if slot[0] == name]
            return chosen[0] if (name, None) in slots else np.stack(chosen, axis=-1)

        kept = self.rule.state if self.keep_state else ()
        given: dict[str, Fraction | Expr] = {
            symbol.name: self.fixed[symbol.name]
            if symbol.name in self.fixed
            else self.schedules[symbol]
            for symbol in self.rule.hyperparameters
        }
        return Trajectory(
            rule=self.rule, objective=self.objective, arithmetic=name, hyperparameters=given,
            x0=self.start, steps=self.steps, x=stack("x"),
            state={symbol.name: stack(symbol.name) for symbol in kept}, recorded=recorded, **more,
        )  # fmt: skip


def run_exactly(
    rule: Rule,
    objective: BoundObjective | Batches,
    x0: Any,
    steps: int,
    arithmetic: str,
    record: Any,
    hyper: Mapping[str, Any],
    mode: str,
    budget: int,
) -> Trajectory:
    """A run in ``"rational"`` or ``"ball"`` arithmetic, for small sizes.

    With ``mode="auto"`` what is irrational or over the budget becomes a run in balls.
    """
    start = tuple(Fraction(value) for value in start_of(objective, x0))
    fixed, schedules = split_hyperparameters(rule, dict(hyper))
    every, keep_state, reductions = read_record(record)
    if reductions:
        raise InputError(f"Best and FirstBelow are for floats; in {arithmetic} use record='all'")
    run = ExactRun(rule, objective, start, steps, every, keep_state, fixed, schedules)
    if arithmetic == "ball":
        return run.certified()
    try:
        return run.rational(budget)
    except (InexactError, BudgetError) as reason:
        if mode == "strict":
            raise
        return run.certified(f"ball arithmetic, since {reason}")


def _nodes(bound: BoundObjective) -> Any:
    from symopt.statement.array.expression import order

    return order(bound.statement.loss)
