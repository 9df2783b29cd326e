"""The rule in the code behind an implementation, where the code can be read.

What comes out is the rule with the values that the code received as defaults, what it was read
from, and the doubts about it: with one, it shows what the code says, but proves nothing.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import LiftError, SymoptError
from symopt.statement.rule import Rule
from symopt.verification.subject import Subject
from symopt.verification.trust import Doubt
from symopt.verification.trust.frameworks import (
    framework_version,
    made_by,
    read_transformation,
    read_type,
)
from symopt.verification.trust.genuine import text_of
from symopt.verification.trust.reading import read_class, read_function, read_loop

__all__ = ["Reading", "read"]

#: Notes of a lift that leave its rule what the code computes in real arithmetic.
_HARMLESS = re.compile(
    r"casts to \w+ are left out|the constant \S+ is read as .*|Counters are taken not to overflow"
    r"|the code ends early where its own stopping test says so|read without its decorators",
    re.IGNORECASE,
)
_NOT_ADMITTED = re.compile(r"some values are not admitted \(\w+ at (.*):(\d+)\)")


@dataclass(frozen=True)
class Reading:
    """A rule that was read; ``doubt`` is why it proves nothing, or empty."""

    rule: Rule
    source: str
    notes: tuple[str, ...]
    doubt: str = ""


def read(subject: Subject | None) -> Reading:
    """The rule of what an implementation was made from.

    Raises :class:`~symopt.errors.LiftError` where none can be read, with the reason.
    """
    if subject is None:
        raise LiftError("what it was made from is not known")
    readers = {
        "torch": _torch, "optax": _optax, "keras": _keras, "sklearn": _sklearn,
        "update": _update, "trajectory": _trajectory, "step": _step,
    }  # fmt: skip
    if subject.form not in readers:
        raise LiftError(f"code of the form {subject.form!r} cannot be read")
    try:
        return readers[subject.form](subject)
    except LiftError:
        raise
    except SymoptError as error:
        raise LiftError(str(error)) from error


# Frameworks


def _torch(subject: Subject) -> Reading:
    import torch

    from symopt.verification.lift.torch_code import lift_torch

    rule = lift_torch(subject.given)
    made = subject.given([torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))])
    return _framework(rule, "torch", subject.given, type(made))


def _keras(subject: Subject) -> Reading:
    from symopt.verification.lift.keras_code import lift_keras

    make = subject.given
    if hasattr(make, "get_config") and not isinstance(make, type):
        make = functools.partial(type(make).from_config, make.get_config())
    return _framework(lift_keras(make), "keras", subject.given, type(make()))


def _framework(rule: Rule, package: str, make: Any, cls: type) -> Reading:
    doubt = ""
    try:
        if type(make) is not cls:  # an optimizer itself is not made again
            made_by(make, package)
        read_type(cls, package)
    except Doubt as error:
        doubt = str(error)
    source = f"{cls.__module__}.{cls.__qualname__} of {framework_version(package)}"
    return Reading(rule, source, _notes(rule), doubt)


def _optax(subject: Subject) -> Reading:
    from symopt.verification.lift.jax_code import lift_optax

    given = subject.given
    doubt = ""
    made = given if hasattr(given, "update") else given()
    try:
        if made is not given:
            made_by(given, "optax")
        read_transformation(made)
    except Doubt as error:
        doubt = str(error)
    rule = lift_optax(made)
    return Reading(rule, framework_version("optax"), _notes(rule), doubt)


def _sklearn(subject: Subject) -> Reading:
    make = subject.given
    cls, settings = _made(make, [[np.zeros(2)]])
    return _framework(_lifted(cls, settings), "sklearn", make, cls)


# The user's own code


def _update(subject: Subject) -> Reading:
    cls, settings = _made(subject.given, [])
    method = next((name for name in ("update", "step") if hasattr(cls, name)), "__call__")
    rule = _lifted(cls, settings, (method, "dict"))
    doubt = ""
    try:
        made_by(subject.given)
        read_class(cls)
    except Doubt as error:
        doubt = str(error)
    return _own(rule, cls, doubt)


def _trajectory(subject: Subject) -> Reading:
    function, settings = _function(subject)
    from symopt.verification.lift.loops import is_loop, lift_loop, shape_of

    if not is_loop(function):
        raise LiftError(f"{_name(function)} has no loop of its own that asks for gradients")
    doubt, reported = "", ""
    try:
        reported = read_loop(function)
    except Doubt as error:
        doubt = str(error)
    shape = shape_of(function, settings)
    names = list(inspect.signature(function).parameters)
    steps = names[2] if len(names) > 2 else ""
    if (shape.oracle, shape.start) != (names[0], names[1]):
        doubt = doubt or "its arguments are not called like a gradient function and a start"
    if shape.configuration:
        inside = {key: value for key, value in settings.items() if key not in names}
        settings = {key: value for key, value in settings.items() if key in names}
        settings[shape.configuration] = inside
    elif steps and shape.steps not in ("", steps):
        doubt = doubt or f"{shape.steps} is called like a number of steps, and {steps} is given"
    return _own(lift_loop(function, settings, reported), function, doubt)


def _step(subject: Subject) -> Reading:
    function, settings = _function(subject)
    rule = _lifted(function, settings)
    doubt = ""
    names = list(inspect.signature(function).parameters)
    default = inspect.signature(function).parameters[names[2]].default if len(names) > 2 else None
    try:
        read_function(function)
        if rule.state and (subject.state is not None or default is not None):
            raise Doubt("the state that it starts from is not in the code; give a class")
    except Doubt as error:
        doubt = str(error)
    return _own(rule, function, doubt)


def _function(subject: Subject) -> tuple[Any, dict[str, Any]]:
    function, settings = subject.given, dict(subject.settings)
    if isinstance(function, functools.partial) and not function.args:
        settings = {**function.keywords, **settings}
        function = function.func
    if not inspect.isfunction(function):
        raise LiftError(f"{type(function).__name__} is no function whose source could be read")
    return function, settings


def _made(make: Any, arguments: list[Any]) -> tuple[type, dict[str, Any]]:
    """The class of what is made, and its settings."""
    if isinstance(make, type):
        return make, {}
    if isinstance(make, functools.partial) and isinstance(make.func, type) and not make.args:
        return make.func, dict(make.keywords)
    made = make(*arguments)
    cls = type(made)
    settings = {}
    for name in inspect.signature(cls).parameters:
        if name not in ("params", "parameters") and hasattr(made, name):
            settings[name] = getattr(made, name)
    again = cls(*arguments, **settings)
    if not _alike(made, again, 0):
        raise LiftError(f"the settings of {cls.__qualname__} cannot be read from the object")
    return cls, settings


def _alike(a: Any, b: Any, depth: int) -> bool:
    """Whether two objects hold the same, all the way down."""
    if a is b:
        return True
    if type(a) is not type(b) or depth > 6:
        return False
    if isinstance(a, (bool, int, float, str)):
        return bool(a == b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(_alike(*pair, depth + 1) for pair in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(_alike(a[key], b[key], depth + 1) for key in a)
    if not hasattr(a, "__dict__") or any("__slots__" in vars(kind) for kind in type(a).__mro__):
        return False
    return _alike(vars(a), vars(b), depth + 1)


def _lifted(target: Any, settings: Mapping[str, Any], way: tuple[str, str] | None = None) -> Rule:
    from symopt.verification.lift.numpy_code import lift_numpy

    return lift_numpy(target, settings, way)


def _own(rule: Rule, target: Any, doubt: str) -> Reading:
    file = inspect.getsourcefile(target) or ""
    try:
        text = text_of(file)
        digest = hashlib.sha256(text.source.encode()).hexdigest()[:12]
        source = f"{rule.source.text.partition(' (')[0] or Path(file).name}, SHA-256 {digest}"
        notes = _notes(rule)
        doubt = doubt or next(filter(None, (_serious(note, text.tree) for note in notes)), "")
    except Doubt as error:
        source, notes, doubt = Path(file).name, _notes(rule), doubt or str(error)
    return Reading(rule, source, notes, doubt)


def _notes(rule: Rule) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in re.split(r"; |\. ", rule.note or ""))))


def _serious(note: str, tree: ast.Module) -> str:
    """What a note takes from the reading; empty where the rule stays what the code computes."""
    found = _NOT_ADMITTED.fullmatch(note)
    if found:
        line = int(found[2])
        raised = any(
            isinstance(part, (ast.Raise, ast.Assert)) and part.lineno <= line <= part.end_lineno  # type: ignore[operator]
            for part in ast.walk(tree)
        )
        return "" if raised else note
    return "" if _HARMLESS.fullmatch(note.rstrip(".")) else note


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", function))
