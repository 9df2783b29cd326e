"""Schedule-Free: gradients at a point between the last iterate and the average of all.

z walks with the base rule, a averages z, and the gradient is taken at y between the two. Code keeps
y as the parameter while it trains and a for evaluation, so x is y here, and the two points differ.
The weight of a new z is its squared learning rate (the largest so far) over the sum of all: 1/t
while the learning rate is constant. Keras always takes 1/t, which differs with warm-up.
"""

from symopt.statement.rule import Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Max, S, beta, beta1, beta2, c, epsilon, eta, g, grad, lamda, sqrt, t, v, v_hat, variable, x,
)  # fmt: skip

z, a, eta_max = variable("z a eta_max")

schedule_free_sgd = Rule(
    title="Schedule-Free SGD",
    source=Source("defazio2024road", "eqs. 2-4, with the weights of Algorithm 1"),
    hyperparameters={eta: "1/100", beta: "9/10"},
    state={z: x, a: x, eta_max: 0, S: 0},
    update=[
        (g, grad(x)),
        (z, z - eta * g),
        (eta_max, Max(eta_max, eta)),
        (S, S + eta_max**2),
        (c, eta_max**2 / S),
        (a, (1 - c) * a + c * z),
        (x, (1 - beta) * z + beta * a),
    ],
    note="x is the training point y, a the point to evaluate; optax and schedulefree 1.4.1.",
)

schedule_free_adamw = schedule_free_sgd.variant(
    "Schedule-Free AdamW",
    source=Source("defazio2024road", "Algorithm 1"),
    hyperparameters={
        eta: "1/400", beta: None, beta1: "9/10", beta2: "999/1000", epsilon: "1e-8", lamda: 0,
    },
    state={v: 0},
    update=[
        (g, grad(x)),
        (v, beta2 * v + (1 - beta2) * g**2),
        (v_hat, v / (1 - beta2**t)),
        (z, z - eta * (g / (sqrt(v_hat) + epsilon) + lamda * x)),
        *schedule_free_sgd.update[2:-1],
        (x, (1 - beta1) * z + beta1 * a),
    ],
    note="Without the paper's warm-up, which a schedule of eta can say; optax and schedulefree.",
)  # fmt: skip

schedule_free_adamw_keras = schedule_free_adamw.variant(
    "Schedule-Free AdamW as in Keras",
    source=Source("keras3.15.1", "keras/src/optimizers/schedule_free_adamw.py:116-188"),
    hyperparameters={lamda: None},
    state={a: None, eta_max: None, S: None},
    update=[
        (g, grad(x)),
        (v, beta2 * v + (1 - beta2) * g**2),
        (v_hat, v / (1 - beta2**t)),
        (a, (x - (1 - beta1) * z) / beta1),
        (z, z - eta * g / (sqrt(v_hat) + epsilon)),
        (a, (1 - 1 / t) * a + z / t),
        (x, (1 - beta1) * z + beta1 * a),
    ],
    note="On JAX; on PyTorch and TensorFlow the old average is computed from the new z.",
)

schedule_free_adamw_keras_decayed = schedule_free_adamw_keras.variant(
    "Schedule-Free AdamW as in Keras, with weight decay",
    source=Source("keras3.15.1", "keras/src/optimizers/base_optimizer.py:952-959"),
    hyperparameters={lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        *schedule_free_adamw_keras.update[1:],
    ],
    defect=(
        "departs from Defazio et al. (2024), Algorithm 1: the decay acts on y alone and not on z, "
        "and the average that is recovered from y takes it over beta1 times as large"
    ),
)
