"""Code's own spellings of hyperparameters stand for the catalogue's letters."""

import pytest

import symopt
from symopt.statement.symbols import Symbol, epsilon, eta
from symopt.verification.naming import common_names, renamed

LR, EPS = Symbol("lr", real=True), Symbol("eps", real=True)


@pytest.fixture
def lifted():
    return renamed(symopt.rules.adam, {eta: LR, epsilon: EPS})


def test_names_of_code_are_respelled(lifted):
    mine, theirs, told = common_names(lifted, symopt.rules.adam)
    assert theirs == symopt.rules.adam
    assert [entry.name for entry in mine.parameters] == ["eta", "beta1", "beta2", "epsilon"]
    assert told == {"adam.lr": eta, "adam.eps": epsilon}


def test_a_rule_under_other_names_is_proved_the_same(lifted):
    verdict = symopt.prove(lifted, "adam")
    assert verdict.status == "proved"
    assert verdict.map["adam.lr"] == eta


def test_another_rule_under_other_names_stays_another(lifted):
    verdict = symopt.prove(lifted, "adam_epsilon_inside")
    assert verdict.status == "refuted"
    assert not verdict.difference.has(LR)


def test_a_name_that_both_have_is_left_alone():
    mine, theirs, told = common_names(symopt.rules.momentum, symopt.rules.momentum_ema)
    assert (mine, theirs) == (symopt.rules.momentum, symopt.rules.momentum_ema)
    assert told == {}


def test_without_maps_the_spellings_of_code_are_all_that_is_mapped(lifted):
    verdict = symopt.prove(lifted, "adam", maps=False)
    assert verdict.status == "proved"
    assert all(value.is_Symbol for value in verdict.map.values())
    assert symopt.prove("momentum_ema", "momentum_buffer", maps=False).status == "refuted"
