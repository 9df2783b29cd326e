"""Stationary points of one rational part of an objective, with values and kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import flint
import sympy
from sympy import Expr, S, Symbol

from symopt.derivation.algebraic import proved_sign
from symopt.derivation.polynomial_system import image, solve
from symopt.derivation.polynomials import Point
from symopt.errors import InexactError

__all__ = ["Block", "Kind", "independent_parts"]

Kind = Literal["minimum", "maximum", "saddle", "degenerate"]

#: The largest degree of an objective.
MAX_DEGREE = 100
#: A value whose polynomial would need a larger degree is left as the expression at the point.
MAX_VALUE_DEGREE = 30
#: Coefficient k has the sign of slope**k where all eigenvalues are positive, or all negative.
_DEFINITE: tuple[tuple[Kind, int], ...] = (("minimum", -1), ("maximum", 1))


@dataclass(frozen=True)
class Block:
    """A part P/Q of the objective that shares no variable with the rest.

    ``equations`` are P_i*Q - P*Q_i divided by their common factor with Q; with Q = 1 the gradient.
    """

    variables: tuple[Symbol, ...]
    numerator: Any
    denominator: Any
    scale: int
    equations: tuple[Any, ...]
    divisor: Any

    @classmethod
    def of(cls, part: Expr, variables: tuple[Symbol, ...], where: str) -> Block:
        above, below = (part, S.One)
        if not part.is_polynomial(*variables):
            above, below = sympy.fraction(sympy.cancel(sympy.together(part)))
        context = flint.fmpz_mpoly_ctx.get(tuple(v.name for v in variables), "lex")
        polynomials, scale = [], [1, 1]
        for i, expression in enumerate((above, below)):
            polynomial = sympy.Poly(expression, *variables, domain="QQ")
            if polynomial.total_degree() > MAX_DEGREE:
                raise InexactError(
                    f"{where} are roots of polynomials of degree {polynomial.total_degree()}, "
                    f"more than {MAX_DEGREE}; search numerically"
                )
            factor, integral = polynomial.clear_denoms(convert=True)
            scale[i] = int(factor)
            terms = integral.as_dict()
            polynomials.append(context.from_dict({m: int(value) for m, value in terms.items()}))
        # P/Q = (p / s0) / (q / s1) with p, q integral
        p, q = polynomials[0] * scale[1], polynomials[1]
        n = len(variables)
        equations = [p.derivative(i) * q - p * q.derivative(i) for i in range(n)]
        divisor = context.constant(1)
        while not (shared := _common(equations, q)).is_constant():
            equations = [equation / shared for equation in equations]
            divisor *= shared
        return cls(variables, p, q, scale[0], tuple(equations), divisor)

    def solve(self) -> list[tuple[Point, Expr | None, Kind]]:
        """Each point with the value of this part (``None`` if too large to state) and its kind."""
        found = []
        invariants = None
        for point in solve(self.equations, range(len(self.variables))):
            if proved_sign(self.denominator, point, "the denominator") == 0:
                continue
            invariants = invariants or self._invariants()
            found.append((point, self._value(point), self._kind(invariants, point)))
        return found

    def _invariants(self) -> list[Any]:
        """Coefficients c1..cn of the characteristic polynomial of the Hessian's multiple.

        At a critical point the Hessian of P/Q is the Jacobian of the equations times
        ``divisor``/Q**2. Computed by the algorithm of Faddeev and LeVerrier.
        """
        n = len(self.variables)
        matrix = [[self.divisor * equation.derivative(i) for i in range(n)]
                  for equation in self.equations]  # fmt: skip
        if all(entry.is_constant() for row in matrix for entry in row):
            numbers = flint.fmpz_mat([[int(e.leading_coefficient()) if e != 0 else 0 for e in row]
                                      for row in matrix])  # fmt: skip
            constant = self.numerator.context().constant
            return [constant(value) for value in reversed(numbers.charpoly().coeffs()[:-1])]
        coefficients: list[Any] = []
        power = matrix
        for k in range(1, n + 1):
            trace = sum((power[i][i] for i in range(n)), start=0 * self.divisor)
            coefficients.append(trace * -1 / k)
            shifted = [[power[i][j] + (coefficients[-1] if i == j else 0) for j in range(n)]
                       for i in range(n)]  # fmt: skip
            power = [[sum((matrix[i][m] * shifted[m][j] for m in range(n)), start=0 * trace)
                      for j in range(n)] for i in range(n)]  # fmt: skip
        return coefficients

    def _kind(self, invariants: Sequence[Any], point: Point) -> Kind:
        """By the rule of signs of Descartes, which is exact as all eigenvalues are real."""
        what = "a coefficient of the Hessian's characteristic polynomial"
        if proved_sign(invariants[-1], point, f"the determinant of the Hessian, {what},") == 0:
            return "degenerate"
        for kind, slope in _DEFINITE:
            if all(
                proved_sign(c, point, what) == slope**k
                for k, c in reversed(list(enumerate(invariants, start=1)))
            ):
                return kind
        return "saddle"

    def _value(self, point: Point) -> Expr | None:
        if not self.denominator.is_constant():
            return None
        if prod(a.degree for a in point) > MAX_VALUE_DEGREE:
            zero = proved_sign(self.numerator, point, "the sign of the value") == 0
            return S.Zero if zero else None
        denominator = self.scale * int(self.denominator.leading_coefficient())
        value = image(self.numerator, denominator, point)
        simple = value.degree <= max(2, *(a.degree for a in point))
        return value.expression if simple else None


def _common(equations: Sequence[Any], q: Any) -> Any:
    for equation in equations:
        q = q.gcd(equation)
    return q


def independent_parts(
    expression: Expr, variables: Sequence[Symbol]
) -> tuple[Expr, list[tuple[tuple[Symbol, ...], Expr]]]:
    """A constant, and parts of a sum that share no variable: their critical points combine."""
    constant, moving = expression.as_independent(*variables, as_Add=True)
    if moving.is_polynomial(*variables):
        moving = sympy.Poly(moving, *variables).as_expr()
    groups: list[tuple[set[Symbol], list[Expr]]] = [({v}, []) for v in variables]
    for term in sympy.Add.make_args(moving):
        if not term.free_symbols:
            constant += term
            continue
        touched = [group for group in groups if group[0] & term.free_symbols]
        groups = [group for group in groups if not group[0] & term.free_symbols]
        symbols = set().union(*(group[0] for group in touched))
        terms = [old for group in touched for old in group[1]]
        groups.append((symbols, [*terms, term]))
    return constant, [
        (tuple(v for v in variables if v in symbols), sympy.Add(*terms))
        for symbols, terms in groups
    ]
