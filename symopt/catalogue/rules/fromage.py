"""Fromage: a gradient step as long as the parameter times the learning rate, then a rescaling.

The factor 1 / sqrt(1 + eta^2) keeps the parameter's norm from growing where step and parameter are
orthogonal. optax bounds both norms from below.
"""

import sympy

from symopt.catalogue.rules import gradient_descent
from symopt.statement.rule import Hyperparameter
from symopt.statement.source import Source
from symopt.statement.symbols import Max, epsilon, eta, g, norm, sqrt, x

fromage = gradient_descent.gradient_descent.variant(
    "Fromage",
    {x: (x - eta * norm(x) / norm(g) * g) / sqrt(1 + eta**2)},
    source=Source("bernstein2020distance", "Algorithm 1"),
)

fromage_optax = fromage.variant(
    "Fromage as in optax",
    {x: (x - eta * Max(epsilon, norm(x)) / Max(epsilon, norm(g)) * g) / sqrt(1 + eta**2)},
    source=Source("optax0.2.8", "optax/_src/alias.py:1098-1158"),
    hyperparameters={
        epsilon: Hyperparameter(epsilon, sympy.Rational(1, 10**6), sympy.Interval.open(0, sympy.oo))
    },
    note="epsilon is optax's min_norm; at 0, a zero norm would make the ratio 1.",
)
