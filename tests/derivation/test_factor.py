"""Scalar factors of array expressions, drawn out for all sizes."""

from fractions import Fraction

import pytest

from symopt.array import data, exp, let, mean, parameter, size, total
from symopt.derivation.array.factor import ratio

X, y, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
r = let("r", X @ w - y)
N = size("n")


@pytest.mark.parametrize(
    ("left", "right", "factor"),
    [
        (X.T @ (2 * r / N), X.T @ r / N, 2),
        (-(X.T @ (X @ w - y)), 3 * (X.T @ r), Fraction(-1, 3)),
        (total(r / N), mean(r) / 2, 2),
        (2 * (r * (r / 4)), r * r, Fraction(1, 2)),
        (total(X * (N * 2), axis=0), N * total(X, axis=0), 2),
        (X.T @ r, X.T @ r / N, None),
        (X.T @ r, X.T @ (r + y), None),
        (exp(2 * r), exp(r), None),
        ((2 * r) + r, 3 * r, None),
    ],
)
def test_factors_come_out_of_linear_operations_alone(left, right, factor):
    assert ratio(left, right) == factor
