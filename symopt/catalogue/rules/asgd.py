"""ASGD: three different algorithms share the name.

PyTorch's is *averaged* SGD: gradient descent with coupled weight decay and a learning rate that
falls, beside which an average of the points is kept. The average is never written back: the
parameter itself is not averaged. PaddlePaddle's is the stochastic *average gradient* (SAG): the
step follows the average of the last gradients of all batches. A third one, of pytorch_optimizer,
is *adaptive* SGD, and is stated in a file of its own.
"""

from symopt.catalogue.rules import gradient_descent
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, Min, alpha, d, eta, eta_t, g, grad, hyperparameter, lamda, mu_t, t, variable, x,
)  # fmt: skip

t0 = hyperparameter("t0")
x_bar, g_previous, g_before = variable("x_bar g_previous g_before")

asgd = gradient_descent.gradient_descent.variant(
    "ASGD, averaged gradient descent",
    source=Source("pytorch2.13.0", "torch/optim/asgd.py:253-274"),
    hyperparameters={lamda: "1e-4", alpha: "3/4", t0: "1e6"},
    state={eta_t: eta, mu_t: 1, x_bar: 0},
    update=[
        (g, grad(x)),
        (x, x * (1 - lamda * eta_t) - eta_t * g),
        (x_bar, x_bar + mu_t * (x - x_bar)),
        (eta_t, eta / (1 + lamda * eta * t) ** alpha),
        (mu_t, 1 / Max(1, t - t0)),
    ],
    note="x_bar, PyTorch's ax, is the average; it equals x until t0 steps have passed.",
)

sag_two_batches = gradient_descent.gradient_descent.variant(
    "ASGD as in PaddlePaddle, two batches in turn",
    source=Source("paddle3.3.1", "python/paddle/optimizer/asgd.py and its kernel, batch_num=2"),
    hyperparameters={eta: "1/1000"},
    state={d: 0, g_previous: 0, g_before: 0},
    update=[
        (g, grad(x)),
        (d, d - g_before + g),
        (x, x - eta * d / Min(t, 2)),
        (g_before, g_previous),
        (g_previous, g),
    ],
    note=(
        "With one batch it is gradient descent. With n batches visited in turn, d is the sum of "
        "the last n gradients."
    ),
)
