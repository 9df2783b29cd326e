"""Rules read out of Keras's optimizers, on the JAX backend."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from symopt.errors import LiftError
from symopt.statement.rule import Rule
from symopt.verification.adapters import required
from symopt.verification.adapters.keras import loaded
from symopt.verification.adapters.optax import wide
from symopt.verification.audited.keras import NAMES
from symopt.verification.lift.finish import finished, source_of
from symopt.verification.lift.hidden import (
    refuse_hidden_reads,
    refuse_hidden_state,
    visible_values,
)
from symopt.verification.lift.jax_code import ROUNDS, JaxPoint, JaxStep, trace_jax
from symopt.verification.lift.remembered import is_owned
from symopt.verification.lift.second_point import checked
from symopt.verification.lift.traced_float import Session

__all__ = ["lift_keras"]

_STATE = {
    "momentum": "m", "velocity": "v", "iteration": "k", "accumulator": "G", "average_gradient": "a",
    "accumulated_gradient": "E", "accumulated_delta_var": "D", "velocity_hat": "v_max",
}  # fmt: skip


class _Keras(JaxStep):
    """A Keras optimizer as pure functions; its settings are attributes that code reads."""

    def __init__(self, make: Any) -> None:
        self._keras = loaded()
        if self._keras.config.backend() != "jax":
            raise LiftError(
                f"Keras runs on {self._keras.config.backend()}; its optimizers lift on JAX: set "
                "KERAS_BACKEND=jax before Keras is imported"
            )
        self._make = make
        try:
            made = make()
        except Exception as error:
            name = getattr(make, "__name__", "the optimizer")
            raise LiftError(
                f"{name} could not be made without arguments: {type(error).__name__}: {error}"
            ) from error
        self.cls = type(made)
        refuse_hidden_reads(self.cls)
        self.keys: dict[str, str] = {}
        self.hyper = {}
        for key, value in made.get_config().items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or value == 0 or not (hasattr(made, key) or key == "learning_rate"):
                continue
            if key.startswith(("clip", "global_clip", "ema_", "loss_scale", "gradient_acc")):
                continue
            symbol = NAMES.get(key, key)
            self.keys[symbol] = key
            self.hyper[symbol] = float(value)
        self._paths: list[str] = []

    def _optimizer(self, point: Any, hyper: Mapping[str, Any]) -> tuple[Any, list[Any]]:
        """The optimizer with these settings, and its variables' values before the first step."""
        optimizer = self._make()
        variable = self._keras.Variable(self._concrete(point), dtype="float64", name="x")
        optimizer.build([variable])
        values = []
        self._paths = []
        for entry in optimizer.variables:
            rate = entry is optimizer._learning_rate
            values.append(entry.value)
            tail = entry.path.rpartition("/")[2]
            if re.fullmatch(r"variable(_\d+)?", tail):
                tail = f"number{len(values)}"  # named by a count of all variables ever made
            self._paths.append("learning_rate" if rate else tail)
        for symbol, value in hyper.items():
            key = self.keys[symbol]
            if key == "learning_rate":
                values[self._paths.index(key)] = value
            else:
                setattr(optimizer, key, value)
        return optimizer, values

    def _concrete(self, point: Any) -> Any:
        import numpy as np

        return np.ones(point.shape)

    def init(self, point: Any, hyper: Mapping[str, Any]) -> Any:
        values = self._optimizer(point, hyper)[1]
        return {
            name: value
            for name, value in zip(self._paths, values, strict=True)
            if name != "learning_rate"
        }

    def update(
        self, point: Any, gradient: Any, state: Any, hyper: Mapping[str, Any], value: Any = None
    ) -> Any:
        optimizer, values = self._optimizer(point, hyper)
        given = [state.get(n, v) for n, v in zip(self._paths, values, strict=True)]
        owned = is_owned(type(optimizer).__module__)
        before = visible_values(optimizer, ()) if owned else {}
        points, after = optimizer.stateless_apply(given, [gradient], [point])
        if owned:
            refuse_hidden_state(before, visible_values(optimizer, ()))
        kept = dict(zip(self._paths, after, strict=True))
        kept.pop("learning_rate", None)
        return points[0], kept

    def state_name(self, path: Any) -> str:
        name = str(path[-1].key)
        for ending, symbol in sorted(_STATE.items(), key=lambda pair: -len(pair[0])):
            if name.endswith(ending):
                return symbol
        return name


def lift_keras(target: Any, *, name: str = "") -> Rule:
    """The rule that a Keras optimizer follows on a vector of parameters.

    ``target`` is an optimizer, a class, a ``functools.partial`` of one, or a function without
    arguments that makes one. Keras must run on JAX.

    Raises :class:`~symopt.errors.LiftError`, naming operation and line, where that cannot be done.
    """
    keras = loaded()
    if isinstance(target, keras.optimizers.Optimizer):
        make: Any = functools.partial(type(target).from_config, target.get_config())
    elif callable(target):
        make = target
    else:
        raise LiftError(f"{type(target).__name__} is no optimizer of Keras and makes none")
    before = keras.config.floatx()
    jax = required("jax", "JAX", "jax")
    keras.config.set_floatx("float64")
    try:
        with wide(jax, "float64"):
            code = _Keras(make)
            session = Session()
            trace = trace_jax(code, session)
            title = name or f"{code.cls.__name__} of Keras"
            source = source_of(code.cls, "update_step")
            rule = finished(trace.step, session, title=title, source=source)
            code_there = JaxPoint(trace)
            checked(rule, trace.hyper, code_there, title, tolerance=trace.tolerance, rounds=ROUNDS)
    finally:
        keras.config.set_floatx(before)
    return rule
