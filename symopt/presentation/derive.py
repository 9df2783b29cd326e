"""``symopt.derive``: everything that follows from a rule and an objective, as one document."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from symopt.derivation.gradient import gradient_steps
from symopt.derivation.unroll import Unrolled, unroll
from symopt.errors import BudgetError, InputError, UndecidedError, UndefinedError
from symopt.execution.run import read_start, run, split_hyperparameters
from symopt.presentation.breaking import pieces
from symopt.presentation.calculus import (
    critical_point_blocks,
    function_name,
    gradient_blocks,
    hessian_blocks,
)  # fmt: skip
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
    Table,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.indices import indexed_lines, initial_lines
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.presentation.worked import WorkedStep, work
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, t
from symopt.verification.accuracy import accuracy

__all__ = ["derive"]

#: The table shows at least this many steps.
TABLE_STEPS = 10
#: Closed forms are printed up to this width in em (about eight lines), and these many terms.
_WIDEST = 250.0
_TERMS = 40
#: Bits that a number of the table may need before enclosures are used instead.
_TABLE_BITS = 60_000
_MOST_STEPS = 50
#: What fits a line of the page, in em.
_LINE = 33.0


def derive(
    rule: Rule | str,
    objective: Objective | str,
    steps: int = 2,
    x0: Sequence[Any] | None = None,
    **hyper: Any,
) -> Document:
    """Derive a rule on an objective: gradient, algorithm, first steps, exact table, sources.

    Parameters
    ----------
    rule, objective
        Names, or the statements themselves.
    steps
        How many steps are worked out, at least 1 and at most 50.
    x0
        The start, one number per variable; the objective's customary start if it has one.
    hyper
        Hyperparameters by name: numbers, or expressions of ``t`` (schedules).

    Raises :class:`~symopt.errors.InputError` for unusable arguments and
    :class:`~symopt.errors.UnknownNameError` for unknown names.

    >>> import symopt
    >>> document = symopt.derive("momentum", "half_square", steps=1, eta="1/10")
    >>> document.title
    'Momentum on Half square'
    >>> "v_t &\\\\gets \\\\mu v_{t-1} - \\\\eta g_t" in document.latex()
    True
    """
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
    sections: list[Block] = [
        *_introduction(the_rule, the_objective),
        _objective_section(the_objective),
        _rule_section(the_rule, the_objective, bound, start),
        _closed_section(the_rule, the_objective, steps),
        _worked_section(the_rule, the_objective, start, bound, steps),
        _table_section(the_rule, the_objective, start, steps, hyper),
    ]
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


def _objective_section(objective: Objective) -> Section:
    roles = Roles(variables=objective.variables)
    statement = EquationLine(function_name(objective), pieces(objective.expression, roles=roles))
    steps = gradient_steps(objective)
    return Section(
        spans("The objective"),
        (
            Equations((statement,)),
            Section(spans("Its gradient"), tuple(gradient_blocks(objective, steps))),
            Section(spans("Its second derivatives"), tuple(hessian_blocks(objective))),
            Section(spans("Its critical points"), tuple(critical_point_blocks(objective))),
        ),
    )


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


def _closed_section(rule: Rule, objective: Objective, steps: int) -> Section:
    blocks: list[Block] = []
    if not _has_reduction(rule):
        blocks += _in_gradients(rule, steps)
    unrolled = unroll(rule, objective, steps)
    roles = Roles(
        hyperparameters=tuple(rule.hyperparameters),
        variables=tuple(Symbol(f"{v.name}_0", real=True) for v in objective.variables),
    )
    forms = _closed_forms(unrolled, roles)
    if forms:
        blocks.append(
            Paragraph(spans("With the gradient of this objective put in, the start a symbol:"))
        )
    lines = []
    for step, form in enumerate(forms, start=1):
        for variable, expression in zip(objective.variables, form, strict=True):
            label = Label(variable.name, str(step))
            left = Math(label.latex, label.unicode, label.width)
            lines.append(EquationLine(left, pieces(expression, roles=roles)))
    if lines:
        blocks.append(Equations(tuple(lines)))
    if len(forms) < steps:
        first = (
            f"Step {steps} is"
            if len(forms) == steps - 1
            else (f"Steps {len(forms) + 1} to {steps} are")
        )
        blocks.append(
            Paragraph(
                spans(
                    f"{first} too long to be read in one formula with this gradient put in: "
                    f"computing {'it' if steps == 1 else f'all {steps} steps'} takes "
                    f"{unrolled.operations} operations when every intermediate result is computed "
                    "once, and far more when each is written out. The next section goes line by "
                    "line, each result under its name."
                )
            )
        )
    return Section(spans("The first steps in closed form"), tuple(blocks))


def _in_gradients(rule: Rule, steps: int) -> list[Block]:
    """The first points in terms of the gradients g_1, g_2, ..., whatever the objective."""
    unrolled = unroll(rule, None, steps)
    gradients = tuple(s for s in unrolled.arguments if s.name.startswith("g"))
    roles = Roles(
        hyperparameters=tuple(rule.hyperparameters),
        variables=(Symbol("x_0", real=True), *gradients),
        gradients=frozenset(gradients),
        target=Symbol("x_0", real=True),
    )
    forms = _closed_forms(unrolled, roles)
    if not forms:
        return []
    lines = []
    for step, form in enumerate(forms, start=1):
        label = Label("x", str(step))
        left = Math(label.latex, label.unicode, label.width)
        lines.append(EquationLine(left, pieces(form[0], roles=roles)))
    return [
        Paragraph(
            spans(
                "Whatever the objective, in terms of the gradients ", Math("g_1", "g₁"), ", ",
                Math("g_2", "g₂"), ", ... that the steps read:",
            )
        ),
        Equations(tuple(lines)),
    ]  # fmt: skip


def _closed_forms(unrolled: Unrolled, roles: Roles) -> list[tuple[Expr, ...]]:
    """The points of the first steps, as far as their formulas can be read and set."""
    forms: list[tuple[Expr, ...]] = []
    for step in range(1, unrolled.steps + 1):
        form = unrolled.closed_form(step, max_terms=20 * _TERMS)
        candidates: list[tuple[Expr, ...]] = []
        if form.kind == "expanded" and form.terms <= _TERMS:
            candidates.append(tuple(_collected(part, roles) for part in form.expressions))
            candidates.append(tuple(_upright(sympy.factor(part)) for part in form.expressions))
            candidates.append(form.expressions)
        if step == 1 or form.kind == "explicit":
            candidates.append(unrolled.expressions("x", step))
        sizes = [sum(_size(part, roles) for part in parts) for parts in candidates]
        shortest = min(sizes, default=float("inf"))
        if shortest > _WIDEST:
            break
        # What collects the terms of the start is preferred, even if it is a little longer.
        fair = [i for i, size in enumerate(sizes) if size <= 1.3 * shortest]
        forms.append(candidates[fair[0]])
    return forms


def _collected(expression: Expr, roles: Roles) -> Expr:
    """A polynomial with the coefficient of each start or gradient as one factored product."""
    polynomial = sympy.Poly(expression, *roles.variables)
    return sympy.Add(
        *(
            _upright(
                sympy.factor(coefficient) * sympy.prod(map(sympy.Pow, roles.variables, powers))
            )
            for powers, coefficient in polynomial.terms()
        )
    )


def _upright(product: Expr) -> Expr:
    """``-(eta - 1)*x`` as ``(1 - eta)*x``: a minus sign goes into a difference."""
    if not isinstance(product, sympy.Mul) or not product.could_extract_minus_sign():
        return product
    for factor in product.args:
        if isinstance(factor, sympy.Add) and any(
            term.is_number and term.is_negative for term in factor.args
        ):
            rest = [part for part in product.args if part is not factor and part != -1]
            if len(rest) == len(product.args) - 2:
                return sympy.Mul(*rest, -factor)
    return product


def _size(expression: Expr, roles: Roles) -> float:
    """The width of a formula; without bound where a piece of it does not fit a line."""
    cut = pieces(expression, roles=roles)
    if max(piece.width for piece in cut) > _LINE:
        return float("inf")
    return sum(piece.width for piece in cut)


def _worked_section(
    rule: Rule,
    objective: Objective,
    start: Sequence[Fraction],
    bound: dict[Symbol, Expr],
    steps: int,
) -> Section:
    title = spans("The first steps with numbers")
    try:
        worked = work(rule, objective, start, bound, steps)
    except (UndefinedError, UndecidedError) as error:
        return Section(title, (Paragraph(spans(f"The steps have no values here: {error}.")),))
    blocks: list[Block] = []
    for step in worked:
        inner: list[Block] = [Equations(step.lines)]
        remark = _exactness(step)
        if remark:
            inner.append(Paragraph(remark))
        blocks.append(Section(spans(f"Step {step.number}"), tuple(inner)))
    return Section(title, tuple(blocks))


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


def _table_section(
    rule: Rule,
    objective: Objective,
    start: Sequence[Fraction],
    steps: int,
    hyper: dict[str, Any],
) -> Section:
    title = spans("The trajectory")
    count = max(steps, TABLE_STEPS)
    try:
        exact = run(
            rule, objective, start, count, "rational", mode="auto", budget=_TABLE_BITS, **hyper
        )
    except (UndefinedError, UndecidedError, BudgetError) as error:
        return Section(title, (Paragraph(spans(f"There is no exact trajectory: {error}.")),))
    floats = run(rule, objective, start, count, "float64", **hyper)
    report = accuracy(floats)
    variables = objective.variables[:3]
    header = [
        spans(math(t)),
        *(spans(Math(*_indexed(symbol.name))) for symbol in variables),
        spans(Math("f", "f")),
        spans("float64, ulp"),
    ]
    digits = 12 if len(variables) <= 2 else 8
    rows = []
    for row, step in enumerate(exact.recorded):
        point = exact.x[row] if step else start
        numbers = [*point[: len(variables)], exact.values[row]]
        cells = [spans(Math(str(step), str(step), 0.5 * len(str(step))))]
        cells += [spans(figure(value, digits, telling=False).math) for value in numbers]
        cells.append(spans(_ulp(report.ulp[row])))
        rows.append(tuple(cells))
    table = Table(tuple(header), tuple(rows), "r" * len(header))
    return Section(title, (table, *_table_remarks(exact, report, variables, objective)))


def _indexed(name: str) -> tuple[str, str, float]:
    label = Label(name, "t")
    return label.latex, label.unicode, label.width


def _ulp(row: Any) -> Math | str:
    known = [float(value) for value in row if not np.isnan(value)]
    if not known:
        return "-"
    text = f"{max(known):.2f}" if max(known) < 1000 else f"{max(known):.3g}"
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return Math(rf"{mantissa} \cdot 10^{{{int(exponent)}}}", text, 4.0)
    return Math(text, text, 0.5 * len(text))


def _table_remarks(
    exact: Any, report: Any, variables: Sequence[Symbol], objective: Objective
) -> list[Block]:
    kind = (
        "The run is exact: every number is a fraction, printed as one while it is short and as "
        "correctly rounded digits from then on."
        if exact.arithmetic == "rational"
        else f"The run is certified: it was made in interval arithmetic of {exact.precision} bits, "
        "and all printed digits are correct."
    )
    parts = list(spans(kind))
    if len(variables) < objective.dimension:
        parts += spans(f" The first {len(variables)} of {objective.dimension} variables are shown.")
    if report.reference is not None and not np.isnan(report.max_ulp):
        parts += spans(
            " The last column compares the binary64 run with the exact run from the very numbers "
            "that it received: the largest deviation of a coordinate in units in the last place. "
            "Its maximum is ", _ulp([report.max_ulp]), f" ulp, at step {report.worst_step}; "
            f"{report.digits:.1f} decimal digits agree.",
        )  # fmt: skip
    if report.reason:
        parts += spans(f" The comparison ends at step {report.compared}: {report.reason}.")
    return [Paragraph(tuple(parts))]
