"""Optimizers of installed frameworks: their own code, unaltered, and which version of it."""

from __future__ import annotations

import functools
import importlib.metadata
import sys
import types
from collections.abc import Iterator
from typing import Any

from symopt.verification.trust.genuine import Doubt, altered_framework

__all__ = ["framework_version", "made_by", "read_transformation", "read_type"]

_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_PLAIN = (bool, int, float, str, type(None))


def framework_version(package: str) -> str:
    """A framework with its installed version."""
    name = _DISTRIBUTIONS.get(package, package)
    return f"{name} {importlib.metadata.version(name)}"


def read_type(cls: type, package: str) -> None:
    """A class of a framework, whose modules must be what their files say.

    Raises :class:`~.genuine.Doubt` for a class of somebody else's.
    """
    modules = [base.__module__ for base in cls.__mro__ if base is not object]
    for base in cls.__mro__:
        home = base.__module__.partition(".")[0]
        if home not in (package, "builtins", "abc", "typing", "jax"):
            raise Doubt(f"{base.__qualname__} is no class of {package}'s own")
    altered = altered_framework(package, dict.fromkeys(modules))
    if altered:
        raise Doubt(f"{package} was altered: {altered}")


def made_by(make: Any, package: str = "") -> None:
    """What makes an optimizer: a class or function of the framework's, or one plain call.

    Raises :class:`~.genuine.Doubt` for a maker that may make something else the next time.
    """
    if isinstance(make, functools.partial):
        for value in (*make.args, *make.keywords.values()):
            _plain(value)
        make = make.func
    home = str(getattr(make, "__module__", "")).partition(".")[0]
    if isinstance(make, type) or (package and home == package):
        return
    if not isinstance(make, types.FunctionType):
        raise Doubt("what makes it may make something else the next time")
    _single_call(make)


def _plain(value: Any) -> None:
    if isinstance(value, (tuple, list)):
        for part in value:
            _plain(part)
    elif not isinstance(value, _PLAIN):
        raise Doubt(f"it was given a {type(value).__name__} as a setting")


_STRAIGHT = frozenset({
    "RESUME", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CONST", "LOAD_ATTR",
    "LOAD_METHOD", "PUSH_NULL", "PRECALL", "KW_NAMES", "CALL", "CALL_KW", "RETURN_VALUE",
    "BUILD_TUPLE", "BUILD_LIST", "COPY_FREE_VARS", "CACHE", "NOP", "CALL_FUNCTION",
    "CALL_FUNCTION_KW", "CALL_METHOD", "LOAD_FAST_BORROW", "LOAD_SMALL_INT",
})  # fmt: skip


def _single_call(function: types.FunctionType) -> None:
    """Raise :class:`~.genuine.Doubt` unless the function is nothing but one call, returned."""
    import dis

    calls = 0
    for step in dis.get_instructions(function):
        if step.opname not in _STRAIGHT:
            raise Doubt("what makes it does more than call a class with settings")
        calls += step.opname in ("CALL", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW",
                                 "CALL_METHOD")  # fmt: skip
        if step.opname == "LOAD_DEREF":
            cells = dict(
                zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            )
            held = cells[step.argval].cell_contents
            if not isinstance(held, type):
                _plain(held)
    if calls != 1:
        raise Doubt("what makes it does more than call a class with settings")


def read_transformation(transform: Any) -> None:
    """An optax transformation, all of whose functions must be optax's own.

    Raises :class:`~.genuine.Doubt`.
    """
    modules: dict[str, None] = {}
    for function in _functions(transform, 0):
        home = str(function.__globals__.get("__name__", ""))
        if home.partition(".")[0] != "optax":
            raise Doubt(f"{function.__qualname__} is no function of optax's own")
        modules[home] = None
    wanted = [name for name in sys.modules if name.partition(".")[0] == "optax"] if modules else []
    altered = altered_framework("optax", wanted)
    if altered:
        raise Doubt(f"optax was altered: {altered}")


def _functions(thing: Any, depth: int) -> Iterator[types.FunctionType]:
    if depth > 12:
        raise Doubt("it is nested too deeply to be read")
    if isinstance(thing, (tuple, list)):
        for part in thing:
            yield from _functions(part, depth + 1)
    elif isinstance(thing, dict):
        yield from _functions(list(thing.values()), depth + 1)
    elif isinstance(thing, functools.partial):
        yield from _functions((thing.func, *thing.args, *thing.keywords.values()), depth + 1)
    elif isinstance(thing, types.FunctionType):
        yield thing
        for cell in thing.__closure__ or ():
            try:
                held = cell.cell_contents
            except ValueError:
                continue
            if held is not thing:
                yield from _functions(held, depth + 1)
        yield from _functions(thing.__defaults__ or (), depth + 1)
    elif not isinstance(thing, (*_PLAIN, type)) and type(thing).__module__ not in ("numpy", "jax"):
        home = type(thing).__module__.partition(".")[0]
        if home not in ("jax", "jaxlib", "numpy", "optax", "builtins"):
            raise Doubt(f"it holds a {type(thing).__name__}")
