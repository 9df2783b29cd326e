"""N5: Beale's function and five optimizers as functions; the look-ahead and the minima."""

from symopt.statement.system import (
    CountOfKind,
    FirstDifference,
    KindOfPoint,
    System,
    SystemRun,
)

_PRINTED = "Nesterov as printed, θ + v"
_LOOK_AHEAD = "Nesterov, θ + γv"


def _run(label: str, rule: str, **hyperparameters: str) -> SystemRun:
    values = {"eta": "0.001", **hyperparameters}
    return SystemRun(label, rule, "beale", ("1.0", "1.5"), 1000, values)


N5 = System(
    title="Beale and five optimizers as functions",
    note="A NumPy post: gd_NAME(df_dx, x0, conf_para) returns the list of points.",
    runs=[
        _run("momentum", "momentum", mu="0.9"),
        _run(_PRINTED, "nesterov_full_velocity", mu="0.9"),
        _run(_LOOK_AHEAD, "nesterov", mu="0.9"),
        _run("AdaGrad", "adagrad", epsilon="1e-7"),
        _run("RMSProp", "rmsprop", rho="0.9", epsilon="1e-7"),
        _run("Adam", "adam", beta1="0.9", beta2="0.999", epsilon="1e-8"),
    ],
    claims=[
        FirstDifference(
            "the printed Nesterov is another rule than Sutskever's look-ahead, from step 2",
            _PRINTED,
            _LOOK_AHEAD,
            2,
        ),
        CountOfKind("Beale has several local minima", "beale", "minimum", 2, by="N5"),
        CountOfKind("Beale has one minimum and no other", "beale", "minimum", 1, 1),
        CountOfKind("and two saddles", "beale", "saddle", 2, 2),
        KindOfPoint("(3, 1/2) is the minimum, f = 0", "beale", ("3", "1/2"), "minimum", "0"),
        KindOfPoint("(0, 1) is a saddle, f = 909/64", "beale", ("0", "1"), "saddle", "909/64"),
    ],
)
