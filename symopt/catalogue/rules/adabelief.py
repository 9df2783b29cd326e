"""AdaBelief: Adam whose second moment measures how far the gradient is from its own average.

s averages (g - m)^2, with m as updated in this step, and epsilon is added to the *stored* s in
every step, so that it accumulates, besides the epsilon of the denominator. AMSGrad's maximum and
RAdam's rectification are offered on top of it, and there implementations part.
"""

from symopt.catalogue.rules import adam, radam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, beta1, beta2, epsilon, epsilon_root, eta, g, grad, m, m_hat, r_t, rho_inf, rho_t, s,
    s_hat, s_max, sqrt, t, v, v_hat, where, x,
)  # fmt: skip

adabelief = adam.adam.variant(
    "AdaBelief",
    {v: None, v_hat: None, s: beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon,
     m_hat: m / (1 - beta1**t), s_hat: s / (1 - beta2**t),
     x: x - eta * m_hat / (sqrt(s_hat) + epsilon)},
    source=Source("zhuang2020adabelief", "Algorithm 2"),
    hyperparameters={epsilon: "1e-16"},
    state={v: None, s: 0},
    note="Defaults of adabelief_pytorch 0.2.1.",
)  # fmt: skip

adabelief_optax = adabelief.variant(
    "AdaBelief as in optax",
    {s: beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root},
    source=Source("optax0.2.8", "optax/_src/transform.py:699-754"),
    hyperparameters={epsilon_root: "1e-16"},
)

adabelief_amsgrad = adabelief.variant(
    "AdaBelief with AMSGrad's maximum",
    {s_max: Max(s_max, s), m_hat: m / (1 - beta1**t), s_hat: s_max / (1 - beta2**t)},
    source=Source("adabelief-pytorch0.2.1", "adabelief_pytorch/AdaBelief.py, amsgrad=True"),
    state={s_max: 0},
)

adabelief_amsgrad_accumulating = adabelief_amsgrad.variant(
    "AdaBelief with AMSGrad's maximum, epsilon accumulated in the maximum",
    {s: beta2 * s + (1 - beta2) * (g - m) ** 2, s_max: Max(s_max, s) + epsilon},
    source=Source("torch-optimizer0.3.0", "torch_optimizer/adabelief.py, amsgrad=True"),
    hyperparameters={epsilon: "1e-8"},
    defect=(
        "departs from Zhuang et al. (2020), Algorithm 2: epsilon goes into the running maximum, "
        "which never decays, and not into s"
    ),
)

_RECTIFIED_LINES = [
    (g, grad(x)),
    (m, beta1 * m + (1 - beta1) * g),
    (s, beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon),
    (m_hat, m / (1 - beta1**t)),
    (rho_inf, 2 / (1 - beta2) - 1),
    (rho_t, rho_inf - 2 * t * beta2**t / (1 - beta2**t)),
]

adabelief_rectified = adabelief.variant(
    "AdaBelief, rectified",
    source=Source("adabelief-pytorch0.2.1", "adabelief_pytorch/AdaBelief.py, rectify=True"),
    update=[
        *_RECTIFIED_LINES,
        (r_t, where(rho_t >= 5, radam.RECTIFICATION, 0)),
        (x, x - eta * where(
            rho_t >= 5, r_t * m_hat * sqrt(1 - beta2**t) / (sqrt(s) + epsilon), m_hat)),
    ],
    note="pytorch_optimizer too, when told to take momentum steps below the threshold.",
)  # fmt: skip

adabelief_rectified_torch_optimizer = adabelief.variant(
    "AdaBelief, rectified as in torch-optimizer",
    source=Source("torch-optimizer0.3.0", "torch_optimizer/adabelief.py, rectify=True"),
    hyperparameters={epsilon: "1e-8"},
    update=[
        *_RECTIFIED_LINES,
        (s_hat, s / (1 - beta2**t)),
        (r_t, where(rho_t > 4, radam.RECTIFICATION, 0)),
        (x, x - eta * where(rho_t > 4, r_t * m_hat / (sqrt(s_hat) + epsilon), m)),
    ],
    note="Below the threshold the step is the raw average m, without bias correction.",
)
