"""Sliders for hyperparameters: a scale on which moving the thumb makes sense, from the domain."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from symopt.execution.arithmetic import nearest
from symopt.statement.numbers import rational
from symopt.statement.rule import Hyperparameter

__all__ = ["decimal_text", "domain", "scale"]

#: A learning rate is worth trying between these, whatever its default.
_LEARNING_RATES = (-5, 1)
#: Decades below and above the default of any other positive hyperparameter.
_DECADES = 4


def decimal_text(value: Fraction) -> str:
    """The shortest decimal that reads back as the nearest binary64 number.

    >>> decimal_text(Fraction(3, 2)), decimal_text(Fraction(2)), decimal_text(Fraction(1, 10**8))
    ('1.5', '2', '1e-8')
    """
    text = repr(nearest(value)).removesuffix(".0")
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text


def scale(entry: Hyperparameter) -> dict[str, Any]:
    """How a slider maps to values: ``kind`` with its ends.

    ``"log"`` runs over powers of ten (``zero``: its left end is 0), ``"decay"`` over 1 - 10**-s,
    which spaces 0.9, 0.99 and 0.999 evenly (``signed``: to both sides of 0), ``"linear"`` evenly.

    >>> import symopt
    >>> scale(symopt.rules.adam.parameter("beta1"))
    {'kind': 'decay', 'low': 0, 'high': 4, 'signed': False}
    >>> scale(symopt.rules.adam.parameter("eta"))
    {'kind': 'log', 'low': -5, 'high': 1, 'zero': True}
    """
    low, high = entry.domain.inf, entry.domain.sup
    default = float(entry.default)
    if high == 1 and low in (0, -1) and entry.domain.right_open:
        return {"kind": "decay", "low": 0, "high": 4, "signed": False}
    if (low, high) == (-1, 1):
        return {"kind": "decay", "low": 0, "high": 3, "signed": True}
    if low == 0 and high == sympy.oo:
        ends = _LEARNING_RATES if entry.name == "eta" else (-6, 1)
        if default > 0:
            decade = round(float(sympy.log(entry.default, 10)))
            near = (decade - _DECADES, decade + _DECADES)
            ends = (min(ends[0], decade - 1), max(ends[1], decade + 1)) if (
                entry.name == "eta"
            ) else near  # fmt: skip
        return {"kind": "log", "low": ends[0], "high": ends[1], "zero": 0 in entry.domain}
    reach = 2 * max(1.0, abs(default))
    lowest = float(low) if low.is_finite else -reach
    highest = float(high) if high.is_finite else max(reach, lowest + reach)
    return {"kind": "linear", "low": lowest, "high": highest}


def domain(entry: Hyperparameter) -> dict[str, Any]:
    """The domain as the page checks it: ends (``None`` if infinite) and whether they belong.

    >>> import symopt
    >>> domain(symopt.rules.adam.parameter("beta1"))
    {'low': 0.0, 'high': 1.0, 'low_open': False, 'high_open': True, 'text': '[0, 1)'}
    """
    low, high = entry.domain.inf, entry.domain.sup
    low_open, high_open = (bool(side) for side in (entry.domain.left_open, entry.domain.right_open))
    ends = [
        decimal_text(Fraction(rational(end))) if end.is_finite else ("∞" if end > 0 else "-∞")
        for end in (low, high)
    ]
    return {
        "low": float(low) if low.is_finite else None,
        "high": float(high) if high.is_finite else None,
        "low_open": low_open,
        "high_open": high_open,
        "text": f"{'(' if low_open else '['}{', '.join(ends)}{')' if high_open else ']'}",
    }
