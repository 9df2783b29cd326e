"""N3c: four panels on x²/20 + y², and a Nesterov class that reads the wrong velocity."""

from symopt.statement.symbols import eta, g, mu
from symopt.statement.system import FirstDifference, System, SystemPicture, SystemRun

_CLASS = "Nesterov, class as written"
_PAPER = "Nesterov, equation (7) of the cited paper"


def _run(label: str, rule: str, **hyperparameters: str) -> SystemRun:
    return SystemRun(label, rule, "elongated_bowl", ("-7", "2"), 30, hyperparameters)


N3c = System(
    title="Four panels on x²/20 + y²",
    note="The classes of a textbook, update(params, grads); prints no numbers.",
    runs=[
        _run("gradient descent", "gradient_descent", eta="0.95"),
        _run("momentum", "momentum", eta="0.1", mu="0.9"),
        _run("AdaGrad", "adagrad", eta="1.5", epsilon="1e-7"),
        _run("Adam", "adam_epsilon_hat", eta="0.3", beta1="0.9", beta2="0.999", epsilon="1e-7"),
        _run(_CLASS, "nesterov_new_velocity", eta="0.1", mu="0.9"),
        _run(_PAPER, "nesterov_bengio", eta="0.1", mu="0.9"),
    ],
    claims=[
        FirstDifference(
            "the class departs from the cited equation at the first step, by -μ²ηg",
            _CLASS,
            _PAPER,
            1,
            -(mu**2) * eta * g,
        ),
    ],
    pictures=[
        SystemPicture(
            "panels",
            ["gradient descent", "momentum", "AdaGrad", "Adam"],
            [("-10", "10"), ("-10", "10")],
            highest="7",
        ),
    ],
)
