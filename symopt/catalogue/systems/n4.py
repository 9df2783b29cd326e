"""N4: notes on first and second moments, with three claims about momentum and adaptive rules."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.statement.system import (
    ConvergesFaster,
    EndsAtMinimizer,
    FateOnQuadratic,
    Moments,
    Printed,
    System,
    SystemRun,
    WeightOfGradient,
)
from symopt.statement.system_data import OnData


def _data() -> Mapping[str, Any]:
    """The data of numpy.random.seed(0)."""
    rng = np.random.RandomState(0)
    X = 2 * rng.rand(100, 1)
    return {"X": X, "y": (4 + 3 * X + rng.randn(100, 1))[:, 0]}


_EPOCHS, _RUN = 1000, "SGD with momentum"
_FIT = OnData("linear_regression", _data, lambda: np.zeros(2))

_TENTH = {"eta": "1/10"}
_LARGE, _SMALL = {**_TENTH, "mu": "9/10"}, {**_TENTH, "mu": "1/2"}
_BOTH = (1, 2)

N4 = System(
    title="First and second moments",
    note="Notes with a fit by torch.optim.SGD, learning rate 0.1 and momentum 0.9, of the data of "
    "numpy.random.seed(0). The note's random start is not recorded; here it is 0.",
    runs=[
        SystemRun(
            _RUN, "momentum_pytorch", _FIT, (), _EPOCHS, {"eta": "0.1", "mu": "0.9"}, "float32"
        )
    ],
    printed=[Printed(_RUN, epoch, "f", "", what="loss") for epoch in range(100, 1001, 100)]
    + [
        Printed(_RUN, _EPOCHS, "x", "", coordinate, what)
        for coordinate, what in enumerate(("weight", "bias"))
    ],
    claims=[
        EndsAtMinimizer("the final parameters are the least-squares solution", _RUN),
        WeightOfGradient(
            "with momentum 1 the previous gradient is taken completely",
            "momentum", {"mu": "1"}, 1, 2, "1", by="N4",
        ),
        WeightOfGradient(
            "and so is every gradient before it", "momentum", {"mu": "1"}, 1, 5, "1"
        ),
        FateOnQuadratic(
            "then nothing comes to rest: on a quadratic x stays bounded and does not converge",
            "momentum", {**_TENTH, "mu": "1"}, "1", "stays bounded",
        ),
        FateOnQuadratic(
            "with momentum 0.9 it converges there", "momentum", _LARGE, "1", "converges"
        ),
        Moments("Adam uses both the first and the second moment", "adam", _BOTH, by="N4"),
        Moments("RMSProp uses both the first and the second moment", "rmsprop", _BOTH, by="N4"),
        Moments("AdaDelta uses both the first and the second moment", "adadelta", _BOTH, by="N4"),
        Moments("RMSProp keeps a second moment alone", "rmsprop", (2,)),
        Moments("AdaDelta keeps a second moment alone", "adadelta", (2,)),
        ConvergesFaster(
            "larger momentum converges faster: 0.9 against 0.5, curvature 1",
            "momentum", _LARGE, _SMALL, "1", by="N4",
        ),
        ConvergesFaster(
            "it does where the curvature is small: 0.9 against 0.5, curvature 1/100",
            "momentum", _LARGE, _SMALL, "1/100",
        ),
    ],
)  # fmt: skip
