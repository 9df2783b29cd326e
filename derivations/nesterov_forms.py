"""Nesterov momentum under four names on one trajectory, and two copies that are another rule."""

import symopt
from symopt.presentation.compose import required

names = ["nesterov", "nesterov_bengio", "nesterov_keras", "nesterov_buffer"]
for name in names[2:]:
    required(symopt.prove(names[1], name))
defective = ["nesterov_new_velocity", "nesterov_full_velocity"]

document = symopt.compose(
    "Nesterov momentum: four names, one trajectory, two defects",
    "Sutskever et al. keep the point before the look-ahead; Bengio et al., Keras and PyTorch keep "
    "the look-ahead point itself, with three different memories.",
    symopt.compose(
        "Four names",
        *symopt.compare(*names[1:], objective="elongated_bowl", eta="1/10")
        .without("The first steps in closed form", "Pictures", "What was checked")
        .blocks,
    ),
    symopt.compose(
        "Sutskever's point and the others'",
        "Sutskever's form asks for gradients at the same points, and reports others:",
        symopt.rules[names[0]],
        symopt.prove(names[0], names[1]),
    ),
    symopt.compose(
        "Two defects",
        "One copy updates the velocity before the step reads it; another looks ahead by the whole "
        "velocity.",
        *(symopt.rules[name] for name in defective),
        required(symopt.prove(defective[0], "nesterov_bengio"), "refuted"),
        required(symopt.prove(defective[1], "nesterov"), "refuted"),
        *symopt.compare(
            "nesterov_bengio", *defective, objective="elongated_bowl", x0=[-7, 2], eta="2/5"
        )
        .only("Pictures")
        .blocks,
        symopt.prose(
            "On a quadratic the first defect costs stability: the learning rate times the "
            "curvature must stay below {}, where Nesterov's own bound is {}. The second has {}.",
            *(
                symopt.stability(name).region.limit
                for name in (defective[0], "nesterov", defective[1])
            ),
        ),
    ),
)
