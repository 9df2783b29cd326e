"""Adaptive gradient descent: the learning rate from how much the gradient changed on the way.

Step over change of gradient estimates one over the curvature met; half of it bounds the learning
rate, and so does a growth limit. pytorch_optimizer, in its ASGD, divides the *difference of the
norms* where the paper has the *norm of the difference*: a gradient that only turns looks unchanged.
"""

from sympy import Eq

from symopt.catalogue.rules import gradient_descent
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Min, Piecewise, alpha, epsilon, eta, eta_t, first_step, g, grad, norm, sqrt, t, tau, variable,
    where, x, x_previous,
)  # fmt: skip

theta, g_previous, eta_next, ell, x_norm, g_norm = variable(
    "theta g_previous eta_next ell x_norm g_norm"
)
p, q = variable("p q")

adaptive_gradient_descent = gradient_descent.gradient_descent.variant(
    "Adaptive gradient descent",
    source=Source("malitsky2020adaptive", "Algorithm 1"),
    hyperparameters={eta: "1e-6"},
    state={eta_t: eta, theta: 0, x_previous: x, g_previous: 0},
    update=[
        (g, grad(x)),
        (ell, norm(x - x_previous) / (2 * norm(g - g_previous))),
        (eta_next, Piecewise(
            (eta_t, Eq(t, 1)), (ell, Eq(t, 2)), (Min(sqrt(1 + theta) * eta_t, ell), True))),
        (theta, eta_next / eta_t),
        (eta_t, eta_next),
        (x_previous, x),
        (g_previous, g),
        (x, x - eta_t * g),
    ],
    note="The growth limit starts at infinity, so the second step has none. eta is the first rate.",
)  # fmt: skip

asgd_pytorch_optimizer = adaptive_gradient_descent.variant(
    "ASGD as in pytorch_optimizer, adaptive gradient descent",
    source=Source("pytorch-optimizer4.1.0", "pytorch_optimizer/optimizer/sgd.py, ASGD"),
    hyperparameters={eta: "1/100", alpha: "1/50", tau: 1, epsilon: "1e-5"},
    state={theta: 1, x_previous: None, g_previous: None, x_norm: 0, g_norm: 0},
    update=[
        (g, grad(x)),
        (p, first_step(0, norm(x) - x_norm)),
        (q, first_step(1, norm(g) - g_norm)),  # never looked at where p is 0
        (eta_next, eta_t * sqrt(1 + alpha * theta)),
        (eta_next, where(p > 0, where(
            q > 0, Min(eta_next, p / (tau * q)) + epsilon, eta_next), eta_next)),
        (theta, eta_next / eta_t),
        (eta_t, eta_next),
        (x_norm, norm(x)),
        (g_norm, norm(g)),
        (x, x - eta_t * g),
    ],
    defect=(
        "departs from Malitsky and Mishchenko (2020), Algorithm 1: differences of norms stand "
        "where the paper has norms of differences, and epsilon is added to the learning rate"
    ),
    note="alpha is the amplifier of growth, tau the damping.",
)  # fmt: skip
