"""Arrays of balls: NumPy arrays of midpoints with float64 radii, every rounding accounted for.

An element stands for all real numbers within ``radius`` of ``middle``. Midpoints may have any
binary format of at least 53 bits; each operation adds a unit of it for its own rounding. A radius
is a sum of at most eight nonnegative terms, so that the factor :data:`_UP` covers its rounding,
and :data:`TINY` what underflows. What has no value (a divisor that may be zero) has radius nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TINY", "BallArray", "from_ball"]

#: Above all that one operation on radii can lose to underflow.
TINY = 2.0**-1070
_UP = 1 + 2.0**-48
#: Divisors below this are left alone: their magnitude in float64 would lose bits.
_LEAST = 2.0**-960
Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class BallArray:
    """Midpoints and radii, as arrays that broadcast; arithmetic encloses the exact results.

    >>> third = BallArray(np.array([1.0]), np.array([0.0])) / BallArray(np.float64(3), 0.0)
    >>> bool(0 < third.radius[0] < 1e-15)
    True
    """

    middle: Any
    radius: Any

    @property
    def unit(self) -> float:
        """A bound on the relative rounding of one operation on midpoints."""
        return float(np.finfo(np.asarray(self.middle).dtype).eps)

    @property
    def size(self) -> Floats:
        """The absolute midpoints, in float64."""
        return np.abs(np.asarray(self.middle).astype(np.float64))

    @property
    def above_zero(self) -> Floats:
        """What the absolute values are at least; not positive where they may vanish."""
        return np.asarray(self.size * (1 - 2.0**-51) - 2 * self.radius - TINY)

    @property
    def zero(self) -> Floats:
        """Where the value is 0 itself."""
        return np.asarray((self.middle == 0) & (self.radius == 0))

    def short(self) -> BallArray:
        """With midpoints in float64."""
        middle = np.asarray(self.middle)
        if middle.dtype == np.float64:
            return self
        lost = np.where(middle == 0, 0.0, self.size * 2.0**-52 + TINY)
        return BallArray(middle.astype(np.float64), (self.radius + lost) * _UP)

    def _rounded(self, middle: Any, radius: Any) -> BallArray:
        return BallArray(middle, (radius + np.abs(middle).astype(np.float64) * self.unit) * _UP)

    def __neg__(self) -> BallArray:
        return BallArray(-self.middle, self.radius)

    def __abs__(self) -> BallArray:
        return BallArray(abs(self.middle), self.radius)

    def __add__(self, other: BallArray) -> BallArray:
        a, b = self.middle, other.middle
        total = a + b
        # Knuth's TwoSum: what the midpoint's rounding lost, exactly; often it is nothing.
        second = total - a
        rest = np.abs((a - (total - second)) + (b - second))
        lost = rest.astype(np.float64) + np.where(rest == 0, 0.0, TINY)
        return BallArray(total, (self.radius + other.radius + lost) * _UP)

    def __sub__(self, other: BallArray) -> BallArray:
        return self + (-other)

    def __mul__(self, other: BallArray) -> BallArray:
        across = self.size * other.radius + other.size * self.radius + self.radius * other.radius
        across = across + (1 + self.radius + other.radius) * TINY
        made = self._rounded(self.middle * other.middle, across)
        nothing = self.zero & np.isfinite(other.radius) | other.zero & np.isfinite(self.radius)
        radius = np.where(nothing, 0.0, made.radius)
        # A factor of 1 or -1, such as a sign, leaves the other as it is.
        for one, kept in ((self, other), (other, self)):
            radius = np.where((np.abs(one.middle) == 1) & (one.radius == 0), kept.radius, radius)
        return BallArray(made.middle, radius)

    def __truediv__(self, other: BallArray) -> BallArray:
        ratio = self.middle / other.middle
        moved = self.radius + np.abs(ratio).astype(np.float64) * other.radius
        moved = moved + (1 + other.radius) * TINY
        below = np.where(other.above_zero > _LEAST, other.size - other.radius, np.nan)
        made = self._rounded(ratio, moved / below * _UP + TINY)
        nothing = self.zero & np.isfinite(made.radius)
        return BallArray(made.middle, np.where(nothing, 0.0, made.radius))

    def root(self) -> BallArray:
        """Square roots: |sqrt(a + d) - sqrt(a)| is at most |d| / sqrt(a)."""
        root = np.sqrt(self.middle)
        defined = (self.middle > 0) & (self.above_zero >= 0)
        moved = np.where(defined, self.radius, np.nan) / np.abs(root).astype(np.float64)
        made = self._rounded(root, moved * _UP + TINY)
        return BallArray(made.middle, np.where(self.zero, 0.0, made.radius))


def from_ball(value: Any, reference: Any = np.float64) -> BallArray:
    """One of python-flint's balls, with a midpoint of the given format."""
    high = float(value.mid())
    rest = value - type(value)(high) if np.isfinite(high) else value
    low = float(rest.mid())
    middle = reference(high) + reference(low)
    radius = 0.0
    if rest != 0:
        lost = max(float(np.finfo(reference).eps), 2.0**-100) * abs(high)
        radius = (float(value.rad()) + lost + TINY) * _UP
    return BallArray(middle, radius if np.isfinite(high) else float("nan"))
