"""Exact runs in integers over powers of a few denominators: nothing is reduced until the end.

A rule without divisions multiplies and adds the numbers that it was given. All denominators are
then products of the factors of those few, so a number is kept as an integer with one exponent for
each factor. Sums need no gcd and products no cancellation: that is where fractions in lowest terms
spend their time once numbers are long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from symopt.errors import UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.forecast import FACTOR_BITS, factors

__all__ = ["Scaled", "UnscaledError", "coprime_base", "scaled"]


class UnscaledError(ArithmeticError):
    """A denominator that is no product of the given ones."""


def coprime_base(values: Iterable[int]) -> tuple[int, ...]:
    """Integers without common factors of which all the given ones are products.

    What is not too large is split into primes.

    >>> coprime_base([100, 2**53]), coprime_base([10**30, 7 * 10**29, 1])
    ((2, 5), (2, 5, 7))
    """
    base: list[int] = []
    waiting = [value for value in values if value > 1]
    while waiting:
        value = waiting.pop()
        for index, other in enumerate(base):
            common = math.gcd(value, other)
            if common > 1:
                del base[index]
                waiting += [part for part in (common, value // common, other // common) if part > 1]
                break
        else:
            base.append(value)
    return tuple(sorted(prime for value in base for prime in factors(value)))


class Lowest(NamedTuple):
    """A fraction in lowest terms, of integers of FLINT's."""

    p: Any
    q: Any

    def height_bits(self) -> int:
        return int(max(abs(self.p).bit_length(), self.q.bit_length()))


class _Factors:
    """The factors of denominators, with their powers as far as they were needed."""

    def __init__(self, base: tuple[int, ...]) -> None:
        from flint import fmpq, fmpz

        self.integer, self.fraction = fmpz, fmpq
        self.base = base
        self.are_primes = all(factor.bit_length() <= FACTOR_BITS for factor in base)
        self.none = (0,) * len(base)
        self._powers: dict[tuple[int, ...], Any] = {}

    def power(self, exponents: tuple[int, ...]) -> Any:
        """The product of powers of the factors."""
        if exponents not in self._powers:
            made = self.integer(1)
            for factor, exponent in zip(self.base, exponents, strict=True):
                if exponent:
                    made *= self.integer(factor) ** exponent
            self._powers[exponents] = made
        return self._powers[exponents]

    def exponents(self, denominator: int) -> tuple[int, ...]:
        """The least exponents whose powers the denominator divides.

        Raises :class:`UnscaledError` where there are none.
        """
        found = []
        for factor in self.base:
            exponent = 0
            while (common := math.gcd(denominator, factor)) > 1:
                denominator //= common
                exponent += 1
            found.append(exponent)
        if denominator != 1:
            raise UnscaledError
        return tuple(found)

    def stripped(self, top: Any, exponents: tuple[int, ...]) -> Scaled:
        """The number without the powers of factors that its numerator has too."""
        if top == 0:
            return Scaled(self, top, self.none)
        for place, (factor, exponent) in enumerate(zip(self.base, exponents, strict=True)):
            if exponent and top % factor == 0:
                common = self._common(top, place, exponent)
                left = exponent - common
                exponents = (*exponents[:place], left, *exponents[place + 1 :])
                top = top // self.power(self._only(place, common))
        return Scaled(self, top, exponents)

    def _only(self, place: int, exponent: int) -> tuple[int, ...]:
        return (*self.none[:place], exponent, *self.none[place + 1 :])

    def _common(self, top: Any, place: int, most: int) -> int:
        """The largest power of a factor, up to ``most``, that divides a number."""
        power = self.integer(self.base[place])
        steps = [(1, power)]
        while 2 * steps[-1][0] <= most and top % (power := power * power) == 0:
            steps.append((2 * steps[-1][0], power))
        found = 0
        for count, power in reversed(steps):
            if found + count <= most and top % power == 0:
                found, top = found + count, top // power
        return found

    def number(self, value: Fraction) -> Scaled:
        exponents = self.exponents(value.denominator)
        top = self.integer(value.numerator) * self.power(exponents) // value.denominator
        return Scaled(self, top, exponents)


