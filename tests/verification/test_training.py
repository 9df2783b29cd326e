"""Training loops judged by the exact gradient at their own parameters."""

import numpy as np
import pytest

import symopt
from symopt import Implementation, InputError
from symopt.verification.training_gradients import gradients_of

RNG = np.random.default_rng(3)
X = RNG.standard_normal((22, 3))
Y = X @ [1, 2, 3] + RNG.standard_normal(22)
FIT = symopt.models.linear_regression.bind(X=X, y=Y)
SIZE = 8


def train(mistake="", *, dtype=np.float64, size=None, rule="momentum", lr=0.05, mu=0.9):
    """Least squares by a hand-written loop, right or with one mistake."""

    def loop(start, steps):
        A, t = X.astype(dtype), Y.astype(dtype)
        w, b = start["w"], start["b"]
        vw, vb = np.zeros_like(w), np.zeros_like(b)
        parts = [slice(k, k + size) for k in range(0, len(t), size)] if size else [slice(None)]
        if mistake == "reverse order":
            parts = parts[::-1]
        if mistake == "without the short batch":
            parts = parts[:-1]
        for step in range(steps):
            rows = parts[step % len(parts)]
            ahead = (w + mu * vw, b + mu * vb) if rule == "nesterov" else (w, b)
            error = A[rows] @ ahead[0] + ahead[1] - t[rows]
            factor = {"half": 1, "sum over the samples": 2 * len(error)}.get(mistake, 2)
            gw, gb = factor * A[rows].T @ error / len(error), factor * error.mean()
            if mistake == "b is never updated":
                gb = 0 * gb
            if mistake != "never move":
                vw, vb = mu * vw - lr * gw, mu * vb - lr * gb
                w, b = (w + vw).astype(dtype), (b + vb).astype(dtype)
            yield w, b

    return loop


def judged(mistake="", size=None, rule="momentum", against="momentum", dtype="float64"):
    objective = FIT.batches(size) if size else FIT
    loop = train(mistake, size=size, rule=rule, dtype=np.dtype(dtype).type)
    code = Implementation.from_training(loop, objective, dtype=dtype, steps=9, name="loop")
    return symopt.verify(code, against, eta=0.05, mu=0.9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [None, SIZE])
@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_right_loops_are_consistent_in_every_step(dtype, size, rule):
    verdict = judged(size=size, rule=rule, against=rule, dtype=dtype)
    assert verdict.status == "consistent"
    assert 0 < verdict.eta < 1


def test_another_rule_is_refuted_at_the_step_at_which_it_departs():
    verdict = judged(rule="nesterov", against="momentum")
    assert (verdict.status, verdict.step) == ("refuted", 2)
    assert not verdict.reason.startswith("all 9 steps")


@pytest.mark.parametrize(
    ("mistake", "size"),
    [
        ("half", None),
        ("sum over the samples", SIZE),
        ("b is never updated", SIZE),
        ("never move", None),
        ("reverse order", SIZE),
        ("without the short batch", SIZE),
    ],
)
def test_the_mistake_of_a_loop_is_named(mistake, size):
    verdict = judged(mistake, size)
    assert verdict.status == "refuted"
    assert mistake in verdict.reason
    others = {"half", "sum over", "never updated", "never move", "reverse", "without the short"}
    assert [word for word in others if word in verdict.reason and word not in mistake] == []


def test_the_expected_value_of_a_refutation_is_the_exact_step():
    code = Implementation.from_training(train("half"), FIT, x0=[1, 1, 1, 0], steps=2)
    verdict = symopt.verify(code, "momentum", eta=0.05, mu=0.9)
    exact = symopt.run("momentum", FIT, [1, 1, 1, 0], 1, "rational", eta=0.05, mu=0.9).x[1, 0]
    assert verdict.step == 1
    assert verdict.quantity == "x, coordinate 0"
    assert abs(float(verdict.expected.mid()) - float(exact)) < 1e-15


