"""The optimizers that frameworks offer, with the settings that change which code runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from symopt.errors import LiftError
from symopt.statement.rule import Rule
from symopt.verification.adapters import required

__all__ = ["Case", "autograd", "keras", "optax", "sklearn", "tinygrad", "torch"]


class Case(NamedTuple):
    """One configuration; ``lift`` gives its rule, or whether it lifted as a program at least."""

    configuration: str
    kind: str
    lift: Callable[[], tuple[Rule | None, bool]]


#: PyTorch's classes; the first settings of each are its defaults.
_TORCH: dict[str, tuple[dict[str, Any], ...]] = {
    "ASGD": ({},), "Adadelta": ({},), "Adafactor": ({},), "Adagrad": ({}, {"lr_decay": 0.1}),
    "Adam": ({}, {"amsgrad": True}, {"weight_decay": 0.1}), "AdamW": ({}, {"amsgrad": True}),
    "Adamax": ({},), "LBFGS": ({},), "Muon": ({},),
    "NAdam": ({}, {"weight_decay": 0.1, "decoupled_weight_decay": True}), "RAdam": ({},),
    "RMSprop": ({}, {"centered": True}, {"momentum": 0.9}), "Rprop": ({},),
    "SGD": ({"lr": 0.1}, {"lr": 0.1, "momentum": 0.9},
            {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
            {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "SparseAdam": ({},),
}  # fmt: skip
#: The code paths: single tensors, lists of tensors, graph capture, differentiation.
_PATHS: tuple[dict[str, bool], ...] = (
    {"foreach": False}, {"foreach": True}, {"capturable": True},
    {"foreach": True, "capturable": True}, {"differentiable": True},
)  # fmt: skip
#: Keras's classes; the first settings of each are its defaults.
_KERAS: dict[str, tuple[dict[str, Any], ...]] = {
    "SGD": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}),
    "RMSprop": ({}, {"centered": True}, {"momentum": 0.9}), "Adagrad": ({},), "Adadelta": ({},),
    "Adafactor": ({},), "Adam": ({}, {"amsgrad": True}), "AdamW": ({},), "Adamax": ({},),
    "Ftrl": ({},), "Lamb": ({},), "Lion": ({},), "MultiOptimizer": ({},), "Muon": ({},),
    "Nadam": ({},), "ScheduleFreeAdamW": ({},),
}  # fmt: skip
_SKLEARN: dict[str, tuple[dict[str, Any], ...]] = {
    "SGDOptimizer": ({"nesterov": False}, {"nesterov": True}), "AdamOptimizer": ({},),
}  # fmt: skip
_ESTIMATORS = ("SGDRegressor", "SGDClassifier", "SGDOneClassSVM")
#: tinygrad's; each as it is and with all parameters in one buffer.
_TINYGRAD: dict[str, tuple[dict[str, Any], ...]] = {
    "SGD": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True},
            {"momentum": 0.9, "classic": True}, {"weight_decay": 0.1}, {"fused": True}),
    "LARS": ({},), "Muon": ({},), "Adam": ({}, {"fused": True}), "AdamW": ({},),
    "LAMB": ({}, {"weight_decay": 0.1}), "OptimizerGroup": ({},),
}  # fmt: skip


def torch() -> Iterator[Case]:
    """PyTorch's classes on every code path."""
    from symopt.verification.lift.torch_code import lift_torch, lift_torch_program

    package = required("torch", "PyTorch", "torch")
    for name, variants in _TORCH.items():
        cls: Any = getattr(package.optim, name)
        accepted = inspect.signature(cls).parameters
        paths = [path for path in _PATHS if all(switch in accepted for switch in path)] or [{}]
        for number, settings in enumerate(variants):
            for path in paths:
                make = functools.partial(cls, **settings, **path)
                shown = {**settings, **path} if path else {}
                lift = functools.partial(_either, lift_torch, lift_torch_program, make)
                yield Case(_called(name, shown), _variant(number), lift)


def optax() -> Iterator[Case]:
    """Optax's optimizers, transformations, combinators and contributions."""
    from symopt.verification.lift.jax_code import lift_optax, lift_optax_program
    from symopt.verification.lift.optax_cases import cases

    required("optax", "optax", "jax")
    for kind, name, make in cases():
        yield Case(name, kind, functools.partial(_either, lift_optax, lift_optax_program, make))


def keras() -> Iterator[Case]:
    """Keras's optimizers, on JAX."""
    from symopt.verification.adapters.keras import loaded
    from symopt.verification.lift.keras_code import lift_keras

    package = loaded()
    for name, variants in _KERAS.items():
        if not hasattr(package.optimizers, name):
            continue
        for number, settings in enumerate(variants):
            make = functools.partial(getattr(package.optimizers, name), **settings)
            lift = functools.partial(_alone, lift_keras, make)
            yield Case(_called(name, settings), _variant(number), lift)


def sklearn() -> Iterator[Case]:
    """Scikit-learn's optimizers of neural networks, and its estimators that step on their own."""
    from symopt.verification.lift import lift

    required("sklearn", "scikit-learn", "sklearn")
    home = required("sklearn.neural_network._stochastic_optimizers", "scikit-learn", "sklearn")
    for name, variants in _SKLEARN.items():
        for number, settings in enumerate(variants):
            make = functools.partial(lift, getattr(home, name), **settings)
            yield Case(_called(name, settings), _variant(number), functools.partial(_only, make))
    models = required("sklearn.linear_model", "scikit-learn", "sklearn")
    for name in _ESTIMATORS:
        if hasattr(models, name):
            make = functools.partial(lift, getattr(models, name))
            yield Case(f"{name}()", "estimator", functools.partial(_only, make))


def autograd() -> Iterator[Case]:
    """Autograd's loops."""
    from symopt.verification.lift import lift

    home = required("autograd.misc.optimizers", "autograd", "test")
    for name in ("sgd", "rmsprop", "adam"):
        make = functools.partial(lift, getattr(home, name))
        yield Case(name, "optimizer", functools.partial(_only, make))


def tinygrad() -> Iterator[Case]:
    """tinygrad's classes, and the functions that give them other names."""
    from symopt.verification.lift.tinygrad_code import lift_tinygrad, lift_tinygrad_program

    home = required("tinygrad.nn.optim", "tinygrad", "test")
    for name, variants in _TINYGRAD.items():
        for number, settings in enumerate(variants):
            make = functools.partial(getattr(home, name), **settings)
            lift = functools.partial(_either, lift_tinygrad, lift_tinygrad_program, make)
            yield Case(_called(name, settings), _variant(number), lift)


def _called(name: str, settings: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value}' for key, value in settings.items())})"


def _variant(number: int) -> str:
    return "variant" if number else "optimizer"


def _either(
    lift: Callable[[Any], Rule], program: Callable[[Any], Any], target: Any
) -> tuple[Rule | None, bool]:
    """The rule; else whether the step lifts as a program at least."""
    try:
        return lift(target), False
    except LiftError as error:
        try:
            program(target)
        except LiftError:
            raise error from None  # what hinders a rule says more
        return None, True


def _alone(lift: Callable[[Any], Rule], target: Any) -> tuple[Rule | None, bool]:
    return lift(target), False


def _only(lift: Callable[[], Rule]) -> tuple[Rule | None, bool]:
    return lift(), False
