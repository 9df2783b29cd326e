"""Scikit-learn's stochastic optimizers (those of its neural networks), in binary64."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from symopt.verification.adapters import required
from symopt.verification.implementation import Array, Implementation, Oracle
from symopt.verification.subject import Subject

__all__ = ["MODULE", "implementation", "of_object"]

MODULE = "sklearn.neural_network._stochastic_optimizers"
_STATE = {"velocities": "v", "ms": "m", "vs": "v"}


def implementation(make: Callable[[Any], Any], name: str) -> Implementation:
    """See :meth:`~symopt.verification.implementation.Implementation.from_sklearn`."""
    required(MODULE, "scikit-learn", "sklearn")

    def drive(x0: Array, oracle: Oracle, steps: int) -> list[Array]:
        parameters = [x0.copy()]
        optimizer = make(parameters)
        points = [parameters[0].copy()]
        for _ in range(steps):
            optimizer.update_params(parameters, [oracle(parameters[0])])
            points.append(parameters[0].copy())
            for field, known in _STATE.items():
                if hasattr(optimizer, field):
                    oracle.report(**{known: getattr(optimizer, field)[0]})
        return points

    kind = getattr(make, "__name__", "") or getattr(getattr(make, "func", None), "__name__", "")
    return Implementation(
        name or f"sklearn {kind}".strip(), drive, np.float64, subject=Subject("sklearn", make)
    )


def of_object(given: Any) -> Implementation:
    """From an optimizer (rebuilt from its settings), a class or a partial of one."""
    if callable(given):
        return implementation(given, "")
    accepted = [key for key in inspect.signature(type(given)).parameters if key != "params"]
    settings = {key: getattr(given, key) for key in accepted}
    return implementation(
        lambda params: type(given)(params, **settings), f"sklearn {type(given).__name__}"
    )
