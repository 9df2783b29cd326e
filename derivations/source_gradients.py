"""The gradients of the source systems' objectives, rule by rule, with their critical points."""

import symopt

names = ["half_square", "weighted_squares", "elongated_bowl", "saddle", "cubic", "beale"]

document = symopt.compose(
    "The gradients of the source objectives",
    "Each derivative is taken from the statement of the function by the rules of calculation that "
    "are named beside it, and each step is proved again against the program that reverse "
    "differentiation makes. Critical points are found exactly, and their kind is decided by exact "
    "signs.",
    *(symopt.objectives[name] for name in names),
)
