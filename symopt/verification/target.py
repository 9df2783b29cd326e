"""Implementations named on the command line: ``package.module:name`` or ``path/to/file.py:name``.

The code is the user's own, and it is executed.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import InputError, did_you_mean
from symopt.statement.user_code import execute_file
from symopt.verification.implementation import Implementation
from symopt.verification.subject import Subject

__all__ = ["from_function", "load_target"]

#: What people call the number of steps.
STEP_NAMES = (
    "steps", "n_iter", "n_iters", "num_steps", "num_iters", "iterations", "n_steps", "max_iter",
    "maxiter", "epochs", "n_epochs", "T", "n",
)  # fmt: skip
#: What people call a dictionary of settings.
CONFIGURATION_NAMES = ("conf", "conf_para", "config", "options", "params", "hyper", "kwargs")


def load_target(target: str) -> Any:
    """The object that a target names.

    Raises :class:`~symopt.errors.InputError` where the module or the name does not exist, or
    importing it fails.

    >>> load_target("math:sqrt")(4.0)
    2.0
    """
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise InputError(
            f"{target!r} is no target; write package.module:name or path/to/file.py:name"
        )
    module = _module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [entry for entry in vars(module) if not entry.startswith("_")]
            raise InputError(f"{place} has no {name!r}.{did_you_mean(name, known)}")
        found = getattr(found, part)
    return found


def _module(place: str) -> Any:
    path = Path(place)
    if path.suffix == ".py":
        return execute_file(path)
    try:
        return importlib.import_module(place)
    except Exception as error:
        raise InputError(f"{place} cannot be imported: {type(error).__name__}: {error}") from error


def from_function(
    function: Callable[..., Any], settings: Mapping[str, Any] | None = None
) -> Implementation:
    """A whole-loop function, whatever it calls its number of steps.

    ``function(grad, x0, ...)`` is given the number of steps by the parameter that is named like
    one, or inside the dictionary of settings that its third parameter takes; ``settings`` are
    its own further arguments. Where it takes neither, it runs as long as it does, and its first
    points are used.

    >>> def gd(df_dx, x0, conf_para=None):
    ...     points = [x0]
    ...     for _ in range(conf_para["n_iter"]):
    ...         points.append(points[-1] - conf_para["learning_rate"] * df_dx(*points[-1]))
    ...     return points
    >>> code = from_function(gd, {"learning_rate": 0.5})
    >>> code.observe([1.0], [[1.0], [0.5]]).points[:, 0]
    array([1.  , 0.5 , 0.25])
    """
    given = dict(settings or {})
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [parameter.name for parameter in parameters]
    counted = next((name for name in names[2:] if name in STEP_NAMES), None)
    configured = next((name for name in names[2:] if name in CONFIGURATION_NAMES), None)
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    strange = [name for name in given if name not in names]
    if strange and not (configured or takes_any):
        raise InputError(
            f"{getattr(function, '__name__', function)} takes no argument {strange[0]!r}; it takes "
            f"{', '.join(names)}"
        )

    def drive(x0: Any, oracle: Any, steps: int) -> Any:
        if counted:
            return function(oracle, x0, **{counted: steps}, **given)
        if configured and not takes_any:
            settings = {**dict.fromkeys(STEP_NAMES[:-2], steps), **given}
            return _first(function(oracle, x0, **{configured: settings}), x0, steps)
        if len(names) > 2 and parameters[2].default is inspect.Parameter.empty:
            return function(oracle, x0, steps, **given)
        return _first(function(oracle, x0, **given), x0, steps)

    return Implementation(
        str(getattr(function, "__name__", function)),
        lambda x0, oracle, steps: drive(x0.copy(), oracle, steps),
        subject=Subject("trajectory", function, settings=tuple(given.items())),
    )


def _first(points: Any, x0: Any, steps: int) -> Any:
    """The first steps of what may be longer, whether or not it begins with the start."""
    first = list(itertools.islice(iter(points), steps + 1))
    begins = bool(first) and np.array_equal(np.atleast_1d(np.asarray(first[0])), x0)
    return first if begins else first[:steps]
