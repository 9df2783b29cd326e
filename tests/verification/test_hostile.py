"""Code that misbehaves ends in a clear verdict or error, and our own data stay as they were."""

import re
import sys

import numpy as np
import pytest

import symopt
from symopt.verification.implementation import ImplementationError

HALF = {"eta": 0.5}


def descend(grad, x0, steps):
    points = [x0]
    for _ in range(steps):
        points.append(points[-1] - 0.5 * grad(points[-1]))
    return points


def raising(grad, x0, steps):
    grad(x0)
    raise ValueError("no more")


def leaving(grad, x0, steps):
    sys.exit(3)


def returning_nothing(grad, x0, steps):
    grad(x0)


def one_point(grad, x0, steps):
    return [x0 - 0.5 * grad(x0)]


def wrong_shape(grad, x0, steps):
    return [np.zeros(3)] * (steps + 1)


def text(grad, x0, steps):
    return "converged"


def words(grad, x0, steps):
    return ["converged"] * (steps + 1)


def ragged(grad, x0, steps):
    return [np.zeros((2, 2)) for _ in range(steps)]


def endless(grad, x0, steps):
    x = x0
    while True:
        x = x - 0.5 * grad(x)
        yield x


def asking_forever(grad, x0, steps):
    while True:
        grad(x0)


def searching_forever(grad, x0, steps):
    x = x0
    while True:
        x = x + 1
        grad(x)


def recursing(grad, x0, steps):
    return recursing(grad, x0, steps)


def one_array(grad, x0, steps):
    x, points = x0, []
    for _ in range(steps):
        x -= 0.5 * grad(x)
        points.append(x)
    return points


MISBEHAVING = [
    (raising, "ValueError: no more"),
    (leaving, "SystemExit"),
    (returning_nothing, "NoneType"),
    (one_point, "1 points for 8 steps"),
    (wrong_shape, "several steps|shape"),
    (text, "str, not a sequence"),
    (words, "ValueError"),
    (ragged, "shape"),
    (endless, "more than 9 points"),
    (asking_forever, "called the oracle more than"),
    (searching_forever, "asked for more than"),
    (recursing, "RecursionError"),
    (one_array, "one and the same array"),
]


@pytest.mark.parametrize(
    ("code", "reason"), MISBEHAVING, ids=lambda value: getattr(value, "__name__", str(value))[:30]
)
def test_what_cannot_be_watched_is_undecided_with_the_reason(code, reason):
    verdict = symopt.verify(code, "gradient_descent", **HALF)
    assert verdict.status == "undecided"
    assert not verdict
    assert pytest.approx(0) == verdict.eta
    assert re.search(reason, verdict.reason), verdict.reason
    assert "failed" in str(verdict)


def test_the_reason_names_the_function_and_quotes_its_error():
    with pytest.raises(ImplementationError, match=r"raising raised ValueError: no more"):
        symopt.Implementation.from_trajectory(raising).observe([1.0], [[1.0]])


def nan_at_third(grad, x0, steps):
    x = x0
    for step in range(steps):
        g = grad(x)
        x = x - 0.5 * g if step != 2 else x * np.nan
        yield x


def test_nan_is_refuted_at_its_step():
    verdict = symopt.verify(nan_at_third, "gradient_descent", **HALF)
    assert (verdict.status, verdict.step) == ("refuted", 3)
    assert np.isnan(verdict.observed)


def scribbling(grad, x0, steps):
    """Right, but it writes into everything that it is given."""
    x = x0.copy()
    x0[:] = 99
    for _ in range(steps):
        g = grad(x)
        x = x - 0.5 * g
        g[:] = np.nan
        yield x
        x = x.copy()


def test_writing_into_what_it_is_given_changes_nothing_of_ours():
    assert symopt.verify(scribbling, "gradient_descent", **HALF).status == "consistent"


def in_place_generator(grad, x0, steps):
    x = x0
    for _ in range(steps):
        x -= 0.5 * grad(x)
        yield x


def test_a_generator_that_yields_one_array_again_and_again_is_read_as_it_goes():
    assert symopt.verify(in_place_generator, "gradient_descent", **HALF).status == "consistent"


def chatty(grad, x0, steps):
    print("starting", x0)
    yield from descend(grad, x0, steps)[1:]
    print("done")


def test_printing_is_kept_off_the_terminal(capsys):
    assert symopt.verify(chatty, "gradient_descent", **HALF).status == "consistent"
    assert capsys.readouterr().out == ""
    run = symopt.Implementation.from_trajectory(chatty).observe([1.0], [[1.0]])
    assert run.printed == "starting [1.]\ndone\n"


class Leftover:
    """Momentum whose velocity outlives the run."""

    def __init__(self):
        self.v = 0.0

    def __call__(self, grad, x0, steps):
        for _ in range(steps):
            self.v = 0.5 * self.v - 0.5 * grad(x0)
            x0 = x0 + self.v
            yield x0


