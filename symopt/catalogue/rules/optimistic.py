"""Optimistic steps: the last direction is taken back once, the new one applied twice.

The new direction stands for the next one, which is not known yet. Started without a previous
direction, the first step is twice as long; optax takes the first direction as its own predecessor
instead, so that its first step is a plain one.
"""

from symopt.catalogue.rules import adam, gradient_descent, nadam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    alpha, epsilon, eta, first_step, g, hyperparameter, m_bar, m_hat, sqrt, u, v_hat, variable, x,
)  # fmt: skip

omega = hyperparameter("omega")
g_previous, u_previous = variable("g_previous u_previous")

optimistic_gradient_descent = gradient_descent.gradient_descent.variant(
    "Optimistic gradient descent",
    source=Source("daskalakis2018training", "eq. 5"),
    state={g_previous: 0},
    update=[
        *gradient_descent.gradient_descent.update[:1],
        (x, x - 2 * eta * g + eta * g_previous),
        (g_previous, g),
    ],
)

optimistic_gradient_descent_optax = optimistic_gradient_descent.variant(
    "Optimistic gradient descent as in optax",
    {x: x - eta * ((alpha + omega) * g - omega * first_step(g, g_previous))},
    source=Source("optax0.2.8", "optax/_src/transform.py:1351-1376"),
    hyperparameters={alpha: 1, omega: 1},
    note="alpha weighs the gradient, omega (optax's beta) its change.",
)

optimistic_adam = adam.adam.variant(
    "Optimistic Adam",
    source=Source("daskalakis2018training", "Algorithm 1"),
    state={u_previous: 0},
    update=[
        *adam.adam.update[:-1],
        (u, m_hat / (sqrt(v_hat) + epsilon)),
        (x, x - 2 * eta * u + eta * u_previous),
        (u_previous, u),
    ],
)

optimistic_adam_optax = nadam.nadam_optax.variant(
    "Optimistic Adam as in optax",
    source=Source("optax0.2.8", "optax/_src/alias.py:1618-1739"),
    hyperparameters={omega: "1/1000"},
    state={u_previous: 0},
    update=[
        *nadam.nadam_optax.update[:-1],
        (u, m_bar / (sqrt(v_hat) + epsilon)),
        (x, x - (eta + omega) * u + omega * first_step(u, u_previous)),
        (u_previous, u),
    ],
    note="On NAdam's direction by default; omega is the optimism, by default the learning rate.",
)

optimistic_adam_v2 = optimistic_adam_optax.variant(
    "Optimistic Adam as in optax, second version",
    {x: x - eta * ((alpha + omega) * u - omega * first_step(u, u_previous))},
    source=Source("optax0.2.8", "optax/_src/alias.py:1742-1861"),
    hyperparameters={alpha: 1, omega: 1},
)
