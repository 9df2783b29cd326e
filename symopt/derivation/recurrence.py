"""The recurrence that x alone satisfies, and the characteristic polynomial of a linear step.

With ``e`` the row that picks x out of the states, the rows ``e, e M, e M**2, ...`` become dependent
after n of them (Cayley and Hamilton: n is at most the number of states), and that dependence *is*
the recurrence: ``x_{t+n} + a_{n-1} x_{t+n-1} + ... + a_0 x_t`` is constant. Its polynomial divides
the characteristic one; where it is of smaller degree, x does not see some of the states.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy import Expr, Matrix, Symbol
from sympy.polys.matrices import DomainMatrix

from symopt.derivation.linear_step import LinearStep
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Program
from symopt.program.normal_form import proved_equal

__all__ = [
    "characteristic",
    "equal",
    "fixed_point",
    "polynomial_of",
    "seen_by_x",
    "seen_from",
    "tidy",
]

#: The variable of characteristic polynomials.
Z = Symbol("z", real=True)


def tidy(expression: Expr) -> Expr:
    """A quotient of polynomials in lowest terms, factored, its sign inside a difference.

    >>> b = sympy.Symbol("b")
    >>> tidy((2 - 2 * b**2) / (1 + b))
    2*(1 - b)
    """
    return upright(sympy.factor(sympy.cancel(expression)))


def upright(product: Expr) -> Expr:
    """The same product with its minus sign, if it has one, inside a difference."""
    number, rest = product.as_coeff_Mul()
    if number < 0:
        factors = list(sympy.Mul.make_args(rest))
        for index, factor in enumerate(factors):
            base, exponent = factor.as_base_exp()
            if base.is_Add and abs(exponent) == 1 and _has_minus(base):
                factors[index] = (-base) ** exponent
                return sympy.Mul(-number, *factors, evaluate=number == -1)
    return product


def _has_minus(total: Expr) -> bool:
    return any(term.could_extract_minus_sign() for term in total.args)


def equal(left: Expr, right: Expr) -> bool:
    """Whether two expressions are proved equal in the normal form, for all values of the symbols.

    >>> a, b = sympy.symbols("a b", real=True)
    >>> equal((a + b) ** 2, a**2 + 2 * a * b + b**2), equal(a, b)
    (True, False)
    """
    return proved_equal(_program(left), _program(right))


def _program(expression: Expr) -> Program:
    graph = Graph()
    symbols: dict[Expr, int] = {
        symbol: graph.input(symbol.name)
        for symbol in sorted(expression.free_symbols, key=lambda symbol: str(symbol.name))
    }
    return graph.program({"value": Reader(graph, symbols).read(expression)})


def characteristic(matrix: Matrix) -> tuple[Expr, ...]:
    """The coefficients a_0, ..., a_{n-1} of the monic polynomial ``det(z I - M)``.

    >>> characteristic(Matrix([[1, 2], [3, 4]]))
    (-2, -5)
    """
    domain = DomainMatrix.from_Matrix(matrix).to_field()
    coefficients = [domain.domain.to_sympy(value) for value in domain.charpoly()]
    return tuple(sympy.cancel(value) for value in reversed(coefficients[1:]))


def polynomial_of(coefficients: Sequence[Expr], variable: Expr = Z) -> Expr:
    """The monic polynomial of these coefficients, a_0 first, at a value of its variable."""
    size = len(coefficients)
    return variable**size + sum(
        (value * variable**power for power, value in enumerate(coefficients)), sympy.S.Zero
    )


def seen_by_x(matrix: Matrix) -> tuple[Expr, ...]:
    """The coefficients a_0, ..., a_{n-1} of the shortest recurrence of x.

    >>> import symopt
    >>> from symopt.derivation.linear_step import linear_step
    >>> seen_by_x(linear_step(symopt.rules.momentum).matrix)
    (mu, eta*lamda - mu - 1)
    """
    return _dependence(matrix, sympy.eye(matrix.rows))


def seen_from(matrix: Matrix, *starts: Matrix) -> tuple[Expr, ...]:
    """The same for x on the states that are reached from starts: what is conserved drops out.

    >>> seen_from(Matrix([[2, 1], [0, 1]]), Matrix([1, 0]))
    (-2,)
    """
    columns = list(starts)
    for _ in range(matrix.rows - 1):
        columns += [(matrix * column).applyfunc(sympy.cancel) for column in columns[-len(starts) :]]
    return _dependence(matrix, Matrix.hstack(*columns))


def _dependence(matrix: Matrix, reached: Matrix) -> tuple[Expr, ...]:
    """The first dependence among the rows ``e M**k``, restricted to the span of some columns."""
    row = Matrix([[1, *[0] * (matrix.rows - 1)]])
    rows = [row * reached]
    while True:
        row = (row * matrix).applyfunc(sympy.cancel)
        following = (row * reached).applyfunc(sympy.cancel)
        known = DomainMatrix.from_Matrix(Matrix.vstack(*rows, following).T).to_field()
        reduced, pivots = known.rref()
        if len(rows) not in pivots:
            found = reduced.to_Matrix()[: len(rows), len(rows)]
            return tuple(sympy.cancel(-value) for value in found)
        rows.append(following)


def fixed_point(step: LinearStep, slope: Expr, unit: Expr) -> Expr | None:
    """Where x rests, or ``None`` where 1 is a root of the characteristic polynomial.

    ``slope`` is the slope of the quadratic at 0; ``unit`` what a constant in the rule counts for
    in this direction.
    """
    shift = step.slope_part * slope + step.unit_part * unit
    if all(entry == 0 for entry in shift):
        return sympy.S.Zero
    free = sympy.eye(step.matrix.rows) - step.matrix
    if sympy.cancel(free.det()) == 0:
        return None
    return tidy((free.adjugate() * shift)[0] / free.det())
