"""The derivation of a gradient in print: one equation per rule of differentiation, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy
from sympy import Expr, Symbol

from symopt.derivation.gradient import Step
from symopt.errors import InexactError
from symopt.presentation.breaking import abbreviated, part_names, pieces
from symopt.presentation.document import (
    Block,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Spans,
    Table,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.statement.objective import Objective

__all__ = [
    "critical_point_blocks",
    "Notebook",
    "function_name",
    "gradient_blocks",
    "hessian_blocks",
    "notebook",
]

#: Objectives of more variables than this show their gradient, not every second derivative.
_HESSIAN_VARIABLES = 4
#: Parts wider than this many em get a name before they are differentiated.
_WIDE = 13.0
#: What fits a line of the page, in em.
_LINE = 34.0
_WHAT = {
    "power": "power rule", "constant factor": "a constant factor stays", "product": "product rule",
    "sum": "term by term", "cases": "case by case", "maximum": "of the larger one",
    "minimum": "of the smaller one", "exponential": "the exponential function",
}  # fmt: skip


def function_name(objective: Objective) -> Math:
    """The function with its variables, such as f(x, y)."""
    labels = [Label(symbol.name) for symbol in objective.variables]
    if len(labels) > 4:
        labels = [*labels[:2], Label("dots"), labels[-1]]
    latex = ", ".join(r"\dots" if label.name == "dots" else label.latex for label in labels)
    text = ", ".join("..." if label.name == "dots" else label.unicode for label in labels)
    return Math(f"f({latex})", f"f({text})", 1.6 + sum(label.width + 0.5 for label in labels))


def _roles(objective: Objective) -> Roles:
    return Roles(variables=objective.variables)


@dataclass
class Notebook:
    """The names that parts of formulas have got so far; a part is named once."""

    roles: Roles
    known: dict[Expr, Symbol] = field(default_factory=dict)
    names: Iterator[Symbol] = field(default_factory=lambda: part_names())

    def defined(self, left: Math, expression: Expr, reason: Spans = ()) -> list[EquationLine]:
        """An equation, after the parts that are too wide for a line and get a name."""
        cut = pieces(expression, roles=self.roles)
        if max(piece.width for piece in cut) <= _LINE:
            return [EquationLine(left, cut, reason)]
        lets, short = abbreviated(expression, self.names, roles=self.roles, known=self.known)
        lines = [self._let(symbol, part) for symbol, part in lets]
        return [*lines, EquationLine(left, pieces(short, roles=self.roles), reason)]

    def named(self, expression: Expr) -> tuple[Label, list[EquationLine]]:
        """The name of a part, and the lines that define it if it is new."""
        if expression in self.known:
            return Label(self.known[expression].name), []
        symbol = next(self.names)
        label = Label(symbol.name)
        left = Math(label.latex, label.unicode, label.width)
        lines = self.defined(left, expression, spans("for short"))
        self.known[expression] = symbol
        return label, lines

    def _let(self, symbol: Symbol, part: Expr) -> EquationLine:
        label = Label(symbol.name)
        left = Math(label.latex, label.unicode, label.width)
        return EquationLine(left, pieces(part, roles=self.roles), spans("for short"))


def notebook(objective: Objective) -> Notebook:
    """An empty notebook for formulas of an objective."""
    return Notebook(_roles(objective))


def gradient_blocks(book: Notebook, steps: tuple[Step, ...], detail: str = "normal") -> list[Block]:
    """The partial derivatives: the results alone (``"brief"``), from what is no matter of course
    (``"normal"``), or from every rule that was applied (``"full"``)."""
    if detail == "brief":
        found = [
            line
            for step in steps
            for line in book.defined(_partial_of(Label("f"), Label(step.variable.name)), step.after)
        ]
        return [Equations(tuple(found))]
    blocks: list[Block] = []
    for step in steps:
        label = Label(step.variable.name)
        blocks.append(Paragraph(spans("With respect to ", Math(label.latex, label.unicode), ":")))
        lines = _parts(step, book, set(), everything=detail == "full")
        lines += book.defined(_partial_of(Label("f"), label), step.after, _reason(step, book))
        blocks.append(Equations(tuple(lines)))
    return blocks


def _parts(
    step: Step, book: Notebook, seen: set[Expr], *, everything: bool = False
) -> list[EquationLine]:
    """Lines for what a step needs, and is no matter of course unless everything is wanted.

    Wide parts get a name.
    """
    lines: list[EquationLine] = []
    needed = step.children[1:] if step.rule == "chain" else step.children
    for child in needed:
        plain = child.rule in ("constant", "variable") if everything else _is_plain(child)
        if plain or child.before in seen:
            continue
        seen.add(child.before)
        lines += _parts(child, book, seen, everything=everything)
        body = math(child.before, book.roles)
        if body.width > _WIDE:
            label, new = book.named(child.before)
            lines += new
            name = _partial_of(label, Label(child.variable.name))
        else:
            name = _derivative(child.before, child.variable, body)
        lines += book.defined(name, child.after, _reason(child, book))
    return lines


def _partial_of(top: Label, bottom: Label) -> Math:
    return Math(
        rf"\frac{{\partial {top.latex}}}{{\partial {bottom.latex}}}",
        f"∂{top.unicode}/∂{bottom.unicode}",
        2.0,
    )


def _is_plain(step: Step) -> bool:
    """Whether a derivative needs no line of its own."""
    if step.rule in ("constant", "variable") or not step.children:
        return True
    return step.rule in ("sum", "constant factor") and all(map(_is_plain, step.children))


def _derivative(expression: Expr, variable: Symbol, body: Math) -> Math:
    label = Label(variable.name)
    atomic = isinstance(expression, sympy.Function | Symbol)
    power = isinstance(expression, sympy.Pow) and expression.exp.is_Integer
    if atomic or power:
        latex, text = body.latex, body.text
    else:
        latex, text = rf"\left[{body.latex}\right]", f"[{body.text}]"
    head = rf"\frac{{\partial}}{{\partial {label.latex}}}"
    return Math(rf"{head} {latex}", f"∂/∂{label.unicode} {text}", body.width + 2.6)


def _reason(step: Step, book: Notebook) -> Spans:
    if step.rule != "chain":
        return spans(_WHAT.get(step.rule, step.rule))
    outer, inner = step.children
    head = spans(
        "chain rule: ", _equals(_prime(outer.before, outer.variable), outer.after, book.roles)
    )
    u = math(outer.variable, book.roles)
    if inner.before in book.known:
        name = math(book.known[inner.before], book.roles)
        return (
            *head,
            *spans(" with ", Math(f"{u.latex} = {name.latex}", f"{u.text} = {name.text}")),
        )
    return (
        *head,
        *spans(
            " with ", _equals(u, inner.before, book.roles),
            ", ", _equals(_partial(outer.variable, inner.variable), inner.after, book.roles),
        ),
    )  # fmt: skip


def _prime(expression: Expr, variable: Symbol) -> Math:
    body = math(expression, Roles(variables=(variable,)))
    label = Label(variable.name)
    return Math(
        rf"\tfrac{{d}}{{d{label.latex}}} {body.latex}",
        f"d/d{label.unicode} {body.text}",
        body.width + 1.5,
    )


def _partial(u: Symbol, variable: Symbol) -> Math:
    top, bottom = Label(u.name), Label(variable.name)
    return Math(
        rf"\tfrac{{\partial {top.latex}}}{{\partial {bottom.latex}}}",
        f"∂{top.unicode}/∂{bottom.unicode}",
        1.6,
    )


def _equals(left: Math, right: Expr, roles: Roles) -> Math:
    body = math(right, roles)
    return Math(
        f"{left.latex} = {body.latex}", f"{left.text} = {body.text}", left.width + body.width + 1.4
    )


def hessian_blocks(
    objective: Objective,
    book: Notebook,
    argument: tuple[tuple[int, int, Step], ...] = (),
) -> list[Block]:
    """The second derivatives, each once; from their steps where the argument is given."""
    variables = objective.variables
    if len(variables) > _HESSIAN_VARIABLES:
        return [
            Paragraph(
                spans(
                    f"The {len(variables)} by {len(variables)} matrix of second derivatives is not "
                    "printed; it is symmetric and exact in the program."
                )
            )
        ]
    hessian = objective.hessian
    steps = {(i, j): step for i, j, step in argument}
    lines: list[EquationLine] = []
    for i, first in enumerate(variables):
        for j in range(i, len(variables)):
            second = variables[j]
            a, b = Label(first.name), Label(second.name)
            below = (
                rf"\partial {a.latex}^2" if i == j else rf"\partial {a.latex}\,\partial {b.latex}"
            )
            plain = f"∂{a.unicode}²" if i == j else f"∂{a.unicode}∂{b.unicode}"
            name = Math(rf"\frac{{\partial^2 f}}{{{below}}}", f"∂²f/{plain}", 3.2)
            step = steps.get((i, j))
            if step is not None:
                lines += _parts(step, book, set(), everything=True)
            reason = _reason(step, book) if step is not None else spans()
            lines += book.defined(name, hessian[i, j], reason)
    return [Equations(tuple(lines))]


def critical_point_blocks(objective: Objective) -> list[Block]:
    """The real critical points with their nature, or why there is no exact list."""
    try:
        points = objective.critical_points()
    except InexactError as error:
        return [Paragraph(spans(f"{str(error)[0].upper()}{str(error)[1:]}."))]
    if not points:
        return [Paragraph(spans("There are no real critical points."))]
    roles = _roles(objective)
    header = [
        spans("kind"),
        *(spans(math(v, roles)) for v in objective.variables),
        spans(Math("f", "f")),
    ]
    rows, rounded = [], False
    for point in points:
        cells = [spans(point.kind)]
        for value in (*point.point, point.value):
            cell, exact = _coordinate(value, roles, 10 if len(objective.variables) <= 4 else 6)
            rounded = rounded or not exact
            cells.append(spans(cell))
        rows.append(tuple(cells))
    caption = spans()
    if rounded:
        caption = spans(
            "Decimals are algebraic numbers, known exactly and rounded here; the nature of each "
            "point is decided by exact signs."
        )
    return [Table(tuple(header), tuple(rows), "l" + "r" * (len(header) - 1), caption)]


def _coordinate(value: Expr, roles: Roles, digits: int) -> tuple[Math, bool]:
    from symopt.derivation.algebraic import to_decimal
    from symopt.statement.numbers import exact

    if isinstance(value, sympy.Rational):
        shown = figure(exact(value), 12)
        return shown.math, shown.exact
    if not value.has(sympy.CRootOf) and len(str(value)) <= 20:
        return math(value, roles), True
    text = to_decimal(value, digits)
    return Math(text, text, 0.5 * len(text)), False
