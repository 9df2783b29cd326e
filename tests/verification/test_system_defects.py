"""The defects of the source systems, each found in a re-implementation of the note's own code."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

import symopt
from symopt.statement.objective import Objective
from symopt.statement.symbols import hyperparameter
from symopt.verification.implementation import Implementation


def verdict(code, rule, **hyper):
    return symopt.verify(code, rule, **hyper).status


# N1: stated with a moving average, run with a buffer; stated with epsilon inside, run outside


def average(grad, x, steps, lr=0.01, beta=0.9):
    s = 0.0
    for _ in range(steps):
        s = beta * s + (1 - beta) * grad(x)
        x = x - lr * s
        yield x


def buffer(grad, x, steps, lr=0.01, momentum=0.9):
    b = 0.0
    for _ in range(steps):
        b = momentum * b + grad(x)
        x = x - lr * b
        yield x


def adagrad_inside(grad, x, steps, lr=0.01, eps=1e-10):
    s = 0.0
    for _ in range(steps):
        g = grad(x)
        s = s + g * g
        x = x - lr * g / np.sqrt(s + eps)
        yield x


def adagrad_outside(grad, x, steps, lr=0.01, eps=1e-10):
    s = 0.0
    for _ in range(steps):
        g = grad(x)
        s = s + g * g
        x = x - lr * g / (np.sqrt(s) + eps)
        yield x


def test_n1_the_two_momentum_statements_are_told_apart_and_named():
    assert verdict(average, "momentum_ema", eta=0.01, beta=0.9) == "proved"
    assert verdict(buffer, "momentum_buffer", eta=0.01, mu=0.9) == "proved"
    assert verdict(average, "momentum_buffer", eta=0.01, mu=0.9) == "refuted"
    assert verdict(buffer, "momentum_ema", eta=0.01, beta=0.9) == "refuted"
    printed = symopt.identify(buffer)
    assert printed.matches[0].rule == "momentum_buffer"
    assert printed.matches[0].settings == "eta = 0.01, mu = 0.9"
    assert "moving average of gradients with eta = eta/(1 - mu), beta = mu" in str(printed)
    assert symopt.identify(average, eta=0.01, beta=0.9).matches[0].rule == "momentum_ema"


def test_n1_the_two_adagrad_statements_are_told_apart_and_named():
    settings = {"eta": 0.01, "epsilon": 1e-10}
    for code, own, other in (
        (adagrad_inside, "adagrad_epsilon_inside", "adagrad"),
        (adagrad_outside, "adagrad", "adagrad_epsilon_inside"),
    ):
        assert verdict(code, own, **settings) == "proved"
        assert verdict(code, other, **settings) == "refuted"
        assert symopt.identify(code, **settings).matches[0].rule == own


# N3b: a backward pass of half the printed loss, and Adam bound to another model

#: Dyadic numbers, so that a few steps of descent are exact in binary64 and rounding plays no part.
FEATURES = ((1.0, 0.5), (-0.5, 2.0), (0.25, -1.0), (2.0, 0.75))
TARGETS = (0.5, 1.25, -1.0, 2.0)
SAMPLES = len(TARGETS)
WEIGHTS = sympy.symbols("w1 w2")


def mean_squared_error():
    """The loss that the note prints, for exact data."""
    total = sum(
        (
            sum(sympy.Rational(value) * w for value, w in zip(row, WEIGHTS, strict=True))
            - sympy.Rational(target)
        )
        ** 2
        for row, target in zip(FEATURES, TARGETS, strict=True)
    )
    return total / SAMPLES


PRINTED = Objective(mean_squared_error(), WEIGHTS, title="mean squared error", start=(0, 0))
HALF = Objective(mean_squared_error() / 2, WEIGHTS, title="half of it", start=(0, 0))


def backward(weights, number=float):
    """``dW = X^T (yhat - y) / K``, as the note has it; in any arithmetic."""
    rows = [[number(value) for value in row] for row in FEATURES]
    residuals = [
        sum(value * w for value, w in zip(row, weights, strict=True)) - number(target)
        for row, target in zip(rows, TARGETS, strict=True)
    ]
    return [
        sum(row[i] * r for row, r in zip(rows, residuals, strict=True)) / number(SAMPLES)
        for i in range(len(weights))
    ]


def fitted(grad, x, steps, lr=0.125):
    """The note's training loop: the oracle is told where it is, and not listened to."""
    for _ in range(steps):
        grad(x)
        x = x - lr * np.array(backward(x))
        yield x


