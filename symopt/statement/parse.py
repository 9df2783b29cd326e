"""Text to SymPy: a whitelisting parser for the small language in which users write objectives.

Nothing in the text is ever executed. The parser keeps its own stack, so nesting costs no recursion,
and every operation is bounded before SymPy is asked (:mod:`symopt.statement.bounded`).

::

    sum     := ["-"] product (("+" | "-") product)*
    product := power (("*" | "/") power)*
    power   := ("+" | "-")* atom superscript* ["**" power]
    atom    := number | name | function "(" sum ("," sum)* ")" | "(" sum ")"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import Expr, S, Symbol

from symopt.errors import InputError, ParseError, did_you_mean
from symopt.statement.bounded import ARITIES, BoundedArithmetic
from symopt.statement.numbers import exact, rational
from symopt.statement.tokens import MAX_LENGTH, Token, complaint, stray, tokens

__all__ = ["parse_expression"]

MAX_DIGITS = 1000  # of one number as written, and the largest power of ten
MAX_NESTING = 200
MAX_SIGNS = 3  # in a row

_CONSTANTS: dict[str, Expr] = {"pi": S.Pi, "π": S.Pi, "e": S.Exp1}
_INSTEAD = {
    "pow": "write x**2 for a power",
    "arctan": "write atan(...)",
    "log10": "write log(...)/log(10)",
    "log2": "write log(...)/log(2)",
    "fabs": "write abs(...)",
    "sgn": "write sign(...)",
    "sigmoid": "write 1/(1 + exp(-x))",
}


def parse_expression(text: str, symbols: Mapping[str, Symbol]) -> Expr:
    """The SymPy expression that a text states.

    Numbers are exact: a decimal is the rational it is written as. ``^`` is a power, as is ``**``;
    ``pi`` and ``e`` are constants unless they are among the symbols. The functions are sqrt, exp,
    log (or ln), sin, cos, tan, atan, sinh, cosh, tanh, abs, sign, and max and min of two or more.

    >>> from sympy import symbols
    >>> x, y = symbols("x y", real=True)
    >>> parse_expression("(1.5 - x + x·y)² / 2 - max(x, 0)", {"x": x, "y": y})
    (x*y - x + 3/2)**2/2 - Max(0, x)
    >>> parse_expression("2x + 1", {"x": x})
    Traceback (most recent call last):
      ...
    symopt.errors.ParseError: cannot read the expression, column 2: an operator is missing; for
    a product write 2*x
        2x + 1
         ^

    Raises
    ------
    ParseError
        The text is not of the language, or states something without a finite real value, or a
        number, power or nesting that is too large; the message points at the place.
    InputError
        ``text`` is not a string.
    """
    if not isinstance(text, str):
        raise InputError(f"an expression is text such as 'x**2 + y**2', not {type(text).__name__}")
    if len(text) > MAX_LENGTH:
        raise ParseError(
            f"an expression of {len(text)} characters is too long (at most {MAX_LENGTH}); "
            f"build it as a SymPy expression instead. It starts {text[:30]!r}"
        )
    return _Parser(text, symbols).expression()


@dataclass
class _Operand:
    """A value with its sign and the ``**`` before it."""

    value: Expr
    negative: bool
    raised: Token | None


@dataclass
class _Level:
    """What is open between two parentheses, or in the whole text."""

    opener: Token
    function: str = ""
    arguments: list[Expr] = field(default_factory=list)
    terms: list[Expr] = field(default_factory=list)
    plus: Token | None = None
    factors: list[Expr] = field(default_factory=list)
    times: Token | None = None
    chain: list[_Operand] = field(default_factory=list)  # a ** b ** c, folded from the right
    raised: Token | None = None
    negative: bool = False

    def take(self, value: Expr) -> None:
        self.chain.append(_Operand(value, self.negative, self.raised))
        self.negative, self.raised = False, None


class _Parser:
    """An operand and what follows it, in turns; open parentheses are levels on a stack."""

    def __init__(self, text: str, symbols: Mapping[str, Symbol]) -> None:
        self.text = text
        self.symbols = symbols
        self.bounded = BoundedArithmetic()
        self.words = tokens(text)
        self.before = Token("start", "", 0, 1)
        self.next = next(self.words)
        self.levels = [_Level(self.before)]

    def expression(self) -> Expr:
        if self.next.kind == "end":
            raise self._error(self.next, "the text is empty; write an expression such as x**2")
        while True:
            self._operand()
            found = self._operators()
            if found is not None:
                return found

    def _advance(self) -> Token:
        self.before = self.next
        self.next = next(self.words, self.next)
        return self.before

    def _error(self, token: Token, message: str) -> ParseError:
        return complaint(self.text, token.position, token.length, message)

    def _at(self, token: Token, operation: Callable[..., Expr], *arguments: Any) -> Expr:
        """The result of a bounded operation, whose refusal is shown at this token."""
        try:
            return operation(*arguments)
        except ParseError as refusal:
            raise self._error(token, str(refusal)) from None
        except RecursionError:
            message = "this is nested too deeply for the stack; write it with fewer levels"
            raise self._error(token, message) from None

    def _operand(self) -> None:
        """Signs, opening parentheses and functions, up to and with a number or a name."""
        signs = 0
        while True:
            before, token = self.before, self._advance()
            level = self.levels[-1]
            if token.kind in ("+", "-"):
                signs += 1
                if signs > MAX_SIGNS:
                    raise self._error(token, f"more than {MAX_SIGNS} signs in a row; write one")
                level.negative ^= token.kind == "-"
                continue
            signs = 0
            if token.kind == "number":
                return level.take(self._number(token))
            if token.kind == "name":
                known = self.symbols.get(token.text, _CONSTANTS.get(token.text))
                if self.next.kind == "(" and token.text not in self.symbols:
                    function = self._function(token, known)
                    self._open(self._advance(), function)
                elif known is not None:
                    return level.take(known)
                else:
                    raise self._unknown(token)
            elif token.kind == "(":
                self._open(token)
            else:
                raise self._missing(before, token)

    def _open(self, opener: Token, function: str = "") -> None:
        if len(self.levels) > MAX_NESTING:
            raise self._error(
                opener, f"parentheses are nested more than {MAX_NESTING} deep; use fewer"
            )
        self.levels.append(_Level(opener, function))

    def _operators(self) -> Expr | None:
        """What follows an operand, up to the next operand (``None``) or the end (the result)."""
        while True:
            level, token = self.levels[-1], self.next
            if token.kind == "superscript":
                last, exponent = level.chain[-1], self._number(token)
                last.value = self._at(token, self.bounded.power, last.value, exponent)
            elif token.kind == "**":
                level.raised = token
            elif token.kind in ("*", "/"):
                self._close_factor(level)
                level.times = token
            elif token.kind in ("+", "-"):
                self._close_term(level)
                level.plus, level.negative = token, token.kind == "-"
            elif token.kind == ",":
                if not level.function:
                    raise self._error(
                        token, "a comma stands only between the arguments of max(...) and min(...)"
                    )
                self._close_argument(level)
            elif token.kind == ")":
                if len(self.levels) == 1:
                    raise self._error(token, "this parenthesis was never opened; remove it")
                self.levels.pop()
                self.levels[-1].take(self._close_level(level))
            elif token.kind == "end":
                if len(self.levels) > 1:
                    raise self._error(level.opener, "this parenthesis is never closed; add )")
                return self._close_level(level)
            else:
                raise self._juxtaposed(token)
            self._advance()
            if token.kind not in ("superscript", ")"):
                return None

    def _close_factor(self, level: _Level) -> None:
        power = level.chain.pop()
        while level.chain:
            assert power.raised is not None
            exponent = -power.value if power.negative else power.value
            base = level.chain.pop()
            base.value = self._at(power.raised, self.bounded.power, base.value, exponent)
            power = base
        if power.negative:
            level.factors.append(S.NegativeOne)
        if level.times is not None and level.times.kind == "/":
            power.value = self._at(level.times, self.bounded.inverse, power.value)
        level.factors.append(power.value)

    def _close_term(self, level: _Level) -> None:
        self._close_factor(level)
        where = level.times or level.opener
        level.terms.append(self._at(where, self.bounded.multiply, level.factors))
        level.factors, level.times = [], None

    def _close_argument(self, level: _Level) -> None:
        self._close_term(level)
        where = level.plus or level.opener
        level.arguments.append(self._at(where, self.bounded.add, level.terms))
        level.terms, level.plus = [], None

    def _close_level(self, level: _Level) -> Expr:
        self._close_argument(level)
        if not level.function:
            return level.arguments[0]
        least, most = ARITIES[level.function]
        given = len(level.arguments)
        if not least <= given <= most:
            wanted = "1 argument" if most == 1 else f"{least} to {most} arguments"
            raise self._error(level.opener, f"{level.function} takes {wanted}, not {given}")
        return self._at(level.opener, self.bounded.apply, level.function, level.arguments)

    def _number(self, token: Token) -> Expr:
        mantissa, _, exponent = token.text.lower().partition("e")
        if len(mantissa) > MAX_DIGITS:
            raise self._error(
                token, f"a number of {len(mantissa)} digits is too long (at most {MAX_DIGITS})"
                "; round it",
            )  # fmt: skip
        size = exponent.lstrip("+-").lstrip("0")
        if len(size) > len(str(MAX_DIGITS)) or int(size or 0) > MAX_DIGITS:
            raise self._error(
                token, f"the power of ten is too large (at most {MAX_DIGITS}); rescale the number"
            )
        return rational(exact(token.text))

    def _function(self, token: Token, known: Expr | None) -> str:
        if token.text in ARITIES:
            return token.text
        if known is not None:
            raise self._error(
                token, f"{token.text} is a number, not a function; for a product write "
                f"{token.text}*(...)",
            )  # fmt: skip
        advice = _INSTEAD.get(token.text)
        near = f" {advice[0].upper()}{advice[1:]}." if advice else did_you_mean(token.text, ARITIES)
        raise self._error(
            token,
            f"{_quoted(token.text)} is not a function of the language.{near} "
            f"Functions: {', '.join(name for name in ARITIES if name.islower())}",
        )

    def _unknown(self, token: Token) -> ParseError:
        if token.text in ARITIES:
            return self._error(
                token, f"the argument of {token.text} stands in parentheses: {token.text}(...)"
            )
        names = sorted(self.symbols)
        listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        return self._error(
            token,
            f"{_quoted(token.text)} is not a known name."
            f"{did_you_mean(token.text[:40], names)} "
            f"Known names: {listed or 'none'}; and the constants pi and e",
        )

    def _missing(self, before: Token, token: Token) -> ParseError:
        if token.kind == "stray":
            return self._error(token, stray(token.text))
        if before.kind in ("(", ",") and token.kind == ")":
            return self._error(token, "an expression is missing before this parenthesis")
        if before.kind in ("start", "(", ","):
            return self._error(token, f"an expression cannot start with {_spelled(token)}")
        return self._error(
            before,
            f"a number, a name or ( must follow {_spelled(before)}, not {_spelled(token)}; "
            f"complete or remove it",
        )

    def _juxtaposed(self, token: Token) -> ParseError:
        before = self.before
        if token.kind == "stray":
            return self._error(token, stray(token.text))
        if before.kind == "name" and before.text in self.symbols and token.kind == "(":
            message = f"{before.text} is a variable, not a function; for a product write "
        else:
            message = "an operator is missing; for a product write "
        left = before.text if before.kind in ("name", "number") else "(...)"
        right = token.text if token.kind in ("name", "number") else "(...)"
        return self._error(token, f"{message}{left[:20]}*{right[:20]}")


def _spelled(token: Token) -> str:
    return {"end": "the end of the text"}.get(token.kind, f"'{token.text[:20]}'")


def _quoted(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:37] + "...")
