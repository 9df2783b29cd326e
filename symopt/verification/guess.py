"""Guesses at which state of one rule is which state of another one, from numbers.

Both rules walk in binary64 through the same gradients, from several starts at once. A state that
is another one times a factor of the hyperparameters, at every point and step, is a guess worth a
proof. Nothing here proves anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from symopt.derivation.opaque import opaque_step
from symopt.errors import SymoptError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import compile_source, function_source
from symopt.program.printers.python import ARRAY
from symopt.statement.rule import Rule
from symopt.statement.symbols import t, x
from symopt.verification.comparison import Point, place_value, sample_points
from symopt.verification.siblings import opaque_program

__all__ = ["DECAYS", "guesses"]

#: Hyperparameters that weigh an old value against a new one.
DECAYS = ("mu", "beta", "beta1", "beta2", "beta3", "rho")
_POINTS = 12
_STEPS = 4
#: How near two floats must be: rounding of a few steps, no more.
_NEAR = 1e-9

Array = np.ndarray[Any, np.dtype[Any]]


def guesses(first: Rule, second: Rule, size: int) -> dict[Symbol, Expr]:
    """For states of the second rule, what they seem to be: a multiple of a state of the first.

    A state for which none is found is missing.

    >>> from symopt.statement.library import rules
    >>> guesses(rules.momentum_buffer, rules.momentum, 1)
    {v: -b*eta}
    """
    points = list(islice(sample_points(first, second, _STEPS, size, 3), _POINTS))
    ours, theirs = (_columns(rule, size, points) for rule in (first, second))
    if ours is None or theirs is None:
        return {}
    scalars = {slot[0] for slot in opaque_step(first, size).slots if slot[1] is None}
    later = {slot[0] for slot in opaque_step(second, size).slots if slot[1] is None}
    found: dict[Symbol, Expr] = {}
    with np.errstate(all="ignore"):
        factors = [
            (factor, _evaluate(factor, first, points))
            for factor in _factors(frozenset(first.hyperparameters))
        ]
        for symbol in second.state:
            column = theirs[symbol.name]
            states = [s for s in (*first.state, x) if (s.name in scalars) <= (symbol.name in later)]
            states.sort(key=lambda state: (state.name != symbol.name, state == x))
            for (factor, values), state in product(factors, states):
                if _near(values * ours[state.name], column):
                    found[symbol] = factor * state
                    break
            else:
                for decay in first.hyperparameters if symbol.name in later else ():
                    values = np.array([float(p.hyperparameters[decay.name]) for p in points])
                    steps = np.arange(1, _STEPS + 1)[:, None]
                    if decay.name in DECAYS and _near(values**steps, column):
                        found[symbol] = decay**t
    return found


def _near(left: Array, right: Array) -> bool:
    """Equal wherever both are numbers, and numbers often enough."""
    both = np.isfinite(left) & np.isfinite(right)
    if both.sum() < both.size // 3:
        return False
    return bool(np.allclose(left[both], right[both], rtol=_NEAR, atol=1e-300))


def _columns(rule: Rule, size: int, points: list[Point]) -> dict[str, Array] | None:
    """Every state's values in the first coordinate, by step and point."""
    if not points:
        return None
    try:
        labels, function = _compiled(rule, size)
        inputs, outputs = labels
        given = [np.array([float(place_value(label, p)) for p in points]) for label in inputs]
        with np.errstate(all="ignore"):
            values = dict(zip(outputs, function(*given), strict=True))
    except (SymoptError, ArithmeticError):
        return None
    blank = np.zeros(len(points))
    found: dict[str, Array] = {
        "x": np.array([values["x", step, 0] + blank for step in range(1, _STEPS + 1)])
    }
    for name, index in opaque_step(rule, size).slots:
        if name != "x" and index in (None, 0):
            rows = [values["slot", step, name, index] + blank for step in range(1, _STEPS + 1)]
            found[name] = np.array(rows)
    return found


@lru_cache(maxsize=512)
def _compiled(rule: Rule, size: int) -> tuple[tuple[list[Any], list[Any]], Any]:
    program = opaque_program(rule, _STEPS, size, cut=False, states=True)
    inputs = list(program.inputs)
    names = {label: f"i{index}" for index, label in enumerate(inputs)}
    source = function_source("walk", program, names, ARRAY)
    return (inputs, list(program.outputs)), compile_source(source, array(np.float64))


@lru_cache(maxsize=256)
def _factors(symbols: frozenset[Symbol]) -> tuple[Expr, ...]:
    """What one memory may be times another: signs, the learning rate, one less a decay."""
    named = {symbol.name: symbol for symbol in symbols}
    weights: list[Expr] = [sympy.S.One]
    for name in DECAYS:
        if name in named:
            weights += [1 - named[name], 1 / (1 - named[name]), named[name], 1 / named[name]]
    rates: list[Expr] = [sympy.S.One]
    if "eta" in named:
        rates += [named["eta"], 1 / named["eta"]]
    return tuple(_products(weights, rates))


def _products(weights: list[Expr], rates: list[Expr]) -> Iterator[Expr]:
    for rate, weight in product(rates, weights):
        yield rate * weight
        yield -rate * weight


def _evaluate(factor: Expr, rule: Rule, points: list[Point]) -> Array:
    symbols = [entry.symbol for entry in rule.parameters]
    function = _lambdified(factor, tuple(symbols))
    values = [
        np.array([float(point.hyperparameters[symbol.name]) for point in points])
        for symbol in symbols
    ]
    return np.asarray(function(*values)) + np.zeros(len(points))


@lru_cache(maxsize=1024)
def _lambdified(factor: Expr, symbols: tuple[Symbol, ...]) -> Any:
    return sympy.lambdify(symbols, factor, "numpy")
