"""Two classes: logistic regression with labels 0 and 1, and with labels -1 and 1."""

from symopt.statement.array import ArrayObjective, data, let, mean, parameter, softplus
from symopt.statement.source import Source

X, y = data("X", "n", "d"), data("y", "n")
w, b = parameter("w", "d"), parameter("b")
z = let("z", X @ w + b)

logistic_regression = ArrayObjective(
    mean(softplus(z) - y * z),
    parameters=(w, b),
    data=(X, y),
    title="Logistic regression, labels 0 and 1",
    source=Source("hastie2009elements", "eq. (4.20)"),
    note="The negative mean of the log-likelihood; log(1 + exp(z)) is computed without overflow.",
)

logistic_regression_signed = ArrayObjective(
    mean(softplus(-(y * z))),
    parameters=(w, b),
    data=(X, y),
    title="Logistic regression, labels -1 and 1",
    source=Source("hastie2009elements", "eq. (10.18)"),
    note="The mean over the samples, with the margin y*z in the place of twice the book's.",
)