def test_radii_hold_the_gradients_of_every_order_of_summation():
    """Of float32 sums in random order, at a point that is itself off."""
    source = gradients_of(FIT, 1)
    point = np.float32([1, -2, 0.5, 0.25]).astype(float)
    zero = np.zeros(4)
    values, radii = source(1, point, zero, "float32")
    A, t = X.astype(np.float32), Y.astype(np.float32)
    for _ in range(30):
        order = RNG.permutation(22)
        error = A @ point[:3].astype(np.float32) + np.float32(point[3]) - t
        terms = np.float32(2 / 22) * error[order, None] * np.c_[A, np.ones(22, np.float32)][order]
        found = np.cumsum(terms, axis=0, dtype=np.float32)[-1]
        assert (np.abs(found - values) <= radii).all()
    off = np.full(4, 1e-3)
    _, wider = source(1, point, off, "float32")
    moved = FIT.gradient(point + off * [1, -1, 1, -1])
    assert (np.abs(moved - values) <= wider).all()
    assert (wider > radii).all()


def test_identify_names_the_rule_of_a_loop_and_its_hyperparameters():
    code = Implementation.from_training(train(size=SIZE), FIT.batches(SIZE))
    names = ("momentum", "adam", "gradient_descent", "adagrad", "rmsprop", "nesterov")
    from symopt.verification.identify import _records, _Search

    search = _Search(code, _records(code))
    (match,) = search.matches([symopt.rules[name] for name in names], {})
    assert match.rule == "momentum"
    assert match.settings == "eta = 0.05, mu = 0.9"


@pytest.mark.slow
def test_identify_goes_through_the_whole_catalogue():
    code = Implementation.from_training(train(size=SIZE), FIT.batches(SIZE))
    found = symopt.identify(code)
    assert found.matches[0].rule == "momentum"


def test_the_adam_of_n3b_bound_to_another_model_never_moves():
    """As the note has it: the optimizer holds the parameters of a second model."""
    fit = symopt.systems["N3b"].run("Adam").objective.objective

    def loop(start, steps):
        model = start
        other = {name: part.copy() for name, part in start.items()}
        m = {name: np.zeros_like(part) for name, part in other.items()}
        v = {name: np.zeros_like(part) for name, part in other.items()}
        for t in range(1, steps + 1):
            batch = fit.at(t).data
            error = batch["X"] @ model["w"] + model["b"] - batch["y"]
            g = {"w": batch["X"].T @ error / len(error), "b": error.sum() / len(error)}
            for name in other:
                m[name] = 0.9 * m[name] + 0.1 * g[name]
                v[name] = 0.99 * v[name] + 0.01 * g[name] ** 2
                step = m[name] / (1 - 0.9**t) / np.sqrt(v[name] / (1 - 0.99**t) + 1e-7)
                other[name] = other[name] - 0.1 * step
            yield dict(model)

    code = Implementation.from_training(loop, fit, steps=5)
    hyper = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-7}
    verdict = symopt.verify(code, "adam_epsilon_inside", **hyper)
    assert verdict.status == "refuted"
    assert verdict.reason.startswith("the parameters never move")


def test_what_a_loop_does_wrong_in_form_is_undecided_with_the_reason():
    cases = {
        "not start from": lambda start, steps: [(0 * start["w"], start["b"])] * (steps + 1),
        "has shape (2,)": lambda start, steps: [(start["w"][:2], start["b"])] * steps,
        "of 1 steps": lambda start, steps: [start],
        "raised ZeroDivisionError": lambda start, steps: [1 / 0],
    }
    for words, loop in cases.items():
        verdict = symopt.verify(Implementation.from_training(loop, FIT), "momentum")
        assert verdict.status == "undecided"
        assert words in verdict.reason
    with pytest.raises(InputError, match="model on data"):
        Implementation.from_training(cases["of 1 steps"], "beale")
    good = Implementation.from_training(train(), FIT)
    with pytest.raises(InputError, match="its loss is given with it"):
        symopt.verify(good, "momentum", "beale")
