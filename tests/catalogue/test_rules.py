"""Every rule of the catalogue: sourced, titled, told apart from the others, and runnable."""

import importlib
from collections import Counter

import numpy as np
import pytest

import symopt
from symopt.statement.source import references

ALL = sorted(symopt.rules)
FAMILIES = sorted({symopt.rules[name].family for name in ALL})
BEALE = symopt.Objective(
    "(3/2 - x + x*y)**2 + (9/4 - x + x*y**2)**2 + (21/8 - x + x*y**3)**2", variables="x y"
)

CONTRACT = [
    "gradient_descent", "gradient_descent_clipped", "momentum", "momentum_pytorch",
    "momentum_dampening_documented", "momentum_ema", "heavy_ball", "nesterov", "nesterov_bengio",
    "nesterov_keras", "nesterov_pytorch", "nesterov_new_velocity", "nesterov_full_velocity",
    "adagrad", "adagrad_epsilon_inside", "adadelta", "rmsprop", "rmsprop_epsilon_inside",
    "rmsprop_centered", "rmsprop_momentum", "rmsprop_tensorflow", "adam", "adam_epsilon_inside",
    "adam_epsilon_hat", "adam_eps_root", "adam_epsilon_minus", "adam_uncorrected", "adamw",
    "adam_l2", "amsgrad", "amsgrad_pytorch", "amsgrad_optax", "nadam", "nadam_keras",
    "nadam_optax", "nadam_timm", "nadam_dozat", "radam", "radam_pytorch", "radam_optax", "adamax",
    "adamax_pytorch", "adamax_keras", "adamax_paddle", "lion", "yogi", "yogi_optax", "adabelief",
    "adabelief_optax", "lamb",
]  # fmt: skip

DEFECTIVE = [
    "adabelief_amsgrad_accumulating", "adadelta_new_accumulator", "adadelta_scaled_accumulator",
    "adam_epsilon_minus", "adamw_constant_decay", "adan_optax",
    "asgd_pytorch_optimizer",
    "lamb_pytorch_optimizer", "lion_l2",
    "nesterov_full_velocity", "nesterov_new_velocity", "rprop_optax",
    "schedule_free_adamw_keras_decayed", "sgdw_constant_decay", "yogi_squared_sign",
]  # fmt: skip


@pytest.mark.parametrize("name", CONTRACT)
def test_a_rule_that_others_rely_on_is_there(name):
    assert symopt.rules[name].name == name


@pytest.mark.parametrize("name", ALL)
def test_a_rule_has_a_title_and_a_source_with_its_place(name):
    rule = symopt.rules[name]
    assert rule.title == rule.title.strip() != ""
    assert rule.source.key in references()
    assert len(rule.source.locator) > 3


def test_titles_are_unique():
    titles = Counter(symopt.rules[name].title.casefold() for name in ALL)
    assert [title for title, count in titles.items() if count > 1] == []


def test_no_two_entries_state_the_same_rule_with_the_same_start():
    seen = {}
    for name in ALL:
        rule = symopt.rules[name]
        content = (rule.update, frozenset(rule.state.items()))
        assert content not in seen, f"{name} restates {seen.get(content)}"
        seen[content] = name


def test_the_defective_rules_are_labelled_as_such_and_no_others():
    assert [name for name in ALL if symopt.rules[name].defect] == sorted(DEFECTIVE)
    for name in DEFECTIVE:
        assert symopt.rules[name].defect.startswith("departs from ")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_explained_in_its_file(family):
    module = importlib.import_module(f"symopt.catalogue.rules.{family}")
    assert module.__doc__ is not None
    assert len(module.__doc__.split()) > 15


@pytest.mark.parametrize("key", sorted(references()))
def test_a_reference_is_complete(key):
    entry = references()[key]
    assert entry.title
    assert entry.authors
    assert 1800 < entry.year < 2100
    assert entry.venue or entry.url.startswith("https://")
    if entry.kind != "software":
        assert all("," in author for author in entry.authors.split(" and "))


@pytest.mark.parametrize("name", ALL)
def test_every_rule_with_its_defaults_runs_as_its_exact_run_does(name):
    """Six steps on Beale's function, against balls with the same binary64 hyperparameters."""
    hyper = {
        entry.name: float(entry.default)
        for entry in symopt.rules[name].parameters
        if not entry.is_schedule
    }
    numeric = symopt.run(name, BEALE, [1.0, 1.5], 6, **hyper)
    exact = symopt.run(name, BEALE, [1.0, 1.5], 6, "ball", **hyper)
    assert numeric.diverged_at is None
    assert not np.array_equal(numeric.x[-1], numeric.x[0]) or name == "radam_waiting"
    np.testing.assert_allclose(numeric.x, exact.floats(), rtol=1e-12, atol=0)
