"""Long formulas in pieces between which a line may be broken.

A formula is cut before the signs of its sum; a factor in parentheses that is too wide is cut
inside. What cannot be cut (a fraction, a root) and is too wide is given a name first, by
:func:`abbreviated`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

import sympy
from sympy import Expr, Symbol

from symopt.presentation.document import Math
from symopt.presentation.names import Label, Style, superscript
from symopt.presentation.notation import PRODUCT, Piece, Writer
from symopt.presentation.order import STANDARD, Roles, Term, ordered_terms, split

__all__ = ["abbreviated", "part_names", "pieces"]

#: No piece is wider than this many em, so that every line can be filled.
LIMIT = 31.0


@dataclass(frozen=True)
class _Cutter:
    latex: Writer
    text: Writer
    limit: float

    def sum(self, expression: Expr, first: str = "") -> Iterator[Math]:
        """The terms of a sum, each with its sign; ``first`` opens a parenthesis."""
        roles = self.latex.roles
        latex = replace(self.latex, roles=replace(roles, target=None))
        text = replace(self.text, roles=latex.roles)
        inner = replace(self, latex=latex, text=text)
        terms = ordered_terms(expression, roles)
        for index, term in enumerate(terms):
            sign = ("- " if index else "-") if term.negative else ("+ " if index else "")
            yield from inner.term(term, sign, len(terms) == 1)

    def term(self, term: Term, sign: str, alone: bool) -> Iterator[Math]:
        roles = self.latex.roles
        parts = split(term, roles)
        positive = Term(abs(term.coefficient), term.factors)
        # The writers order factors themselves; a product node is only a carrier of the factors.
        whole = sympy.Mul(positive.coefficient, *positive.factors, evaluate=False)
        latex, text = self.latex.write(whole), self.text.write(whole)
        if not (alone and not sign):
            latex, text = self.latex.wrapped(latex, PRODUCT), self.text.wrapped(text, PRODUCT)
        wide = [factor for factor in parts.state if self._is_wide(factor)]
        if latex.width <= self.limit or parts.below_state or parts.below_hyper or not wide:
            yield Math(sign + latex.text, sign + text.text, latex.width + 1.3)
            return
        yield from self._cut(positive, wide, sign)

    def _is_wide(self, factor: Expr) -> bool:
        base = factor.base if isinstance(factor, sympy.Pow) else factor
        whole = not isinstance(factor, sympy.Pow) or factor.exp.is_Integer
        return (
            isinstance(base, sympy.Add)
            and whole
            and self.latex.write(base).width > (self.limit / 3)
        )

    def _cut(self, term: Term, wide: list[Expr], sign: str) -> Iterator[Math]:
        """A product cut inside its wide factors, which stand last, in brackets."""
        others = [factor for factor in term.factors if not any(factor is cut for cut in wide)]
        latex = text = sign
        size = 1.3
        if others or term.coefficient != 1:
            front = sympy.Mul(term.coefficient, *others, evaluate=False)
            lead = self.latex.wrapped(self.latex.write(front), PRODUCT)
            latex += lead.text + r"\,"
            text += self.text.wrapped(self.text.write(front), PRODUCT).text + " "
            size += lead.width
        for factor in wide:
            base, power = (
                (factor.base, factor.exp)
                if isinstance(factor, sympy.Pow)
                else (factor, sympy.S.One)
            )
            closing_latex, closing_text = r"\bigr]", "]"
            if power != 1:
                closing_latex += f"^{{{power}}}"
                closing_text += superscript(str(power)) or f"^{power}"
            inside = list(self.sum(base))
            for index, piece in enumerate(inside):
                last = index == len(inside) - 1
                before = (latex + r"\bigl[", text + "[") if index == 0 else ("", "")
                after = (closing_latex, closing_text) if last else ("", "")
                yield Math(
                    before[0] + piece.latex + after[0],
                    before[1] + piece.text + after[1],
                    piece.width + (size + 0.6 if index == 0 else 0.0) + (0.9 if last else 0.0),
                )
            latex, text, size = "", "", 0.0


def pieces(
    expression: Expr,
    *,
    roles: Roles = STANDARD,
    labels: Mapping[Symbol, Label] | None = None,
    values: tuple[Mapping[Symbol, Piece], Mapping[Symbol, Piece]] | None = None,
    limit: float = LIMIT,
) -> tuple[Math, ...]:
    """A formula in pieces, in print order, each with its sign.

    ``values``, for LaTeX and for text, are written in the place of symbols.

    >>> from symopt.statement.symbols import beta1, g, m
    >>> [piece.text for piece in pieces(beta1*m + (1 - beta1)*g)]
    ['β₁ m', '+ (1 - β₁) g']
    """
    latex = Writer(Style.LATEX, roles, labels, values[0] if values else None)
    text = Writer(Style.UNICODE, roles, labels, values[1] if values else None)
    if not isinstance(expression, (sympy.Add, sympy.Mul, sympy.Pow)):
        piece = latex.write(expression)
        return (Math(piece.text, text.text(expression), piece.width),)
    return tuple(_Cutter(latex, text, limit).sum(expression))


def part_names() -> Iterator[Symbol]:
    """Names for parts of formulas: A_1, A_2, ..."""
    return (Symbol(f"A_{index}", real=True) for index in count(1))


def abbreviated(
    expression: Expr,
    names: Iterator[Symbol],
    *,
    roles: Roles = STANDARD,
    limit: float = LIMIT,
    known: dict[Expr, Symbol] | None = None,
) -> tuple[list[tuple[Symbol, Expr]], Expr]:
    """Name whatever is too wide to be printed and cannot be broken.

    ``known`` are names given before; they are used, and the new ones are added.

    Gives the named parts, each in terms of the earlier ones, and the expression in their terms.
    Putting the names back gives the expression again.
    """
    lets: list[tuple[Symbol, Expr]] = []
    known = {} if known is None else known
    writer = Writer(Style.LATEX, roles)

    def named(part: Expr) -> Symbol:
        if part not in known:
            known[part] = next(names)
            lets.append((known[part], part))
        return known[part]

    def short(node: Expr, room: float) -> Expr:
        """The node in terms of names, so that it fits the room unbroken."""
        if not node.args or writer.write(node).width <= room:
            return node
        made = (
            node.func(*(short(argument, room) for argument in node.args), evaluate=False)
            if (isinstance(node, (sympy.Mul, sympy.Pow)))
            else node.func(*(short(argument, room) for argument in node.args))
        )
        if isinstance(made, (sympy.Add, sympy.Mul)) and writer.write(made).width > room:
            return named(made)
        return made

    terms = []
    for term in sympy.Add.make_args(expression):
        piece = writer.write(term)
        terms.append(term if piece.width <= limit else short(term, limit * 0.6))
    return lets, sympy.Add(*terms, evaluate=False) if len(terms) > 1 else terms[0]