def test_n3b_the_backward_pass_is_exactly_the_gradient_of_half_the_printed_loss():
    loss = mean_squared_error()
    for own, w in zip(backward(WEIGHTS, sympy.Rational), WEIGHTS, strict=True):
        assert sympy.expand(own - sympy.diff(loss / 2, w)) == 0
        assert sympy.expand(own - sympy.diff(loss, w)) != 0
    point = [Fraction(3, 7), Fraction(-5, 11)]
    values = dict(zip(PRINTED.variables, map(sympy.Rational, point), strict=True))
    for own, slope in zip(backward(point, Fraction), PRINTED.gradient, strict=True):
        assert own != 0
        assert sympy.Rational(own) * 2 == slope.subs(values)


def test_n3b_training_with_it_is_refuted_and_is_descent_with_half_the_learning_rate():
    settings = {"steps": 3, "eta": 0.125}
    found = symopt.verify(fitted, "gradient_descent", PRINTED, **settings)
    assert (found.status, found.step) == ("refuted", 1)
    start, slope = [0.0, 0.0], [2 * value for value in backward([0.0, 0.0])]
    coordinate = int(found.quantity[-1])
    assert float(found.expected) == start[coordinate] - 0.125 * slope[coordinate]
    assert found.observed == start[coordinate] - 0.0625 * slope[coordinate]
    half = symopt.verify(fitted, "gradient_descent", PRINTED, steps=3, eta=0.0625)
    assert (half.status, half.eta) == ("consistent", 0)
    assert verdict(fitted, "gradient_descent", objective=HALF, **settings) == "consistent"


class BoundElsewhere:
    """Adam on the parameters that another model had when this one was made."""

    def __init__(self, lr=0.1, beta1=0.9, beta2=0.99, eps=1e-7):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.params = {}
        self.m, self.v, self.t = {}, {}, 0

    def update(self, params, grads):
        if not self.params:
            self.params = {key: np.zeros_like(value) for key, value in params.items()}
        self.t += 1
        for key, g in grads.items():
            self.m[key] = self.beta1 * self.m.get(key, 0.0) + (1 - self.beta1) * g
            self.v[key] = self.beta2 * self.v.get(key, 0.0) + (1 - self.beta2) * g * g
            m = self.m[key] / (1 - self.beta1**self.t)
            v = self.v[key] / (1 - self.beta2**self.t)
            self.params[key] -= self.lr * m / np.sqrt(v + self.eps)


def test_n3b_adam_on_another_model_is_refuted_because_it_never_moves():
    found = symopt.verify(
        BoundElsewhere, "adam_epsilon_inside", eta=0.1, beta1=0.9, beta2=0.99, epsilon=1e-7
    )
    assert (found.status, found.step) == ("refuted", 1)
    assert "never moves" in found.reason
    assert "another model" in str(found)


def test_never_moves_is_said_of_nothing_that_moves():
    assert "never moves" not in symopt.verify(buffer, "momentum_ema").reason


# N3c: the Nesterov class with the updated velocity; N5: the look-ahead without gamma


class Nesterov:
    """As the note has it: the new velocity where the cited equation has the previous one."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]


def test_n3c_the_nesterov_class_reads_the_velocity_too_early():
    settings = {"eta": 0.01, "mu": 0.9}
    assert verdict(Nesterov, "nesterov_bengio", **settings) == "refuted"
    assert verdict(Nesterov, "nesterov_new_velocity", **settings) == "proved"
    found = symopt.identify(Nesterov)
    assert found.matches[0].rule == "nesterov_new_velocity"
    assert found.matches[0].settings == "eta = 0.01, mu = 0.9"
    assert "departs from Bengio et al. (2013), eq. 7" in str(found)
    parted = {entry.rule: entry for entry in found.departures}
    rival = next(parted[name] for name in ("nesterov_bengio", "nesterov_keras") if name in parted)
    assert rival.step == 1
    assert sympy.simplify(sympy.sympify(rival.formula) - sympy.sympify("eta*g1*mu**2")) == 0


def gd_nesterov(df_dx, x0, n_iter, learning_rate=0.001, gamma=0.9):
    theta, v = x0, 0.0
    for _ in range(n_iter):
        ahead = theta + v
        v = gamma * v - learning_rate * df_dx(*ahead)
        theta = theta + v
        yield theta


def test_n5_the_look_ahead_without_gamma_is_named():
    code = Implementation.from_trajectory(gd_nesterov)
    settings = {"eta": 0.001, "mu": 0.9}
    refuted = symopt.verify(code, "nesterov", **settings)
    assert (refuted.status, refuted.step) == ("refuted", 2)
    assert "gradient asked at" in refuted.quantity
    assert verdict(code, "nesterov_full_velocity", **settings) == "proved"
    found = symopt.identify(code)
    assert found.matches[0].rule == "nesterov_full_velocity"
    assert "the look-ahead point is x + mu*v" in str(found)


@pytest.mark.parametrize("rule", ["nesterov", "nesterov_full_velocity"])
def test_n5_on_beale_itself(rule):
    found = symopt.verify(
        Implementation.from_trajectory(gd_nesterov), rule, "beale", x0=(1.0, 1.5), steps=5,
        eta=0.001, mu=0.9,
    )  # fmt: skip
    assert found.status == ("refuted" if rule == "nesterov" else "proved")


# All of them by proof: the code is read, and the difference is a formula


def half(grad, x, steps, lr=0.1):
    """The note's descent: its backward pass is half the gradient of the loss that it prints."""
    for _ in range(steps):
        x = x - lr * (grad(x) / 2)
        yield x


