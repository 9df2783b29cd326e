"""Mutants are rules, differ from the original, and include the slips that people make."""

import pytest
import sympy

import symopt
from symopt.derivation.opaque import opaque_step
from symopt.program.normal_form import proved_equal
from symopt.statement.symbols import beta1, beta2, epsilon, g, grad, m, m_hat, sqrt, t, v, v_hat, x
from symopt.verification.mutants import mutants
from symopt.verification.stated import implementation_of


def by_description(rule):
    return {mutant.description: mutant.rule for mutant in mutants(rule)}


def line(rule, target):
    return next(value for name, value in reversed(rule.update) if name == target)


def test_adam_has_the_slips_that_are_known():
    found = by_description("adam")
    eta = symopt.rules.adam.parameters[0].symbol
    expected = {
        "x: epsilon inside the root in epsilon + sqrt(v_hat)": (
            x,
            x - eta * m_hat / sqrt(v_hat + epsilon),
        ),
        "x: without epsilon in epsilon + sqrt(v_hat)": (x, x - eta * m_hat / sqrt(v_hat)),
        "x: without the root of v_hat": (x, x - eta * m_hat / (v_hat + epsilon)),
        "g: twice the gradient": (g, 2 * grad(x)),
        "m: without beta1*m": (m, (1 - beta1) * g),
        "m: beta2 in place of beta1": (m, beta2 * m + (1 - beta2) * g),
        "m: without the factor 1 - beta1 in g*(1 - beta1)": (m, beta1 * m + g),
        "v: g not squared": (v, beta2 * v + (1 - beta2) * g),
        "m_hat: without the factor 1/(1 - beta1**t)": (m_hat, m),
        "v_hat: beta2**t with t - 1 for t": (v_hat, v / (1 - beta2 ** (t - 1))),
    }
    for description, (target, value) in expected.items():
        assert sympy.simplify(line(found[description], target) - value) == 0, description
    assert {
        "the counter starts at 2",
        "the counter starts at 0",
        "beta1 and beta2 exchanged",
        "m starts at 1, not at 0",
        "v starts as g**2",
        "v read before its update",
    } <= set(found)
    assert len(found) > 50


def test_names_that_are_no_longer_needed_are_gone():
    uncorrected = by_description("adam")["x: without epsilon in epsilon + sqrt(v_hat)"]
    assert [entry.name for entry in uncorrected.parameters] == ["eta", "beta1", "beta2"]
    only_second = by_description("adam")["m_hat: without the factor m"]
    assert m_hat in only_second.temporaries


def test_bengios_line_read_too_late_is_the_new_velocity_defect():
    made = by_description("nesterov_bengio")["v read after its update"]
    stated = symopt.rules.nesterov_new_velocity
    assert proved_equal(opaque_step(made).program, opaque_step(stated).program)


def test_epsilon_outside_undoes_epsilon_inside():
    made = by_description("adam_epsilon_inside")["x: epsilon outside the root"]
    assert proved_equal(opaque_step(made).program, opaque_step(symopt.rules.adam).program)


@pytest.mark.parametrize(
    "name", ["adam", "amsgrad_pytorch", "lion", "momentum_pytorch", "adadelta", "yogi"]
)
def test_mutants_are_distinct_deterministic_and_different(name):
    first, second = mutants(name), mutants(name)
    assert first == second
    assert len({mutant.rule.name for mutant in first}) == len(first)
    original = opaque_step(symopt.rules[name])
    for mutant in first:
        assert mutant.rule.defect
        step = opaque_step(mutant.rule)
        if set(step.slots) == set(original.slots) and step.asks == original.asks:
            same = proved_equal(step.program, original.program)
            assert not (same and proved_equal(step.start, original.start)), mutant.description


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop", "adagrad"])
def test_verify_refutes_the_mutants(name):
    """None is consistent but those that are the same rule at the given hyperparameters."""
    values = {"mu": 0.875, "rho": 0.875, "eta": 0.125, "epsilon": 2.0**-7}
    survivors = []
    for mutant in mutants(name):
        own = {p.name: values[p.name] for p in mutant.rule.parameters}
        given = {p.name: values[p.name] for p in symopt.rules[name].parameters}
        if symopt.verify(implementation_of(mutant.rule, **own), name, **given):
            survivors.append(mutant.description)
    assert survivors == []
