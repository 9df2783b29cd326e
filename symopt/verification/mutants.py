"""Mutants: what a rule becomes by one slip of the pen.

Every single edit that people are known to make is tried at every place of the statement: a term
dropped, a sign flipped, a factor forgotten, epsilon moved under the root or out of it, the counter
off by one, decays exchanged, a correction missing, another start value, a line that reads a state
too early or too late. Kept are those that are rules and not proved equal to the original.
Slips of the code around a rule (one counter for all parameters, state that is shared) are none of
the statement, and not made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy import Add, Expr, Max, Min, Mul, Pow, Symbol
from sympy.core.relational import Relational

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import SymoptError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Program
from symopt.program.normal_form import proved_equal
from symopt.program.printers.python import ARRAY
from symopt.statement.library import rules
from symopt.statement.rule import Assignment, Rule
from symopt.statement.symbols import first_step, g, grad, t, x

__all__ = ["Mutant", "mutants"]

#: Hyperparameters that weigh the past: the ones that are mistaken for each other.
_DECAYS = frozenset({"mu", "beta", "beta1", "beta2", "rho"})


class Mutant(NamedTuple):
    """One edit in words, and the rule that it makes."""

    description: str
    rule: Rule


def mutants(rule: Rule | str) -> tuple[Mutant, ...]:
    """All single-edit mutants of a rule, in the order of its lines; the same each time.

    >>> for mutant in mutants("gradient_descent"):
    ...     print(mutant.description)
    g: twice the gradient
    x: the sign of -eta*g flipped
    x: without x
    x: the sign of x flipped
    x: without the factor eta in -eta*g
    """
    original = rules.resolve(rule)
    found: list[Mutant] = []
    seen: set[Any] = {_key(original)}
    for description, update, state in _edits(original):
        try:
            made = _rule(original, description, update, state)
            key = _key(made)
            new = key not in seen and not _same(original, made)
        except SymoptError:
            continue  # no rule: it uses a name before it is assigned, or computes nothing
        if new:
            seen.add(key)
            names = sum(mutant.description == description for mutant in found)
            if names:  # the same words about two places of one line
                made = made.named(f"{made.name}_{names + 1}", made.family)
            found.append(Mutant(description, made))
    return tuple(found)


def _key(rule: Rule) -> Any:
    step = opaque_step(rule, 1 if is_elementwise(rule) else 2)
    return step.program, step.start


def _same(rule: Rule, other: Rule) -> bool:
    """Whether one step from any state, and the start, are proved equal."""
    size = 1 if is_elementwise(rule) else 2
    ours, theirs = opaque_step(rule, size), opaque_step(other, size)
    if set(ours.slots) != set(theirs.slots) or ours.asks != theirs.asks:
        return False
    pairs = [(ours.start, theirs.start), (ours.program, theirs.program)]
    if any(_differ(*pair) for pair in pairs):
        return False
    return all(proved_equal(*pair) for pair in pairs)


def _differ(first: Program, second: Program) -> bool:
    """Whether floats at a few points show that two programs differ, so that no proof is tried."""
    rng = np.random.default_rng(1)
    labels = sorted({*first.inputs, *second.inputs}, key=str)
    names = {label: f"v{index}" for index, label in enumerate(labels)}
    run = [
        compile_source(
            function_source("f", Program(p.nodes, {k: p.outputs[k] for k in first.outputs}), names,
                            ARRAY), array(np.float64))
        for p in (first, second)
    ]  # fmt: skip
    values: list[Any] = []
    for label in labels:
        hyper = isinstance(label, tuple) and label[0] == "hyper"
        values.append(rng.uniform(0.1, 0.9, 8) if hyper else rng.standard_normal(8))
        if label == ("t",):
            values[-1] = np.arange(1.0, 9.0)
        elif isinstance(label, tuple) and str(label[0]) not in ("x", "g", "hyper"):
            values[-1] = np.abs(values[-1])  # most memories are averages of squares
    with np.errstate(all="ignore"):
        pairs = zip(run[0](*values), run[1](*values), strict=True)
        for one, other in pairs:
            one, other = np.broadcast_arrays(one, other)
            known = np.isfinite(one) & np.isfinite(other)
            if not np.allclose(one[known], other[known], rtol=1e-6, atol=1e-9):
                return True
    return False


def _rule(
    original: Rule, description: str, update: Sequence[Assignment], state: Mapping[Symbol, Any]
) -> Rule:
    """The rule of these lines, without what they no longer need."""
    lines = list(update)
    while True:
        used = {symbol for _, value in lines for symbol in value.free_symbols}
        kept = [
            line
            for line in lines
            if line.target == x or line.target in state or line.target in used
        ]
        if len(kept) == len(lines):
            break
        lines = kept
    used |= {symbol for value in state.values() for symbol in sympy.sympify(value).free_symbols}
    words = description.replace(" + ", " plus ").replace(" - ", " minus ").replace("-", "minus ")
    slug = re.sub(r"\W+", "_", words).strip("_")
    return Rule(
        title=f"{original.title}, {description}",
        source=original.source,
        hyperparameters={p.symbol: p for p in original.parameters if p.symbol in used},
        state=dict(state),
        update=lines,
        defect=f"a mutant of {original.name}: {description}",
        name=f"{original.name}__{slug}",
        family=original.family or original.name,
    )


_Edit = tuple[str, Sequence[Assignment], Mapping[Symbol, Any]]


def _edits(rule: Rule) -> Iterator[_Edit]:
    lines = [Assignment(*line) for line in rule.update]
    for position, (target, expression) in enumerate(lines):
        for words, value in _line_edits(rule, expression):
            changed = [*lines[:position], Assignment(target, value), *lines[position + 1 :]]
            yield f"{target}: {words}", changed, rule.state
    yield from _counters(rule, lines)
    yield from _exchanges(rule, lines)
    yield from _starts(rule, lines)
    yield from _orders(rule, lines)


def _line_edits(rule: Rule, expression: Expr) -> Iterator[tuple[str, Expr]]:
    yield from _walk(rule, expression)
    decays = [symbol for symbol in rule.hyperparameters if symbol.name in _DECAYS]
    for old in decays:
        for new in decays:
            if old != new and expression.has(old) and not expression.has(new):
                yield f"{new} in place of {old}", expression.xreplace({old: new})


def _walk(rule: Rule, expression: Expr, inner: bool = False) -> Iterator[tuple[str, Expr]]:
    """Every edit of one place, the expression itself first."""
    where = f" in {expression}" if inner and isinstance(expression, Add | Mul) else ""
    for words, value in _local(rule, expression):
        yield words + where, value
    for index, argument in enumerate(expression.args):
        for words, value in _walk(rule, argument, True):
            arguments = [*expression.args[:index], value, *expression.args[index + 1 :]]
            try:
                yield words, expression.func(*arguments)
            except (TypeError, ValueError):
                continue  # SymPy refuses, such as a comparison without symbols


def _local(rule: Rule, here: Expr) -> Iterator[tuple[str, Expr]]:
    if isinstance(here, grad):
        yield "twice the gradient", 2 * here
    elif isinstance(here, Add):
        yield from _sums(rule, here)
    elif isinstance(here, Mul):
        for factor in here.args:
            rest = here / factor
            if factor != -1 and rest.free_symbols:
                yield f"without the factor {factor}", rest
    elif isinstance(here, Pow):
        yield from _powers(rule, here)
    elif isinstance(here, Max | Min):
        other = Min if isinstance(here, Max) else Max
        yield f"{other.__name__} in place of {here.func.__name__}", other(*here.args)
        for argument in here.args:
            yield f"{argument} in place of {here}", argument
    elif isinstance(here, sympy.sign | sympy.Abs):
        yield f"without {here.func.__name__}", here.args[0]
    elif isinstance(here, Relational) and here.rhs.is_Number and not isinstance(here, sympy.Eq):
        for other in (here.rhs + 1, here.rhs - 1):
            yield f"{other} in place of {here.rhs}", here.func(here.lhs, other)


def _sums(rule: Rule, here: Add) -> Iterator[tuple[str, Expr]]:
    for term in _ordered(here):
        yield f"without {term}", here - term
        yield f"the sign of {term} flipped", here - 2 * term
    roots = [term for term in here.args if isinstance(term, Pow) and term.exp == sympy.S.Half]
    for small in here.args:
        if small in rule.hyperparameters and len(roots) == 1:
            root = roots[0]
            moved = here - root - small + sympy.sqrt(root.base + small)
            yield f"{small} inside the root", moved


def _powers(rule: Rule, here: Pow) -> Iterator[tuple[str, Expr]]:
    base, exponent = here.args
    if exponent.has(t):
        for shifted in (t + 1, t - 1):
            yield f"{here} with {shifted} for t", here.xreplace({t: shifted})
    if exponent == 2:
        yield f"{base} not squared", base
    if exponent in (sympy.S.Half, -sympy.S.Half):
        yield f"without the root of {base}", base ** (2 * exponent)
        for small in base.args if isinstance(base, Add) else ():
            if small in rule.hyperparameters:
                outside = sympy.sqrt(base - small) + small
                yield f"{small} outside the root", outside ** (2 * exponent)


def _ordered(here: Add) -> Sequence[Expr]:
    return list(here.as_ordered_terms(order="lex"))


def _counters(rule: Rule, lines: list[Assignment]) -> Iterator[_Edit]:
    if not any(line.expression.has(t) for line in lines):
        return
    for words, shifted in (("starts at 2", t + 1), ("starts at 0", t - 1)):
        changed = [Assignment(a, value.subs(t, shifted)) for a, value in lines]
        yield f"the counter {words}", changed, rule.state


def _exchanges(rule: Rule, lines: list[Assignment]) -> Iterator[_Edit]:
    decays = [symbol for symbol in rule.hyperparameters if symbol.name in _DECAYS]
    for position, first in enumerate(decays):
        for second in decays[position + 1 :]:
            swap = {first: second, second: first}
            changed = [Assignment(a, value.xreplace(swap)) for a, value in lines]
            state = {symbol: value.xreplace(swap) for symbol, value in rule.state.items()}
            yield f"{first} and {second} exchanged", changed, state


def _starts(rule: Rule, lines: list[Assignment]) -> Iterator[_Edit]:
    for symbol, value in rule.state.items():
        other = sympy.Integer(1 if value == 0 else 0)
        yield f"{symbol} starts at {other}, not at {value}", lines, {**rule.state, symbol: other}
        for position, (target, expression) in enumerate(lines):
            if target != symbol or not expression.has(symbol) or not expression.has(g):
                continue
            first = g**2 if expression.has(g**2) else g
            if sympy.expand(expression.subs(symbol, value) - first) == 0:
                continue  # the line does so by itself
            changed = [*lines]
            changed[position] = Assignment(symbol, first_step(first, expression))
            yield f"{symbol} starts as {first}", changed, rule.state


def _orders(rule: Rule, lines: list[Assignment]) -> Iterator[_Edit]:
    """Lines that assign a state moved past those that read it, in both directions."""
    for position, line in enumerate(lines):
        if line.target not in rule.state and line.target != x:
            continue
        others = [*lines[:position], *lines[position + 1 :]]
        readers = [i for i, other in enumerate(others) if other.expression.has(line.target)]
        after = [i for i in readers if i >= position]
        before = [i for i in readers if i < position]
        if after:
            moved = [*others[: after[-1] + 1], line, *others[after[-1] + 1 :]]
            yield f"{line.target} read before its update", moved, rule.state
        if before:
            moved = [*others[: before[0]], line, *others[before[0] :]]
            yield f"{line.target} read after its update", moved, rule.state
