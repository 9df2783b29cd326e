"""The mandatory check of a lift: the real code in plain floats, at another point.

A lift always agrees where it was traced, even if a value escaped into a constant. So the real,
untouched code runs several steps from random starts, with random gradients and other
hyperparameters, and the lifted rule runs beside it, twice: in balls of high precision for the exact
result, and in balls of the precision of the code, whose radius bounds what rounding can do.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy
from sympy.core.relational import Relational

from symopt.derivation.opaque import opaque_step
from symopt.errors import LiftError, SymoptError, UndecidedError
from symopt.execution.arithmetic import ball, precision
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.statement.numbers import received
from symopt.statement.rule import Rule
from symopt.statement.symbols import t

__all__ = ["Answers", "RealCode", "checked"]

Array = np.ndarray[Any, np.dtype[Any]]
#: Runs the real code: start, gradients (one row per step), hyperparameters -> the points after
#: each step. It asks for gradients by calling its second argument.
RealCode: TypeAlias = Callable[[Array, Any, int, Mapping[str, float]], Sequence[Any]]
STEPS, ROUNDS = 12, 4
#: A rule that changes at a later step than this is not followed so far.
LATEST = 1200
EXACT_BITS = 400
#: Orders of evaluation other than the lifted one stay within this multiple of its bound.
SLACK = 64


@dataclass(frozen=True)
class _Point:
    """Where the code is run: all numbers are floats."""

    start: Array
    gradients: Array
    hyper: dict[str, float]


class Answers:
    """The oracle: the n-th question gets the n-th row.

    With ``repeats``, a question at the same point as the one before gets the same row again.
    """

    def __init__(self, rows: Array, repeats: bool = False) -> None:
        self._rows = rows
        self._repeats = repeats
        self._asked: list[Array] = []

    def restart(self) -> None:
        """Begin again with the first row."""
        self._asked = []

    def __call__(self, *where: Any) -> Array:
        whole = len(where) == 1 or np.ndim(where[0]) > 0
        point = np.array(where[0] if whole else where, dtype=float)
        again = bool(self._asked) and np.array_equal(self._asked[-1], point)
        if not (again and self._repeats):
            self._asked.append(point.copy())
        row = self._rows[min(len(self._asked), len(self._rows)) - 1]
        answer: Array = np.array(row).reshape(point.shape)
        return answer


def checked(rule: Rule, run: RealCode, size: int, *, bits: int = 53, repeats: bool = False) -> None:
    """Compare a lifted rule with the real code.

    ``size`` is the number of coordinates, ``bits`` the precision of the code; ``repeats`` says
    that it asks more than once at a point.

    Raises :class:`~symopt.errors.LiftError` where the code does something else, and where it
    cannot be run, so that nothing could be compared.
    """
    random = np.random.default_rng(secrets.randbits(64))
    last = last_change(rule)
    if last > LATEST:
        raise LiftError(
            f"{rule.title} changes at step {last}; that is too late to be compared with the code"
        )
    steps = max(STEPS, last + 4)
    compared = 0
    reason = ""
    for round_ in range(ROUNDS):
        point = _point(rule, random, size, round_, steps)
        try:
            compared += _compare(rule, run, point, bits, repeats)
        except UndecidedError as error:
            reason = str(error)  # a comparison of nearly equal numbers: another point is drawn
    if compared < 2 * STEPS:
        raise LiftError(
            f"{rule.title} was read, but the real code could not be compared with it at other "
            f"points {f'({reason})' if reason else ''}".rstrip()
        )


def last_change(rule: Rule) -> int:
    """The last step at which a case of the rule begins or ends."""
    last = 0
    for _, expression in rule.update:
        for comparison in expression.atoms(Relational):
            if comparison.free_symbols == {t}:
                values = [int(abs(number)) for number in comparison.atoms(sympy.Rational)]
                last = max(last, *values)
    return last


def _point(rule: Rule, random: np.random.Generator, size: int, round_: int, steps: int) -> _Point:
    start = random.uniform(-2, 2, size)
    gradients = random.normal(size=(steps, size))
    if round_ == 1:  # small gradients show where epsilon stands
        gradients *= 10.0 ** random.uniform(-9, -5)
    elif round_ == 2:
        gradients *= 10.0 ** random.uniform(-3, 3, (steps, 1))
    else:
        gradients *= 3.0
    hyper = {}
    for entry in rule.parameters:
        value = float(entry.default)
        if round_:
            value = _other(value, random)
        hyper[entry.name] = value
    return _Point(start, gradients, hyper)


def _other(value: float, random: np.random.Generator) -> float:
    """Another value of the same kind: a decay stays below 1, a zero becomes visible."""
    if value == 0:
        return float(random.uniform(0.01, 0.3))
    if 0.5 < value < 1:
        return float(1 - (1 - value) * random.uniform(0.4, 1.6))
    return float(value * random.uniform(0.6, 1.4))


def _compare(rule: Rule, run: RealCode, point: _Point, bits: int, repeats: bool) -> int:
    """Steps on which code and rule agree within rounding; the first that does not is an error."""
    oracle = Answers(point.gradients, repeats)
    try:
        with np.errstate(all="ignore"):
            points = run(point.start.copy(), oracle, len(point.gradients), point.hyper)
    except SymoptError:
        raise
    except Exception as error:
        if point.hyper and any(point.hyper.values()):
            return 0  # values that the code itself refuses; other rounds have others
        raise LiftError(f"the real code raised {type(error).__name__}: {error}") from error
    found = [np.atleast_1d(np.asarray(row, dtype=float)).ravel() for row in points]
    return _agreed(rule, point, found, bits)


def _agreed(rule: Rule, point: _Point, found: list[Array], bits: int) -> int:
    exact = _walk(rule, point, EXACT_BITS)
    rough = _walk(rule, point, bits)
    compared = 0
    for step, row in enumerate(found, 1):
        try:
            expected, bounds = next(exact), next(rough)
        except (StopIteration, SymoptError):
            break
        for index, value in enumerate(row):
            radius = float(bounds[index].rad())
            if not np.isfinite(value) or not radius < 1e-3 * max(1.0, abs(float(value))):
                return compared
            middle = expected[index].mid()
            deviation = abs(float(received(float(value)) - _fraction(middle)))
            size = max(abs(float(value)), abs(float(point.start[index])))
            if deviation > SLACK * radius + SLACK * size * 2.0**-bits:
                raise LiftError(
                    f"step {step} of the real code gives {float(value)!r}, what was lifted "
                    f"{float(middle)!r}; a value escaped while lifting, or the code keeps state "
                    "that cannot be seen"
                )
        compared += 1
    return compared


def _fraction(value: Any) -> Fraction:
    mantissa, exponent = value.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _walk(rule: Rule, point: _Point, bits: int) -> Iterator[list[Any]]:
    """The points of the rule in balls of a precision, step after step."""
    size = len(point.start)
    step = opaque_step(rule, size)
    advance, begin = _compiled(step.program), _compiled(step.start)
    convert = ball().convert
    with precision(bits):
        settings: dict[Label, Any] = {
            ("hyper", name): convert(received(value)) for name, value in point.hyper.items()
        }
        current: dict[Label, Any] = {
            ("x", i): convert(received(float(v))) for i, v in enumerate(point.start)
        }
        memory = begin({**settings, **current})
    rows = iter(point.gradients)
    for time in range(1, len(point.gradients) // step.asks + 1):
        with precision(bits):
            inputs: dict[Label, Any] = {**settings, **memory, ("t",): time}
            for number in range(1, step.asks + 1):
                row = next(rows)
                inputs.update(
                    {("g", number, i): convert(received(float(g))) for i, g in enumerate(row)}
                )
            result = advance(inputs)
            memory = {slot: result[slot] for slot in step.slots}
            yield [result["x", index] for index in range(size)]


def _compiled(program: Program) -> Callable[[Mapping[Label, Any]], dict[Label, Any]]:
    labels = list(program.inputs)
    names = {label: f"i{index}" for index, label in enumerate(labels)}
    arithmetic = ball()
    function = compile_source(
        function_source("step", program, names, arithmetic.dialect), arithmetic
    )

    def evaluate(inputs: Mapping[Label, Any]) -> dict[Label, Any]:
        values = function(*[inputs[label] for label in labels])
        return dict(zip(program.outputs, values, strict=True))

    return evaluate
