"""D-Adaptation and Prodigy: Adam whose learning rate is an estimate of the distance to go.

The estimate d only grows: it is the largest lower bound so far, a sum of inner products over the
size of a sum of gradients. Both sums run over all coordinates; their ratio is that of the means.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, Max, beta1, beta2, d, epsilon, eta, eta_t, g, grad, hyperparameter, lamda, m, mean, r, s,
    sqrt, t, v, variable, x,
)  # fmt: skip

d0 = hyperparameter("d0")
x_start, d_next = variable("x_start d_next")
_RATE = d * eta * sqrt(1 - beta2**t) / (1 - beta1**t)

d_adaptation_adam = Rule(
    title="D-Adaptation for Adam",
    source=Source("defazio2023learning", "D-Adapt Adam, as in optax/contrib/_dadapt_adamw.py"),
    hyperparameters={
        eta: 1, beta1: "9/10", beta2: "999/1000", epsilon: "1e-8", d0: "1e-6", lamda: 0,
    },
    state={m: 0, v: 0, s: 0, r: 0, d: d0},
    update=[
        (g, grad(x)),
        (eta_t, _RATE),
        (r, sqrt(beta2) * r + (1 - sqrt(beta2)) * eta_t * mean(g * s / (sqrt(v) + epsilon))),
        (m, beta1 * m + (1 - beta1) * eta_t * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (s, sqrt(beta2) * s + (1 - sqrt(beta2)) * eta_t * g),
        (d, Max(d, r / ((1 - sqrt(beta2)) * mean(Abs(s))))),
        (x, x - lamda * eta_t * x - m / (sqrt(v) + epsilon)),
    ],
    note="The inner product reads s and v as they were before this step.",
)  # fmt: skip

prodigy = d_adaptation_adam.variant(
    "Prodigy",
    source=Source("mishchenko2024prodigy", "Algorithm 4, as in optax/contrib/_prodigy.py:111-171"),
    state={x_start: x},
    update=[
        (g, grad(x)),
        (eta_t, _RATE),
        (m, beta1 * m + (1 - beta1) * d * g),
        (v, beta2 * v + (1 - beta2) * (d * g) ** 2),
        (s, sqrt(beta2) * s + eta_t * d * g / d0),
        (r, sqrt(beta2) * r + d / d0 * eta_t * mean(g * (x_start - x))),
        (d_next, Max(d, r / mean(Abs(s)))),
        (x, x - lamda * eta_t * x - eta_t * m / (sqrt(v) + d_next * epsilon)),
        (d, d_next),
        (x_start, x_start),
    ],
    note="The step has the old estimate, its epsilon the new one.",
)
