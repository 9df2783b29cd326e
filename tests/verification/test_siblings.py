"""Siblings: what is proved to walk through the same points, and that nothing else is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sympy import Symbol

import symopt
from symopt.verification.siblings import (
    linear_size,
    opaque_program,
    proved_by_induction,
    proved_same_points,
    siblings,
    specialized,
)

rules = symopt.rules


def maps(name, **fixed):
    values = tuple((key, Fraction(value)) for key, value in fixed.items())
    return {s.name: s.text for s in siblings(rules[name], 8, values) if not s.is_degenerate}


def test_the_momentum_forms_are_one_rule():
    assert (
        maps("momentum").items()
        >= {
            "momentum_positive_velocity": "",
            "momentum_buffer": "",
            "momentum_negative_buffer": "",
            "momentum_pytorch": "",
            "momentum_dampening_documented": "",
            "momentum_ema": "eta = eta/(1 - mu), beta = mu",
            "momentum_ema_negative": "eta = eta/(1 - mu), beta = mu",
            "heavy_ball": "",
        }.items()
    )


def test_the_moving_average_is_the_buffer_with_a_shorter_learning_rate():
    assert maps("momentum_ema")["momentum_buffer"] == "eta = eta*(1 - beta), mu = beta"


def test_dampening_as_large_as_the_momentum_makes_a_moving_average():
    assert maps("momentum_ema")["momentum_dampening_documented"] == "mu = beta, tau = beta"


def test_dampening_separates_the_buffer_forms_unless_it_is_zero():
    assert "momentum_buffer" not in maps("momentum_pytorch")
    assert "momentum_buffer" in maps("momentum_pytorch", tau=0)


def test_special_values_leave_the_maps_as_they_are():
    assert maps("momentum_ema", eta=1)["momentum_buffer"] == "eta = 1 - beta, mu = beta"
    assert "adadelta" in maps("adadelta_pytorch", eta=1)
    assert "adadelta" not in maps("adadelta_pytorch")
    for fixed in ({"mu": 0}, {"mu": 1}, {"eta": 0}, {"eta": 0, "mu": 0}):
        values = tuple((key, Fraction(value)) for key, value in fixed.items())
        found = {sibling.name for sibling in siblings(rules.momentum, 8, values)}
        assert {"heavy_ball", "momentum_buffer"} <= found, fixed
    assert "adamw_optax" in maps("adamw", eta=1, lamda=1)


def test_three_nesterov_forms_at_the_look_ahead_point_are_one_rule_and_sutskevers_is_none():
    one = {"nesterov_bengio", "nesterov_keras", "nesterov_pytorch", "nesterov_buffer"}
    for name in one:
        assert one - {name} <= set(maps(name))
        assert not {"nesterov", "momentum", "nesterov_new_velocity"} & set(maps(name))
    for name in ("nesterov", "nesterov_new_velocity", "nesterov_full_velocity"):
        assert not one & set(maps(name))


def test_coupled_and_decoupled_decay_are_one_for_gradient_descent_and_two_for_adam():
    found = maps("gradient_descent_l2")
    assert found["gradient_descent_decoupled"] == ""
    assert found["gradient_descent_unscaled_decay"] == "lamda = eta*lamda"
    assert "adam_l2" not in maps("adamw")
    assert maps("adamw")["adamw_optax"] == ""
    assert maps("adamw")["adamw_paper"] == "lamda = eta*lamda"
    # Decay after the step is decay before it, at a learning rate that makes up for it.
    assert maps("adamw")["adamw_decay_after"] == (
        "eta = eta/(-eta*lamda + 1), lamda = lamda*(-eta*lamda + 1)"
    )
    assert not proved_same_points(rules.adamw, rules.adamw_decay_after, 8)


def test_epsilon_hat_is_epsilon_after_a_change_with_t():
    assert maps("adam")["adam_epsilon_hat"] == "epsilon = epsilon*sqrt(1 - beta2**t)"
    assert maps("adam_epsilon_hat")["adam"] == "epsilon = epsilon/sqrt(1 - beta2**t)"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("adam", "adam_epsilon_inside"),
        ("adam", "adam_epsilon_hat"),
        ("adam", "adam_uncorrected"),
        ("adam", "amsgrad"),
        ("momentum", "nesterov_keras"),
        ("momentum", "momentum_ema"),
        ("momentum_buffer", "momentum_pytorch"),
        ("rmsprop", "rmsprop_epsilon_inside"),
        ("adamw", "adamw_decay_after"),
        ("radam_pytorch", "radam_optax"),
    ],
)
def test_different_rules_are_not_proved_equal(first, second):
    assert not proved_same_points(rules[first], rules[second], 8)


def test_every_proved_sibling_agrees_in_rational_arithmetic_at_other_values():
    rule = rules.momentum_ema
    values = {"eta": Fraction(3, 7), "beta": Fraction(5, 11)}
    for sibling in siblings(rule):
        for steps in (1, 5, 8):
            mine = _points(rule, values, steps)
            assert mine == _points(sibling.rule, values, steps), sibling.name
    assert _points(rule, values, 3) != _points(
        rules.momentum_buffer, {"eta": Fraction(3, 7), "mu": Fraction(5, 11)}, 3
    )


def _points(rule, values, steps):
    program = opaque_program(rule, steps, 1, cut=False)
    inputs = {
        label: values[label[1]]
        if label[0] == "hyper"
        else (Fraction(2, 3) if label[0] == "x" else Fraction(7, label[1] + 3))
        for label in program.inputs
    }

    def visit(node, args):
        if node.op == "const":
            return node.value
        if node.op == "input":
            return inputs[node.value]
        if node.op == "neg":
            return -args[0]
        a, b = args
        return (
            {"add": a + b, "sub": a - b, "mul": a * b}.get(node.op) if node.op != "div" else a / b
        )

    return program.fold(visit)


def test_linear_rules_are_proved_for_every_step():
    assert linear_size(rules.momentum) == 2
    assert linear_size(rules.nesterov_pytorch) == 2
    assert linear_size(rules.adam) is None
    assert linear_size(rules.gradient_descent_clipped) is None
    assert all(s.always for s in siblings(rules.momentum))
    # Three steps are too few to decide it for ever.
    assert not any(s.always for s in siblings(rules.momentum, 3))


def test_rules_with_the_same_memory_are_proved_by_induction():
    assert {s.name for s in siblings(rules.adamw) if s.always} >= {"adamw_optax", "adamw_paper"}
    assert {s.name for s in siblings(rules.adadelta) if s.always} >= {"adadelta_pytorch"}
    assert not proved_by_induction(rules.adam, rules.adam_epsilon_inside)


def test_a_map_that_runs_into_a_rules_own_letters_is_refused():
    b = Symbol("b", real=True)
    assert specialized(rules.momentum_buffer, {Symbol("mu", real=True): b}) is None


def velocity(grad, x, steps, eta=0.01, mu=0.9):
    v = np.zeros_like(x)
    for _ in range(steps):
        v = mu * v - eta * grad(x)
        x = x + v
        yield x


def buffer(grad, x, steps, eta=0.01, mu=0.9):
    b = np.zeros_like(x)
    for _ in range(steps):
        b = mu * b + grad(x)
        x = x - eta * b
        yield x


def two_points(grad, x, steps, eta=0.01, mu=0.9):
    before = x
    for _ in range(steps):
        x, before = x - eta * grad(x) + mu * (x - before), x
        yield x


@pytest.mark.parametrize("code", [velocity, buffer, two_points])
@pytest.mark.parametrize(
    "rule", ["momentum", "momentum_buffer", "momentum_pytorch", "momentum_negative_buffer",
             "heavy_ball"],
)  # fmt: skip
@pytest.mark.parametrize("steps", [None, 60])
def test_any_form_of_momentum_is_consistent_with_any_statement_of_it(code, rule, steps):
    on = {} if steps is None else {"objective": "booth", "steps": steps}
    verdict = symopt.verify(code, rule, eta=0.01, mu=0.9, **on)
    assert verdict.status in ("consistent", "proved"), verdict


def test_the_family_names_the_equal_and_the_proof():
    verdict = symopt.verify(two_points, "momentum", eta=0.01, mu=0.9)
    assert verdict.family.startswith("as its equal, Heavy ball, proved for every step")


def test_siblings_do_not_excuse_another_rule():
    assert symopt.verify(velocity, "nesterov_keras", eta=0.01, mu=0.9).status == "refuted"
    assert symopt.verify(velocity, "momentum_ema", eta=0.01, beta=0.9).status == "refuted"
    assert symopt.verify(velocity, "momentum", eta=0.01, mu=0.9 + 1e-14).status == "refuted"
