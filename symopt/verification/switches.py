"""Where cases of a rule begin and end: points at which a hidden one would show.

A rule read out of code may do something else from step 1000 on, for gradients above a million, or
at one exact point. Points drawn at random meet none of these; the constants in the conditions
tell where to look.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import product

from sympy import Expr, Integer, Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.program.graph import Label, Program
from symopt.program.to_sympy import to_sympy
from symopt.statement.rule import Rule
from symopt.verification.comparison import Difference, Point, compare

__all__ = ["at_switches", "late_difference"]

#: A case that begins later than this is not walked to.
LATEST = 1200
_CONDITIONS = frozenset({"lt", "le", "eq"})
_BOUNDS = frozenset({"max", "min"})
_POINTS = 24


def at_switches(first: Rule, second: Rule) -> Difference | None:
    """A difference of two rules without hyperparameters, near the constants of their cases.

    >>> from sympy import Piecewise, Rational
    >>> from symopt.statement.library import rules
    >>> from symopt.statement.symbols import g, x
    >>> from symopt.verification.siblings import specialized
    >>> plain = specialized(rules.gradient_descent, {rules.gradient_descent.parameters[0].symbol:
    ...     Rational(1, 2)})
    >>> cases = plain.variant("cases", {x: Piecewise((x, g > 10**6), (x - g/2, True))},
    ...     source=plain.source)
    >>> at_switches(cases, plain).step
    1
    """
    size = 1 if is_elementwise(first) and is_elementwise(second) else 2
    values: dict[Fraction, None] = {}
    steps: dict[int, None] = {}
    for rule in (first, second):
        for constant, counts in _constants(opaque_step(rule, size).program):
            if counts and constant.denominator == 1 and 0 < constant <= LATEST:
                steps[int(constant)] = None
            for value in _near(constant):
                values[value] = None
    if not values:
        return None
    asks = max(opaque_step(rule, size).asks for rule in (first, second))
    few = compare(first, second, 3, _POINTS, at=_points(list(values), 3, size, asks))
    if few.difference is not None or not steps:
        return few.difference
    last = max(steps) + 1
    return compare(first, second, last, 1, at=_points([], last, size, asks)).difference


def late_difference(first: Rule, second: Rule, step: int) -> Expr:
    """First minus second after one step, from one state before it."""
    values = []
    for rule in (first, second):
        program = opaque_step(rule, 1).program
        inputs: dict[Label, Expr] = {}
        for label in program.inputs:
            assert isinstance(label, tuple)
            name = f"g{step}" if label[0] == "g" else str(label[0])
            inputs[label] = Integer(step) if label == ("t",) else Symbol(name, real=True)
        values.append(to_sympy(program, inputs)["x", 0])
    difference: Expr = (values[0] - values[1]).factor()
    return difference


def _constants(program: Program) -> Iterator[tuple[Fraction, bool]]:
    """The constants in conditions and bounds, and whether these depend on the step."""
    for node in program.nodes:
        if node.op not in _CONDITIONS | _BOUNDS:
            continue
        waiting, seen, counts = list(node.args), set[int](), False
        constants = []
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            entry = program.nodes[current]
            counts = counts or (entry.op == "input" and entry.value == ("t",))
            if entry.op == "const":
                constants.append(Fraction(entry.value))
            waiting += entry.args
        for constant in constants:
            yield constant, counts


def _near(constant: Fraction) -> Iterator[Fraction]:
    """At a constant, on both sides of it, and the same with the other sign."""
    for factor in (Fraction(1), Fraction(2), Fraction(1, 2)):
        yield from (constant * factor, -constant * factor)
    yield from (constant + 1, constant - 1)


def _points(values: list[Fraction], steps: int, size: int, asks: int) -> Iterator[Point]:
    """Points whose start and gradients are drawn from these values and from small numbers."""
    generator = random.Random(7)
    small = [Fraction(n, 4) for n in (1, 4, -3, 6, -8, 10)]
    places = list(product(range(1, steps + 1), range(1, asks + 1), range(size)))
    number = 0
    while True:
        value = values[number % len(values)] if values else Fraction(3, 4)
        number += 1
        at_start = bool(values) and (number // max(1, len(values))) % 2 == 1
        start = tuple(value if at_start else generator.choice(small) for _ in range(size))
        answers = {place: generator.choice(small) for place in places}
        if values and not at_start:
            # From zero: floats show a small step best where nothing is added to it.
            start = (Fraction(0),) * size
            answers.update({place: value for place in places if place[0] == 1})
        yield Point({}, start, answers)
