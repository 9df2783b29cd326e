"""One run, its arguments read, and what every arithmetic needs of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.step import Step, step_program
from symopt.errors import InexactError, UndecidedError, UndefinedError
from symopt.execution.kernel import Kernel, bindings, compile_source, loop_source, start_source
from symopt.execution.recorded import Recorded
from symopt.execution.reductions import Watch
from symopt.execution.trajectory import Setting, Trajectory, magnitude
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["Job", "Recorder", "Rows", "by_slot", "mark_divergence"]


#: What a run records: one tuple of all slots per step.
Rows = list[tuple[Any, ...]]


class Recorder:
    """Keeps the rows to be recorded, with their steps. ``record`` is what the loop calls."""

    def __init__(self, every: int, start: tuple[Any, ...]) -> None:
        self._every = every
        self._rows: list[tuple[Any, ...]] = [start]
        self._steps = [0]
        self._last = start
        self._passed = 0
        # Where every row is kept the loop appends to a list, and nothing else is called.
        self.record: Callable[[tuple[Any, ...]], None] = (
            self._rows.append if every == 1 else self._some
        )

    @property
    def count(self) -> int:
        """How many steps were made."""
        return len(self._rows) - 1 if self._every == 1 else self._passed

    def _some(self, row: tuple[Any, ...]) -> None:
        self._passed += 1
        self._last = row
        if self._every and self._passed % self._every == 0:
            self._rows.append(row)
            self._steps.append(self._passed)

    def finish(self) -> tuple[tuple[int, ...], list[tuple[Any, ...]]]:
        """The recorded steps and their rows; the last step is always among them."""
        if self._every == 1:
            return tuple(range(len(self._rows))), self._rows
        if not self._every:
            return (self._passed,), [self._last]
        if self._steps[-1] != self._passed:
            self._steps.append(self._passed)
            self._rows.append(self._last)
        return tuple(self._steps), self._rows


@dataclass(frozen=True)
class Job:
    """One run, its arguments read.

    ``every`` says which steps are recorded, 0 the last one only; ``keep_state`` whether the state
    is kept beside the point. ``varied`` holds hyperparameters that differ from lane to lane, as
    arrays of the run's dtype; ``watch`` the reductions that are kept instead of steps.
    """

    rule: Rule
    objective: Objective
    start: tuple[Fraction, ...]
    steps: int
    every: int
    fixed: dict[str, Fraction]
    schedules: dict[Symbol, Expr]
    keep_state: bool = True
    varied: Mapping[str, Any] = field(default_factory=dict)
    watch: Watch | None = None

    @property
    def recorded(self) -> Recorded:
        """The steps to be recorded; the last one is always among them."""
        return Recorded(self.steps, self.every)

    @property
    def step(self) -> Step:
        """The program of one step, with what is watched."""
        plain = step_program(self.rule, self.objective, bindings(self.schedules))
        return plain if self.watch is None else self.watch.step(plain)

    def kernel(self, dialect: Any) -> Kernel:
        step = self.step
        return Kernel(step, dialect, loop_source(step, dialect))

    def inputs(self, kernel: Kernel, convert: Callable[[Fraction], Any]) -> list[Any]:
        return [convert(self.fixed[name]) for name in kernel.step.hyper]

    def initial(self, kernel: Kernel, arithmetic: Any, point: list[Any]) -> tuple[Any, ...]:
        """All slots before the first step."""
        function = compile_source(start_source(kernel.step, kernel.dialect), arithmetic)
        values: tuple[Any, ...] = function(*point, *self.inputs(kernel, arithmetic.convert))
        return values

    def result(
        self, kernel: Kernel, recorder: Recorder, convert: Callable[[Rows], Any], **more: Any
    ) -> Trajectory:
        """The trajectory; ``convert`` makes the recorded rows into one array per slot."""
        recorded, rows = recorder.finish()
        names = [name for name, _ in kernel.step.slots]
        columns = convert(rows)

        def stack(name: str) -> Any:
            chosen = [column for column, own in zip(columns, names, strict=True) if own == name]
            if (name, None) in kernel.step.slots:
                return chosen[0]
            return np.stack(chosen, axis=-1)

        kept = self.rule.state if self.keep_state else ()
        memory = {symbol.name: stack(symbol.name) for symbol in kept}
        return self.trajectory(recorded, stack("x"), memory, **more)

    def trajectory(
        self, recorded: Sequence[int], x: Any, state: dict[str, Any], **more: Any
    ) -> Trajectory:
        """The trajectory with these points and this state."""
        symbols = list(self.rule.hyperparameters)
        given: dict[str, Setting] = {
            symbol.name: self.fixed[symbol.name]
            if symbol.name in self.fixed
            else self.schedules[symbol]
            for symbol in symbols
        }
        return Trajectory(
            rule=self.rule,
            objective=self.objective,
            hyperparameters=more.pop("hyperparameters", given),
            x0=more.pop("x0", self.start),
            steps=self.steps,
            x=x,
            state=state,
            recorded=recorded,
            **more,
        )

    def settled(
        self, result: Trajectory, kernel: Kernel, slots: tuple[Any, ...], arithmetic: Any
    ) -> Trajectory:
        """The same run with what its reductions found, of which the last slots tell."""
        if self.watch is None:
            return result
        with np.errstate(all="ignore"):
            steps, points = self.watch.rows(kernel.step, slots, self.steps, arithmetic)
        found = np.array(steps, np.min_scalar_type(-self.steps - 1))
        x = np.array(points, result.x.dtype)
        return replace(result, x=x, attained=found, recorded=tuple(map(int, found)))

    def guarded(
        self, kernel: Kernel, arithmetic: Any, point: list[Any], recorder: Callable[..., None]
    ) -> None:
        """Run, and say at which step what went wrong."""
        counter = itertools.count(1)

        def counted(row: tuple[Any, ...]) -> None:
            next(counter)
            recorder(row)

        try:
            inputs = self.inputs(kernel, arithmetic.convert)
            kernel.bind(arithmetic)(*point, *inputs, self.steps, counted)
        except (UndefinedError, InexactError, UndecidedError) as error:
            where = f"step {next(counter)} of {self.rule.name} on {self.objective.name}"
            raise type(error)(f"{error}, at {where}") from None


def by_slot(convert: Callable[[list[Any]], Any]) -> Callable[[Rows], list[Any]]:
    """What makes recorded rows into one array per slot, from what converts one slot's values."""
    return lambda rows: [convert(list(column)) for column in zip(*rows, strict=True)]


def mark_divergence(result: Trajectory) -> Trajectory:
    """The same run with the first diverged step, as far as the recorded rows show it."""
    arrays = [result.x, *result.state.values()]
    if result.arithmetic == "ball":
        finite = [
            np.array([magnitude(value) <= 1024 for value in array.flat]).reshape(array.shape)
            for array in arrays
        ]
    else:
        finite = [np.isfinite(array) for array in arrays]
    rows = len(result.recorded)
    good = np.ones(rows, dtype=bool)
    for array in finite:
        good &= array.reshape(rows, -1).all(axis=1)
    diverged_at = None if good.all() else result.recorded[int(np.argmin(good))]
    return replace(result, diverged_at=diverged_at)