class Scaled:
    """An integer over powers of the factors, not in lowest terms."""

    __slots__ = ("exponents", "factors", "top")

    def __init__(self, factors: _Factors, top: Any, exponents: tuple[int, ...]) -> None:
        self.factors, self.top, self.exponents = factors, top, exponents

    @property
    def reduced(self) -> Lowest:
        """The same number in lowest terms."""
        least = self.factors.stripped(self.top, self.exponents)
        below = self.factors.power(least.exponents)
        if self.factors.are_primes:  # what has none of them in common has nothing in common
            return Lowest(least.top, below)
        exact = self.factors.fraction(least.top, below)
        return Lowest(exact.p, exact.q)

    def height_bits(self) -> int:
        """No fewer bits than numerator and denominator have in lowest terms."""
        below = self.factors.power(self.exponents)
        return int(max(abs(self.top).bit_length(), below.bit_length()))

    def _aligned(self, other: Any) -> tuple[Any, Any, tuple[int, ...]]:
        """Both numerators over a common denominator."""
        if not isinstance(other, Scaled):
            return self.top, other * self.factors.power(self.exponents), self.exponents
        mine, theirs = self.exponents, other.exponents
        if mine == theirs:
            return self.top, other.top, mine
        both = tuple(map(max, mine, theirs))
        power = self.factors.power
        here = tuple(a - b for a, b in zip(both, mine, strict=True))
        there = tuple(a - b for a, b in zip(both, theirs, strict=True))
        return (
            self.top * power(here) if any(here) else self.top,
            other.top * power(there) if any(there) else other.top,
            both,
        )

    def __add__(self, other: Any) -> Scaled:
        a, b, exponents = self._aligned(other)
        return self.factors.stripped(a + b, exponents)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Scaled:
        a, b, exponents = self._aligned(other)
        return self.factors.stripped(a - b, exponents)

    def __rsub__(self, other: Any) -> Scaled:
        made: Scaled = -self + other
        return made

    def __mul__(self, other: Any) -> Scaled:
        if not isinstance(other, Scaled):
            return Scaled(self.factors, self.top * other, self.exponents)
        exponents = tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True))
        return Scaled(self.factors, self.top * other.top, exponents)

    __rmul__ = __mul__

    def __neg__(self) -> Scaled:
        return Scaled(self.factors, -self.top, self.exponents)

    def __abs__(self) -> Scaled:
        return Scaled(self.factors, abs(self.top), self.exponents)

    def __lt__(self, other: Any) -> bool:
        a, b, _ = self._aligned(other)
        return bool(a < b)

    def __le__(self, other: Any) -> bool:
        a, b, _ = self._aligned(other)
        return bool(a <= b)

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        a, b, _ = self._aligned(other)
        return bool(a == b)

    __hash__ = None  # type: ignore[assignment]


def scaled(denominators: Iterable[int]) -> numbers.Arithmetic:
    """The arithmetic over these denominators; what leaves it raises :class:`UnscaledError`.

    >>> tenths = scaled([10])
    >>> x = tenths.convert(Fraction(1, 2)) * tenths.convert(Fraction(1, 5)) - 1
    >>> x.top, x.exponents
    (-9, (1, 1))
    """
    known = _Factors(coprime_base(denominators))

    def divide(a: Any, b: Any) -> Any:
        if b == 0:
            raise UndefinedError("division by zero")
        exact = b.reduced if isinstance(b, Scaled) else known.fraction(b)
        return a * known.number(Fraction(int(exact.q), int(exact.p)))

    def power(a: Any, b: Any) -> Any:
        exponent = b.reduced if isinstance(b, Scaled) else known.fraction(b)
        if exponent.q != 1 or exponent.p < 0:
            raise UnscaledError
        count = int(exponent.p)
        if not isinstance(a, Scaled):
            return known.integer(a) ** count
        return Scaled(known, a.top**count, tuple(count * each for each in a.exponents))

    def leave(*_: Any) -> Any:
        raise UnscaledError

    usual = numbers.rational()
    functions: dict[str, Callable[..., Any]] = {
        **usual.functions, "divide": divide, "power": power, "sqrt": leave,
        "ratio": lambda p, q: known.number(Fraction(p, q)),
    }  # fmt: skip
    return replace(usual, functions=functions, convert=known.number)
