"""LARS: momentum whose step has the length of the parameter, times a trust coefficient.

The paper scales by ||x|| / (||g|| + lambda ||x||), two norms added up; optax by the norm of the
decayed gradient, ||x|| / ||g + lambda x||, which is never smaller. Implementations leave the step
unscaled where the parameter or the gradient is zero; by the paper's formula a zero parameter would
never move. The whole parameter is one layer here.
"""

from symopt.catalogue.rules import momentum
from symopt.statement.source import Source
from symopt.statement.symbols import (
    b, epsilon, eta, g, grad, hyperparameter, lamda, mu, norm, r, u, v, where, x,
)  # fmt: skip

zeta = hyperparameter("zeta")

lars = momentum.momentum_positive_velocity.variant(
    "LARS",
    source=Source("you2017large", "Algorithm 1"),
    hyperparameters={eta: "1/10", lamda: "5e-4", zeta: "1/1000"},
    update=[
        (g, grad(x)),
        (r, zeta * norm(x) / (norm(g) + lamda * norm(x))),
        (v, mu * v + eta * r * (g + lamda * x)),
        (x, x - v),
    ],
    note="The paper's schedule of the learning rate is left to eta; zeta is its LARS coefficient.",
)

lars_tinygrad = lars.variant(
    "LARS as in tinygrad",
    {r: where(norm(x) > 0, where(norm(g) > 0, zeta * norm(x) / (norm(g) + lamda * norm(x)), 1), 1)},
    source=Source("tinygrad0.14.0", "tinygrad/nn/optim.py, LARS, classic=True"),
    hyperparameters={eta: "1/1000", lamda: "1e-4"},
)

lars_tinygrad_buffer = lars_tinygrad.variant(
    "LARS as in tinygrad, learning rate outside the buffer",
    source=Source("tinygrad0.14.0", "tinygrad/nn/optim.py, LARS, classic=False"),
    state={v: None, b: 0},
    update=[
        *lars_tinygrad.update[:2],
        (b, mu * b + g + lamda * x),
        (x, x - eta * r * b),
    ],
    note="The ratio is that of this step, and it scales the whole buffer.",
)

lars_optax = lars.variant(
    "LARS as in optax",
    source=Source("optax0.2.8", "optax/_src/alias.py:1161-1231, transform.py:1056-1074"),
    hyperparameters={eta: "1/1000", lamda: 0, epsilon: 0},
    update=[
        (g, grad(x)),
        (u, g + lamda * x),
        (r, where(norm(x) > 0, where(norm(u) > 0, zeta * norm(x) / (norm(u) + epsilon), 1), 1)),
        (v, mu * v + eta * r * u),
        (x, x - v),
    ],
    note="optax has no default learning rate.",
)
