"""Runs of a rule on a bound objective: the rule's vector loop around the objective's kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.array.staged import StagedStep, staged_step
from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.array.kernel import array_kernel
from symopt.execution.array.loop import VectorLoop, vector_loop
from symopt.execution.array.one_pass import bind_pass, is_pass_worth_compiling
from symopt.execution.inputs import read_record, read_steps, split_hyperparameters
from symopt.execution.kernel import bindings, compile_source
from symopt.execution.trajectory import Trajectory
from symopt.program.graph import Label, Program
from symopt.program.printers.python import ARRAY, Printer, clean_names
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.rule import Rule

__all__ = ["VectorRun", "run_bound", "start_of"]

Values = np.ndarray[Any, Any]


class ExactFloats(Sequence[Fraction]):
    """Floats as the exact fractions that they are, each made when it is asked for.

    >>> ExactFloats(np.array([0.5, 0.1]))[0]
    Fraction(1, 2)
    """

    def __init__(self, values: Values) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return ExactFloats(self._values[place])
        return Fraction(float(self._values[place]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"ExactFloats({self._values!r})"


class VectorRun:
    """A rule on a bound objective, with all buffers: ``advance`` goes on from where it stands.

    ``slots`` are the point and the state by name, arrays that the next steps change. ``compiled``
    leaves what follows a step's last question to machine code.
    """

    def __init__(
        self,
        rule: Rule,
        bound: BoundObjective,
        start: Values,
        dtype: type[np.floating[Any]],
        fixed: Mapping[str, Fraction],
        schedules: Mapping[Symbol, Expr],
        compiled: bool = False,
    ) -> None:
        self.step: StagedStep = staged_step(rule, bindings(schedules))
        self.loop: VectorLoop = vector_loop(self.step, compiled)
        self.kernel = array_kernel(bound, dtype)
        self.dtype = dtype
        self._arithmetic = numbers.array(dtype)
        self.hyper = {name: self._arithmetic.convert(fixed[name]) for name in self.step.hyper}
        self.count = dtype(bound.dimension)
        size = bound.dimension
        self.slots = self._initial(np.asarray(start, dtype))
        self._buffers = tuple(np.empty(size, dtype) for _ in range(self.loop.buffers))
        self._masks = tuple(np.empty(size, bool) for _ in range(self.loop.masks))
        self._function = self.loop.bind(dtype)

    def _initial(self, point: Values) -> dict[str, Any]:
        """All slots before the first step, arrays in buffers of their own."""
        labels = [("x",), *[("hyper", name) for name in self.step.hyper], ("count",)]
        cleaned = clean_names([label[-1] for label in labels])
        names: dict[Label, str] = dict(zip(labels, cleaned, strict=True))
        program = Program(
            self.step.start.nodes, {slot: self.step.start.outputs[slot] for slot in self.step.slots}
        )
        printer = Printer(program, ARRAY, names)
        lines, texts = printer.lines(list(program.outputs.values()))
        head = f"def start({', '.join(names.values())}):"
        source = "\n".join([head, *lines, f"    return ({', '.join(texts)},)"])
        found = compile_source(source, self._arithmetic)(point, *self.hyper.values(), self.count)
        slots: dict[str, Any] = {}
        for slot, value in zip(self.step.slots, found, strict=True):
            name = str(slot[-1])  # type: ignore[index]
            if slot in self.step.scalars:
                slots[name] = self.dtype(value)
            elif slot == ("x",) and self.loop.at_home:
                self.kernel.theta[:] = value
                slots[name] = self.kernel.theta
            else:
                slots[name] = np.array(np.broadcast_to(value, point.shape), self.dtype)
        return slots

    def run(self, steps: int, record: Callable[[tuple[Any, ...]], None]) -> None:
        """All steps from the start; ``record`` gets all slots after each."""
        self.loop_on(steps, record, self.kernel.compute_gradient)

    def loop_on(
        self,
        steps: int,
        record: Callable[[tuple[Any, ...]], None],
        gradient: Callable[[], None],
    ) -> None:
        """The loop on what answers questions: from the kernel's ``theta`` to its ``grad``."""
        theta, grad = self.kernel.theta, self.kernel.grad
        more = []
        if self.loop.plan:
            vectors = [slot for slot in self.slots.values() if isinstance(slot, np.ndarray)]
            more = [bind_pass(self.loop.plan, self.dtype, [*vectors, grad, *self._buffers])]
        with np.errstate(all="ignore"):
            self._function(
                *self.slots.values(), *self.hyper.values(), self.count, steps, record,
                gradient, theta, grad, self._buffers, self._masks, *more,
            )  # fmt: skip


