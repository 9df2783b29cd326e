"""Exact numbers of the arithmetics as values of results: fractions and balls in arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["as_balls", "object_array", "to_fraction"]


def to_fraction(value: Any) -> Fraction:
    """An ``fmpq`` (already in lowest terms) or integer as a ``Fraction``."""
    if isinstance(value, int):
        return Fraction(value)
    top, bottom = int(value.p), int(value.q)
    # The gcd of huge numbers is not computed again; Python 3.12 renamed the way to say so.
    make: Any = Fraction
    if hasattr(make, "_from_coprime_ints"):
        made: Fraction = make._from_coprime_ints(top, bottom)
    else:
        made = make(top, bottom, _normalize=False)
    return made


def object_array(values: list[Any]) -> Any:
    """A one-dimensional object array of these values."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def as_balls(values: list[Any]) -> Any:
    """An object array in which every value is a ball."""
    from flint import arb

    return object_array([value if isinstance(value, arb) else arb(value) for value in values])
