"""FTRL-Proximal: the point is recomputed from sums in every step, and may be exactly zero.

z collects gradients less what the learning rates of the past attribute to the point; n sums squared
gradients. Keras writes the learning rate's power as a hyperparameter and starts n at 1/10.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, Max, Min, eta, g, grad, hyperparameter, sign, sqrt, variable, where, x,
)  # fmt: skip

beta0, lamda1, lamda2 = map(hyperparameter, ["beta0", "lamda1", "lamda2"])
learning_rate_power = hyperparameter("learning_rate_power")
n, n_next, z, sigma = variable("n n_next z sigma")

ftrl = Rule(
    title="FTRL-Proximal",
    source=Source("mcmahan2013ad", "Algorithm 1"),
    hyperparameters={eta: "1/10", beta0: 1, lamda1: 1, lamda2: 1},
    state={n: 0, z: 0},
    update=[
        (g, grad(x)),
        (sigma, (sqrt(n + g**2) - sqrt(n)) / eta),
        (z, z + g - sigma * x),
        (n, n + g**2),
        (x, where(Abs(z) <= lamda1, 0,
                  -(z - sign(z) * lamda1) / ((beta0 + sqrt(n)) / eta + lamda2))),
    ],
    note="The paper computes x when it is needed, from the z and n before; here, after each step.",
)  # fmt: skip

ftrl_keras = ftrl.variant(
    "FTRL as in Keras",
    source=Source("keras3.15.1", "keras/src/optimizers/ftrl.py:171-220"),
    hyperparameters={
        eta: "1/1000", learning_rate_power: "-1/2", beta0: None, lamda1: None, lamda2: None,
    },
    state={n: "1/10"},
    update=[
        (g, grad(x)),
        (n_next, n + g**2),
        (sigma, (n_next ** (-learning_rate_power) - n ** (-learning_rate_power)) / eta),
        (z, z + g - sigma * x),
        (x, -z * eta / n_next ** (-learning_rate_power)),
        (n, n_next),
    ],
    note="Keras's defaults: no regularization, and no beta.",
)  # fmt: skip

ftrl_keras_regularized = ftrl_keras.variant(
    "FTRL as in Keras, regularized",
    {x: (Min(lamda1, Max(-lamda1, z)) - z)
        / (n_next ** (-learning_rate_power) / eta + 2 * (lamda2 + beta0 / (2 * eta)))},
    source=Source("keras3.15.1", "keras/src/optimizers/ftrl.py:171-220"),
    hyperparameters={lamda1: 0, lamda2: 0, beta0: 0},
    note="lamda2 counts twice against the paper's; the L2 shrinkage is left out.",
)  # fmt: skip
