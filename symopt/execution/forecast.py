"""How many bits an exact rational run will need, before it is made.

The step program is read in a max-plus arithmetic: for each prime of the inputs' denominators, the
exponent to which it can stand in a value's denominator. Sums take the larger exponent, products
add, so shared denominators are not counted twice, and the result is an upper bound for the
denominators as long as the program does not divide by what varies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import gcd, log2
from typing import Any

from symopt.derivation.step import Step
from symopt.program.graph import Label, Node

__all__ = ["Forecast", "forecast_bits"]

#: The largest denominators that are split into primes; larger ones are their own "prime".
_FACTOR_BITS = 64


@dataclass(frozen=True)
class Forecast:
    """Bits of the largest number, step by step; ``bits[0]`` belongs to the start."""

    bits: tuple[int, ...]

    def first_beyond(self, budget: int) -> int | None:
        """The first step at which a number may need more bits than the budget."""
        return next((step for step, bits in enumerate(self.bits) if bits > budget), None)


#: Exponent of each prime, and bits of denominators of which no more is known.
_Size = tuple[dict[int, int], float]


def _factors(denominator: int) -> dict[int, int]:
    if denominator == 1:
        return {}
    if denominator & (denominator - 1) == 0:
        return {2: denominator.bit_length() - 1}
    if denominator.bit_length() > _FACTOR_BITS:
        return {denominator: 1}
    from flint import fmpz

    return {int(prime): exponent for prime, exponent in fmpz(denominator).factor()}


def _bits(size: _Size) -> float:
    exponents, other = size
    return other + sum(exponent * log2(prime) for prime, exponent in exponents.items())


def _visit(node: Node, args: list[_Size], inputs: Mapping[Label, _Size]) -> _Size:
    if node.op == "input":
        return inputs[node.value]
    if node.op == "const":
        return _factors(node.value.denominator), 0.0
    if node.op in ("lt", "le", "eq", "and", "or", "not", "sign"):
        return {}, 0.0
    if node.op == "select":
        args = args[1:]
    if node.op in ("mul", "div"):
        (a, other_a), (b, other_b) = args
        if node.op == "div":  # what divides brings its numerator: count it whole
            return a, other_a + _bits((b, other_b)) + 1
        return {p: a.get(p, 0) + b.get(p, 0) for p in a.keys() | b.keys()}, other_a + other_b
    merged: dict[int, int] = {}
    for exponents, _ in args:
        for prime, exponent in exponents.items():
            merged[prime] = max(merged.get(prime, 0), exponent)
    return merged, sum(other for _, other in args)


def forecast_bits(
    step: Step,
    x0: Sequence[Fraction],
    hyper: Mapping[str, Fraction],
    magnitudes: Sequence[float],
    limit: int,
) -> Forecast:
    """The forecast of a run of ``len(magnitudes) - 1`` steps.

    ``magnitudes`` are the base-2 logarithms of the largest number at each step, from a float run;
    they tell how much longer than its denominator a numerator is. The forecast stops at the first
    step past ``limit``.
    """
    values: dict[Any, _Size] = {
        ("hyper", name): (_factors(value.denominator), 0.0) for name, value in hyper.items()
    }
    for index, value in enumerate(x0):
        values["x", index] = (_factors(value.denominator), 0.0)
    _split_shared(values)
    start = step.start.fold(lambda node, args: _visit(node, args, values))
    values.update(start)
    bits = [_largest(start, magnitudes[0])]
    for t, magnitude in enumerate(magnitudes[1:], start=1):
        values["t",] = ({}, 0.0)
        inputs = dict(values)
        new = step.program.fold(partial(_visit_at, t, inputs))
        values.update(new)
        bits.append(_largest(new, magnitude))
        if bits[-1] > limit:
            break
    return Forecast(tuple(bits))


def _visit_at(t: int, inputs: Mapping[Label, _Size], node: Node, args: list[_Size]) -> _Size:
    if node.op == "pow":  # the exponent is t, or near it
        exponents, other = args[0]
        return {prime: exponent * t for prime, exponent in exponents.items()}, other * t
    return _visit(node, args, inputs)


def _largest(sizes: Mapping[Label, _Size], magnitude: float) -> int:
    return round(max(_bits(size) for size in sizes.values()) + max(0.0, magnitude))


def _split_shared(values: dict[Any, _Size]) -> None:
    """Large unfactored denominators that divide one another are powers of one generator."""
    large = sorted({p for exponents, _ in values.values() for p in exponents if p >> _FACTOR_BITS})
    for small in large:
        for label, (exponents, other) in list(values.items()):
            for prime in list(exponents):
                if prime > small and gcd(prime, small) == small:
                    values[label] = ({**exponents, small: 1, prime // small: 1}, other)
                    del values[label][0][prime]
