"""Nesterov's accelerated gradient: the gradient is taken where the momentum is about to lead.

Sutskever's form evaluates the gradient at the look-ahead point x + mu v and reports x. The other
forms evaluate it at the reported point, which therefore *is* the look-ahead point (Theta in the
paper of Bengio and others). With constant momentum and learning rate, Bengio's equation 7, the
velocity form of Keras and the buffer form of PyTorch walk through one and the same sequence of
points, and Theta = x + mu v of Sutskever's.

Two wrong forms are stated because they are widely copied. Equation 7 reads the velocity *before*
its update; read after the update, the first step is mu^2 eta g too long and the region of
stability shrinks. And a look-ahead by the whole velocity, x + v, is not Nesterov's point.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import b, eta, first_step, g, grad, mu, v, x

nesterov = Rule(
    title="Nesterov momentum",
    source=Source("sutskever2013importance", "eqs. 3-4"),
    hyperparameters={eta: "1/100", mu: "9/10"},
    state={v: 0},
    update=[
        (g, grad(x + mu * v)),
        (v, mu * v - eta * g),
        (x, x + v),
    ],
)

nesterov_bengio = nesterov.variant(
    "Nesterov momentum, at the look-ahead point",
    source=Source("bengio2013advances", "eqs. 6-7"),
    update=[
        (g, grad(x)),
        (x, x + mu**2 * v - (1 + mu) * eta * g),
        (v, mu * v - eta * g),
    ],
    note="The line for x reads the velocity of the step before.",
)

nesterov_keras = nesterov.variant(
    "Nesterov momentum as in Keras",
    {g: grad(x), x: x + mu * v - eta * g},
    source=Source("keras3.15.1", "keras/src/optimizers/sgd.py:103-119"),
    note="scikit-learn's and Lasagne's form. Keras's own default is mu = 0, gradient descent.",
)

nesterov_pytorch = nesterov.variant(
    "Nesterov momentum as in PyTorch",
    source=Source("pytorch2.13.0", "torch/optim/sgd.py:357-367"),
    hyperparameters={eta: "1/1000"},
    state={v: None, b: 0},
    update=[
        (g, grad(x)),
        (b, first_step(g, mu * b + g)),
        (x, x - eta * (g + mu * b)),
    ],
    note="PyTorch's own default is mu = 0, gradient descent; Nesterov needs zero dampening.",
)

nesterov_buffer = nesterov_pytorch.variant(
    "Nesterov momentum, buffer form",
    {b: mu * b + g},
    source=Source("optax0.2.8", "optax/transforms/_accumulation.py:36, trace(nesterov=True)"),
)

nesterov_two_velocities = nesterov.variant(
    "Nesterov momentum, from two velocities",
    source=Source("karpathy2015cs231n", "Nesterov Momentum, the form in terms of x_ahead"),
    update=[
        (g, grad(x)),
        (x, x - mu * v),
        (v, mu * v - eta * g),
        (x, x + (1 + mu) * v),
    ],
    note="Takes back the old look-ahead and makes the new one: the same points as Keras's form.",
)

nesterov_new_velocity = nesterov_bengio.variant(
    "Nesterov momentum, velocity updated too early",
    source=Source("chainer7.8.1", "chainer/optimizers/nesterov_ag.py"),
    update=[
        (g, grad(x)),
        (v, mu * v - eta * g),
        (x, x + mu**2 * v - (1 + mu) * eta * g),
    ],
    defect=(
        "departs from Bengio et al. (2013), eq. 7: the line for x reads the updated velocity "
        "where the paper has the previous one; the first step is mu**2*eta*g too long"
    ),
    note="Also in the course code of Saitoh (2016) until 2021.",
)

nesterov_full_velocity = nesterov.variant(
    "Nesterov momentum, look-ahead by the whole velocity",
    {g: grad(x + v)},
    source=Source("sutskever2013importance", "eqs. 3-4, with grad(x + v) for grad(x + mu v)"),
    defect=(
        "departs from Sutskever et al. (2013), eq. 3: the gradient is taken at x + v; "
        "the look-ahead point is x + mu*v"
    ),
)
