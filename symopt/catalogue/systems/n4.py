"""N4: notes on first and second moments, with three claims about momentum and adaptive rules."""

from symopt.statement.system import (
    ConvergesFaster,
    FateOnQuadratic,
    Moments,
    System,
    WeightOfGradient,
)

_TENTH = {"eta": "1/10"}
_LARGE, _SMALL = {**_TENTH, "mu": "9/10"}, {**_TENTH, "mu": "1/2"}
_BOTH = (1, 2)

N4 = System(
    title="First and second moments",
    note="Notes with a fit by torch.optim.SGD, learning rate 0.1 and momentum 0.9.",
    runs=[],
    claims=[
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
