"""Optimizers of one name across frameworks: which are proved one rule, and which differ."""

import os
from functools import cache

import pytest
import sympy

os.environ.setdefault("KERAS_BACKEND", "jax")

from symopt.statement.symbols import beta2, epsilon, sqrt, t
from symopt.verification.comparison import Difference
from symopt.verification.lift.counts import FRAMEWORKS
from symopt.verification.prove import prove

pytestmark = [pytest.mark.frameworks, pytest.mark.slow]

MOMENTUM = "SGD(lr=0.1, momentum=0.9, foreach=False)"
NESTEROV = "SGD(lr=0.1, momentum=0.9, nesterov=True, foreach=False)"


@cache
def cases(framework):
    return {case.configuration: case for case in FRAMEWORKS[framework]()}


@cache
def lifted(name):
    framework, _, configuration = name.partition(" ")
    rule, _ = cases(framework)[configuration].lift()
    return rule


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("torch Adam(foreach=False)", "optax adam"),
        ("torch AdamW(foreach=False)", "optax adamw"),
        (f"torch {MOMENTUM}", "keras SGD(momentum=0.9)"),
        (f"torch {NESTEROV}", "optax sgd(momentum=0.9, nesterov=True)"),
        (f"torch {NESTEROV}", "keras SGD(momentum=0.9, nesterov=True)"),
        ("torch Adadelta(foreach=False)", "optax adadelta"),
        ("torch Adadelta(foreach=False)", "keras Adadelta()"),
        ("torch Adamax(foreach=False)", "optax adamax"),
        ("optax rmsprop", "keras RMSprop()"),
        ("optax lamb", "keras Lamb()"),
    ],
)
def test_one_rule_in_two_frameworks(first, second):
    verdict = prove(lifted(first), lifted(second), maps=False)
    assert verdict.status == "proved", str(verdict)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("torch Adam(foreach=False)", "keras Adam()"),
        ("torch AdamW(foreach=False)", "keras AdamW()"),
        ("torch Adam(amsgrad=True, foreach=False)", "keras Adam(amsgrad=True)"),
    ],
)
def test_epsilon_of_keras_is_that_of_torch_on_a_schedule(first, second):
    verdict = prove(lifted(first), lifted(second))
    assert verdict.status == "proved", str(verdict)
    assert list(verdict.map.values()) == [epsilon * sqrt(1 - beta2**t)]
    # With one constant epsilon they differ from the first step on, and the verdict says by what.
    assert verdict.step == 1
    assert isinstance(verdict.difference, sympy.Expr)
    assert any("a schedule" in line for line in verdict.assumed)


def test_lion_of_two_libraries_is_one_rule_without_weight_decay():
    verdict = prove(lifted("optax lion"), lifted("keras Lion()"))
    assert "they are one rule for lion_of_optax.lamda = 0" in verdict.reason


@pytest.mark.parametrize(
    "name",
    [
        "Adadelta({})", "Adagrad({})", "Adam({})", "Adam(amsgrad=True, {})",
        "Adam(weight_decay=0.1, {})", "AdamW({})", "Adamax({})", "NAdam({})", "RAdam({})",
        "RMSprop({})", "RMSprop(centered=True, {})", "Rprop({})", "ASGD({})",
        "SGD(lr=0.1, momentum=0.9, {})",
    ],
)  # fmt: skip
def test_single_and_foreach_are_one_rule_with_the_same_states(name):
    single, foreach = (lifted("torch " + name.format(f"foreach={on}")) for on in (False, True))
    assert {s.name for s in single.state} == {s.name for s in foreach.state}
    verdict = prove(single, foreach, maps=False)
    assert verdict.status == "proved", str(verdict)
    assert verdict.relation == ()  # state by state the same


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [
        ("torch Adam(foreach=False)", "keras Adam()", 1),
        ("torch Adam(amsgrad=True, foreach=False)", "optax amsgrad", 2),
        ("torch RMSprop(foreach=False)", "optax rmsprop", 1),
        ("torch Adagrad(foreach=False)", "keras Adagrad()", 1),
        ("torch NAdam(foreach=False)", "optax nadam", 1),
        ("torch NAdam(foreach=False)", "keras Nadam()", 1),
        ("torch Rprop(foreach=False)", "optax rprop", 1),
    ],
)
def test_what_differs_differs_by_a_formula_and_has_a_witness(first, second, step):
    verdict = prove(lifted(first), lifted(second), maps=False)
    assert (verdict.status, verdict.step) == ("refuted", step), str(verdict)
    assert isinstance(verdict.witness, Difference)
    assert verdict.difference is not None


def test_rprop_of_torch_is_the_papers_rule_inside_its_domain_and_another_outside():
    verdict = prove(lifted("torch Rprop(foreach=False)"), "rprop")
    assert verdict.status == "proved"
    assert verdict.conditions == "0 < eta_minus < 1, Delta_min <= eta <= Delta_max"
    assert verdict.difference is not None
    assert prove(lifted("torch Rprop(foreach=False)"), "rprop_pytorch").conditions == ""
