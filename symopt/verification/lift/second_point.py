"""The mandatory check of a lift: the real code, without symbols, at other points.

At the point where code was traced a lift always agrees, even if a value escaped into a constant.
Here the real code runs several steps from other starts, with other gradients and other
hyperparameters, and at every step the lifted rule, restarted from the state that the code reached,
must say the same to within the rounding of binary64.
"""

from __future__ import annotations

import math
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from symopt.derivation.opaque import opaque_step
from symopt.errors import LiftError
from symopt.execution.arithmetic import guarded
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.statement.rule import Rule
from symopt.verification.lift.arrays import INFINITY, NAN

__all__ = ["SecondPoint", "Slots", "checked", "compared"]

#: Numbers of a state, by slot: ``("x", coordinate)``, ``(state, coordinate or None)``.
Slots = dict[Any, float]
STEPS, SIZE, ROUNDS = 8, 4, 3
#: Relative to the size of the quantity and of its change. Rounding stays far below (the worst is
#: RAdam's, 1e-11 by cancellation), and what a hyperparameter does is far above at these points.
TOLERANCE = 1e-8


class SecondPoint(ABC):
    """The real code, run with plain numbers."""

    @abstractmethod
    def begin(self, start: Any, hyper: Mapping[str, float]) -> None:
        """Make the optimizer anew at a start, with these values of the rule's hyperparameters."""

    @abstractmethod
    def step(self, gradient: Any) -> None:
        """Make one step with this gradient."""

    def beside(self) -> Slots:
        """What the last step was given beside the gradient, by the labels of the program."""
        return {}

    @abstractmethod
    def read(self) -> Slots:
        """The point and the state."""


def checked(
    rule: Rule,
    hyper: Mapping[str, Any],
    code: SecondPoint,
    title: str,
    *,
    size: int = SIZE,
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
    rounds: int = ROUNDS,
) -> None:
    """Compare a lifted rule with the real code.

    ``hyper`` are the values of all the code's hyperparameters: those that the rule does not have
    must make no difference.

    Raises :class:`~symopt.errors.LiftError` where they differ: a value escaped the lift.
    """
    step = opaque_step(rule, size)
    compared(step.program, step.start, hyper, code, title, (size,), tolerance, steps, rounds)


def compared(
    program: Program,
    start: Program,
    defaults: Mapping[str, Any],
    code: SecondPoint,
    title: str,
    shape: tuple[int, ...],
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
    rounds: int = ROUNDS,
) -> None:
    """The same for programs of one step and of the state before the first step."""
    step, begin = _compiled(program), _compiled(start)
    unreal = {INFINITY: math.inf, NAN: math.nan}
    for _ in range(rounds):
        # No fixed points: code could keep a table for them.
        random = np.random.default_rng(secrets.randbits(64))
        hyper = {name: _other(float(value), random) for name, value in defaults.items()}
        settings = {("hyper", name): value for name, value in hyper.items()}
        code.begin(random.uniform(0.5, 1.5, shape), hyper)
        before = code.read()
        begun = begin({**before, **settings, **unreal})
        if not set(program.outputs) & set(before):
            raise LiftError(f"{title}: the code shows nothing to compare with")
        memory = {slot: value for slot, value in begun.items() if slot[0] != "x"}
        for time in range(1, steps + 1):
            gradient = random.normal(size=shape) * 10 ** random.uniform(-2, 1)
            if time == 3:
                gradient.flat[0] = 0.0  # signs and kinks at zero
            asked = {("g", 1, i): float(g) for i, g in enumerate(gradient.ravel())}
            with np.errstate(all="ignore"):
                code.step(gradient)
            beside, after = code.beside(), code.read()
            for label in program.inputs:
                if isinstance(label, tuple) and label[0] == "opaque" and label not in beside:
                    raise LiftError(
                        f"{title}: the step depends on {label[-1]}; it cannot be compared"
                    )
            given = {**settings, **memory, **before, **asked, **beside, **unreal}
            inputs = {**given, ("t",): float(time)}
            expected = step(inputs)
            _agree(expected, after, {**memory, **before}, f"{title}, step {time}", tolerance)
            memory = {slot: value for slot, value in expected.items() if slot[0] != "x"}
            before = after


def _other(value: float, random: np.random.Generator) -> float:
    """Another value, of a size at which its effect is visible."""
    if 0 < abs(value) < 1e-2:
        return math.copysign(float(random.uniform(0.02, 0.08)), value)
    return value * float(random.uniform(0.85, 0.98))


def _agree(expected: Slots, observed: Slots, before: Slots, what: str, tolerance: float) -> None:
    for slot in expected:
        if slot[0] == "ask" or slot not in observed:
            continue
        ours, theirs = expected[slot], observed[slot]
        if (math.isnan(ours) and math.isnan(theirs)) or ours == theirs:
            continue
        scale = max(abs(theirs), abs(theirs - before.get(slot, theirs)), 1e-6)
        if not abs(ours - theirs) <= tolerance * scale:
            raise LiftError(
                f"{what}: {slot[0]} is {theirs!r}, but what was lifted gives {ours!r}; a value "
                "escaped into a constant, or the code keeps state that is not visible"
            )


def _compiled(program: Program) -> Callable[[Mapping[Any, float]], Slots]:
    labels: list[Label] = list(program.inputs)
    arithmetic = guarded()
    names = {label: f"i{index}" for index, label in enumerate(labels)}
    source = function_source("step", program, names, arithmetic.dialect)
    function = compile_source(source, arithmetic)

    def evaluate(inputs: Mapping[Any, float]) -> Slots:
        given: Iterable[Any] = [np.float64(inputs[label]) for label in labels]
        with np.errstate(all="ignore"):
            return dict(zip(program.outputs, map(float, function(*given)), strict=True))

    return evaluate
