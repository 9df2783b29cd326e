"""The values that a sweep tries, given as a list, or as a range that is exact too."""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.statement.numbers import exact

__all__ = ["label", "listed", "spaced"]

#: More values than this along one axis are a slip of the pen.
_MOST = 100_000
_RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+):(?P<count>\d{1,9})(?P<log>:log)?")


def spaced(low: Any, high: Any, count: int, *, log: bool = False) -> tuple[Fraction, ...]:
    """Exact numbers from ``low`` to ``high``, both included, evenly spaced.

    With ``log`` the quotients of neighbors are even, as nearly as short decimals allow: each value
    is rounded to the fewest digits (two at least) that keep it within a twentieth of a step.

    >>> [str(value) for value in spaced("1/10", 1, 4)]
    ['1/10', '2/5', '7/10', '1']
    >>> [float(value) for value in spaced("1/1000", 1, 7, log=True)]
    [0.001, 0.0032, 0.01, 0.032, 0.1, 0.32, 1.0]

    Raises :class:`~symopt.errors.InputError` for fewer than two values and an empty interval.
    """
    first, last = exact(low, "low"), exact(high, "high")
    if isinstance(count, bool) or not isinstance(count, int) or not 2 <= count <= _MOST:
        raise InputError(f"count is a number of values from 2 to {_MOST}, not {count!r}")
    if not first < last:
        raise InputError(f"{low} to {high} is an empty interval; give the smaller end first")
    if not log:
        return tuple(first + (last - first) * i / (count - 1) for i in range(count))
    if first <= 0:
        raise InputError(f"{low} to {high}: even quotients need ends above zero")
    with decimal.localcontext() as context:
        context.prec = 50
        begin = Decimal(first.numerator) / Decimal(first.denominator)
        step = (Decimal(last.numerator) / Decimal(last.denominator) / begin).ln() / (count - 1)
        inner = [begin * (step * i).exp() for i in range(1, count - 1)]
        near = min(step / 20, Decimal("0.05"))
        return (first, *(_short(value, near) for value in inner), last)


def _short(value: Decimal, near: Decimal) -> Fraction:
    """The shortest decimal of two digits or more within a relative distance."""
    for digits in range(2, 40):
        rounded = Decimal(f"{value:.{digits - 1}e}")
        if abs(rounded / value - 1) <= near:
            break
    return Fraction(rounded)


def listed(given: Any, what: str) -> tuple[Any, ...] | None:
    """The values of one axis, as they were given; ``None`` for a single number.

    Text may be a range: ``"1/100..1/10:10"`` is evenly spaced, ``"1e-4..1:9:log"`` in quotients.

    >>> listed("1/4..1:4", "eta")
    (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1, 1))
    >>> listed("1/4", "eta") is None
    True

    Raises :class:`~symopt.errors.InputError` for a range that is none, and an empty list.
    """
    if isinstance(given, str):
        if ".." not in given:
            return None
        found = _RANGE.fullmatch(given.strip())
        if not found:
            raise InputError(
                f"{what}: {given!r} is not a range; write low..high:count, such as "
                "1/100..1/10:10, or 1e-4..1:9:log"
            )
        try:
            return spaced(
                found["low"].strip(), found["high"].strip(), int(found["count"]),
                log=bool(found["log"]),
            )  # fmt: skip
        except InputError as error:
            raise InputError(f"{what}: {given!r}: {error}") from None
    if isinstance(given, np.ndarray) and given.ndim != 1:
        raise InputError(f"{what}: values of an axis are a list, not an array of {given.shape}")
    if isinstance(given, (set, frozenset, dict)):
        raise InputError(f"{what}: {type(given).__name__} has no order; give a list of values")
    if not isinstance(given, Iterable):
        return None
    values = tuple(given)
    if not values:
        raise InputError(f"{what}: an empty list leaves nothing to run")
    if len(values) > _MOST:
        raise InputError(f"{what}: {len(values)} values; at most {_MOST} along one axis")
    return values


def label(value: Any) -> float | str:
    """What stands for a value on an axis: the nearest float, or a schedule as text."""
    if getattr(value, "is_Rational", False):
        value = exact(value)
    return numbers.nearest(value) if isinstance(value, Fraction) else str(value)
