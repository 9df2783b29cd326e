"""What papers and frameworks compute under the same name, in numbers.

The printed numbers come from runs of the frameworks themselves and of independent float64 loops,
on f(w) = w^2/2 from w = 1 unless a row says otherwise, with eta = 0.1, mu = rho = 0.9,
beta = (0.9, 0.999), epsilon = 0.01 (large on purpose: it shows where epsilon stands) and
lambda = 0.1.
"""

import math
from fractions import Fraction

import pytest

import symopt

HALF_SQUARE = symopt.Objective("w**2/2", variables="w")
STANDARD = {
    "eta": 0.1, "mu": 0.9, "rho": 0.9, "beta": 0.9, "beta1": 0.9, "beta2": 0.999,
    "epsilon": 0.01, "lamda": 0.1,
}  # fmt: skip
DYADIC = {"eta": 2.0**-3, "beta1": 0.875, "beta2": 1 - 2.0**-6, "epsilon": 2.0**-7}

#: rule, what departs from the standard configuration, step, printed value.
PRINTED = [
    ("gradient_descent", {}, 1, 0.9),
    ("adagrad", {}, 1, 0.90099009900990101),
    ("adagrad_pytorch", {}, 1, 0.90099009900990101),
    ("adagrad_epsilon_inside", {}, 1, 0.90049628097900103),
    ("adagrad_mxnet", {"lamda": 0.0}, 1, 0.90049628097900103),
    ("rmsprop", {}, 1, 0.69346569968284477),
    ("rmsprop_epsilon_inside", {}, 1, 0.69848865542223626),
    ("rmsprop_tensorflow", {}, 1, 0.90049628097900103),
    ("adam", {}, 1, 0.90099009900990101),
    ("adam", {"epsilon": 0.0}, 1, 0.9),
    ("adam_epsilon_inside", {}, 1, 0.90049628097900103),
    ("adam_epsilon_inside", {"epsilon": 0.0}, 1, 0.9),
    ("adam_eps_root", {"epsilon": 0.0, "epsilon_root": 0.01}, 1, 0.90049628097900103),
    ("adam_epsilon_hat", {}, 1, 0.92402530733520416),
    ("adam_epsilon_hat", {"epsilon": 0.0}, 1, 0.9),
    ("adam_epsilon_hat", DYADIC, 1, 0.88235294117647056),
    ("adam_epsilon_minus", DYADIC, 1, 0.8666666666666667),
    ("adam_uncorrected", {}, 1, 0.75974692664795795),
    ("adamw", {}, 1, 0.890990099009901),
    ("adamw_optax", {}, 1, 0.890990099009901),
    ("adamw_decay_after", {}, 1, 0.891980198019802),
    ("adamw_paper", {}, 1, 0.80099009900990104),
    ("adam_l2", {}, 1, 0.90090090090090091),
    ("amsgrad_pytorch", {"beta2": 0.5}, 1, 0.90099009900990101),
    ("amsgrad_optax", {"beta2": 0.5}, 1, 0.90099009900990101),
    ("amsgrad_pytorch", {"beta2": 0.5}, 2, 0.80070118892850484),
    ("amsgrad_optax", {"beta2": 0.5}, 2, 0.80713965091141737),
    ("nadam", {}, 1, 0.89540081402421901),
    ("nadam_keras", {}, 1, 0.89477348482091379),
    ("nadam_optax", {}, 1, 0.85409067222511725),
    ("nadam_timm", {}, 1, 0.81188118811881194),
    ("radam_pytorch", {}, 5, 0.55236419510189816),
    ("radam_optax", {}, 5, 0.55236419510189816),
    ("radam_epsilon", {}, 5, 0.63006324049335694),
    ("radam_pytorch", {}, 6, 0.55026741999116768),
    ("radam_optax", {}, 6, 0.5499518146885386),
    *[("radam_waiting", {}, step, 1.0) for step in range(1, 6)],
    ("sgdw_timm", {"mu": 0.0}, 2, 0.7921),
    ("sgdw_constant_decay", {"mu": 0.0}, 2, 0.791),
]

