"""Runs on array objectives: the vector loop of every rule, against the scalar loop."""

import numpy as np
import pytest
from own_rules import EXTRAGRADIENT, GATED

import symopt
from symopt import InputError
from symopt.derivation.array.staged import staged_step
from symopt.execution.array.loop import vector_loop

ROWS = np.array([[2, -3], [5, 1], [-7, 4], [0, 6], [3, 3], [-1, -8]]) / 8
FIT = symopt.models.linear_regression.bind(X=ROWS, y=np.array([1, -4, 6, 2, -5, 7]) / 8)
SCALAR = FIT.scalar()
START = [0.25, -0.5, 0.75]

#: A look-ahead, several questions, sums, maxima, branches, state that keeps a gradient, schedules.
BY_STRUCTURE = [
    "gradient_descent", "nesterov", "adam", "adan", "adamax", "lamb", "rprop_without_backtracking",
    "schedule_free_sgd", "muon", "novograd", "prodigy",
    "sag_two_batches", "optimistic_gradient_descent", "cocob", "madgrad", "dog", "adafactor",
    "gradient_descent_clipped_largest",
]  # fmt: skip


def agree(rule, steps=6):
    ours, scalar = symopt.run(rule, FIT, START, steps), symopt.run(rule, SCALAR, START, steps)
    assert set(ours.state) == set(scalar.state)
    pairs = [(ours.x, scalar.x), *((ours.state[k], scalar.state[k]) for k in scalar.state)]
    for got, expected in pairs:
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("rule", BY_STRUCTURE)
def test_a_rule_on_vectors_is_the_rule_on_coordinates(rule):
    agree(rule)


@pytest.mark.slow
def test_every_rule_on_vectors_is_the_rule_on_coordinates():
    for rule in symopt.rules:
        agree(rule)


def test_the_representatives_have_every_structure():
    """Every combination of questions that occurs, up to how often each is asked."""

    def kinds(rule):
        return frozenset(question.kind for question in staged_step(rule).questions)

    shown = {kinds(symopt.rules[name]) for name in BY_STRUCTURE}
    assert shown == {kinds(rule) for rule in symopt.rules.values()}


def test_a_rule_may_ask_for_several_gradients():
    assert [q.kind for q in staged_step(EXTRAGRADIENT).questions] == ["gradient", "gradient"]
    agree(EXTRAGRADIENT)


def test_a_rule_may_compare_before_and_after_a_sum():
    """A mask that one stage leaves for another is never taken for a vector of numbers."""
    agree(GATED)


def test_what_is_recorded_is_what_was_asked_for():
    whole = symopt.run("adam", FIT, START, 10)
    assert whole.recorded == tuple(range(11))
    third = symopt.run("adam", FIT, START, 10, record=3)
    assert third.recorded == (0, 3, 6, 9, 10)
    assert np.array_equal(third.x, whole.x[list(third.recorded)])
    last = symopt.run("adam", FIT, START, 10, record="final")
    assert np.array_equal(last.x[-1], whole.x[-1])
    assert np.array_equal(last.state["v"][-1], whole.state["v"][-1])
    assert symopt.run("adam", FIT, START, 2, record="point").state == {}
    assert np.array_equal(whole.parameters(4)["w"], whole.x[4, :2])
    with pytest.raises(InputError, match="step 1 is not recorded; recorded are 0, 3, 6, 9, 10"):
        third.parameters(1)


def test_values_and_gradients_along_the_run_are_those_of_its_points():
    run = symopt.run("momentum", FIT, START, 4)
    assert run.values[2] == FIT.value(run.x[2])
    assert np.array_equal(run.gradients[2], FIT.gradient(run.x[2]))


def test_float32_stays_float32_and_near():
    single = symopt.run("adam", FIT, START, 20, "float32")
    double = symopt.run("adam", FIT, START, 20)
    assert single.x.dtype == np.float32
    assert single.state["m"].dtype == np.float32
    assert 0 < np.abs(single.x - double.x).max() < 1e-5


def test_a_start_may_be_a_dict_and_a_schedule_follows_t():
    as_dict = symopt.run("gradient_descent", FIT, {"w": START[:2], "b": START[2]}, 3, eta="1/t")
    scalar = symopt.run("gradient_descent", SCALAR, START, 3, eta="1/t")
    np.testing.assert_allclose(as_dict.x, scalar.x, rtol=1e-13)


def test_the_step_of_divergence_is_found_also_where_it_is_not_recorded():
    whole = symopt.run("gradient_descent", FIT, START, 2000, eta=8)
    assert whole.diverged_at is not None
    assert symopt.run("gradient_descent", FIT, START, 2000, record=500, eta=8).diverged_at == (
        whole.diverged_at
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: symopt.run("adam", FIT, None, 3), "no customary start; give x0: 3 numbers, or an"),
        (lambda: symopt.run("adam", FIT, [1, 2], 3), r"theta has shape \(2,\)"),
        (lambda: symopt.run("adam", "ridge", [1, 2], 3), r"symopt.models.ridge.bind\(...\)"),
        (lambda: symopt.run("adam", symopt.models.ridge, [1, 2], 3), r"give .bind\(...\) of it"),
        (lambda: symopt.run("adam", FIT, START, 3, "float32", eta="1e99"), "range of float32"),
        (lambda: symopt.run("adam", FIT, START, 3, backend="python"), "backend='numpy' or 'llvm'"),
        (
            lambda: symopt.run("momentum", FIT, START, 3, "rational", backend="llvm"),
            "in rational runs with backend='auto', not 'llvm'",
        ),
    ],
)
def test_what_cannot_be_run_says_why(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_loop_makes_no_arrays():
    source = vector_loop(staged_step(symopt.rules.adam)).source
    assert "empty" not in source
    assert source.count("gradient()") == 1
