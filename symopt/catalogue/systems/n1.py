"""N1: momentum and AdaGrad on w²/2, a notebook that prints another rule than it states."""

from symopt.statement.system import (
    ExactValue,
    FirstDifference,
    Printed,
    SamePrint,
    SameTrajectory,
    System,
    SystemRun,
)

_STATED = "momentum as stated"
_RUN = "momentum as run"
_RESCALED = "momentum as stated, η/(1-β)"
_INSIDE = "AdaGrad as stated"
_OUTSIDE = "AdaGrad as run"

_MOMENTUM = [
    (1, "g", "1.000000", "gradient"),
    (1, "x", "0.990000", "w"),
    (2, "g", "0.990000", "gradient"),
    (2, "x", "0.971100", "w"),
]
_ADAGRAD = [(1, "x", "0.990000", "w"), (2, "x", "0.982965", "w")]


def _run(label: str, rule: str, **hyperparameters: str) -> SystemRun:
    return SystemRun(label, rule, "half_square", ("1",), 2, hyperparameters, "float32")


N1 = System(
    title="Momentum and AdaGrad on w²/2",
    note="A PyTorch notebook in float32: formulas stated, torch.optim run.",
    runs=[
        _run(_STATED, "momentum_ema", eta="0.01", beta="0.9"),
        _run(_RUN, "momentum_pytorch", eta="0.01", mu="0.9"),
        _run(_RESCALED, "momentum_ema", eta="0.1", beta="0.9"),
        _run(_INSIDE, "adagrad_epsilon_inside", eta="0.01", epsilon="1e-10"),
        _run(_OUTSIDE, "adagrad", eta="0.01", epsilon="1e-10"),
    ],
    # The note prints one table under each stated formula; it is compared with what was stated
    # and with what was run.
    printed=[
        Printed(label, step, quantity, text, what=what)
        for labels, table in [((_STATED, _RUN), _MOMENTUM), ((_INSIDE, _OUTSIDE), _ADAGRAD)]
        for label in labels
        for step, quantity, text, what in table
    ],
    claims=[
        SamePrint("the printed numbers are those of the stated momentum", _RUN, _STATED, by="N1"),
        ExactValue("the stated momentum gives 999/1000 after one step", _STATED, 1, "999/1000"),
        ExactValue("and 997101/1000000 after two", _STATED, 2, "997101/1000000"),
        ExactValue("PyTorch's momentum gives 99/100 after one step", _RUN, 1, "99/100"),
        ExactValue("and 9711/10000 after two", _RUN, 2, "9711/10000"),
        FirstDifference("the two momenta part at the first step", _STATED, _RUN, 1),
        SameTrajectory(
            "they are the same rule after η is divided by 1-β: 0.01/(1-0.9)", _RESCALED, _RUN
        ),
        FirstDifference(
            "ε inside and outside the root part at the first step", _INSIDE, _OUTSIDE, 1
        ),
        SamePrint("the print cannot tell ε inside the root from outside", _OUTSIDE, _INSIDE),
    ],
)