#: rule, what departs from the standard configuration, the exact points 1, 2, 3.
EXACT = [
    ("momentum", {}, "9/10 18/25 243/500"),
    ("momentum_positive_velocity", {}, "9/10 18/25 243/500"),
    ("momentum_buffer", {}, "9/10 18/25 243/500"),
    ("momentum_negative_buffer", {}, "9/10 18/25 243/500"),
    ("momentum_pytorch", {}, "9/10 18/25 243/500"),
    ("heavy_ball", {}, "9/10 18/25 243/500"),
    ("momentum_pytorch", {"tau": "1/2"}, "0.9 0.765 0.60525"),
    ("momentum_dampening_documented", {"tau": "1/2"}, "0.95"),
    ("momentum_ema", {}, "0.99 0.9711 0.944379"),
    ("momentum_ema_negative", {}, "0.99 0.9711 0.944379"),
    ("nesterov_bengio", {}, "0.81 0.5751 0.327321"),
    ("nesterov_keras", {}, "0.81 0.5751 0.327321"),
    ("nesterov_pytorch", {}, "0.81 0.5751 0.327321"),
    ("nesterov_buffer", {}, "0.81 0.5751 0.327321"),
    ("nesterov_new_velocity", {}, "0.729 0.458541 0.215522289"),
]


def configured(rule, departures, number=lambda value: value):
    names = {entry.name for entry in symopt.rules[rule].parameters}
    given = {name: value for name, value in {**STANDARD, **departures}.items() if name in names}
    return {name: number(value) for name, value in given.items()}


def fraction(number):
    """The exact value of a middle or a radius, which are dyadic."""
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def named(row):
    rule, departures, *rest = row
    return "-".join([rule, *[f"{k}={v}" for k, v in departures.items()], str(rest[0])])


@pytest.mark.parametrize(
    ("rule", "departures", "step", "printed"), PRINTED, ids=map(named, PRINTED)
)
def test_a_printed_number_is_reproduced_within_one_unit_in_the_last_place(
    rule, departures, step, printed
):
    hyper = configured(rule, departures)
    point = symopt.run(rule, HALF_SQUARE, [1.0], step, **hyper).x[-1, 0]
    assert abs(point - printed) <= math.ulp(printed)


@pytest.mark.parametrize(
    ("rule", "departures", "step", "printed"), PRINTED, ids=map(named, PRINTED)
)
def test_a_printed_number_is_the_rounded_exact_value(rule, departures, step, printed):
    """The exact run has the same binary64 hyperparameters; the rest is the printer's rounding.

    A handful of rounded operations end in a subtraction from w, which makes their errors small
    against w: one unit. RAdam's rho_t is the exception, 1999 - 2 t beta2^t / (1 - beta2^t). At
    step 5 half a unit of beta2^t is 2e-14 of 1 - beta2^t, so 4e-11 of rho_t - 4, so 2e-11 of a
    step of 0.0014: some 300 units.
    """
    hyper = configured(rule, departures)
    point = symopt.run(rule, HALF_SQUARE, [1.0], step, "ball", **hyper).x[-1, 0]
    units = 300 if rule.startswith("radam") else 1
    assert abs(fraction(point.mid()) - Fraction(printed)) <= units * Fraction(math.ulp(printed))
    assert fraction(point.rad()) < Fraction(1, 10**30)


@pytest.mark.parametrize(("rule", "departures", "points"), EXACT, ids=map(named, EXACT))
def test_exact_points(rule, departures, points):
    hyper = configured(rule, departures, str)
    expected = [Fraction(point) for point in points.split()]
    run = symopt.run(rule, HALF_SQUARE, ["1"], len(expected), "rational", **hyper)
    assert list(run.x[1:, 0]) == expected


def test_constant_decay_shows_at_once_away_from_one():
    two = symopt.Objective("(p**2 + q**2)/2", variables="p q")
    hyper = {"eta": "1/10", "mu": "0", "lamda": "1/10"}
    wrong = symopt.run("sgdw_constant_decay", two, ["3", "4"], 1, "rational", **hyper)
    right = symopt.run("sgdw_timm", two, ["3", "4"], 1, "rational", **hyper)
    assert (wrong.x[1, 0], right.x[1, 0]) == (Fraction("2.69"), Fraction("2.67"))


@pytest.mark.parametrize(
    ("rule", "points"),
    [
        ("adagrad", ("0.9900000000009999999999000", "0.9829645540222953337634319")),
        ("adagrad_epsilon_inside", ("0.9900000000004999999999625", "0.9829645540214748073024882")),
    ],
)
def test_25_digits_of_adagrad_tell_where_epsilon_stands(rule, points):
    run = symopt.run(rule, HALF_SQUARE, ["1"], 2, "ball", eta="1/100", epsilon="1e-10")
    for point, printed in zip(run.x[1:, 0], points, strict=True):
        assert abs(fraction(point.mid()) - Fraction(printed)) <= Fraction(1, 2 * 10**25)
