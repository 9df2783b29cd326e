"""Sign descent: every coordinate moves by the learning rate, against the sign of its gradient.

With momentum (Signum) the sign is that of an average of gradients; a bias correction would not
change it.
"""

from symopt.catalogue.rules import gradient_descent, momentum
from symopt.statement.source import Source
from symopt.statement.symbols import eta, g, b, sign, x

sign_descent = gradient_descent.gradient_descent.variant(
    "Sign descent",
    {x: x - eta * sign(g)},
    source=Source("bernstein2018signsgd", "Algorithm 1"),
    hyperparameters={eta: "1e-4"},
    note="optax's sign_sgd, which has no default learning rate.",
)

signum = momentum.momentum_ema.variant(
    "Signum",
    {x: x - eta * sign(b)},
    source=Source("bernstein2018signsgd", "Algorithm 2"),
    hyperparameters={eta: "1e-4"},
    note="optax's signum.",
)
