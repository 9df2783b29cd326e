"""Mini-batches: which samples each step sees, and that runs in all arithmetics see them."""

from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt import InputError
from symopt.array import data, exp, mean, parameter, square

X = np.array([[2, -3], [5, 1], [-7, 4], [0, 6], [3, 3], [-1, -8], [4, 2]]) / 8
Y = np.array([1, -4, 6, 2, -5, 7, 3]) / 8
FIT = symopt.models.linear_regression.bind(X=X, y=Y)
START = ["1/4", "-1/2", "3/4"]
ORDERS = [("in order", None), ("shuffled", 3), ("cyclic", None), ("with replacement", 3)]


def by_hand(batches, rule, steps, eta=Fraction(1, 8), mu=Fraction(1, 2)):
    """Independent loops in fractions: descent, momentum, and momentum's look-ahead."""
    w, v = [Fraction(s) for s in START], [Fraction(0)] * 3
    rows = [[*map(Fraction, row), Fraction(1)] for row in X.tolist()]
    points, losses = [list(w)], []
    for chosen in batches.schedule(steps):
        part = [(rows[i], Fraction(Y[i])) for i in chosen]

        def errors(w, part=part):
            return [sum(a * b for a, b in zip(row, w, strict=True)) - y for row, y in part]

        losses.append(sum(e * e for e in errors(w)) / len(part))
        at = [a + mu * b for a, b in zip(w, v, strict=True)] if rule == "nesterov" else w
        found = errors(at)
        g = [
            2 * sum(e * row[j] for e, (row, _) in zip(found, part, strict=True)) / len(part)
            for j in range(3)
        ]
        share = 0 if rule == "gradient_descent" else mu
        v = [share * b - eta * c for b, c in zip(v, g, strict=True)]
        w = [a + b for a, b in zip(w, v, strict=True)]
        points.append(list(w))
    return points, losses


@pytest.mark.parametrize(("order", "seed"), ORDERS)
@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "nesterov"])
def test_step_t_asks_batch_t_also_where_a_rule_looks_ahead(order, seed, rule):
    batches = FIT.batches(size=3, order=order, seed=seed)
    hyper = {"eta": "1/8"} | ({} if rule == "gradient_descent" else {"mu": "1/2"})
    points, losses = by_hand(batches, rule, 8)
    exact = symopt.run(rule, batches, START, 8, "rational", **hyper)
    assert exact.x.tolist() == points
    assert exact.losses().tolist() == losses
    double = symopt.run(rule, batches, START, 8, **hyper)
    assert np.abs(double.x - np.array(points, float)).max() < 1e-14
    assert np.abs(double.losses() - np.array(losses, float)).max() < 1e-14
    single = symopt.run(rule, batches, START, 8, "float32", **hyper)
    assert single.x.dtype == single.losses().dtype == np.float32
    assert 0 < np.abs(single.x - double.x).max() < 1e-5
    ball = symopt.run(rule, batches, START, 8, "ball", **hyper)
    gaps = [abs(b - symopt_ball(f)) for b, f in zip(ball.x.flat, exact.x.flat, strict=True)]
    assert all(gap.contains(0) for gap in gaps)


def symopt_ball(value):
    from flint import arb, fmpq

    return arb(fmpq(value.numerator, value.denominator))


def test_an_epoch_in_order_ends_with_the_short_batch():
    batches = FIT.batches(size=3)
    assert [rows.tolist() for rows in batches.schedule(4)] == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2]]
    assert batches.at(3).value([1, 0, 0]) == (X[6, 0] - Y[6]) ** 2


def test_shuffled_epochs_are_permutations_of_their_own():
    batches = FIT.batches(size=3, order="shuffled", seed=5)
    rng = np.random.default_rng(5)
    rows = batches.schedule(6)
    for epoch in range(2):
        parts = rows[3 * epoch : 3 * epoch + 3]
        assert np.concatenate(parts).tolist() == rng.permutation(7).tolist()
        assert [len(part) for part in parts] == [3, 3, 1]


def test_cyclic_batches_go_on_at_the_first_sample():
    rows = FIT.batches(size=3, order="cyclic").schedule(4)
    assert [part.tolist() for part in rows] == [[0, 1, 2], [3, 4, 5], [6, 0, 1], [2, 3, 4]]


def test_draws_with_replacement_are_those_of_the_seeded_generator():
    rows = FIT.batches(size=9, order="with replacement", seed=1).schedule(2)
    rng = np.random.default_rng(1)
    assert [part.tolist() for part in rows] == [rng.integers(0, 7, 9).tolist() for _ in range(2)]


def test_losses_by_epoch_are_means_of_iterations_or_those_of_all_data():
    batches = FIT.batches(size=3)
    run = symopt.run("gradient_descent", batches, START, 7, "rational", eta="1/8")
    each = run.losses()
    means = [sum(each[first : first + 3]) / 3 for first in (0, 3)]
    assert run.losses(by="epoch").tolist() == means
    whole = run.losses(by="epoch", of="whole")
    assert whole.tolist() == [run.values[3], run.values[6]]
    full = symopt.run("gradient_descent", FIT, run.x[3].tolist(), 1, "rational")
    assert full.values[0] == whole[0]


def test_softmax_regression_in_batches_runs_in_balls_and_floats_alike():
    fit = symopt.models.softmax_regression.bind(X=X, y=[0, 2, 1, 1, 0, 2, 2])
    batches = fit.batches(size=4, order="shuffled", seed=2)
    start = np.zeros(9)
    ball = symopt.run("adam", batches, start, 5, "ball")
    double = symopt.run("adam", batches, start, 5)
    assert np.abs(ball.floats() - double.x).max() < 1e-12
    assert np.abs(double.losses() - [float(v.mid()) for v in ball.losses()]).max() < 1e-12
    with pytest.raises(symopt.InexactError, match="softmax_regression uses logsumexp"):
        symopt.run("gradient_descent", batches, start, 2, "rational")


def test_features_that_are_irrational_functions_of_data_run_in_balls():
    A, t, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
    stated = symopt.ArrayObjective(mean(square(exp(A) @ w - t)), (w,), (A, t), "Exponential fit")
    fit = stated.bind(X=X, y=Y)
    ball = symopt.run("gradient_descent", fit, [0, 1], 5, "ball")
    double = symopt.run("gradient_descent", fit, [0, 1], 5)
    assert np.abs(ball.floats() - double.x).max() < 1e-13
    with pytest.raises(symopt.InexactError, match="exp has no rational value"):
        symopt.run("gradient_descent", fit, [0, 1], 5, "rational")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FIT.batches(3, "shufled"), "Did you mean 'shuffled'"),
        (lambda: FIT.batches(3, "shuffled"), "give seed="),
        (lambda: FIT.batches(3, seed=1), "need no seed"),
        (lambda: FIT.batches(8), "has 7 samples"),
        (lambda: FIT.batches(0), "at least 1"),
        (lambda: symopt.run("adam", FIT, START, 3).losses(), "not in batches"),
        (lambda: symopt.run("adam", FIT.batches(3), START, 2).losses("epoch"), "no whole epoch"),
        (
            lambda: symopt.run("adam", FIT.batches(3), START, 4, record="final").losses(),
            "record='all'",
        ),
    ],
)
def test_what_batches_cannot_be_says_why(make, message):
    with pytest.raises(InputError, match=message):
        make()
