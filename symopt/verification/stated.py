"""A statement run as somebody's code: the step of a rule in floats, asking our oracle.

The program that bounds and proofs read is printed for NumPy scalars, so that mutants, rivals and
the catalogue itself can be driven like any implementation. In a coarser format than binary64,
hyperparameters stay Python floats, as frameworks keep them: NumPy rounds them where they meet a
number of the format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.opaque import OpaqueStep, opaque_step
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.kernel import compile_source, function_source
from symopt.execution.run import split_hyperparameters
from symopt.program.graph import Label, Program
from symopt.program.printers.python import ARRAY
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.implementation import Array, Implementation, Oracle

__all__ = ["implementation_of", "stepper"]

_Function = Callable[..., tuple[Any, ...]]
_Schedules = tuple[tuple[Symbol, Expr], ...]


def implementation_of(rule: Rule | str, dtype: str = "float64", **hyper: Any) -> Implementation:
    """A rule's own step in floating point, as an implementation.

    ``hyper`` are the values that it receives; the others have their defaults, as floats.

    >>> from symopt.verification.verify import verify
    >>> verify(implementation_of("momentum"), "momentum_positive_velocity").status
    'consistent'
    """
    the_rule = rules.resolve(rule)
    fixed, schedules = _split(the_rule, hyper)
    kind = np.dtype(dtype).type

    def drive(x0: Array, oracle: Oracle, steps: int) -> Iterator[Array]:
        step = stepper(the_rule, len(x0), dtype, schedules, tuple(fixed.items()))
        memory: Any = None
        for t in range(1, steps + 1):
            x0, memory = step(x0, memory, oracle, t)
            yield x0

    return Implementation(the_rule.name, drive, kind)


def _split(rule: Rule, hyper: Mapping[str, Any]) -> tuple[dict[str, Any], _Schedules]:
    defaults = {
        entry.name: float(entry.default)
        for entry in rule.parameters
        if entry.name not in hyper and not entry.is_schedule
    }
    fixed, schedules = split_hyperparameters(rule, {**defaults, **hyper})
    return fixed, tuple(sorted(schedules.items(), key=str))


def _weak(ufunc: Any) -> Callable[..., Any]:
    """The function on arrays' numbers; on plain scalars, a plain scalar that follows arrays."""

    def function(*args: Any) -> Any:
        result = ufunc(*args)
        plain = all(isinstance(a, float | int) and not isinstance(a, np.generic) for a in args)
        return float(result) if plain else result

    return function


def _scalars(kind: type[Any]) -> Arithmetic:
    names = ("sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "maximum",
             "minimum", "sign", "logical_and", "logical_or", "logical_not")  # fmt: skip
    functions = {name: _weak(getattr(np, name)) for name in names}
    functions |= {
        "atan": _weak(np.arctan), "pi": np.pi, "e": np.e,
        "where": lambda condition, then, other: then if condition else other,
    }  # fmt: skip
    return Arithmetic(kind.__name__, ARRAY, functions, float)


@lru_cache(maxsize=512)
def _compiled(lane: OpaqueStep, kind: type[Any]) -> tuple[list[_Function], _Function, _Function]:
    """The places of each question, the whole step, and the start, as functions of all inputs."""
    labels: list[Label] = [*lane.slots, *[("hyper", name) for name in lane.hyper], ("t",)]
    labels += [("g", n, i) for n in range(1, lane.asks + 1) for i in range(lane.size)]
    names = {label: f"v{position}" for position, label in enumerate(labels)}
    arithmetic = _scalars(kind)

    def made(program: Program, outputs: list[Label]) -> _Function:
        wanted = Program(program.nodes, {label: program.outputs[label] for label in outputs})
        return compile_source(function_source("step", wanted, names, ARRAY), arithmetic)

    asks = [
        made(lane.program, [("ask", number, index) for index in range(lane.size)])
        for number in range(1, lane.asks + 1)
    ]
    memory: list[Label] = list(lane.slots[lane.size :])
    return asks, made(lane.program, list(lane.slots)), made(lane.start, memory)


def stepper(
    rule: Rule,
    size: int,
    dtype: str,
    schedules: _Schedules,
    fixed: tuple[tuple[str, Any], ...],
) -> Callable[[Array, Any, Callable[[Array], Array], int], tuple[Array, Any]]:
    """``step(x, memory, oracle, t) -> (x, memory)``; ``memory`` is ``None`` at the start."""
    kind = np.dtype(dtype).type
    lane = opaque_step(rule, size, schedules)
    asks, advance, begin = _compiled(lane, kind)
    scalar = np.float64 if kind is np.float64 else float
    values = dict(fixed)
    hyper = [scalar(float(values[name])) for name in lane.hyper]
    blank = [kind(0)] * (lane.asks * size)
    nothing = [kind(0)] * (len(lane.slots) - size)

    def quiet(function: _Function, inputs: list[Any], count: int) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            try:
                return function(*inputs)
            except ZeroDivisionError:  # of plain scalars, where arrays would have inf or nan
                return (kind(np.nan),) * count

    def step(
        x: Array, memory: Any, oracle: Callable[[Array], Array], t: int
    ) -> tuple[Array, tuple[Any, ...]]:
        point = [kind(value) for value in x]
        if memory is None:
            memory = quiet(begin, [*point, *nothing, *hyper, t, *blank], len(nothing))
            memory = tuple(kind(value) for value in memory)
        answers = list(blank)
        for number, ask in enumerate(asks):
            inputs = [*point, *memory, *hyper, t, *answers]
            where = np.array(quiet(ask, inputs, size), dtype=kind)
            answers[number * size : (number + 1) * size] = list(np.asarray(oracle(where), kind))
        result = quiet(advance, [*point, *memory, *hyper, t, *answers], len(lane.slots))
        numbers = [kind(value) for value in result]
        return np.array(numbers[:size], dtype=kind), tuple(numbers[size:])

    return step
