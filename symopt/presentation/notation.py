"""SymPy expressions in print: LaTeX, Unicode for a terminal, ASCII that the parser reads back.

One walk over the expression serves all three; the order of sums and products comes from
:mod:`symopt.presentation.order`, the names from :mod:`symopt.presentation.names`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy
from sympy import Expr, Rational, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from symopt.errors import InputError
from symopt.presentation.names import Label, Style, superscript
from symopt.presentation.order import STANDARD, Roles, Term, is_rate, ordered_terms, split
from symopt.statement.symbols import grad, norm

__all__ = ["Piece", "Writer", "expression_latex", "plain", "width"]

SUM, PRODUCT, POWER, ATOM = range(4)


@dataclass(frozen=True)
class Piece:
    """A written expression: its text, how tightly it binds, and its printed width in em.

    ``tall`` asks for growing parentheses; ``numeric`` for a dot between it and another number.
    """

    text: str
    level: int
    width: float
    tall: bool = False
    numeric: bool = False


_FUNCTIONS = {"sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "atan", "exp", "sign"}
_LATEX_FUNCTIONS = {"log": r"\ln", "atan": r"\arctan", "sign": r"\operatorname{sign}"}
_RELATIONS = {
    "==": ("=", "=", "=="), "!=": (r"\ne", "≠", "!="), "<": ("<", "<", "<"),
    "<=": (r"\le", "≤", "<="), ">": (">", ">", ">"), ">=": (r"\ge", "≥", ">="),
}  # fmt: skip
_STYLES = (Style.LATEX, Style.UNICODE, Style.ASCII)


@dataclass(frozen=True)
class Writer:
    """Writes expressions in one style, with the roles and the labels of their symbols.

    ``values`` are written in the place of symbols, so that numbers stand where the symbols stood.

    >>> from symopt.statement.symbols import beta1, g, m
    >>> Writer(Style.LATEX).text((1 - beta1) * g + beta1 * m)
    '\\\\beta_1 m + (1 - \\\\beta_1) g'
    """

    style: Style
    roles: Roles = STANDARD
    labels: Mapping[Symbol, Label] | None = None
    values: Mapping[Symbol, Piece] | None = None

    def text(self, expression: Expr) -> str:
        """The expression as text."""
        return self.write(expression).text

    def write(self, expression: Expr) -> Piece:
        """The expression as a piece, with its width.

        Raises :class:`~symopt.errors.InputError` for what has no notation here.
        """
        inner = replace(self, roles=replace(self.roles, target=None)) if self.roles.target else self
        if isinstance(expression, sympy.Add):
            return self.signed([self._term(term) for term in ordered_terms(expression, self.roles)])
        return inner._write(expression)

    def terms(self, expression: Expr) -> list[tuple[bool, Piece]]:
        """The terms of a sum in print order: whether subtracted, and the term."""
        return [self._term(term) for term in ordered_terms(expression, self.roles)]

    def signed(self, terms: Sequence[tuple[bool, Piece]]) -> Piece:
        """Join terms by plus and minus."""
        text, total = "", 0.0
        for index, (negative, piece) in enumerate(terms):
            body = self.wrapped(piece, PRODUCT)
            if index:
                text += " - " if negative else " + "
                total += 1.25
            elif negative:
                text, total = "-", 0.8
            text += body.text
            total += body.width
        level = SUM if len(terms) > 1 or terms[0][0] else terms[0][1].level
        return Piece(text, level, total, any(piece.tall for _, piece in terms))

    def wrapped(self, piece: Piece, level: int) -> Piece:
        """The piece in parentheses unless it binds at least that tightly."""
        if piece.level >= level:
            return piece
        if self.style is Style.LATEX and piece.tall:
            text = rf"\left({piece.text}\right)"
        else:
            text = f"({piece.text})"
        return Piece(text, ATOM, piece.width + (1.5 if piece.tall else 0.8), piece.tall)

    def number(self, value: Rational) -> Piece:
        """An exact number that is not negative: an integer, a fraction, or a power of ten."""
        p, q = int(value.p), int(value.q)
        if q == 1:
            return Piece(str(p), ATOM, 0.5 * len(str(p)), numeric=True)
        if self.style is Style.ASCII:
            return Piece(f"{p}/{q}", PRODUCT, 0.0, numeric=True)
        power = len(str(q)) - 1
        if power >= 4 and q == 10**power:
            ten = (
                f"10^{{-{power}}}" if self.style is Style.LATEX else f"10{superscript(f'-{power}')}"
            )
            if p == 1:
                return Piece(ten, POWER, 2.1, numeric=True)
            if power <= 9:
                digits = str(p).rjust(power + 1, "0")
                text = f"{digits[:-power]}.{digits[-power:]}"
                return Piece(text, ATOM, 0.5 * len(text), numeric=True)
            dot = r" \cdot " if self.style is Style.LATEX else "·"
            return Piece(f"{p}{dot}{ten}", PRODUCT, 3.0 + 0.5 * len(str(p)), numeric=True)
        if self.style is Style.UNICODE:
            return Piece(f"{p}/{q}", PRODUCT, 0.0, numeric=True)
        size = 0.5 * max(len(str(p)), len(str(q))) + 0.25
        return Piece(rf"\frac{{{p}}}{{{q}}}", POWER, size, True, True)

    def _write(self, node: Any) -> Piece:
        if isinstance(node, Symbol):
            if self.values and node in self.values:
                return self.values[node]
            label = (self.labels or {}).get(node, Label(node.name))
            return Piece(label.written(self.style), ATOM, label.width)
        if isinstance(node, Rational):
            if node < 0:
                return self.signed([(True, self.number(-node))])
            return self.number(node)
        if isinstance(node, sympy.Add):
            return self.write(node)
        if isinstance(node, sympy.Mul) or self._is_quotient(node):
            negative, piece = self._term(Term.of(node))
            return self.signed([(True, piece)]) if negative else piece
        if isinstance(node, sympy.Pow):
            return self._power(node)
        if node == sympy.pi:
            return Piece(self._choose(r"\pi", "π", "pi"), ATOM, 0.6)
        if node == sympy.E:
            return Piece(self._choose("e", "e", "e"), ATOM, 0.5)
        if isinstance(node, sympy.Piecewise):
            return self._cases(node)
        if isinstance(node, Relational):
            if self.style is not Style.ASCII and self._constant(node.lhs):
                node = node if self._constant(node.rhs) else node.reversed
            symbol = self._choose(*_RELATIONS[node.rel_op])
            left, right = self.write(node.lhs), self.write(node.rhs)
            return Piece(f"{left.text} {symbol} {right.text}", SUM, left.width + right.width + 1.4)
        if isinstance(node, (sympy.And, sympy.Or)):
            word = "and" if isinstance(node, sympy.And) else "or"
            joint = self._choose(rf" \text{{ {word} }} ", f" {word} ", f" {word} ")
            return Piece(joint.join(self.text(part) for part in node.args), SUM, 20.0)
        if isinstance(node, sympy.core.function.Application):
            return self._function(node)
        if isinstance(node, sympy.polys.rootoftools.ComplexRootOf):
            return self._root(node)
        raise InputError(
            f"there is no notation for {type(node).__name__} in {str(node)[:80]}; symopt writes "
            "sums, products, powers and its own functions of real symbols"
        )

    def _constant(self, expression: Expr) -> bool:
        return not expression.free_symbols or self.roles.only_hyperparameters(expression)

    def _choose(self, *texts: str) -> str:
        return texts[_STYLES.index(self.style)]

    @staticmethod
    def _is_quotient(node: Any) -> bool:
        return (
            isinstance(node, sympy.Pow)
            and not isinstance(node.base, Rational)
            and isinstance(node.exp, Rational)
            and bool(node.exp < 0)
        )

    def _term(self, term: Term) -> tuple[bool, Piece]:
        inner = replace(self, roles=replace(self.roles, target=None)) if self.roles.target else self
        return term.negative, inner._product(term)

    def _product(self, term: Term) -> Piece:
        parts = split(term, self.roles)
        p, q = abs(int(parts.coefficient.p)), int(parts.coefficient.q)
        if p == 0:
            return self.number(sympy.S.Zero)
        constants, letters, brackets = parts.constants, parts.letters, parts.brackets
        state, hyper, below = parts.state, parts.below_hyper, parts.below_state
        factors = (*constants, *letters, *brackets, *state)
        front = self._front(parts.coefficient)
        if not hyper and not below:
            small = q >= 10_000 and str(q).strip("0") == "1"
            if p == 1 and q > 1 and not small and factors and all(map(_is_monomial, factors)):
                return self._row([self._fraction(1, factors, q, ())])
            return self._row([*front, *self._each(factors)])
        if below and len(state) > 1 and self.roles.has_gradient(state[-1]):
            rest = Term(parts.coefficient, tuple(f for f in term.factors if f != state[-1]))
            if not any(map(self.roles.has_gradient, state[:-1])) and len(rest.factors) < len(
                term.factors
            ):
                return self._row([self._product(rest), self.write(state[-1])])
        if below and hyper and brackets:
            correction = self._fraction(1, (*constants, *brackets), 1, hyper)
            step = self._fraction(1, state, 1, below)
            return self._row([*front, *self._each(letters), correction, step])
        if below and hyper:
            rate = self._fraction(p, (*constants, *letters), q, hyper)
            return self._row([rate, self._fraction(1, state, 1, below)])
        if below:
            if not state or not (letters or brackets):
                return self._row([self._fraction(p, factors, q, below)])
            lead = self._each((*constants, *letters, *brackets))
            return self._row([*front, *lead, self._fraction(1, state, 1, below)])
        rates = [factor for factor in letters if is_rate(factor)] if state else []
        others = tuple(factor for factor in factors if factor not in rates)
        return self._row([*self._each(rates), self._fraction(p, others, q, hyper)])

    def _front(self, coefficient: Rational) -> list[Piece]:
        value = abs(coefficient)
        return [] if value == 1 else [self.number(value)]

    def _each(self, factors: Sequence[Expr]) -> list[Piece]:
        return [self.write(factor) for factor in factors]

    def _row(self, pieces: Sequence[Piece]) -> Piece:
        """Juxtapose factors; a dot stands where two numbers or quotients would run together."""
        if not pieces:
            return self.number(sympy.S.One)
        if len(pieces) == 1:
            return pieces[0]
        text, total = "", 0.0
        for index, piece in enumerate(pieces):
            body = self.wrapped(piece, PRODUCT if self.style is not Style.LATEX else POWER)
            if index:
                joint = self._joint(pieces[index - 1], body)
                text += joint
                total += 0.7 if "cdot" in joint else 0.2
            text += body.text
            total += body.width
        return Piece(text, PRODUCT, total, any(piece.tall for piece in pieces), pieces[-1].numeric)

    def _joint(self, before: Piece, after: Piece) -> str:
        if self.style is Style.ASCII:
            return "*"
        dotted = after.text[:1].isdigit() or (before.numeric and after.numeric)
        if self.style is Style.UNICODE:
            quotient = "/" in before.text and before.level == PRODUCT
            return "·" if dotted or quotient else " "
        if dotted and not (before.text.endswith(")") and after.text.startswith("(")):
            return r" \cdot "
        return r"\, " if r"\frac" in before.text[:5] + after.text[:5] else " "

    def _fraction(self, p: int, above: Sequence[Expr], q: int, below: Sequence[Expr]) -> Piece:
        top = self._row([*([self.number(sympy.Integer(p))] if p != 1 else []), *self._each(above)])
        bottom = self._row(
            [*([self.number(sympy.Integer(q))] if q != 1 else []), *self._each(below)]
        )
        if self.style is Style.LATEX:
            size = max(top.width, bottom.width) + 0.3
            return Piece(rf"\frac{{{top.text}}}{{{bottom.text}}}", POWER, size, True)
        top, bottom = self.wrapped(top, PRODUCT), self.wrapped(bottom, POWER)
        slash = "/"
        if self.style is Style.UNICODE and (" " in top.text or " " in bottom.text):
            slash = " / "
        return Piece(f"{top.text}{slash}{bottom.text}", PRODUCT, 0.0)

    def _power(self, node: sympy.Pow) -> Piece:
        base, exponent = node.base, node.exp
        if exponent == sympy.Rational(1, 2):
            return self._sqrt(base)
        above = self._exponent(exponent)
        body = self.write(base)
        numeric = body.numeric
        if self.style is Style.LATEX:
            name = type(base).__name__
            if name in _FUNCTIONS - {"exp", "sign"} and len(base.args) == 1:
                argument = self.write(base.args[0])
                head = _LATEX_FUNCTIONS.get(name, rf"\{name}")
                inside = self.wrapped(replace(argument, level=SUM), ATOM)
                size = 1.6 + above.width * 0.75 + inside.width
                return Piece(f"{head}^{{{above.text}}}{inside.text}", POWER, size, inside.tall)
            body = self.wrapped(body, ATOM)
            if "^" in body.text and isinstance(base, Symbol):
                body = replace(body, text=f"{{({body.text})}}", width=body.width + 0.8)
            script = above.text if len(above.text) == 1 else f"{{{above.text}}}"
            size = body.width + 0.75 * above.width
            return Piece(f"{body.text}^{script}", POWER, size, body.tall, numeric)
        body = self.wrapped(body, ATOM)
        if self.style is Style.UNICODE:
            small = superscript(above.text)
            tail = small if small is not None else f"^{self.wrapped(above, ATOM).text}"
            return Piece(body.text + tail, POWER, 0.0, numeric=numeric)
        return Piece(f"{body.text}**{self.wrapped(above, ATOM).text}", POWER, 0.0)

    def _exponent(self, exponent: Expr) -> Piece:
        if isinstance(exponent, Rational) and self.style is Style.LATEX and exponent.q != 1:
            return Piece(f"{exponent.p}/{exponent.q}", PRODUCT, 1.5)
        return self.write(exponent)

    def _sqrt(self, base: Expr) -> Piece:
        inside = self.write(base)
        if self.style is Style.LATEX:
            return Piece(rf"\sqrt{{{inside.text}}}", ATOM, inside.width + 0.9, inside.tall)
        if self.style is Style.UNICODE:
            return Piece(f"√{self.wrapped(inside, ATOM).text}", POWER, 0.0)
        return Piece(f"sqrt({inside.text})", ATOM, 0.0)

    def _function(self, node: Any) -> Piece:
        inside = [self.write(argument) for argument in self._arguments(node)]
        joined = ", ".join(piece.text for piece in inside)
        size = sum(piece.width for piece in inside) + 0.4 * len(inside)
        tall = any(piece.tall for piece in inside)
        name = type(node).__name__ if not isinstance(node, AppliedUndef) else node.func.__name__
        if self.style is Style.ASCII:
            lower = name.lower() if name in ("Abs", "Max", "Min") else name
            return Piece(f"{lower}({joined})", ATOM, 0.0)
        latex = self.style is Style.LATEX
        opening, closing = (r"\left", r"\right") if tall and latex else ("", "")
        call = f"{opening}({joined}{closing})"
        if isinstance(node, sympy.Abs):
            text = rf"\left\lvert {joined}\right\rvert" if latex else f"|{joined}|"
            return Piece(text, ATOM, size + 0.8, tall)
        if isinstance(node, norm):
            text = rf"\left\lVert {joined}\right\rVert_2" if latex else f"‖{joined}‖₂"
            return Piece(text, ATOM, size + 1.6, tall)
        if isinstance(node, grad):
            return Piece((r"\nabla f" if latex else "∇f") + call, POWER, size + 2.2, tall)
        if isinstance(node, sympy.exp) and latex:
            if not tall and size < 4:
                return Piece(f"e^{{{joined}}}", POWER, 0.6 + 0.75 * size)
            return Piece(r"\exp" + call, POWER, size + 2.6, tall)
        if not latex:
            short = {"Max": "max", "Min": "min", "rms": "RMS", "log": "ln", "amax": "max"}
            return Piece(short.get(name, name) + call, ATOM, 0.0)
        heads = {
            "Max": r"\max", "Min": r"\min", **_LATEX_FUNCTIONS,
            "rms": r"\operatorname{RMS}", "mean": r"\operatorname{mean}",
            "amax": r"\operatorname{max}_i",
        }  # fmt: skip
        head = heads.get(name) or (rf"\{name}" if name in _FUNCTIONS else Label(name).latex)
        return Piece(head + call, POWER, size + 0.55 * max(3, len(name)) + 0.9, tall)

    def _arguments(self, node: Any) -> Sequence[Expr]:
        """History before the new value in ``max`` and ``min``; other arguments as they stand."""
        if not isinstance(node, (sympy.Max, sympy.Min)):
            return node.args  # type: ignore[no-any-return]

        def place(argument: Expr) -> tuple[object, ...]:
            number = not argument.free_symbols
            places = sorted(self.roles.place(symbol) for symbol in argument.free_symbols)
            history = not self.roles.has_gradient(argument)
            return (not number, not history, places, sympy.default_sort_key(argument))

        return sorted(node.args, key=place)

    def _cases(self, node: sympy.Piecewise) -> Piece:
        if self.style is Style.ASCII:
            return Piece(self._nested(list(node.args)), ATOM, 0.0)
        lines, size = [], 0.0
        for value, condition in node.args:
            body = self.write(value)
            if condition == sympy.true:
                lines.append((body.text, "otherwise"))
                size = max(size, body.width + 5)
            else:
                test = self.write(condition)
                lines.append((body.text, test.text))
                size = max(size, body.width + test.width + 3)
        if self.style is Style.UNICODE:
            rows = [
                f"{value} {test}" if test == "otherwise" else f"{value} if {test}"
                for value, test in lines
            ]
            return Piece("{" + "; ".join(rows) + "}", ATOM, 0.0)
        rows = [
            rf"{value} & \text{{otherwise}}"
            if test == "otherwise"
            else rf"{value} & \text{{if }} {test}"
            for value, test in lines
        ]
        return Piece(
            r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}", POWER, size + 1.5, True
        )

    def _nested(self, branches: list[Any]) -> str:
        value, condition = branches[0]
        if condition == sympy.true:
            return self.text(value)
        if len(branches) == 1:
            raise InputError(f"a case without a last 'otherwise' has no notation: {value}")
        return f"where({self.text(condition)}, {self.text(value)}, {self._nested(branches[1:])})"

    def _root(self, node: Any) -> Piece:
        """A root of a polynomial, named by the polynomial and the root's number from below."""
        polynomial = self.write(node.expr)
        number = int(node.index) + 1
        head = self._choose(rf"\operatorname{{root}}_{{{number}}}", f"root{number}", "CRootOf")
        inside = f"({polynomial.text}{f', {number - 1}' if self.style is Style.ASCII else ''})"
        return Piece(head + inside, POWER, polynomial.width + 4)


