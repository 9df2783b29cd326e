"""Optimizers of autograd and tinygrad as installed, driven through a few lines of glue."""

import numpy as np
import pytest

from symopt import Implementation, identify, verify

pytestmark = pytest.mark.frameworks


def autograd(name, **settings):
    """One of autograd's loops; its callback sees every point before the step."""
    loops = pytest.importorskip("autograd.misc.optimizers")

    def drive(grad, x0, steps):
        points = []
        last = getattr(loops, name)(
            lambda x, i: grad(x), x0, lambda x, i, g: points.append(x.copy()), steps, **settings
        )
        return [*points, last]

    return Implementation.from_trajectory(drive, f"autograd {name}")


@pytest.mark.parametrize(
    ("name", "settings", "rule", "hyper", "rival"),
    [
        (
            "sgd", {"step_size": 0.05, "mass": 0.8},
            "momentum_ema_negative", {"eta": 0.05, "beta": 0.8}, "momentum",
        ),
        (
            "rmsprop", {"step_size": 0.05, "gamma": 0.8},
            "rmsprop_autograd", {"eta": 0.05, "rho": 0.8, "epsilon": 1e-8}, "rmsprop",
        ),
        (
            "adam", {"step_size": 0.05, "b1": 0.8, "b2": 0.95},
            "adam", {"eta": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-8},
            "adam_epsilon_hat",
        ),
    ],
)  # fmt: skip
def test_autograd_is_its_rule_and_no_rival(name, settings, rule, hyper, rival):
    code = autograd(name, **settings)
    assert verify(code, rule, **hyper).status in ("consistent", "proved")
    shared = {"momentum": {"eta": 0.05, "mu": 0.8}}.get(rival, hyper)
    assert verify(code, rival, **shared).status == "refuted"


def test_autograds_momentum_is_named_with_its_map():
    found = identify(autograd("sgd", step_size=0.05, mass=0.8), eta=0.05, beta=0.8)
    assert "momentum_ema" in found.matches[0].rule
    assert "Momentum" in found.matches[0].map


def tinygrad(name, **settings):
    """One of tinygrad's optimizers, on float32 tensors; on tinygrad's device without compiler."""
    tiny = pytest.importorskip("tinygrad")
    optim = pytest.importorskip("tinygrad.nn.optim")

    def drive(x0, oracle, steps):
        with tiny.helpers.Context(TRAINING=1, DEV="PYTHON"):  # it needs no compiler
            parameter = tiny.Tensor(x0.copy(), device="PYTHON").realize()
            optimizer = getattr(optim, name)([parameter], **settings)
            points = [parameter.numpy().copy()]
            for _ in range(steps):
                parameter.grad = tiny.Tensor(oracle(points[-1]), device="PYTHON").realize()
                optimizer.step()
                points.append(parameter.numpy().copy())
        return points

    return Implementation(f"tinygrad {name}", drive, np.float32)


@pytest.mark.parametrize(
    ("name", "settings", "rule", "hyper", "rival"),
    [
        ("SGD", {"lr": 0.05}, "gradient_descent", {"eta": 0.05}, "momentum"),
        ("SGD", {"lr": 0.05, "momentum": 0.8}, "momentum_buffer", {"eta": 0.05, "mu": 0.8},
         "nesterov_pytorch"),
        ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True}, "nesterov_pytorch",
         {"eta": 0.05, "mu": 0.8}, "momentum_buffer"),
        ("Adam", {"lr": 0.05, "b1": 0.8, "b2": 0.95}, "adam",
         {"eta": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-8}, "adam_epsilon_hat"),
    ],
)  # fmt: skip
def test_tinygrad_is_its_rule_and_no_rival(name, settings, rule, hyper, rival):
    code = tinygrad(name, **settings)
    found = verify(code, rule, **hyper)
    assert found.status in ("consistent", "proved"), str(found)
    assert verify(code, rival, **hyper).status == "refuted"
