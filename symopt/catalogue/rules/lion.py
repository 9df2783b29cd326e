"""Lion: the sign of an average of gradients, with one average for the step and one for memory.

The step mixes the stored average with this gradient by beta1; afterwards the stored average takes
the gradient in by beta2. No epsilon, no bias correction, sign(0) = 0; weight decay is decoupled.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import beta1, beta2, c, eta, g, grad, lamda, m, sign, x

lion = Rule(
    title="Lion",
    source=Source("chen2023symbolic", "Algorithm 2"),
    hyperparameters={eta: "1e-4", beta1: "9/10", beta2: "99/100", lamda: 0},
    state={m: 0},
    update=[
        (g, grad(x)),
        (c, beta1 * m + (1 - beta1) * g),
        (x, x - eta * (sign(c) + lamda * x)),
        (m, beta2 * m + (1 - beta2) * g),
    ],
    note="Defaults of lion-pytorch 0.2.5; optax's weight decay is 1e-3.",
)

lion_l2 = lion.variant(
    "Lion with coupled weight decay",
    {g: grad(x) + lamda * x, x: x - eta * sign(c)},
    source=Source("bitsandbytes", "32-bit Lion"),
    defect=(
        "departs from Chen et al. (2023), Algorithm 2: the decay is added to the gradient, so "
        "under the sign it has no size of its own"
    ),
)
