"""A statement run as somebody's code: the step of a rule in floats, asking our oracle.

The program that bounds and proofs read is printed for NumPy, so that mutants, rivals and the
catalogue itself can be driven like any implementation. In a coarser format than binary64,
hyperparameters stay Python floats, as frameworks keep them: NumPy rounds them where they meet an
array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.opaque import OpaqueStep, is_elementwise, opaque_step
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.inputs import split_hyperparameters
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.printers.python import ARRAY
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.implementation import Array, Implementation, Oracle

__all__ = ["Stepper", "implementation_of"]

_Function = Callable[..., tuple[Any, ...]]


class Stepper:
    """A rule as an optimizer object: ``step(x, oracle)`` returns the next point.

    It keeps the rule's state and counts its steps. ``x`` may have any shape; rules that mix
    coordinates see all of them at once.

    >>> half = Stepper("gradient_descent", eta=0.5)
    >>> half.step(np.array([1.0, 2.0]), lambda x: x)
    array([0.5, 1. ])
    """

    def __init__(self, rule: Rule | str, dtype: str = "float64", **hyper: Any) -> None:
        self.rule = rules.resolve(rule)
        self.fixed, self._schedules = _split(self.rule, hyper)
        self.kind = np.dtype(dtype).type
        self.dtype = dtype
        self.t = 0
        self._together = not is_elementwise(self.rule)
        self._parts: dict[int, Any] = {}
        self._memory: tuple[Any, ...] = ()

    def _prepared(self, size: int) -> Any:
        """What a step in so many coordinates needs: functions and constants, made once."""
        if size not in self._parts:
            lane = opaque_step(self.rule, size, self._schedules)
            scalar = np.float64 if self.kind is np.float64 else float
            hyper = [scalar(float(self.fixed[name])) for name in lane.hyper]
            blank = [self.kind(0)] * (lane.asks * size)
            self._parts[size] = (*_compiled(lane, self.dtype), hyper, blank, len(lane.slots))
        return self._parts[size]

    def step(self, x: Any, oracle: Callable[[Array], Any]) -> Array:
        """The next point; ``oracle(point)`` is asked for gradients."""
        shape = np.shape(x)
        flat = np.array(x, dtype=self.kind).reshape(-1)
        together = self._together
        size = len(flat) if together else 1
        asks, advance, begin, hyper, blank, slots = self._prepared(size)
        point = list(flat) if together else [flat]
        self.t += 1

        def inputs(memory: Any, answers: Any) -> list[Any]:
            return [*point, *memory, *hyper, self.t, *answers]

        def numbers(values: tuple[Any, ...]) -> list[Any]:
            if together:
                return [self.kind(value) for value in values]
            return [np.array(np.broadcast_to(value, flat.shape), self.kind) for value in values]

        if self.t == 1:
            empty = [self.kind(0)] * (slots - size)
            self._memory = tuple(numbers(_quiet(begin, inputs(empty, blank), len(empty))))
        answers = list(blank)
        for number, ask in enumerate(asks):
            where = numbers(_quiet(ask, inputs(self._memory, answers), size))
            answer = oracle(np.array(where, self.kind).reshape(shape))
            found = np.array(answer, self.kind).reshape(-1)
            answers[number * size : (number + 1) * size] = list(found) if together else [found]
        result = numbers(_quiet(advance, inputs(self._memory, answers), slots))
        self._memory = tuple(result[size:])
        return np.array(result[:size], self.kind).reshape(shape)


def implementation_of(rule: Rule | str, dtype: str = "float64", **hyper: Any) -> Implementation:
    """A rule's own step in floating point, as an implementation.

    ``hyper`` are the values that it receives; the others have their defaults, as floats.

    >>> from symopt.verification.verify import verify
    >>> verify(implementation_of("momentum"), "momentum_positive_velocity").status
    'consistent'
    """
    the_rule = rules.resolve(rule)
    _split(the_rule, hyper)  # raises here, not in the middle of a run

    def drive(x0: Array, oracle: Oracle, steps: int) -> Iterator[Array]:
        stepper = Stepper(the_rule, dtype, **hyper)
        for _ in range(steps):
            x0 = stepper.step(x0, oracle)
            yield x0

    return Implementation(the_rule.name, drive, np.dtype(dtype).type)


def _split(
    rule: Rule, hyper: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[tuple[Symbol, Expr], ...]]:
    defaults = {
        entry.name: float(entry.default)
        for entry in rule.parameters
        if entry.name not in hyper and not entry.is_schedule
    }
    fixed, schedules = split_hyperparameters(rule, {**defaults, **hyper})
    return fixed, tuple(sorted(schedules.items(), key=str))


def _quiet(function: _Function, inputs: list[Any], count: int) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        try:
            return function(*inputs)
        except ZeroDivisionError:  # of plain scalars, where arrays would have inf or nan
            return (np.nan,) * count


def _weak(ufunc: Any) -> Callable[..., Any]:
    """The function on arrays; on plain scalars, a plain scalar, whose type follows the arrays."""

    def function(*args: Any) -> Any:
        result = ufunc(*args)
        plain = all(isinstance(a, float | int) and not isinstance(a, np.generic) for a in args)
        return float(result) if plain else result

    return function


def _numpy(kind: str) -> Arithmetic:
    names = ("sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "maximum",
             "minimum", "sign", "logical_and", "logical_or", "logical_not")  # fmt: skip
    functions: dict[str, Any] = {name: _weak(getattr(np, name)) for name in names}

    def where(condition: Any, then: Any, otherwise: Any) -> Any:
        if np.ndim(condition) == 0:
            return then if condition else otherwise
        return np.where(condition, then, otherwise)

    functions |= {"atan": _weak(np.arctan), "where": where, "pi": np.pi, "e": np.e}
    return Arithmetic(kind, ARRAY, functions, float)


@lru_cache(maxsize=512)
def _compiled(lane: OpaqueStep, kind: str) -> tuple[list[_Function], _Function, _Function]:
    """The places of each question, the whole step, and the start, as functions of all inputs."""
    labels: list[Label] = [*lane.slots, *[("hyper", name) for name in lane.hyper], ("t",)]
    labels += [("g", n, i) for n in range(1, lane.asks + 1) for i in range(lane.size)]
    names = {label: f"v{position}" for position, label in enumerate(labels)}
    arithmetic = _numpy(kind)

    def made(program: Program, outputs: list[Label]) -> _Function:
        wanted = Program(program.nodes, {label: program.outputs[label] for label in outputs})
        return compile_source(function_source("step", wanted, names, ARRAY), arithmetic)

    asks = [
        made(lane.program, [("ask", number, index) for index in range(lane.size)])
        for number in range(1, lane.asks + 1)
    ]
    memory: list[Label] = list(lane.slots[lane.size :])
    return asks, made(lane.program, list(lane.slots)), made(lane.start, memory)
