"""Adam and momentum on Beale as a person writes them without symopt: what ours is compared with.

These are independent of symopt's statements on purpose, and every candidate is checked against
``symopt.run`` before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["RULES", "SETTINGS", "START", "batch_starts", "beale", "careful", "tutorial"]

START = (1.0, 1.5)
SETTINGS = {
    "adam": {"eta": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "momentum": {"eta": 0.001, "mu": 0.9},
}
RULES = tuple(SETTINGS)


def batch_starts(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 2))


def beale(x: Any, y: Any) -> Any:
    """The objective, for any kind of number or array that has + - * and powers."""
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def gradient(x: Any, y: Any) -> tuple[Any, Any]:
    """By the chain rule, not expanded, as the sources of the notes write it."""
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return (
        2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1),
        2 * a * x + 2 * b * (2 * x * y) + 2 * c * (3 * x * y**2),
    )


def shared_gradient(x: Any, y: Any) -> tuple[Any, Any]:
    """With products shared, as a person writes it who counts operations."""
    xy, y2 = x * y, y * y
    y3 = y2 * y
    a, b, c = 1.5 - x + xy, 2.25 - x + x * y2, 2.625 - x + x * y3
    return (
        2 * (a * (y - 1) + b * (y2 - 1) + c * (y3 - 1)),
        2 * (a * x + b * (2 * xy) + c * (3 * (x * y2))),
    )


def tutorial_momentum(df: Callable[..., Any], start: Any, steps: int, conf: Any) -> list[Any]:
    x, v = np.array(start), np.zeros(len(start))
    points = [x]
    for _ in range(steps):
        g = np.array(df(*x))
        v = conf["mu"] * v - conf["eta"] * g
        x = x + v
        points.append(x)
    return points


def tutorial_adam(df: Callable[..., Any], start: Any, steps: int, conf: Any) -> list[Any]:
    x, m, v = np.array(start), np.zeros(len(start)), np.zeros(len(start))
    points = [x]
    for t in range(1, steps + 1):
        g = np.array(df(*x))
        m = conf["beta1"] * m + (1 - conf["beta1"]) * g
        v = conf["beta2"] * v + (1 - conf["beta2"]) * g**2
        m_hat = m / (1 - conf["beta1"] ** t)
        v_hat = v / (1 - conf["beta2"] ** t)
        x = x - conf["eta"] * m_hat / (np.sqrt(v_hat) + conf["epsilon"])
        points.append(x)
    return points


def tutorial(rule: str, steps: int) -> list[Any]:
    """The loop of the teaching notes: arrays of two numbers, a list of points."""
    loop = {"momentum": tutorial_momentum, "adam": tutorial_adam}[rule]
    return loop(gradient, START, steps, SETTINGS[rule])


# One coordinate of a step in place: point, gradient, two arrays of state, time, settings.
def _gradient_descent(p: Any, g: Any, v: Any, r: Any, t: int, c: Any) -> None:
    p -= c["eta"] * g


def _momentum(p: Any, g: Any, v: Any, r: Any, t: int, c: Any) -> None:
    v *= c["mu"]
    v -= c["eta"] * g
    p += v


def _adagrad(p: Any, g: Any, v: Any, r: Any, t: int, c: Any) -> None:
    r += g * g
    p -= c["eta"] * g / (np.sqrt(r) + c["epsilon"])


def _rmsprop(p: Any, g: Any, v: Any, r: Any, t: int, c: Any) -> None:
    r *= c["rho"]
    r += (1 - c["rho"]) * (g * g)
    p -= c["eta"] * g / (np.sqrt(r) + c["epsilon"])


def _adam(p: Any, g: Any, v: Any, r: Any, t: int, c: Any) -> None:
    v *= c["beta1"]
    v += (1 - c["beta1"]) * g
    r *= c["beta2"]
    r += (1 - c["beta2"]) * (g * g)
    unbias1, unbias2 = 1 - c["beta1"] ** t, 1 - c["beta2"] ** t
    p -= c["eta"] * (v / unbias1) / (np.sqrt(r / unbias2) + c["epsilon"])


CAREFUL = {
    "gradient_descent": _gradient_descent,
    "momentum": _momentum,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
}


def careful(rule: str, starts: np.ndarray, steps: int, settings: Any) -> np.ndarray:
    """As a person writes it who knows NumPy: shared products, and state changed in place."""
    update = CAREFUL[rule]
    points = [starts[:, 0].copy(), starts[:, 1].copy()]
    state = [(np.zeros_like(p), np.zeros_like(p)) for p in points]
    for t in range(1, steps + 1):
        slopes = shared_gradient(*points)
        for p, g, (v, r) in zip(points, slopes, state, strict=True):
            update(p, g, v, r, t, settings)
    return np.stack(points, axis=1)
