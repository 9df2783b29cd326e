"""NAdam: Adam with Nesterov's look-ahead in the first moment.

The step mixes this gradient with the average that the *next* step will use. The weights mu_t
follow a schedule, beta1 (1 - 0.96^(t psi) / 2), and the corrections are products of all mu so far.
Dozat's algorithm lets the average itself decay with mu_t and multiplies the corrected second
moment by beta2; no framework does either. Frameworks differ in the schedule: PyTorch has
psi = 1/250, Keras 3 has psi = 1 (it saturates 250 times sooner), optax and timm a constant beta1,
with two corrections or with one.
"""

from sympy import Rational

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Pi, beta1, beta2, epsilon, eta, g, grad, m, m_bar, m_hat, mu_next, mu_t, psi, sqrt, t, v,
    v_hat, x,
)  # fmt: skip

_SLOPE = Rational(96, 100)

nadam = adam.adam.variant(
    "NAdam",
    source=Source("pytorch2.13.0", "torch/optim/nadam.py:347-377"),
    hyperparameters={eta: "1/500", psi: "1/250"},
    state={Pi: 1},
    update=[
        (g, grad(x)),
        (mu_t, beta1 * (1 - _SLOPE ** (t * psi) / 2)),
        (mu_next, beta1 * (1 - _SLOPE ** ((t + 1) * psi) / 2)),
        (Pi, Pi * mu_t),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (m_bar, (1 - mu_t) * g / (1 - Pi) + mu_next * m / (1 - Pi * mu_next)),
        (v_hat, v / (1 - beta2**t)),
        (x, x - eta * m_bar / (sqrt(v_hat) + epsilon)),
    ],
    note="PaddlePaddle, MXNet (for one parameter) and the older Keras follow the same rule.",
)

nadam_keras = nadam.variant(
    "NAdam as in Keras",
    {
        mu_t: beta1 * (1 - _SLOPE**t / 2),
        mu_next: beta1 * (1 - _SLOPE ** (t + 1) / 2),
    },
    source=Source("keras3.15.1", "keras/src/optimizers/nadam.py:119-120"),
    hyperparameters={eta: "1/1000", psi: None, epsilon: "1e-7"},
)

nadam_dozat = nadam.variant(
    "NAdam as in the paper",
    {
        m: mu_t * m + (1 - mu_t) * g,
        v_hat: beta2 * v / (1 - beta2**t),
    },
    source=Source("dozat2016incorporating", "Algorithm 2"),
)

nadam_optax = adam.adam.variant(
    "NAdam with constant momentum",
    {
        m_hat: None,
        m_bar: beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t),
        v_hat: v / (1 - beta2**t),
        x: x - eta * m_bar / (sqrt(v_hat) + epsilon),
    },
    source=Source("optax0.2.8", "optax/_src/transform.py:286-300, nesterov=True"),
)

nadam_timm = nadam_optax.variant(
    "NAdam with constant momentum and one correction",
    {m_bar: (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)},
    source=Source("timm1.0.31", "timm/optim/nadamw.py:319-330"),
    note="The first step is 1 + beta1 times as long as Adam's.",
)
