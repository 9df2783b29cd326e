"""Ridge and lasso: least squares with a penalty on the weights, not on the bias."""

from symopt.statement.array import (
    ArrayObjective,
    absolute,
    data,
    frobenius,
    let,
    mean,
    parameter,
    square,
    total,
)
from symopt.statement.source import Source

X, y, lam = data("X", "n", "d"), data("y", "n"), data("lam")
w, b = parameter("w", "d"), parameter("b")
r = let("r", X @ w + b - y)

ridge = ArrayObjective(
    mean(square(r)) + lam * frobenius(w),
    parameters=(w, b),
    data=(X, y, lam),
    title="Ridge regression",
    source=Source("hastie2009elements", "eq. (3.41)"),
    note="The mean over the samples in the place of the sum: lam is 1/n of the book's.",
)

lasso = ArrayObjective(
    mean(square(r)) / 2 + lam * total(absolute(w)),
    parameters=(w, b),
    data=(X, y, lam),
    title="Lasso",
    source=Source("hastie2009elements", "eq. (3.52)"),
    note="The mean over the samples in the place of the sum: lam is 1/n of the book's. Where a "
    "weight is 0 the gradient is the subgradient with 0 for its absolute value.",
)
