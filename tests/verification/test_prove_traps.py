"""Pairs that look alike and are not: none of them may be proved."""

import pytest
import sympy

import symopt
from symopt.statement.symbols import eta, first_step, g, mu, norm, sqrt, t, v, where, x
from symopt.verification.prove import prove

SOURCE = symopt.Source("kingma2015adam", "changed for a test")
PLAIN = symopt.rules.gradient_descent
MOMENTUM = symopt.rules.momentum


def variant(rule, changes):
    return rule.variant("A trap", changes, source=SOURCE)


def descent(expression):
    return variant(PLAIN, {x: x - eta * expression})


def pair(first, second):
    return descent(first), descent(second)


size = sympy.Abs(g)
TRAPS = {
    "the root of a square": pair(g, sqrt(g**2)),
    "a sign that is zero at zero": pair(sympy.sign(g) ** 2 + g, 1 + g),
    "g/|g| where g is zero": pair(where(sympy.Eq(g, 0), 5, g / size), sympy.sign(g)),
    "another value at zero": pair(where(g > 0, g, 0), where(g >= 0, g + 1, 0)),
    "strict and weak": pair(where(g > 1, 2, 3), where(g >= 1, 2, 3)),
    "a gradient of one value": pair(g, where(sympy.Eq(g, sympy.Rational(355, 113)), 0, g)),
    "a rate of one value": pair(g, where(sympy.Eq(eta, sympy.Rational(355, 113)), 0, g)),
    "a step far away": pair(g, where(t > 100, 0, g)),
    "a step far away, once": pair(g, where(sympy.Eq(t, 977), 0, g)),
    "a state that is exactly zero": (
        MOMENTUM, variant(MOMENTUM, {x: x + where(sympy.Eq(v, 0), 1, v)})),
    "mu that is exactly -1": (
        MOMENTUM, variant(MOMENTUM, {x: x + where(sympy.Eq(mu, -1), 2 * v, v)})),
    "mu that is exactly 0": (
        MOMENTUM, variant(MOMENTUM, {x: x + where(sympy.Eq(mu, 0), 2 * v, v)})),
    "a power at base zero": (
        variant(MOMENTUM, {x: x + v * mu ** (t - 1)}),
        variant(MOMENTUM, {x: x + where(sympy.Eq(mu, 0), 0, v * mu ** (t - 1))})),
    "the first step only": pair(g, first_step(2 * g, g)),
    "a guard that is lost": pair(
        where(sympy.Eq(g, 0), 5, x / size), where(size > 0, x / size, 7)),
    "norms of the other sign": pair(g * norm(g), -g * norm(g)),
    "norm and squared norm": pair(g * norm(g), g * norm(g) ** 2),
    "min and max": pair(sympy.Min(g, x), sympy.Max(g, x)),
    "nested maxima": pair(sympy.Max(g, x, 0), sympy.Max(sympy.Max(g, x), -1)),
    "clipping in another order": pair(
        sympy.Min(x, sympy.Max(eta, g)), sympy.Max(eta, sympy.Min(x, g))),
}  # fmt: skip


def rules_of(name):
    first, second = TRAPS[name]
    return first.named("first", "first"), second.named("second", "second")


@pytest.mark.parametrize("name", list(TRAPS))
@pytest.mark.parametrize("turned", [False, True])
def test_what_looks_alike_is_not_proved(name, turned):
    try:
        first, second = rules_of(name)
    except symopt.errors.SymoptError as error:
        pytest.fail(str(error))
    pair_ = (second, first) if turned else (first, second)
    verdict = prove(*pair_, maps=False)
    assert verdict.status in ("refuted", "undecided"), str(verdict)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (sympy.Max(0, size), size),
        (where(g > 0, g, -g), size),
        (where(size > 0, size, 0), size),
        (sympy.Max(g, -g), size),
        (sympy.Min(x, g) + sympy.Max(x, g), x + g),
        (where(sympy.Eq(sqrt(g**2), 0), 0, sympy.sign(g)), sympy.sign(g)),
        (where(g > 0, where(g > 1, 1, g), where(g < -1, -1, g)), sympy.Max(-1, sympy.Min(1, g))),
        (norm(-g) * g, norm(g) * g),
    ],
)
def test_what_looks_different_and_is_one_is_proved(first, second):
    one, other = pair(first, second)
    assert prove(one, other, maps=False).status == "proved"
