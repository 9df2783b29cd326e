"""Where epsilon stands in AdaGrad, RMSProp and Adam, and what it changes: formulas and numbers."""

import symopt
from symopt.verification.dispute import Dispute, settle

tenth = {"eta": "1/10"}
disputes = [
    Dispute(
        "AdaGrad: beside the root, or under it",
        "The sum of squares grows, so epsilon counts at the start and for rare gradients only.",
        (), "adagrad", "adagrad_epsilon_inside", "", setting=tenth,
    ),
    Dispute(
        "RMSProp: beside the root, or under it",
        "The average of squares follows the gradient down, so epsilon counts again near a minimum.",
        (), "rmsprop", "rmsprop_epsilon_inside", "", setting=tenth,
    ),
    Dispute(
        "Adam: beside the root, or under it",
        "As in RMSProp, but the correction makes the first step independent of the decays.",
        (), "adam", "adam_epsilon_inside", "", setting=tenth,
    ),
    Dispute(
        "Adam: after the bias correction, or before it",
        "The folded form adds epsilon hat to the raw root, which is small at first.",
        (), "adam", "adam_epsilon_hat", "", setting=tenth,
    ),
]  # fmt: skip
settled = list(map(settle, disputes))
rules = dict.fromkeys(rule for found in settled for rule in (found.first, found.second))
# A gradient as small as this is not much larger than epsilon any more.
small = "1e-8"


def first_step(rule, start):
    return symopt.run(rule, "half_square", [start], 1, "ball", eta="1/10", epsilon=small).x


def rows(start):
    for rule in rules:
        x = first_step(rule, start)
        yield rule, x[0, 0] - x[1, 0]


document = symopt.compose(
    "Where epsilon stands",
    "Epsilon keeps a division from failing where the root of squared gradients is 0. Beside the "
    "root it is compared with a gradient, under the root with the square of one, and before the "
    "bias correction with a root that the correction still enlarges. Each pair below is two rules, "
    "not one: the formula of the first difference follows, and the first step at which a run in "
    "float64 or float32 has another bit.",
    symopt.table(
        ["pair", "float64", "float32"],
        [
            [
                found.dispute.title,
                *(str(found.shows[kind] or "not in 100 steps") for kind in ("float64", "float32")),
            ]
            for found in settled
        ],
        "The first step at which runs of the two rules on the elongated bowl differ in any bit.",
    ),
    *settled,
    symopt.compose(
        "The first step from a large and from a small gradient",
        symopt.table(
            ["rule", "from 1", f"from {small}"],
            [
                [rule, length, tiny]
                for (rule, length), (_, tiny) in zip(rows(1), rows(small), strict=True)
            ],
            f"Length of the first step on half a square, certified, at eta = 1/10 and epsilon = "
            f"{small}. Where the gradient is 1 the rules of a family agree to many digits; where "
            "it is as small as epsilon they do not.",
        ),
    ),
)
