"""Sophia, as far as gradients reach: with the empirical Fisher for the Hessian's diagonal.

Sophia divides an average of gradients by an average h of estimates of the Hessian's diagonal, and
clips every coordinate at 1. Its two estimates need more than a rule may ask for: one a product with
the Hessian and a random vector, the other gradients of labels drawn from the model. Neither is
stated. What is stated is the empirical Fisher, the squared gradient, which the authors compare with
as an ablation, taken in every step. It shows what is Sophia's own: the clipping, and the order.
The paper updates h before the step uses it; optax afterwards, so that its first step, with h = 0,
is a sign step.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, Min, beta1, beta2, epsilon, eta, g, gamma, grad, h, lamda, m, m_hat, t, u, x,
)  # fmt: skip

sophia = Rule(
    title="Sophia with the empirical Fisher",
    source=Source("liu2024sophia", "Algorithm 3, with squared gradients for the estimate, k = 1"),
    hyperparameters={
        eta: "1/1000", beta1: "965/1000", beta2: "99/100", gamma: "1/100", epsilon: "1e-8",
        lamda: "1e-4",
    },
    state={m: 0, h: 0},
    update=[
        (g, grad(x)),
        (m, beta1 * m + (1 - beta1) * g),
        (h, beta2 * h + (1 - beta2) * g**2),
        (x, x * (1 - eta * lamda)),
        (u, m / Max(gamma * h, epsilon)),
        (x, x - eta * Min(1, Max(-1, u))),
    ],
    note="Not the paper's estimates of the Hessian, which no gradient gives. Defaults as in optax.",
)  # fmt: skip

sophia_optax = sophia.variant(
    "Sophia as in optax, with the empirical Fisher",
    source=Source("optax0.2.8", "optax/contrib/_sophia.py:147-205 and 301-317"),
    update=[
        *sophia.update[:2],
        (m_hat, m / (1 - beta1**t)),
        (u, m_hat / Max(gamma * h, epsilon)),
        (x, x - eta * (Min(1, Max(-1, u)) + lamda * x)),
        (h, beta2 * h + (1 - beta2) * g**2),
    ],
    note="With hessian_diagonal_fn the squared gradient and update_interval=1.",
)
