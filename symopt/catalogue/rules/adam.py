"""Adam."""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    beta1, beta2, epsilon, eta, g, grad, m, m_hat, sqrt, t, v, v_hat, x,
)  # fmt: skip

adam = Rule(
    title="Adam",
    source=Source("kingma2015adam", "Algorithm 1"),
    hyperparameters={eta: "1/1000", beta1: "9/10", beta2: "999/1000", epsilon: "1e-8"},
    state={m: 0, v: 0},
    update=[
        (g, grad(x)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (m_hat, m / (1 - beta1**t)),
        (v_hat, v / (1 - beta2**t)),
        (x, x - eta * m_hat / (sqrt(v_hat) + epsilon)),
    ],
)
