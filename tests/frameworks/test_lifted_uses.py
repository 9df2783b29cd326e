"""Lifted rules are rules: whatever can be done with a stated one can be done with them."""

import functools
import os

import numpy as np
import pytest

import symopt
from symopt.verification.lift.jax_code import lift_jax
from symopt.verification.lift.tinygrad_code import lift_tinygrad
from symopt.verification.lift.torch_code import lift_torch

pytestmark = pytest.mark.frameworks
os.environ.setdefault("KERAS_BACKEND", "jax")
START = ["1/2", "-1/4"]


def _torch(name, **settings):
    torch = pytest.importorskip("torch")
    return lift_torch(functools.partial(getattr(torch.optim, name), **settings))


def _optax(name, **settings):
    optax = pytest.importorskip("optax")
    return lift_jax(functools.partial(getattr(optax, name), **settings))


def _keras(name, **settings):
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "jax":
        pytest.skip("Keras was imported on another backend")
    return lift_jax(functools.partial(getattr(keras.optimizers, name), **settings))


def _sklearn(name, **settings):
    home = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    return symopt.lift(getattr(home, name), **settings)


def _autograd(name):
    return symopt.lift(getattr(pytest.importorskip("autograd.misc.optimizers"), name))


def _tinygrad(name, **settings):
    home = pytest.importorskip("tinygrad.nn.optim")
    return lift_tinygrad(functools.partial(getattr(home, name), **settings))


#: A lifted rule, the stated one that it is, and whether it has no root (and runs in rationals).
CASES = {
    "torch SGD": (_torch, "SGD", {"momentum": 0.9}, "momentum_buffer", True),
    "torch Adam": (_torch, "Adam", {}, "adam", False),
    "torch Adagrad": (_torch, "Adagrad", {}, "adagrad", False),
    "optax sgd": (_optax, "sgd", {"momentum": 0.9, "nesterov": True}, "nesterov_pytorch", True),
    "optax adamw": (_optax, "adamw", {}, "adamw", False),
    "optax apply_every": (_optax, "apply_every", {"k": 2}, "", True),
    "optax clip_by_global_norm": (_optax, "clip_by_global_norm", {"max_norm": 0.5}, "", False),
    "keras RMSprop": (_keras, "RMSprop", {}, "rmsprop_epsilon_inside", False),
    "keras SGD": (_keras, "SGD", {"momentum": 0.9}, "momentum", True),
    "sklearn SGD": (_sklearn, "SGDOptimizer", {"nesterov": False}, "momentum", True),
    "sklearn Adam": (_sklearn, "AdamOptimizer", {}, "adam_epsilon_hat", False),
    "autograd sgd": (_autograd, "sgd", {}, "momentum_ema_negative", True),
    "autograd adam": (_autograd, "adam", {}, "adam", False),
    "tinygrad SGD": (_tinygrad, "SGD", {"momentum": 0.9}, "momentum_buffer", True),
    "tinygrad Adam": (_tinygrad, "Adam", {}, "adam", False),
    "tinygrad LARS": (_tinygrad, "LARS", {}, "", False),
}


@functools.cache
def lifted(name):
    lift, target, settings, _, _ = CASES[name]
    return lift(target, **settings)


@pytest.mark.parametrize("name", CASES)
def test_it_shows_every_line_and_typesets(name):
    rule = lifted(name)
    text = str(rule)
    assert all(f"{line.target} <- " in text for line in rule.update)
    document = symopt.derive(rule, "booth", steps=1)
    assert r"\nabla" in document.latex() or "g_" in document.latex()
    assert document.markdown()


@pytest.mark.parametrize("name", CASES)
def test_float64_stays_in_the_ball(name):
    rule = lifted(name)
    floats = symopt.run(rule, "booth", x0=START, steps=5)
    balls = symopt.run(rule, "booth", x0=START, steps=5, arithmetic="ball")
    exact = np.array([[float(entry) for entry in row] for row in balls.x])
    assert np.allclose(floats.x, exact, rtol=1e-9, atol=1e-12)
    assert not np.array_equal(floats.x[0], floats.x[-1])


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][4]])
def test_what_has_no_root_runs_in_rationals(name):
    rule = lifted(name)
    rationals = symopt.run(rule, "booth", x0=START, steps=3, arithmetic="rational")
    floats = symopt.run(rule, "booth", x0=START, steps=3)
    assert np.allclose(np.array(rationals.x, dtype=float), floats.x)


@pytest.mark.parametrize("name", CASES)
def test_its_unrolled_steps_are_its_run(name):
    rule = lifted(name)
    unrolled = symopt.unroll(rule, "booth", steps=2)
    hyper = [float(entry.default) for entry in rule.parameters]
    points = np.ravel(unrolled.lambdify()(0.5, -0.25, *hyper))
    run = symopt.run(rule, "booth", x0=START, steps=2)
    assert np.allclose(points, run.x[2])


@pytest.mark.parametrize("name", CASES)
def test_it_compiles(name):
    kernel = symopt.kernel(lifted(name), "booth")
    assert "def " in kernel.source


@pytest.mark.parametrize("name", CASES)
def test_it_is_itself_and_verifies_as_an_implementation(name):
    rule = lifted(name)
    assert symopt.prove(rule, rule).status == "proved"


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name][3]])
def test_it_is_proved_to_be_the_stated_rule(name):
    assert symopt.prove(lifted(name), CASES[name][3]).status == "proved"


def test_a_real_optimizer_verifies_against_a_rule_that_was_lifted_from_another_framework():
    torch = pytest.importorskip("torch")
    code = functools.partial(torch.optim.Adam, lr=0.1)
    rule = lifted("tinygrad Adam")
    verdict = symopt.verify(
        symopt.Implementation.from_torch(code), rule, eta=0.1, beta1=0.9, beta2=0.999, epsilon=1e-8
    )
    assert verdict.status in ("consistent", "proved")
