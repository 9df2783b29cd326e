"""Yogi: Adam whose second moment moves by a step of bounded size, up or down, by a sign.

The paper starts at zero and corrects no bias. Implementations start v at 1e-6, some of them m too,
and correct both as if they had started at zero.
"""

from symopt.catalogue.rules import adam
from symopt.statement.source import Source
from symopt.statement.symbols import beta2, epsilon, eta, g, m, sign, v

_SIGNED = v - (1 - beta2) * sign(v - g**2) * g**2

yogi = adam.adam_uncorrected.variant(
    "Yogi",
    {v: _SIGNED},
    source=Source("zaheer2018adaptive", "Algorithm 2"),
    hyperparameters={eta: "1/100", epsilon: "1e-3"},
)

yogi_optax = adam.adam.variant(
    "Yogi as in optax",
    {v: _SIGNED},
    source=Source("optax0.2.8", "optax/_src/transform.py:757-810"),
    hyperparameters={eta: "1/100", epsilon: "1e-3"},
    state={m: "1e-6", v: "1e-6"},
    note="Both moments start at 1e-6 and are corrected as if they had started at zero.",
)

yogi_tensorflow_addons = adam.adam_epsilon_hat.variant(
    "Yogi as in TensorFlow Addons",
    {v: _SIGNED},
    source=Source("tensorflow-addons0.23.0", "tensorflow_addons/optimizers/yogi.py"),
    hyperparameters={eta: "1/100", epsilon: "1e-3"},
    state={v: "1e-6"},
)

yogi_squared_sign = yogi_optax.variant(
    "Yogi, sign lost in a square",
    {v: beta2 * v + (1 - beta2) * (sign(v - g**2) * g**2) ** 2},
    source=Source("optax0.2.8", "the rule before pull request 288"),
    defect=(
        "departs from Zaheer et al. (2018), Algorithm 2: the signed term is squared, so its sign "
        "is lost and the fourth power of the gradient is averaged"
    ),
)
