"""An objective derived: its gradient and Hessian step by step, and its critical points."""

from __future__ import annotations

from symopt.derivation.argument import derivatives
from symopt.derivation.gradient import Step
from symopt.presentation.calculus import (
    critical_point_blocks,
    function_name,
    gradient_blocks,
    hessian_blocks,
    notebook,
)  # fmt: skip
from symopt.presentation.document import (
    Block,
    Cite,
    Document,
    Equations,
    Paragraph,
    Section,
    spans,
)  # fmt: skip
from symopt.statement.objective import Objective
from symopt.verification.argument import PROVED, check_derivatives

__all__ = ["objective_blocks", "objective_document"]


def objective_blocks(
    objective: Objective,
    gradient: tuple[Step, ...],
    hessian: tuple[tuple[int, int, Step], ...],
    detail: str = "normal",
) -> tuple[Block, ...]:
    """The function, its derivatives from their steps, and its critical points with their kind."""
    book = notebook(objective)
    statement = book.defined(function_name(objective), objective.expression)
    second = hessian_blocks(objective, book, hessian if detail == "full" else ())
    return (
        Equations(tuple(statement)),
        Section(spans("Its gradient"), tuple(gradient_blocks(book, gradient, detail))),
        Section(spans("Its second derivatives"), tuple(second)),
        Section(spans("Its critical points"), tuple(critical_point_blocks(objective))),
    )


def objective_document(objective: Objective, detail: str = "normal") -> Document:
    """All that calculus says of an objective, every step proved again before it is printed.

    Raises :class:`~symopt.errors.DerivationError` that names a step which does not hold.

    >>> import symopt
    >>> page = objective_document(symopt.objectives.cubic)
    >>> "∂f/∂x₀ = 2 x₀ + x₁" in page.text()
    True
    """
    gradient, hessian = derivatives(objective)
    findings = list(check_derivatives(objective, gradient, hessian))
    proved = sum(finding.how == PROVED for finding in findings)
    blocks: list[Block] = []
    if objective.source:
        blocks.append(Paragraph(spans("Stated by ", Cite(objective.source), ".")))
    blocks += objective_blocks(objective, gradient, hessian, detail)
    told = f"{proved} of the {len(findings)} steps of differentiation are proved again by the "
    told += "normal form of the differentiated program"
    rest = len(findings) - proved
    told += f", {rest} checked in enclosures." if rest else "."
    blocks.append(Paragraph(spans(told)))
    sources = (objective.source,) if objective.source else ()
    return Document(objective.title, tuple(blocks), sources)
