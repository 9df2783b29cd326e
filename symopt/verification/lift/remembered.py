"""All that code could remember in: whatever user code reaches from an object, as one fingerprint.

Attributes, the globals that code names, defaults of arguments, closures, caches, attributes of
functions, tensors and arrays, objects of the user's own classes. What cannot be looked at without
being changed, an iterator, is refused.
"""

from __future__ import annotations

import functools
import hashlib
import io
import sys
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np

from symopt.errors import LiftError

__all__ = ["fingerprint", "is_owned"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
#: Packages that are taken to keep nothing of what user code does in their own modules.
_LIBRARIES = frozenset({
    "torch", "numpy", "jax", "jaxlib", "optax", "keras", "tinygrad", "sympy", "symopt", "sklearn",
    "autograd", "scipy", "pytest", "_pytest", "pluggy", "hypothesis", "mpmath", "flint", "click",
})  # fmt: skip
_BUDGET = 50_000


def is_owned(name: Any) -> bool:
    """Whether a module is the user's: neither Python's nor one of the libraries."""
    root = str(name or "").partition(".")[0]
    known = root in _LIBRARIES or root in sys.stdlib_module_names or root == "builtins"
    return root == "__main__" or (bool(root) and not known)


def fingerprint(roots: Mapping[str, Any]) -> dict[str, str]:
    """What each place holds, by its path from a root.

    Raises :class:`~symopt.errors.LiftError` for an iterator, and for what never ends.

    >>> box = {"n": 0}
    >>> before = fingerprint({"box": box})
    >>> box["n"] += 1
    >>> [path for path, held in fingerprint({"box": box}).items() if held != before[path]]
    ['box/n']
    """
    found: dict[str, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = list(roots.items())[::-1]
    while waiting:
        path, value = waiting.pop()
        if len(found) > _BUDGET:
            raise LiftError(
                f"{path}: more than {_BUDGET} values can be reached from the optimizer; they "
                "cannot all be watched"
            )
        if isinstance(value, _PLAIN):
            found[path] = repr(value)
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        text = _content(path, value)
        if text:
            found[path] = text
        waiting += [(f"{path}{name}", inner) for name, inner in _parts(value)][::-1]
    return found


def _content(path: str, value: Any) -> str:
    """What a value holds by itself."""
    if isinstance(value, type | types.ModuleType):
        return ""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    if isinstance(value, bytearray | memoryview):
        return hashlib.sha256(bytes(value)).hexdigest()
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        numbers = value.detach().cpu()
        return hashlib.sha256(repr(numbers.tolist()).encode()).hexdigest()
    if isinstance(value, functools._lru_cache_wrapper):
        return repr(value.cache_info())
    if isinstance(value, Mapping | Set | Sequence) or hasattr(value, "maxlen"):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, io.IOBase) and (value.closed or not value.readable()):
        return ""
    if hasattr(value, "__next__"):
        raise LiftError(
            f"{path} is an iterator ({type(value).__name__}): where it is cannot be seen; keep a "
            "count in the optimizer's state, and it can be lifted"
        )
    return ""


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What can be reached from a value."""
    if isinstance(value, type):
        if is_owned(value.__module__):
            yield from _named(vars(value))
    elif isinstance(value, types.ModuleType):
        if is_owned(value.__name__):
            yield from _named(vars(value))
    elif isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield f"/{key if isinstance(key, str | int) else type(key).__name__}", inner
    elif isinstance(value, Set):
        for number, inner in enumerate(sorted(value, key=repr)):
            yield f"/{number}", inner
    elif isinstance(value, Sequence) or hasattr(value, "maxlen"):
        for number, inner in enumerate(list(value)):
            yield f"/{number}", inner
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value)
    elif isinstance(value, types.MethodType):
        yield ".__func__", value.__func__
        yield ".__self__", value.__self__
    elif isinstance(value, functools.partial):
        yield from ((".func", value.func), (".args", value.args), (".keywords", value.keywords))
    elif isinstance(value, property):
        yield ".fget", value.fget
    elif isinstance(value, staticmethod | classmethod):
        yield ".__func__", value.__func__
    elif isinstance(value, functools._lru_cache_wrapper):
        yield ".__wrapped__", value.__wrapped__
    else:
        owner = type(value)
        yield from _named(getattr(value, "__dict__", {}))
        for base in owner.__mro__:
            for name in _slots(base):
                if is_owned(base.__module__) and hasattr(value, name):
                    yield f".{name}", getattr(value, name)
        if is_owned(owner.__module__):
            yield f".{owner.__name__}", owner


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    if is_owned(function.__module__):
        yield " default", function.__defaults__
        yield " keyword default", function.__kwdefaults__
        yield from _named(vars(function))
        known = function.__globals__
        for name in sorted(set(_names(function.__code__))):
            if name in known:
                yield f" global {name}", known[name]
    # A library's function may hold one of the user's.
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f" closure {name}", cell.cell_contents
        except ValueError:
            continue  # not assigned yet


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, inner in list(values.items()):
        if not str(name).startswith("__"):
            yield f".{name}", inner


def _names(code: types.CodeType) -> Iterator[str]:
    """All names that code uses, and the functions inside of it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