def test_n3b_half_of_the_gradient_of_the_printed_loss_is_what_the_backward_pass_gives():
    loss = mean_squared_error()
    for own, w in zip(backward(WEIGHTS, sympy.Rational), WEIGHTS, strict=True):
        assert sympy.expand(own - sympy.diff(loss, w) / 2) == 0


ETA, MU, BETA, EPSILON = map(hyperparameter, ("eta", "mu", "beta", "epsilon"))
G1, G2 = sympy.symbols("g1 g2", real=True)
BY_PROOF = [
    (adagrad_inside, "adagrad", 1,
     ETA * G1 * (1 / (sympy.Abs(G1) + EPSILON) - 1 / sympy.sqrt(G1**2 + EPSILON))),
    (half, "gradient_descent", 1, ETA * G1 / 2),
    (Nesterov, "nesterov_bengio", 1, -ETA * G1 * MU**2),
    (gd_nesterov, "nesterov", 2, ETA * G1 * (MU - 1)),
]  # fmt: skip


def numbers(formula):
    """The value of a formula at plain rational numbers, by the names of its letters."""
    plain = {"eta": "2/7", "mu": "3/5", "beta": "3/5", "epsilon": "1/3", "g1": "11/4", "g2": "-5/3",
             "momentum": "3/5"}  # fmt: skip
    values = {s: sympy.Rational(plain[s.name]) for s in formula.free_symbols}
    return formula.subs(values).evalf(40)


@pytest.mark.parametrize(("code", "rule", "step", "expected"), BY_PROOF,
                         ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_the_defects_are_refuted_by_proof_with_their_formula(code, rule, step, expected):
    found = symopt.prove(symopt.lift(code), rule)
    assert (found.status, found.step) == ("refuted", step)
    assert abs(numbers(found.difference - expected)) < sympy.Float("1e-30")
    assert abs(numbers(expected)) > sympy.Float("1e-3")


def test_n1_what_is_run_is_what_is_stated_with_another_learning_rate():
    found = symopt.prove(symopt.lift(buffer), "momentum_ema")
    assert found.status == "proved"
    assert any(sympy.denom(value) != 1 for value in found.map.values())
    same = symopt.verify(buffer, "momentum_ema", eta=0.01, beta=0.9)
    assert same.status == "refuted"
    assert abs(numbers(same.difference + BETA * ETA * G1)) < sympy.Float("1e-30")


def test_the_formula_of_the_nesterov_class_is_minus_mu_squared_eta_g():
    found = symopt.prove(symopt.lift(Nesterov), "nesterov_bengio")
    assert found.difference == -ETA * MU**2 * G1


def test_verify_shows_the_formula_with_the_refutation():
    found = symopt.verify(Nesterov, "nesterov_bengio", eta=0.01, mu=0.9)
    assert found.status == "refuted"
    assert found.difference == -ETA * MU**2 * G1
    assert "differs by -eta*g1*mu**2" in found.reason


def test_n3b_what_never_moves_differs_by_the_whole_step():
    with pytest.raises(symopt.errors.LiftError, match="could not be called"):
        symopt.lift(BoundElsewhere)
    rule = symopt.rules.adam_epsilon_inside
    x, w = symopt.symbols.x, symopt.symbols.w
    step = dict(rule.update)[x] - x
    still = rule.variant(
        "never moves, by a factor that stays 0", {w: w, x: x + w * step}, source=rule.source,
        state={w: 0},
    )  # fmt: skip
    found = symopt.prove(still, rule)
    assert (found.status, found.step) == ("refuted", 1)
    missed = ETA * G1 / sympy.sqrt(G1**2 + EPSILON)
    assert abs(numbers(found.difference - missed)) < sympy.Float("1e-30")
