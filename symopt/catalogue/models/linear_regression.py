"""Least squares with a bias: the mean squared error, and half of it."""

from symopt.statement.array import ArrayObjective, data, let, mean, parameter, square
from symopt.statement.source import Source

X, y = data("X", "n", "d"), data("y", "n")
w, b = parameter("w", "d"), parameter("b")
r = let("r", X @ w + b - y)

linear_regression = ArrayObjective(
    mean(square(r)),
    parameters=(w, b),
    data=(X, y),
    title="Linear regression",
    source=Source("hastie2009elements", "eq. (3.2)"),
    note="The mean over the samples in the place of the sum.",
)

linear_regression_half = ArrayObjective(
    mean(square(r)) / 2,
    parameters=(w, b),
    data=(X, y),
    title="Linear regression, half the mean squared error",
    source=Source("bishop2006pattern", "eq. (3.12)"),
    note="The mean over the samples in the place of the sum; the factor 1/2 stays.",
)
