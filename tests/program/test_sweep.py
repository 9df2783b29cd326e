"""Equality piece by piece: what is proved, and that what differs is not."""

import pytest

import symopt
from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.program.graph import Graph
from symopt.program.ranges import Range
from symopt.program.rewrite import evaluation_forms
from symopt.program.sweep import proved_by_parts


def program(build, *labels):
    graph = Graph()
    return graph.program({"r": build(graph, *[graph.input(label) for label in labels])})


def forms(name):
    rule = symopt.rules[name]
    step = opaque_step(rule, 1 if is_elementwise(rule) else 2)
    return evaluation_forms(step.program, step.scalars)


def test_equal_parts_are_proved_below_functions_and_branches():
    def stated(q, a, b, c):
        return q.apply("select", q.apply("lt", a, b), q.apply("exp", q.mul(q.add(a, b), c)), a)

    def written(q, a, b, c):
        return q.apply(
            "select", q.apply("lt", a, b), q.apply("exp", q.add(q.mul(a, c), q.mul(b, c))), a
        )

    first, second = program(stated, *"abc"), program(written, *"abc")
    assert proved_by_parts(first, second)


@pytest.mark.parametrize("scale", [2, 1 + 2**-40])
def test_a_difference_is_never_proved_away_however_small(scale):
    from fractions import Fraction

    def wrong(q, a, b):
        return q.mul(q.const(Fraction(scale)), q.add(a, b))

    first = program(lambda q, a, b: q.add(a, b), *"ab")
    assert not proved_by_parts(first, program(wrong, *"ab"))


def test_values_that_agree_at_a_point_only_are_not_taken_for_equal():
    """abs(a) is a for the positive numbers that are tried, and not for all."""
    first = program(lambda q, a: q.mul(a, a), "a")
    assert not proved_by_parts(first, program(lambda q, a: q.mul(q.apply("abs", a), a), "a"))


def test_rules_of_the_catalogue_that_differ_are_not_proved_equal():
    a = opaque_step(symopt.rules.adam).program
    b = opaque_step(symopt.rules.adam_epsilon_inside).program
    assert proved_by_parts(a, a)
    assert not proved_by_parts(a, b)


@pytest.mark.parametrize(
    ("name", "least"), [("adam", 27), ("lamb", 9), ("radam_pytorch", 9), ("nadam", 27), ("adan", 9)]
)
def test_rules_have_their_evaluation_forms(name, least):
    names = [form for form, _ in forms(name)]
    assert names[0] == "as stated"
    assert len(names) >= least
    assert len(set(names)) == len(names)


def test_only_the_forms_asked_for_are_given():
    rule = symopt.rules.adam
    step = opaque_step(rule)
    strict = evaluation_forms(step.program, step.scalars, lambda name: "β" not in name)
    assert strict
    assert all("β" not in name for name, _ in strict)


def test_a_guarded_quotient_does_not_lose_its_guard():
    """x/y and where(y > 0, x/y, 7) are equal where x/y exists, and 7 is not 5 at y = 0."""

    def five(q, x, y):
        return q.apply("select", q.apply("eq", y, q.const(0)), q.const(5), q.div(x, y))

    def seven(q, x, y):
        return q.apply("select", q.apply("lt", q.const(0), y), q.div(x, y), q.const(7))

    ranges = {"y": Range(nonnegative=True)}
    first, second = program(five, *"xy"), program(seven, *"xy")
    for signs in (0, 8):
        assert not proved_by_parts(first, second, ranges, signs=signs)
        assert not proved_by_parts(second, first, ranges, signs=signs)
        assert proved_by_parts(first, first, ranges, signs=signs)


def test_a_quotient_by_what_cancels_does_not_stand_for_the_number():
    """x y/y has no value at y = 0, where x has one and where(y = 0, 5, x y/y) is 5."""

    def guarded(q, x, y):
        quotient = q.div(q.mul(x, y), y)
        return q.apply("select", q.apply("eq", y, q.const(0)), q.const(5), quotient)

    first, second = program(guarded, *"xy"), program(lambda q, x, y: x, *"xy")
    assert not proved_by_parts(first, second, signs=8)
    assert not proved_by_parts(second, first, signs=8)
