"""AMSGrad: Adam whose second moment may not fall.

The paper corrects no bias and has no epsilon. Frameworks correct, and then it matters whether the
maximum is taken *before* the correction (of the raw v: PyTorch, Keras) or *after* it (optax). The
corrected v of an early step is larger than the raw one, so the two part from the second step on.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, beta1, beta2, epsilon, eta, eta_t, m, m_hat, sqrt, t, v, v_hat, v_max, x,
)  # fmt: skip

amsgrad = adam.adam.variant(
    "AMSGrad",
    {m_hat: None, v_hat: None, v_max: Max(v_max, v), x: x - eta * m / sqrt(v_max)},
    source=Source("reddi2018convergence", "Algorithm 2"),
    hyperparameters={epsilon: None},
    state={v_max: 0},
    note="Without epsilon, a gradient that is zero from the start gives 0/0.",
)

amsgrad_pytorch = adam.adam.variant(
    "AMSGrad, maximum before bias correction",
    {v_max: Max(v_max, v), m_hat: m / (1 - beta1**t), v_hat: v_max / (1 - beta2**t)},
    source=Source("pytorch2.13.0", "torch/optim/adam.py:537-542, amsgrad=True"),
    state={v_max: 0},
)

amsgrad_keras = adam.adam_epsilon_hat.variant(
    "AMSGrad, folded form with epsilon hat",
    {v_max: Max(v_max, v), eta_t: eta * sqrt(1 - beta2**t) / (1 - beta1**t),
     x: x - eta_t * m / (sqrt(v_max) + epsilon)},
    source=Source("keras3.15.1", "keras/src/optimizers/adam.py:117-137, amsgrad=True"),
    hyperparameters={epsilon: "1e-7"},
    state={v_max: 0},
)  # fmt: skip

amsgrad_optax = adam.adam.variant(
    "AMSGrad, maximum after bias correction",
    {v_max: Max(v_max, v_hat), x: x - eta * m_hat / (sqrt(v_max) + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:373-378"),
    state={v_max: 0},
)

amsgrad_optax_raw_second_moment = adam.adam.variant(
    "AMSGrad, second moment not corrected",
    {v_hat: None, v_max: Max(v_max, v), x: x - eta * m_hat / (sqrt(v_max) + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:363-381, bias_correction_nu=False"),
    state={v_max: 0},
)

amsgrad_optax_uncorrected = amsgrad.variant(
    "AMSGrad with epsilon",
    {x: x - eta * m / (sqrt(v_max) + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:363-381, both corrections off"),
    hyperparameters={epsilon: "1e-8"},
)
