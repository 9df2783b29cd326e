"""Adafactor for a vector: RMSProp with a decay that grows, a clipped step and a relative size.

The second moment of a vector is not factored, so this is the paper's algorithm for vectors. The
first step is a sign step: the decay is 0 there. The step's root mean square is limited to delta,
and its size is relative to the root mean square of the parameter.
"""

from sympy import Rational

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, Min, U, V, beta2_t, delta, epsilon, epsilon_root, eta, eta_t, g, grad, rms, sqrt, t, x,
)  # fmt: skip

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
