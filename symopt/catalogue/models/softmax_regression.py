"""Several classes: softmax regression with the mean cross-entropy, labels 0, 1, ..., K - 1."""

from symopt.statement.array import (
    ArrayObjective,
    data,
    labels,
    let,
    logsumexp,
    mean,
    onehot,
    parameter,
    total,
)
from symopt.statement.source import Source

X, y = data("X", "n", "d"), labels("y", "n")
W, b = parameter("W", "d", "K"), parameter("b", "K")
Y = let("Y", onehot(y, "K"))
Z = let("Z", X @ W + b)

softmax_regression = ArrayObjective(
    mean(logsumexp(Z) - total(Y * Z, axis=1)),
    parameters=(W, b),
    data=(X, y),
    title="Softmax regression",
    source=Source("bishop2006pattern", "eq. (4.108)"),
    note="The mean over the samples; -log(softmax(z))[k] is written logsumexp(z) - z[k].",
)
