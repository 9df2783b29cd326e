"""Rules on vectors with a structure that the catalogue lacks."""

import symopt
from symopt.symbols import eta, g, grad, norm, u, where, x

SOURCE = symopt.Source(
    "k", "eq. (1)", reference=symopt.Reference("k", "A method", "A. Person", 1976)
)
#: Two gradients, the second at a point that the first one leads to.
EXTRAGRADIENT = symopt.Rule(
    title="Extragradient",
    source=SOURCE,
    hyperparameters={eta: "1/10"},
    state={},
    update=[(u, x - eta * grad(x)), (x, x - eta * grad(u))],
)
#: The same comparison before and after a sum over coordinates.
GATED = symopt.Rule(
    title="Gated by the sign",
    source=SOURCE,
    hyperparameters={eta: "1/10"},
    state={},
    update=[
        (g, grad(x)),
        (u, where(g > 0, g, 2 * g)),
        (x, x - eta * where(g > 0, u, g) / (1 + norm(u))),
    ],
)
