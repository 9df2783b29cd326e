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
    Abs, Max, Min, amax, delta, epsilon, eta, g, grad, mean, norm, rms, u, where, x,
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

gradient_descent_clipped_coordinates = gradient_descent_clipped.variant(
    "Gradient descent, every coordinate clipped",
    source=Source("pytorch2.13.0", "torch/nn/utils/clip_grad.py, clip_grad_value_"),
    update=[
        (g, grad(x)),
        (g, Min(delta, Max(-delta, g))),
        (x, x - eta * g),
    ],
    note="optax.clip too. The direction changes, unlike under the other clippings.",
)

gradient_descent_clipped_rms = gradient_descent_clipped.variant(
    "Gradient descent, clipped by the root mean square",
    source=Source("optax0.2.8", "optax/transforms/_clipping.py, clip_by_block_rms"),
    update=[
        (g, grad(x)),
        (g, g / Max(1, rms(g) / delta)),
        (x, x - eta * g),
    ],
)

gradient_descent_clipped_relative = gradient_descent_clipped.variant(
    "Gradient descent, clipped against the parameter's norm",
    source=Source("brock2021high", "eq. 3, the whole parameter as one unit"),
    hyperparameters={delta: "1/100", epsilon: "1e-3"},
    update=[
        (g, grad(x)),
        (u, delta * Max(epsilon, norm(x))),
        (g, where(norm(g) > u, u * g / norm(g), g)),
        (x, x - eta * g),
    ],
    note="optax.adaptive_grad_clip, which also keeps the norm in the quotient above 1e-6.",
)

gradient_descent_normalized = gradient_descent.variant(
    "Gradient descent, normalized",
    {x: x - eta * g / (norm(g) + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:1808-1852, normalize_by_update_norm"),
    hyperparameters={epsilon: "1e-6"},
    note="Every step is about eta long.",
)

gradient_descent_relative_norm = gradient_descent.variant(
    "Gradient descent, relative to the parameter's norm",
    {x: x - eta * Max(epsilon, norm(x)) * g},
    source=Source("optax0.2.8", "optax/_src/transform.py:513-536, scale_by_param_block_norm"),
    hyperparameters={epsilon: "1/1000"},
)

gradient_descent_relative_rms = gradient_descent_relative_norm.variant(
    "Gradient descent, relative to the parameter's root mean square",
    {x: x - eta * Max(epsilon, rms(x)) * g},
    source=Source("optax0.2.8", "optax/_src/transform.py:539-564, scale_by_param_block_rms"),
)

gradient_descent_nonnegative = gradient_descent.variant(
    "Gradient descent, projected to nonnegative coordinates",
    {x: Max(0, x - eta * g)},
    source=Source("optax0.2.8", "optax/transforms/_constraining.py, keep_params_nonnegative"),
)

gradient_descent_centered = gradient_descent.variant(
    "Gradient descent with gradient centralization",
    {g: grad(x), x: x - eta * (g - mean(g))},
    source=Source("yong2020gradient", "eqs. 1-2"),
    note="The parameter is one vector here: the mean is taken over all its coordinates.",
)
