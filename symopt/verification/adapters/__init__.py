"""Framework optimizers as implementations; each framework is imported only where it is used."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

from symopt.errors import MissingExtraError

__all__ = ["recognized", "required"]

#: The root package of a class's home, the name of its base class, and the adapter.
_HOMES = {
    ("torch", "Optimizer"): "torch",
    ("optax", "GradientTransformation"): "optax",
    ("sklearn", "BaseOptimizer"): "sklearn",
    ("keras", "BaseOptimizer"): "keras",
}


def required(module: str, package: str, extra: str) -> Any:
    """The module, imported now.

    Raises :class:`~symopt.errors.MissingExtraError`, which names the extra, without it.

    >>> required("math", "math", "none").pi
    3.14159...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs {package} ({error}); install it with: pip install 'symopt[{extra}]'"
        ) from error


def recognized(given: Any) -> Any:
    """The implementation that an object's type tells of, or ``None``.

    Recognized are optimizers of PyTorch, scikit-learn and Keras (an instance, which is rebuilt
    from its settings for every run; a class; a ``functools.partial`` of a class), and optax's
    gradient transformations.

    >>> recognized(lambda grad, x0, steps: []) is None
    True
    """
    maker = given.func if isinstance(given, functools.partial) else given
    cls = maker if isinstance(maker, type) else type(maker)
    for base in cls.__mro__:
        adapter = _HOMES.get((base.__module__.partition(".")[0], base.__name__))
        if adapter is not None:
            module = importlib.import_module(f"{__name__}.{adapter}")
            build: Callable[[Any], Any] = module.of_object
            return build(given)
    return None
