"""Exact numbers at the border: what a user's 0.9 means.

In a *statement* a decimal means the decimal: ``"0.9"``, ``0.9`` and ``Decimal("0.9")`` are 9/10.
Code that *receives* a binary64 number receives its exact value: ``received(0.9)`` is
8106479329266893/9007199254740992. Floats never enter a proof.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import sympy

from symopt.errors import InputError

__all__ = ["Number", "exact", "rational", "received"]

#: What is taken for a number everywhere: text such as ``"1/10"`` or ``"1e-8"``, integers,
#: fractions, decimals, floats and SymPy rationals.
Number: TypeAlias = str | int | float | Fraction | Decimal | sympy.Rational

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?")
_RATIO = re.compile(r"([+-]?)(\d+)\s*/\s*(\d+)")
_MAX_TEXT = 100_000


def _from_text(text: str, what: str) -> Fraction:
    stripped = text.strip()
    if len(stripped) > _MAX_TEXT:
        raise InputError(f"{what}: a number of {len(stripped)} characters is too long")
    ratio = _RATIO.fullmatch(stripped)
    if ratio:
        top, bottom = _integer(ratio[2]), _integer(ratio[3])
        if bottom == 0:
            raise InputError(f"{what}: {text!r} divides by zero")
        return Fraction(-top if ratio[1] == "-" else top, bottom)
    decimal = _DECIMAL.fullmatch(stripped)
    if decimal:
        whole, _, digits = decimal[1].partition(".")
        power = int(decimal[3][1:] if decimal[3] else 0) - len(digits)
        value = Fraction(_integer(whole + digits)) * Fraction(10) ** power
        return -value if stripped[0] == "-" else value
    raise InputError(
        f"{what}: {text!r} is not a number; write an integer, a decimal such as '1e-3' or '0.9', "
        "or a fraction such as '1/10'"
    )


def _integer(digits: str) -> int:
    """A whole number of any length: Python refuses to read more than 4300 digits at once."""
    value = 0
    for start in range(0, len(digits), 4000):
        part = digits[start : start + 4000]
        value = value * 10 ** len(part) + int(part)
    return value


def _convert(value: Any, what: str, *, shortest: bool) -> Fraction:
    if isinstance(value, bool):
        raise InputError(f"{what}: {value!r} is not a number")
    if isinstance(value, str):
        return _from_text(value, what)
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, sympy.Basic):
        if isinstance(value, sympy.Rational):
            return Fraction(int(value.p), int(value.q))
        if isinstance(value, sympy.Float):
            return _convert(float(value), what, shortest=shortest)
        raise InputError(f"{what}: {value} is not a rational number")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise InputError(f"{what}: {value} is not a finite number")
        return Fraction(value)
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        item = value.item()  # a NumPy scalar: its shortest decimal is that of its own type
        if hasattr(item, "as_integer_ratio") and not isinstance(item, (int, float)):
            _finite(item, what)  # an extended float stays one
            return Fraction(str(item)) if shortest else Fraction(*item.as_integer_ratio())
        if not isinstance(item, float):
            return _convert(item, what, shortest=shortest)
        _finite(item, what)
        return Fraction(str(value)) if shortest else Fraction(item)
    if isinstance(value, float):
        _finite(value, what)
        return Fraction(repr(value)) if shortest else Fraction(value)
    try:
        return Fraction(int(value.numerator), int(value.denominator))
    except (AttributeError, TypeError, ValueError):
        pass
    try:  # python-flint's fmpq
        return Fraction(int(value.p), int(value.q))
    except (AttributeError, TypeError, ValueError):
        raise InputError(f"{what}: {value!r} is not a number") from None


def _finite(value: float, what: str) -> None:
    if not abs(value) < math.inf:
        raise InputError(f"{what}: {value} is not a finite number")


def exact(value: Number, what: str = "number") -> Fraction:
    """The rational that a number *means in a statement*: decimals are taken as written.

    >>> exact(0.9), exact("1e-3"), exact("1/3")
    (Fraction(9, 10), Fraction(1, 1000), Fraction(1, 3))

    Raises :class:`~symopt.errors.InputError` for nan, infinities and text that is no number.
    """
    return _convert(value, what, shortest=True)


def received(value: Number, what: str = "number") -> Fraction:
    """The rational that code *receives*: a float is its exact binary64 value.

    >>> received(0.5), received("0.1")
    (Fraction(1, 2), Fraction(1, 10))
    >>> received(0.1) == Fraction(1, 10)
    False
    """
    return _convert(value, what, shortest=False)


def rational(value: Fraction) -> sympy.Rational:
    """The same number as a SymPy rational.

    >>> rational(Fraction(9, 10))
    9/10
    """
    return sympy.Rational(value.numerator, value.denominator)
