"""Rules that differ only in corners: proved under conditions, and never under wrong ones."""

import pytest
import sympy
from sympy import Interval, Max, Min, Piecewise, Rational, oo

import symopt
from symopt.program.ranges import range_of
from symopt.statement.rule import Hyperparameter
from symopt.statement.symbols import Delta, eta, g, grad, hyperparameter, s, sign, where, x
from symopt.verification.comparison import compare
from symopt.verification.conditions import bounded, conditions, points_inside, points_outside
from symopt.verification.prove import prove

SOURCE = symopt.Source("igel2000improving", "changed for a test")
PLAIN = symopt.rules.gradient_descent
RPROP = symopt.rules.rprop
PYTORCH = symopt.rules.rprop_pytorch
Delta_min, Delta_max = hyperparameter("Delta_min"), hyperparameter("Delta_max")
eta_plus, eta_minus = hyperparameter("eta_plus"), hyperparameter("eta_minus")
CLIPPED = Min(Delta_max, Max(Delta_min, eta))


def variant(rule, changes, name="changed", **more):
    return rule.variant("Changed", changes, source=SOURCE, **more).named(name, name)


def test_pytorch_clips_the_first_step_size_and_else_is_rprop():
    verdict = prove(RPROP, PYTORCH)
    assert verdict.status == "proved"
    assert verdict.conditions == "Delta_min <= eta <= Delta_max"
    assert "for Delta_min <= eta <= Delta_max" in verdict.assumed
    assert verdict.step == 1
    assert sympy.simplify(verdict.difference + (eta - CLIPPED) * sign(sympy.Symbol("g1", real=True))
                          ) == 0  # fmt: skip
    values = verdict.witness.hyperparameters
    assert not values["Delta_min"] <= values["eta"] <= values["Delta_max"]
    assert "elsewhere they differ: step 1" in str(verdict)
    assert not verdict.certificates  # a certificate that leaves out the conditions would be false


def test_everywhere_in_their_domains_they_are_two_rules():
    assert prove(RPROP, PYTORCH, maps=False).status == "refuted"


def test_each_condition_is_needed_and_its_boundary_belongs_to_it():
    under = conditions(RPROP, PYTORCH)
    assert [str(condition) for condition in under] == ["Delta_min <= eta", "eta <= Delta_max"]
    inside = list(points_inside(RPROP, PYTORCH, under, 4, 24))
    assert any(p.hyperparameters["eta"] == p.hyperparameters["Delta_min"] for p in inside)
    assert any(p.hyperparameters["eta"] == p.hyperparameters["Delta_max"] for p in inside)
    assert compare(RPROP, PYTORCH, 4, 24, at=inside).difference is None
    for broken in under:
        fewer = [condition for condition in under if condition != broken]
        beyond = points_outside(RPROP, PYTORCH, fewer, broken, 4, 24)
        assert compare(RPROP, PYTORCH, 4, 24, at=beyond).difference is not None


def test_gaps_go_through_all_values_that_meet_the_conditions():
    pair = bounded(RPROP, PYTORCH, conditions(RPROP, PYTORCH))
    assert [str(value) for value in pair.gaps.values()] == ["-Delta_min + eta", "Delta_max - eta"]
    gaps = {entry.symbol: entry for entry in pair.first.parameters if entry.symbol in pair.gaps}
    assert all(entry.domain == Interval(0, oo) for entry in gaps.values())
    defaults = {entry.symbol: entry.default for entry in RPROP.parameters}
    assert all(e.default == pair.gaps[symbol].xreplace(defaults) for symbol, e in gaps.items())


@pytest.mark.parametrize("default", ["1e-7", "1e-6", 50, 51])
def test_no_condition_that_excludes_a_default_or_only_touches_it(default):
    other = variant(PYTORCH, {}, hyperparameters={eta: default})
    for pair in ((RPROP, other), (other, RPROP)):
        verdict = prove(*pair)
        assert (verdict.status, verdict.conditions) == ("refuted", "")


GROWN, SHRUNK = Min(Delta * eta_plus, Delta_max), Max(Delta * eta_minus, Delta_min)
SLIPS = {
    "twice the upper bound": Piecewise(
        (Min(Delta * eta_plus, 2 * Delta_max), s > 0), (SHRUNK, s < 0), (Delta, True)),
    "half the lower bound": Piecewise(
        (GROWN, s > 0), (Max(Delta * eta_minus, Delta_min / 2), s < 0), (Delta, True)),
    "it grows where it stood still": Piecewise((SHRUNK, s < 0), (GROWN, True)),
    "another value on the bound": Piecewise(
        (GROWN, s > 0), (SHRUNK, s < 0), (Delta_max, sympy.Eq(Delta, Delta_min)), (Delta, True)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SLIPS))
def test_a_slip_inside_the_bounds_is_not_hidden_by_them(name):
    slipped = variant(RPROP, {Delta: SLIPS[name]})
    for pair in ((slipped, PYTORCH), (PYTORCH, slipped)):
        assert prove(*pair).status in ("refuted", "undecided")


def test_a_single_clip_of_the_rate_is_a_condition_against_a_number():
    clipped = variant(PLAIN, {x: x - Max(eta, Rational(1, 1000)) * g})
    verdict = prove(clipped, PLAIN)
    assert (verdict.status, verdict.conditions) == ("proved", "1/1000 <= eta")
    twice = variant(PLAIN, {x: x - Max(Min(eta, 2), Rational(1, 1000)) * g})
    assert prove(twice, PLAIN).status in ("refuted", "undecided")  # bounded from both sides


def test_a_case_that_ends_on_the_boundary_is_no_condition():
    low = variant(PLAIN, {x: x - where(eta > Rational(1, 1000), eta, 2 * eta) * g})
    assert prove(low, PLAIN).status == "refuted"


def test_a_value_inside_the_domain_is_no_condition():
    one = variant(PLAIN, {x: x - where(sympy.Eq(eta, Rational(355, 113)), 0, eta) * g})
    assert prove(one, PLAIN).status in ("refuted", "undecided")


def test_a_value_at_the_end_of_the_domain_is_one():
    none = variant(PLAIN, {x: x - where(sympy.Eq(eta, 0), 1, eta) * g})
    verdict = prove(none, PLAIN)
    assert (verdict.status, verdict.conditions) == ("proved", "0 < eta")
    assert verdict.witness.hyperparameters["eta"] == 0


def test_a_proof_in_a_smaller_domain_is_none_in_a_larger_one():
    def stated(domain, rate):
        return symopt.Rule(
            "A rule", SOURCE, {eta: Hyperparameter(eta, Rational(1, 2), domain)}, {},
            [(g, grad(x)), (x, x - rate * g)], name="a_rule",
        )  # fmt: skip

    small, large = Interval.open(0, 1), Interval(0, oo)
    assert stated(small, eta) != stated(large, eta)
    assert prove(stated(small, sympy.Abs(eta - 1)), stated(small, 1 - eta)).status == "proved"
    assert prove(stated(large, sympy.Abs(eta - 1)), stated(large, 1 - eta)).status == "refuted"


def test_a_lower_end_of_a_domain_above_1_is_known():
    assert range_of(Interval.open(1, oo)).floor == 1
    assert range_of(Interval(Rational(5, 2), oo)).floor == 2
    assert range_of(Interval(Rational(1, 2), oo)).floor == 0
