"""AdaGrad with epsilon inside the root, on wᵀ(x ⊙ x) (source system N3a)."""

import symopt

document = symopt.derive(
    "adagrad_epsilon_inside", "weighted_squares", steps=2, eta="1/2", epsilon="1e-7"
)
