"""Small helpers for flint polynomials in several variables, and what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flint import fmpq

from symopt.derivation.algebraic import RealAlgebraic
from symopt.errors import InexactError

__all__ = [
    "MAX_DEGREE", "NotIsolatedError", "Point", "factors", "full", "replace", "too_large",
    "univariate",
]  # fmt: skip

#: Degree past which a system is refused rather than computed for minutes.
MAX_DEGREE = 300

Point = tuple[RealAlgebraic, ...]


class NotIsolatedError(InexactError):
    """The solutions fill a curve or more; ``equations`` describe it."""

    def __init__(self, equations: Sequence[Any | str]) -> None:
        self.equations = [
            equation
            if isinstance(equation, str)
            else str(equation.primitive()[1]).replace("^", "**")
            for equation in equations
        ]
        super().__init__("the solutions are not isolated: " + ", ".join(self.equations))


def full(values: Sequence[Any], variables: Sequence[int], count: int) -> list[Any]:
    """Values for all generators: 0 for those that do not occur."""
    zero = RealAlgebraic((0, 1)) if values and isinstance(values[0], RealAlgebraic) else fmpq(0)
    padded = [zero] * count
    for i, value in zip(variables, values, strict=True):
        padded[i] = value
    return padded


def univariate(polynomial: Any, i: int) -> list[int]:
    """The coefficients, constant first, of a polynomial in which only generator i occurs."""
    coefficients = [0] * (max(polynomial.degrees()[i], 0) + 1)
    for monomial, value in polynomial.to_dict().items():
        coefficients[monomial[i]] = int(value)
    return coefficients


def replace(polynomial: Any, i: int, numerator: Any, denominator: Any) -> Any:
    """The polynomial with generator i replaced by a fraction, times a power of its denominator."""
    context, top = polynomial.context(), polynomial.degrees()[i]
    if top <= 0:
        return polynomial
    parts: list[dict[tuple[int, ...], Any]] = [{} for _ in range(top + 1)]
    for monomial, value in polynomial.to_dict().items():
        parts[monomial[i]][(*monomial[:i], 0, *monomial[i + 1 :])] = value
    result = context.from_dict({})
    if numerator.total_degree() * polynomial.total_degree() > MAX_DEGREE:
        raise too_large(f"degree {numerator.total_degree()} in degree {top}")
    for k, part in enumerate(parts):
        if part:
            result += context.from_dict(part) * numerator**k * denominator ** (top - k)
    return result


def factors(polynomial: Any) -> list[Any]:
    """The irreducible factors, each once, with a positive leading coefficient."""
    found = [factor for factor, _ in polynomial.factor()[1]]
    return [factor if factor.leading_coefficient() > 0 else -factor for factor in found]


def too_large(what: str) -> InexactError:
    """The error for a system past the limits; ``what`` says in which respect."""
    return InexactError(
        f"the polynomial system is too large to be solved exactly ({what}); search numerically, "
        "and check what is found in ball arithmetic"
    )
