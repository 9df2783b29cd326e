"""N2: gradient descent and momentum on a small network, a PyTorch post that records no numbers."""

from itertools import pairwise
from typing import Any

import numpy as np

from symopt.catalogue.models.networks import network as _network
from symopt.statement.fit import Fit, LossFalls, SameRule
from symopt.statement.system import System
from symopt.statement.system_data import OnData

_SAMPLES, _WIDTHS = 500, (20, 13, 8, 3)
_MADE = (
    "numpy.random.default_rng(0) makes 500 x 20 features in [0, 1) and labels 0, 1, 2, both "
    "uniform, then the weights and biases of each layer, uniform within one over the root of the "
    "layer's inputs (as PyTorch starts linear layers); float32"
)


def _made() -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(0)
    X = rng.random((_SAMPLES, _WIDTHS[0]), dtype=np.float32)
    y = rng.integers(0, _WIDTHS[-1], _SAMPLES)
    start = {}
    for layer, (inputs, outputs) in enumerate(pairwise(_WIDTHS), start=1):
        reach = inputs**-0.5
        for name, shape in ((f"W{layer}", (inputs, outputs)), (f"b{layer}", (outputs,))):
            start[name] = rng.uniform(-reach, reach, shape).astype(np.float32)
    return {"X": X, "y": y}, start


def _data() -> dict[str, Any]:
    return {**_made()[0], "h1": _WIDTHS[1], "h2": _WIDTHS[2]}


def _data_and_the_rest() -> dict[str, Any]:
    data, start = _made()
    return {**data, **{name: part for name, part in start.items() if name != "W1"}}


_FIRST_WEIGHTS = _network.learning("W1").named("network, its first weights")
_ALL = OnData("network", _data, lambda: _made()[1])
_FIRST = OnData(_FIRST_WEIGHTS, _data_and_the_rest, lambda: {"W1": _made()[1]["W1"]})


def _fit(label: str, rule: str, on: OnData, steps: int, certified: int, **settings: str) -> Fit:
    shown = [step for step in (0, 1, 2, 10, 100, 1000) if step <= steps]
    return Fit(label, rule, on, _MADE, steps, settings, shown, certified)


N2 = System(
    title="Gradient descent and momentum on a small network",
    note="A PyTorch post: linear 20 to 13, ReLU, linear 13 to 8, sigmoid, linear 8 to 3, mean "
    "cross-entropy. It draws its data without a seed and prints no numbers that could be compared.",
    runs=[],
    fits=[
        _fit("A, one plain step", "gradient_descent", _FIRST, 1, 1, eta="10"),
        _fit("B, momentum", "momentum_pytorch", _ALL, 1000, 2, eta="0.1", mu="0.9"),
        _fit("B, velocity form", "momentum", _ALL, 1000, 2, eta="0.1", mu="0.9"),
    ],
    claims=[
        LossFalls("one plain step on the first layer's weights lowers the loss",
                  "A, one plain step", 0, 1, by="N2"),
        LossFalls("one step of momentum lowers the loss", "B, momentum", 0, 1, by="N2"),
        SameRule(
            "the new direction is the previous one times the momentum, less the learning rate "
            "times the partial derivative: what torch.optim.SGD does",
            "B, velocity form", "B, momentum", by="N2",
        ),
    ],
)  # fmt: skip
