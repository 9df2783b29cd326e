"""Weight decay in its placements.

*Coupled* (L2): lambda x is added to the gradient, and whatever the rule does to gradients happens
to it too. *Decoupled*: x shrinks on its own. For gradient descent the two are one rule; with
momentum or a second moment they are not.

Decoupled decay differs further in time and in scale:

- before the step, by 1 - eta lambda, with the gradient of the undecayed x (PyTorch, Keras);
- inside the step, from the old x (optax): algebraically the same;
- after the step, from the new x (Transformers up to 4.46): the step itself decays too;
- by lambda times a schedule, without the learning rate (the paper, Chainer).

Decay by a constant, eta lambda in place of eta lambda x, is a defect: it moves every coordinate
down, whatever its sign.
"""

from symopt.catalogue.rules import adam, adamax, amsgrad, gradient_descent, momentum, nadam
from symopt.statement.source import Source
from symopt.statement.symbols import (
    b, beta1, beta2, epsilon, eta, eta_t, g, gamma, grad, lamda, m, m_bar, m_hat, mu,
    sqrt, t, u, v, v_hat, x,
)  # fmt: skip

gradient_descent_l2 = gradient_descent.gradient_descent.variant(
    "Gradient descent with coupled weight decay",
    {g: grad(x) + lamda * x},
    source=Source("pytorch2.13.0", "torch/optim/sgd.py:346-355"),
    hyperparameters={lamda: "1/100"},
)

gradient_descent_decoupled = gradient_descent_l2.variant(
    "Gradient descent with decoupled weight decay",
    source=Source("keras3.15.1", "keras/src/optimizers/base_optimizer.py:952-959"),
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        (x, x - eta * g),
    ],
)

gradient_descent_unscaled_decay = gradient_descent_decoupled.variant(
    "Gradient descent, weight decay without the learning rate",
    source=Source("qiu2022practice", "chapter 7, BatchGD with weight decay"),
    update=[
        (g, grad(x)),
        (x, (1 - lamda) * x - eta * g),
    ],
)

momentum_pytorch_l2 = momentum.momentum_pytorch.variant(
    "Momentum as in PyTorch, with coupled weight decay",
    {g: grad(x) + lamda * x},
    source=Source("pytorch2.13.0", "torch/optim/sgd.py:346-364"),
    hyperparameters={lamda: "1/100"},
)

sgdw = momentum.momentum_buffer.variant(
    "SGDW",
    {b: mu * b + gamma * eta * g, x: x - b - gamma * lamda * x},
    source=Source("loshchilov2019decoupled", "Algorithm 1"),
    hyperparameters={eta: "1/1000", lamda: "1/100", gamma: 1},
    note="gamma is the paper's schedule multiplier; the learning rate does not scale the decay.",
)

sgdw_timm = momentum.momentum_buffer.variant(
    "SGDW as in timm",
    source=Source("timm1.0.31", "timm/optim/sgdw.py"),
    hyperparameters={eta: "1/1000", lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        (b, mu * b + g),
        (x, x - eta * b),
    ],
)

sgdw_constant_decay = momentum.momentum_buffer.variant(
    "SGDW, decay by a constant",
    {x: x - eta * b - eta * lamda},
    source=Source("torch-optimizer0.3.0", "torch_optimizer/sgdw.py:121"),
    hyperparameters={eta: "1/1000", lamda: "1/100"},
    defect=(
        "departs from Loshchilov and Hutter (2019), Algorithm 1: the decay is a constant, without "
        "the factor x; at x = 1 the first step hides it"
    ),
)

adamw = adam.adam.variant(
    "AdamW",
    source=Source("pytorch2.13.0", "torch/optim/adam.py:419, decoupled_weight_decay=True"),
    hyperparameters={lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        (m, beta1 * m + (1 - beta1) * g),
        (v, beta2 * v + (1 - beta2) * g**2),
        (m_hat, m / (1 - beta1**t)),
        (v_hat, v / (1 - beta2**t)),
        (x, x - eta * m_hat / (sqrt(v_hat) + epsilon)),
    ],
    note="Decays before the step, with the gradient of the undecayed x; Keras and Paddle too.",
)

