"""Two rules compared in numbers that cannot lie: fractions, or balls, at small rational points.

Both rules walk from one start through the same gradients. Enclosures that have no point in common
are a difference, with its witness; enclosures that overlap are no proof.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any, ClassVar

import sympy

from symopt.derivation.opaque import is_elementwise
from symopt.errors import InexactError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.printers.python import EXACT
from symopt.statement.numbers import rational
from symopt.statement.rule import Rule
from symopt.verification.siblings import opaque_program

__all__ = [
    "Comparison", "Difference", "Point", "Walk", "compare", "inside_domain", "place_value",
    "sample_points",
]  # fmt: skip

#: Values that are tried for a hyperparameter, as far as its domain holds them.
_VALUES = tuple(
    Fraction(text)
    for text in (
        "1/2",
        "1/3",
        "3/4",
        "2/3",
        "1/5",
        "3/2",
        "2",
        "5/2",
        "3",
        "9/10",
        "1/10",
        "0",
        "1",
    )
)
_GRADIENTS = tuple(Fraction(text) for text in ("1", "-2", "3", "1/2", "-1", "5/2", "-3/2", "2"))
_BITS = 512
#: Of more gradients than this the first and the last are printed.
_SHOWN = 16


@dataclass(frozen=True)
class Difference:
    """A point at which two rules differ: disjoint enclosures of one quantity after one step.

    ``first`` and ``second`` are fractions, or balls; ``label`` is the output of
    :func:`~symopt.verification.siblings.opaque_program` in which they were found.
    """

    step: int
    quantity: str
    hyperparameters: Mapping[str, Fraction]
    start: tuple[Fraction, ...]
    gradients: Mapping[str, Fraction]
    label: Label
    first: Any
    second: Any
    heading: ClassVar[str] = "witness"

    def __str__(self) -> str:
        settings = [f"{name} = {value}" for name, value in self.hyperparameters.items()]
        lines = [", ".join(settings)] if settings else []
        lines.append("start " + ", ".join(map(str, self.start)))
        answers = [f"{k} = {v}" for k, v in self.gradients.items()]
        if len(answers) > _SHOWN:
            answers = [*answers[: _SHOWN // 2], "...", *answers[-_SHOWN // 2 :]]
        lines.append("gradients " + ", ".join(answers))
        values = f"{_shown(self.first)} and {_shown(self.second)}"
        lines.append(f"{self.quantity} at step {self.step}: {values}")
        return "\n".join(lines)


def _shown(value: Any) -> str:
    return str(value.str(12, radius=False)) if hasattr(value, "rad") else str(value)


@dataclass(frozen=True)
class Point:
    """Where two rules are compared; gradients by step, number of the question and coordinate."""

    hyperparameters: Mapping[str, Fraction]
    start: tuple[Fraction, ...]
    gradients: Mapping[tuple[int, int, int], Fraction]


class Walk:
    """The first steps of a rule with opaque gradients, compiled for exact numbers and balls."""

    def __init__(self, rule: Rule, steps: int, size: int) -> None:
        program: Program = opaque_program(rule, steps, size, cut=False)
        self.labels = list(program.outputs)
        self._inputs: list[Label] = list(program.inputs)
        names = {label: f"i{index}" for index, label in enumerate(self._inputs)}
        self._source = function_source("walk", program, names, EXACT)

    def values(self, point: Point, exact: bool) -> dict[Label, Any]:
        """All outputs at one point, as fractions or as balls.

        Raises :class:`~symopt.errors.UndefinedError`, :class:`~symopt.errors.UndecidedError`, and
        for fractions :class:`~symopt.errors.InexactError`.
        """
        kind = numbers.rational() if exact else numbers.ball()
        function = compile_source(self._source, kind)
        with numbers.precision(_BITS):
            given = [kind.convert(place_value(label, point)) for label in self._inputs]
            result = function(*given)
        return dict(zip(self.labels, result, strict=True))


def place_value(label: Label, point: Point) -> Fraction:
    """The number that an input of the walk has at a point."""
    assert isinstance(label, tuple)
    if label[0] == "hyper":
        return point.hyperparameters[label[1]]
    if label[0] == "x":
        return point.start[label[2]]
    return point.gradients[label[1], label[2], label[3]]


@lru_cache(maxsize=256)
def _walk(rule: Rule, steps: int, size: int) -> Walk:
    return Walk(rule, steps, size)


def sample_points(first: Rule, second: Rule, steps: int, size: int, seed: int) -> Iterator[Point]:
    """Rational points in the domains of both rules' hyperparameters, two plain ones first."""
    inside: dict[str, list[Fraction]] = {}
    for entry in (*first.parameters, *second.parameters):
        values = inside.get(entry.name, list(_VALUES))
        inside[entry.name] = [value for value in values if inside_domain(entry.domain, value)]
    if not all(inside.values()):
        return  # no value that both rules admit
    asks = range(1, 9)
    generator = random.Random(seed)
    usual = {
        name: [value for value in values if value not in (0, 1)] or values
        for name, values in inside.items()
    }
    for number in range(2):
        settings = {
            name: usual[name][(position + number) % len(usual[name])]
            for position, name in enumerate(usual)
        }
        yield Point(
            settings,
            tuple(Fraction(index + 1) for index in range(size)),
            {
                (step, ask, index): _GRADIENTS[
                    ((step - 1) * (number + 1) + 3 * (ask - 1) + 2 * index) % len(_GRADIENTS)
                ]
                for step, ask, index in product(range(1, steps + 1), asks, range(size))
            },
        )
    while True:
        settings = {
            name: generator.choice(usual[name] if generator.random() < 0.85 else values)
            for name, values in inside.items()
        }
        # Gradients of several sizes, so that bounds and maxima are met from both sides.
        yield Point(
            settings,
            tuple(Fraction(generator.randint(-12, 12), 4) for _ in range(size)),
            {
                place: Fraction(generator.randint(-24, 24), 8)
                * generator.choice((1, 1, 1, 8, Fraction(1, 8), Fraction(1, 64)))
                for place in product(range(1, steps + 1), asks, range(size))
            },
        )


