"""N3b: a linear fit whose backward pass halves the gradient, and an optimizer of another model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from symopt.statement.array import data, let, parameter, size, total
from symopt.statement.symbols import variable
from symopt.statement.system import (
    BackwardPass,
    DependsOn,
    Printed,
    System,
    SystemPicture,
    SystemRun,
)
from symopt.statement.system_data import OnData

_SAMPLES, _EPOCHS, _BATCH = 1000, 30, 64
_PER_EPOCH = -(-_SAMPLES // _BATCH)


def _data() -> Mapping[str, Any]:
    """X standard normal, y = X (0.5, 0.8) plus 0.01 of uniform noise; the note has no seed."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((_SAMPLES, 2))
    return {"X": X, "y": X @ np.array([0.5, 0.8]) + 0.01 * rng.random(_SAMPLES)}


def _start() -> Any:
    """Weights standard normal, bias 0."""
    return np.append(np.random.default_rng(1).standard_normal(2), 0.0)


# The backward pass is the gradient of half the mean squared error, which the note prints.
_FIT = OnData("linear_regression_half", _data, _start, batch=_BATCH, loss="linear_regression")
_RULES = [
    ("gradient descent", "gradient_descent", {"eta": "0.01"}),
    ("AdaGrad", "adagrad_epsilon_inside", {"eta": "0.1", "epsilon": "1e-7"}),
    ("RMSprop", "rmsprop_epsilon_inside", {"eta": "0.1", "rho": "0.9", "epsilon": "1e-7"}),
    ("momentum", "momentum", {"eta": "0.01", "mu": "0.9"}),
    (
        "Adam", "adam_epsilon_inside",
        {"eta": "0.1", "beta1": "0.9", "beta2": "0.99", "epsilon": "1e-7"},
    ),
]  # fmt: skip

_X, _y, _w, _b = data("X", "n", "d"), data("y", "n"), parameter("w", "d"), parameter("b")
_error = let("r", _X @ _w + _b - _y)
_BACKWARD = {"w": _X.T @ _error / size("n"), "b": total(_error) / size("n")}

# One sample of another model: w1, w2, b are trained, u1, u2, c belong to the other one.
w1, w2, b, u1, u2, c, x1, x2, y = variable("w1 w2 b u1 u2 c x1 x2 y")
_PRINTED = sympy.Pow(w1 * x1 + w2 * x2 + b - y, 2)

N3b = System(
    title="A linear fit in mini-batches",
    note="A textbook's layer class: the loss printed is the mean squared error. The note records "
    "no seed; data and start are from numpy.random.default_rng(0) and (1).",
    runs=[
        SystemRun(label, rule, _FIT, (), _EPOCHS * _PER_EPOCH, settings)
        for label, rule, settings in _RULES
    ],
    printed=[
        Printed(label, epoch * _PER_EPOCH, "f", "", what=f"loss after epoch {epoch}")
        for label, *_ in _RULES
        for epoch in (1, 10, _EPOCHS)
    ],
    claims=[
        BackwardPass(
            "the backward pass is the gradient of the printed loss",
            "linear_regression", _BACKWARD, "1", by="N3b",
        ),
        BackwardPass("it is half of that gradient", "linear_regression", _BACKWARD, "1/2"),
        # The optimizer was given another model, with weights u1, u2 and bias c of its own.
        DependsOn(
            "the steps of Adam, built on another model, change the loss of the trained one",
            _PRINTED, (u1, u2, c), by="N3b",
        ),
        DependsOn("that loss changes with the model's own weights", _PRINTED, (w1, w2, b)),
    ],
    pictures=[SystemPicture("training", [label for label, *_ in _RULES])],
)  # fmt: skip
