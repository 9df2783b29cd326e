"""Disputes: what is settled, and that the formula of a difference is what exact runs show."""

import runpy
from pathlib import Path

import pytest
import sympy

import symopt
from symopt.errors import InputError, UnknownNameError
from symopt.verification.digits import bounds
from symopt.verification.dispute import Dispute, settle

pytestmark = pytest.mark.slow

#: What is known of each without symopt: one rule or two, and the first step at which it matters.
KNOWN = {
    "Nesterov, with the new velocity": ("two rules", 1),
    "Is PyTorch's Nesterov the one of the papers?": ("one rule", None),
    "Which point is Nesterov's iterate?": ("two rules", 1),
    "Learning rate inside the velocity, or outside the buffer": ("one rule", None),
    "The same, with a learning rate that changes": ("two rules", 2),
    "Is a moving average of gradients momentum?": ("one rule, mapped", 1),
    "Dampening in the first step": ("a special case", 1),
    "Adam's epsilon: after the correction, or before it": ("one rule, scheduled", 1),
    "AMSGrad: maximum before the correction, or after it": ("two rules", 2),
    "Weight decay: before the step, or after it": ("one rule, mapped", 1),
    "Weight decay: times the learning rate, or not": ("a special case", 1),
    "RAdam rectifies above 4, or above 5": ("two rules", 5),
    "AdaDelta: is the learning rate part of the step that is averaged?": ("two rules", 2),
    "Adan: 1 - beta2, or beta2": ("two rules", 2),
}


@pytest.fixture(scope="module")
def settled():
    script = Path(__file__).parents[2] / "derivations" / "disputes.py"
    return {found.dispute.title: found for found in runpy.run_path(str(script))["SETTLED"]}


def test_there_are_more_than_twenty_and_all_are_settled(settled):
    assert len(settled) >= 20
    assert not [title for title, found in settled.items() if found.outcome == "undecided"]


@pytest.mark.parametrize("title", KNOWN)
def test_what_came_out_is_what_is_known(settled, title):
    found = settled[title]
    assert (found.outcome, found.same.step) == KNOWN[title]


def test_the_difference_is_what_certified_runs_of_both_rules_show(settled):
    """The formula comes from opaque steps; here both rules run on an objective, in balls."""
    compared = 0
    for title, found in settled.items():
        if found.same.status == "proved":
            continue
        one, other = runs_of(found)
        for i, values in enumerate(readings(found, one)):
            formula = found.same.difference.subs(values)
            assert not formula.free_symbols, title
            exact = middle(one.x[-1][i]) - middle(other.x[-1][i])
            assert abs(exact - formula.evalf(40)) <= 1e-25, title
            compared += 1
    assert compared > 30


def middle(ball):
    """The middle of a narrow ball, to 60 digits."""
    low, high = bounds(ball)
    assert high - low <= 1e-30
    return sympy.Float(sympy.Rational(low.numerator, low.denominator), 60)


def runs_of(found):
    """Both rules for as many steps as it takes, at one setting."""
    chosen = {**found.dispute.setting, **found.dispute.values}
    for rule in (found.first, found.second):
        for entry in rule.parameters:
            if not entry.is_schedule:
                chosen.setdefault(entry.name, str(entry.default))
    return [
        symopt.run(
            rule, "elongated_bowl", steps=found.same.step, arithmetic="ball",
            **{entry.name: chosen[entry.name] for entry in rule.parameters
               if not entry.is_schedule},
        )
        for rule in (found.first, found.second)
    ]  # fmt: skip


def readings(found, run):
    """For each coordinate that the formula is about: what its letters stand for in a run."""
    symbols = found.same.difference.free_symbols
    size = len(run.x0)
    together = any("_" in symbol.name and symbol.name[-1].isdigit()
                   and symbol.name[0] in "gx" for symbol in symbols)  # fmt: skip
    for i in range(1 if together else size):
        known = dict(found.dispute.setting)
        for rule in (found.second, found.first):
            known |= {entry.name: str(entry.default) for entry in rule.parameters}
        known |= {**found.dispute.setting, **found.dispute.values}
        wanted = {symbol.name for symbol in symbols} & set(known)
        values = {name: sympy.Rational(known[name]) for name in wanted}
        for j in range(size) if together else [i]:
            ending = f"_{j + 1}" if together else ""
            values[f"x0{ending}"] = sympy.Rational(run.x0[j].numerator, run.x0[j].denominator)
            for k, gradients in enumerate(run.gradients, 1):
                values[f"g{k}{ending}"] = middle(gradients[j])
        yield {symbol: values[symbol.name] for symbol in symbols}


def test_a_proved_dispute_has_runs_that_never_part(settled):
    for found in settled.values():
        if found.outcome == "one rule":
            assert all(departure.distance.contains(0) for departure in found.departures)


def test_runs_of_two_rules_part_at_the_step_of_the_difference(settled):
    for found in settled.values():
        for departure in found.departures:
            if found.same.step is not None and departure.step == found.same.step:
                assert not departure.distance.contains(0), found.dispute.title


def test_a_setting_that_no_rule_has_is_refused():
    with pytest.raises(InputError, match="neither adam nor adamw has a hyperparameter 'mu'"):
        settle(Dispute("t", "q", (), "adam", "adamw", "m", setting={"mu": "1/2"}))


def test_a_rule_that_is_not_there_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean"):
        settle(Dispute("t", "q", (), "adamm", "adamw", "m"))
