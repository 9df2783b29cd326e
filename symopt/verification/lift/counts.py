"""Which optimizers of the installed frameworks lift: a table that can be made again at any time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from symopt.errors import InputError, LiftError, did_you_mean
from symopt.statement.rule import Rule
from symopt.verification.adapters import required

__all__ = ["FRAMEWORKS", "Lifted", "configurations", "lift_counts"]


@dataclass(frozen=True)
class Lifted:
    """One optimizer in one configuration: the rule that it lifted to, or why it did not.

    ``program`` says that the step was lifted and checked although no rule can state it, because
    it treats a matrix as more than a list of coordinates.
    """

    framework: str
    configuration: str
    rule: Rule | None
    program: bool
    reason: str
    seconds: float

    @property
    def lifted(self) -> bool:
        """Whether the step was lifted and checked, as a rule or as a program."""
        return self.rule is not None or self.program


#: PyTorch's classes with the settings that change which code runs.
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


def _torch() -> Iterator[tuple[str, Callable[[], tuple[Rule | None, bool]]]]:
    import inspect

    from symopt.verification.lift.torch_code import lift_torch, lift_torch_program

    torch = required("torch", "PyTorch", "torch")
    for name, variants in _TORCH.items():
        cls: Any = getattr(torch.optim, name)
        accepted = inspect.signature(cls).parameters
        for settings in variants:
            for path in _PATHS:
                if any(switch not in accepted for switch in path):
                    continue
                both = {**settings, **path}
                text = ", ".join(f"{key}={value}" for key, value in both.items())
                make = functools.partial(cls, **both)
                lift = functools.partial(_either, lift_torch, lift_torch_program, make)
                yield f"{name}({text})", lift
            if not any(switch in accepted for path in _PATHS for switch in path):
                make = functools.partial(cls, **settings)
                lift = functools.partial(_either, lift_torch, lift_torch_program, make)
                yield f"{name}()", lift


def _either(
    lift: Callable[[Any], Rule], program: Callable[[Any], Any], target: Any
) -> tuple[Rule | None, bool]:
    """The rule; else whether the step lifts as a program at least."""
    try:
        return lift(target), False
    except LiftError:
        program(target)
        return None, True


def _optax() -> Iterator[tuple[str, Callable[[], tuple[Rule | None, bool]]]]:
    from symopt.verification.lift.jax_code import lift_optax, lift_optax_program
    from symopt.verification.lift.optax_cases import aliases, contributed, factories

    required("optax", "optax", "jax")
    for name, make in (*aliases(), *factories(), *contributed()):
        yield name, functools.partial(_either, lift_optax, lift_optax_program, make)


#: Keras's optimizers with the settings that change which code runs.
_KERAS: dict[str, tuple[dict[str, Any], ...]] = {
    "SGD": ({}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 0.1}),
    "RMSprop": ({}, {"centered": True}, {"momentum": 0.9}), "Adagrad": ({},), "Adadelta": ({},),
    "Adafactor": ({},), "Adam": ({}, {"amsgrad": True}), "AdamW": ({},), "Adamax": ({},),
    "Ftrl": ({},), "Lamb": ({},), "Lion": ({},), "MultiOptimizer": ({},), "Muon": ({},),
    "Nadam": ({},), "ScheduleFreeAdamW": ({},),
}  # fmt: skip


def _keras() -> Iterator[tuple[str, Callable[[], tuple[Rule | None, bool]]]]:
    from symopt.verification.adapters.keras import loaded
    from symopt.verification.lift.keras_code import lift_keras

    keras = loaded()
    for name, variants in _KERAS.items():
        if not hasattr(keras.optimizers, name):
            continue
        for settings in variants:
            make = functools.partial(getattr(keras.optimizers, name), **settings)
            text = ", ".join(f"{key}={value}" for key, value in settings.items())
            yield f"{name}({text})", functools.partial(_alone, lift_keras, make)


def _alone(lift: Callable[[Any], Rule], target: Any) -> tuple[Rule | None, bool]:
    return lift(target), False


FRAMEWORKS: dict[str, Callable[[], Iterator[tuple[str, Callable[[], tuple[Rule | None, bool]]]]]]
FRAMEWORKS = {"torch": _torch, "optax": _optax, "keras": _keras}


def configurations(framework: str) -> list[str]:
    """The names of the configurations that :func:`lift_counts` tries."""
    return [name for name, _ in _of(framework)]


def lift_counts(
    framework: str, progress: Callable[[Lifted], None] | None = None
) -> tuple[Lifted, ...]:
    """Every optimizer of a framework, lifted in every configuration.

    Raises :class:`~symopt.errors.MissingExtraError` where the framework is not installed.

    >>> lift_counts("torsch")
    Traceback (most recent call last):
        ...
    symopt.errors.InputError: no framework 'torsch' to lift from; ... Did you mean 'torch'?
    """
    rows = []
    for name, lift in _of(framework):
        begun = time.perf_counter()
        rule, program, reason = None, False, ""
        try:
            rule, program = lift()
        except LiftError as error:
            reason = str(error)
        row = Lifted(framework, name, rule, program, reason, time.perf_counter() - begun)
        rows.append(row)
        if progress is not None:
            progress(row)
    return tuple(rows)


def _of(framework: str) -> Iterator[tuple[str, Callable[[], tuple[Rule | None, bool]]]]:
    if framework not in FRAMEWORKS:
        raise InputError(
            f"no framework {framework!r} to lift from; there are {', '.join(FRAMEWORKS)}."
            + did_you_mean(framework, FRAMEWORKS)
        )
    return FRAMEWORKS[framework]()
