"""COCOB: coin betting on every coordinate, without a learning rate.

L is the largest gradient so far, G the sum of their sizes, R the money won, and theta the sum of
negative gradients. The point is the start plus the bet: a fraction of what is owned.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, G, Max, alpha, epsilon, eta, g, grad, variable, x,
)  # fmt: skip

x_start, L, R, theta = variable("x_start L R theta")

cocob = Rule(
    title="COCOB",
    source=Source("orabona2017training", "Algorithm 2"),
    hyperparameters={alpha: 100, epsilon: "1e-8"},
    state={x_start: x, L: epsilon, G: 0, R: 0, theta: 0},
    update=[
        (g, grad(x)),
        (L, Max(L, Abs(g))),
        (G, G + Abs(g)),
        (R, Max(0, R - g * (x - x_start))),
        (theta, theta - g),
        (x, x_start + theta / (L * Max(G + L, alpha * L)) * (L + R)),
        (x_start, x_start),
    ],
    note="epsilon is where L starts; the paper writes g for the negative gradient.",
)

cocob_optax = cocob.variant(
    "COCOB as in optax",
    {g: eta * grad(x)},
    source=Source("optax0.2.8", "optax/contrib/_cocob.py:61-115 and 118-144"),
    hyperparameters={eta: 1},
    note="A learning rate multiplies the gradients; the bets do not change, but for epsilon.",
)
