"""Quotients of polynomials in inputs and unknowns: the numbers of the normal form.

What the unknowns are, and why their relations hold, is said in
:mod:`symopt.program.normal_form`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from math import floor, gcd, isqrt
from typing import Any

from symopt.errors import BudgetError, UndefinedError
from symopt.program.graph import Label, Node, Program
from symopt.program.ranges import REAL, Range

__all__ = ["Fact", "Field", "FullError", "Quotient", "Signature", "always_needed"]

#: A polynomial with more terms than this ends the attempt.
MAX_TERMS = 20_000
#: So does a proof that multiplies more terms than this in all.
MAX_WORK = 400_000
#: Polynomials with more terms are not searched for factors and signs.
_FACTOR_TERMS = 100

#: A polynomial in words that do not depend on the order in which unknowns were met.
Signature = tuple[Any, ...]
#: What is known of a polynomial: (signature, "nonnegative", "nonzero" or "zero").
Fact = tuple[Signature, str]


@dataclass(frozen=True)
class Quotient:
    """A quotient of two polynomials of one :class:`Field`.

    ``defined`` says that the value exists wherever the inputs lie in their ranges and the facts
    hold.
    """

    top: Any
    bottom: Any
    defined: bool = True


class FullError(Exception):
    """More unknowns than the field has room for."""


class Field:
    """Quotients over inputs and the unknowns that reading adds, with their relations."""

    def __init__(
        self,
        labels: Iterable[Label],
        room: int,
        ranges: Mapping[Label, Range] | None = None,
        facts: Iterable[Fact] = (),
        offsets: Mapping[Any, int] | None = None,
        *,
        imply: bool = False,
    ) -> None:
        from flint import Ordering, fmpq, fmpq_mpoly_ctx

        self._fraction = fmpq
        self._labels = {label: index for index, label in enumerate(labels)}
        count = max(len(self._labels) + room, 1)
        self._context = fmpq_mpoly_ctx.get(
            tuple(f"z{index}" for index in range(count)), Ordering.degrevlex
        )
        self._generators = self._context.gens()
        self._zero, self._one = self._context.constant(0), self._context.constant(1)
        given = ranges or {}
        self.names: list[Any] = list(self._labels)
        self.ranges: list[Range] = [given.get(label, REAL) for label in self._labels]
        self._known: dict[Any, int] = {}
        self.squares: dict[int, Any] = {}
        self.signs: dict[int, Any] = {}
        self.powers: dict[int, tuple[Quotient, Any, int]] = {}
        self._binary: set[int] = set()
        self._functions: list[tuple[str, list[Quotient], int]] = []
        self.facts: set[Fact] = set(facts)
        self._imply = imply
        self.found: set[Fact] = set()
        self._offsets = offsets or {}
        self.seen_offsets: dict[Any, int] = {}
        self.work = 0
        self._sign_memo: dict[str, tuple[int, bool, bool]] = {}
        self._texts = [repr(name) for name in self.names]
        self._facts_read: tuple[int, list[tuple[Any, str]]] = (-1, [])
        #: Unknowns that may have no value where an input or a fact is as it should be.
        self._partial: set[int] = set()
        for index, unknown in enumerate(self._generators[: len(self._labels)]):
            name = self.signature(unknown)
            if (name, "nonnegative") in self.facts:
                positive = (name, "nonzero") in self.facts or self.ranges[index].positive
                self.ranges[index] = replace(
                    self.ranges[index], nonnegative=True, positive=positive
                )

    # Unknowns

    def _new(self, key: Any, meaning: Any, values: Range) -> int:
        index = self._known.get(key)
        if index is None:
            index = len(self.names)
            if index >= len(self._generators):
                raise FullError
            self._known[key] = index
            self.names.append(key)
            # What it means, in words that do not depend on the numbering and stay short.
            self._texts.append(sha256(repr(meaning).encode()).hexdigest())
            self.ranges.append(values)
        return index

    def _may_lack(self, index: int, *polynomials: Any) -> None:
        """Note that an unknown may have no value, if not ``polynomials`` all have one."""
        if not polynomials or any(self.is_partial(polynomial) for polynomial in polynomials):
            self._partial.add(index)

    def is_partial(self, polynomial: Any) -> bool:
        """Whether it may have no value: some unknown in it may have none."""
        degrees = polynomial.degrees()
        return any(degrees[index] for index in self._partial)

    def is_input(self, name: Any) -> bool:
        """Whether a name of an unknown is the label of an input."""
        return name in self._labels

    def signature(self, polynomial: Any) -> Signature:
        """The polynomial up to a positive factor, in terms of what its unknowns mean."""
        rows = self._rows(polynomial)
        # The first coefficient in the stable order sets the scale; positive factors do not matter.
        return tuple((factors, str(coefficient / abs(rows[0][1]))) for factors, coefficient in rows)

    def _meaning(self, *polynomials: Any) -> Signature:
        """Polynomials, exactly, in terms of what their unknowns mean."""
        return tuple(
            tuple((factors, str(coefficient)) for factors, coefficient in self._rows(polynomial))
            for polynomial in polynomials
        )

    def _rows(self, polynomial: Any) -> list[tuple[Any, Any]]:
        rows = [
            (
                tuple(sorted((self._texts[i], int(n)) for i, n in enumerate(exponents) if n)),
                coefficient,
            )
            for exponents, coefficient in polynomial.to_dict().items()
        ]
        return sorted(rows, key=lambda row: row[0])

    # Signs

    def _bounds(self, polynomial: Any) -> tuple[bool, bool]:
        """Whether it is known to be nonnegative, and known to be positive."""
        key = str(polynomial)
        known, nonnegative, positive = self._sign_memo.get(key, (-1, False, False))
        # A fact counts from the time on that all its unknowns have been met.
        if known < 0 or (not positive and known < self.facts_met):
            nonnegative, positive = self._find_bounds(polynomial)
            self._sign_memo[key] = self.facts_met, nonnegative, positive
        return nonnegative, positive

    def _find_bounds(self, polynomial: Any) -> tuple[bool, bool]:
        if polynomial.is_zero():
            return True, False
        if polynomial.is_constant():
            positive = polynomial.leading_coefficient() > 0
            return positive, positive
        if len(polynomial) > _FACTOR_TERMS:
            return False, False
        name = self.signature(polynomial)
        nonnegative, positive = self._inspect(polynomial)
        if not positive and self._imply and self.facts:
            implied = self._implied(polynomial)
            nonnegative, positive = nonnegative or implied[0], implied[1]
        nonnegative = nonnegative or bool({(name, "nonnegative"), (name, "zero")} & self.facts)
        if nonnegative and (name, "nonzero") in self.facts:
            positive = True
        return nonnegative, positive

    def _known_facts(self) -> list[tuple[Any, str]]:
        """The facts whose unknowns have been met, as polynomials."""
        if self._facts_read[0] != len(self.names):
            places = {text: index for index, text in enumerate(self._texts)}
            found = []
            for name, kind in sorted(self.facts, key=repr):
                if any(text not in places for factors, _ in name for text, _ in factors):
                    continue
                terms = {}
                for factors, coefficient in name:
                    exponents = [0] * len(self._generators)
                    for text, power in factors:
                        exponents[places[text]] = power
                    ratio = Fraction(coefficient)
                    terms[tuple(exponents)] = self._fraction(ratio.numerator, ratio.denominator)
                found.append((self._context.from_dict(terms), kind))
            self._facts_read = len(self.names), found
        return self._facts_read[1]

    def _implied(self, polynomial: Any) -> tuple[bool, bool]:
        """What a fact F >= 0 says: f m = c M F + r with m > 0, c > 0, M >= 0 and r >= 0."""
        facts = self._known_facts()
        strict = {str(fact) for fact, kind in facts if kind == "nonzero"}
        best = False
        for fact, kind in facts:
            if kind != "nonnegative" or len(fact) > _FACTOR_TERMS or fact == polynomial:
                continue
            for multiplier in self._multipliers(polynomial, fact):
                scaled = self._times(polynomial, multiplier)
                for scale in self._scales(scaled, fact):
                    nonnegative, positive = self._inspect(scaled - self._times(scale, fact))
                    positive = positive or (scale.is_constant() and str(fact) in strict)
                    if nonnegative and positive:
                        return True, True
                    best = best or nonnegative
        return best, False

    def _multipliers(self, polynomial: Any, fact: Any) -> list[Any]:
        """1, and 1 - u for an unknown below 1 that only the fact holds."""
        ours, theirs = polynomial.degrees(), fact.degrees()
        more = [
            self._one - self._generators[index]
            for index, (mine, other) in enumerate(zip(ours, theirs, strict=True))
            if other and not mine and self.ranges[index].unit
        ]
        return [self._one, *more[:2]]

    def _scales(self, polynomial: Any, fact: Any) -> list[Any]:
        """The nonnegative monomials c M for which a term of the fact cancels one of f."""
        found: dict[str, Any] = {}
        for exponents, coefficient in polynomial.to_dict().items():
            for others, factor in fact.to_dict().items():
                rest = tuple(int(a) - int(b) for a, b in zip(exponents, others, strict=True))
                if coefficient / factor <= 0 or min(rest) < 0:
                    continue
                if all(p % 2 == 0 or self.ranges[i].nonnegative for i, p in enumerate(rest) if p):
                    scale = self._context.from_dict({rest: coefficient / factor})
                    found.setdefault(str(scale), scale)
        return list(found.values())[:12]

    def _inspect(self, polynomial: Any) -> tuple[bool, bool]:
        """By the signs of the coefficients, after b = u/(1 + u) for b in [0, 1) and t = k + u."""
        if polynomial.is_zero():
            return True, False
        degrees = [int(degree) for degree in polynomial.degrees()]
        for index, degree in enumerate(degrees):
            if not degree:
                continue
            values, unknown = self.ranges[index], self._generators[index]
            if values.unit:
                parts = self._by_power(polynomial, index)
                polynomial = sum(
                    (part * unknown**power * (1 + unknown) ** (degree - power)
                     for power, part in parts.items()),
                    self._zero,
                )  # fmt: skip
            elif values.floor:
                parts = self._by_power(polynomial, index)
                polynomial = sum(
                    (part * (unknown + values.floor) ** power for power, part in parts.items()),
                    self._zero,
                )
        strict = False
        for exponents, coefficient in polynomial.to_dict().items():
            if coefficient < 0:
                return False, False
            certain = True
            for index, power in enumerate(exponents):
                if not power:
                    continue
                values = self.ranges[index]
                if not (values.nonnegative or power % 2 == 0):
                    return False, False
                certain = certain and values.positive and not values.floor
            strict = strict or certain
        return True, strict

    def _by_power(self, polynomial: Any, index: int) -> dict[int, Any]:
        """The coefficients of the powers of one unknown."""
        parts: dict[int, dict[Any, Any]] = {}
        for exponents, coefficient in polynomial.to_dict().items():
            rest = list(exponents)
            power, rest[index] = int(rest[index]), 0
            parts.setdefault(power, {})[tuple(rest)] = coefficient
        return {power: self._context.from_dict(terms) for power, terms in parts.items()}

    def is_nonnegative(self, value: Quotient) -> bool:
        """Whether a value is known to be nonnegative wherever it is defined."""
        top, bottom = self._bounds(value.top)[0], self._bounds(value.bottom)[0]
        return (top and bottom) or (self._bounds(-value.top)[0] and self._bounds(-value.bottom)[0])

    def is_positive(self, value: Quotient) -> bool:
        """Whether a value is known to be positive wherever it is defined."""
        top, bottom = self._bounds(value.top)[1], self._bounds(value.bottom)[0]
        return (top and bottom) or (self._bounds(-value.top)[1] and self._bounds(-value.bottom)[0])

    def _is_nonzero(self, polynomial: Any) -> bool:
        _, factors = self._factors(polynomial)
        return not polynomial.is_zero() and all(
            self._bounds(factor)[1]
            or self._bounds(-factor)[1]
            or (self.signature(factor), "nonzero") in self.facts
            for factor, _ in factors
        )

    def _is_zero(self, polynomial: Any) -> bool:
        """Whether it is known to be zero: outright, or as a multiple of what is zero."""
        if polynomial.is_zero():
            return True
        return any(
            kind == "zero" and (fact == polynomial or divmod(polynomial, fact)[1].is_zero())
            for fact, kind in self._known_facts()
        )

    # Arithmetic

    def _times(self, a: Any, b: Any) -> Any:
        self._spend(len(a) * len(b))
        return a * b

    def _spend(self, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK:
            raise BudgetError(f"a proof that multiplies more than {MAX_WORK} terms")

    def _reduce(self, polynomial: Any) -> Any:
        """Apply the relations of the unknowns, newest first."""
        if len(polynomial) > MAX_TERMS:
            raise BudgetError(f"a polynomial of more than {MAX_TERMS} terms")
        if not self.squares and not self.signs:
            return polynomial
        degrees = polynomial.degrees()
        for index in range(len(self.names) - 1, len(self._labels) - 1, -1):
            if index in self.squares and degrees[index] >= 2:
                polynomial = self._reduce_root(polynomial, index)
            elif index in self.signs and degrees[index] >= 2 - (index in self._binary):
                polynomial = self._reduce_sign(polynomial, index)
            else:
                continue
            degrees = polynomial.degrees()
        return polynomial

    def _reduce_root(self, polynomial: Any, index: int) -> Any:
        result = self._zero
        for power, part in self._by_power(polynomial, index).items():
            rest = self._generators[index] if power % 2 else self._one
            result += self._times(part * rest, self.squares[index] ** (power // 2))
        return result

    def _reduce_sign(self, polynomial: Any, index: int) -> Any:
        """z**3 = z and z**2 f = f; of a nonnegative f even z**2 = z, and z f = f."""
        plain, odd, even = self._zero, self._zero, self._zero
        for power, part in self._by_power(polynomial, index).items():
            if power == 0:
                plain += part
            elif power % 2 and index not in self._binary:
                odd += part
            else:
                even += part
        unknown, of = self._generators[index], self.signs[index]
        multiple, rest = divmod(even, of)
        last = unknown if index in self._binary else unknown**2
        return plain + multiple * of + odd * unknown + rest * last

    def quotient(self, top: Any, bottom: Any, defined: bool = True) -> Quotient:
        top, bottom = self._reduce(top), self._reduce(bottom)
        if bottom.is_zero():
            raise UndefinedError("it divides by what is zero for all inputs")
        if top.is_zero():
            return Quotient(self._zero, self._one, defined)
        self._spend(len(top) * len(bottom))
        common = top.gcd(bottom)
        if not common.is_one():
            top, bottom = top / common, bottom / common
        lead = bottom.leading_coefficient()
        if lead != 1:
            top, bottom = top * (1 / lead), bottom * (1 / lead)
        return Quotient(top, bottom, defined)

    def whole(self, polynomial: Any) -> Quotient:
        """A polynomial as a quotient."""
        return Quotient(polynomial, self._one)

    def constant(self, value: Any) -> Quotient:
        from flint import fmpq

        return Quotient(self._context.constant(fmpq(value.numerator, value.denominator)), self._one)

    def input(self, label: Label) -> Quotient:
        return Quotient(self._generators[self._labels[label]], self._one)

    def add(self, a: Quotient, b: Quotient, sign: int = 1) -> Quotient:
        defined = a.defined and b.defined
        if a.bottom == b.bottom:
            return self.quotient(a.top + sign * b.top, a.bottom, defined)
        left, right = self._times(a.top, b.bottom), self._times(b.top, a.bottom)
        return self.quotient(left + sign * right, self._times(a.bottom, b.bottom), defined)

    def multiply(self, a: Quotient, b: Quotient) -> Quotient:
        top, bottom = self._times(a.top, b.top), self._times(a.bottom, b.bottom)
        return self.quotient(top, bottom, a.defined and b.defined)

    def divide(self, a: Quotient, b: Quotient, sure: bool = False) -> Quotient:
        """The quotient; it is defined everywhere only if the divisor is known not to vanish."""
        if b.top.is_zero():
            raise UndefinedError("it divides by what is zero for all inputs")
        defined = a.defined and b.defined and (sure or self._is_nonzero(b.top))
        return self.quotient(self._times(a.top, b.bottom), self._times(a.bottom, b.top), defined)

    def _power(self, value: Quotient, exponent: int) -> Quotient:
        result = Quotient(self._one, self._one, value.defined)
        for _ in range(exponent):
            result = self.multiply(result, value)
        return result

    # Roots

    def root(self, arg: Quotient) -> Quotient:
        """The root: of a quotient with positive denominator, else of top times bottom."""
        defined = arg.defined and self.is_nonnegative(arg)
        top, bottom = arg.top, arg.bottom
        for sign in (1, -1):
            if self._bounds(sign * bottom)[1]:
                result = self.divide(self._root(sign * top), self._root(sign * bottom), sure=True)
                return replace(result, defined=defined)
        joint = self._root(self._reduce(self._times(top, bottom)))
        return replace(self.divide(joint, self._absolute(bottom), sure=True), defined=defined)

    def _root(self, polynomial: Any) -> Quotient:
        """The root of a polynomial that is nonnegative wherever the programs are defined."""
        if self._is_zero(polynomial):
            return Quotient(self._zero, self._one)
        content, factors = self._factors(polynomial)
        scale, square_free = _split_square(Fraction(int(abs(content).p), int(abs(content).q)))
        outside = self.constant(scale)
        inside = self._context.constant(square_free if content > 0 else -square_free)
        # sqrt(f**2 * r) = |f| sqrt(r) holds where f = 0 and r < 0 only with an imaginary sqrt(r).
        # So f leaves the root only if the odd rest cannot be negative.
        leaves = content > 0 and all(
            power % 2 == 0 or self._bounds(factor)[0] for factor, power in factors
        )
        single: list[Any] = []
        for factor, power in factors:
            if power % 2 == 0 and leaves:
                whole = self._power(self._absolute(factor), power // 2)
                outside = self.multiply(outside, whole)
            elif self._bounds(factor)[1]:
                outside = self.multiply(outside, Quotient(factor ** (power // 2), self._one))
                if power % 2:
                    single.append(factor)
            else:
                inside = inside * factor**power
        for part in [*single, inside]:
            outside = self.multiply(outside, self._simple_root(part))
        return outside

    def _simple_root(self, polynomial: Any) -> Quotient:
        if polynomial.is_one():
            return Quotient(self._one, self._one)
        values = Range(nonnegative=True, positive=self._bounds(polynomial)[1])
        meaning = ("sqrt", self._meaning(polynomial))
        index = self._new(("sqrt", str(polynomial)), meaning, values)
        self.squares.setdefault(index, polynomial)
        self._may_lack(index, *([polynomial] if self._bounds(polynomial)[0] else []))
        return Quotient(self._generators[index], self._one)

    # Signs, absolute values, comparisons

    def _factors(self, polynomial: Any) -> tuple[Any, list[tuple[Any, int]]]:
        if polynomial.is_constant():
            return polynomial.leading_coefficient(), []
        if len(polynomial) > _FACTOR_TERMS:
            lead = polynomial.leading_coefficient()
            return lead, [(polynomial * (1 / lead), 1)]
        self._spend(len(polynomial) ** 2)
        content, factors = polynomial.factor()
        result = []
        for factor, power in factors:
            if self._bounds(-factor)[0]:  # each factor is nonnegative where one of its signs is
                factor, content = -factor, content * (-1) ** int(power)
            result.append((factor, int(power)))
        return content, result

    def _sign_of_factor(self, factor: Any) -> Quotient:
        """The sign of one factor: known, or an unknown that is -1, 0 or 1."""
        if self._is_zero(factor):
            return Quotient(self._zero, self._one)
        for sign in (1, -1):
            nonnegative, positive = self._bounds(sign * factor)
            if positive:
                return Quotient(self._context.constant(sign), self._one)
            if nonnegative:
                unknown = self._sign_unknown(sign * factor, binary=True)
                return Quotient(sign * unknown, self._one)
        return Quotient(self._sign_unknown(factor, binary=False), self._one)

    def _sign_unknown(self, factor: Any, binary: bool) -> Any:
        meaning = ("sign", self._meaning(factor))
        index = self._new(("sign", str(factor)), meaning, Range(nonnegative=binary))
        self.signs.setdefault(index, factor)
        self._may_lack(index, factor)
        if binary:
            self._binary.add(index)
        return self._generators[index]

    def _sign(self, polynomial: Any) -> Quotient:
        if polynomial.is_zero():
            return Quotient(self._zero, self._one)
        content, factors = self._factors(polynomial)
        result = self.constant(Fraction(1 if content > 0 else -1))
        for factor, power in factors:
            if power % 2 == 0 and self._is_nonzero(factor):
                continue
            one = self._sign_of_factor(factor)
            result = self.multiply(result, self._power(one, 2 - power % 2))
        return result

    def _absolute(self, polynomial: Any) -> Quotient:
        content, factors = self._factors(polynomial)
        result = Quotient(self._context.constant(abs(content)), self._one)
        for factor, power in factors:
            value = Quotient(factor, self._one)
            if power % 2 and not self._bounds(factor)[0]:
                value = self.multiply(value, self._sign_of_factor(factor))
                value = self.multiply(value, self._power(Quotient(factor, self._one), power - 1))
            else:
                value = self._power(value, power)
            result = self.multiply(result, value)
        return result

    def sign(self, value: Quotient) -> Quotient:
        """-1, 0 or 1."""
        result = self.multiply(self._sign(value.top), self._sign(value.bottom))
        return replace(result, defined=value.defined)

    def absolute(self, value: Quotient) -> Quotient:
        if value.top.is_zero():
            return value
        result = self.divide(self._absolute(value.top), self._absolute(value.bottom), sure=True)
        return replace(result, defined=value.defined)

    def _compare(self, op: str, a: Quotient, b: Quotient) -> Quotient:
        gap = self.add(a, b, -1)
        sign = self.sign(gap)
        square = self.multiply(sign, sign)
        if not gap.top.is_zero() and self._is_nonzero(gap.top):
            square = replace(self.constant(Fraction(1)), defined=sign.defined)
        one, half = self.constant(Fraction(1)), self.constant(Fraction(1, 2))
        if op == "lt":
            return self.multiply(half, self.add(square, sign, -1))
        if op == "le":
            return self.add(one, self.multiply(half, self.add(square, sign)), -1)
        return self.add(one, square, -1)

    def _extreme(self, op: str, a: Quotient, b: Quotient) -> Quotient:
        size = self.absolute(self.add(a, b, -1))
        both = self.add(self.add(a, b), size, 1 if op == "max" else -1)
        return self.multiply(self.constant(Fraction(1, 2)), both)

    def _select(self, condition: Quotient, then: Quotient, otherwise: Quotient) -> Quotient:
        if condition.top.is_constant():
            # It has the same value wherever it has one, so the other branch is never taken.
            chosen = otherwise if condition.top.is_zero() else then
            return replace(chosen, defined=chosen.defined and condition.defined)
        if then.defined and otherwise.defined:
            change = self.multiply(condition, self.add(then, otherwise, -1))
            return self.add(otherwise, change)
        opposite = self.add(self.constant(Fraction(1)), condition, -1)
        if str(opposite.top) < str(condition.top):  # one of the two ways to write it
            condition, then, otherwise = opposite, otherwise, then
        return self._function("select", [condition, then, otherwise], False)

    # Powers and other functions

    def _function(self, op: str, args: list[Quotient], defined: bool) -> Quotient:
        """An unknown that is the same for arguments that are proved the same."""
        for name, others, index in self._functions:
            if name == op and len(others) == len(args) and all(map(self.same, others, args)):
                return Quotient(self._generators[index], self._one, defined)
        key = (op, *[(str(arg.top), str(arg.bottom)) for arg in args])
        positive = op in ("exp", "cosh", "e", "pi")
        if op == "pow":
            positive = self.is_positive(args[0])
        meaning = (op, *[self._meaning(arg.top, arg.bottom) for arg in args])
        index = self._new(key, meaning, Range(nonnegative=positive, positive=positive))
        self._functions.append((op, args, index))
        if not defined:
            self._partial.add(index)
        return Quotient(self._generators[index], self._one, defined)

    def _inverse_exponential(self, arg: Quotient) -> Quotient | None:
        """exp(arg) as 1/exp(-arg), where exp(-arg) is known already; it vanishes nowhere."""
        opposite = replace(arg, top=-arg.top)
        for name, others, index in self._functions:
            if name == "exp" and self.same(others[0], opposite) and not arg.top.is_zero():
                return Quotient(self._one, self._generators[index], arg.defined)
        return None

    def power(self, base: Quotient, exponent: Quotient) -> Quotient:
        """``base**exponent``, in multiples of the power with the least offset."""
        opaque = [base, exponent]
        # By the ranges alone: a power is one unknown, before and after a fact is met.
        positive = self._inspect(base.top)[1] and self._inspect(base.bottom)[1]
        if not exponent.bottom.is_constant():
            return self._function("pow", opaque, base.defined and exponent.defined and positive)
        scale = exponent.bottom.leading_coefficient()
        terms = {m: c / scale for m, c in exponent.top.to_dict().items()}
        zero = tuple([0] * len(self._generators))
        offset = terms.pop(zero, 0)
        if offset != 0 and offset.q != 1:
            return self._function("pow", opaque, base.defined and exponent.defined and positive)
        if not terms:
            return self._function("pow", opaque, base.defined and positive)
        shift = int(offset.p) if offset != 0 else 0
        if positive:
            return self._free_power(base, terms, shift, exponent.defined)
        return self._counted_power(base, terms, shift, opaque)

    def _free_power(
        self, base: Quotient, terms: Mapping[Any, Any], shift: int, defined: bool
    ) -> Quotient:
        """Of a positive base: exponents add up whatever they are."""
        result = self._power(base, abs(shift))
        one = Quotient(self._one, self._one)
        if shift < 0:
            result = self.divide(one, result, sure=True)
        for monomial, coefficient in terms.items():
            part = self._context.from_dict({monomial: self._fraction(1, coefficient.q)})
            key = ("power", str(base.top), str(base.bottom), str(part))
            meaning = ("power", self._meaning(base.top, base.bottom, part))
            counted = self._bounds(part)[1]
            small = (
                counted
                and self._bounds(base.bottom - base.top)[1]
                and bool(self._bounds(base.bottom)[1])
            )
            values = Range(nonnegative=True, positive=True, unit=small)
            index = self._new(key, meaning, values)
            self.powers[index] = base, part, 0
            self._may_lack(index, base.top, base.bottom, part)
            value = Quotient(self._generators[index], self._one, defined and base.defined)
            value = self._power(value, abs(int(coefficient.p)))
            if coefficient < 0:
                result = self.divide(result, value, sure=True)
            else:
                result = self.multiply(result, value)
        return result

    def _counted_power(
        self, base: Quotient, terms: Mapping[Any, Any], shift: int, opaque: list[Quotient]
    ) -> Quotient:
        """Of any base: b**(k m + c) = (b**(m + c0))**k * b**(c - k c0), m whole, c >= k c0."""
        whole = all(
            coefficient.q == 1
            and all(self.ranges[i].integer for i, power in enumerate(monomial) if power)
            for monomial, coefficient in terms.items()
        )
        part = self._context.from_dict(dict(terms))
        if not whole or part.leading_coefficient() < 0:
            return self._function("pow", opaque, False)
        content = 0
        for coefficient in terms.values():
            content = gcd(content, int(coefficient.p))
        part = part * self._fraction(1, content)
        name = (str(base.top), str(base.bottom), str(part))
        least = floor(Fraction(shift, content))
        least = min(self._offsets.get(name, least), least, self.seen_offsets.get(name, least))
        if name in self.seen_offsets and self.seen_offsets[name] > least:
            self.seen_offsets[name] = least
            raise FullError  # an unknown with a larger offset is in use: start again
        self.seen_offsets[name] = least
        first = self._first(part)
        if first is None or first + least < 0:
            return self._function("pow", opaque, False)
        nonnegative = self.is_nonnegative(base)
        small = (
            nonnegative and self._bounds(base.bottom - base.top)[1] and self._bounds(base.bottom)[1]
        )
        # 0 <= b < 1 gives 0 <= b**n < 1 for n >= 1; for n = 0 it is 1.
        values = Range(nonnegative=nonnegative, unit=small and first + least >= 1)
        meaning = ("power", self._meaning(base.top, base.bottom, part), least)
        index = self._new(("power", *name, least), meaning, values)
        self.powers[index] = base, part, least
        self._may_lack(index, base.top, base.bottom, part)
        value = self._power(Quotient(self._generators[index], self._one, base.defined), content)
        return self.multiply(value, self._power(base, shift - content * least))

    def _first(self, part: Any) -> int | None:
        """The least value of a whole exponent, if it is a counter alone."""
        for index, unknown in enumerate(self._generators[: len(self._labels)]):
            if part == unknown and self.ranges[index].floor:
                return self.ranges[index].floor
        return None

    # Cases

    @property
    def facts_met(self) -> int:
        """How many facts, from which others may follow, are about unknowns that have been met."""
        return len(self._known_facts()) if self._imply else 0

    @property
    def is_contradictory(self) -> bool:
        """Whether the facts exclude each other: no point has them all."""
        return any(
            (kind == "nonnegative" and self._inspect(-fact)[1])
            or (kind == "zero" and (self._inspect(fact)[1] or self._inspect(-fact)[1]))
            or (kind == "nonnegative" and self._excluded(-fact))
            for fact, kind in self._known_facts()
        )

    def _excluded(self, polynomial: Any) -> bool:
        name = self.signature(polynomial)
        return {(name, "nonnegative"), (name, "nonzero")} <= self.facts

    def behind(self, polynomials: Iterable[Any]) -> list[Any]:
        """The polynomials whose signs these depend on: those that choose a branch come first."""
        arguments = {index: args for _, args, index in self._functions}
        found = self._reached(polynomials, arguments)
        chosen = [
            args[0].top
            for op, args, index in self._functions
            if op == "select" and index in found and not self.is_partial(args[0].top)
        ]
        first = self._reached(chosen, arguments)
        whole = [
            (index not in first, self._depth(f), len(f), str(self.signature(f)), f)
            for index, f in found.items()
            if f is not None and not self.is_partial(f)
        ]
        return [row[-1] for row in sorted(whole, key=lambda row: row[:-1])]

    def _reached(self, polynomials: Iterable[Any], arguments: Mapping[int, Any]) -> dict[int, Any]:
        """Every unknown that these depend on; for a sign, of which polynomial."""
        waiting = list(polynomials)
        seen: dict[int, Any] = {}
        while waiting:
            for index, degree in enumerate(waiting.pop().degrees()):
                if not degree or index in seen:
                    continue
                seen[index] = self.signs.get(index)
                if index in self.signs:
                    waiting.append(self.signs[index])
                elif index in self.squares:
                    waiting.append(self.squares[index])
                elif index in self.powers:
                    base, part, _ = self.powers[index]
                    waiting += [base.top, base.bottom, part]
                for arg in arguments.get(index, ()):
                    waiting += [arg.top, arg.bottom]
        return seen

    def _depth(self, polynomial: Any) -> int:
        degrees = polynomial.degrees()
        return sum(1 for index in range(len(self._labels), len(self.names)) if degrees[index])

    def solved(
        self, polynomial: Any
    ) -> tuple[Label, list[tuple[Any, list[tuple[Label, int]]]]] | None:
        """An input as a polynomial of the others, where this polynomial of inputs is zero.

        Each term is a coefficient and its powers of inputs; ``None`` where no input occurs alone,
        with a number as its factor.
        """
        degrees = polynomial.degrees()
        if self._depth(polynomial):
            return None
        terms = polynomial.to_dict()
        for label, index in self._labels.items():
            if degrees[index] != 1:
                continue
            alone = tuple(int(place == index) for place in range(len(self._generators)))
            if alone not in terms or sum(1 for exponents in terms if exponents[index]) > 1:
                continue
            scale = -terms[alone]
            names = list(self._labels)
            rest = [
                (coefficient / scale, [(names[i], int(n)) for i, n in enumerate(exponents) if n])
                for exponents, coefficient in terms.items()
                if not exponents[index]
            ]
            return label, [(Fraction(int(c.p), int(c.q)), powers) for c, powers in rest]
        return None

    # Programs

    def read(self, node: Node, args: list[Quotient]) -> Quotient:
        """The value of one node from those of its arguments."""
        op = node.op
        if op == "const":
            return self.constant(node.value)
        if op == "input":
            return self.input(node.value)
        if op == "neg":
            return replace(args[0], top=-args[0].top)
        if op in ("add", "sub"):
            return self.add(args[0], args[1], 1 if op == "add" else -1)
        if op in ("mul", "and"):
            return self.multiply(*args)
        if op == "div":
            return self.divide(args[0], args[1])
        if op == "sqrt":
            return self.root(args[0])
        if op == "abs":
            return self.absolute(args[0])
        if op == "sign":
            return self.sign(args[0])
        if op in ("max", "min"):
            return self._extreme(op, *args)
        if op in ("lt", "le", "eq"):
            return self._compare(op, *args)
        if op == "not":
            return self.add(self.constant(Fraction(1)), args[0], -1)
        if op == "or":
            return self.add(self.add(args[0], args[1]), self.multiply(args[0], args[1]), -1)
        if op == "select":
            return self._select(*args)
        if op == "pow":
            return self.power(*args)
        if op == "exp" and (inverse := self._inverse_exponential(args[0])) is not None:
            return inverse
        total = op in ("pi", "e", "exp", "sin", "cos", "atan", "sinh", "cosh", "tanh")
        return self._function(op, args, total and all(arg.defined for arg in args))

    def read_program(self, program: Program) -> tuple[dict[Label, Quotient], list[Quotient]]:
        """The outputs and all nodes; what they need in order to be defined goes to ``found``."""
        needed = always_needed(program)
        values: list[Quotient] = []
        for index, node in enumerate(program.nodes):
            args = [values[arg] for arg in node.args]
            if index in needed:
                self.note(node, args)
            values.append(self.read(node, args))
        return {label: values[index] for label, index in program.outputs.items()}, values

    def note(self, node: Node, args: list[Quotient]) -> None:
        """Add to ``found`` what an operation needs in order to be defined."""
        if node.op == "sqrt":
            top, bottom = args[0].top, args[0].bottom
            if not self._bounds(bottom)[1]:
                top = self._times(top, bottom)
            if not top.is_constant():
                self.found.add((self.signature(top), "nonnegative"))
        elif node.op == "div":
            self._note_nonzero(args[1].top)

    def _note_nonzero(self, polynomial: Any) -> None:
        for factor, _ in self._factors(polynomial)[1]:
            self.found.add((self.signature(factor), "nonzero"))
            for index, square in self.squares.items():
                if factor == self._generators[index]:
                    self._note_nonzero(square)

    def same(self, a: Quotient, b: Quotient) -> bool:
        """Whether two values are proved equal wherever both are defined."""
        if a.top == b.top and a.bottom == b.bottom:
            return True
        return self._is_zero(self.difference(a, b))

    def difference(self, a: Quotient, b: Quotient) -> Any:
        """The numerator of a - b over both denominators."""
        return self._reduce(self._times(a.top, b.bottom) - self._times(b.top, a.bottom))


def always_needed(program: Program) -> set[int]:
    """The nodes that are computed whichever branches are taken."""
    needed = set(program.outputs.values())
    for index in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[index]
        if index in needed:
            needed.update(node.args[:1] if node.op == "select" else node.args)
    return needed


def _split_square(value: Fraction) -> tuple[Fraction, int]:
    """A positive rational as the square of the first times the second, a small whole number."""
    whole = value.numerator * value.denominator
    scale = Fraction(1, value.denominator)
    root = isqrt(whole)
    if root * root == whole:
        return scale * root, 1
    for prime in (2, 3, 5, 7, 11, 13):
        while whole % (prime * prime) == 0:
            whole //= prime * prime
            scale *= prime
    return scale, whole
