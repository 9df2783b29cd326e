"""Robust regression: squares up to the threshold 1, straight lines beyond."""

from symopt.statement.array import ArrayObjective, data, huber, let, mean, parameter
from symopt.statement.source import Source

X, y = data("X", "n", "d"), data("y", "n")
w, b = parameter("w", "d"), parameter("b")
r = let("r", X @ w + b - y)

huber_regression = ArrayObjective(
    mean(huber(r, 1)),
    parameters=(w, b),
    data=(X, y),
    title="Huber regression",
    source=Source("hastie2009elements", "eq. (10.23)"),
    note="Half of the book's loss, at the threshold 1, as a mean over the samples.",
)
