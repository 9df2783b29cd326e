"""N3b: a linear fit whose backward pass halves the gradient, and an optimizer of another model."""

import sympy

from symopt.statement.symbols import variable
from symopt.statement.system import DependsOn, GradientTimes, System

# Three samples of two features are as good as any number: both sides are means over samples.
w1, w2, b, u1, u2, c = variable("w1 w2 b u1 u2 c")
_ROWS = range(1, 4)
_X = [variable(f"x{i}1 x{i}2") for i in _ROWS]
_Y = [variable(f"y{i}") for i in _ROWS]
_ERRORS = [w1 * p + w2 * q + b - y for (p, q), y in zip(_X, _Y, strict=True)]
_COUNT = len(_ROWS)
_PRINTED = sympy.Add(*(error**2 for error in _ERRORS)) / _COUNT
_BACKWARD = [
    sympy.Add(*(error * column for error, column in zip(_ERRORS, columns, strict=True))) / _COUNT
    for columns in ([p for p, _ in _X], [q for _, q in _X], [1] * _COUNT)
]

N3b = System(
    title="A linear fit in mini-batches",
    note="A textbook's layer class: the loss printed is the mean squared error.",
    runs=[],
    claims=[
        GradientTimes(
            "the backward pass is the gradient of the printed loss",
            _PRINTED, (w1, w2, b), _BACKWARD, "1", by="N3b",
        ),
        GradientTimes(
            "it is half of that gradient", _PRINTED, (w1, w2, b), _BACKWARD, "1/2"
        ),
        # The optimizer was given another model, with weights u1, u2 and bias c of its own.
        DependsOn(
            "the steps of Adam, built on another model, change the loss of the trained one",
            _PRINTED, (u1, u2, c), by="N3b",
        ),
        DependsOn("that loss changes with the model's own weights", _PRINTED, (w1, w2, b)),
    ],
)  # fmt: skip
