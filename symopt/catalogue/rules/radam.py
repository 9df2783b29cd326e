"""RAdam: Adam that waits until the variance of its second moment is tractable, then rectifies.

rho_t, the length of the approximated simple moving average, decides: above a threshold the step is
Adam's times r_t; below it, momentum without the second moment. The paper's threshold is 4 (with
beta2 = 0.999 passed at step 5), frameworks take 5 (passed at step 6). The paper has no epsilon;
PyTorch adds it to the root of the raw second moment, optax to the root of the corrected one.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    beta1, beta2, epsilon, eta, g, grad, m, m_hat, r_t, rho_inf, rho_t, sqrt, t, v, v_hat, where, x,
)  # fmt: skip

#: r_t of the paper; its root is real only above 4, so each rule takes it under its condition.
RECTIFICATION = sqrt((rho_t - 4) * (rho_t - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho_t))
_LINES = [
    (g, grad(x)),
    (m, beta1 * m + (1 - beta1) * g),
    (v, beta2 * v + (1 - beta2) * g**2),
    (m_hat, m / (1 - beta1**t)),
    (rho_inf, 2 / (1 - beta2) - 1),
    (rho_t, rho_inf - 2 * t * beta2**t / (1 - beta2**t)),
]

radam = adam.adam.variant(
    "RAdam",
    source=Source("liu2020variance", "Algorithm 2"),
    hyperparameters={epsilon: None},
    update=[
        *_LINES,
        (r_t, where(rho_t > 4, RECTIFICATION, 0)),
        (x, x - eta * where(rho_t > 4, r_t * m_hat * sqrt((1 - beta2**t) / v), m_hat)),
    ],
)

radam_epsilon = adam.adam.variant(
    "RAdam with epsilon",
    source=Source("liu2020variance", "Algorithm 2, with epsilon added to the root of v"),
    update=[
        *_LINES,
        (r_t, where(rho_t > 4, RECTIFICATION, 0)),
        (x, x - eta * where(
            rho_t > 4, r_t * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + epsilon), m_hat)),
    ],
    note="The paper's threshold with PyTorch's epsilon, as in forks of the authors' code.",
)  # fmt: skip

radam_pytorch = adam.adam.variant(
    "RAdam as in PyTorch",
    source=Source("pytorch2.13.0", "torch/optim/radam.py:313-359"),
    update=[
        *_LINES,
        (r_t, where(rho_t > 5, RECTIFICATION, 0)),
        (x, x - eta * where(
            rho_t > 5, r_t * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + epsilon), m_hat)),
    ],
    note="torch-optimizer and Paddle too; torch-optimizer's threshold is met at 5.",
)  # fmt: skip

radam_optax = adam.adam.variant(
    "RAdam as in optax",
    source=Source("optax0.2.8", "optax/_src/transform.py:813-889"),
    update=[
        *_LINES,
        (v_hat, v / (1 - beta2**t)),
        (r_t, where(rho_t >= 5, RECTIFICATION, 0)),
        (x, x - eta * where(rho_t >= 5, r_t * m_hat / (sqrt(v_hat) + epsilon), m_hat)),
    ],
)

radam_waiting = radam_pytorch.variant(
    "RAdam that stands still until it rectifies",
    {
        r_t: where(rho_t >= 5, RECTIFICATION, 0),
        x: x - eta * r_t * m_hat * sqrt(1 - beta2**t) / (sqrt(v) + epsilon),
    },
    source=Source(
        "pytorch-optimizer4.1.0", "pytorch_optimizer/optimizer/radam.py, degenerated_to_sgd=False"
    ),
)
