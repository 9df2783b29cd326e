"""A quadratic and its directions: the axes along which every linear rule moves by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.recurrence import equal
from symopt.errors import InputError
from symopt.statement.array.bound import BoundObjective
from symopt.statement.library import objectives
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.statement.parse import parse_expression

__all__ = ["Direction", "Quadratic", "read_quadratic"]

#: Names that are variables in a quadratic given as text or as an expression; others are constants.
_VARIABLES = ("x", "y", "z")


@dataclass(frozen=True)
class Direction:
    """An eigenvector of the Hessian, its eigenvalue, and the slope at 0 along it.

    ``weights`` take the coordinate along the vector out of a point; ``unit`` is that of
    (1, ..., 1).
    """

    curvature: Expr
    vector: tuple[Expr, ...]
    weights: tuple[Expr, ...]
    slope: Expr
    unit: Expr

    def coordinate(self, point: Sequence[Expr]) -> Expr:
        """The coordinate of a point along this direction."""
        return sum((w * p for w, p in zip(self.weights, point, strict=True)), sympy.S.Zero)


@dataclass(frozen=True)
class Quadratic:
    """``1/2 x^T H x + c^T x + constant``, with the directions in which H is diagonal.

    >>> [direction.curvature for direction in read_quadratic("x*y").directions]
    [-1, 1]
    """

    variables: tuple[Symbol, ...]
    expression: Expr
    directions: tuple[Direction, ...]
    title: str = ""

    @property
    def constants(self) -> tuple[Symbol, ...]:
        """The symbols that are no variables."""
        free = self.expression.free_symbols - set(self.variables)
        return tuple(sorted(free, key=lambda symbol: str(symbol.name)))


def read_quadratic(given: Any, curvature: Symbol | None = None) -> Quadratic:
    """A quadratic from an objective, its name, an expression in x, y, z, or such a text.

    An array objective on data counts with its exact numbers.

    ``None`` is one half of ``curvature`` times x squared. Raises
    :class:`~symopt.errors.InputError` where the expression is not quadratic, or where its
    directions are not found by square roots.
    """
    if given is None:
        letter = curvature or Symbol("lamda", real=True)
        x = Symbol("x", real=True)
        return _quadratic(letter * x**2 / 2, (x,), "")
    if isinstance(given, str) and not re.fullmatch(r"\w+", given):
        names = sorted(set(re.findall(r"[^\W\d]\w*", given)))
        symbols = {name: Symbol(name, real=True) for name in names}
        if curvature is not None:
            symbols[curvature.name] = curvature
        given = parse_expression(given, symbols)
    if isinstance(given, Expr):
        floats = {atom: rational(exact(atom)) for atom in given.atoms(sympy.Float)}
        given = given.xreplace(floats)
        found = sorted(given.free_symbols, key=lambda symbol: str(symbol.name))
        variables = tuple(symbol for symbol in found if symbol.name in _VARIABLES)
        if not variables:
            raise InputError(f"{given}: the variables of a quadratic are x, y and z here")
        return _quadratic(given, variables, "")
    if isinstance(given, BoundObjective):
        given = given.scalar()
    objective: Objective = objectives.resolve(given)
    return _quadratic(objective.expression, objective.variables, objective.title)


def _quadratic(expression: Expr, variables: tuple[Symbol, ...], title: str) -> Quadratic:
    try:
        polynomial = sympy.Poly(expression, *variables)
    except sympy.PolynomialError:
        polynomial = None
    strange = polynomial is not None and any(
        set(variables) & part.free_symbols for part in polynomial.coeffs()
    )
    if polynomial is None or strange or polynomial.total_degree() > 2:
        raise InputError(
            f"{title or expression} is not a quadratic in {', '.join(map(str, variables))}; closed "
            "forms for every step exist on quadratics only. symopt.unroll writes the first steps "
            "on any objective"
        )
    hessian = sympy.hessian(polynomial.as_expr(), variables)
    slope = [sympy.diff(polynomial.as_expr(), v).xreplace(dict.fromkeys(variables, sympy.S.Zero))
             for v in variables]  # fmt: skip
    return Quadratic(variables, expression, tuple(_directions(hessian, slope)), title)


def _directions(hessian: Matrix, slope: list[Expr]) -> list[Direction]:
    size = hessian.rows
    if hessian.is_diagonal():
        pairs = [
            (hessian[i, i], [sympy.Integer(int(i == j)) for j in range(size)]) for i in range(size)
        ]
    elif size == 2:
        pairs = _two(hessian)
    else:
        pairs = _by_roots(hessian)
    found = []
    for curvature, vector in pairs:
        square = sympy.radsimp(sympy.expand(sum(part**2 for part in vector)))
        weights = tuple(sympy.radsimp(part / square) for part in vector)
        for row, part in enumerate(vector):
            image = sum((hessian[row, k] * vector[k] for k in range(size)), sympy.S.Zero)
            if not equal(image, curvature * part):
                raise InputError(f"{curvature} is not proved to be an eigenvalue of {hessian}")
        along = sum((w * c for w, c in zip(weights, slope, strict=True)), sympy.S.Zero)
        found.append(
            Direction(curvature, tuple(vector), weights, sympy.expand(along),
                      sympy.expand(sum(weights)))
        )  # fmt: skip
    return found


def _two(hessian: Matrix) -> list[tuple[Expr, list[Expr]]]:
    a, b, c = hessian[0, 0], hessian[0, 1], hessian[1, 1]
    root = sympy.sqrt(sympy.factor((a - c) ** 2 + 4 * b**2))
    pairs = []
    for direction in (-1, 1):
        curvature = sympy.expand((a + c + direction * root) / 2)
        pairs.append((curvature, [b, sympy.expand(curvature - a)]))
    return pairs


def _by_roots(hessian: Matrix) -> list[tuple[Expr, list[Expr]]]:
    """Directions by rational eigenvalues and square roots; orthogonal within an eigenspace."""
    if not all(entry.is_Rational for entry in hessian):
        raise InputError(
            "a quadratic with letters in more than two variables must be diagonal here"
        )
    z = Symbol("z")
    factors = sympy.factor_list(hessian.charpoly(z).as_expr(), z)[1]
    pairs: list[tuple[Expr, list[Expr]]] = []
    for factor, _ in factors:
        if sympy.degree(factor, z) > 2:
            raise InputError(
                f"the curvatures of this quadratic are roots of {factor}, of degree "
                f"{sympy.degree(factor, z)}: no square roots express them. symopt.run gives exact "
                "points of single runs"
            )
        for curvature in sympy.roots(sympy.Poly(factor, z)):
            space = (hessian - curvature * sympy.eye(hessian.rows)).nullspace(
                simplify=sympy.radsimp
            )
            for vector in sympy.matrices.dense.GramSchmidt(space):
                pairs.append((curvature, [sympy.radsimp(part) for part in vector]))
    return pairs
