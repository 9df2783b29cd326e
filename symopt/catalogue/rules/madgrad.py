"""MADGRAD: dual averaging with cube roots, and momentum by mixing points.

Gradients and their squares are summed with weights that grow like sqrt(t); the point is mixed from
the last one and from the start less the sum over the cube root.
"""

from sympy import Rational

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import epsilon, eta, eta_t, g, grad, mu, s, sqrt, t, variable, x

x_start, nu, z = variable("x_start nu z")

madgrad = Rule(
    title="MADGRAD",
    source=Source("defazio2022adaptivity", "Algorithm 1"),
    hyperparameters={eta: "1/100", mu: "9/10", epsilon: "1e-6"},
    state={x_start: x, s: 0, nu: 0},
    update=[
        (g, grad(x)),
        (eta_t, eta * sqrt(t)),
        (s, s + eta_t * g),
        (nu, nu + eta_t * g**2),
        (z, x_start - s / (nu ** Rational(1, 3) + epsilon)),
        (x, mu * x + (1 - mu) * z),
        (x_start, x_start),
    ],
    note="mu is 1 - c of the paper.",
)

madgrad_optax = madgrad.variant(
    "MADGRAD as in optax",
    {eta_t: (eta + epsilon) * sqrt(t)},
    source=Source("optax0.2.8", "optax/contrib/_madgrad.py:74-131"),
    note="epsilon is added to the learning rate too, as in the authors' code.",
)
