"""Optax's gradient transformations, on JAX arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.verification.adapters import required
from symopt.verification.implementation import Array, Implementation, Oracle
from symopt.verification.subject import Subject

__all__ = ["implementation", "of_object", "state_name", "wide"]

DTYPES = ("float64", "float32", "bfloat16")
_STATE = {"mu": "m", "nu": "v", "trace": "b", "sum_of_squares": "G", "e_g": "E", "e_x": "D"}


def wide(jax: Any, dtype: str) -> Any:
    """A context in which JAX has 64-bit numbers, or has not, as the dtype needs."""
    if callable(getattr(jax, "enable_x64", None)):
        return jax.enable_x64(dtype == "float64")
    experimental = required("jax.experimental", "JAX", "jax")  # before it became public
    return experimental.enable_x64(dtype == "float64")


def implementation(transform: Any, dtype: str, name: str) -> Implementation:
    """See :meth:`~symopt.verification.implementation.Implementation.from_optax`."""
    jax = required("jax", "JAX", "jax")
    optax = required("optax", "optax", "jax")
    if dtype not in DTYPES:
        raise InputError(f"no dtype {dtype!r} for optax; there are {', '.join(DTYPES)}")
    if not callable(transform) and not hasattr(transform, "update"):
        raise InputError(
            f"from_optax was given {type(transform).__name__}; it takes a GradientTransformation, "
            "or a function without arguments that makes one"
        )
    numpy = jax.numpy
    form = getattr(numpy, dtype)
    carrier = np.float64 if dtype == "float64" else np.float32

    def drive(x0: Array, oracle: Oracle, steps: int) -> list[Array]:
        with wide(jax, dtype):
            # A function is called here, so that what it makes in advance has the run's dtype.
            made = transform if hasattr(transform, "update") else transform()
            point = numpy.asarray(x0, dtype=form)
            state = made.init(point)
            points = [np.asarray(point, dtype=carrier)]
            for _ in range(steps):
                gradient = numpy.asarray(oracle(points[-1]), dtype=form)
                updates, state = made.update(gradient, state, point)
                point = optax.apply_updates(point, updates)
                points.append(np.asarray(point, dtype=carrier))
                _report(oracle, state, carrier)
        return points

    profiles = ["scalars in float64"]  # Python floats; JAX rounds them to its own default float
    if dtype != "float64":
        profiles.append("scalars in float32")
    # XLA multiplies where a power's exponent is a whole number, as optax's step counts are.
    profiles += [f"{name}, powers by multiplication" for name in profiles]
    note = "JAX in 64-bit mode" if dtype == "float64" else "JAX in 32-bit mode"
    return Implementation(
        name or "optax",
        drive,
        carrier,
        note,
        tuple(profiles),
        dtype if dtype == "bfloat16" else "",
        subject=Subject("optax", transform),
    )


def state_name(field: str) -> str | None:
    """What the rules call a field of a state, where they have a name for it.

    >>> state_name("nu")
    'v'
    """
    return _STATE.get(field)


def _report(oracle: Oracle, state: Any, carrier: Any) -> None:
    """The fields of the first state that has known ones (a chain has a tuple of states)."""
    fields = getattr(state, "_fields", None)
    if fields is None:
        for part in state if isinstance(state, tuple) else ():
            _report(oracle, part, carrier)
        return
    for field in fields:
        value = getattr(state, field)
        if isinstance(value, tuple):
            _report(oracle, value, carrier)
        elif field in _STATE and value is not None:
            oracle.report(**{_STATE[field]: np.asarray(value, dtype=carrier)})


def of_object(given: Any) -> Implementation:
    """From a gradient transformation."""
    return implementation(given, "float64", "")
