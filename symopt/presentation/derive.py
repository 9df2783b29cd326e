"""``symopt.derive``: everything that follows from a rule and an objective, as one document."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.derivation.argument import Argument, argument
from symopt.derivation.linear_step import linear_step
from symopt.derivation.stability import stability
from symopt.errors import InputError, UndecidedError, UndefinedError
from symopt.execution.inputs import read_start, split_hyperparameters
from symopt.execution.trajectory import Trajectory
from symopt.presentation.array_page import array_document
from symopt.presentation.breaking import pieces
from symopt.presentation.checked import Checked, check_numbers, checked_section
from symopt.presentation.closed_forms import closed_section
from symopt.presentation.document import (
    Algorithm,
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Section,
    Spans,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.indices import indexed_lines, initial_lines
from symopt.presentation.names import Label
from symopt.presentation.objective_page import objective_blocks
from symopt.presentation.order import Roles
from symopt.presentation.run_pictures import picture_blocks
from symopt.presentation.stability import stability_document
from symopt.presentation.trajectory_table import table_section
from symopt.presentation.worked import WorkedStep, work
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.library import models, objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, t
from symopt.verification.argument import check

__all__ = ["derive"]

#: How much of a derivation a reader wants to see.
DETAILS = ("brief", "normal", "full")
#: Past this a derivation is no longer read; runs go further.
_MOST_STEPS = 50


def derive(
    rule: Rule | ArrayObjective | str,
    objective: Objective | str | None = None,
    steps: int = 2,
    x0: Sequence[Any] | None = None,
    *,
    detail: str = "normal",
    **hyper: Any,
) -> Document:
    """Derive a rule on an objective: gradient, algorithm, first steps, exact table, sources.

    Every step is proved again by other means before it is printed.

    Parameters
    ----------
    rule, objective
        Names, or the statements themselves. An array objective (of ``symopt.models``) alone gives
        the derivation of its gradient in matrix form.
    steps
        How many steps are worked out, at least 1 and at most 50.
    x0
        The start, one number per variable; the objective's customary start if it has one.
    detail
        ``"brief"`` (results), ``"normal"``, or ``"full"`` (every rule of calculation, every line
        of every step, and the list of what was checked).
    hyper
        Hyperparameters by name: numbers, or expressions of ``t`` (schedules).

    Raises :class:`~symopt.errors.InputError` for unusable arguments,
    :class:`~symopt.errors.UnknownNameError` for unknown names, and
    :class:`~symopt.errors.DerivationError` for a step that does not hold.

    >>> import symopt
    >>> document = symopt.derive("momentum", "half_square", steps=1, eta="1/10")
    >>> document.title
    'Momentum on Half square'
    >>> "v_t &\\\\gets \\\\mu v_{t-1} - \\\\eta g_t" in document.latex()
    True
    """
    if detail not in DETAILS:
        raise InputError(f"detail = {detail!r}; use one of {', '.join(map(repr, DETAILS))}")
    if objective is None:
        return array_document(models.resolve(rule))
    the_rule, the_objective = rules.resolve(rule), objectives.resolve(objective)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= _MOST_STEPS:
        raise InputError(
            f"steps = {steps!r}: a derivation works out 1 to {_MOST_STEPS} steps; "
            "symopt.run goes further"
        )
    start, batch = read_start(the_objective, x0)
    if batch is not None:
        raise InputError("a derivation has one start, not a batch")
    fixed, schedules = split_hyperparameters(the_rule, hyper)
    bound: dict[Symbol, Expr] = {
        entry.symbol: schedules[entry.symbol]
        if entry.symbol in schedules
        else sympy.Rational(fixed[entry.name].numerator, fixed[entry.name].denominator)
        for entry in the_rule.parameters
    }
    made = argument(the_rule, the_objective, steps)
    closed = closed_section(the_rule, the_objective, steps, made.lines if detail == "full" else ())
    findings = [*check(made), *closed.findings]
    table = table_section(the_rule, the_objective, start, steps, hyper)
    sections: list[Block] = [
        *_introduction(the_rule, the_objective),
        _objective_section(made, detail),
        _rule_section(the_rule, the_objective, bound, start),
        closed.section,
    ]
    if detail != "brief":
        worked = _worked_section(the_rule, the_objective, start, bound, steps, table.exact)
        sections.append(worked.section)
        findings += worked.findings
        sections += _long_run(the_rule, the_objective)
    sections += [table.section, *picture_blocks(the_rule, the_objective, start, hyper)]
    sections.append(checked_section(findings, listed=detail == "full"))
    sources = [the_rule.source, *([the_objective.source] if the_objective.source else [])]
    return Document(f"{the_rule.title} on {the_objective.title}", tuple(sections), tuple(sources))


def _introduction(rule: Rule, objective: Objective) -> list[Block]:
    parts = spans(f"{rule.title} is stated by ", Cite(rule.source))
    if objective.source:
        parts += spans("; the objective is from ", Cite(objective.source))
    blocks: list[Block] = [
        Paragraph((*parts, *spans(". Everything below follows from the two statements.")))
    ]
    if rule.defect:
        blocks.append(Paragraph(spans(f"This rule is stated because it is wrong: {rule.defect}")))
    for note in (rule.note, objective.note):
        if note:
            blocks.append(Paragraph(spans(f"Note: {note}")))
    return blocks


def _objective_section(made: Argument, detail: str) -> Section:
    parts = objective_blocks(made.objective, made.gradient, made.hessian, detail)
    return Section(spans("The objective"), parts)


def _rule_section(
    rule: Rule, objective: Objective, bound: dict[Symbol, Expr], start: Sequence[Fraction]
) -> Section:
    point = ", ".join(Label(symbol.name, "0").latex for symbol in objective.variables)
    point_text = ", ".join(Label(symbol.name, "0").unicode for symbol in objective.variables)
    shown = [figure(value).math for value in start]
    begin = Math(
        f"x_0 = ({point}) = ({', '.join(part.latex for part in shown)})"
        if objective.dimension > 1
        else f"{point} = {shown[0].latex}",
        f"x₀ = ({point_text}) = ({', '.join(part.text for part in shown)})"
        if objective.dimension > 1
        else f"{point_text} = {shown[0].text}",
        4 + sum(part.width + 2.0 for part in shown),
    )
    settings = [
        spans(_setting(symbol, value, rule), *_meaning(rule, symbol))
        for symbol, value in bound.items()
    ]
    inputs = [
        (*spans("Given: the objective ", Math("f", "f"), " and the start "), begin),
        (*spans("Hyperparameters: "), *joined(settings)) if settings else spans(),
    ]
    reductions = " Norms and means are taken over all coordinates."
    elementwise = (
        "All operations act on each coordinate by itself."
        if objective.dimension > 1
        else "There is one coordinate."
    )
    box = Algorithm(
        spans(rule.title),
        tuple(given for given in inputs if given),
        tuple(_plain_line(line) for line in initial_lines(rule)),
        tuple(_plain_line(line) for line in indexed_lines(rule)),
    )
    remark = Paragraph(
        spans(
            "The index ", math(t), " counts steps from 1; ", Math("t-1", "t-1"),
            " marks what the step before has left. " + elementwise
            + (reductions if _has_reduction(rule) and objective.dimension > 1 else ""),
        )
    )  # fmt: skip
    return Section(spans("The rule"), (box, remark))


def _long_run(rule: Rule, objective: Objective) -> list[Block]:
    """On a quadratic: when a linear rule converges, and how fast."""
    if objective.hessian.free_symbols:
        return []
    try:
        linear_step(rule)
    except InputError:
        return []
    parts = stability_document(stability(rule)).blocks
    kept = [part for part in parts if isinstance(part, Section)][:3]
    told = spans(
        "The objective is quadratic, and the rule is linear in its state and the gradient: each "
        "direction of curvature ", Math(r"\lambda", "λ"), " moves by itself, and one step is a "
        "matrix.",
    )  # fmt: skip
    return [Section(spans("In the long run"), (Paragraph(told), *kept))]


def _has_reduction(rule: Rule) -> bool:
    return any(expression.has(*REDUCTIONS) for _, expression in rule.update)


def _setting(symbol: Symbol, value: Expr, rule: Rule) -> Math:
    label = Label(symbol.name, "t" if t in value.free_symbols else "")
    if isinstance(value, sympy.Rational):
        right = figure(Fraction(int(value.p), int(value.q)), 17)
        return Math(
            f"{label.latex} {right.relation} {right.math.latex}",
            f"{label.unicode} {'=' if right.exact else '≈'} {right.math.text}",
            label.width + right.math.width + 1.4,
        )
    body = math(value, Roles.of_rule(rule))
    return Math(f"{label.latex} = {body.latex}", f"{label.unicode} = {body.text}", body.width + 2.0)


def _meaning(rule: Rule, symbol: Symbol) -> Spans:
    meaning = next(entry.meaning for entry in rule.parameters if entry.symbol == symbol)
    return spans(f" ({meaning})") if meaning else spans()


def _plain_line(line: Any) -> EquationLine:
    left = Math(line.target.latex, line.target.unicode, line.target.width)
    return EquationLine(left, pieces(line.expression, roles=line.roles, labels=line.labels))


def _worked_section(
    rule: Rule,
    objective: Objective,
    start: Sequence[Fraction],
    bound: dict[Symbol, Expr],
    steps: int,
    exact: Trajectory | None,
) -> Checked:
    title = spans("The first steps with numbers")
    try:
        worked = work(rule, objective, start, bound, steps)
    except (UndefinedError, UndecidedError) as error:
        reason = Paragraph(spans(f"The steps have no values here: {error}."))
        return Checked(Section(title, (reason,)))
    findings = [check_numbers(step, exact) for step in worked] if exact is not None else []
    blocks: list[Block] = []
    for step in worked:
        inner: list[Block] = [Equations(step.lines)]
        remark = _exactness(step)
        if remark:
            inner.append(Paragraph(remark))
        blocks.append(Section(spans(f"Step {step.number}"), tuple(inner)))
    return Checked(Section(title, tuple(blocks)), tuple(findings))


def _exactness(step: WorkedStep) -> Spans:
    figures = [figure(value, 12) for value in step.numbers]
    if all(shown.exact for shown in figures):
        return spans()
    longest = max((shown.digits for shown in figures), key=sum)
    rational = all(isinstance(value, Fraction) for value in step.numbers)
    if not rational:
        return spans(
            "Some of these numbers are irrational; their digits are certified by interval "
            "arithmetic. Rounded values are marked by ", Math(r"\approx", "≈"), ".",
        )  # fmt: skip
    return spans(
        "All of these numbers are fractions; the longest has "
        f"{longest[0]} digits above and {longest[1]} below the line. Rounded values are marked by ",
        Math(r"\approx", "≈"), ".",
    )  # fmt: skip
