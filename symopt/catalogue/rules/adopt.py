"""ADOPT: the gradient is divided by the *previous* second moment, and only then averaged.

The first step moves nothing: it sets the second moment to the first squared gradient. The clipped
form bounds each quotient by the fourth root of the number of steps since then.
"""

from sympy import Rational

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, Min, beta1, beta2, c, epsilon, eta, first_step, g, grad, m, sqrt, t, u, v, x,
)  # fmt: skip

adopt = Rule(
    title="ADOPT",
    source=Source("taniguchi2024adopt", "Algorithm 2, with clipping at the fourth root"),
    hyperparameters={eta: "1/1000", beta1: "9/10", beta2: "9999/10000", epsilon: "1e-6"},
    state={m: 0, v: 0},
    update=[
        (g, grad(x)),
        (c, (t - 1) ** Rational(1, 4)),
        (u, Min(c, Max(-c, g / Max(sqrt(v), epsilon)))),
        (m, beta1 * m + (1 - beta1) * u),
        (x, x - eta * m),
        (v, first_step(g**2, beta2 * v + (1 - beta2) * g**2)),
    ],
    note="optax's default form.",
)

adopt_unclipped = adopt.variant(
    "ADOPT without clipping",
    {
        c: None,
        u: first_step(0, g / Max(sqrt(v), epsilon)),
    },
    source=Source("taniguchi2024adopt", "Algorithm 1"),
    note="optax's with use_clipping=False.",
)

adopt_nesterov = adopt.variant(
    "ADOPT with Nesterov momentum",
    {x: x - eta * (beta1 * m + (1 - beta1) * u)},
    source=Source("optax0.2.8", "optax/contrib/_adopt.py:85-91, nesterov=True"),
)
