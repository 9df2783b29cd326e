"""Generated kernels against the same expressions in balls, entry by entry: random expressions."""

import random

import numpy as np
import pytest

from symopt import ArrayObjective, BudgetError, StatementError
from symopt.array import (
    columns,
    data,
    dot,
    exp,
    let,
    logsumexp,
    mean,
    parameter,
    softmax,
    square,
    tanh,
    total,
)
from symopt.execution.array.kernel import array_kernel
from symopt.statement.array.expression import order
from symopt.statement.array.functions import ELEMENTWISE, apply

SIZES = {"n": 3, "m": 2, "k": 4}


def made(rng, number, a, b):
    """One operation on the operands, if their shapes fit."""
    axis = rng.choice([None, 0, 1]) if a.rank == 2 else None
    name = rng.choice([name for name in ELEMENTWISE if name not in ("log", "sqrt", "exp")])
    constants = [3] * ELEMENTWISE[name].constants
    return rng.choice([
        lambda: a + b, lambda: a - b, lambda: a * b, lambda: a @ b, lambda: a.T, lambda: -a,
        lambda: apply(name, a, *constants), lambda: exp(tanh(a)), lambda: total(a, axis),
        lambda: mean(a, axis), lambda: softmax(a), lambda: logsumexp(a), lambda: dot(a, b),
        lambda: a if a.name else let(f"L{number}", a), lambda: a / (2 + square(b)),
        lambda: rng.choice([2, "1/3", -1]) * a, lambda: columns(a, rng.choice(list(SIZES))),
    ])()  # fmt: skip


def objective_of(seed):
    rng = random.Random(seed)
    pool = [
        parameter("A", "n", "m"), parameter("B", "m", "k"), parameter("u", "n"),
        parameter("v", "m"), parameter("s"), data("X", "n", "m"), data("Y", "n", "k"),
        data("q", "k"), data("r"),
    ]  # fmt: skip
    for number in range(rng.randint(4, 14)):
        try:
            pool.append(made(rng, number, rng.choice(pool[-6:] + pool), rng.choice(pool)))
        except StatementError:
            continue
    loss = mean(tanh(pool[-1])) + mean(tanh(pool[-2])) + mean(tanh(pool[-3])) + parameter("s")
    leaves = [node for node in order(loss) if node.op == "parameter"]
    found = ArrayObjective(loss, leaves, [x for x in order(loss) if x.op == "data"], f"seed {seed}")
    return found.sized(**{name: SIZES[name] for name in found.sizes})


@pytest.mark.parametrize("seed", range(40))
def test_a_random_expression(seed):
    objective = objective_of(seed)
    rng = np.random.default_rng(seed)
    bound = objective.bind({d.name: rng.integers(-8, 9, d.shape) / 8 + 1 / 16
                            for d in objective.data})  # fmt: skip
    theta = rng.integers(-8, 9, bound.dimension) / 8 + 1 / 32
    try:
        exact, value = bound.gradient(theta, "ball"), bound.value(theta, "ball")
    except BudgetError:
        pytest.skip("a point at a kink")
    floats = [float(ball.mid()) for ball in exact]
    np.testing.assert_allclose(bound.gradient(theta), floats, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(bound.value(theta), float(value.mid()), rtol=1e-11, atol=1e-13)
    assert np.array_equal(bound.gradient(theta), bound.kernel.gradient_at(theta)), "a stale buffer"


def test_what_is_repeated_is_summed_as_often_as_it_stands_there():
    s, X = parameter("s"), data("X", 3, 4)
    objective = ArrayObjective(total(s + X * 0) + total(s + X * 0, axis=0) @ data("c", 4), (s,),
                               (X, data("c", 4)), "repeated")  # fmt: skip
    bound = objective.bind(X=np.zeros((3, 4)), c=[1, 2, 3, 4])
    assert bound.gradient([5.0]) == [12 + 3 * 10]
    assert bound.value([5.0]) == 5 * (12 + 30)


def test_what_depends_on_data_alone_is_computed_once_and_again_on_request():
    w, X = parameter("w", 2), data("X", 3, 2)
    bound = ArrayObjective(total(X) * dot(w, w), (w,), (X,), "scaled").bind(X=np.ones((3, 2)))
    kernel = array_kernel(bound)
    assert kernel.source.count("reduce_sum(X, None)") == 1
    assert kernel.value_at(np.ones(2)) == 12
    kernel.data["X"][...] = 2
    kernel.prepare()
    assert kernel.value_at(np.ones(2)) == 24
