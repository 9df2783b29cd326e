"""Ways to step code: optimizer objects and pure step functions, in either world.

The same session text drives the real code with plain arrays and the lifted code with traced ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.arguments import role

__all__ = ["FORMS", "METHODS", "FunctionSession", "ObjectSession", "forms", "method_names"]

METHODS = (
    "update", "step", "update_params", "update_parameters", "apply_gradients", "apply", "optimize",
    "update_weights", "apply_grads", "get_updates", "__call__", "update_core", "update_core_cpu",
)  # fmt: skip
#: How parameters and gradients are handed over.
FORMS = ("dict", "list", "array", "pairs", "swapped pairs", "data", "layer")


def method_names(kind: type) -> list[str]:
    """The methods that may be the step, likeliest first."""
    return [name for name in METHODS if callable(getattr(kind, name, None))]


def forms(kind: type) -> tuple[str, ...]:
    """How a class may want parameters and gradients, likeliest first."""
    # One parameter with its gradient, as Chainer's update rules have it.
    return ("rule",) if {"update_core", "update_core_cpu"} & set(dir(kind)) else FORMS


class _Held:
    """A parameter as an object, as many small frameworks have it."""

    def __init__(self, value: Any) -> None:
        self.data = value
        self.grad: Any = None


def _wrap(form: str, value: Any) -> Any:
    if form == "dict":
        return {"x": value}
    if form == "array":
        return value
    if form == "data":
        return [_Held(value)]
    if form == "rule":
        return _Held(value)
    if form == "layer":
        return SimpleNamespace(weights=value, biases=value.copy())
    return [value]


_PATHS = {
    "dict": ("params['x']",), "array": ("params",), "data": ("params[-1].data", "params[-1].grad"),
    "layer": ("params.weights",), "rule": ("params.data", "params.grad"),
}  # fmt: skip


@dataclass
class ObjectSession:
    """An object with a method that makes a step.

    ``make(params)`` makes the object; ``params`` is for those that hold their parameters.
    """

    make: Callable[[Any], Any]
    method: str
    form: str
    oracle: Callable[..., Any]
    world: Mapping[str, Any]
    start: Any
    extra: Mapping[str, Any] = field(default_factory=dict)
    driven: tuple[str, ...] = ()
    count: int = 0

    def __post_init__(self) -> None:
        params = _wrap(self.form, self.start)
        made = self.make(params)
        self.roots: dict[str, Any] = {"params": params, "self": made, "module": dict(self.world)}
        self.parameter = _PATHS.get(self.form, ("params[-1]",))
        if self.form == "layer":
            self.parameter = (*self.parameter, "params.dweights")
        self._signature = _signature(getattr(made, self.method))

    def point(self) -> Any:
        params = self.roots["params"]
        if self.form == "dict":
            return params["x"]
        if self.form == "array":
            return params
        if self.form == "layer":
            return params.weights
        if self.form == "rule":
            return params.data
        return params[0].data if self.form == "data" else params[0]

    def set_point(self, values: Any) -> None:
        point = self.point()
        if isinstance(point, np.ndarray):
            point[...] = values
        else:
            self._accept(values)

    def _accept(self, result: Any) -> None:
        """What a step returns, where it is the new parameter."""
        params = self.roots["params"]
        if isinstance(result, tuple) and self.form in ("array", "dict") and result:
            result = result[0]
        if result is None or result is params or result is self.roots["self"]:
            return
        if self.form == "dict" and isinstance(result, Mapping) and "x" in result:
            self.roots["params"] = result
        elif self.form in ("list", "pairs") and isinstance(result, (list, tuple)):
            params[0] = result[0]
        elif self.form == "array" and np.shape(result) == np.shape(params):
            self.roots["params"] = result

    def step(self) -> bool:
        made, params = self.roots["self"], self.roots["params"]
        gradient = self.oracle(self.point())
        arguments = self._arguments(params, gradient)
        if self.form == "layer":
            params.dweights, params.dbiases = gradient, gradient.copy()
            before = getattr(made, "pre_update_params", None)
            if before is not None:
                before()
        self._accept(getattr(made, self.method)(*arguments, **self.extra))
        after = getattr(made, "post_update_params", None)
        if self.form == "layer" and after is not None:
            after()
        self.count += 1
        return True

    def _arguments(self, params: Any, gradient: Any) -> list[Any]:
        names = self._signature
        if self.form == "data":
            params[0].grad = gradient
            return [] if not names else [params]
        if self.form == "layer":
            return [params]
        if self.form == "rule":
            params.grad = gradient
            return [params]
        if self.form in ("pairs", "swapped pairs"):
            pair = (gradient, params[0]) if self.form == "pairs" else (params[0], gradient)
            return [[pair]]
        grads = _wrap(self.form, gradient)
        if self.form == "dict" and self.roots["params"] is not params:
            params = self.roots["params"]
        if len(names) == 1:
            return [grads]
        roles = [role(name) for name in names[:2]]
        return [grads, params] if roles[0] == "gradient" else [params, grads]


def _signature(method: Any) -> list[str]:
    """The names of the arguments that must be given."""
    return [
        name
        for name, parameter in inspect.signature(method).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


@dataclass
class FunctionSession:
    """A function that makes one step: ``(x, g, state...) -> x`` or ``(x, state...)``.

    ``arguments`` are its settings. State arguments start at ``None`` where that is the default,
    and else at zero, like the parameter or as a number, as ``forms`` says.
    """

    function: Callable[..., Any]
    names: Sequence[str]
    oracle: Callable[..., Any]
    world: Mapping[str, Any]
    start: Any
    arguments: Mapping[str, Any]
    memory: dict[str, Any]
    form: str = "array"
    driven: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.roots: dict[str, Any] = {
            "params": _wrap(self.form, self.start),
            "state": dict(self.memory),
            "module": dict(self.world),
        }
        self.parameter = _PATHS.get(self.form, ("params[-1]",))
        times = [name for name in self.names if role(name) == "time" and name in self.memory]
        self._times = times

    def point(self) -> Any:
        params = self.roots["params"]
        if self.form == "array":
            return params
        return params["x"] if self.form == "dict" else params[0]

    def set_point(self, values: Any) -> None:
        point = self.point()
        if isinstance(point, np.ndarray):
            point[...] = values
        else:
            self.roots["params"] = values

    def step(self) -> bool:
        params, state = self.roots["params"], self.roots["state"]
        gradient = _wrap(self.form, self.oracle(self.point()))
        positional = []
        for name in self.names:
            kind = role(name)
            if name in state:
                positional.append(state[name])
            elif kind == "parameter":
                positional.append(params)
            else:
                positional.append(gradient)
        before = dict(state)
        self._accept(self.function(*positional, **self.arguments), params)
        for name in self._times:
            if state[name] is before[name]:
                state[name] = before[name] + 1
        return True

    def _accept(self, result: Any, params: Any) -> None:
        state = self.roots["state"]
        if result is None:
            return
        parts = list(result) if isinstance(result, tuple) else [result]
        if self.form == "list" and isinstance(result, list):
            parts = [result]
        first = parts.pop(0)
        if self.form == "dict" and isinstance(first, Mapping) and "x" in first:
            self.roots["params"] = first
        elif self.form == "list" and isinstance(first, (list, tuple)):
            params[0] = first[0]
        elif self.form == "array" and np.shape(first) == np.shape(params):
            self.roots["params"] = first
        else:
            raise LiftError(f"what the step returns first is not like the parameter: {type(first)}")
        if len(parts) == 1 and isinstance(parts[0], tuple) and len(state) > 1:
            parts = list(parts[0])
        names = [name for name in state if name not in self._times or len(parts) >= len(state)]
        for name, part in zip(names, parts, strict=False):
            state[name] = part
