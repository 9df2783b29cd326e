"""Proximal gradient steps for an L1 penalty: a gradient step, then soft thresholding.

The gradient is that of the smooth part alone: the loss plus lamda1 times the absolute values of all
coordinates is what the steps minimize. Thresholding makes coordinates exactly zero, which
subgradient steps on the whole do not. FISTA takes its step from a point that is ahead of the last
two, which makes the error fall as 1/t^2.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, Max, eta, g, grad, hyperparameter, sign, sqrt, u, variable, x, x_previous,
)  # fmt: skip

lamda1 = hyperparameter("lamda1")
y, r, r_next = variable("y r r_next")

ista = Rule(
    title="ISTA, the proximal gradient step for an L1 penalty",
    source=Source("beck2009fast", "eqs. (1.4)-(1.5)"),
    hyperparameters={eta: "1/100", lamda1: "1/10"},
    state={},
    update=[
        (g, grad(x)),
        (u, x - eta * g),
        (x, sign(u) * Max(Abs(u) - eta * lamda1, 0)),
    ],
    note="The gradient is that of the smooth part; every coordinate is penalized.",
)

fista = ista.variant(
    "FISTA, the accelerated proximal gradient for an L1 penalty",
    source=Source("beck2009fast", "eqs. (4.1)-(4.3)"),
    state={y: x, r: 1},
    update=[
        (g, grad(y)),
        (u, y - eta * g),
        (x_previous, x),
        (x, sign(u) * Max(Abs(u) - eta * lamda1, 0)),
        (r_next, (1 + sqrt(1 + 4 * r**2)) / 2),
        (y, x + (r - 1) / r_next * (x - x_previous)),
        (r, r_next),
    ],
    note="The paper's t_k is written r, for t counts steps here.",
)
