"""AdaDelta: the step has the units of the parameter, without a learning rate.

E averages squared gradients, D squared steps; the step is the ratio of the two roots times the
gradient, and D, as it was *before* this step, is the one to read. The paper has no learning rate.
Frameworks multiply the step by one at the very end and keep it out of D.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import D, Delta, E, epsilon, eta, g, grad, lamda, rho, sqrt, x

adadelta = Rule(
    title="AdaDelta",
    source=Source("zeiler2012adadelta", "Algorithm 1"),
    hyperparameters={rho: "95/100", epsilon: "1e-6"},
    state={E: 0, D: 0},
    update=[
        (g, grad(x)),
        (E, rho * E + (1 - rho) * g**2),
        (Delta, sqrt(D + epsilon) / sqrt(E + epsilon) * g),
        (D, rho * D + (1 - rho) * Delta**2),
        (x, x - Delta),
    ],
)

adadelta_pytorch = adadelta.variant(
    "AdaDelta with a learning rate, as in PyTorch",
    {x: x - eta * Delta},
    source=Source("pytorch2.13.0", "torch/optim/adadelta.py:292-303"),
    hyperparameters={eta: 1, rho: "9/10"},
    note="Keras, optax and PaddlePaddle follow the same rule with other defaults.",
)

adadelta_mxnet = adadelta.variant(
    "AdaDelta as in MXNet",
    {x: x - Delta - lamda * x},
    source=Source("mxnet1.9.1", "mxnet/optimizer/optimizer.py:1816-1823"),
    hyperparameters={rho: "9/10", epsilon: "1e-5", lamda: 0},
    note="A learning rate may be given and is ignored; it does not multiply the decay either.",
)

adadelta_new_accumulator = adadelta_pytorch.variant(
    "AdaDelta, squared steps updated too early",
    {x: x - eta * sqrt(D + epsilon) / sqrt(E + epsilon) * g},
    source=Source("zeiler2012adadelta", "Algorithm 1, in the order of TensorFlow's issue 9058"),
    defect=(
        "departs from Zeiler (2012), Algorithm 1: the step reads the average of squared steps "
        "after this step's update, where the paper reads the one before"
    ),
)

adadelta_scaled_accumulator = adadelta_pytorch.variant(
    "AdaDelta, learning rate inside the squared steps",
    {Delta: eta * sqrt(D + epsilon) / sqrt(E + epsilon) * g, x: x - Delta},
    source=Source("zeiler2012adadelta", "Algorithm 1, changed as in Keras's pull request 11532"),
    defect=(
        "departs from the frameworks' AdaDelta: the squared steps that are averaged already "
        "contain the learning rate, which therefore acts again through the average"
    ),
)
