"""Adafactor for a vector: RMSProp with a decay that grows, a clipped step and a relative size.

The second moment of a vector is not factored, so this is the paper's algorithm for vectors. The
first step is a sign step: the decay is 0 there. The step's root mean square is limited to delta,
and its size is relative to the root mean square of the parameter.
"""

from sympy import Rational

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, Min, U, V, beta2_t, delta, epsilon, epsilon_root, eta, eta_t, g, grad, hyperparameter,
    kappa, lamda, rms, sqrt, t, x,
)  # fmt: skip

beta2_decay = hyperparameter("beta2_decay")

adafactor = Rule(
    title="Adafactor",
    source=Source("shazeer2018adafactor", "Algorithm 5, with the constants of Section 8"),
    hyperparameters={eta: "1/100", delta: 1, epsilon_root: "1e-30", epsilon: "1e-3"},
    state={V: 0},
    update=[
        (g, grad(x)),
        (eta_t, Max(epsilon, rms(x)) * Min(eta, 1 / sqrt(t))),
        (beta2_t, 1 - t ** Rational(-4, 5)),
        (V, beta2_t * V + (1 - beta2_t) * (g**2 + epsilon_root)),
        (U, g / sqrt(V)),
        (x, x - eta_t * U / Max(1, rms(U) / delta)),
    ],
    note="epsilon_root is the paper's epsilon 1, epsilon its epsilon 2, delta its d.",
)

adafactor_pytorch = adafactor.variant(
    "Adafactor for a vector, as in PyTorch",
    {
        beta2_t: 1 - t**beta2_decay,
        V: beta2_t * V + (1 - beta2_t) * g**2,
        U: g / sqrt(Max(epsilon_root**2, V)),
    },
    source=Source("pytorch2.13.0", "torch/optim/_adafactor.py:379-416"),
    hyperparameters={beta2_decay: "-4/5", epsilon_root: Rational(1, 2**52)},
    note=(
        "epsilon_root bounds the root from below; it is the machine epsilon of the dtype, here of "
        "binary64. The learning rate is a bound for 1/sqrt(t)."
    ),
)

adafactor_pytorch_decayed = adafactor_pytorch.variant(
    "Adafactor for a vector, as in PyTorch, with weight decay",
    source=Source("pytorch2.13.0", "torch/optim/_adafactor.py:376-416"),
    hyperparameters={lamda: "1/100"},
    update=[
        *adafactor_pytorch.update[:2],
        (x, x * (1 - eta * lamda)),
        *adafactor_pytorch.update[2:],
    ],
    note="The decay has the full learning rate; the step size is taken before the decay.",
)

adafactor_keras = adafactor.variant(
    "Adafactor for a vector, as in Keras",
    {beta2_t: 1 - t**beta2_decay},
    source=Source("keras3.15.1", "keras/src/optimizers/adafactor.py:143-210"),
    hyperparameters={eta: "1/1000", beta2_decay: "-4/5"},
    note="The paper's rule for vectors, with the decay's exponent as a hyperparameter.",
)

adafactor_optax = adafactor.variant(
    "Adafactor for a vector, as in optax",
    {eta_t: eta * Max(epsilon, rms(x)), beta2_t: 1 - t ** (-kappa)},
    source=Source("optax0.2.8", "optax/_src/alias.py:299-326, factorized.py"),
    hyperparameters={eta: "1/1000", kappa: "4/5"},
    note="The learning rate is the step size itself: it does not fall with 1/sqrt(t).",
)
