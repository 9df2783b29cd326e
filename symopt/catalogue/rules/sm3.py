"""SM3 for a vector: AdaGrad's denominator, and a moving average of the quotients.

For a matrix SM3 keeps one sum per row and one per column; for a vector, where each coordinate is
its own cover, nothing is saved and the sums are AdaGrad's.
"""

from symopt.catalogue.rules import adagrad
from symopt.statement.source import Source
from symopt.statement.symbols import G, epsilon, eta, g, grad, mu, sqrt, v, where, x

sm3 = adagrad.adagrad.variant(
    "SM3 for a vector, as in optax",
    source=Source("optax0.2.8", "optax/_src/transform.py:1177-1245"),
    hyperparameters={mu: "9/10", epsilon: "1e-8"},
    state={v: 0},
    update=[
        (g, grad(x)),
        (G, G + g**2),
        (v, mu * v + (1 - mu) * where(G > 0, g / sqrt(G + epsilon), 0)),
        (x, x - eta * v),
    ],
    note="After Anil et al. (2019), Algorithm SM3-II; optax has no default learning rate.",
)