@lru_cache(maxsize=4096)
def inside_domain(domain: sympy.Set, value: Fraction) -> bool:
    """Whether a domain holds a number."""
    return rational(value) in domain


@dataclass(frozen=True)
class Comparison:
    """What a comparison found: the earliest difference, and at how many points both had values.

    ``undefined`` is a point at which one rule has a value and the other one surely has none.
    """

    difference: Difference | None
    compared: int
    undefined: Difference | None


def compare(
    first: Rule,
    second: Rule,
    steps: int,
    points: int,
    seed: int = 1,
    *,
    reported: bool = True,
    size: int | None = None,
    at: Iterable[Point] | None = None,
    kinds: tuple[bool, ...] = (True, False),
) -> Comparison:
    """Both rules at rational points, step by step.

    Without ``reported`` only the points at which gradients are asked for are compared. ``size``
    is the number of coordinates: two, or one where coordinates do not meet, by default. ``at``
    gives other points than the usual ones, ``kinds`` whether values are fractions (``True``) or
    balls, in the order of trying.

    >>> from symopt.statement.library import rules
    >>> compare(rules.momentum, rules.gradient_descent, 3, 2).difference.step
    2
    """
    if size is None:
        size = 1 if is_elementwise(first) and is_elementwise(second) else 2
    pair = (first, second)
    best: Difference | None = None
    undefined: Difference | None = None
    compared = 0
    drawn = sample_points(first, second, steps, size, seed) if at is None else at
    for number, point in enumerate(drawn):
        if compared >= points or number >= 8 * points:
            break
        values = _values([_walk(rule, steps, size) for rule in pair], point, kinds)
        if values is None:
            continue
        left, right = values
        if isinstance(left, str) or isinstance(right, str):
            if undefined is None and not (isinstance(left, str) and isinstance(right, str)):
                undefined = _undefined(pair, point, steps, size)
            continue
        compared += 1
        for label in left:
            assert isinstance(label, tuple)
            if label not in right or not (reported or label[0] == "ask"):
                continue
            if best is not None and label[1] >= best.step:
                continue
            if _apart(left[label], right[label]):
                best = _difference(label, point, left[label], right[label], size)
    return Comparison(best, compared, undefined)


def _values(
    walks: list[Walk], point: Point, kinds: tuple[bool, ...] = (True, False)
) -> list[dict[Label, Any] | str] | None:
    """The values of both rules, or why one has none; ``None`` where that is not known."""
    for exact in kinds:
        results: list[dict[Label, Any] | str] = []
        try:
            for walk in walks:
                try:
                    results.append(walk.values(point, exact))
                except UndefinedError as error:
                    results.append(f"undefined ({error})")
            return results
        except InexactError:
            continue
        except UndecidedError:
            return None
    return None


def _undefined(pair: tuple[Rule, Rule], point: Point, steps: int, size: int) -> Difference | None:
    """The first step at which one rule has no value."""
    for step in range(1, steps + 1):
        values = _values([_walk(rule, step, size) for rule in pair], point)
        if values is None:
            return None
        if any(isinstance(value, str) for value in values):
            label = ("x", step, 0)
            shown = [value if isinstance(value, str) else value[label] for value in values]
            return _difference(label, point, shown[0], shown[1], size)
    return None


def _apart(a: Any, b: Any) -> bool:
    from flint import arb

    if not (isinstance(a, arb) or isinstance(b, arb)):
        return bool(a != b)
    with numbers.precision(_BITS):
        a, b = arb(a), arb(b)
        return bool(a.is_finite() and b.is_finite() and not a.overlaps(b))


def _difference(
    label: tuple[Any, ...], point: Point, left: Any, right: Any, size: int
) -> Difference:
    step = label[1]
    quantity = "x" if label[0] == "x" else "the point of the gradient"
    if size > 1:
        quantity += f", coordinate {label[-1] + 1}"
    gradients = {
        f"g{s}" + (f"_{index + 1}" if size > 1 else ""): value
        for (s, ask, index), value in point.gradients.items()
        if s <= step and ask == 1
    }
    return Difference(
        step, quantity, dict(point.hyperparameters), point.start, gradients, label, left, right
    )
