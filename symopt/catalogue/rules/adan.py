"""Adan: Adam with Nesterov's look-ahead written as a difference of gradients.

m averages gradients, v averages their differences d, and n the squares of g + beta2 d, the
gradient that the look-ahead would see. The paper writes the weights of the *new* value (0.02, 0.08,
0.01); the authors' code and everyone since write the decays (0.98, 0.92, 0.99), as here, and the
factor before d and v is the decay beta2. Weight decay divides (a proximal step).
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    beta1, beta2, d, epsilon, epsilon_root, eta, first_step, g, grad, hyperparameter, lamda, m,
    m_hat, sqrt, t, v, v_hat, variable, x,
)  # fmt: skip

beta3 = hyperparameter("beta3")
n, n_hat, g_previous = variable("n n_hat g_previous")

adan = Rule(
    title="Adan",
    source=Source("xie2024adan", "Algorithm 1, bias-corrected as in the authors' code"),
    hyperparameters={
        eta: "1/1000", beta1: "98/100", beta2: "92/100", beta3: "99/100", epsilon: "1e-8",
        lamda: 0,
    },
    state={m: 0, v: 0, n: 0, g_previous: 0},
    update=[
        (g, grad(x)),
        (d, first_step(0, g - g_previous)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * d),
        (n, beta3 * n + (1 - beta3) * (g + beta2 * d) ** 2),
        (m_hat, m / (1 - beta1**t)),
        (v_hat, v / (1 - beta2**t)),
        (n_hat, n / (1 - beta3**t)),
        (x, (x - eta * (m_hat + beta2 * v_hat) / (sqrt(n_hat) + epsilon)) / (1 + eta * lamda)),
        (g_previous, g),
    ],
    note="timm's and pytorch_optimizer's as well.",
)  # fmt: skip

adan_decoupled = adan.variant(
    "Adan with decoupled weight decay",
    {x: x * (1 - eta * lamda) - eta * (m_hat + beta2 * v_hat) / (sqrt(n_hat) + epsilon)},
    source=Source("pytorch-optimizer4.1.0", "pytorch_optimizer/optimizer/adan.py"),
    note="With weight_decouple=True; timm's no_prox=True.",
)

adan_optax = adan.variant(
    "Adan as in optax 0.2.8",
    {
        n: beta3 * n + (1 - beta3) * (g + (1 - beta2) * d) ** 2,
        x: x - eta * ((m_hat + (1 - beta2) * v_hat) / (sqrt(n_hat + epsilon_root) + epsilon)
                      + lamda * x),
    },
    source=Source("optax0.2.8", "optax/_src/transform.py:621-688"),
    hyperparameters={epsilon_root: "1e-8"},
    defect=(
        "departs from Xie et al. (2024), Algorithm 1: the factor before the difference of "
        "gradients and before v is 1 - beta2 = 0.08 where the paper has 0.92, in both places"
    ),
)  # fmt: skip
