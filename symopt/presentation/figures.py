"""Numbers in print: fractions while they are short, else digits that are all correct."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sympy

from symopt.errors import BudgetError
from symopt.presentation.document import Math
from symopt.presentation.names import Style, superscript
from symopt.presentation.notation import ATOM, PRODUCT, SUM, Piece, Writer
from symopt.verification.digits import bounds, decimal

__all__ = ["Figure", "figure"]

#: Fractions with more digits than this, above and below the line together, are shown as decimals.
SHORT = 14


@dataclass(frozen=True)
class Figure:
    """A number as it is printed.

    ``exact`` tells whether what is printed is the number itself; ``digits`` is the length of the
    exact fraction where only decimals are printed (0 if there is none).
    """

    latex: Piece
    text: Piece
    exact: bool
    digits: tuple[int, int] = (0, 0)

    def piece(self, style: Style) -> Piece:
        return self.latex if style is Style.LATEX else self.text

    @property
    def math(self) -> Math:
        return Math(self.latex.text, self.text.text, self.latex.width)

    @property
    def relation(self) -> str:
        return "=" if self.exact else r"\approx"


def figure(value: Any, digits: int = 10, *, short: int = SHORT, telling: bool = True) -> Figure:
    """How a fraction, a float or a ball is printed, with that many significant digits.

    With ``telling`` more digits are printed where the number is very near to a short one, so that
    0.99900000000029 is not printed as 0.99900000.

    >>> figure(Fraction(3, 2)).text.text, figure(Fraction(1, 10**10)).text.text
    ('3/2', '10⁻¹⁰')
    >>> figure(Fraction(10**30, 3**50), 6).text.text
    '1.39296·10⁶'
    """
    if hasattr(value, "is_exact") and value.is_exact() and value.is_finite():
        value = bounds(value)[0]
    if isinstance(value, (int, Fraction)):
        number = Fraction(value)
        above, below = _length(number.numerator), _length(number.denominator)
        total = above + (below if number.denominator != 1 else 0)
        finite = _finite(number) if short // 2 < total < 40 else ""
        if finite:
            return Figure(*_decimal(finite), exact=True)
        if total <= short or _is_ten(number, short):
            rational = sympy.Rational(number.numerator, number.denominator)
            latex, text = (Writer(style).write(rational) for style in (Style.LATEX, Style.UNICODE))
            return Figure(_numeric(latex), _numeric(text), exact=True)
        return Figure(
            *_decimal(_digits(number, digits, telling)), exact=False, digits=(above, below)
        )
    return Figure(*_decimal(_digits(value, digits, telling)), exact=False)


def _digits(value: Any, digits: int, telling: bool) -> str:
    """Digits; up to four times as many where that tells the number from a shorter one."""
    try:
        first = decimal(value, digits)
    except BudgetError:  # an exponent of more than five digits: flint writes it
        return str(value.str(digits, radius=False)).upper()
    text = first
    for count in range(digits + 2, 4 * digits, 2):
        if not telling or not text.partition("E")[0].endswith("0000"):
            return text
        text = decimal(value, count)
    return first


def _finite(number: Fraction) -> str:
    """The decimal expansion where it ends within a few digits, else nothing."""
    below = number.denominator
    for prime in (2, 5):
        while below % prime == 0 and number.denominator.bit_length() < 64:
            below //= prime
    power_of_ten = str(number.denominator).rstrip("0") == "1" and abs(number.numerator) == 1
    if below != 1 or power_of_ten:
        return ""
    text = f"{Decimal(number.numerator) / Decimal(number.denominator):f}"
    digits = text.lstrip("-0.").replace(".", "")
    return text if len(digits) <= 9 and len(text) <= 12 else ""


def _numeric(piece: Piece) -> Piece:
    return Piece(piece.text, piece.level, piece.width, piece.tall, numeric=True)


def _length(number: int) -> int:
    """The number of decimal digits, without writing a long number out."""
    bits = abs(number).bit_length()
    return len(str(abs(number))) if bits < 200 else int(bits * 0.30103) + 1


def _is_ten(number: Fraction, short: int) -> bool:
    """Whether it is a short number over a power of ten, which is written as one."""
    below = number.denominator
    return (
        below.bit_length() < 400
        and str(below).strip("0") == "1"
        and _length(number.numerator) <= short // 2
    )


def _decimal(text: str) -> tuple[Piece, Piece]:
    """Digits, with a power of ten where there is an exponent."""
    if text.startswith("["):
        return Piece(text, ATOM, 0.5 * len(text)), Piece(text, ATOM, 0.0)
    negative = text.startswith("-")
    mantissa, _, exponent = text.lstrip("-").partition("E")
    sign = "-" if negative else ""
    level = SUM if negative else ATOM
    size = 0.5 * len(mantissa) + (0.8 if negative else 0.0)
    if not exponent:
        return (
            Piece(sign + mantissa, level, size, numeric=True),
            Piece(sign + mantissa, level, 0.0, numeric=True),
        )
    power = str(int(exponent))
    small = superscript(power) or f"^{power}"
    level = SUM if negative else PRODUCT
    return (
        Piece(
            rf"{sign}{mantissa} \cdot 10^{{{power}}}",
            level,
            size + 1.9 + 0.4 * len(power),
            numeric=True,
        ),
        Piece(f"{sign}{mantissa}·10{small}", level, 0.0, numeric=True),
    )
