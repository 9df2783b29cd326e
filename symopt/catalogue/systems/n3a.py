"""N3a: five rules on 0.2 x1² + 2 x2², and the claim that Adam does worse than AdaGrad."""

from symopt.statement.system import EndsLower, System, SystemPicture, SystemRun


def _run(label: str, rule: str, steps: int, **hyperparameters: str) -> SystemRun:
    return SystemRun(label, rule, "weighted_squares", ("3", "4"), steps, hyperparameters)


_ADAM = {"eta": "0.2", "beta1": "0.9", "beta2": "0.99", "epsilon": "1e-7"}

N3a = System(
    title="Trajectories on wᵀ(x ⊙ x), w = (0.2, 2)",
    note="An experiment of a textbook course; prints no numbers, draws the paths on contours.",
    runs=[
        _run("gradient descent", "gradient_descent", 20, eta="0.2"),
        _run("AdaGrad", "adagrad_epsilon_inside", 50, eta="0.5", epsilon="1e-7"),
        _run("AdaGrad, 70 steps", "adagrad_epsilon_inside", 70, eta="0.5", epsilon="1e-7"),
        _run("RMSprop", "rmsprop_epsilon_inside", 50, eta="0.1", rho="0.9", epsilon="1e-7"),
        _run("momentum", "momentum", 50, eta="0.01", mu="0.9"),
        _run("Adam", "adam_epsilon_inside", 20, **_ADAM),
        _run("Adam, 70 steps", "adam_epsilon_inside", 70, **_ADAM),
    ],
    # "Not as good" can be read in two ways, and the two have different answers.
    claims=[
        EndsLower(
            "with 70 steps Adam is not as good as AdaGrad with its 50",
            "AdaGrad",
            "Adam, 70 steps",
            by="N3a",
        ),
        EndsLower(
            "with 70 steps Adam is not as good as AdaGrad with 70",
            "AdaGrad, 70 steps",
            "Adam, 70 steps",
            by="N3a",
        ),
    ],
    pictures=[
        SystemPicture(
            "trajectory",
            ["gradient descent", "AdaGrad", "RMSprop", "momentum", "Adam"],
            [("-5", "5"), ("-5", "5")],
            limits=[("-2", "5"), ("-2", "5")],
        ),
    ],
)