adamw_keras = adam.adam_epsilon_hat.variant(
    "AdamW with epsilon hat",
    source=Source("keras3.15.1", "keras/src/optimizers/adam.py:102-137, base_optimizer.py:952-959"),
    hyperparameters={epsilon: "1e-7", lamda: "1/250"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        *adam.adam_epsilon_hat.update[1:],
    ],
    note="The decay comes first, from the gradient of the undecayed x.",
)

amsgradw = amsgrad.amsgrad_pytorch.variant(
    "AdamW with AMSGrad's maximum",
    source=Source("pytorch2.13.0", "torch/optim/adam.py:419 and 537-542, amsgrad=True"),
    hyperparameters={lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        *amsgrad.amsgrad_pytorch.update[1:],
    ],
)

nadamw = nadam.nadam.variant(
    "NAdam with decoupled weight decay",
    source=Source("pytorch2.13.0", "torch/optim/nadam.py:315-377, decoupled_weight_decay=True"),
    hyperparameters={lamda: "1/100"},
    update=[
        (g, grad(x)),
        (x, x * (1 - eta * lamda)),
        *nadam.nadam.update[1:],
    ],
    note="PyTorch's own default is no weight decay.",
)

nadamw_optax = nadam.nadam_optax.variant(
    "NAdam with constant momentum and decay inside the step",
    {x: x - eta * (m_bar / (sqrt(v_hat) + epsilon) + lamda * x)},
    source=Source("optax0.2.8", "optax/_src/alias.py:716-730, nadamw"),
    hyperparameters={lamda: "1e-4"},
)

adamaxw = adamax.adamax_pytorch.variant(
    "AdaMax with decay inside the step",
    {x: x - eta * (m_hat / u + lamda * x)},
    source=Source("optax0.2.8", "optax/_src/alias.py:2393-2465"),
    hyperparameters={eta: "1/1000", lamda: "1e-4"},
)

adamw_optax = adam.adam.variant(
    "AdamW, decay inside the step",
    {x: x - eta * (m_hat / (sqrt(v_hat) + epsilon) + lamda * x)},
    source=Source("optax0.2.8", "optax/_src/alias.py:716-727"),
    hyperparameters={lamda: "1e-4"},
)

adamw_paper = adam.adam.variant(
    "AdamW, decay scaled by the schedule alone",
    {x: x - gamma * (eta * m_hat / (sqrt(v_hat) + epsilon) + lamda * x)},
    source=Source("loshchilov2019decoupled", "Algorithm 2, line 12"),
    hyperparameters={lamda: "1/100", gamma: 1},
    note="gamma is the paper's schedule multiplier; the learning rate does not scale the decay.",
)

adamw_decay_after = adam.adam.variant(
    "AdamW, decay after the step",
    source=Source("transformers4.46.0", "transformers/optimization.py, AdamW"),
    hyperparameters={lamda: "1/100"},
    update=[
        *adam.adam.update,
        (x, x * (1 - eta * lamda)),
    ],
    note="The library's own code folds the bias corrections and uses epsilon hat.",
)

adamw_chainer = adam.adam_epsilon_hat.variant(
    "AdamW as in Chainer",
    {x: x - gamma * (eta_t * m / (sqrt(v) + epsilon) + lamda * x)},
    source=Source("chainer7.8.1", "chainer/optimizers/adam.py, weight_decay_rate"),
    hyperparameters={lamda: "1/100", gamma: 1},
    note="gamma is Chainer's eta, and eta its alpha.",
)

adamw_constant_decay = adam.adam.variant(
    "AdamW, decay by a constant",
    {x: x - eta * m_hat / (sqrt(v_hat) + epsilon) - eta * lamda},
    source=Source("torchopt", "optim_adamw, before pull request 14"),
    hyperparameters={lamda: "1/100"},
    defect=(
        "departs from Loshchilov and Hutter (2019), Algorithm 2: the decay is a constant, without "
        "the factor x"
    ),
)

adam_l2 = adam.adam.variant(
    "Adam with coupled weight decay",
    {g: grad(x) + lamda * x},
    source=Source("pytorch2.13.0", "torch/optim/adam.py:420-428"),
    hyperparameters={lamda: "1/100"},
)
