"""Integers over powers of a few denominators: the same fractions, in lowest terms at the end."""

from fractions import Fraction
from math import gcd, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structures import one_of_each_structure

import symopt
from symopt.derivation.step import step_program
from symopt.errors import BudgetError
from symopt.execution import exact_run
from symopt.execution.scaled import UnscaledError, coprime_base, scaled

IRRATIONAL = ("sqrt", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")


def rational_rules(objective):
    """One rule of each structure that has a rational run."""
    for name in one_of_each_structure(0):
        if not step_program(symopt.rules[name], symopt.objectives[objective]).program.has(
            *IRRATIONAL
        ):
            yield name


def runs(monkeypatch, rule, objective, steps):
    """The run over common denominators, and the one in lowest terms."""
    for longest in (-1, 10**9):
        monkeypatch.setattr(exact_run, "_LONG", longest)
        try:
            yield symopt.run(rule, objective, steps=steps, arithmetic="rational")
        except symopt.SymoptError as error:
            yield str(error)


@pytest.mark.parametrize("objective", ["beale", "cubic", "weighted_squares"])
def test_a_rule_of_each_structure_passes_through_the_same_fractions(objective, monkeypatch):
    used = []
    monkeypatch.setattr(exact_run, "scaled", lambda given: used.append(1) or scaled(given))
    names = list(rational_rules(objective))
    for name in names:
        ours, theirs = runs(monkeypatch, name, objective, 3)
        if isinstance(theirs, str):
            assert ours == theirs
            continue
        assert (ours.x == theirs.x).all(), name
        assert all((ours.state[key] == theirs.state[key]).all() for key in theirs.state), name
        assert all(gcd(v.numerator, v.denominator) == 1 for v in ours.x.flat), name
    assert len(used) > len(names) // 2


def test_long_numbers_are_the_same_and_the_budget_counts_them_in_lowest_terms(monkeypatch):
    ours, theirs = runs(monkeypatch, "momentum", "beale", 5)
    assert (ours.x == theirs.x).all()
    bits = max(max(v.numerator.bit_length(), v.denominator.bit_length()) for v in ours.x.flat)
    assert bits > exact_run.BIT_BUDGET // 1000
    with pytest.raises(BudgetError):
        symopt.run("momentum", "beale", steps=9, arithmetic="rational", budget=bits)


fractions = st.builds(Fraction, st.integers(-99, 99), st.sampled_from([1, 2, 10, 12, 64, 1000]))


@given(fractions, fractions, fractions)
def test_operations_are_those_of_fractions(a, b, c):
    number = scaled([2, 3, 5]).convert
    x, y, z = map(number, (a, b, c))
    for made, exact in (
        ((x + y) * z - x, (a + b) * c - a), (x - y - z, a - b - c), (2 - x * y, 2 - a * b),
        (abs(-x) + 1, abs(a) + 1), (3 * x, 3 * a),
    ):  # fmt: skip
        assert Fraction(int(made.reduced.p), int(made.reduced.q)) == exact
        assert int(made.reduced.q) == exact.denominator
    assert (x < y, x <= y, x > y, x >= y, x == y) == (a < b, a <= b, a > b, a >= b, a == b)


@given(st.lists(st.integers(1, 10**30), max_size=5))
def test_factors_have_nothing_in_common_and_make_up_what_was_given(values):
    base = coprime_base(values)
    assert all(gcd(a, b) == 1 for a in base for b in base if a != b)
    for value in values:
        rest = value
        while (common := gcd(rest, prod(base))) > 1:
            rest //= common
        assert rest == 1


def test_a_divisor_of_its_own_leaves_the_arithmetic():
    tenths = scaled([10])
    half = tenths.functions["divide"](tenths.convert(Fraction(1)), 20)
    assert (half.reduced.p, half.reduced.q) == (1, 20)
    with pytest.raises(UnscaledError):
        tenths.functions["divide"](tenths.convert(Fraction(1)), 3)
    with pytest.raises(UnscaledError):
        tenths.convert(Fraction(1, 7))
