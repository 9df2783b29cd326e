"""Keras 3's optimizers, on the backend in use or the first one installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from symopt.errors import InputError, MissingExtraError
from symopt.verification.adapters import required
from symopt.verification.implementation import Array, Implementation, Oracle
from symopt.verification.subject import Subject

__all__ = ["implementation", "loaded", "of_object"]

DTYPES = ("float64", "float32")
BACKENDS = ("jax", "torch", "tensorflow")


def loaded() -> Any:
    """Keras, on a backend that is installed.

    Keras reads its backend once, from ``KERAS_BACKEND`` or its configuration file. Where neither
    that nor an import has chosen one, the first installed one is chosen for this process.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        found = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
        if not found:
            raise MissingExtraError(
                "Keras needs JAX, PyTorch or TensorFlow; install one with: "
                "pip install 'symopt[keras]'"
            )
        os.environ["KERAS_BACKEND"] = found[0]
    return required("keras", "Keras 3", "keras")


@contextlib.contextmanager
def _precision(keras: Any, dtype: str) -> Iterator[None]:
    """Keras's default float, which is that of learning rates, set for a run."""
    from symopt.verification.adapters.optax import wide

    before = keras.config.floatx()
    keras.config.set_floatx(dtype)
    try:
        if keras.config.backend() == "jax":
            with wide(required("jax", "JAX", "jax"), dtype):
                yield
        else:
            yield
    finally:
        keras.config.set_floatx(before)


def implementation(make: Any, dtype: str, name: str) -> Implementation:
    """See :meth:`~symopt.verification.implementation.Implementation.from_keras`."""
    keras = loaded()
    if dtype not in DTYPES:
        raise InputError(f"no dtype {dtype!r} for Keras; there are {', '.join(DTYPES)}")
    instance = isinstance(make, keras.optimizers.Optimizer)
    if not instance and not callable(make):
        raise InputError(
            f"from_keras was given {type(make).__name__}; it takes a Keras optimizer, or a "
            "function without arguments that makes one"
        )
    form: Any = np.dtype(dtype).type

    def drive(x0: Array, oracle: Oracle, steps: int) -> list[Array]:
        with _precision(keras, dtype):
            optimizer = type(make).from_config(make.get_config()) if instance else make()
            variable = keras.Variable(x0.copy(), dtype=dtype, trainable=True)
            points = [_array(keras, variable, form)]
            for _ in range(steps):
                gradient = keras.ops.convert_to_tensor(oracle(points[-1]), dtype=dtype)
                optimizer.apply([gradient], [variable])
                points.append(_array(keras, variable, form))
        return points

    backend = keras.config.backend()
    profiles = ["scalars in float64"]
    if instance or backend == "tensorflow":
        # An optimizer that exists already holds its learning rate in the float of its making.
        profiles.append("hyperparameters rounded to float32")
    if dtype != "float64":
        profiles.append("scalars in float32")
    kind = type(make).__name__ if instance else getattr(make, "__name__", "")
    return Implementation(
        name or f"keras.optimizers.{kind}",
        drive,
        form,
        f"Keras on {backend}, its default float set to {dtype}",
        tuple(profiles),
        subject=Subject("keras", make),
    )


def _array(keras: Any, variable: Any, form: Any) -> Array:
    return np.array(keras.ops.convert_to_numpy(variable.value), dtype=form, copy=True)


def of_object(given: Any) -> Implementation:
    """From a Keras optimizer or a class of one."""
    return implementation(given, "float64", "")
