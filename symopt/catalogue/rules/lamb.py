"""LAMB: Adam's direction, made as long as the parameter, times the learning rate.

The paper does this layer by layer; the whole parameter is one layer here. Its weight decay is part
of the direction whose length is divided out. Keras decays first and leaves it out of the
direction. Where the parameter or the direction is zero, the direction keeps its length.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Min, beta1, beta2, epsilon, eta, g, grad, lamda, m, m_hat, norm, r, sqrt, t, u, v,
    v_hat, where, x,
)  # fmt: skip

lamb = adam.adam.variant(
    "LAMB",
    {
        r: m_hat / (sqrt(v_hat) + epsilon),
        u: r + lamda * x,
        x: x - eta * where(norm(x) > 0, where(norm(u) > 0, norm(x) / norm(u), 1), 1) * u,
    },
    source=Source("you2020large", "Algorithm 2"),
    hyperparameters={epsilon: "1e-6", lamda: "1/100"},
    note="The paper's phi is the identity. optax, Paddle, MXNet and timm follow it.",
)

lamb_torch_optimizer = adam.adam_uncorrected.variant(
    "LAMB as in torch-optimizer",
    {
        r: m / (sqrt(v) + epsilon),
        u: r + lamda * x,
        x: x - eta * where(norm(x) > 0, where(norm(u) > 0, Min(norm(x), 10) / norm(u), 1), 1) * u,
    },
    source=Source("torch-optimizer0.3.0", "torch_optimizer/lamb.py, debias=False"),
    hyperparameters={epsilon: "1e-6", lamda: 0},
    note="No bias correction; the parameter's norm counts as at most 10.",
)

lamb_pytorch_optimizer = lamb_torch_optimizer.variant(
    "LAMB as in pytorch_optimizer",
    source=Source("pytorch-optimizer4.1.0", "pytorch_optimizer/optimizer/lamb.py"),
    update=[
        (g, grad(x)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (x, x * (1 - eta * lamda)),
        (r, m / (sqrt(v) + epsilon)),
        (x, x - eta / (1 - beta1**t) * Min(norm(x), 10) / (norm(r) + epsilon) * r),
    ],
    defect=(
        "departs from You et al. (2020), Algorithm 2: the correction 1/(1 - beta1^t) multiplies a "
        "ratio that has no scale left, so the first step is 1/(1 - beta1) times too long"
    ),
)

lamb_keras = adam.adam.variant(
    "LAMB as in Keras",
    source=Source("keras3.15.1", "keras/src/optimizers/lamb.py:89-132"),
    hyperparameters={epsilon: "1e-7", lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (m_hat, m / (1 - beta1**t)),
        (v_hat, v / (1 - beta2**t)),
        (r, m_hat / (sqrt(v_hat) + epsilon)),
        (x, x - eta * where(norm(x) > 0, where(norm(r) > 0, norm(x) / norm(r), 1), 1) * r),
    ],
    note="Keras's own default is no weight decay.",
)