def _is_monomial(factor: Expr) -> bool:
    base = factor.base if isinstance(factor, sympy.Pow) else factor
    return isinstance(base, Symbol)


def expression_latex(
    expression: Expr, *, roles: Roles = STANDARD, labels: Mapping[Symbol, Label] | None = None
) -> str:
    """An expression as LaTeX mathematics, in the order in which a paper writes it.

    ``roles`` say which symbols are hyperparameters and which are gradients (by default told by
    their standard names); ``labels`` give symbols another name or a time index.

    Raises :class:`~symopt.errors.InputError` for what has no notation.

    >>> from symopt.statement.symbols import epsilon, eta, m_hat, sqrt, v_hat, x
    >>> print(expression_latex(x - eta*m_hat/(sqrt(v_hat) + epsilon)))
    x - \\eta\\, \\frac{\\hat m}{\\sqrt{\\hat v} + \\epsilon}
    """
    return Writer(Style.LATEX, roles, labels).text(expression)


def plain(
    expression: Expr,
    *,
    roles: Roles = STANDARD,
    labels: Mapping[Symbol, Label] | None = None,
    ascii: bool = False,
) -> str:
    """An expression as text for a terminal, in the same order as in LaTeX.

    With ``ascii`` it is a text of symopt's own language, which the parser reads back to the same
    expression (cases, roots of polynomials and the rules' reductions have no words there).

    >>> from symopt.statement.symbols import beta1, g, m
    >>> plain(beta1*m + (1 - beta1)*g)
    'β₁ m + (1 - β₁) g'
    >>> plain(beta1*m + (1 - beta1)*g, ascii=True)
    'beta1*m + (1 - beta1)*g'
    """
    return Writer(Style.ASCII if ascii else Style.UNICODE, roles, labels).text(expression)


def width(expression: Expr, *, roles: Roles = STANDARD) -> float:
    """An upper estimate, in em, of the width of an expression set in one line."""
    return math.ceil(10 * Writer(Style.LATEX, roles).write(expression).width) / 10
