"""An implementation from whatever the user passes."""

from __future__ import annotations

import functools
import inspect
from typing import Any, cast

from symopt.errors import InputError
from symopt.verification.adapters import recognized
from symopt.verification.implementation import Implementation

__all__ = ["as_implementation"]


def as_implementation(given: Any) -> Implementation:
    """An implementation from itself, a framework's optimizer, or ``f(grad, x0, steps)``.

    Raises :class:`~symopt.errors.InputError` for what needs a constructor to be chosen.

    >>> as_implementation(lambda grad, x0, steps: [x0] * (steps + 1)).name
    '<lambda>'
    """
    if isinstance(given, Implementation):
        return given
    adapted = recognized(given)
    if adapted is not None:
        return cast(Implementation, adapted)
    if isinstance(given, type):
        return Implementation.from_update(given, given.__qualname__)
    if isinstance(given, functools.partial) and inspect.isclass(given.func):
        return Implementation.from_update(given, given.func.__qualname__)
    if callable(given):
        return Implementation.from_trajectory(given)
    raise InputError(
        f"{type(given).__name__} is no implementation that symopt recognizes; wrap it with "
        "symopt.Implementation.from_trajectory, .from_update or .from_step"
    )
