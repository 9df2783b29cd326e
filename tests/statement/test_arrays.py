"""Array expressions: shapes, what they refuse, and that equal ones are one."""

import copy
import pickle

import numpy as np
import pytest

from symopt import InputError, StatementError, models
from symopt.array import (
    ArrayObjective,
    columns,
    data,
    dot,
    huber,
    labels,
    let,
    mean,
    onehot,
    parameter,
    relu,
    square,
    total,
    trace,
)

X, y = data("X", "n", "d"), data("y", "n")
w, W, b = parameter("w", "d"), parameter("W", "d", "K"), parameter("b")


def test_equal_expressions_are_one_object_also_after_pickling():
    made = mean(square(X @ w + b - y))
    assert made is mean(square(X @ w + b - y))
    assert made is not mean(square(X @ w - b - y))
    assert pickle.loads(pickle.dumps(made)) is made
    assert copy.deepcopy(made) is made


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: w @ X, r"w @ X: shapes \(d,\) and \(n, d\) do not fit: d is not n"),
        (lambda: X @ w - w, r"X @ w - w: shapes \(n,\) and \(d,\) do not fit: n is not d"),
        (lambda: X + y, r"X \+ y: .*a vector is added to every row, and n is not d; .*columns"),
        (lambda: X * W, r"X \* W: shapes \(n, d\) and \(d, K\) do not fit: n is not d, d is not K"),
        (lambda: b @ w, r"a scalar multiplies with \*"),
        (lambda: w.T, r"w.T: only a matrix is transposed, and this has shape \(d,\)"),
        (lambda: trace(X), r"trace\(X\): .* square matrix, and this has shape \(n, d\)"),
        (lambda: total(w, axis=1), r"an axis is 0 or 1, of a matrix"),
        (lambda: X / 0, "a division by zero"),
        (lambda: w**0.5, "whole number from 2"),
        (lambda: X + np.zeros((2, 2)), "arrays of numbers are bound to data names later"),
        (lambda: huber(w, 0), "the threshold is positive, not 0"),
        (lambda: onehot(y, "K"), "it takes labels"),
        (lambda: data("X", 0), "0 is not a size"),
        (lambda: data("X", 2, 2, 2), r"shape \(2, 2, 2\) has 3 axes"),
        (lambda: bool(w), "neither true nor false"),
        (lambda: list(w), "no items"),
        (lambda: ArrayObjective(X @ w, (w,), (X,)), r"a loss is a scalar, and X @ w has shape"),
        (lambda: ArrayObjective(mean(X @ w), (w,), ()), "X of shape .* is used but not listed"),
        (lambda: ArrayObjective(mean(X @ w), (w, b), (X,)), "does not depend on parameter b"),
        (
            lambda: ArrayObjective(mean(let("w", X @ w)), (w,), (X,)),
            "w names two things",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_both_shapes(make, message):
    with pytest.raises(StatementError, match=message):
        make()


def test_the_declared_broadcasts_and_no_others():
    assert (X + b).shape == ("n", "d")
    assert (X + w).shape == ("n", "d")
    assert (X * columns(y, "d")).shape == ("n", "d")
    assert dot(X, X).shape == ()


FIT = models.linear_regression
ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FIT.bind(X=ROWS), r"no data for y of shape \(n,\)"),
        (
            lambda: FIT.bind(X=ROWS, y=[1, 2]),
            r"y has shape \(n,\), and the numbers given have shape \(2,\): n is 3 from X \(3, 2\)",
        ),
        (lambda: FIT.bind(X=[1, 2], y=[1, 2]), r"X has shape \(n, d\), .* have shape \(2,\)"),
        (lambda: FIT.bind(X=[[1.0, float("nan")]], y=[1]), r"X: nan at \(0, 1\)"),
        (lambda: FIT.bind(X=[["1/2", "one"]], y=[1]), "'one' is not a number"),
        (lambda: FIT.bind(X=[[1], [2, 3]], y=[1, 2]), "not an array of numbers"),
        (lambda: FIT.bind(X=ROWS, Y=[1, 2, 3]), "no data or size 'Y'"),
        (lambda: FIT.bind(X=np.zeros((0, 2)), y=[]), r"X is empty: shape \(0, 2\)"),
        (lambda: FIT.bind(X=ROWS, y=[1, 2, 3]).value([1, 2]), r"theta has shape \(2,\)"),
        (lambda: FIT.bind(X=ROWS, y=[1, 2, 3]).flatten({"w": [1, 2]}), "no numbers for param"),
        (lambda: FIT.bind(X=ROWS, y=[1, 2, 3]).flatten({"u": 1}), "has no parameter 'u'"),
        (
            lambda: models.softmax_regression.bind(X=ROWS, y=[0, 1, 5], K=3),
            r"y holds the label 5, and there are 3 classes \(0 to 2\)",
        ),
        (lambda: models.softmax_regression.bind(X=ROWS, y=[0, 1, -1]), "whole numbers from 0"),
        (lambda: FIT.sized(m=2), "has no size 'm'; its sizes are n, d"),
        (lambda: FIT.sized(d=0), "size d is a positive number, not 0"),
    ],
)
def test_data_that_do_not_fit_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_exact_numbers_stay_exact():
    third = FIT.bind(X=[["1/3"]], y=["1e-1"])
    assert str(third.exact_data()["X"][0, 0]) == "1/3"
    assert FIT.bind(X=[[0.1]], y=[1]).exact_data()["X"][0, 0].denominator == 2**55


def test_an_objective_prints_as_it_is_stated():
    h = let("h", relu(X @ W))
    text = str(ArrayObjective(mean(h), (W,), (X,), "A layer"))
    assert text.splitlines()[-2:] == ["  h = relu(X @ W)", "  L = sum(h)/(n*K)"]
    assert labels("k").shape == ("n",)


def test_a_bound_objective_survives_pickling_with_a_kernel_at_hand():
    bound = FIT.bind(X=ROWS, y=[1, 2, 3])
    bound.value([1, 2, 3])
    again = pickle.loads(pickle.dumps(bound))
    assert again.statement.loss is bound.statement.loss
    assert again.value([1, 2, 3]) == bound.value([1, 2, 3])


def test_data_are_copied_and_fixed():
    rows = np.array(ROWS)
    bound = FIT.bind(X=rows, y=[1, 2, 3])
    before = bound.value([1, 2, 3])
    rows[:] = 0
    assert bound.value([1, 2, 3]) == before
    with pytest.raises(ValueError, match="read-only"):
        bound.data["X"][0, 0] = 7
