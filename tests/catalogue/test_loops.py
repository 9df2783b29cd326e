"""Rules that no framework at hand runs, against loops written from the papers and the sources.

Each loop is float64 NumPy, written apart from the statement (other order, other grouping), and
runs twelve steps on Beale's function. It has to agree within 1e-11 of the point: the loops round
differently, and RAdam's rectification magnifies that (see ``tests/frameworks``).
"""

import numpy as np
import pytest
from numpy import abs as size
from numpy import maximum, sign, sqrt

import symopt

STEPS = 12
BEALE = symopt.Objective(
    "(3/2 - x + x*y)**2 + (9/4 - x + x*y**2)**2 + (21/8 - x + x*y**3)**2", variables="x y"
)
START = [1.0, 1.5]
LOOPS = {}


def beale(point):
    x, y = point
    a, b, c = 1.5 - x * (1 - y), 2.25 - x * (1 - y**2), 2.625 - x * (1 - y**3)
    return np.array(
        [
            -2 * (a * (1 - y) + b * (1 - y**2) + c * (1 - y**3)),
            2 * x * (a + 2 * y * b + 3 * y**2 * c),
        ]
    )


def loop(**hyper):
    """Marks a function as one step of the rule of its name, with these hyperparameters."""

    def register(function):
        LOOPS[function.__name__] = (function, hyper)
        return function

    return register


def points(function, hyper):
    x = np.array(START)
    found = [x]
    memory = {}
    for t in range(1, STEPS + 1):
        x = function(x, beale(x), t, memory, **hyper)
        found.append(x)
    return np.array(found)


def lerp(memory, name, value, weight, start=0.0):
    memory[name] = memory.get(name, start) + weight * (value - memory.get(name, start))
    return memory[name]


def moments(memory, g, beta1, beta2):
    return lerp(memory, "m", g, 1 - beta1), lerp(memory, "v", g * g, 1 - beta2)


ADAM = {"eta": 0.001, "beta1": 0.9, "beta2": 0.99, "epsilon": 0.01}
BARE = {"eta": 0.001, "beta1": 0.9, "beta2": 0.99}


@loop(eta=0.001, delta=5.0)
def gradient_descent_clipped(x, g, t, memory, eta, delta):
    return x - eta * g * min(1.0, delta / np.hypot(*g))


@loop(eta=0.001)
def gradient_descent_centered(x, g, t, memory, eta):
    return x - eta * np.array([g[0] - g[1], g[1] - g[0]]) / 2


@loop(eta=0.001, lamda=0.1)
def gradient_descent_unscaled_decay(x, g, t, memory, eta, lamda):
    return x - lamda * x - eta * g


@loop(eta=0.001, lamda=0.1)
def gradient_descent_decoupled(x, g, t, memory, eta, lamda):
    return x - eta * (g + lamda * x)


@loop(eta=0.001, mu=0.9, lamda=0.1, gamma=0.5)
def sgdw(x, g, t, memory, eta, mu, lamda, gamma):
    memory["b"] = mu * memory.get("b", 0.0) + gamma * eta * g
    return x - memory["b"] - gamma * lamda * x


@loop(eta=0.001, mu=0.9, lamda=0.1)
def sgdw_timm(x, g, t, memory, eta, mu, lamda):
    memory["b"] = g if t == 1 else mu * memory["b"] + g
    return x - eta * lamda * x - eta * memory["b"]


@loop(eta=0.001, mu=0.9, lamda=0.1)
def sgdw_constant_decay(x, g, t, memory, eta, mu, lamda):
    memory["b"] = g if t == 1 else mu * memory["b"] + g
    return x - eta * (memory["b"] + lamda)


def sum_of_squares(memory, g, start):
    memory["G"] = memory.get("G", start) + g * g
    return memory["G"]


@loop(eta=0.001)
def adagrad_without_epsilon(x, g, t, memory, eta):
    return x - eta * g / sqrt(sum_of_squares(memory, g, 0.0))


@loop(eta=0.001, epsilon=0.01)
def adagrad_keras(x, g, t, memory, eta, epsilon):
    return x - eta * g / sqrt(sum_of_squares(memory, g, 0.1) + epsilon)


