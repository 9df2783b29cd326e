"""NovoGrad: momentum of gradients divided by an average of their norms, with weight decay inside.

The second moment is one number for the layer (here: for the whole parameter), and it starts at the
first squared norm itself, so that no bias correction is needed. The first moment is a sum, not an
average: the new gradient enters with weight 1.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    beta1, beta2, epsilon, epsilon_root, eta, first_step, g, grad, lamda, m, norm, sqrt, v, x,
)  # fmt: skip

novograd = Rule(
    title="NovoGrad",
    source=Source("ginsburg2019stochastic", "Algorithm 1"),
    hyperparameters={
        eta: "1/100", beta1: "95/100", beta2: "98/100", epsilon: "1e-8", lamda: "1/1000",
    },
    state={m: 0, v: 0},
    update=[
        (g, grad(x)),
        (v, first_step(norm(g) ** 2, beta2 * v + (1 - beta2) * norm(g) ** 2)),
        (m, beta1 * m + g / (sqrt(v) + epsilon) + lamda * x),
        (x, x - eta * m),
    ],
    note="optax's too, with beta1 = 0.9, beta2 = 0.25, epsilon = 1e-6 and no weight decay.",
)  # fmt: skip

novograd_optax = novograd.variant(
    "NovoGrad, with epsilon inside the root as well",
    {m: beta1 * m + g / (sqrt(v + epsilon_root) + epsilon) + lamda * x},
    source=Source("optax0.2.8", "optax/_src/transform.py:1282-1327"),
    hyperparameters={
        eta: "1/1000", beta1: "9/10", beta2: "1/4", epsilon: "1e-6", epsilon_root: 0, lamda: 0,
    },
)  # fmt: skip
