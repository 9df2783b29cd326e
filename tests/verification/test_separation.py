"""Probes tell a rule from its mutants and its family, and what they cannot is said, with why."""

import pytest

import symopt
from symopt.verification.mutants import mutants
from symopt.verification.probe import long_probe, standard_probes
from symopt.verification.separation import choose_probes
from symopt.verification.stated import implementation_of

#: Exact in every format, and no two decays alike: a mutant that exchanges them must show.
DYADIC = {
    "eta": 0.125, "mu": 0.875, "rho": 0.9375, "beta1": 0.875, "beta2": 1 - 2.0**-6,
    "epsilon": 2.0**-7, "lamda": 0.125, "tau": 0.5, "kappa": 0.25, "psi": 2.0**-8,
}  # fmt: skip


def values_of(name):
    return {p.name: DYADIC[p.name] for p in symopt.rules[name].parameters}


#: Mutants of which no run can show anything: the rule reads only what they leave as it is.
HIDDEN = {
    "lion": {"g: twice the gradient"},  # only signs are read
    "momentum_pytorch": {"b starts at 1, not at 0"},  # overwritten at step 1
    "rmsprop_centered_momentum": {"g_bar: the sign of g*(1 - rho) flipped"},  # only its square
}
FAST = ["momentum_pytorch", "lion", "rmsprop", "adagrad", "nesterov_bengio"]
SLOW = ["adam", "adamw", "amsgrad_pytorch", "nadam", "adamax_pytorch", "rmsprop_centered_momentum",
        "yogi", "adadelta_pytorch"]  # fmt: skip


def check(name, dtype):
    descriptions = {mutant.rule: mutant.description for mutant in mutants(name)}
    found = choose_probes(name, descriptions, dtype, **values_of(name))
    left = {descriptions[pair.rival] for pair in found.inseparable}
    assert left == HIDDEN.get(name, set()), str(found)
    assert len(found.separated) == len(descriptions) - len(left)
    assert len(found.probes) <= 4
    assert min(eta for _, _, eta in found.separated) > 1


@pytest.mark.parametrize("name", FAST)
def test_every_mutant_is_told_apart_in_float64(name):
    check(name, "float64")


@pytest.mark.study
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FAST + SLOW)
def test_every_mutant_is_told_apart(name, dtype):
    check(name, dtype)


def test_neutral_hyperparameters_are_given_as_the_reason():
    found = choose_probes("momentum_pytorch", ["momentum_dampening_documented", "nesterov_pytorch"])
    assert [pair.reason for pair in found.inseparable] == [
        "proved to walk through the same points at tau = 0"
    ]
    apart = choose_probes("momentum_pytorch", ["momentum_dampening_documented"], tau=0.5)
    assert apart.inseparable == ()


def test_a_pool_that_does_not_suffice_is_said():
    unit = standard_probes()[0].shortened(1)
    found = choose_probes("momentum", ["nesterov_buffer", "gradient_descent"], pool=[unit])
    assert [rule.name for rule, _, _ in found.separated] == ["nesterov_buffer"]
    assert "shows more than rounding" in found.inseparable[0].reason
    assert "momentum in float64" in str(found)


def test_verify_brings_probes_that_see_through_a_sign():
    slips = {"c: without the factor beta1 in beta1*m", "m: without the factor beta2 in beta2*m",
             "m read after its update"}  # fmt: skip
    found = {m.description: m.rule for m in mutants("lion") if m.description in slips}
    assert set(found) == slips
    for description, rule in found.items():
        verdict = symopt.verify(implementation_of(rule), "lion")
        assert verdict.status == "refuted", description
        assert verdict.probe in (long_probe(6), long_probe(7))
    assert symopt.verify(implementation_of("lion"), "lion")


def test_probes_are_representable_in_float32():
    import numpy as np

    for probe in (*standard_probes(), long_probe(6), long_probe(30)):
        numbers = [*probe.start, *[value for row in probe.gradients for value in row]]
        assert all(float(np.float32(float(value))) == value for value in numbers), probe.name
