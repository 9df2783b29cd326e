"""``symopt.compose``: a document put together from results, each shown in its own way.

Prose says what is looked at; formulas, numbers and verdicts come from the results themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import singledispatch
from string import Formatter
from typing import Any, get_args

import sympy

from symopt.derivation.algebraic import to_decimal
from symopt.derivation.every_step import EveryStep
from symopt.derivation.recurrence import equal
from symopt.derivation.stability import Stability
from symopt.errors import DerivationError, InputError
from symopt.presentation.breaking import pieces
from symopt.presentation.claims_page import claims_document
from symopt.presentation.dispute_page import dispute_section
from symopt.presentation.document import (
    Aside,
    Badge,
    Block,
    Cite,
    Details,
    Document,
    EquationLine,
    Equations,
    Inline,
    Items,
    Math,
    Paragraph,
    Section,
    Spans,
    Table,
    Text,
    math,
    plain,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.names import Label
from symopt.presentation.objective_page import objective_document
from symopt.presentation.order import Roles
from symopt.presentation.sheets import rule_sheet
from symopt.presentation.verdict_page import verdict_document
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.system import System
from symopt.verification.dispute import Settled
from symopt.verification.verdict import Verdict

__all__ = ["compose", "equations", "prose", "required", "table"]

_INLINE = get_args(Inline)


def compose(title: str, *parts: Any) -> Document:
    """A document of several parts, one after the other.

    A part is a text (a paragraph), a block, or a result: a document, a rule, an objective (its
    derivatives step by step), a verdict of ``symopt.prove``, a closed form, a region of stability,
    a settled dispute, a source system (its claims, settled). Results become sections under their
    own titles, and their sources go to the bibliography of the whole.

    Raises :class:`~symopt.errors.InputError` for a part that is none of these.

    >>> import symopt
    >>> page = symopt.compose("Momentum", "One rule.", symopt.prove("momentum", "heavy_ball"))
    >>> [type(block).__name__ for block in page.blocks]
    ['Paragraph', 'Section']
    """
    blocks: list[Block] = []
    sources: list[Source] = []
    for part in parts:
        shown = _part(part)
        if isinstance(shown, Document):
            blocks.append(Section(spans(shown.title), shown.blocks))
            sources += shown.references
        else:
            blocks.append(shown)
            sources += _cited(shown)
    return Document(title, tuple(blocks), tuple(dict.fromkeys(sources)))


@singledispatch
def _part(part: Any) -> Document | Block:
    if isinstance(part, get_args(Block)):
        block: Block = part
        return block
    raise InputError(
        f"{type(part).__name__} is no part of a document; give texts, blocks of "
        "symopt.presentation.document, documents, or results of symopt"
    )


@_part.register
def _(part: Document) -> Document:
    return part


@_part.register
def _(part: str) -> Block:
    return Paragraph(spans(part))


@_part.register
def _(part: Rule) -> Document:
    return rule_sheet(part)


@_part.register
def _(part: Objective) -> Document:
    return objective_document(part)


@_part.register
def _(part: Verdict) -> Document:
    return verdict_document(part)


@_part.register
def _(part: EveryStep) -> Document:
    return part.document()


@_part.register
def _(part: Stability) -> Document:
    return part.document()


@_part.register
def _(part: Settled) -> Document:
    section = dispute_section(part)
    return Document(plain(section.title), section.blocks, (part.first.source, part.second.source))


@_part.register
def _(part: System) -> Document:
    return claims_document(part)


def _cited(block: Block) -> list[Source]:
    """The sources that a block names, wherever in it."""
    if isinstance(block, Section | Details | Aside):
        return [source for part in block.blocks for source in _cited(part)]
    lines: Sequence[Spans] = ()
    if isinstance(block, Paragraph):
        lines = (block.spans,)
    elif isinstance(block, Items):
        lines = block.items
    elif isinstance(block, Table):
        lines = [cell for row in block.rows for cell in row]
    return [part.source for line in lines for part in line if isinstance(part, Cite)]


def required(verdict: Verdict, status: str = "proved") -> Verdict:
    """The verdict itself, where it came out as the text around it says.

    Raises :class:`~symopt.errors.DerivationError` that names the two rules where it did not.

    >>> import symopt
    >>> required(symopt.prove("momentum", "nesterov"))
    Traceback (most recent call last):
    ...
    symopt.errors.DerivationError: momentum against nesterov: not proved but refuted: different ...
    """
    if verdict.status != status:
        raise DerivationError(
            f"{verdict.implementation} against {verdict.rule}: not {status} but {verdict.status}: "
            f"{verdict.reason}"
        )
    return verdict


def prose(template: str, *values: Any) -> Paragraph:
    """A paragraph in which each ``{}`` is a result: a formula, a number, a rule's title, a source.

    Fractions are printed while they are short, else as digits that are all correct.

    >>> from fractions import Fraction
    >>> from symopt.symbols import mu
    >>> from symopt.presentation.document import plain
    >>> plain(prose("{} is {}.", 1 + mu, Fraction(19, 10)).spans)
    '1 + μ is 19/10.'
    """
    parts = [(text, name is not None) for text, name, _, _ in Formatter().parse(template)]
    holes = sum(hole for _, hole in parts)
    if holes != len(values):
        raise InputError(f"{template!r} has {holes} places for {len(values)} values")
    found: list[Inline] = []
    rest = iter(values)
    for text, hole in parts:
        found += spans(text) if text else ()
        found += _cell(next(rest)) if hole else ()
    return Paragraph(tuple(found))


def table(header: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str = "") -> Table:
    """A table whose cells are results, shown as in :func:`prose`; columns of texts may be broken.

    >>> from symopt.symbols import eta
    >>> table(["step", "length"], [[1, 2 * eta]]).alignments
    'rl'
    """
    cells = tuple(tuple(map(_cell, row)) for row in rows)
    columns = zip(*rows, strict=True)
    kinds = "".join(
        "r" if all(isinstance(value, int | Fraction | sympy.Number) for value in column)
        else "p" if any(_is_long(value) for value in column)
        else "l"
        for column in columns
    )  # fmt: skip
    return Table(tuple(map(_cell, header)), cells, kinds or "l" * len(header), spans(caption))


#: Texts of a table longer than this may be broken.
_BROKEN = 24


def _is_long(value: Any) -> bool:
    text = value.title if isinstance(value, Rule) else value
    return isinstance(text, str) and len(text) > _BROKEN


@singledispatch
def _cell(value: Any) -> Spans:
    if isinstance(value, _INLINE):
        return (value,)
    if isinstance(value, sympy.Float):
        return (Math(str(value), str(value), 0.5 * len(str(value))),)
    if isinstance(value, sympy.Rational):
        value = Fraction(int(value.p), int(value.q))
    elif isinstance(value, sympy.Expr) and value.is_number and value.has(sympy.CRootOf):
        digits = to_decimal(value, 10)
        return (Math(digits, digits, 0.5 * len(digits)),)
    elif isinstance(value, sympy.Basic):
        return (math(value, _ROLES),)
    if isinstance(value, int | float | Fraction) or hasattr(value, "is_finite"):
        return (figure(value, 10).math,)
    raise InputError(
        f"{value!r} ({type(value).__name__}) is nothing that prose or a table shows; give "
        "expressions, numbers, points, rules, sources or texts"
    )


@_cell.register
def _(value: str) -> Spans:
    return spans(value)


@_cell.register
def _(value: bool) -> Spans:
    return spans("yes" if value else "no")


@_cell.register
def _(value: tuple) -> Spans:  # type: ignore[type-arg]
    """A point or several values."""
    found: list[Inline] = [Text("(")]
    for index, entry in enumerate(value):
        found += spans(", ") if index else ()
        found += _cell(entry)
    return (*found, Text(")"))


@_cell.register
def _(value: Rule) -> Spans:
    return spans(value.title)


@_cell.register
def _(value: Source) -> Spans:
    return spans(Cite(value))


@_cell.register
def _(value: Verdict) -> Spans:
    return spans(Badge(value.status))


#: Hyperparameters first, as rules are written.
_LETTERS = "eta mu beta beta1 beta2 rho epsilon lamda gamma tau kappa"
_ROLES = Roles(hyperparameters=sympy.symbols(_LETTERS, real=True))


def equations(*lines: Sequence[Any]) -> Equations:
    """Equations that are proved before they are shown: ``(left, right, reason)``, each an identity.

    An expression as ``left`` must equal ``right`` for all values of the symbols, by the normal
    form. A text as ``left`` is a name for ``right`` (``"x_2"`` is x with index 2); ``None`` goes on
    from the line above, which must equal this one. The reason may be left out.

    Raises :class:`~symopt.errors.DerivationError` that names the line which does not hold.

    >>> from symopt.symbols import mu
    >>> equations((mu * (1 + mu), mu + mu**2, "multiplied out")).lines[0].left.text
    'μ (1 + μ)'
    >>> equations((mu * (1 + mu), mu - mu**2))
    Traceback (most recent call last):
    ...
    symopt.errors.DerivationError: mu*(mu + 1) = -mu**2 + mu does not hold
    """
    shown: list[EquationLine] = []
    above: Any = None
    for line in lines:
        left, right, *reason = line
        known = above if left is None else left
        if isinstance(known, sympy.Expr) and not equal(known, right):
            raise DerivationError(f"{known} = {right} does not hold")
        told = spans(*reason)
        shown.append(EquationLine(_left(left), pieces(right, roles=_ROLES), told))
        above = right
    return Equations(tuple(shown))


def _left(left: Any) -> Math | None:
    if left is None:
        return None
    if isinstance(left, str):
        name, _, index = left.partition("_")
        label = Label(name, index)
        return Math(label.latex, label.unicode, label.width)
    return math(left, _ROLES)
