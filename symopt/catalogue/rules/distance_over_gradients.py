"""DoG and DoWG: a learning rate from the distance walked so far and the gradients met.

Neither has a learning rate to tune. The rate is the largest distance from the start, divided by the
root of the sum of squared gradient norms; DoWG weights that sum by the squared distances. The
distance starts at a small guess instead of 0, else nothing would ever move.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    G, Max, epsilon, eta, eta_t, g, grad, hyperparameter, norm, sqrt, variable, x,
)  # fmt: skip

r_epsilon = hyperparameter("r_epsilon")
x_start, r_bar, q_bar = variable("x_start r_bar q_bar")

dog = Rule(
    title="DoG",
    source=Source("ivgi2023dog", "Section 2, as in optax/contrib/_dog.py:96-117"),
    hyperparameters={eta: 1, r_epsilon: "1e-6", epsilon: "1e-8"},
    state={x_start: x, r_bar: r_epsilon, G: 0},
    update=[
        (g, grad(x)),
        (r_bar, Max(r_bar, norm(x - x_start))),
        (G, G + norm(g) ** 2),
        (eta_t, r_bar / sqrt(G + epsilon)),
        (x, x - eta * eta_t * g),
        (x_start, x_start),
    ],
    note=(
        'The first distance is given, optax\'s init_step=("distance", r). The authors advise '
        "1e-6 (1 + ||x_0||) for it, and averaging the points."
    ),
)

dowg = dog.variant(
    "DoWG",
    source=Source("khaled2023dowg", "Algorithm 1"),
    hyperparameters={epsilon: None},
    update=[
        (g, grad(x)),
        (r_bar, Max(r_bar, norm(x - x_start))),
        (G, G + r_bar**2 * norm(g) ** 2),
        (eta_t, r_bar**2 / sqrt(G)),
        (x, x - eta * eta_t * g),
        (x_start, x_start),
    ],
)

dowg_optax = dowg.variant(
    "DoWG as in optax",
    source=Source("optax0.2.8", "optax/contrib/_dog.py:255-281"),
    hyperparameters={r_epsilon: None, epsilon: "1e-4"},
    state={r_bar: None, q_bar: epsilon},
    update=[
        (g, grad(x)),
        (q_bar, Max(q_bar, norm(x - x_start) ** 2)),
        (G, G + q_bar * norm(g) ** 2),
        (eta_t, q_bar / (sqrt(G) + epsilon)),
        (x, x - eta * eta_t * g),
        (x_start, x_start),
    ],
    note="q_bar is the squared distance; it starts at epsilon, which also stands beside the root.",
)
