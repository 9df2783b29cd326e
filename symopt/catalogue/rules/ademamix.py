"""AdEMAMix: Adam with a second, much slower average of the gradients in the numerator.

The slow average enters with weight alpha and is not corrected for its start at zero. The
simplified form needs only one: a sum with a decay, to which the new gradient is added once more.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    alpha, beta1, beta2, epsilon, epsilon_root, eta, g, grad, hyperparameter, lamda, m, m_hat, sqrt,
    t, v, v_hat, variable, x,
)  # fmt: skip

beta3 = hyperparameter("beta3")
m_slow = variable("m_slow")

ademamix = adam.adam.variant(
    "AdEMAMix",
    {m_slow: beta3 * m_slow + (1 - beta3) * g,
     v: beta2 * v + (1 - beta2) * g**2,
     x: x - eta * ((m_hat + alpha * m_slow) / (sqrt(v_hat) + epsilon) + lamda * x)},
    source=Source("pagliardini2025ademamix", "Algorithm 1, without its schedules"),
    hyperparameters={beta3: "9999/10000", alpha: 5, lamda: 0},
    state={m_slow: 0},
    note="optax's too; the paper warms alpha and beta3 up, which schedules of t can say.",
)  # fmt: skip

ademamix_simplified = adam.adam.variant(
    "AdEMAMix, simplified",
    source=Source("optax0.2.8", "optax/contrib/_ademamix.py, scale_by_simplified_ademamix"),
    hyperparameters={beta1: "99/100", beta2: "95/100", alpha: 0, epsilon_root: 0, lamda: 0},
    update=[
        (g, grad(x)),
        (m, beta1 * m + g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (v_hat, v / (1 - beta2**t)),
        (x, x - eta * ((m + alpha * g) / (sqrt(v_hat + epsilon_root) + epsilon) + lamda * x)),
    ],
    note="At alpha = 0 it is Adam with a sum for an average: its steps are 1/(1 - beta1) as long.",
)
