"""The ends of domains and gradients that are zero or equal: differences there are no proofs."""

from fractions import Fraction

import pytest
import sympy

import symopt
from symopt.errors import SymoptError
from symopt.statement.symbols import epsilon, eta, g, mu, sqrt, t, v, where, x
from symopt.verification import prove as prove_module
from symopt.verification.comparison import compare
from symopt.verification.edges import edge_points
from symopt.verification.prove import prove

SOURCE = symopt.Source("kingma2015adam", "changed for a test")
PLAIN = symopt.rules.gradient_descent
MOMENTUM = symopt.rules.momentum
ADAM = symopt.rules.adam
RMSPROP = symopt.rules.rmsprop
ONE_STEP = t > 1
NEAR_1 = sympy.Rational(999_999, 1_000_000)
rho = next(symbol for symbol in RMSPROP.hyperparameters if symbol.name == "rho")
average = next(iter(RMSPROP.state))


def changed(rule, changes):
    return rule.variant("Changed", changes, source=SOURCE).named("changed", "changed")


#: What differs at one end of a domain, or for gradients of one kind, and nowhere else.
TRAPS = {
    "mu is -1": (MOMENTUM, {x: x + where(sympy.Eq(mu, -1), 2 * v, v)}),
    "mu is 1": (MOMENTUM, {x: x + where(sympy.Eq(mu, 1), 2 * v, v)}),
    "mu is 0": (MOMENTUM, {x: x + where(sympy.Eq(mu, 0), 2 * v, v)}),
    "eta is 0": (PLAIN, {x: x - where(sympy.Eq(eta, 0), 1, eta) * g}),
    "rho is 0": (RMSPROP, {average: where(sympy.Eq(rho, 0), 1, rho * average + (1 - rho) * g**2)}),
    "rho is nearly 1": (
        RMSPROP, {average: where(rho > NEAR_1, 0, rho * average + (1 - rho) * g**2)}),
    "epsilon is tiny": (
        RMSPROP, {x: x - where(epsilon < sympy.Rational(1, 10**8), 2, 1) * eta * g
                  / (sqrt(average) + epsilon)}),
    "the gradient is zero": (MOMENTUM, {x: x + where(sympy.Eq(g, 0), 0, v)}),
    "the velocity is zero": (MOMENTUM, {x: x + where(sympy.Eq(v, 0), 1, v)}),
    "the velocity stays": (MOMENTUM, {x: x + where(sympy.Eq(v, mu * v - eta * g), v + 1, v)}),
    "the point is zero": (PLAIN, {x: where(sympy.Eq(x, 0), 1, x - eta * g)}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(TRAPS))
def test_a_difference_on_an_edge_is_never_proved_away(name):
    rule, changes = TRAPS[name]
    for pair in ((rule, changed(rule, changes)), (changed(rule, changes), rule)):
        assert prove(*pair, maps=False).status in ("refuted", "undecided")
        mapped = prove(*pair)  # with conditions that leave the edge out, perhaps
        assert mapped.conditions or mapped.status in ("refuted", "undecided"), str(mapped)


@pytest.mark.parametrize("name", list(TRAPS))
def test_the_check_of_a_proof_sees_every_edge(name):
    rule, changes = TRAPS[name]
    other = changed(rule, changes)
    edges = list(edge_points(rule, other, 3, 1))
    assert compare(rule, other, 3, 48, at=edges, kinds=(False,)).difference is not None


def test_a_false_proof_that_only_an_edge_contradicts_asks_to_be_reported(monkeypatch):
    other = changed(RMSPROP, TRAPS["epsilon is tiny"][1])
    assert compare(RMSPROP, other, 6, 8).difference is None
    proof = prove_module._induction(RMSPROP, RMSPROP)
    monkeypatch.setattr(prove_module, "_induction", lambda first, second: proof)
    blank = symopt.Verdict("undecided", "rmsprop", "changed")
    with pytest.raises(SymoptError, match="report"):
        prove_module._equal(blank, RMSPROP, other)


def test_where_a_divisor_of_the_relation_vanishes_nothing_is_checked():
    values = {point.hyperparameters["mu"] for point in edge_points(MOMENTUM, MOMENTUM, 2, 1)}
    assert {Fraction(-1), Fraction(1)} < values
    kept = {p.hyperparameters["mu"] for p in edge_points(MOMENTUM, MOMENTUM, 2, 1, [1 - mu])}
    assert kept == values - {Fraction(1)}
