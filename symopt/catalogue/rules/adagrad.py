"""AdaGrad: each coordinate's step is divided by the root of the sum of its squared gradients.

The variants differ in where epsilon stands (added to the root, or under it), and in where the
sum G starts. A start of 1/10 shortens early steps far more than any usual epsilon; without either,
a coordinate whose gradient is zero from the start divides zero by zero.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import G, epsilon, eta, g, grad, kappa, lamda, sqrt, t, where, x

adagrad = Rule(
    title="AdaGrad",
    source=Source("duchi2011adaptive", "Figure 1, diagonal matrices"),
    hyperparameters={eta: "1/100", epsilon: "1e-10"},
    state={G: 0},
    update=[
        (g, grad(x)),
        (G, G + g**2),
        (x, x - eta * g / (sqrt(G) + epsilon)),
    ],
    note="Defaults as in PyTorch; the paper, which writes delta for epsilon, fixes none.",
)

adagrad_without_epsilon = adagrad.variant(
    "AdaGrad without epsilon",
    {x: x - eta * g / sqrt(G)},
    source=Source("duchi2011adaptive", "Section 1.1, the diagonal form of eq. 1"),
    hyperparameters={epsilon: None},
)

adagrad_epsilon_inside = adagrad.variant(
    "AdaGrad, epsilon inside the root",
    {x: x - eta * g / sqrt(G + epsilon)},
    source=Source("qiu2022practice", "chapter 7, AdaGrad"),
    hyperparameters={epsilon: "1e-7"},
)

adagrad_pytorch = adagrad.variant(
    "AdaGrad as in PyTorch",
    {x: x - eta / (1 + (t - 1) * kappa) * g / (sqrt(G) + epsilon)},
    source=Source("pytorch2.13.0", "torch/optim/adagrad.py:402-426"),
    hyperparameters={kappa: 0},
)

adagrad_keras = adagrad_epsilon_inside.variant(
    "AdaGrad as in Keras",
    source=Source("keras3.15.1", "keras/src/optimizers/adagrad.py:85-92"),
    hyperparameters={eta: "1/1000"},
    state={G: "1/10"},
)

adagrad_optax = adagrad_keras.variant(
    "AdaGrad as in optax",
    {x: x - where(G > 0, eta * g / sqrt(G + epsilon), 0)},
    source=Source("optax0.2.8", "optax/_src/transform.py:66-75"),
    hyperparameters={eta: "1/100"},
    note="optax has no default learning rate.",
)

adagrad_tensorflow = adagrad_without_epsilon.variant(
    "AdaGrad as in TensorFlow 1",
    source=Source("tensorflow2.21.0", "tf.compat.v1.train.AdagradOptimizer"),
    state={G: "1/10"},
    note="TensorFlow has no default learning rate.",
)

adagrad_mxnet = adagrad_epsilon_inside.variant(
    "AdaGrad as in MXNet",
    {x: x - eta * (g / sqrt(G + epsilon) + lamda * x)},
    source=Source("mxnet1.9.1", "mxnet/optimizer/optimizer.py:1685-1687"),
    hyperparameters={lamda: 0},
)
