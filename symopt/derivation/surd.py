"""Numbers ``a + b sqrt(d)``, exactly: the field in which closed forms of second order live.

``a``, ``b`` and ``d`` are fractions, or such numbers themselves (an irrational curvature, and over
it the roots of the characteristic polynomial). ``d`` may be negative: then ``b`` counts an
imaginary part. Arithmetic is that of polynomials in a letter whose square is d, so nothing is
approximated.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, Union

__all__ = ["Number", "Surd", "plain", "sign"]

Number: TypeAlias = Union[Fraction, "Surd"]


@dataclass(frozen=True)
class Surd:
    """``rational + surd * sqrt(radicand)``.

    >>> golden = Surd(Fraction(1, 2), Fraction(1, 2), Fraction(5))
    >>> (golden**10).surd * 2  # Binet: the tenth Fibonacci number
    Fraction(55, 1)
    """

    rational: Number
    surd: Number
    radicand: Number

    @property
    def depth(self) -> int:
        """How many roots stand over the fractions."""
        return 1 + (self.radicand.depth if isinstance(self.radicand, Surd) else 0)

    def _lift(self, other: Number | int) -> Surd:
        if isinstance(other, Surd) and other.depth == self.depth:
            assert other.radicand == self.radicand, "numbers of two fields"
            return other
        zero = self.rational * 0
        return Surd(zero + other, zero, self.radicand)

    def _pair(self, other: Number | int) -> tuple[Surd, Surd]:
        """Both numbers in the larger field."""
        if isinstance(other, Surd) and other.depth > self.depth:
            return other._lift(self), other
        return self, self._lift(other)

    def __add__(self, other: Number | int) -> Surd:
        a, b = self._pair(other)
        return Surd(a.rational + b.rational, a.surd + b.surd, a.radicand)

    __radd__ = __add__

    def __neg__(self) -> Surd:
        return Surd(-self.rational, -self.surd, self.radicand)

    def __sub__(self, other: Number | int) -> Surd:
        a, b = self._pair(other)
        return a + (-b)

    def __rsub__(self, other: Number | int) -> Surd:
        return -self + other

    def __mul__(self, other: Number | int) -> Surd:
        a, b = self._pair(other)
        return Surd(
            a.rational * b.rational + a.surd * b.surd * a.radicand,
            a.rational * b.surd + a.surd * b.rational,
            a.radicand,
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Number | int) -> Surd:
        a, b = self._pair(other)
        norm = b.rational * b.rational - b.surd * b.surd * b.radicand
        top = a * Surd(b.rational, -b.surd, b.radicand)
        return Surd(top.rational / norm, top.surd / norm, a.radicand)

    def __rtruediv__(self, other: Number | int) -> Surd:
        return self._lift(other) / self

    def __pow__(self, exponent: int) -> Surd:
        result, base = self._lift(1), self
        while exponent:
            if exponent & 1:
                result = result * base
            base, exponent = base * base, exponent >> 1
        return result


def sign(value: Number) -> int:
    """The sign of a real number: -1, 0 or 1, decided exactly.

    >>> sign(Surd(Fraction(-3, 2), Fraction(1), Fraction(2)))
    -1
    """
    if not isinstance(value, Surd):
        return (value > 0) - (value < 0)
    a, b = sign(value.rational), sign(value.surd)
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    gap = sign(value.rational * value.rational - value.surd * value.surd * value.radicand)
    return a * gap


def plain(value: Number) -> Fraction:
    """A number that has to be rational as a fraction.

    Raises :class:`ArithmeticError` where it is not.
    """
    while isinstance(value, Surd):
        if sign(value.surd) != 0:
            raise ArithmeticError(f"{value} is irrational")
        value = value.rational
    return value
