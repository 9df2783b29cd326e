"""One step through ``sympy.lambdify``, driven by a loop in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

import symopt
from symopt.derivation.step import step_program
from symopt.program.to_sympy import to_sympy

from .problem import SETTINGS, START

__all__ = ["lambdified_batch", "lambdified_loop", "lambdified_step", "lambdified_unrolled"]


def lambdified_step(rule: str, modules: str, cse: bool) -> Callable[..., Any]:
    """All slots, all settings and ``t``, to all slots after the step."""
    step = step_program(symopt.rules[rule], symopt.objectives.beale)
    labels = [*step.slots, *[("hyper", name) for name in step.hyper], ("t",)]
    inputs = {label: sympy.Symbol("_".join(map(str, label))) for label in labels}
    outputs = to_sympy(step.program, inputs)
    made = [outputs[slot] for slot in step.slots]
    function = sympy.lambdify([inputs[label] for label in labels], made, modules, cse=cse)
    values = [SETTINGS[rule][name] for name in step.hyper]
    return lambda state, t: function(*state, *values, t)


def lambdified_loop(rule: str, steps: int, modules: str, cse: bool) -> Callable[[], np.ndarray]:
    function = lambdified_step(rule, modules, cse)
    memory = {"adam": 4, "momentum": 2}[rule]

    def run() -> np.ndarray:
        state = [*START, *[0.0] * memory]
        path = [START]
        for t in range(1, steps + 1):
            state = function(state, t)
            path.append(tuple(state[:2]))
        return np.array(path)

    return run


def lambdified_batch() -> Callable[[np.ndarray, int], np.ndarray]:
    function = lambdified_step("adam", "numpy", True)

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        state = [starts[:, 0], starts[:, 1], *[np.zeros(len(starts))] * 4]
        for t in range(1, steps + 1):
            state = function(state, t)
        return np.stack(state[:2], axis=1)

    return run


def lambdified_unrolled(unrolled: Any) -> Callable[[], Any]:
    """The same steps as one expression, handed to SymPy."""
    expressions = unrolled.expressions("x", unrolled.steps)
    return lambda: sympy.lambdify(unrolled.arguments, expressions, "numpy", cse=True)
