"""Momentum, or the heavy ball: the step remembers the steps before it.

Four forms. With a constant learning rate the first two and Polyak's walk through the same points:

- *velocity*: v collects steps, so the learning rate is inside v;
- *buffer*: b collects gradients, and the learning rate multiplies the whole buffer. When the
  learning rate changes, the velocity keeps the old rate for old gradients; the buffer does not;
- *two-point*: Polyak's own, without a velocity, from the last two points;
- *moving average*: b is an average of gradients, so the first step is 1 - beta times as long.
  It is the buffer form with the learning rate eta (1 - beta).

Dampening is where the buffer forms part: PyTorch starts the buffer at the first gradient itself,
undamped; the recurrence that is commonly printed would damp that one too.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    b, beta, eta, first_step, g, grad, mu, t, tau, v, x, x_next, x_previous,
)  # fmt: skip

momentum = Rule(
    title="Momentum",
    source=Source("sutskever2013importance", "eqs. 1-2"),
    hyperparameters={eta: "1/100", mu: "9/10"},
    state={v: 0},
    update=[
        (g, grad(x)),
        (v, mu * v - eta * g),
        (x, x + v),
    ],
)

momentum_positive_velocity = momentum.variant(
    "Momentum, velocity of opposite sign",
    {v: mu * v + eta * g, x: x - v},
    source=Source("numpy-ml0.1.2", "numpy_ml/neural_nets/optimizers/optimizers.py, SGD"),
)

momentum_buffer = momentum.variant(
    "Momentum, buffer form",
    source=Source("optax0.2.8", "optax/transforms/_accumulation.py:36, trace"),
    state={v: None, b: 0},
    update=[
        (g, grad(x)),
        (b, mu * b + g),
        (x, x - eta * b),
    ],
)

momentum_negative_buffer = momentum_buffer.variant(
    "Momentum, buffer of opposite sign",
    {b: mu * b - g, x: x + eta * b},
    source=Source("chainer7.8.1", "chainer/optimizers/corrected_momentum_sgd.py"),
)

momentum_pytorch = momentum_buffer.variant(
    "Momentum as in PyTorch",
    {b: first_step(g, mu * b + (1 - tau) * g)},
    source=Source("pytorch2.13.0", "torch/optim/sgd.py:357-364"),
    hyperparameters={eta: "1/1000", tau: 0},
    note="PyTorch's own default is mu = 0, gradient descent.",
)

momentum_dampening_documented = momentum_pytorch.variant(
    "Momentum with dampening from the first step on",
    {b: mu * b + (1 - tau) * g},
    source=Source("pytorch2.13.0", "torch/optim/sgd.py:364, without the first-step exception"),
    note="The same recurrence started at b = 0. With tau = 0 it is PyTorch's rule.",
)

momentum_ema = momentum_buffer.variant(
    "Momentum, moving average of gradients",
    {b: beta * b + (1 - beta) * g},
    source=Source("zhang2023dive", "chapter 12, leaky averages of gradients"),
    hyperparameters={mu: None, beta: "9/10"},
)

momentum_ema_corrected = momentum_ema.variant(
    "Momentum, moving average with bias correction",
    {x: x - eta * b / (1 - beta**t)},
    source=Source("optax0.2.8", "optax/transforms/_accumulation.py, ema"),
    note="The first step is a full gradient step. Lengths differ from the buffer form's.",
)

momentum_ema_negative = momentum_ema.variant(
    "Momentum, moving average of opposite sign",
    {b: beta * b - (1 - beta) * g, x: x + eta * b},
    source=Source("autograd1.9.1", "autograd/misc/optimizers.py, sgd"),
    hyperparameters={eta: "1/10"},
)

heavy_ball = momentum.variant(
    "Heavy ball",
    source=Source("polyak1964some", "the two-step method with constant coefficients"),
    state={v: None, x_previous: x},
    update=[
        (g, grad(x)),
        (x_next, x - eta * g + mu * (x - x_previous)),
        (x_previous, x),
        (x, x_next),
    ],
)
