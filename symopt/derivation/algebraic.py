"""Real algebraic numbers, exactly: root number i of an irreducible polynomial over the integers.

The sign of a polynomial at algebraic numbers is decided by ball arithmetic where it is not zero.
That it *is* zero is proved by a bound. Let the coordinates a_i be roots of integer polynomials of
degree d_i with leading coefficients l_i, let P have degree m_i in variable i, and put
L = prod l_i^m_i. Then w = L*P(a) is an algebraic integer with at most D = prod d_i conjugates, and
all of them are at most C = L*|P|(b), where b_i bounds all complex roots. If w is not zero its norm
is at least 1 in absolute value, so |w| >= C^(1-D): a ball that is smaller and contains zero *is*
zero. (The argument is classical; see Yap, "Fundamental Problems of Algorithmic Algebra", 2000,
section 6.7 on root separation.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import flint
import sympy
from flint import arb, fmpq, fmpz_poly
from sympy import Expr

from symopt.errors import InexactError

__all__ = ["RealAlgebraic", "enclosure", "evaluate", "proved_sign", "real_roots", "to_decimal"]

#: Beyond this precision a zero test is given up; one evaluation would take seconds.
MAX_BITS = 1 << 18


@lru_cache(maxsize=512)
def _isolated(coefficients: tuple[int, ...], bits: int) -> tuple[arb, ...]:
    """Disjoint balls around the real roots, ascending, each to about ``bits`` relative bits."""
    with flint.ctx.workprec(bits + 10):
        if len(coefficients) == 2:
            return (arb(fmpq(-coefficients[0], coefficients[1])),)
        roots: Any = fmpz_poly(list(coefficients)).complex_roots()
        return tuple(sorted((root.real for root, _ in roots if root.imag == 0), key=arb.mid))


@lru_cache(maxsize=512)
def _root_bound(coefficients: tuple[int, ...]) -> arb:
    """An upper bound of the absolute values of all complex roots."""
    with flint.ctx.workprec(64):
        roots: Any = fmpz_poly(list(coefficients)).complex_roots()
        largest: arb = max(abs(root).upper() for root, _ in roots)
        return largest


@dataclass(frozen=True)
class RealAlgebraic:
    """Real root number ``index`` (ascending, from 0) of an irreducible integer polynomial.

    ``coefficients`` run from the constant one upwards; they have no common factor, and the last
    one is positive. So equal numbers are equal objects.

    >>> RealAlgebraic((-2, 0, 1), 1).expression
    sqrt(2)
    """

    coefficients: tuple[int, ...]
    index: int = 0

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    @property
    def rational(self) -> fmpq | None:
        """The number as a fraction, or ``None`` where it is irrational."""
        if self.degree > 1:
            return None
        return fmpq(-self.coefficients[0], self.coefficients[1])

    def ball(self, bits: int) -> arb:
        """A ball that contains this number and no other root of its polynomial."""
        return _isolated(self.coefficients, bits)[self.index]

    @property
    def expression(self) -> Expr:
        """As SymPy writes it: a fraction, a quadratic surd, or ``CRootOf``."""
        if self.degree == 1:
            return sympy.Rational(-self.coefficients[0], self.coefficients[1])
        if self.degree == 2:
            c, b, a = (sympy.Integer(value) for value in self.coefficients)
            root = sympy.sqrt(b**2 - 4 * a * c)
            return sympy.expand((-b + (root if self.index else -root)) / (2 * a))
        polynomial = sympy.Poly(list(reversed(self.coefficients)), sympy.Symbol("z"))
        return sympy.CRootOf(polynomial, self.index, radicals=False)

    @classmethod
    def from_rational(cls, value: fmpq) -> RealAlgebraic:
        return cls((-int(value.p), int(value.q)))


def real_roots(coefficients: Sequence[int]) -> list[RealAlgebraic]:
    """All real roots of an integer polynomial (constant coefficient first), each once.

    >>> [root.expression for root in real_roots([6, -5, -2, 1, 0])]
    [-2, 1, 3]
    """
    roots = []
    for factor, _ in fmpz_poly(list(coefficients)).factor()[1]:
        sign = 1 if factor.leading_coefficient() > 0 else -1
        irreducible = tuple(sign * int(value) for value in factor.coeffs())
        roots += [RealAlgebraic(irreducible, i) for i in range(len(_isolated(irreducible, 64)))]
    return sorted(roots, key=lambda root: root.ball(64).mid())


def evaluate(polynomial: Any, values: Sequence[Any]) -> Any:
    """A flint polynomial at balls or fractions, one value per generator of its context."""
    powers: list[list[Any]] = []
    for value, degree in zip(values, polynomial.degrees(), strict=True):
        table = [1]
        for _ in range(degree):
            table.append(table[-1] * value)
        powers.append(table)
    return sum(
        (
            prod((powers[i][k] for i, k in enumerate(monomial) if k), start=coefficient)
            for monomial, coefficient in polynomial.to_dict().items()
        ),
        start=fmpq(0),
    )


def _bit_length(size: arb) -> int:
    ceiling: Any = size.upper().ceil().unique_fmpz()
    return int(ceiling).bit_length()


def _zero_bits(polynomial: Any, point: Sequence[RealAlgebraic]) -> int:
    """How small, in bits, a value that is not zero can be (see the head of this module)."""
    with flint.ctx.workprec(64):
        degrees = polynomial.degrees()
        leading = prod(
            coordinate.coefficients[-1] ** degree
            for coordinate, degree in zip(point, degrees, strict=True)
        )
        bounds = [_root_bound(coordinate.coefficients) for coordinate in point]
        absolute = polynomial.context().from_dict(
            {monomial: abs(value) for monomial, value in polynomial.to_dict().items()}
        )
        largest = _bit_length(abs(arb(evaluate(absolute, bounds))) * leading + 1)
        conjugates = prod(
            coordinate.degree for coordinate, degree in zip(point, degrees, strict=True) if degree
        )
        return (conjugates - 1) * largest + int(leading).bit_length() + 1


def proved_sign(polynomial: Any, point: Sequence[RealAlgebraic], what: str = "a sign") -> int:
    """The exact sign, -1, 0 or 1, of an integer polynomial at real algebraic numbers.

    Raises :class:`~symopt.errors.InexactError` where the proof would need too many digits.
    """
    fractions = [coordinate.rational for coordinate in point]
    if all(value is not None for value in fractions):
        value = evaluate(polynomial, fractions)
        return int(value > 0) - int(value < 0)
    smallest, bits = None, 64
    while bits <= MAX_BITS:
        with flint.ctx.workprec(bits):
            ball = arb(evaluate(polynomial, [coordinate.ball(bits) for coordinate in point]))
            if not ball.contains(0):
                return 1 if ball > 0 else -1
            if smallest is None:
                smallest = _zero_bits(polynomial, point)
            if ball.abs_upper() < arb(2) ** (-smallest):
                return 0
        bits = max(2 * bits, min(smallest + 64, 16 * bits))
    where = ", ".join(str(coordinate.ball(64)) for coordinate in point)
    raise InexactError(
        f"{what} at ({where}) is undecided: to prove that it is zero would take {smallest} bits, "
        f"more than {MAX_BITS}; evaluate the point in ball arithmetic instead"
    )


def enclosure(expression: Expr, bits: int) -> arb:
    """A ball that contains a constant made of fractions, roots, ``CRootOf``, pi and E.

    Raises :class:`~symopt.errors.InexactError` for anything else.
    """
    with flint.ctx.workprec(bits):
        return _ball(expression, bits)


def _ball(expression: Expr, bits: int) -> arb:
    if isinstance(expression, sympy.Rational):
        return arb(fmpq(int(expression.p), int(expression.q)))
    if isinstance(expression, sympy.CRootOf):
        polynomial = expression.poly.clear_denoms(convert=True)[1]
        coefficients = [int(value) for value in reversed(polynomial.all_coeffs())]
        root: arb = _isolated(tuple(coefficients), bits)[expression.index]
        return root
    if isinstance(expression, sympy.Add):
        total: arb = sum((_ball(part, bits) for part in expression.args), start=arb(0))
        return total
    if isinstance(expression, sympy.Mul):
        product: arb = prod((_ball(part, bits) for part in expression.args), start=arb(1))
        return product
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.args
        power: arb = _ball(base, bits) ** (
            int(exponent) if exponent.is_Integer else _ball(exponent, bits)
        )
        return power
    constants = {sympy.pi: arb.pi, sympy.E: arb.const_e}
    if expression in constants:
        return constants[expression]()
    functions = {sympy.exp: arb.exp, sympy.log: arb.log, sympy.sin: arb.sin, sympy.cos: arb.cos}
    if type(expression) in functions:
        return functions[type(expression)](_ball(expression.args[0], bits))
    raise InexactError(f"{expression} is not a constant that ball arithmetic can enclose")


def to_decimal(expression: Expr, digits: int = 10) -> str:
    """A constant in decimals, off by less than one unit of the last digit that is shown.

    >>> to_decimal(sympy.sqrt(2), 12)
    '1.41421356237'
    >>> to_decimal(sympy.Integer(0))
    '0'
    """
    if expression == 0:
        return "0"
    bits = 4 * digits + 32
    while bits <= MAX_BITS:
        ball = enclosure(expression, bits)
        if ball.rel_accuracy_bits() > 3.4 * digits + 4:
            return str(ball.str(digits, radius=False))
        bits *= 2
    raise InexactError(f"{expression} is too close to zero to show {digits} digits of it")
