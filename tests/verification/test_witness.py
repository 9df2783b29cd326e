"""Witnesses are minimal; their text is a test that the code fails and the rule passes."""

import numpy as np
import pytest

import symopt
from symopt.verification.stated import Stepper, implementation_of

DYADIC = {"eta": 0.125, "mu": 0.875, "rho": 0.875, "beta1": 0.875, "beta2": 1 - 2.0**-6,
          "epsilon": 2.0**-7, "lamda": 0.125, "psi": 2.0**-8, "tau": 0.5}  # fmt: skip


def values_of(name):
    return {p.name: DYADIC[p.name] for p in symopt.rules[name].parameters}


def refute(code, rule, dtype="float64"):
    given = implementation_of(code, dtype, **values_of(code))
    return symopt.verify(given, rule, witness=True, **values_of(rule))


def as_function(name, dtype):
    """A rule of the catalogue as somebody's ``f(grad, x0, steps)``."""

    def run(grad, x0, steps):
        optimizer, points = Stepper(name, dtype, **values_of(name)), [x0]
        for _ in range(steps):
            points.append(optimizer.step(points[-1], grad))
        return points

    return run


def execute(text, name, run):
    """Run the printed test with a function in the place of the implementation."""
    namespace = {name: run}
    exec(compile(text, "<witness>", "exec"), namespace)
    test = next(value for key, value in namespace.items() if key.startswith("test_"))
    test(run)


CASES = [
    ("adam_epsilon_inside", "adam", 1),
    ("adam_uncorrected", "adam", 1),
    ("amsgrad_optax", "amsgrad_pytorch", 2),
    ("nesterov_new_velocity", "nesterov_bengio", 1),
    ("momentum", "nesterov", 2),
    ("momentum_pytorch", "momentum_dampening_documented", 1),
    ("adamw_constant_decay", "adamw", 1),
    ("rmsprop_tensorflow", "rmsprop_epsilon_inside", 1),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("code", "rule", "steps"), CASES)
def test_the_text_fails_for_the_code_and_passes_for_the_rule(code, rule, steps, dtype):
    verdict = refute(code, rule, dtype)
    witness = verdict.witness
    assert witness.probe.steps == steps
    assert witness.probe.size == 1
    text = str(witness)
    assert max(map(len, text.splitlines())) <= 100
    assert "symopt" not in text.split('"""')[2]  # it stands on its own
    with pytest.raises(AssertionError):
        execute(text, code, as_function(code, dtype))
    execute(text, code, as_function(rule, dtype))


def test_the_numbers_are_the_simplest():
    witness = refute("nesterov_new_velocity", "nesterov_bengio").witness
    assert witness.probe.start == (0,)
    assert witness.probe.gradients == ((1,),)
    assert 'Fraction("-15/64")' in str(witness)  # -(1 + mu) eta, with mu = 7/8 and eta = 1/8


def test_constant_decay_needs_a_start_that_is_not_zero_or_one():
    witness = refute("sgdw_constant_decay", "sgdw_timm").witness
    assert witness.probe.steps == 1
    # At 1 the first step hides it; at 0 it moves, which is the smallest witness.
    assert witness.probe.start == (0,)
    assert witness.probe.gradients == ((0,),)


def test_a_repeatable_probe_comes_with_every_refutation():
    verdict = symopt.verify(implementation_of("momentum"), "nesterov")
    assert verdict.witness is None
    again = symopt.verify(implementation_of("momentum"), "nesterov", probes=[verdict.probe])
    assert (again.status, again.step, again.eta) == ("refuted", verdict.step, verdict.eta)
    assert symopt.verify(implementation_of("momentum"), "momentum").probe is None


def test_a_refutation_on_an_objective_is_shrunk_too():
    given = implementation_of("adam_epsilon_inside")
    verdict = symopt.verify(given, "adam", "beale", witness=True)
    assert verdict.status == "refuted"
    assert (verdict.witness.probe.steps, verdict.witness.probe.size) == (1, 1)


def test_what_needs_two_coordinates_keeps_them():
    """Clipping by the norm of both, taken for clipping of each: one coordinate is the same."""

    def each(grad, x, steps):
        for _ in range(steps):
            g = grad(x)
            x = x - 0.5 * g * np.minimum(1, 1 / np.abs(g))
            yield x

    verdict = symopt.verify(each, "gradient_descent_clipped", eta=0.5, delta=1.0, witness=True)
    assert verdict.status == "refuted"
    assert verdict.witness.probe.size == 2
    with pytest.raises(AssertionError):
        execute(str(verdict.witness), "each", each)
