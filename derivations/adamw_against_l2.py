"""Weight decay and L2 regularization: two rules in Adam, and one in gradient descent."""

import symopt
from symopt.presentation.compose import required
from symopt.symbols import eta, lamda, x

decoupled, coupled = "gradient_descent_decoupled", "gradient_descent_l2"

document = symopt.compose(
    "AdamW against Adam with L2",
    "L2 regularization adds lambda times the parameter to the gradient; weight decay shrinks the "
    "parameter beside the step. In gradient descent the two are the same, and the name of one was "
    "long used for the other.",
    symopt.compose(
        "In gradient descent",
        symopt.rules[coupled],
        symopt.rules[decoupled],
        required(symopt.prove(coupled, decoupled)),
    ),
    symopt.compose(
        "In Adam",
        *symopt.compare(
            "adam_l2", "adamw", objective="elongated_bowl", steps=1, eta="1/10", lamda="1/10"
        )
        .without("What was checked")
        .blocks,
        "Inside the gradient the decay is divided by the root of the second moment like everything "
        "else, so a parameter with large gradients hardly decays.",
    ),
    symopt.compose(
        "Conventions of AdamW",
        symopt.prose(
            "PyTorch decays by {} before the step, Algorithm 2 of the paper by {} with a schedule "
            "that the learning rate is no part of.",
            eta * lamda * x,
            lamda * x,
        ),
        required(symopt.prove("adamw", "adamw_paper")),
        required(symopt.prove("adamw", "adamw_decay_after")),
    ),
)