class _Rows:
    """The recorded rows, one array for each slot."""

    def __init__(self, run: VectorRun, steps: int, every: int, keep_state: bool) -> None:
        kept = [name for name in run.slots if keep_state or name == "x"]
        self._places = [list(run.slots).index(name) for name in kept]
        self.recorded = (
            tuple(dict.fromkeys([*range(0, steps + 1, every), steps])) if every else (steps,)
        )
        self.values = {
            name: np.empty((len(self.recorded), *np.shape(run.slots[name])), run.dtype)
            for name in kept
        }
        self._targets = list(self.values.values())
        self._row = 0
        self._step = 0
        if every:
            self._keep(tuple(run.slots.values()))

    def _keep(self, slots: tuple[Any, ...]) -> None:
        for place, target in zip(self._places, self._targets, strict=True):
            target[self._row] = slots[place]
        self._row += 1

    def __call__(self, slots: tuple[Any, ...]) -> None:
        self._step += 1
        if self._row < len(self.recorded) and self.recorded[self._row] == self._step:
            self._keep(slots)


def start_of(bound: BoundObjective | Batches, x0: Any) -> Values:
    """The start of a run as one vector, exact fractions where no floats were given.

    Raises :class:`~symopt.errors.InputError` where there is none, and for another shape.
    """
    if x0 is None:
        raise InputError(
            f"{bound.name} has no customary start; give x0: {bound.dimension} numbers, or an "
            f"array for each of {', '.join(bound.slices)}"
        )
    return bound.point(x0)


def run_bound(
    rule: Rule,
    bound: BoundObjective | Batches,
    x0: Any,
    steps: int,
    arithmetic: str = "float64",
    record: Any = "all",
    hyper: Mapping[str, Any] | None = None,
    make: Callable[..., VectorRun] = VectorRun,
    backend: str = "numpy",
) -> Trajectory:
    """A run on a bound objective in float64 or float32; ``make`` says how its steps are made.

    With ``backend="llvm"``, or where that pays with ``"auto"``, machine code makes the new state.

    Raises :class:`~symopt.errors.InputError` for a start of another shape.
    """
    given = start_of(bound, x0)
    dtype: type[np.floating[Any]] = np.float64 if arithmetic == "float64" else np.float32
    every, keep_state, reductions = read_record(record)
    if reductions:
        raise InputError(
            "Best and FirstBelow are not followed for objectives of arrays; use record='all' and "
            "look at .values"
        )
    steps = read_steps(steps)
    fixed, schedules = split_hyperparameters(rule, dict(hyper or {}))
    start = _rounded(given, dtype, f"{bound.name}: x0")
    compiled = backend == "llvm" or (
        backend == "auto"
        and is_pass_worth_compiling(
            staged_step(rule, bindings(schedules)), dtype, steps, len(start)
        )
    )
    run = make(rule, bound, start, dtype, fixed, schedules, compiled)
    for name, value in run.hyper.items():
        if not np.isfinite(value):
            raise InputError(f"{name} is beyond the range of {dtype.__name__}")
    rows = _Rows(run, steps, every, keep_state)
    run.run(steps, rows)
    received: dict[str, Fraction | Expr] = {
        symbol.name: Fraction(float(run.hyper[symbol.name]))
        if symbol.name in run.hyper
        else schedules[symbol]
        for symbol in rule.hyperparameters
    }
    result = Trajectory(
        rule=rule,
        objective=bound,
        arithmetic=arithmetic,
        hyperparameters=received,
        x0=ExactFloats(start),
        steps=steps,
        x=rows.values["x"],
        state={name: value for name, value in rows.values.items() if name != "x"},
        recorded=rows.recorded,
        backend="llvm" if run.loop.plan else "numpy",
    )
    if all(np.isfinite(value).all() for value in rows.values.values()):
        return result
    again = make(rule, bound, start, dtype, fixed, schedules, compiled)
    return replace(result, diverged_at=_first_loss(again, steps))


def _first_loss(run: VectorRun, steps: int) -> int:
    """The first step at which a number is infinite or nan."""
    count = 0

    def watch(slots: tuple[Any, ...]) -> None:
        nonlocal count
        count += 1
        if not all(np.isfinite(value).all() for value in slots):
            raise StopIteration

    with suppress(StopIteration):
        run.run(steps, watch)
    return count


def _rounded(given: Values, dtype: type[np.floating[Any]], where: str) -> Values:
    if given.dtype == object:
        made = np.array([numbers.round_to(value, dtype) for value in given], dtype)
    else:
        with np.errstate(over="ignore"):
            made = given.astype(dtype)
    if not np.isfinite(made).all():
        raise InputError(f"{where}: a number beyond the range of {np.dtype(dtype).name}")
    return made
