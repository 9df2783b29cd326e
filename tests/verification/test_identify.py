"""Code identified by name: small re-implementations, with and without their hyperparameters."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pytest

import symopt
from symopt.errors import UnknownNameError
from symopt.verification.adapting import as_implementation
from symopt.verification.inference import fit, inference_probes, record, snap


def descent(grad, x, steps, eta=0.05):
    for _ in range(steps):
        x = x - eta * grad(x)
        yield x


def velocity(grad, x, steps, eta=0.02, mu=0.8):
    v = np.zeros_like(x)
    for _ in range(steps):
        v = mu * v - eta * grad(x)
        x = x + v
        yield x


def buffer(grad, x, steps, eta=0.02, mu=0.8):
    b = np.zeros_like(x)
    for _ in range(steps):
        b = mu * b + grad(x)
        x = x - eta * b
        yield x


def damped(grad, x, steps, eta=0.02, mu=0.8, tau=0.25):
    b = None
    for _ in range(steps):
        b = grad(x) if b is None else mu * b + (1 - tau) * grad(x)
        x = x - eta * b
        yield x


def average(grad, x, steps, eta=0.2, beta=0.7):
    b = np.zeros_like(x)
    for _ in range(steps):
        b = beta * b + (1 - beta) * grad(x)
        x = x - eta * b
        yield x


def sutskever(grad, x, steps, eta=0.02, mu=0.8):
    v = np.zeros_like(x)
    for _ in range(steps):
        v = mu * v - eta * grad(x + mu * v)
        x = x + v
        yield x


def keras_nesterov(grad, x, steps, eta=0.02, mu=0.8):
    v = np.zeros_like(x)
    for _ in range(steps):
        g = grad(x)
        v = mu * v - eta * g
        x = x + mu * v - eta * g
        yield x


class EarlyVelocity:
    """The widely copied class whose line for x reads the updated velocity."""

    def __init__(self, lr=0.1, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]


def whole_velocity(df_dx, x0, steps, eta=0.001, gamma=0.9):
    """The look-ahead without gamma."""
    x, v = np.array(x0), np.zeros_like(x0)
    points = [x]
    for _ in range(steps):
        v = gamma * v - eta * df_dx(x + v)
        x = x + v
        points.append(x)
    return points


def adagrad_outside(grad, x, steps, eta=0.5, epsilon=1e-7):
    total = np.zeros_like(x)
    for _ in range(steps):
        g = grad(x)
        total = total + g * g
        x = x - eta * g / (np.sqrt(total) + epsilon)
        yield x


def adagrad_inside(grad, x, steps, eta=0.5, epsilon=1e-7):
    total = np.zeros_like(x)
    for _ in range(steps):
        g = grad(x)
        total = total + g * g
        x = x - eta * g / np.sqrt(total + epsilon)
        yield x


def rmsprop(grad, x, steps, eta=0.01, rho=0.95, epsilon=1e-6):
    v = np.zeros_like(x)
    for _ in range(steps):
        g = grad(x)
        v = rho * v + (1 - rho) * g**2
        x = x - eta * g / (np.sqrt(v) + epsilon)
        yield x


def _adam(grad, x, steps, eta, beta1, beta2, step, decay=0.0):
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, steps + 1):
        g = grad(x)
        x = x * (1 - eta * decay)
        m = m + (1 - beta1) * (g - m)
        v = v + (1 - beta2) * (g**2 - v)
        x = x - eta * step(m, v, 1 - beta1**t, 1 - beta2**t)
        yield x


def adam(grad, x, steps, eta=0.003, beta1=0.8, beta2=0.98, epsilon=1e-6):
    def step(m, v, c, d):
        return m / c / (np.sqrt(v / d) + epsilon)

    return _adam(grad, x, steps, eta, beta1, beta2, step)


def adam_inside(grad, x, steps, eta=0.003, beta1=0.8, beta2=0.98, epsilon=1e-6):
    def step(m, v, c, d):
        return m / c / np.sqrt(v / d + epsilon)

    return _adam(grad, x, steps, eta, beta1, beta2, step)


def adam_hat(grad, x, steps, eta=0.003, beta1=0.8, beta2=0.98, epsilon=1e-6):
    def step(m, v, c, d):
        return np.sqrt(d) / c * m / (np.sqrt(v) + epsilon)

    return _adam(grad, x, steps, eta, beta1, beta2, step)


def adamw(grad, x, steps, eta=0.003, beta1=0.8, beta2=0.98, epsilon=1e-6, lamda=0.05):
    def step(m, v, c, d):
        return m / c / (np.sqrt(v / d) + epsilon)

    return _adam(grad, x, steps, eta, beta1, beta2, step, lamda)


_MOMENTUM = {"eta": 0.02, "mu": 0.8}
_ADAM = {"eta": 0.003, "beta1": 0.8, "beta2": 0.98, "epsilon": 1e-6}
CASES = [
    (descent, "gradient_descent", {"eta": 0.05}),
    (velocity, "momentum", _MOMENTUM),
    (buffer, "momentum_buffer", _MOMENTUM),
    (average, "momentum_ema", {"eta": 0.2, "beta": 0.7}),
    (sutskever, "nesterov", _MOMENTUM),
    (keras_nesterov, "nesterov_keras", _MOMENTUM),
    (EarlyVelocity, "nesterov_new_velocity", {"eta": 0.1, "mu": 0.9}),
    (whole_velocity, "nesterov_full_velocity", {"eta": 0.001, "mu": 0.9}),
    (adagrad_outside, "adagrad", {"eta": 0.5, "epsilon": 1e-7}),
    (adagrad_inside, "adagrad_epsilon_inside", {"eta": 0.5, "epsilon": 1e-7}),
    (rmsprop, "rmsprop", {"eta": 0.01, "rho": 0.95, "epsilon": 1e-6}),
    (adam, "adam", _ADAM),
    (adam_inside, "adam_epsilon_inside", _ADAM),
    (adam_hat, "adam_epsilon_hat", _ADAM),
    (adamw, "adamw", {**_ADAM, "lamda": 0.05}),
]
_IDS = [case[0].__name__ for case in CASES]


@lru_cache(maxsize=64)
def identified(code):
    return symopt.identify(code)


def names(found):
    first = found.matches[0]
    return {first.rule, *(sibling.name for sibling in first.equals)}


@pytest.mark.parametrize(("code", "rule", "values"), CASES, ids=_IDS)
def test_code_is_named_and_its_hyperparameters_are_inferred(code, rule, values):
    found = identified(code)
    assert rule in names(found), str(found)
    match = found.matches[0]
    assert match.verdict.status in ("consistent", "proved")
    if match.rule == rule:
        assert match.hyperparameters == {key: Fraction(value) for key, value in values.items()}
        assert set(match.inferred) == set(values)
        assert match.given == match.unresolved == ()


@pytest.mark.parametrize(("code", "rule", "values"), CASES, ids=_IDS)
def test_code_is_named_with_its_hyperparameters_given(code, rule, values):
    found = symopt.identify(code, **values)
    assert rule in names(found), str(found)
    assert set(found.matches[0].given) == set(values)
    assert not found.notes


def test_the_form_is_told_from_its_equals_by_its_bits():
    for code, rule in [(velocity, "momentum"), (buffer, "momentum_buffer"),
                       (keras_nesterov, "nesterov_keras")]:  # fmt: skip
        match = identified(code).matches[0]
        assert match.rule == rule
        assert match.share == 1


def test_equal_rules_are_one_match_with_the_map_in_words():
    found = identified(buffer)
    assert len(found.matches) == 1
    assert "equals Momentum, moving average of gradients with eta = eta/(1 - mu), beta = mu" in (
        found.matches[0].map
    )
    assert "eta = eta*(1 - beta), mu = beta" in identified(average).matches[0].map


def test_departures_are_exact():
    found = identified(velocity)
    parted = {entry.rule: entry for entry in found.departures}
    nesterov = parted["nesterov"]
    assert (nesterov.step, nesterov.formula) == (2, "-eta*g1*mu")
    assert nesterov.quantity == "the point where the gradient is taken"
    early = parted["nesterov_new_velocity"]
    assert (early.step, early.quantity, early.formula) == (1, "x", "-eta*g1*mu*(mu + 1)")
    eta, mu = Fraction(0.02), Fraction(0.8)
    first = symopt.verification.probe.standard_probes()[0].gradients[0][0]
    assert early.difference == -eta * mu * (1 + mu) * first
    assert not {"momentum_buffer", "heavy_ball"} & set(parted)
    assert (
        "departs from Nesterov momentum at step 2 (the point where the gradient is taken) by "
        in (str(found))
    )
    assert "exactly -eta*g1*mu" in str(found)


def test_the_defects_of_the_source_systems_are_named():
    early, whole = identified(EarlyVelocity), identified(whole_velocity)
    assert "departs from Bengio et al. (2013), eq. 7" in str(early)
    assert "the look-ahead point is x + mu*v" in str(whole)
    assert "defect" not in str(identified(velocity))


def test_dampening_and_decay_are_inferred_when_nothing_plainer_fits():
    found = symopt.identify(damped, eta=0.02, mu=0.8, tau=0.25)
    assert found.matches[0].rule == "momentum_pytorch"
    found = symopt.identify(damped)
    assert found.matches, str(found)
    assert found.matches[0].rule == "momentum_pytorch"
    assert found.matches[0].hyperparameters["tau"] == Fraction(0.25)


def test_wrong_hyperparameters_are_said_to_be_wrong():
    found = symopt.identify(velocity, eta=0.5, mu=0.8)
    assert found.matches[0].hyperparameters == {"eta": Fraction(0.02), "mu": Fraction(0.8)}
    assert any("inferred" in note for note in found.notes)


def nonsense(grad, x, steps):
    for t in range(steps):
        x = x - 0.01 * np.sin(grad(x) + t)
        yield x


def test_what_is_no_stated_rule_has_a_nearest_one_and_where_it_departs():
    found = identified(nonsense)
    assert not found
    assert found.matches == ()
    nearest = found.nearest
    assert nearest.verdict.status == "refuted"
    assert nearest.verdict.step >= 1
    assert nearest.verdict.expected is not None
    assert "none of the stated rules" in str(found)
    assert nearest.rule in symopt.rules


def almost_momentum(grad, x, steps, eta=0.02, mu=0.8):
    v = np.zeros_like(x)
    for t in range(steps):
        v = mu * v - eta * grad(x) * (1 if t != 5 else 1.001)
        x = x + v
        yield x


def test_the_nearest_rule_of_a_late_slip_departs_at_the_slip():
    found = symopt.identify(almost_momentum, eta=0.02, mu=0.8)
    assert not found
    assert found.nearest.verdict.step == 6


def test_failing_code_is_undecided_and_an_unknown_name_is_refused():
    def broken(grad, x, steps):
        raise ValueError("no")

    found = symopt.identify(broken)
    assert not found.matches
    assert "undecided" in str(found)
    with pytest.raises(UnknownNameError, match="lerning"):
        symopt.identify(velocity, lerning=1)


def test_code_of_two_coordinates_only_is_probed_in_twos():
    def planar(grad, x0, steps):
        x, y = x0
        for _ in range(steps):
            gx, gy = grad(x, y)
            x, y = x - 0.05 * gx, y - 0.05 * gy
            yield [x, y]

    match = symopt.identify(planar).matches[0]
    assert (match.rule, match.settings) == ("gradient_descent", "eta = 0.05")


def test_single_precision_code_is_identified():
    def step(x, g, v):
        v = np.float32(0.9) * v - np.float32(0.1) * g
        return x + v, v

    single = symopt.Implementation.from_step(step, state=np.float32(0))
    found = symopt.identify(replace(single, dtype=np.float32))
    assert "momentum" in names(found), str(found)
    assert "nesterov_keras" not in [match.rule for match in found.matches]


def test_randomness_is_undecided_and_no_match():
    random = np.random.default_rng(0)

    def noisy(grad, x, steps):
        for _ in range(steps):
            x = x - 0.1 * grad(x) * (1 + 1e-9 * random.normal())
            yield x

    found = symopt.identify(noisy)
    assert not found.matches
    assert "stochastic" in str(found)


def test_snapping_prefers_the_simplest_number_within_rounding():
    assert snap(0.1 * (1 + 1e-15), 1e-15) == 0.1
    assert snap(0.0009999999999999, 1e-16) == 0.001
    assert snap(2 / 3, 1e-14) == 2 / 3
    assert snap(1e-20, 1e-18) == 0
    assert snap(0.123456789, 1e-12) == 0.123456789


def test_hyperparameters_of_every_rule_are_recovered_from_its_own_run():
    from symopt.verification.stated import implementation_of

    values = {"eta": 0.02, "mu": 0.8, "beta": 0.7, "beta1": 0.85, "beta2": 0.99, "rho": 0.93,
              "epsilon": 1e-6, "lamda": 0.03}  # fmt: skip
    for rule in ["gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam",
                 "adamw", "adam_l2", "amsgrad_pytorch", "nadam", "adamax", "adadelta_pytorch",
                 "rmsprop_momentum", "sgdw_timm", "adabelief"]:  # fmt: skip
        own = {e.name: values[e.name] for e in symopt.rules[rule].parameters if e.name in values}
        code = implementation_of(rule, **own)
        found = fit(symopt.rules[rule], [record(code, p) for p in inference_probes()], {})
        got = {name: float(found.values[name]) for name in own}
        assert got == own, rule


def test_speed(capsys):
    symopt.identify(velocity)  # compiles the catalogue
    lines = []
    for code in (velocity, adam):
        begin = time.process_time()
        symopt.identify(code)
        lines.append(f"identify({code.__name__}): {time.process_time() - begin:.1f} s")
    begin = time.process_time()
    assert symopt.verify(adam, "adam", **_ADAM)
    spent = time.process_time() - begin
    lines.append(f"verify(adam): {spent:.2f} s")
    assert spent < 3
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert as_implementation(adam).name == "adam"
