"""The numbers behind rounding bounds of arrays: a format's limits, and linear forms of terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.verification.rounding import Format

__all__ = ["ULPS", "Limits", "Linear", "Sheet", "widened"]

Floats = np.ndarray[Any, Any]

#: How far exp, log, tanh and log1p of a library may be from the exact value, in ulp.
ULPS = 4
#: Above all that the rounding of one bound comes to: sums of up to 2**21 nonnegative terms.
_WIDER = 1 + 2.0**-31


def widened(bound: Any) -> Floats:
    """A bound computed in float64 from nonnegative numbers, made one that holds exactly."""
    return np.asarray(bound * _WIDER)


@dataclass(frozen=True)
class Limits:
    """What a format's rounding amounts to."""

    form: Format

    @property
    def unit(self) -> float:
        """The relative error of one rounding: half an ulp of 1."""
        return float(2.0**-self.form.precision)

    @property
    def tiny(self) -> float:
        """The least normal number: what a flush to zero can lose."""
        return float(2.0**self.form.least)

    @property
    def largest(self) -> float:
        """Where the format ends."""
        return float(np.ldexp(2.0 - 2.0 ** (1 - self.form.precision), self.form.largest))

    @property
    def function(self) -> float:
        """The relative error of a library's function; an ulp is at most 2 units."""
        return 2 * ULPS * self.unit

    def gamma(self, count: int) -> float:
        """What ``count`` roundings of one term come to; infinite where they are too many."""
        share = count * self.unit
        return share / (1 - share) * _WIDER if share < 0.5 and count < 2**21 else float("inf")

    def holds(self, value: Floats) -> Floats:
        """Which float64 numbers the format represents."""
        if self.form.precision >= 53:
            return np.ones(np.shape(value), dtype=bool)
        mantissa, exponent = np.frexp(value)
        scaled = np.ldexp(mantissa, self.form.precision)
        inside = (exponent - 1 >= self.form.least) & (exponent - 1 <= self.form.largest)
        return np.asarray((value == 0) | ((scaled == np.floor(scaled)) & inside))


@dataclass(frozen=True, eq=False)
class Linear:
    """A sum of terms of which each has been rounded at most ``count`` times.

    ``prior`` bounds what the terms themselves were off, added up, and ``terms`` the sum of their
    absolute values as computed.
    """

    prior: Floats
    terms: Floats
    count: int

    def error(self, limits: Limits) -> Floats:
        """How far the sum may be off, in whatever order it was made."""
        if not self.count:
            return self.prior
        return widened(self.prior + limits.gamma(self.count) * self.terms)

    def mapped(self, move: Callable[[Floats], Floats]) -> Linear:
        """The terms moved to other places."""
        return Linear(move(self.prior), move(self.terms), self.count)

    def summed(self, axis: int | None) -> Linear:
        """All terms of an axis, or all, added up."""
        prior, terms = self.prior.sum(axis=axis), self.terms.sum(axis=axis)
        added = self.prior.size if axis is None else self.prior.shape[axis]
        return Linear(widened(prior), widened(terms), self.count + added - 1)


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is known of a node: its float64 value, its exact size, and the errors.

    ``size`` bounds the exact absolute value, ``own`` what ``value`` is off, ``error`` what a
    computed result is off.
    """

    value: Floats
    size: Floats
    own: Floats
    error: Floats
    form: Linear
    open: int = 0

    @property
    def reach(self) -> Floats:
        """What a computed absolute value is at most."""
        return widened(self.size + self.error)

    @property
    def least(self) -> Floats:
        """What exact and computed absolute values are at least; nan where they may vanish."""
        low = np.abs(self.value) * (1 - 2.0**-40) - (self.own + self.error) * (1 + 2.0**-40)
        return np.where(low > 0, low, np.nan)

    def undecided(self, at: float = 0.0, off: float = 0.0) -> Floats:
        """Where it is not certain on which side of a threshold the exact and computed values lie.

        ``off`` is by how much the threshold itself may be off.
        """
        apart = np.abs(self.value - at)
        certain = (self.own == 0) & (self.error == 0) & (off == 0)
        near = apart * (1 - 2.0**-40) <= (self.own + self.error + off) * (1 + 2.0**-40)
        return np.asarray(near & ~certain)
