"""Polynomials with the coefficient of each unknown as one factored product."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy import Expr, Symbol

__all__ = ["collected", "upright"]


def collected(expression: Expr, unknowns: Sequence[Symbol]) -> Expr:
    """A polynomial with the coefficient of each power of the unknowns as one factored product.

    Raises SymPy's ``PolynomialError`` for what is no polynomial in them.

    >>> from sympy.abc import a, b, x
    >>> collected(a*x + b*x + a*b*x, [x])
    x*(a*b + a + b)
    """
    polynomial = sympy.Poly(expression, *unknowns)
    return sympy.Add(
        *(
            upright(sympy.factor(coefficient) * sympy.prod(map(sympy.Pow, unknowns, powers)))
            for powers, coefficient in polynomial.terms()
        )
    )


def upright(product: Expr) -> Expr:
    """``-(eta - 1)*x`` as ``(1 - eta)*x``: a minus sign goes into a difference."""
    if not isinstance(product, sympy.Mul) or not product.could_extract_minus_sign():
        return product
    for factor in product.args:
        if isinstance(factor, sympy.Add) and any(
            term.is_number and term.is_negative for term in factor.args
        ):
            rest = [part for part in product.args if part is not factor and part != -1]
            if len(rest) == len(product.args) - 2:
                return sympy.Mul(*rest, -factor)
    return product
