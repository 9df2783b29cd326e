"""The formula of a difference: it is what the witness shows, in the case that the witness is in."""

import pytest
import sympy

from symopt.verification.prove import prove

BRANCHING = [
    ("radam", "radam_pytorch"), ("radam_optax", "radam_pytorch"), ("radam", "radam_optax"),
    ("rprop", "rprop_without_backtracking"), ("rprop", "rprop_optax"),
]  # fmt: skip


def number(value):
    if hasattr(value, "mid"):
        return sympy.Float(value.str(60, radius=False), 60)
    return sympy.Rational(value.numerator, value.denominator)


@pytest.mark.parametrize("names", [*BRANCHING, ("adam", "adamax"), ("nesterov", "momentum")])
def test_at_the_witness_the_formula_is_what_the_rules_differ_by(names):
    verdict = prove(*names, maps=False)
    found = verdict.witness
    values = {**found.hyperparameters, **found.gradients, "x0": found.start[0]}
    shown = verdict.difference.xreplace(
        {s: number(values[s.name]) for s in verdict.difference.free_symbols}
    )
    exact = number(found.first) - number(found.second)
    assert abs(sympy.N(shown, 60) - exact) < sympy.Float("1e-40")
    assert abs(exact) > sympy.Float("1e-30")


@pytest.mark.parametrize("names", BRANCHING[:3])
def test_of_many_cases_only_that_of_the_witness_is_shown(names):
    difference = prove(*names, maps=False).difference
    cases = list(difference.atoms(sympy.Piecewise))
    assert [len(case.args) for case in cases] == [1]
    assert int(difference.count_ops()) < 400


def test_outside_of_its_case_the_formula_has_no_value():
    difference = prove("radam", "radam_optax", maps=False).difference
    beta2 = next(symbol for symbol in difference.free_symbols if symbol.name == "beta2")
    assert difference.xreplace({beta2: sympy.Rational(1, 10)}) is sympy.nan
