"""Muon where it can be said of a vector: a parameter that is a matrix of one row or one column.

Muon multiplies matrices: it makes the singular values of the momentum nearly equal by five
Newton-Schulz iterations, X <- a X + b (X X^T) X + c (X X^T)^2 X. A rule here speaks of coordinates
and of numbers made of all of them, so the iteration of a true matrix cannot be stated. A matrix
with one row or one column has one singular value, its norm, and X X^T X is X times its square: then
the iteration is that of a factor r, and it is stated in full. After five iterations the step is
0.696 of the unit vector, not 1: the coefficients trade accuracy for speed.

Libraries part in the buffer (an average or a sum), in Nesterov's mix, in the norm's epsilon, in the
decay, and in a factor for the shape. Vectors proper they leave to Adam: Keras's and optax's Muon
are the rules of their AdamW and NAdam there, and PyTorch's refuses them.
"""

from sympy import Rational

from symopt.catalogue.rules import weight_decay
from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, b, beta, epsilon, eta, eta_t, g, grad, hyperparameter, lamda, m, mu, norm, r, sqrt, t, u,
    v, variable, x,
)  # fmt: skip

ell = variable("ell")
zeta = hyperparameter("zeta")
_A, _B, _C = Rational(34445, 10**4), Rational(-4775, 10**3), Rational(20315, 10**4)
_ITERATION = (r, r * (_A + _B * (r * ell) ** 2 + _C * (r * ell) ** 4))

muon = Rule(
    title="Muon for one row, as in PyTorch",
    source=Source("pytorch2.13.0", "torch/optim/_muon.py:31-85 and 332-341"),
    hyperparameters={eta: "1/1000", beta: "95/100", epsilon: "1e-7", lamda: "1/10"},
    state={b: 0},
    update=[
        (g, grad(x)),
        (b, beta * b + (1 - beta) * g),
        (u, (1 - beta) * g + beta * b),
        (ell, norm(u)),
        (r, 1 / Max(ell, epsilon)),
        *[_ITERATION] * 5,
        (x, x * (1 - eta * lamda) - eta * r * u),
    ],
    note=(
        "PyTorch iterates in bfloat16. For one column of n entries its factor for the shape is "
        "sqrt(n), and 1 for one row."
    ),
)

muon_tinygrad = muon.variant(
    "Muon for one row or column, as in tinygrad",
    source=Source("tinygrad0.14.0", "tinygrad/nn/optim.py:93-129, tinygrad/mixin/op.py:1877-1892"),
    hyperparameters={beta: None, mu: "95/100"},
    update=[
        (g, grad(x)),
        (b, mu * b + g),
        (u, g + mu * b),
        (ell, norm(u)),
        (r, 1 / (ell + epsilon)),
        *[_ITERATION] * 5,
        (x, x - eta * (r * u + lamda * x)),
    ],
    note="A sum for the buffer; the norm makes that no difference. No factor for the shape.",
)

muon_keras = muon_tinygrad.variant(
    "Muon for one row or column, as in Keras",
    source=Source("keras3.15.1", "keras/src/optimizers/muon.py:198-206 and 260-291"),
    hyperparameters={lamda: "1/250"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        *muon_tinygrad.update[1:-1],
        (x, x - eta * r * u),
    ],
    note="With rms_rate=None; Keras's default is a factor 0.2 sqrt(n) for n entries.",
)

muon_optax = muon.variant(
    "Muon for one column, as in optax",
    source=Source("optax0.2.8", "optax/contrib/_muon.py:239-345 and 476-502"),
    hyperparameters={epsilon: "1e-8", lamda: 0},
    update=[
        *muon.update[:2],
        (u, beta * b / (1 - beta ** (t + 1)) + (1 - beta) * g / (1 - beta**t)),
        (ell, norm(u)),
        (r, 1 / (ell + epsilon)),
        *[_ITERATION] * 5,
        (x, x - eta * (r * u + lamda * x)),
    ],
    note=(
        "Rows are inputs for optax, so that one column needs no factor for the shape and one row "
        "of n entries gets sqrt(n): the other way round than in PyTorch."
    ),
)

muon_keras_vector = weight_decay.adamw_keras.variant(
    "Muon of Keras for a vector: AdamW",
    source=Source("keras3.15.1", "keras/src/optimizers/muon.py:208-236"),
    hyperparameters={zeta: 1},
    update=[
        *weight_decay.adamw_keras.update[:-1],
        (x, x - zeta * eta_t * m / (sqrt(v) + epsilon)),
    ],
    note="zeta is Keras's adam_lr_ratio; the decay does not have it.",
)
