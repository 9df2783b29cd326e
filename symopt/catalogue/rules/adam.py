"""Adam: RMSProp with momentum, and both moving averages corrected for their start at zero.

The variants differ in where epsilon stands. Algorithm 1 adds it to the root of the *corrected*
second moment. The folded form (the end of the paper's Section 2, "epsilon hat") moves both
corrections into the step size and adds epsilon to the root of the *raw* one: the same rule with
epsilon / sqrt(1 - beta2^t) in place of epsilon, about 32 times larger at the first step. Under the
root is a third place, and one implementation subtracts it.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    beta1, beta2, epsilon, epsilon_root, eta, eta_t, g, grad, m, m_hat, sqrt, t, v, v_hat, x,
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

adam_epsilon_inside = adam.variant(
    "Adam, epsilon inside the root",
    {x: x - eta * m_hat / sqrt(v_hat + epsilon)},
    source=Source("qiu2022practice", "chapter 7, Adam"),
)

adam_epsilon_hat = adam.variant(
    "Adam, folded form with epsilon hat",
    source=Source("kingma2015adam", "Section 2, last paragraph"),
    update=[
        (g, grad(x)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (eta_t, eta * sqrt(1 - beta2**t) / (1 - beta1**t)),
        (x, x - eta_t * m / (sqrt(v) + epsilon)),
    ],
    note="Keras, TensorFlow, scikit-learn, MXNet and Chainer; Keras's epsilon is 1e-7.",
)

adam_eps_root = adam.variant(
    "Adam, epsilon outside and inside the root",
    {x: x - eta * m_hat / (sqrt(v_hat + epsilon_root) + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:300"),
    hyperparameters={epsilon_root: 0},
)

adam_epsilon_minus = adam_epsilon_hat.variant(
    "Adam, epsilon subtracted",
    {x: x - eta_t * m / (sqrt(v) - epsilon)},
    source=Source("tensorflow2.21.0", "tensorflow/python/keras/optimizer_v2/adam.py:441"),
    hyperparameters={epsilon: "1e-7"},
    defect=(
        "departs from Kingma and Ba (2015), end of Section 2: epsilon is subtracted from the root "
        "where the paper adds it, so the denominator can vanish"
    ),
)

adam_uncorrected = adam.variant(
    "Adam without bias correction",
    {m_hat: None, v_hat: None, x: x - eta * m / (sqrt(v) + epsilon)},
    source=Source("kingma2015adam", "Section 6.4, without bias correction"),
)