@loop(eta=0.001)
def adagrad_tensorflow(x, g, t, memory, eta):
    return x - eta * g / sqrt(sum_of_squares(memory, g, 0.1))


@loop(eta=0.001, epsilon=0.01, lamda=0.1)
def adagrad_mxnet(x, g, t, memory, eta, epsilon, lamda):
    x = x * (1 - eta * lamda)
    return x - eta * g / sqrt(sum_of_squares(memory, g, 0.0) + epsilon)


def adadelta_step(memory, g, rho, epsilon, scale=1.0):
    old = memory.get("D", 0.0)
    change = scale * g * sqrt((old + epsilon) / (lerp(memory, "E", g * g, 1 - rho) + epsilon))
    lerp(memory, "D", change * change, 1 - rho)
    return change


@loop(rho=0.9, epsilon=0.01)
def adadelta(x, g, t, memory, rho, epsilon):
    return x - adadelta_step(memory, g, rho, epsilon)


@loop(rho=0.9, epsilon=0.01, lamda=0.1)
def adadelta_mxnet(x, g, t, memory, rho, epsilon, lamda):
    return x * (1 - lamda) - adadelta_step(memory, g, rho, epsilon)


@loop(eta=0.5, rho=0.9, epsilon=0.01)
def adadelta_scaled_accumulator(x, g, t, memory, eta, rho, epsilon):
    return x - adadelta_step(memory, g, rho, epsilon, eta)


@loop(eta=0.5, rho=0.9, epsilon=0.01)
def adadelta_new_accumulator(x, g, t, memory, eta, rho, epsilon):
    adadelta_step(memory, g, rho, epsilon)
    return x - eta * g * sqrt((memory["D"] + epsilon) / (memory["E"] + epsilon))


@loop(eta=0.001, rho=0.9)
def rmsprop_without_epsilon(x, g, t, memory, eta, rho):
    return x - eta * g / sqrt(lerp(memory, "v", g * g, 1 - rho))


@loop(eta=0.001, rho=0.9, epsilon=0.01, mu=0.5)
def rmsprop_tensorflow_momentum(x, g, t, memory, eta, rho, epsilon, mu):
    step = eta * g / sqrt(lerp(memory, "v", g * g, 1 - rho, start=1.0) + epsilon)
    memory["b"] = mu * memory.get("b", 0.0) + step
    return x - memory["b"]


@loop(**ADAM)
def adam_epsilon_minus(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    return x - eta * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) - epsilon)


