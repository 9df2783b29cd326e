"""ACProp: the gradient, divided by an AdaBelief denominator from before this step.

The step does not see its own gradient in the denominator ("asynchronous"), the deviation is taken
from the average *before* this gradient enters, and there is no momentum in the step. The first
step, which has no denominator yet, is a gradient step.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, beta1, beta2, epsilon, epsilon_root, eta, first_step, g, grad, m, s, s_hat, sqrt, t, x,
)  # fmt: skip

acprop = Rule(
    title="ACProp",
    source=Source("zhuang2021momentum", "Algorithm 2, as in optax/contrib/_acprop.py:59-86"),
    hyperparameters={
        eta: "1/1000", beta1: "9/10", beta2: "999/1000", epsilon: "1e-16", epsilon_root: "1e-16",
    },
    state={m: 0, s: 0},
    update=[
        (g, grad(x)),
        (s_hat, first_step(1, s / (1 - beta2 ** Max(1, t - 1)))),
        (x, x - eta * g / (sqrt(s_hat) + epsilon)),
        (s, beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root),
        (m, beta1 * m + (1 - beta1) * g),
    ],
    note="optax has no default learning rate.",
)  # fmt: skip
