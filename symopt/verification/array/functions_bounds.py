"""What rounding can explain in elementwise functions: for each, its value and its own bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.verification.array.limits import Limits, Linear, Sheet, widened

__all__ = ["FUNCTIONS", "FunctionBound"]

Floats = np.ndarray[Any, Any]


def _nowhere(a: Sheet, limits: Limits, *constants: Any) -> Floats:
    return np.zeros(a.value.shape, dtype=bool)


@dataclass(frozen=True)
class FunctionBound:
    """``value`` computes in float64, ``form`` bounds, ``open`` says where rounding decides."""

    value: Callable[..., Any]
    form: Callable[..., Linear]
    open: Callable[..., Floats] = _nowhere


def _settled(error: Floats, size: Floats) -> Linear:
    """A result whose own rounding is in the error already."""
    error = np.where(np.isnan(error), np.inf, error)
    return Linear(widened(error), widened(size + error), 0)


def _exp(a: Sheet, limits: Limits) -> Linear:
    size = np.exp(a.value) * np.exp(a.own)
    moved = np.expm1(a.error)
    return _settled(size * (moved + (1 + moved) * limits.function) + limits.tiny, size)


def _log(a: Sheet, limits: Limits) -> Linear:
    size = np.abs(np.log(a.value)) + a.own / a.least
    moved = np.where(a.value > 0, a.error / a.least, np.nan)
    return _settled(moved + (size + moved) * limits.function + limits.tiny, size)


def _sigmoid_value(u: Floats) -> Floats:
    small = np.exp(-np.abs(u))
    return np.asarray(np.where(u >= 0, 1.0, small) / (1 + small))


def _sigmoid(a: Sheet, limits: Limits) -> Linear:
    """1/(1 + exp(-u)) and exp(u)/(1 + exp(u)); the slope changes at most by the factor e^|move|."""
    around = np.exp(a.own)
    size = np.minimum(_sigmoid_value(a.value) * around, 1.0)
    rest = np.minimum(_sigmoid_value(-a.value) * around, 1.0)
    moved = np.minimum(size * rest * np.expm1(a.error), 1.0)
    rest = np.minimum(rest * np.exp(a.error), 1.0)
    relative = np.expm1(rest * limits.function + 3 * limits.unit)
    return _settled(moved + (size + moved) * relative + limits.tiny, size)


def _tanh(a: Sheet, limits: Limits) -> Linear:
    size = np.minimum(np.abs(np.tanh(a.value)) + a.own, 1.0)
    # The slope 1 - tanh^2 is at most 4 exp(-2|u|).
    low = np.maximum(np.abs(a.value) - a.own - a.error, 0.0)
    slope = np.minimum(4 * np.exp(-2 * low), 1.0)
    moved = np.minimum(a.error * slope, 2.0)
    return _settled(moved + (size + moved) * limits.function + limits.tiny, size)


def _softplus_value(u: Floats) -> Floats:
    return np.asarray(np.maximum(u, 0.0) + np.log1p(np.exp(-np.abs(u))))


def _softplus(a: Sheet, limits: Limits) -> Linear:
    """max(u, 0) + log1p(exp(-|u|)), and log(exp(0) + exp(u)) from the larger exponent."""
    size = _softplus_value(a.value) * np.exp(a.own)
    slope = np.minimum(_sigmoid_value(a.value) * np.exp(a.own + a.error), 1.0)
    moved = a.error * slope
    part = size + moved
    return Linear(
        widened(moved + part * (2 * limits.function + 2 * limits.unit) * 2 + limits.tiny),
        widened(part * 2), 1,
    )  # fmt: skip


def _sqrt(a: Sheet, limits: Limits) -> Linear:
    size = np.sqrt(np.maximum(a.value, 0.0) + a.own)
    low = np.maximum(a.value - a.own, 0.0)
    moved = np.minimum(a.error / np.sqrt(low), np.sqrt(a.error))
    moved = np.where(a.value - a.own - a.error >= 0, moved, np.nan)
    moved = np.where((a.error == 0) & (a.value >= a.own), 0.0, moved)
    return _settled(moved + (size + moved) * limits.unit, size)


def _square(a: Sheet, limits: Limits) -> Linear:
    prior = a.error * (2 * a.size + a.error) + limits.tiny
    return Linear(widened(prior), widened(a.reach**2), 1)


def _power(a: Sheet, limits: Limits, exponent: Any) -> Linear:
    n = int(exponent)
    prior = n * a.reach ** (n - 1) * a.error + n * limits.tiny
    ulps = int(limits.function / limits.unit)
    return Linear(widened(prior), widened(a.reach**n), max(n - 1, ulps))


def _relu(a: Sheet, limits: Limits) -> Linear:
    off = (a.value < 0) & ~a.undecided()
    return Linear(np.where(off, 0.0, a.error), np.where(off, 0.0, a.reach), 0)


def _step(a: Sheet, limits: Limits) -> Linear:
    return Linear(np.where(a.undecided(), 1.0, 0.0), np.ones(a.value.shape), 0)


def _sign(a: Sheet, limits: Limits) -> Linear:
    return Linear(np.where(a.undecided(), 2.0, 0.0), np.ones(a.value.shape), 0)


def _abs(a: Sheet, limits: Limits) -> Linear:
    return Linear(a.error, a.reach, 0)


def _off(delta: Fraction, limits: Limits) -> float:
    """How far a threshold may be rounded."""
    held = Fraction(float(delta)) == delta and bool(limits.holds(np.asarray(float(delta))))
    return 0.0 if held else 2 * float(delta) * limits.unit


def _huber_value(u: Floats, delta: Fraction) -> Floats:
    d = float(delta)
    size = np.abs(u)
    return np.asarray(np.where(size <= d, u * u / 2, d * (size - d / 2)))


def _huber(a: Sheet, limits: Limits, delta: Fraction) -> Linear:
    """u**2/2 or delta*(|u| - delta/2); at the threshold both and their slopes agree."""
    d, off = float(delta), _off(delta, limits)
    slope = np.minimum(a.reach, d + off)
    # Another threshold changes the value by at most its change times |u|.
    prior = a.error * slope + off * (a.reach + d) + limits.tiny
    inner = a.reach + 2 * off < d
    terms = np.where(inner, a.reach**2, (d + off) * (a.reach + d))
    return Linear(widened(prior), widened(terms), 4)


def _clip(a: Sheet, limits: Limits, delta: Fraction) -> Linear:
    off = _off(delta, limits)
    return Linear(widened(a.error + off), np.minimum(a.reach, float(delta) + off), 0)


def _beyond(a: Sheet, limits: Limits, delta: Fraction) -> Floats:
    size = Sheet(np.abs(a.value), a.size, a.own, a.error, a.form)
    return size.undecided(float(delta), _off(delta, limits))


def _within(a: Sheet, limits: Limits, delta: Fraction) -> Linear:
    return Linear(
        np.where(_beyond(a, limits, delta), 1.0, 0.0), np.ones(a.value.shape), 0
    )  # fmt: skip


def _kink(a: Sheet, limits: Limits, *constants: Any) -> Floats:
    return a.undecided()


#: For every elementwise function of statements its computation and its bound.
FUNCTIONS: dict[str, FunctionBound] = {
    "exp": FunctionBound(np.exp, _exp),
    "log": FunctionBound(np.log, _log),
    "tanh": FunctionBound(np.tanh, _tanh),
    "sigmoid": FunctionBound(_sigmoid_value, _sigmoid),
    "softplus": FunctionBound(_softplus_value, _softplus),
    "sqrt": FunctionBound(np.sqrt, _sqrt),
    "square": FunctionBound(np.square, _square),
    "power": FunctionBound(lambda u, n: u ** int(n), _power),
    "relu": FunctionBound(lambda u: np.maximum(u, 0.0), _relu),
    "abs": FunctionBound(np.abs, _abs),
    "sign": FunctionBound(np.sign, _sign, _kink),
    "step": FunctionBound(lambda u: np.where(u > 0, 1.0, 0.0), _step, _kink),
    "huber": FunctionBound(_huber_value, _huber),
    "clip": FunctionBound(lambda u, d: np.clip(u, -float(d), float(d)), _clip),
    "within": FunctionBound(
        lambda u, d: np.where(np.abs(u) <= float(d), 1.0, 0.0), _within, _beyond
    ),
}
