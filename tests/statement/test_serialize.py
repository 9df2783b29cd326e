"""Statements survive JSON, and data that is none is refused."""

import json

import pytest
import sympy
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

import symopt
from symopt import Hyperparameter, Objective, Rule, Source, StatementError
from symopt.statement.serialize import (
    decode,
    encode,
    objective_data,
    objective_from,
    rule_data,
    rule_from,
)
from symopt.statement.symbols import eta, g, grad, t, where, x


def again(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("name", symopt.rules)
def test_every_rule_survives(name):
    rule = symopt.rules[name]
    back = rule_from(again(rule_data(rule)))
    assert back == rule
    assert back.parameters == rule.parameters
    assert list(back.state) == list(rule.state)
    assert list(back.hyperparameters) == list(rule.hyperparameters)
    assert back.update == rule.update
    assert back.source.text == rule.source.text


@pytest.mark.parametrize("name", symopt.objectives)
def test_every_objective_survives(name):
    objective = symopt.objectives[name]
    back = objective_from(again(objective_data(objective)))
    for field in ("expression", "variables", "title", "source", "window", "known", "start", "note",
                  "name", "family"):  # fmt: skip
        assert getattr(back, field) == getattr(objective, field), field
    assert back.gradient == objective.gradient


def test_symbols_keep_what_is_known_of_them():
    for symbol in (eta, x, t):
        assert decode(again(encode(symbol))) == symbol
    assert decode(encode(t)) is t


leaves = st.one_of(
    st.sampled_from([eta, g, t, x, sympy.pi, sympy.E]),
    st.fractions(max_denominator=99).map(lambda q: sympy.Rational(q.numerator, q.denominator)),
)
heads = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: sympy.Max(a, b),
    lambda a, b: sympy.Min(a, b), lambda a, b: sympy.exp(a) - sympy.Abs(b),
    lambda a, b: sympy.sqrt(sympy.Abs(a)) + sympy.sin(b), lambda a, b: sympy.sign(a) * b,
    lambda a, b: sympy.Piecewise((a, x < b), (b, True)), lambda a, b: grad(a) * sympy.log(1 + b**2),
    lambda a, b: sympy.Piecewise((a, sympy.And(x < b, sympy.Ne(g, 0))), (1, g <= a), (b, True)),
]  # fmt: skip


def combined(head, a, b):
    try:
        return head(a, b)
    except (TypeError, ValueError):  # SymPy: the maximum or order of what is not real
        reject()


expressions = st.recursive(
    leaves,
    lambda inner: st.builds(combined, st.sampled_from(heads), inner, inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(expressions)
@example(sympy.exp(grad(eta) * sympy.log(1025)))
@example(sympy.exp(eta) - sympy.Max(eta, -(eta - sympy.exp(eta))))
def test_every_expression_survives(expression):
    if expression.has(sympy.zoo, sympy.nan, sympy.I):
        return
    assert decode(again(encode(expression))) == expression


def test_a_user_rule_with_its_own_reference_and_domain_survives():
    reference = symopt.Reference("me2026", "A title", "Me and You", 2026)
    rule = Rule("Own", Source("me2026", "eq. 1", reference),
                {eta: Hyperparameter(eta, 1 / t, sympy.Interval.open(0, 3))}, {},
                [(g, grad(x)), (x, where(g > 0, x - eta * g, x))], note="a note",
                defect="a defect")  # fmt: skip
    back = rule_from(again(rule_data(rule)))
    assert back == rule
    assert back.parameters == rule.parameters
    assert (back.note, back.defect) == ("a note", "a defect")


@pytest.mark.parametrize(
    "data",
    [None, 1, [], ["Symbol"], ["Symbol", "a"], ["Rational", "1"], ["Rational", "a", "b"],
     ["Lambda", ["Symbol", "x", "real"]], ["__import__", "os"], ["Constant", "I"], ["Add", 3],
     ["sin"], ["Piecewise", 1], "x + 1", {"Add": []}],
)  # fmt: skip
def test_data_that_is_no_expression_is_refused(data):
    with pytest.raises(StatementError, match="not a stored expression"):
        decode(data)


def test_what_has_no_head_cannot_be_stored():
    with pytest.raises(StatementError, match=r"gamma.*cannot be stored"):
        encode(sympy.gamma(x))


def test_text_stays_text():
    objective = Objective("x**2", variables="x", note='"quotes"\n\\backslash ü')
    assert objective_from(again(objective_data(objective))).note == objective.note


def number(value):
    return ["Rational", str(value), "1"]


@pytest.mark.parametrize(
    "hostile",
    [
        ["Pow", number(9), number(9**9)],
        ["Pow", ["Pow", ["Pow", number(9), number(900)], number(900)], number(900)],
        ["Pow", ["Mul", number(3), encode(x)], number(10**12)],
        ["Pow", number(2), ["Add", encode(x), number(10**12)]],
        ["exp", ["Mul", number(10**12), ["log", number(2)]]],
        ["Pow", number(3**400 * 2**200 + 1), ["Rational", "1", "2"]],
    ],
)
def test_a_power_that_would_never_be_computed_is_refused(hostile):
    with pytest.raises(StatementError, match="might never end"):
        decode(hostile)


def test_powers_of_a_stored_statement_stay_within_the_bound():
    for expression in (
        x**-2,
        2**t,
        sympy.sqrt(x**2 + 1),
        sympy.exp(-x / 3),
        x ** sympy.Rational(3, 7),
    ):
        assert decode(again(encode(expression))) == expression
