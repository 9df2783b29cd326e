"""Momentum in four conventions, the maps between them, and what each calls its memory."""

import symopt
from symopt.presentation.compose import required

conventions = ["momentum", "momentum_buffer", "heavy_ball", "momentum_ema"]
for name in conventions[1:]:
    required(symopt.prove(conventions[0], name))

document = symopt.compose(
    "Four conventions of momentum",
    "A velocity that holds the learning rate, a buffer of gradients that does not, the last two "
    "points, and a moving average of gradients: papers and frameworks mean one method by these "
    "four, and the same numbers in them do not always give the same run. Below, the first is "
    "proved equal to each of the others for every start, all gradients and every step, with the "
    "map of hyperparameters that this takes and the relation of the memories.",
    *symopt.compare(*conventions, objective="half_square", steps=2, eta="1/10")
    .without("Pictures", "What was checked")
    .blocks,
    symopt.compose(
        "What is not the same",
        "The maps hold for constant values. PyTorch's momentum with dampening starts its buffer "
        "with an undamped gradient, and the recurrence as it is commonly printed does not:",
        symopt.prove("momentum_pytorch", "momentum_dampening_documented"),
    ),
)
