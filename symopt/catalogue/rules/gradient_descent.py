"""Gradient descent: a step against the gradient, of fixed size.

The variants change the gradient before it is used, and they are the smallest rules that look at
all coordinates at once: clipping by the norm (one factor for the whole gradient, so its direction
stays), clipping by the largest coordinate, and centering (the mean over all coordinates is taken
off). Weight decay has a file of its own.
"""

from sympy import Rational

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Abs, Min, amax, delta, eta, g, grad, mean, norm, where, x,
)  # fmt: skip

gradient_descent = Rule(
    title="Gradient descent",
    source=Source("cauchy1847methode", "p. 537"),
    hyperparameters={eta: "1/100"},
    state={},
    update=[
        (g, grad(x)),
        (x, x - eta * g),
    ],
)

gradient_descent_clipped = gradient_descent.variant(
    "Gradient descent, clipped by norm",
    source=Source("pascanu2013difficulty", "Algorithm 1"),
    hyperparameters={delta: 1},
    update=[
        (g, grad(x)),
        (g, where(norm(g) >= delta, delta * g / norm(g), g)),
        (x, x - eta * g),
    ],
)

gradient_descent_clipped_pytorch = gradient_descent_clipped.variant(
    "Gradient descent, clipped by norm as in PyTorch",
    source=Source("pytorch2.13.0", "torch/nn/utils/clip_grad.py, clip_grad_norm_"),
    update=[
        (g, grad(x)),
        (g, g * Min(1, delta / (norm(g) + Rational(1, 10**6)))),
        (x, x - eta * g),
    ],
    note="A clipped gradient is a little shorter than the threshold: 1e-6 is added to its norm.",
)

gradient_descent_clipped_largest = gradient_descent_clipped.variant(
    "Gradient descent, clipped by the largest coordinate",
    source=Source("pytorch2.13.0", "torch/nn/utils/clip_grad.py, clip_grad_norm_, norm_type=inf"),
    update=[
        (g, grad(x)),
        (g, g * Min(1, delta / (amax(Abs(g)) + Rational(1, 10**6)))),
        (x, x - eta * g),
    ],
)

gradient_descent_centered = gradient_descent.variant(
    "Gradient descent with gradient centralization",
    {g: grad(x), x: x - eta * (g - mean(g))},
    source=Source("yong2020gradient", "eqs. 1-2"),
    note="The parameter is one vector here: the mean is taken over all its coordinates.",
)
