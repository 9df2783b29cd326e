"""Rules read out of real, unmodified code."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symopt.statement.rule import Rule

__all__ = ["lift"]

#: The root package of a base class's home, and its name: whose code it is.
_HOMES = {
    ("torch", "Optimizer"): "torch",
    ("optax", "GradientTransformation"): "jax",
    ("optax", "GradientTransformationExtraArgs"): "jax",
    ("keras", "BaseOptimizer"): "jax",
    ("tinygrad", "Optimizer"): "tinygrad",
}


def lift(target: Any, **settings: Any) -> Rule:
    """The rule that code computes, as an ordinary :class:`~symopt.statement.rule.Rule`.

    Parameters
    ----------
    target
        NumPy-style code: a class with ``update(params, grads)`` or ``step`` (or an object of
        it), a function that makes one step from a parameter and a gradient, or a whole loop
        ``gd(df, x0, ...)``. Optimizers of PyTorch, Keras, tinygrad, scikit-learn and autograd,
        and optax's transformations.
    settings
        Arguments of the code. Those with decimal values are hyperparameters with this default,
        like those that have a decimal default in the code.

    The code is executed. It runs on unknown numbers, its literals being the decimals as written;
    branches become cases. Then the real code runs in floats at other points, and a rule that does
    not follow it within rounding is no result. Casts, repaired constants and what else a reader
    must know stand in ``rule.note``.

    Raises :class:`~symopt.errors.LiftError`, which names operation and line, for what no rule can
    say.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from symopt.verification.target import load_target
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "mine.py"
    ...     _ = file.write_text("def step(x, g, lr=0.1):\\n    return x - lr * g\\n")
    ...     rule = lift(load_target(f"{file}:step"))
    >>> print(rule)
    step (mine.py (...), step, lines 1-2)
      lr = 1/10
      g <- grad(x)
      x <- -g*lr + x
    """
    framework = _framework(target)
    if framework == "torch":
        from symopt.verification.lift.torch_code import lift_torch

        return lift_torch(functools.partial(target, **settings) if settings else target)
    if framework == "jax":
        from symopt.verification.lift.jax_code import lift_jax

        return lift_jax(functools.partial(target, **settings) if settings else target)
    if framework == "tinygrad":
        from symopt.verification.lift.tinygrad_code import lift_tinygrad

        return lift_tinygrad(functools.partial(target, **settings) if settings else target)
    from symopt.verification.lift.numpy_code import lift_numpy

    return lift_numpy(target, settings)


def _framework(target: Any) -> str:
    """Whose code the target is: "torch", "jax", or nothing in particular."""
    maker = target.func if isinstance(target, functools.partial) else target
    kind = maker if isinstance(maker, type) else type(maker)
    package = str(getattr(maker, "__module__", "")).partition(".")[0]
    if callable(maker) and package == "optax":
        return "jax"  # a factory of transformations
    if package == "tinygrad":
        return "tinygrad"
    for base in kind.__mro__:
        home = _HOMES.get((base.__module__.partition(".")[0], base.__name__))
        if home is not None:
            return home
    return ""
