"""Arrays of balls: NumPy arrays of midpoints with float64 radii, every rounding accounted for.

An element stands for all real numbers within ``radius`` of ``middle``. Midpoints may have any
binary format of at least 53 bits; each operation adds a unit of it for its own rounding, or, in
sums of float64, what was lost exactly. A radius
is a sum of at most eight nonnegative terms, so that the factor :data:`_UP` covers its rounding,
and :data:`TINY` what underflows. What has no value (a divisor that may be zero) has radius nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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

    ``signs`` says that some midpoints may be 1 or -1 exactly, which products then ask for.

    >>> third = BallArray(np.array([1.0]), np.array([0.0])) / BallArray(np.float64(3), 0.0)
    >>> bool(0 < third.radius[0] < 1e-15)
    True
    """

    middle: Any
    radius: Any
    signs: bool = False

    @cached_property
    def size(self) -> Floats:
        """The absolute midpoints, in float64."""
        return _size(self.middle)

    @cached_property
    def most(self) -> Floats:
        """What the absolute values are at most, but for rounding."""
        return np.asarray(self.size + (self.radius + TINY))

    @cached_property
    def above_zero(self) -> Floats:
        """What the absolute values are at least; not positive where they may vanish."""
        return np.asarray(self.size * (1 - 2.0**-51) - (2 * self.radius + TINY))

    @cached_property
    def zero(self) -> Floats:
        """Where the value is 0 itself."""
        nothing = np.asarray(self.size == 0)
        if nothing.any() and np.asarray(self.middle).dtype != np.float64:
            nothing &= self.middle == 0  # what is too small for float64 is not 0
        return np.asarray(nothing & (self.radius == 0))

    @cached_property
    def short(self) -> BallArray:
        """With midpoints in float64; an exact zero may become a wider ball."""
        middle = np.asarray(self.middle)
        if middle.dtype == np.float64:
            return self
        lost = self.size * 2.0**-52 + TINY
        return BallArray(middle.astype(np.float64), (self.radius + lost) * _UP)

    def at(self, places: NDArray[np.intp]) -> BallArray:
        """Some of the elements; what is one number for all stays it."""
        middle, radius = (
            part[places] if np.ndim(part) else part for part in (self.middle, self.radius)
        )
        return BallArray(middle, radius, self.signs)

    @classmethod
    def _rounded(cls, middle: Any, radius: Any, signs: bool = False) -> BallArray:
        """A ball whose midpoint was rounded once."""
        size = _size(middle)
        unit = float(np.finfo(np.asarray(middle).dtype).eps)
        return cls._sized(middle, (radius + size * unit) * _UP, size, signs)

    @classmethod
    def _sized(cls, middle: Any, radius: Any, size: Floats, signs: bool = False) -> BallArray:
        """A ball whose :attr:`size` is at hand."""
        made = cls(middle, radius, signs)
        vars(made)["size"] = size
        return made

    def __neg__(self) -> BallArray:
        return BallArray(-self.middle, self.radius, self.signs)

    def __abs__(self) -> BallArray:
        return BallArray(abs(self.middle), self.radius, self.signs)

    def __add__(self, other: BallArray) -> BallArray:
        total = self.middle + other.middle
        size = _size(total)
        # Signs to which nothing is added stay signs.
        signs = any(p.signs and not np.all(q.middle) for p, q in ((self, other), (other, self)))
        lost = _lost(self.middle, other.middle, total, size)
        return self._sized(total, (lost + (self.radius + other.radius)) * _UP, size, signs)

    def __sub__(self, other: BallArray) -> BallArray:
        return self + (-other)

    def __mul__(self, other: BallArray) -> BallArray:
        middle = self.middle * other.middle
        across = _times(self.most, other.radius) + _times(other.most, self.radius)
        made = self._rounded(middle, across + TINY)
        radius, size = made.radius, made.size
        if not np.all(size):
            nothing = self.zero & np.isfinite(other.radius) | other.zero & np.isfinite(self.radius)
            radius = np.where(nothing, 0.0, radius)
        # A factor of 1 or -1, such as a sign, leaves the other as it is.
        for one, kept in ((self, other), (other, self)):
            if one.signs or not np.ndim(one.middle):
                unit = (np.abs(one.middle) == 1) & (one.radius == 0)
                if np.any(unit):
                    radius = np.where(unit, kept.radius, radius)
        return self._sized(middle, radius, size, self.signs and other.signs)

    def __truediv__(self, other: BallArray) -> BallArray:
        ratio = self.middle / other.middle
        size = _size(ratio)
        moved = self.radius + _times(size, other.radius) + (1 + other.radius) * TINY
        below = np.where(other.above_zero > _LEAST, other.size - other.radius, np.nan)
        made = self._rounded(ratio, moved / below * _UP + TINY)
        if np.all(size):
            return made
        nothing = self.zero & np.isfinite(made.radius)
        return self._sized(ratio, np.where(nothing, 0.0, made.radius), size)

    def root(self) -> BallArray:
        """Square roots: |sqrt(a + d) - sqrt(a)| is at most |d| / sqrt(a)."""
        root = np.sqrt(self.middle)
        size = _size(root)  # nan where there is none
        defined = (size > 0) & (self.above_zero >= 0)
        made = self._rounded(root, np.where(defined, self.radius, np.nan) / size * _UP + TINY)
        return self._sized(root, np.where(self.zero, 0.0, made.radius), size)


def _lost(a: Any, b: Any, total: Any, size: Floats) -> Any:
    """At least what the rounding of a sum lost; exactly that where float64 may have the sum.

    There, and only there, operations may turn out to be exact. The numbers of x87 have 11 bits
    more, whose mantissa comes first in memory (of 16 bytes; of 12, TwoSum tells).
    """
    if np.ndim(total) and total.itemsize == 16 and np.finfo(total.dtype).nmant == 63:
        lost = size * float(np.finfo(total.dtype).eps) + TINY
        places = np.flatnonzero(total.view(np.uint64)[..., ::2] & 0x7FF == 0)
        if 2 * len(places) > total.size:
            return _two_sum(a, b, total)
        if len(places):
            own = [part[places] if np.ndim(part) else part for part in (a, b, total)]
            lost[places] = _two_sum(*own)
        return lost
    return _two_sum(a, b, total)


def _two_sum(a: Any, b: Any, total: Any) -> Any:
    """Knuth's TwoSum: what a midpoint's rounding lost, exactly; often it is nothing."""
    second = total - a
    rest = np.abs((a - (total - second)) + (b - second))
    lost = rest.astype(np.float64, copy=False)
    return lost if rest.dtype == np.float64 else lost + np.where(rest == 0, 0.0, TINY)


def _size(middle: Any) -> Floats:
    """The absolute midpoints, in float64."""
    return np.abs(np.asarray(middle).astype(np.float64, copy=False))


def _times(size: Any, radius: Any) -> Any:
    """The product, without a pass over the array where one number says that it is nothing."""
    if not np.ndim(radius) and radius == 0:
        return 0.0
    return size * radius


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
