"""Claims about momentum, moments and losses, settled by computing; each kind can fail."""

import pytest
import sympy

from symopt.array import data, mean, parameter, size
from symopt.errors import UndecidedError
from symopt.statement.symbols import variable
from symopt.statement.system import (
    BackwardPass,
    ConvergesFaster,
    DependsOn,
    FateOnQuadratic,
    GradientTimes,
    Moments,
    System,
    WeightOfGradient,
)
from symopt.verification.systems import claims_of

TENTH = {"eta": "1/10"}
w, u, p, y = variable("w u p y")


def holds(claim):
    (finding,) = claims_of(System("One claim", "", [], claims=[claim]))
    return finding.holds


def test_with_momentum_one_every_earlier_gradient_counts_in_full():
    assert holds(WeightOfGradient("", "momentum", {"mu": "1"}, 1, 4, "1"))
    assert not holds(WeightOfGradient("", "momentum", {"mu": "9/10"}, 1, 4, "1"))
    assert holds(WeightOfGradient("", "momentum", {"mu": "9/10"}, 1, 3, "81/100"))


def test_with_momentum_one_nothing_comes_to_rest():
    assert holds(FateOnQuadratic("", "momentum", {**TENTH, "mu": "1"}, "1", "stays bounded"))
    assert not holds(FateOnQuadratic("", "momentum", {**TENTH, "mu": "1"}, "1", "converges"))


@pytest.mark.parametrize(
    ("name", "powers"),
    [
        ("adam", {1, 2}), ("adam_epsilon_hat", {1, 2}), ("rmsprop", {2}),
        ("rmsprop_centered", {1, 2}), ("adadelta", {2}), ("adagrad", {2}),
        ("momentum", {1}), ("momentum_ema", {1}), ("gradient_descent", set()),
    ],
)  # fmt: skip
def test_which_moments_a_rule_keeps(name, powers):
    assert holds(Moments("", name, tuple(powers)))
    assert not holds(Moments("", name, tuple(powers ^ {2})))


def test_larger_momentum_is_faster_on_small_curvatures_alone():
    large, small = {**TENTH, "mu": "9/10"}, {**TENTH, "mu": "1/2"}
    assert holds(ConvergesFaster("", "momentum", large, small, "1/100"))
    assert not holds(ConvergesFaster("", "momentum", large, small, "1"))


def test_the_mean_of_errors_times_features_is_half_the_gradient_of_the_squared_error():
    loss, written = (w * p - y) ** 2, (w * p - y) * p
    assert holds(GradientTimes("", loss, (w,), (written,), "1/2"))
    assert not holds(GradientTimes("", loss, (w,), (written,), "1"))
    assert not holds(GradientTimes("", loss, (w,), (-written,), "1/2"))


def test_a_loss_does_not_change_with_the_weights_of_another_model():
    loss = sympy.Pow(w * p - y, 2)
    assert not holds(DependsOn("", loss, (u,)))
    assert holds(DependsOn("", loss, (u, w)))


def test_a_backward_pass_is_settled_by_factors_and_else_stays_open():
    X, y, v, d = data("X", "n", "d"), data("y", "n"), parameter("w", "d"), parameter("b")
    r = X @ v + d - y
    half = {"w": X.T @ r / size("n"), "b": mean(r)}
    assert holds(BackwardPass("", "linear_regression", half, "1/2"))
    assert holds(BackwardPass("", "linear_regression_half", half, "1"))
    assert not holds(BackwardPass("", "linear_regression", half, "1"))
    mixed = {"w": 2 * half["w"], "b": half["b"]}
    assert not holds(BackwardPass("", "linear_regression", mixed, "1"))
    other = {"w": X.T @ (X @ v + d), "b": half["b"]}
    with pytest.raises(UndecidedError, match="no number for w, 1/2 for b"):
        holds(BackwardPass("", "linear_regression", other, "1/2"))


def test_n3b_and_n4_are_settled_as_they_should_be():
    said = {f.claim.text: f.holds for name in ("N3b", "N4") for f in claims_of(name)
            if f.claim.by != "symopt"}  # fmt: skip
    assert [text for text, true in said.items() if true] == [
        "with momentum 1 the previous gradient is taken completely",
        "Adam uses both the first and the second moment",
    ]
    own = [f for name in ("N3b", "N4") for f in claims_of(name) if f.claim.by == "symopt"]
    assert own
    assert all(f.holds for f in own)
