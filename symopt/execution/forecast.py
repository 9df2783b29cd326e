"""How many bits an exact rational run will need, before it is made.

The step program is read in a max-plus arithmetic: for each prime of the inputs' denominators, the
exponent to which it can stand in a value's denominator. Sums take the larger exponent, products
add, so shared denominators are not counted twice. What depends on hyperparameters and ``t`` alone
is known exactly; any other divisor is one more generator, as long as its numerator can be. The
result is an upper bound unless the program divides by state (:func:`divides_by_state`): then most
of it cancels, and only the run itself can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd, log2
from typing import Any, NamedTuple

from symopt.derivation.step import Step
from symopt.program.graph import Node

__all__ = ["FACTOR_BITS", "Forecast", "divides_by_state", "factors", "forecast_bits"]

#: The largest denominators that are split into primes; larger ones are their own "prime".
FACTOR_BITS = 64
#: Exactly known numbers (powers of hyperparameters) are followed up to this many bits.
_KNOWN_BITS = 1 << 20


@dataclass(frozen=True)
class Forecast:
    """Bits of the largest number, step by step; ``bits[0]`` belongs to the start."""

    bits: tuple[int, ...]

    def first_beyond(self, budget: int) -> int | None:
        """The first step at which a number may need more bits than the budget."""
        return next((step for step, bits in enumerate(self.bits) if bits > budget), None)


class _Size(NamedTuple):
    """A denominator: exponents of primes and of larger generators; the value, where known."""

    exponents: Mapping[Any, int]
    value: Fraction | bool | None = None


class _Divisor(NamedTuple):
    """A generator that is the numerator of a divisor; the same divisor gives the same one."""

    step: int
    exponents: tuple[tuple[Any, int], ...]
    bits: float


def factors(denominator: int) -> dict[Any, int]:
    """Primes with their exponents; a number too large to be split is its own."""
    if denominator == 1:
        return {}
    if denominator & (denominator - 1) == 0:
        return {2: denominator.bit_length() - 1}
    if denominator.bit_length() > FACTOR_BITS:
        return {denominator: 1}
    from flint import fmpz

    return {int(prime): exponent for prime, exponent in fmpz(denominator).factor()}


def _bits(exponents: Mapping[Any, int]) -> float:
    return sum(
        count * (key.bits if isinstance(key, _Divisor) else log2(key))
        for key, count in exponents.items()
    )


def _number(value: Fraction) -> _Size:
    return _Size(factors(value.denominator), value)


def _times(a: Mapping[Any, int], b: Mapping[Any, int]) -> dict[Any, int]:
    return {key: a.get(key, 0) + b.get(key, 0) for key in a.keys() | b.keys()}


_KNOWN: dict[str, Callable[..., Fraction | bool]] = {
    "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b, "abs": abs, "max": max, "min": min,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b,
    "not": lambda a: not a, "and": lambda a, b: a and b, "or": lambda a, b: a or b,
}  # fmt: skip


@dataclass(frozen=True)
class _Reading:
    """One step in the max-plus arithmetic; ``magnitude`` is the logarithm of its largest number."""

    inputs: Mapping[Any, _Size]
    step: int
    magnitude: float

    def visit(self, node: Node, args: list[_Size]) -> _Size:
        if node.op == "input":
            return self.inputs[node.value]
        if node.op == "const":
            return _number(node.value)
        if node.op in _KNOWN and all(arg.value is not None for arg in args):
            value = _KNOWN[node.op](*[arg.value for arg in args])
            if isinstance(value, bool):
                return _Size({}, value)
            if value.denominator.bit_length() < _KNOWN_BITS:
                return _Size(self._exponents(node.op, args), value)
        if node.op == "select":
            chosen = args[0].value
            if chosen is not None:
                return args[1] if chosen else args[2]
            return _Size(self._exponents("add", args[1:]))
        if node.op == "div":
            return self._divided(*args)
        if node.op == "pow":
            return self._power(*args)
        return _Size(self._exponents(node.op, args))

    def _exponents(self, op: str, args: list[_Size]) -> dict[Any, int]:
        if op in ("lt", "le", "eq", "and", "or", "not", "sign"):
            return {}
        if op == "mul":
            return _times(args[0].exponents, args[1].exponents)
        merged: dict[Any, int] = {}
        for exponents, _ in args:
            for key, count in exponents.items():
                merged[key] = max(merged.get(key, 0), count)
        return merged

    def _divided(self, a: _Size, b: _Size) -> _Size:
        if b.value is not None:
            if b.value == 0:
                return a
            value = None if a.value is None else Fraction(a.value) / b.value
            top = abs(Fraction(b.value).numerator)
            return _Size(_times(a.exponents, factors(top)), value)
        bits = _bits(b.exponents) + max(self.magnitude, 0.0) + 1
        generator = _Divisor(self.step, tuple(sorted(b.exponents.items(), key=str)), bits)
        return _Size(_times(a.exponents, {generator: 1}))

    def _power(self, a: _Size, b: _Size) -> _Size:
        """An integer power; every other one is refused by the run itself."""
        count = b.value if isinstance(b.value, Fraction) and b.value.denominator == 1 else None
        if count is None:
            return _Size(a.exponents)
        times = abs(int(count))
        raised = {key: exponent * times for key, exponent in a.exponents.items()}
        known = isinstance(a.value, Fraction) and a.value != 0
        value = None
        if known and times * _length(a.value) < _KNOWN_BITS:  # type: ignore[arg-type]
            value = Fraction(a.value) ** times  # type: ignore[arg-type]
        size = _Size(raised, value)
        return self._divided(_number(Fraction(1)), size) if count < 0 else size


def _length(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def divides_by_state(step: Step) -> bool:
    """Whether a divisor of the step depends on the point or on state."""
    varies = step.program.depends_on(step.slots)
    return any(node.op == "div" and varies[node.args[1]] for node in step.program.nodes)


def forecast_bits(
    step: Step,
    x0: Sequence[Fraction],
    hyper: Mapping[str, Fraction],
    magnitudes: Sequence[float],
    limit: int,
) -> Forecast:
    """The forecast of a run of ``len(magnitudes) - 1`` steps.

    ``magnitudes`` are the base-2 logarithms of the largest number at each step, from an inexact
    run; they tell how much longer than its denominator a numerator is. The forecast stops at the
    first step past ``limit``.
    """
    values: dict[Any, _Size] = {("hyper", name): _number(value) for name, value in hyper.items()}
    for index, number in enumerate(x0):
        values["x", index] = _Size(factors(number.denominator))
    _split_shared(values)
    start = step.start.fold(_Reading(values, 0, magnitudes[0]).visit)
    values.update({slot: _Size(size.exponents) for slot, size in start.items()})
    bits = [_largest(start, magnitudes[0])]
    for t, magnitude in enumerate(magnitudes[1:], start=1):
        values["t",] = _Size({}, Fraction(t))
        new = step.program.fold(_Reading(dict(values), t, magnitude).visit)
        values.update({slot: _Size(size.exponents) for slot, size in new.items()})
        bits.append(_largest(new, magnitude))
        if bits[-1] > limit:
            break
    return Forecast(tuple(bits))


def _largest(sizes: Mapping[Any, _Size], magnitude: float) -> int:
    return ceil(max(_bits(size.exponents) for size in sizes.values()) + max(0.0, magnitude)) + 1


def _split_shared(values: dict[Any, _Size]) -> None:
    """Large unfactored denominators that divide one another are powers of one generator."""
    large = sorted({p for size in values.values() for p in size.exponents if p >> FACTOR_BITS})
    for small in large:
        for label, (exponents, value) in list(values.items()):
            for prime in list(exponents):
                if prime > small and gcd(prime, small) == small:
                    rest = {key: count for key, count in exponents.items() if key != prime}
                    values[label] = _Size({**rest, small: 1, prime // small: 1}, value)
