"""An array objective derived: the statement, and its gradient layer by layer with the reasons."""

from __future__ import annotations

from dataclasses import replace

from symopt.derivation.array.gradient import Application, Contribution, GradientStep
from symopt.derivation.array.rules import reason
from symopt.presentation.array_notation import (
    derivative_math,
    pieces,
    symbol_math,
)
from symopt.presentation.document import (
    Badge,
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Inline,
    Items,
    Math,
    Paragraph,
    Section,
    Spans,
    Text,
    joined,
    spans,
)
from symopt.presentation.names import Label
from symopt.statement.array.expression import Array, order
from symopt.statement.array.functions import ELEMENTWISE
from symopt.statement.array.objective import ArrayObjective
from symopt.verification.array.gradient import prove_gradient

__all__ = ["array_document", "array_sheet"]

_PLAIN = {("sub", 0), ("scale", 1)}


def array_document(objective: ArrayObjective) -> Document:
    """The derivation of the gradient in matrix form, proved on small sizes before it is printed.

    >>> import symopt
    >>> page = array_document(symopt.models.linear_regression)
    >>> "∂L/∂w = Xᵀ ∂L/∂r" in page.text()
    True
    """
    made = array_sheet(objective)
    proof = Section(spans("Its proof"), (Paragraph(_proof(objective)),))
    return replace(made, blocks=(*made.blocks, proof))


def array_sheet(objective: ArrayObjective) -> Document:
    """The statement and its gradient in matrix form, without a proof."""
    blocks: list[Block] = []
    if objective.source:
        blocks.append(Paragraph(spans("Stated by ", Cite(objective.source), ".")))
    if objective.note:
        blocks.append(Paragraph(spans(objective.note)))
    blocks += [
        Items((_named("Parameters", objective.parameters), _named("Data", objective.data))),
        Equations(_statement(objective)),
        Paragraph(_conventions(objective)),
        Section(spans("Its gradient"), (Equations(_gradient(objective)),)),
    ]
    sources = (objective.source,) if objective.source else ()
    return Document(objective.title, tuple(blocks), sources)


def _named(what: str, given: object) -> Spans:
    assert isinstance(given, tuple)
    listed = [spans(symbol_math(leaf), *_shape(leaf)) for leaf in given]
    return (*spans(f"{what}: "), *(joined(listed) if listed else spans("none")))


def _shape(leaf: Array) -> tuple[str | Inline, ...]:
    if not leaf.shape:
        return (" (a number)",)
    sizes: list[Math] = []
    for dim in leaf.shape:
        label = Label(str(dim))
        sizes.append(Math(label.latex, label.unicode, label.width))
    times = Math(
        r" \times ".join(size.latex for size in sizes),
        " × ".join(size.text for size in sizes),
        sum(size.width for size in sizes) + len(sizes),
    )
    kind = "labels, " if leaf.op == "labels" else ""
    return (f" ({kind}", times, ")")


def _statement(objective: ArrayObjective) -> tuple[EquationLine, ...]:
    lines = [
        EquationLine(symbol_math(node), pieces(node.args[0])) for node in objective.intermediates
    ]
    return (*lines, EquationLine(Math("L", "L", 0.7), pieces(objective.loss)))


def _conventions(objective: ArrayObjective) -> Spans:
    told = (
        "Samples are rows, vectors are columns, and the gradient by an array has the array's shape."
    )
    used = {node.value[0] for node in order(objective.loss) if node.op == "apply"}
    for name in sorted(used):
        convention = ELEMENTWISE[name].convention
        if convention:
            told += f" Of {name} {convention}, by convention."
    parts: list[str | Inline] = [told]
    if any(node.op == "broadcast" for node in order(objective.loss)):
        one = Math(r"\mathbf{1}", "1", 0.6)
        parts += [" ", one, " is the column of ones (or the matrix of ones) that fits."]
    return spans(*parts)


def _gradient(objective: ArrayObjective) -> tuple[EquationLine, ...]:
    return tuple(
        EquationLine(derivative_math(step.target), pieces(step.result), _reason(step))
        for step in objective.gradient.steps
    )


def _reason(step: GradientStep) -> Spans:
    return joined([_path(part) for part in step.contributions if part.path], "; ")


def _path(contribution: Contribution) -> Spans:
    """Where a contribution comes from, and the rules on its way; the plain ones only if alone."""
    path = contribution.path
    telling = [use for use in path if not _is_plain(use)] or path
    told = ", ".join(dict.fromkeys(reason(use.node, use.position) for use in telling))
    if contribution.consumer.name:
        return (Text("from "), symbol_math(contribution.consumer), Text(f": {told}"))
    return (Text(told),)


def _is_plain(use: Application) -> bool:
    """Whether a use of a rule changes nothing, or only a constant factor."""
    place = use.node.op, use.position
    number = place == ("div", 0) and use.node.args[1].shape == ()
    number |= use.node.op == "mul" and use.node.shape == ()
    return place in _PLAIN or number or use.node.op in ("let", "add", "sum")


def _proof(objective: ArrayObjective) -> Spans:
    proof = prove_gradient(objective)
    sizes = ", ".join(f"{name} = {value}" for name, value in proof.sizes.items())
    return spans(
        Badge(proof.status), f" at {sizes}, for all real parameters and data: {proof.reason}."
    )
