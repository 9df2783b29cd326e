"""N3d: five rules on the cubic, the bowl and the saddle; which point is the saddle?"""

from symopt.statement.system import (
    CountOfKind,
    Diverges,
    KindOfPoint,
    Printed,
    System,
    SystemPicture,
    SystemRun,
    UnboundedBelow,
)

_ADAM = {"beta1": "0.9", "beta2": "0.99", "epsilon": "1e-7"}
#: The five optimizers: name, rule (ε inside the root), what stands beside η.
_RULES = [
    ("gradient descent", "gradient_descent", {}),
    ("AdaGrad", "adagrad_epsilon_inside", {"epsilon": "1e-7"}),
    ("RMSprop", "rmsprop_epsilon_inside", {"rho": "0.9", "epsilon": "1e-7"}),
    ("momentum", "momentum", {"mu": "0.9"}),
    ("Adam", "adam_epsilon_inside", _ADAM),
]
#: Objective, start, steps and the five learning rates, in the order of the rules.
_SURFACES = [
    ("cubic", ("2", "3"), 150, ("0.01", "0.5", "0.1", "0.01", "0.1")),
    ("elongated_bowl", ("-7", "2"), 100, ("0.95", "1.5", "0.05", "0.1", "0.3")),
    ("saddle", ("1e-5", "0.5"), 100, ("0.05",) * 5),
]
#: Objective, what the mesh covers, and where the surface is cut.
_MESHES = [
    ("cubic", [("-3", "3"), ("-3", "3")], None),
    ("elongated_bowl", [("-10", "10"), ("-10", "10")], None),
    ("saddle", [("-1", "2"), ("-1", "1")], ("-3", "2")),
]
#: Points after steps 1, 2 and 150 on the cubic, as float64 printed them.
_POINTS = {
    "gradient descent": [
        (1, "1.93", "2.65"),
        (2, "1.8649", "2.367025"),
        (150, "0.0974734", "-0.0715999"),
    ],
    "AdaGrad": [
        (1, "1.5000000005102041", "2.5000000000204081"),
        (2, "1.1910892247030043", "2.2074662628511708"),
        (150, "-0.045952", "0.0756111"),
    ],
    "RMSprop": [
        (1, "1.6837722372099759", "2.6837722341122348"),
        (2, "1.4707801266766705", "2.4771492473519876"),
        (150, "-0.0434066", "-0.0541501"),
    ],
    "Adam": [
        (1, "1.9000000001020407", "2.9000000000040815"),
        (2, "1.8001282061502046", "2.8001914333929254"),
        (150, "-0.00186641", "0.0051925"),
    ],
}

N3d = System(
    title="Five optimizers on one surface: the cubic, the bowl, the saddle",
    note="Surface plots and animations of a textbook; the points are float64 results to compare.",
    runs=[
        SystemRun(f"{label} on {objective}", rule, objective, start, steps, {"eta": eta, **rest})
        for objective, start, steps, rates in _SURFACES
        for (label, rule, rest), eta in zip(_RULES, rates, strict=True)
    ],
    printed=[
        Printed(f"{label} on cubic", step, "x", text, coordinate)
        for label, points in _POINTS.items()
        for step, *texts in points
        for coordinate, text in enumerate(texts)
    ]
    + [
        Printed("momentum on cubic", 10, "x", "-3.2", 1),
        Printed("momentum on cubic", 20, "x", "-7.5e4", 1),
    ],
    claims=[
        KindOfPoint("(0, 0) is a saddle of the cubic", "cubic", ("0", "0"), "saddle", by="N3d"),
        KindOfPoint(
            "(0, 0) is a strict minimum of the cubic, f = 0", "cubic", ("0", "0"), "minimum", "0"
        ),
        KindOfPoint(
            "the saddle is (1/4, -1/2), f = 1/16", "cubic", ("1/4", "-1/2"), "saddle", "1/16"
        ),
        CountOfKind("the cubic has one saddle", "cubic", "saddle", 1, 1),
        UnboundedBelow("the cubic is unbounded below as x1 falls", "cubic", "x1", "-"),
        Diverges("momentum does not escape to a minimum: it diverges", "momentum on cubic"),
    ],
    pictures=[
        SystemPicture(
            "surface",
            [f"{label} on {objective}" for label, *_ in _RULES],
            window,
            heights=heights,
            milliseconds=60,
        )
        for objective, window, heights in _MESHES
    ],
)
