"""The first steps in closed form: in terms of the gradients, and with the gradient put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from symopt.derivation.argument import Unfolding
from symopt.derivation.collecting import collected, upright
from symopt.derivation.unroll import Unrolled, unroll
from symopt.presentation.breaking import pieces
from symopt.presentation.checked import Checked
from symopt.presentation.document import (
    Block,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Section,
    spans,
)  # fmt: skip
from symopt.presentation.indices import IndexedLine, all_lines
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.program.graph import Graph
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS
from symopt.verification.argument import Finding, check_formulas

__all__ = ["GradientForms", "closed_section", "gradient_forms", "unfolded_blocks"]

#: Closed forms are printed up to this width in em (about eight lines), and these many terms.
_WIDEST = 250.0
_TERMS = 40
#: Past this many operations a formula is not even measured.
_OPERATIONS = 300
#: The same, for each coordinate, where it has cases or a maximum.
_BRANCHING = 25
#: What fits a line of the page, in em.
_LINE = 33.0


def closed_section(
    rule: Rule, objective: Objective, steps: int, lines_of_steps: Sequence[Unfolding] = ()
) -> Checked:
    """The points of the first steps as formulas, as far as they can be read, each checked.

    ``lines_of_steps`` are shown first: each line of the rule with earlier results put in.
    """
    blocks: list[Block] = unfolded_blocks(rule, lines_of_steps) if lines_of_steps else []
    findings: list[Finding] = []
    if not any(expression.has(*REDUCTIONS) for _, expression in rule.update):
        blocks += _in_gradients(rule, steps, findings)
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
        findings += check_formulas(unrolled, step, form, "closed form")
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
    section = Section(spans("The first steps in closed form"), tuple(blocks))
    return Checked(section, tuple(findings))


@dataclass(frozen=True)
class GradientForms:
    """The first points of a rule in terms of the gradients that its steps read, each checked."""

    unrolled: Unrolled
    lines: tuple[EquationLine, ...]
    findings: tuple[Finding, ...]


def gradient_forms(rule: Rule, steps: int) -> GradientForms:
    """The points of the first steps in terms of g_1, g_2, ..., as far as they can be read.

    >>> import symopt
    >>> for line in gradient_forms(symopt.rules.heavy_ball, 2).lines:
    ...     print(line.left.text, "=", " ".join(part.text for part in line.right))
    x₁ = x₀ - η g₁
    x₂ = x₀ - η (1 + μ) g₁ - η g₂
    """
    unrolled = unroll(rule, None, steps)
    gradients = tuple(s for s in unrolled.arguments if s.name.startswith("g"))
    roles = Roles(
        hyperparameters=tuple(rule.hyperparameters),
        variables=(Symbol("x_0", real=True), *gradients),
        gradients=frozenset(gradients),
        target=Symbol("x_0", real=True),
    )
    lines: list[EquationLine] = []
    findings: list[Finding] = []
    for step, form in enumerate(_closed_forms(unrolled, roles), start=1):
        findings += check_formulas(unrolled, step, form, f"closed form of {rule.name} in gradients")
        label = Label("x", str(step))
        left = Math(label.latex, label.unicode, label.width)
        lines.append(EquationLine(left, pieces(form[0], roles=roles)))
    return GradientForms(unrolled, tuple(lines), tuple(findings))


def _in_gradients(rule: Rule, steps: int, findings: list[Finding]) -> list[Block]:
    """The first points in terms of the gradients g_1, g_2, ..., whatever the objective."""
    made = gradient_forms(rule, steps)
    findings += made.findings
    if not made.lines:
        return []
    return [
        Paragraph(
            spans(
                "Whatever the objective, in terms of the gradients ", Math("g_1", "g₁"), ", ",
                Math("g_2", "g₂"), ", ... that the steps read:",
            )
        ),
        Equations(made.lines),
    ]  # fmt: skip


def unfolded_blocks(rule: Rule, lines: Sequence[Unfolding]) -> list[Block]:
    """Each line of the rule at each step: as stated, earlier results put in, terms collected."""
    blocks: list[Block] = [
        Paragraph(
            spans("Line by line, each result put into the next line; a long one under its name:")
        )
    ]
    for step in sorted({line.step for line in lines}):
        rows: list[EquationLine] = []
        stated = all_lines(rule, step)
        for line in (line for line in lines if line.step == step):
            shown = stated[line.position]
            if shown is not None and not isinstance(line.stated, Symbol):
                rows += _unfolded(line, shown, rule)
        if rows:
            blocks.append(Equations(tuple(rows)))
    return blocks


def _unfolded(line: Unfolding, shown: IndexedLine, rule: Rule) -> list[EquationLine]:
    """One line in up to three forms; what says nothing new is left out."""
    names = {
        symbol: Label(symbol.name.rpartition("_")[0], symbol.name.rpartition("_")[2])
        for expression in (line.substituted, line.collected)
        for symbol in expression.free_symbols
        if symbol.name.rpartition("_")[2].isdigit() and symbol not in rule.hyperparameters
    }
    gradients = frozenset(
        s for s in line.substituted.free_symbols | line.stated.free_symbols if s.name[1:].isdigit()
    )
    start = Symbol("x_0", real=True)
    known = tuple(sorted(names, key=str))
    roles = Roles(
        hyperparameters=tuple(rule.hyperparameters),
        variables=(start, *sorted(gradients, key=lambda s: int(s.name[1:])), *known),
        gradients=gradients,
        target=start,
    )
    left = Math(shown.target.latex, shown.target.unicode, shown.target.width)
    forms = [
        (pieces(line.stated, roles=shown.roles, labels=shown.labels), "the rule's line"),
        (pieces(line.substituted, roles=roles, labels=names), "substitution"),
        (pieces(line.collected, roles=roles, labels=names), "collecting terms"),
    ]
    rows: list[EquationLine] = []
    before = ""
    for parts, reason in forms:
        text = " ".join(part.text for part in parts)
        if text != before and max(part.width for part in parts) <= _LINE:
            rows.append(EquationLine(None if rows else left, parts, spans(reason)))
            before = text
    return rows


def _closed_forms(unrolled: Unrolled, roles: Roles) -> list[tuple[Expr, ...]]:
    """The points of the first steps, as far as their formulas can be read and set."""
    forms: list[tuple[Expr, ...]] = []
    for step in range(1, unrolled.steps + 1):
        form = unrolled.closed_form(step, max_terms=20 * _TERMS)
        candidates: list[tuple[Expr, ...]] = []
        if form.kind == "expanded" and form.terms <= _TERMS:
            candidates.append(tuple(collected(part, roles.variables) for part in form.expressions))
            candidates.append(tuple(upright(sympy.factor(part)) for part in form.expressions))
            candidates.append(form.expressions)
        if (step == 1 and _is_readable(unrolled)) or form.kind == "explicit":
            candidates.append(unrolled.expressions("x", step))
        sizes = [sum(_size(part, roles) for part in parts) for parts in candidates]
        shortest = min(sizes, default=float("inf"))
        if shortest > _WIDEST:
            break
        # What collects the terms of the start is preferred, even if it is a little longer.
        fair = [i for i, size in enumerate(sizes) if size <= 1.3 * shortest]
        forms.append(candidates[fair[0]])
    return forms


def _is_readable(unrolled: Unrolled) -> bool:
    """Whether the first step may be short enough to be looked at as a formula.

    SymPy compares the arguments of a maximum and the conditions of cases, which takes minutes
    where they are long.
    """
    graph = Graph()
    labels = unrolled.labels("x", 1)
    outputs = graph.inline(unrolled.program, {})
    first = graph.program({label: outputs[label] for label in labels})
    branching = any(first.has(op) for op in ("select", "max", "min"))
    return first.operations <= (_BRANCHING if branching else _OPERATIONS) * len(labels)


def _size(expression: Expr, roles: Roles) -> float:
    """The width of a formula; without bound where a piece of it does not fit a line."""
    if expression.count_ops() > _OPERATIONS:
        return float("inf")
    cut = pieces(expression, roles=roles)
    if max(piece.width for piece in cut) > _LINE:
        return float("inf")
    return sum(piece.width for piece in cut)
