"""The arithmetic of a certificate: real numbers as quotients of polynomials, and proofs by cases.

It imports SymPy and nothing of symopt, and is copied into every certificate as it stands.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy.polys.rings import ring

__all__ = ["Real", "Reals", "prove"]

# --- begin
#
# A number is a quotient of polynomials with rational coefficients in the inputs and in unknowns.
# Each unknown is one real number with one relation that defines it: a root r >= 0 with r**2 = p,
# a power b**(t - 1), or the value of another function. Two numbers are equal if the numerator of
# their difference is zero once r**2 is replaced by p for every root. Signs that are not known from
# the ranges of the inputs are tried one by one: f > 0, f < 0 and f = 0 are separate proofs.
# Both sides are assumed to be defined: no divisor is zero, and no root is of a negative number.


class Split(Exception):
    """The sign of a polynomial is needed and not known: one proof for each sign."""


class Full(Exception):
    """There is no room for another unknown."""


class Void(Exception):
    """In this case one of the sides is undefined at all points."""


class Reals:
    """The real numbers of one case: ``inputs`` are names with what is known of them."""

    def __init__(
        self, inputs: Mapping[str, str], case: Mapping[Any, int], facts: frozenset[Any], room: int
    ):
        names = [*inputs, *(f"unknown{k}" for k in range(room))]
        self.ring, *self.gens = ring(names, sympy.QQ, sympy.grevlex)
        self.known = list(inputs.values())
        self.words: list[Any] = list(inputs)
        self.case, self.facts, self.needed = case, facts, set[Any]()
        self.zeros: list[Any] = []
        self.roots: dict[int, Any] = {}
        self.bounds: dict[Any, int] = {}
        self.functions: list[Any] = []

    def inputs(self, names: str) -> Any:
        """The numbers of these names."""
        found = [Real(self, self.gens[self.words.index(name)]) for name in names.split()]
        return found[0] if len(found) == 1 else found

    def number(self, value: Any) -> "Real":
        if isinstance(value, Real):
            return value
        assert isinstance(value, (int, Fraction)), "a number that is not exact"
        value = Fraction(value)
        return Real(self, self.ring(sympy.QQ(value.numerator, value.denominator)))

    def unknown(self, words: Any, known: str) -> Any:
        """The unknown that is described by these words."""
        if words not in self.words:
            if len(self.words) == len(self.gens):
                raise Full
            self.words.append(words)
            self.known.append(known)
        return self.gens[self.words.index(words)]

    # What is known of the sign of a polynomial

    def name(self, polynomial: Any, exact: bool = False) -> tuple[Any, ...]:
        """A polynomial (up to a positive factor) in words that do not depend on any order."""
        terms = sorted(
            (tuple(sorted((str(self.words[i]), k) for i, k in enumerate(powers) if k)), factor)
            for powers, factor in polynomial.terms()
        )
        scale = 1 if exact else abs(terms[0][1])
        return tuple((powers, str(factor / scale)) for powers, factor in terms)

    def level(self, index: int) -> int:
        """2 for a positive unknown, 1 for a nonnegative one, else 0."""
        name, known = self.name(self.gens[index]), self.known[index]
        if self.case.get(name) == 1 or "positive" in known or "counter" in known:
            return 2
        if "nonnegative" in known or (name, "nonnegative") in self.facts:
            return 2 if (name, "nonzero") in self.facts else 1
        return 0

    def bound(self, polynomial: Any) -> int:
        """2 for a polynomial that is positive, 1 for a nonnegative one, 0 where it is unknown."""
        if polynomial not in self.bounds:
            self.bounds[polynomial] = self.find_bound(polynomial)
        return self.bounds[polynomial]

    def find_bound(self, polynomial: Any) -> int:
        if polynomial == 0:
            return 1
        if polynomial.is_ground:
            return 2 if polynomial.LC > 0 else 0
        name = self.name(polynomial)
        if self.case.get(name) == 1 or self.case.get(self.name(-polynomial)) == -1:
            return 2
        level = self.by_coefficients(polynomial)
        if level == 0 and (name, "nonnegative") in self.facts:
            level = 1
        return 2 if level == 1 and (name, "nonzero") in self.facts else level

    def by_coefficients(self, polynomial: Any) -> int:
        """All coefficients are positive after b = c/(1 + c) for b in [0, 1), and t = 2 + s."""
        for index, known in enumerate(self.known):
            degree, u = polynomial.degree(self.gens[index]), self.gens[index]
            if degree <= 0 or not ("below 1" in known or "counter" in known):
                continue
            total = self.ring(0)
            for powers, factor in polynomial.terms():
                rest = self.ring({(*powers[:index], 0, *powers[index + 1 :]): factor})
                k = powers[index]
                total += rest * (
                    (2 + u) ** k if "counter" in known else u**k * (1 + u) ** (degree - k)
                )
            polynomial = total
        level = 1
        for powers, factor in polynomial.terms():
            kinds = [(self.level(i), k, self.known[i]) for i, k in enumerate(powers) if k]
            if factor < 0 or any(kind == 0 and k % 2 for kind, k, _ in kinds):
                return 0
            if all(kind == 2 and "counter" not in known for kind, _, known in kinds):
                level = 2
        return level

    def factors(self, polynomial: Any) -> tuple[Any, ...]:
        """A constant, and factors with their powers, each as nonnegative as it can be."""
        constant, found = polynomial.factor_list()
        factors = []
        for factor, power in found:
            if self.bound(-factor):
                factor, constant = -factor, constant * (-1) ** power
            factors.append((factor, power))
        return constant, factors

    def sign_of_factor(self, factor: Any) -> int:
        if self.bound(factor) == 2:
            return 1
        name = self.name(factor)
        if name not in self.case and self.name(-factor) in self.case:
            return -self.sign_of_factor(-factor)
        if name not in self.case:
            raise Split(name, (1, 0) if self.bound(factor) else (1, -1, 0))
        if self.case[name] == 0:
            if (name, "nonzero") in self.facts:
                raise Void
            self.zeros.append(factor)
        return int(self.case[name])

    def sign(self, value: Any) -> int:
        """-1, 0 or 1."""
        value = self.number(value)
        constant, factors = self.factors(value.top * value.bottom)
        result = int(constant > 0) - int(constant < 0)
        for factor, power in factors if result else []:
            result *= int(self.sign_of_factor(factor) ** power)
        return result

    # Equality

    def reduced(self, polynomial: Any) -> Any:
        """The polynomial with r**2 replaced by p, for every root r of p, the newest first."""
        for index, square in reversed(self.roots.items()):
            if polynomial.degree(self.gens[index]) > 1:
                total = self.ring(0)
                for powers, factor in polynomial.terms():
                    half, odd = divmod(powers[index], 2)
                    rest = {(*powers[:index], odd, *powers[index + 1 :]): factor}
                    total += self.ring(rest) * square**half
                polynomial = total
        return polynomial

    def is_zero(self, polynomial: Any) -> bool:
        polynomial = self.reduced(polynomial)
        return polynomial == 0 or bool(self.zeros and polynomial.rem(self.zeros) == 0)

    def same(self, a: Any, b: Any) -> bool:
        return self.is_zero((self.number(a) - b).top)

    def nonnegative(self, value: Any) -> bool:
        value = self.number(value)
        return bool(self.bound(value.top) and self.bound(value.bottom))

    def positive(self, value: Any) -> bool:
        value = self.number(value)
        return self.bound(value.top) == 2 and self.bound(value.bottom) == 2

    # Functions

    def absolute(self, value: Any) -> Any:
        value = self.number(value)
        constant, factors = self.factors(value.top * value.bottom)
        sign = -1 if constant < 0 else 1
        for factor, power in factors:
            if power % 2 and not self.bound(factor):
                sign *= self.sign_of_factor(factor)
        return value * sign

    def maximum(self, a: Any, b: Any) -> Any:
        a, b = self.number(a), self.number(b)
        if self.nonnegative(b - a):
            return b
        return a if self.nonnegative(a - b) or a > b else b

    def minimum(self, a: Any, b: Any) -> Any:
        return -self.maximum(-self.number(a), -self.number(b))

    def sqrt(self, value: Any) -> Any:
        """Of p/q with q > 0 the root of p over that of q, else the root of p*q over abs(q)."""
        value = self.number(value)
        top, bottom = value.top, value.bottom
        if self.bound(-bottom) == 2:
            top, bottom = -top, -bottom
        if self.bound(bottom) == 2:
            self.needs(top, "nonnegative")
            return self.root(top) / self.root(bottom)
        self.needs(top * bottom, "nonnegative")
        return self.root(self.reduced(top * bottom)) / self.absolute(Real(self, bottom))

    def root(self, polynomial: Any) -> Any:
        """A product of nonnegative numbers whose square is the polynomial."""
        if self.bound(-polynomial) == 2:
            raise Void
        if polynomial == 0:
            return self.number(0)
        constant, factors = self.factors(polynomial)
        outside, inside = sympy.sqrt(sympy.Rational(str(abs(constant)))).as_coeff_Mul()
        result = self.number(Fraction(str(outside)))
        parts = []
        joint = self.ring(sympy.QQ.from_sympy(inside**2) * (1 if constant > 0 else -1))
        # sqrt(f**2 * p) is abs(f) * sqrt(p) where p cannot be negative.
        free = constant > 0 and all(k % 2 == 0 or self.bound(f) for f, k in factors)
        for factor, power in factors:
            if self.bound(factor) == 2 or (free and power % 2 == 0):
                result *= self.absolute(Real(self, factor ** (power // 2)))
                parts += [factor] if power % 2 else []
            else:
                joint *= factor**power
        for part in [*parts, joint]:
            if part != 1:
                known = "positive" if self.bound(part) == 2 else "nonnegative"
                unknown = self.unknown(("sqrt", self.name(part, exact=True)), known)
                self.roots[self.gens.index(unknown)] = part
                result *= Real(self, unknown)
        return result

    def power(self, base: Any, exponent: Any) -> Any:
        """``b**e``; of e = k*t + c with whole k, in terms of the power b**(t - 1)."""
        base, exponent = self.number(base), self.number(exponent)
        constant = Fraction(str(exponent.top.coeff(1) / exponent.bottom.LC))
        rest = exponent - constant
        if constant.denominator == 1 and exponent.bottom.is_ground:
            if rest.top == 0:
                return self.whole_power(base, int(constant))
            unit = rest.top.LC / rest.bottom.LC
            letter = rest.top.monic()
            if unit > 0 and unit.denominator == 1 and letter in self.gens:
                index = self.gens.index(letter)
                if "counter" in self.known[index]:
                    step = self.counted(base, letter)
                    shift = int(constant) + int(unit)
                    if shift >= 0 or self.positive(base):
                        return self.whole_power(step, int(unit)) * self.whole_power(base, shift)
        known = "positive" if self.positive(base) else ""
        return self.function("power", base, exponent, known=known)

    def counted(self, base: Any, counter: Any) -> Any:
        """b**(t - 1), for t = 2, 3, ...: in [0, 1) where b is."""
        below = self.nonnegative(base) and self.bound(base.bottom - base.top) == 2
        known = "nonnegative" if self.nonnegative(base) else ""
        known = "positive" if self.positive(base) else known
        name = ("power", *base.exact(), str(counter))
        return Real(self, self.unknown(name, known + (", below 1" if below else "")))

    def whole_power(self, base: Any, exponent: int) -> Any:
        result = self.number(1)
        for _ in range(abs(exponent)):
            result = result * base
        return result if exponent >= 0 else 1 / result

    def function(self, name: str, *args: Any, known: str = "") -> Any:
        """Any other function: one unknown for arguments that are equal."""
        args = tuple(map(self.number, args))
        for other, others, value in self.functions:
            if other == name and all(map(self.same, args, others)):
                return value
        words = (name, *(arg.exact() for arg in args))
        value = Real(self, self.unknown(words, known))
        self.functions.append((name, args, value))
        return value

    # What must hold for both sides to be defined

    def needs(self, polynomial: Any, what: str) -> None:
        if what == "nonnegative":
            if polynomial != 0 and not polynomial.is_ground:
                self.needed.add((self.name(polynomial), what))
            return
        for factor, _ in self.factors(polynomial)[1]:
            self.needed |= {(self.name(factor), what), (self.name(-factor), what)}
            if factor in self.gens and self.gens.index(factor) in self.roots:
                self.needs(self.roots[self.gens.index(factor)], what)


class Real:
    """A quotient of polynomials."""

    def __init__(self, reals: Reals, top: Any, bottom: Any = None):
        self.reals = reals
        top = reals.reduced(top)
        bottom = reals.ring(1) if bottom is None else reals.reduced(bottom)
        if reals.is_zero(bottom):
            raise Void
        self.top, self.bottom = top.cancel(bottom)
        scale = 1 / self.bottom.LC
        self.top, self.bottom = self.top.mul_ground(scale), self.bottom.mul_ground(scale)

    def exact(self) -> tuple[Any, ...]:
        top = self.reals.name(self.top, exact=True) if self.top else ()
        return top, self.reals.name(self.bottom, exact=True)

    def __add__(self, other: Any) -> "Real":
        other = self.reals.number(other)
        if self.bottom == other.bottom:
            return Real(self.reals, self.top + other.top, self.bottom)
        top = self.top * other.bottom + other.top * self.bottom
        return Real(self.reals, top, self.bottom * other.bottom)

    def __mul__(self, other: Any) -> "Real":
        other = self.reals.number(other)
        return Real(self.reals, self.top * other.top, self.bottom * other.bottom)

    def __truediv__(self, other: Any) -> Any:
        other = self.reals.number(other)
        if self.reals.is_zero(other.top):
            raise Void
        self.reals.needs(other.top, "nonzero")
        return Real(self.reals, self.top * other.bottom, self.bottom * other.top)

    def __neg__(self) -> "Real":
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -self.reals.number(other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __rtruediv__(self, other: Any) -> Any:
        return self.reals.number(other) / self

    def __pow__(self, other: Any) -> Any:
        return self.reals.power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.reals.power(other, self)

    __radd__, __rmul__ = __add__, __mul__

    # Comparisons come out in the case at hand, so an if-then-else takes one branch.

    def __lt__(self, other: Any) -> bool:
        return self.reals.sign(self - other) < 0

    def __le__(self, other: Any) -> bool:
        return self.reals.sign(self - other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self.reals.sign(self - other) > 0

    def __ge__(self, other: Any) -> bool:
        return self.reals.sign(self - other) >= 0

    def __eq__(self, other: object) -> bool:
        return self.reals.sign(self - other) == 0

    __hash__ = None  # type: ignore[assignment]


def prove(title: str, check: Callable[[Reals], Iterator[Any]], inputs: Mapping[str, str]) -> None:
    """Check all claims of ``check`` in all cases.

    What both sides need in order to be defined may be used in their proof, so a claim that fails
    is tried again with these facts.
    """
    count, room = 0, 4

    def proved(case: Mapping[Any, int]) -> int:
        nonlocal count, room
        facts: frozenset[Any] = frozenset()
        while True:
            reals = Reals(inputs, case, facts, room)
            try:
                claims = list(check(reals))
            except Full:
                room *= 2
                continue
            except Split as split:
                name, signs = split.args
                return sum(proved({**case, name: sign}) for sign in signs)
            except Void:
                assert case, f"{title}: undefined for all inputs"
                return 0
            count = len(claims)
            failed = [words for words, holds in claims if not holds]
            if not failed:
                return 1
            where = f" where the signs are {case}" if case else ""
            assert not reals.needed <= facts, f"{title}{where}: not proved: {', '.join(failed)}"
            facts |= reals.needed

    cases = proved({})
    assert cases, f"{title}: undefined in all cases"
    print(f"{title}: {count} identities hold" + (f" in {cases} cases" if cases > 1 else ""))


# --- end