@loop(**ADAM)
def adam_uncorrected(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    return x - eta * m / (sqrt(v) + epsilon)


def adam_direction(memory, g, t, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    return m / ((sqrt(v) / sqrt(1 - beta2**t) + epsilon) * (1 - beta1**t))


@loop(**ADAM, lamda=0.1, gamma=0.5)
def adamw_paper(x, g, t, memory, lamda, gamma, eta, **rest):
    return x * (1 - gamma * lamda) - gamma * eta * adam_direction(memory, g, t, **rest)


@loop(**ADAM, lamda=0.1)
def adamw_decay_after(x, g, t, memory, lamda, eta, **rest):
    x = x - eta * adam_direction(memory, g, t, **rest)
    return x - eta * lamda * x


@loop(**ADAM, lamda=0.1)
def adamw_constant_decay(x, g, t, memory, lamda, eta, **rest):
    return x - eta * (adam_direction(memory, g, t, **rest) + lamda)


@loop(**ADAM, lamda=0.1, gamma=0.5)
def adamw_chainer(x, g, t, memory, lamda, gamma, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    folded = eta * sqrt(1 - beta2**t) / (1 - beta1**t)
    return x - gamma * (folded * m / (sqrt(v) + epsilon) + lamda * x)


def running_maximum(memory, value):
    memory["max"] = maximum(memory.get("max", 0.0), value)
    return memory["max"]


@loop(**{**BARE, "beta2": 0.5})
def amsgrad(x, g, t, memory, eta, beta1, beta2):
    m, v = moments(memory, g, beta1, beta2)
    return x - eta * m / sqrt(running_maximum(memory, v))


@loop(**{**ADAM, "beta2": 0.5})
def amsgrad_keras(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    folded = eta * sqrt(1 - beta2**t) / (1 - beta1**t)
    return x - folded * m / (sqrt(running_maximum(memory, v)) + epsilon)


def scheduled(beta1, slowness):
    return lambda t: beta1 * (1 - 0.5 * 0.96 ** (t * slowness))


def nesterov_moment(memory, g, t, m, mu):
    memory["product"] = memory.get("product", 1.0) * mu(t)
    now = (1 - mu(t)) * g / (1 - memory["product"])
    return now + mu(t + 1) * m / (1 - memory["product"] * mu(t + 1))


@loop(**ADAM)
def nadam_keras(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    bar = nesterov_moment(memory, g, t, m, scheduled(beta1, 1))
    return x - eta * bar / (sqrt(v / (1 - beta2**t)) + epsilon)


@loop(**ADAM, psi=0.1)
def nadam_dozat(x, g, t, memory, eta, beta1, beta2, epsilon, psi):
    mu = scheduled(beta1, psi)
    m = lerp(memory, "m", g, 1 - mu(t))
    v = lerp(memory, "v", g * g, 1 - beta2)
    bar = nesterov_moment(memory, g, t, m, mu)
    return x - eta * bar / (sqrt(beta2 * v / (1 - beta2**t)) + epsilon)


@loop(**ADAM)
def nadam_timm(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    denominator = sqrt(v) / sqrt(1 - beta2**t) + epsilon
    return x - eta / (1 - beta1**t) * (m + (1 - beta1) * (g - m)) / denominator


def rectification(t, beta2):
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * t * beta2**t / (1 - beta2**t)
    top, bottom = (length - 4) * (length - 2) * longest, (longest - 4) * (longest - 2) * length
    return length, sqrt(top / bottom) if length > 4 else np.nan


@loop(**{**BARE, "beta2": 0.999})
def radam(x, g, t, memory, eta, beta1, beta2):
    m, v = moments(memory, g, beta1, beta2)
    length, r = rectification(t, beta2)
    step = eta * m / (1 - beta1**t)
    return x - step * r * sqrt((1 - beta2**t) / v) if length > 4 else x - step


@loop(**{**ADAM, "beta2": 0.999})
def radam_epsilon(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    length, r = rectification(t, beta2)
    step = eta * m / (1 - beta1**t)
    return x - step * r * sqrt(1 - beta2**t) / (sqrt(v) + epsilon) if length > 4 else x - step


@loop(**{**ADAM, "beta2": 0.999})
def radam_waiting(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, v = moments(memory, g, beta1, beta2)
    length, r = rectification(t, beta2)
    if length < 5:
        return x
    return x - eta * m / (1 - beta1**t) * r * sqrt(1 - beta2**t) / (sqrt(v) + epsilon)


def largest(memory, decayed, fresh):
    memory["u"] = maximum(decayed(memory.get("u", 0.0)), fresh)
    return memory["u"]


@loop(**{**BARE, "beta2": 0.5})
def adamax(x, g, t, memory, eta, beta1, beta2):
    m = lerp(memory, "m", g, 1 - beta1)
    return x - eta / (1 - beta1**t) * m / largest(memory, lambda u: beta2 * u, size(g))


@loop(**{**ADAM, "beta2": 0.9})
def adamax_keras(x, g, t, memory, eta, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1)
    u = largest(memory, lambda u: beta2 * u, size(g))
    return x - eta / (1 - beta1**t) * m / (u + epsilon)


@loop(**{**ADAM, "beta2": 0.999, "epsilon": 1.0})
def adamax_paddle(x, g, t, memory, eta, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1)
    u = largest(memory, lambda u: beta2 * u + epsilon, size(g))
    return x - eta / (1 - beta1**t) * m / u


@loop(eta=0.01, beta1=0.5, beta2=0.9, lamda=20.0)
def lion_l2(x, g, t, memory, eta, beta1, beta2, lamda):
    g = g + lamda * x
    direction = sign(beta1 * memory.get("m", 0.0) + (1 - beta1) * g)
    lerp(memory, "m", g, 1 - beta2)
    return x - eta * direction


def yogi_moment(memory, g, beta2, start):
    v = memory.get("v", start)
    memory["v"] = np.where(v > g * g, v - (1 - beta2) * g * g, v + (1 - beta2) * g * g)
    return memory["v"]


@loop(**{**ADAM, "eta": 0.05})
def yogi(x, g, t, memory, eta, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1)
    return x - eta * m / (sqrt(yogi_moment(memory, g, beta2, 0.0)) + epsilon)


@loop(**{**ADAM, "epsilon": 0.001})
def yogi_tensorflow_addons(x, g, t, memory, eta, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1)
    v = yogi_moment(memory, g, beta2, 1e-6)
    return x - eta * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon)


@loop(**ADAM)
def yogi_squared_sign(x, g, t, memory, eta, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1, start=1e-6)
    v = lerp(memory, "v", g**4, 1 - beta2, start=1e-6)
    return x - eta * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + epsilon)


def belief(memory, g, beta1, beta2, epsilon):
    m = lerp(memory, "m", g, 1 - beta1)
    return m, lerp(memory, "s", (g - m) ** 2 + epsilon / (1 - beta2), 1 - beta2)


@loop(**ADAM)
def adabelief(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, s = belief(memory, g, beta1, beta2, epsilon)
    return x - eta * m / (1 - beta1**t) / (sqrt(s / (1 - beta2**t)) + epsilon)


@loop(**{**ADAM, "beta2": 0.5})
def adabelief_amsgrad(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, s = belief(memory, g, beta1, beta2, epsilon)
    root = sqrt(running_maximum(memory, s)) / sqrt(1 - beta2**t)
    return x - eta * m / (1 - beta1**t) / (root + epsilon)


@loop(**{**ADAM, "beta2": 0.5})
def adabelief_amsgrad_accumulating(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, s = belief(memory, g, beta1, beta2, 0.0)
    memory["max"] = running_maximum(memory, s) + epsilon
    root = sqrt(memory["max"]) / sqrt(1 - beta2**t)
    return x - eta * m / (1 - beta1**t) / (root + epsilon)


@loop(**{**ADAM, "beta2": 0.999})
def adabelief_rectified(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, s = belief(memory, g, beta1, beta2, epsilon)
    length, r = rectification(t, beta2)
    step = eta * m / (1 - beta1**t)
    return x - step * r * sqrt(1 - beta2**t) / (sqrt(s) + epsilon) if length >= 5 else x - step


@loop(**{**ADAM, "beta2": 0.999})
def adabelief_rectified_torch_optimizer(x, g, t, memory, eta, beta1, beta2, epsilon):
    m, s = belief(memory, g, beta1, beta2, epsilon)
    length, r = rectification(t, beta2)
    if length <= 4:
        return x - eta * m
    return x - r * eta / (1 - beta1**t) * m / (sqrt(s) / sqrt(1 - beta2**t) + epsilon)


@loop(**ADAM, lamda=0.1)
def lamb_keras(x, g, t, memory, lamda, eta, **rest):
    x = x - eta * lamda * x
    direction = adam_direction(memory, g, t, **rest)
    return x - eta * direction * np.hypot(*x) / np.hypot(*direction)


@loop(eta=0.5, delta=0.75, epsilon_root=0.01, epsilon=0.001)
def adafactor(x, g, t, memory, eta, delta, epsilon_root, epsilon):
    def root_mean_square(values):
        return np.hypot(*values) / sqrt(2)

    direction = g / sqrt(lerp(memory, "V", g * g + epsilon_root, t**-0.8))
    direction = direction / max(1.0, root_mean_square(direction) / delta)
    return x - max(epsilon, root_mean_square(x)) * min(eta, t**-0.5) * direction


@pytest.mark.parametrize("name", LOOPS)
def test_the_loop_and_the_rule_walk_through_the_same_points(name):
    function, hyper = LOOPS[name]
    expected = points(function, hyper)
    stated = symopt.run(name, BEALE, START, STEPS, **hyper).x
    np.testing.assert_allclose(stated, expected, rtol=1e-11, atol=0)
    assert not np.array_equal(expected[-1], expected[0])
