"""Exact numbers as decimals: rounded correctly, or not at all."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from symopt.errors import BudgetError, UndecidedError

__all__ = ["bounds", "decimal", "within"]

#: Largest binary exponent that is written out as an integer.
_LARGEST_EXPONENT = 1_000_000


def bounds(value: Any) -> tuple[Fraction, Fraction]:
    """The least and the largest real number that an exact value or a ball may be.

    ``value`` is anything rational, a float (taken exactly), or a python-flint ``arb``.

    >>> bounds(Fraction(1, 3))
    (Fraction(1, 3), Fraction(1, 3))

    Raises :class:`~symopt.errors.UndecidedError` for a ball that is not finite, and
    :class:`~symopt.errors.BudgetError` for one whose exponent is too large to write out.
    """
    if not hasattr(value, "mid"):
        number = Fraction(value)
        return number, number
    if not value.is_finite():
        raise UndecidedError("a ball that is not finite has no bounds; take fewer steps")
    middle, radius = _dyadic(value.mid()), _dyadic(value.rad())
    return middle - radius, middle + radius


def _dyadic(value: Any) -> Fraction:
    mantissa, exponent = (int(part) for part in value.man_exp())
    if abs(exponent) > _LARGEST_EXPONENT:
        raise BudgetError(f"a number near 2^{exponent} is too long to write; take fewer steps")
    return Fraction(mantissa) * Fraction(2) ** exponent


def decimal(value: Any, digits: int = 25) -> str:
    """The value rounded correctly to that many significant digits.

    Fewer digits come out when a ball is too wide to fix all of them; a ball that fixes none
    gives its interval.

    >>> decimal(Fraction(2, 3), 5), decimal(Fraction(9, 10), 5), decimal(Fraction(10) ** 9, 3)
    ('0.66667', '0.90000', '1.00E+9')
    """
    low, high = bounds(value)
    for count in range(digits, 0, -1):
        rounded = [_round(end, count) for end in (low, high)]
        if rounded[0] == rounded[1]:
            return _write(rounded[0], count)
    return f"[{_write(_round(low, 3), 3)}, {_write(_round(high, 3), 3)}]"


def _round(value: Fraction, digits: int) -> Decimal:
    # Division in a decimal context is correctly rounded for operands of any length.
    return Context(prec=digits).divide(Decimal(value.numerator), Decimal(value.denominator))


def _write(number: Decimal, digits: int) -> str:
    if number == 0:
        return "0"
    unit = number.adjusted() - digits + 1
    padded = number.quantize(Decimal(1).scaleb(unit), context=Context(prec=digits))
    return f"{padded:f}" if unit <= 0 and number.adjusted() >= -6 else f"{padded:E}"


def within(value: Any, target: Fraction, distance: Fraction) -> bool:
    """Whether the value is certainly within that distance of the target.

    >>> within(Fraction(1, 3), Fraction("0.33"), Fraction("0.005"))
    True

    Raises :class:`~symopt.errors.UndecidedError` when a ball reaches to both sides of the limit.
    """
    low, high = bounds(value)
    if target - distance <= low and high <= target + distance:
        return True
    if high < target - distance or low > target + distance:
        return False
    raise UndecidedError("the ball is too wide to compare with the printed digits")
