"""Every step of a derivation proved again, by other means than those that made it.

A derivative is compared with the reverse differentiation of the program, a line of a rule with
the program of its unrolled steps: equal by the normal form of programs, which is a proof, or, where
the normal form does not decide it, by enclosures at rational points, which is none and is said to
be none. A step that is not equal is an error that names it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sympy import Expr, Symbol

from symopt.derivation.argument import Argument, Unfolding
from symopt.derivation.gradient import Step
from symopt.derivation.unroll import Unrolled, unroll
from symopt.errors import DerivationError, SymoptError
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import compile_source, function_source
from symopt.program.differentiate import gradient_program
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Program
from symopt.program.normal_form import proved_equal
from symopt.program.printers.python import EXACT
from symopt.program.ranges import Range, range_of
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = [
    "BALLS", "PROVED", "UNDECIDED", "Finding", "check", "check_derivative", "check_derivatives",
    "check_formulas",
]  # fmt: skip

PROVED = "proved by normal form"
BALLS = "checked in balls"
UNDECIDED = "undecided: too few points at which both sides have a value"
#: Enclosures are compared at this many points at which both sides are defined, in so many bits.
_POINTS, _TRIES, _BITS = 6, 40, 256


@dataclass(frozen=True)
class Finding:
    """One step that holds: its name, the rule of calculation it used, and how that is known."""

    name: str
    rule: str
    how: str


def check(argument: Argument) -> tuple[Finding, ...]:
    """Check every step of a derivation against its statement.

    Raises :class:`~symopt.errors.DerivationError` that names the first step that does not hold.

    >>> import symopt
    >>> from symopt.derivation.argument import argument
    >>> found = check(argument(symopt.rules.momentum, symopt.objectives.half_square, 1))
    >>> {finding.how for finding in found}
    {'proved by normal form'}
    """
    found = [*check_derivatives(argument.objective, argument.gradient, argument.hessian)]
    if argument.lines:
        found += _check_lines(argument)
    return tuple(found)


def check_derivatives(
    objective: Objective, gradient: Sequence[Step], hessian: Sequence[tuple[int, int, Step]]
) -> Iterator[Finding]:
    """Check every step to the first and second derivatives of an objective, as :func:`check`."""
    for variable, step in zip(objective.variables, gradient, strict=True):
        name = f"df/d{variable}"
        _same_statement(name, step.before, objective.expression)
        yield from check_derivative(step, name)
    for i, j, step in hessian:
        name = f"d2f/d{objective.variables[i]}d{objective.variables[j]}"
        _same_statement(name, step.before, gradient[i].after)
        yield from check_derivative(step, name)


def _same_statement(name: str, said: Expr, stated: Expr) -> None:
    if said != stated:
        raise DerivationError(f"{name}: the derivation differentiates {said}, not {stated}")


def check_derivative(step: Step, name: str) -> Iterator[Finding]:
    """Check each node of a tree of differentiation against the differentiated program."""
    graph = Graph()
    symbols = _inputs(graph, step.before.free_symbols | {step.variable})
    value = graph.program({"f": Reader(graph, symbols).read(step.before)})
    slope = gradient_program(value, "f", [step.variable])
    shown = f"{name}: {step.rule}"
    text = f"d/d{step.variable} [{step.before}] = {step.after}"
    claimed = _program({step.variable: step.after}, step.before.free_symbols | {step.variable})
    yield Finding(shown, step.rule, _decided(shown, text, claimed, slope, {}))
    for child in step.children:
        yield from check_derivative(child, f"{name} [{child.before}]")


def _check_lines(argument: Argument) -> Iterator[Finding]:
    unrolled = unroll(argument.rule, None, argument.steps)
    for line in argument.lines:
        yield from _check_line(line, unrolled, argument.rule)


def _check_line(line: Unfolding, unrolled: Unrolled, rule: Rule) -> Iterator[Finding]:
    (label,) = unrolled.labels(line.target.name, line.step)
    target, _ = rule.update[line.position]
    if target != line.target:
        raise DerivationError(
            f"{line.name}: line {line.position + 1} of {rule.name} assigns {target}"
        )
    put_in = line.stated.xreplace(dict(line.values))
    for kind, expression in (
        ("the rule's line", put_in),
        ("substitution", line.substituted),
        ("collecting terms", line.collected),
    ):
        said = line.stated if kind == "the rule's line" else expression
        shown = f"{line.name}: {kind}"
        how = _formula_is(expression, unrolled, label, shown, f"{line.target} = {said}")
        yield Finding(shown, kind, how)


def check_formulas(
    unrolled: Unrolled, step: int, expressions: Sequence[Expr], name: str
) -> tuple[Finding, ...]:
    """Check formulas of the point after a step against the program of the unrolled steps."""
    return tuple(
        Finding(
            f"{name}, step {step}",
            "collecting terms",
            _formula_is(expression, unrolled, label, f"{name}, step {step}", str(expression)),
        )
        for label, expression in zip(unrolled.labels("x", step), expressions, strict=True)
    )


def _formula_is(expression: Expr, unrolled: Unrolled, label: Any, name: str, text: str) -> str:
    """How it is known that a formula is what the program computes."""
    graph = Graph()
    symbols = {symbol: graph.input(symbol) for symbol in unrolled.arguments}
    outputs = graph.inline(unrolled.program, symbols)
    # Results that are too long to be repeated stand under their names.
    named = {
        Symbol(f"{output[0]}_{output[2]}", real=True): node
        for output, node in outputs.items()
        if isinstance(output, tuple) and output[2]
    }
    rest = expression.free_symbols - set(symbols) - set(named)
    both = {**named, **symbols, **{symbol: graph.input(symbol) for symbol in rest}}
    claimed = graph.program({"value": Reader(graph, both).read(expression)})
    true = graph.program({"value": outputs[label]})
    domains = {entry.symbol: range_of(entry.domain) for entry in unrolled.rule.parameters}
    return _decided(name, text, claimed, true, domains)


def _decided(
    name: str, text: str, claimed: Program, true: Program, ranges: Mapping[Any, Range]
) -> str:
    """How it is known that two programs are equal; an error where they are not."""
    proved = proved_equal(claimed, true, ranges=ranges)
    wanted = 1 if proved else _POINTS  # where nothing has a value, everything is equal
    seen = 0
    for point in _points(set(claimed.inputs) | set(true.inputs), ranges):
        gap = _differs(claimed, true, point)
        if gap is None:
            continue
        if gap:
            where = ", ".join(f"{symbol} = {value}" for symbol, value in point.items())
            raise DerivationError(f"{name} does not hold: {text}; at {where} {gap}")
        seen += 1
        if seen == wanted:
            return PROVED if proved else f"{BALLS} at {_POINTS} points"
    return UNDECIDED


def _points(inputs: set[Any], ranges: Mapping[Any, Range]) -> Iterator[dict[Any, Fraction]]:
    """Rational points, always the same ones, in the ranges of the inputs."""
    chance = random.Random("symopt")
    for _ in range(_TRIES):
        point = {}
        for symbol in sorted(inputs, key=str):
            range_here = ranges.get(symbol, Range())
            value = Fraction(chance.randint(1, 99), 100)
            if not range_here.unit and not range_here.positive and not range_here.nonnegative:
                value = Fraction(chance.randint(-300, 300) or 1, 100)
            point[symbol] = value
        yield point


def _differs(claimed: Program, true: Program, point: Mapping[Any, Fraction]) -> str | None:
    """What differs, nothing if the enclosures overlap, ``None`` where there is no value."""
    from flint import arb

    labels = sorted(point, key=str)
    names = {label: f"a{index}" for index, label in enumerate(labels)}
    with numbers.precision(_BITS):
        ball = numbers.ball()
        narrow = arb(2) ** -60
        arguments = [ball.convert(point[label]) for label in labels]
        try:
            values = [
                compile_source(function_source("value", program, names, EXACT), ball)(*arguments)
                for program in (claimed, true)
            ]
        except (SymoptError, ArithmeticError):
            return None
        for mine, theirs in zip(*values, strict=True):
            ours, right = arb(mine), arb(theirs)
            if max(ours.rad(), right.rad()) > narrow * (1 + abs(right.mid())):
                return None
            if not ours.overlaps(right):
                return f"it is {right.str(8, radius=False)}, not {ours.str(8, radius=False)}"
    return ""


def _inputs(graph: Graph, symbols: set[Symbol]) -> dict[Expr, int]:
    return {symbol: graph.input(symbol) for symbol in sorted(symbols, key=str)}


def _program(outputs: Mapping[Any, Expr], symbols: set[Symbol]) -> Program:
    graph = Graph()
    reader = Reader(graph, _inputs(graph, symbols))
    return graph.program({label: reader.read(value) for label, value in outputs.items()})