def test_state_kept_between_runs_is_undecided_not_refuted():
    verdict = symopt.verify(Leftover(), "momentum", eta=0.5, mu=0.5)
    assert verdict.status == "undecided"
    assert "state is kept between runs" in verdict.reason


def noisy(grad, x0, steps, rng=np.random.default_rng(1)):  # noqa: B008
    for _ in range(steps):
        x0 = x0 - 0.5 * grad(x0) + 1e-6 * rng.standard_normal(len(x0))
        yield x0


@pytest.mark.parametrize("objective", [None, "beale"])
def test_noise_is_recognized(objective):
    verdict = symopt.verify(noisy, "gradient_descent", objective, **HALF)
    assert verdict.status == "undecided"
    assert "stochastic" in verdict.reason


def restless(grad, x0, steps, coin=np.random.default_rng(2)):  # noqa: B008
    """Random in the last digit alone: m (1 - b) + b g in one of two orders."""
    m = 0.0
    for _ in range(steps):
        g = grad(x0)
        m = 0.9 * m + (1 - 0.9) * g if coin.random() < 0.5 else m + (1 - 0.9) * (g - m)
        x0 = x0 - 0.1 * m
        yield x0


def test_differences_that_rounding_explains_are_no_noise():
    verdict = symopt.verify(restless, "momentum_ema", eta=0.1, beta=0.9)
    assert verdict.status == "consistent"
    assert "two runs from the same start differ" in " ".join(verdict.assumed)


def single(grad, x0, steps):
    x = x0.astype(np.float32)
    m = np.zeros_like(x)
    for _ in range(steps):
        m = np.float32(0.9) * m + grad(x).astype(np.float32)
        x = x - np.float32(0.1) * m
        yield x


def test_a_cast_to_binary32_is_recognized():
    received = {"eta": np.float32(0.1), "mu": np.float32(0.9)}
    verdict = symopt.verify(single, "momentum_buffer", **received)
    assert verdict.status == "consistent"
    assert "computes in float32" in " ".join(verdict.assumed)
    assert verdict.profile.startswith("float32")


def standing(grad, x0, steps):
    return [x0.copy() for _ in range(steps + 1)]


def test_code_that_never_asks_for_a_gradient_is_refuted():
    verdict = symopt.verify(standing, "gradient_descent", **HALF)
    assert verdict.status == "refuted"
    assert verdict.step == 1


def peeking(grad, x0, steps):
    """Asks for many gradients and uses the first of each step."""
    for _ in range(steps):
        g = grad(x0)
        grad(x0 + 1)
        grad(x0)
        x0 = x0 - 0.001 * g
        yield x0


def test_questions_beside_the_rule_do_not_disturb():
    verdict = symopt.verify(peeking, "gradient_descent", "beale", eta=0.001)
    assert verdict.status == "consistent"


def diverging(grad, x0, steps):
    yield from descend(grad, x0, steps)[1:]


def test_a_run_that_overflows_is_undecided_not_an_error():
    verdict = symopt.verify(diverging, "gradient_descent", "beale", **HALF)
    assert verdict.status == "undecided"
    assert "cannot be bounded" in verdict.reason


def test_what_is_no_implementation_is_an_error_that_names_the_constructors():
    with pytest.raises(symopt.errors.InputError, match="from_trajectory"):
        symopt.verify(3, "adam")


class PerKeyCounter:
    """Adam whose counter advances once per parameter, not once per step."""

    def __init__(self, per_step=False):
        self.t, self.m, self.v, self.per_step = 0, {}, {}, per_step

    def update(self, params, grads):
        self.t += self.per_step
        for key, g in grads.items():
            self.t += not self.per_step
            m = self.m[key] = 0.9 * self.m.get(key, 0.0) + (1 - 0.9) * g
            v = self.v[key] = 0.999 * self.v.get(key, 0.0) + (1 - 0.999) * g**2
            m_hat, v_hat = m / (1 - 0.9**self.t), v / (1 - 0.999**self.t)
            params[key] -= 0.001 * m_hat / (np.sqrt(v_hat) + 1e-8)


def test_one_counter_for_all_parameters_is_seen_with_several_parameters():
    verdict = symopt.verify(PerKeyCounter, "adam")
    assert verdict.status == "refuted"
    assert "but not on several parameters" in verdict.reason
    right = symopt.Implementation.from_update(lambda: PerKeyCounter(per_step=True), "right")
    assert symopt.verify(right, "adam").status == "consistent"


class SharedBuffer:
    """Momentum whose one buffer serves all parameters."""

    def __init__(self):
        self.b = 0.0

    def update(self, params, grads):
        for key in params:
            self.b = 0.5 * self.b + grads[key]
            params[key] = params[key] - 0.25 * self.b


def test_state_shared_by_parameters_is_seen():
    verdict = symopt.verify(SharedBuffer, "momentum_buffer", eta=0.25, mu=0.5)
    assert verdict.status == "refuted"
    assert "but not on several parameters" in verdict.reason
