"""AdaMax: Adam with the largest recent gradient in place of the root mean square.

The paper has no epsilon, so a gradient that is zero from the start gives 0/0 (MXNet returns NaN
there). PyTorch and optax add epsilon to the new gradient's size, Paddle to the decayed old one,
and Keras to the denominator alone: the first step is the same for all but Paddle's and the
paper's, and from the second on all differ.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, Max, beta1, beta2, epsilon, eta, g, m, m_hat, t, u, v, v_hat, x,
)  # fmt: skip

adamax = adam.adam.variant(
    "AdaMax",
    {v: None, v_hat: None, u: Max(beta2 * u, Abs(g)), m_hat: m / (1 - beta1**t),
     x: x - eta * m_hat / u},
    source=Source("kingma2015adam", "Algorithm 2"),
    hyperparameters={eta: "1/500", epsilon: None},
    state={v: None, u: 0},
)  # fmt: skip

adamax_pytorch = adamax.variant(
    "AdaMax, epsilon added to the gradient's size",
    {u: Max(beta2 * u, Abs(g) + epsilon)},
    source=Source("pytorch2.13.0", "torch/optim/adamax.py:277-303"),
    hyperparameters={epsilon: "1e-8"},
    note="optax too.",
)

adamax_keras = adamax.variant(
    "AdaMax, epsilon added to the denominator",
    {x: x - eta * m_hat / (u + epsilon)},
    source=Source("keras3.15.1", "keras/src/optimizers/adamax.py:117-129"),
    hyperparameters={eta: "1/1000", epsilon: "1e-7"},
)

adamax_paddle = adamax.variant(
    "AdaMax, epsilon added to the decayed maximum",
    {u: Max(beta2 * u + epsilon, Abs(g))},
    source=Source("paddle3.3.1", "python/paddle/optimizer/adamax.py and its kernel"),
    hyperparameters={eta: "1/1000", epsilon: "1e-8"},
)
