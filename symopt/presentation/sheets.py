"""One page for one statement: a rule as its algorithm, an objective with what follows from it."""

from __future__ import annotations

from sympy import Expr, Symbol

from symopt.presentation.breaking import pieces
from symopt.presentation.calculus import (
    critical_point_blocks,
    function_name,
    hessian_blocks,
    notebook,
)  # fmt: skip
from symopt.presentation.document import (
    Algorithm,
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Items,
    Math,
    Paragraph,
    Section,
    Spans,
    Text,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.indices import IndexedLine, indexed_lines, initial_lines
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.statement.objective import Objective
from symopt.statement.rule import Hyperparameter, Rule

__all__ = ["algorithm", "objective_sheet", "rule_sheet"]


def algorithm(rule: Rule) -> Algorithm:
    """A rule as an algorithm with its defaults, time indices in the paper's order.

    >>> import symopt
    >>> algorithm(symopt.rules.momentum).loop[1].right[0].latex
    '\\\\mu v_{t-1}'
    """
    settings = [spans(_default(entry, rule)) for entry in rule.parameters]
    inputs = (joined(settings),) if settings else ()
    return Algorithm(
        spans(rule.title),
        inputs,
        tuple(_line(line) for line in initial_lines(rule)),
        tuple(_line(line) for line in indexed_lines(rule)),
    )


def _line(line: IndexedLine) -> EquationLine:
    left = Math(line.target.latex, line.target.unicode, line.target.width)
    return EquationLine(left, pieces(line.expression, roles=line.roles, labels=line.labels))


def _default(entry: Hyperparameter, rule: Rule) -> Math:
    label = Label(entry.name, "t" if entry.is_schedule else "")
    power = _ten(entry.default)
    if power is not None:
        body = Math(f"10^{{{power}}}", f"1e{power}", 2.5)
    else:
        body = math(entry.default, Roles.of_rule(rule))
    return Math(
        f"{label.latex} = {body.latex}",
        f"{label.unicode} = {body.text}",
        label.width + body.width + 1.4,
    )


def _ten(value: Expr) -> int | None:
    """The exponent of a small power of ten, which no one reads as a fraction."""
    if not value.is_Rational or value.p != 1:
        return None
    digits = str(value.q)
    return 1 - len(digits) if len(digits) > 5 and digits.strip("0") == "1" else None


def rule_sheet(rule: Rule) -> Document:
    """A rule: source, algorithm, what its hyperparameters are called, defect, note.

    >>> import symopt
    >>> print(rule_sheet(symopt.rules.gradient_descent).text())
    Gradient descent
    ...
      for t = 1, 2, ...:
          gₜ ← ∇f(xₜ₋₁)
          xₜ ← xₜ₋₁ - η gₜ
    ...
    """
    blocks: list[Block] = [Paragraph(spans(Cite(rule.source)))]
    if rule.defect:
        blocks.append(Paragraph(spans(Text("Defective: ", emphasis=True), rule.defect, ".")))
    blocks.append(algorithm(rule))
    meanings = [
        spans(Math(Label(entry.name).latex, Label(entry.name).unicode), _called(entry))
        for entry in rule.parameters
    ]
    if meanings:
        blocks.append(Items(tuple(meanings)))
    if rule.note:
        blocks.append(Paragraph(spans(rule.note)))
    return Document(rule.title, tuple(blocks), (rule.source,))


def _called(entry: Hyperparameter) -> str:
    return f" ({entry.name}){': ' * bool(entry.meaning)}{entry.meaning}"


def objective_sheet(objective: Objective) -> Document:
    """An objective: formula, gradient, second derivatives, critical points, window and start.

    >>> import symopt
    >>> "saddle" in objective_sheet(symopt.objectives.cubic).text()
    True
    """
    blocks: list[Block] = []
    if objective.source:
        blocks.append(Paragraph(spans(Cite(objective.source))))
    book = notebook(objective)
    blocks.append(
        Equations(
            (
                EquationLine(
                    function_name(objective), pieces(objective.expression, roles=book.roles)
                ),
            )
        )
    )
    gradient = Equations(
        tuple(
            line
            for variable, part in zip(objective.variables, objective.gradient, strict=True)
            for line in book.defined(_partial(variable), part)
        )
    )
    blocks += [
        Section(spans("Gradient"), (gradient,)),
        Section(spans("Second derivatives"), tuple(hessian_blocks(objective, book))),
        Section(spans("Critical points"), tuple(critical_point_blocks(objective))),
    ]
    remarks = _remarks(objective)
    if remarks:
        blocks.append(Items(remarks))
    sources = (objective.source,) if objective.source else ()
    return Document(objective.title, tuple(blocks), sources)


def _partial(variable: Symbol) -> Math:
    label = Label(variable.name)
    return Math(
        rf"\frac{{\partial f}}{{\partial {label.latex}}}", f"∂f/∂{label.unicode}", label.width + 2
    )


def _remarks(objective: Objective) -> tuple[Spans, ...]:
    remarks = []
    if objective.start:
        remarks.append(spans(f"customary start ({', '.join(map(str, objective.start))})"))
    if objective.window:
        sides = " × ".join(f"[{low}, {high}]" for low, high in objective.window)
        remarks.append(spans(f"window {sides}"))
    if objective.note:
        remarks.append(spans(objective.note))
    return tuple(remarks)
