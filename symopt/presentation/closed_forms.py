"""The first steps in closed form: in terms of the gradients, and with the gradient put in."""

from __future__ import annotations

import sympy
from sympy import Expr, Symbol

from symopt.derivation.unroll import Unrolled, unroll
from symopt.presentation.breaking import pieces
from symopt.presentation.document import (
    Block,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Section,
    spans,
)  # fmt: skip
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS

__all__ = ["closed_section"]

#: Closed forms are printed up to this width in em (about eight lines), and these many terms.
_WIDEST = 250.0
_TERMS = 40
#: Past this many operations a formula is not even measured.
_OPERATIONS = 300
#: What fits a line of the page, in em.
_LINE = 33.0


def closed_section(rule: Rule, objective: Objective, steps: int) -> Section:
    """The points of the first steps as formulas, as far as they can be read."""
    blocks: list[Block] = []
    if not any(expression.has(*REDUCTIONS) for _, expression in rule.update):
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
    if expression.count_ops() > _OPERATIONS:
        return float("inf")
    cut = pieces(expression, roles=roles)
    if max(piece.width for piece in cut) > _LINE:
        return float("inf")
    return sum(piece.width for piece in cut)
