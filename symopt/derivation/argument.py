"""The argument behind a derivation: every step that leads to a formula, as data to be checked.

Derivatives are trees of :class:`~symopt.derivation.gradient.Step`; the first steps of a rule are
:class:`Unfolding` lines: the rule's own line, earlier results put in, terms collected. What is
true of them is decided elsewhere, by other means (:mod:`symopt.verification.argument`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from symopt.derivation.collecting import collected
from symopt.derivation.gradient import Step, differentiate, gradient_steps
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, grad, t, x

__all__ = ["Argument", "Unfolding", "argument", "derivatives", "unfolded"]

#: Results of more operations than this are used under their name in later lines.
_LONG = 14
#: What has more operations than this is not collected.
_COLLECTED = 120
#: Objectives of more variables than this have no argument for every second derivative.
_HESSIAN_VARIABLES = 4


@dataclass(frozen=True)
class Unfolding:
    """A line of a rule at one step, in terms of the start and the gradients ``g1``, ``g2``, ...

    ``stated`` is the rule's line, ``values`` what its names stand for, ``substituted`` the line
    with them put in, and ``collected`` the same with its terms collected. A result that is too
    long to be repeated is the symbol ``name_step`` in later lines.
    """

    step: int
    position: int
    target: Symbol
    stated: Expr
    values: tuple[tuple[Symbol, Expr], ...]
    substituted: Expr
    collected: Expr

    @property
    def name(self) -> str:
        """What the line is called in messages."""
        return f"{self.target}, step {self.step}"

    @property
    def result(self) -> Expr:
        """What later lines put in for the name: the formula, or the name where it is long."""
        return self.collected if self.collected.count_ops() <= _LONG else self.symbol

    @property
    def symbol(self) -> Symbol:
        """The name of the result."""
        return Symbol(f"{self.target}_{self.step}", real=True)


@dataclass(frozen=True)
class Argument:
    """Everything that a derivation of a rule on an objective claims to be equal.

    >>> import symopt
    >>> made = argument(symopt.rules.momentum, symopt.objectives.half_square, 2)
    >>> [line.name for line in made.lines]
    ['g, step 1', 'v, step 1', 'x, step 1', 'g, step 2', 'v, step 2', 'x, step 2']
    >>> made.lines[-1].collected
    -eta*g1*(mu + 1) - eta*g2 + x_0
    """

    rule: Rule
    objective: Objective
    steps: int
    gradient: tuple[Step, ...]
    hessian: tuple[tuple[int, int, Step], ...]
    lines: tuple[Unfolding, ...]


def argument(rule: Rule, objective: Objective, steps: int) -> Argument:
    """The argument of a derivation: first and second derivatives, and the first steps."""
    first, second = derivatives(objective)
    return Argument(rule, objective, steps, first, second, unfolded(rule, steps))


def derivatives(
    objective: Objective,
) -> tuple[tuple[Step, ...], tuple[tuple[int, int, Step], ...]]:
    """The steps to each first derivative, and to each second one with its two indices."""
    first = gradient_steps(objective)
    variables = objective.variables
    second = (
        tuple(
            (i, j, differentiate(first[i].after, variables[j]))
            for i in range(len(variables))
            for j in range(i, len(variables))
        )
        if len(variables) <= _HESSIAN_VARIABLES
        else ()
    )
    return first, second


def unfolded(rule: Rule, steps: int) -> tuple[Unfolding, ...]:
    """The lines of the first steps in one coordinate, with opaque gradients.

    Nothing for rules that reduce over coordinates or ask for several gradients in a step.
    """
    asked = {node for _, expression in rule.update for node in expression.atoms(grad)}
    if len(asked) > 1 or any(expression.has(*REDUCTIONS) for _, expression in rule.update):
        return ()
    schedules = {entry.symbol: entry.default for entry in rule.parameters if entry.is_schedule}
    start = Symbol("x_0", real=True)
    known: dict[Symbol, Expr] = {x: start}
    first = {symbol: value.xreplace(schedules) for symbol, value in schedules.items()}
    for state, value in rule.state.items():
        known[state] = value.xreplace({x: start, **_at(first, 1)})
    lines: list[Unfolding] = []
    for step in range(1, steps + 1):
        known.update(_at(schedules, step))
        answers = {node: Symbol(f"g{step}", real=True) for node in asked}
        known[t] = sympy.Integer(step)
        for position, (target, expression) in enumerate(rule.update):
            again = any(other == target for other, _ in rule.update[position + 1 :])
            stated = expression.xreplace(answers)
            values = {s: known[s] for s in sorted(stated.free_symbols, key=str) if s in known}
            put_in = stated.xreplace(values)
            if again:  # a step's own name for a value on the way; the last one is the result
                known[target] = put_in
                continue
            unknowns = [start, *(Symbol(f"g{k}", real=True) for k in range(1, step + 1))]
            line = Unfolding(
                step, position, target, stated, tuple(values.items()), put_in,
                _collected(put_in, unknowns),
            )  # fmt: skip
            lines.append(line)
            known[target] = line.result
    return tuple(lines)


def _at(schedules: Mapping[Symbol, Expr], step: int) -> dict[Symbol, Expr]:
    return {symbol: value.xreplace({t: sympy.Integer(step)}) for symbol, value in schedules.items()}


def _collected(expression: Expr, unknowns: list[Symbol]) -> Expr:
    """The expression as a collected polynomial, where it is one and short enough."""
    if not isinstance(expression, sympy.Add | sympy.Mul) or expression.count_ops() > _COLLECTED:
        return expression
    used = [symbol for symbol in unknowns if symbol in expression.free_symbols]
    if not used or not expression.is_polynomial(*used):
        return expression
    found = collected(expression, used)
    return found if found.count_ops() <= expression.count_ops() + 4 else expression
