"""RMSProp: AdaGrad with a moving average of the squared gradients in place of their sum.

The variants differ in four independent ways: epsilon outside or inside the root; the average v
starting at 0 or at 1 (a start of 1 makes the first step about sqrt(1 - rho) times as long, far
more than epsilon does); *centered*, where the square of the mean gradient is taken off; and
momentum, where the buffer collects either g / sqrt(v) (PyTorch: the learning rate multiplies the
buffer) or eta g / sqrt(v) (all others: the learning rate is inside, as in the velocity form).
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    b, epsilon, eta, g, g_bar, grad, mu, rho, sqrt, t, v, v_hat, x,
)  # fmt: skip

rmsprop = Rule(
    title="RMSProp",
    source=Source("hinton2012lecture", "slide 29"),
    hyperparameters={eta: "1/1000", rho: "9/10", epsilon: "1e-8"},
    state={v: 0},
    update=[
        (g, grad(x)),
        (v, rho * v + (1 - rho) * g**2),
        (x, x - eta * g / (sqrt(v) + epsilon)),
    ],
    note="The slide has no epsilon; it stands outside the root here, as in PyTorch.",
)

rmsprop_without_epsilon = rmsprop.variant(
    "RMSProp without epsilon",
    {x: x - eta * g / sqrt(v)},
    source=Source("hinton2012lecture", "slide 29, to the letter"),
    hyperparameters={epsilon: None},
)

rmsprop_epsilon_inside = rmsprop.variant(
    "RMSProp, epsilon inside the root",
    {x: x - eta * g / sqrt(v + epsilon)},
    source=Source("keras3.15.1", "keras/src/optimizers/rmsprop.py:126-154"),
    hyperparameters={epsilon: "1e-7"},
)

rmsprop_bias_corrected = rmsprop_epsilon_inside.variant(
    "RMSProp with bias correction",
    {v_hat: v / (1 - rho**t), x: x - eta * g / sqrt(v_hat + epsilon)},
    source=Source("optax0.2.8", "optax/_src/transform.py:95-150, bias_correction=True"),
    hyperparameters={epsilon: "1e-8"},
)

rmsprop_centered = rmsprop.variant(
    "RMSProp, centered",
    {g_bar: rho * g_bar + (1 - rho) * g, x: x - eta * g / (sqrt(v - g_bar**2) + epsilon)},
    source=Source("pytorch2.13.0", "torch/optim/rmsprop.py:316-339, centered=True"),
    hyperparameters={eta: "1/100", rho: "99/100"},
    state={g_bar: 0},
)

rmsprop_centered_epsilon_inside = rmsprop_centered.variant(
    "RMSProp, centered, epsilon inside the root",
    {x: x - eta * g / sqrt(v - g_bar**2 + epsilon)},
    source=Source("keras3.15.1", "keras/src/optimizers/rmsprop.py:133-146, centered=True"),
    hyperparameters={eta: "1/1000", rho: "9/10", epsilon: "1e-7"},
)

rmsprop_momentum = rmsprop.variant(
    "RMSProp with momentum, buffer form",
    {b: mu * b + g / (sqrt(v) + epsilon), x: x - eta * b},
    source=Source("pytorch2.13.0", "torch/optim/rmsprop.py:333-337"),
    hyperparameters={eta: "1/100", rho: "99/100", mu: "9/10"},
    state={b: 0},
    note="PyTorch's own default is mu = 0, without momentum.",
)

rmsprop_centered_momentum = rmsprop_centered.variant(
    "RMSProp, centered, with momentum, buffer form",
    {b: mu * b + g / (sqrt(v - g_bar**2) + epsilon), x: x - eta * b},
    source=Source("pytorch2.13.0", "torch/optim/rmsprop.py:316-337, centered=True"),
    hyperparameters={mu: "9/10"},
    state={b: 0},
)

rmsprop_momentum_inside = rmsprop_epsilon_inside.variant(
    "RMSProp with momentum, learning rate inside the buffer",
    {b: mu * b + eta * g / sqrt(v + epsilon), x: x - b},
    source=Source("keras3.15.1", "keras/src/optimizers/rmsprop.py:144-152"),
    hyperparameters={mu: "9/10"},
    state={b: 0},
    note="Keras's own default is mu = 0, without momentum. PaddlePaddle and optax do the same.",
)

rmsprop_graves = rmsprop_centered_epsilon_inside.variant(
    "RMSProp of Graves",
    {b: mu * b - eta * g / sqrt(v - g_bar**2 + epsilon), x: x + b},
    source=Source("graves2013generating", "eqs. 38-45"),
    hyperparameters={eta: "1e-4", rho: "95/100", epsilon: "1e-4", mu: "9/10"},
    state={b: 0},
    note="Chainer's RMSpropGraves, and MXNet's centered form.",
)

rmsprop_tensorflow = rmsprop_epsilon_inside.variant(
    "RMSProp as in TensorFlow 1",
    source=Source("tensorflow2.21.0", "tf.compat.v1.train.RMSPropOptimizer"),
    hyperparameters={epsilon: "1e-10"},
    state={v: 1},
    note="TensorFlow has no default learning rate.",
)

rmsprop_tensorflow_centered = rmsprop_centered_epsilon_inside.variant(
    "RMSProp as in TensorFlow 1, centered",
    source=Source("tensorflow2.21.0", "tf.compat.v1.train.RMSPropOptimizer, centered=True"),
    hyperparameters={epsilon: "1e-10"},
    state={v: 1},
)

rmsprop_tensorflow_momentum = rmsprop_momentum_inside.variant(
    "RMSProp as in TensorFlow 1, with momentum",
    source=Source("timm1.0.31", "timm/optim/rmsprop_tf.py, lr_in_momentum=True"),
    hyperparameters={epsilon: "1e-10"},
    state={v: 1},
)

rmsprop_autograd = rmsprop.variant(
    "RMSProp as in autograd",
    source=Source("autograd1.9.1", "autograd/misc/optimizers.py, rmsprop"),
    hyperparameters={eta: "1/10"},
    state={v: 1},
)
