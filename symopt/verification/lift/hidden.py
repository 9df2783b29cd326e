"""What code keeps and reads outside of the state that it shows.

A counter in an attribute, a global, the clock or random numbers can change what a step does long
after every step that is tried here. Code that has any of them is not lifted.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from symopt.errors import LiftError

__all__ = ["refuse_hidden_reads", "refuse_hidden_state", "refuse_impure", "visible_values"]

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
#: Packages whose classes are taken to read nothing but what they are given.
_TRUSTED = frozenset({"torch", "tinygrad", "builtins", "abc", "typing"})
_LIBRARIES = frozenset({"optax", "jax", "keras"})
_READS = frozenset({
    "time", "perf_counter", "monotonic", "process_time", "datetime", "date", "random", "randn",
    "rand", "randint", "default_rng", "secrets", "urandom", "uuid", "getrandbits", "seed", "os",
    "open", "input", "socket", "subprocess", "environ", "getenv", "_getframe", "gc", "inspect",
    "traceback", "tracemalloc",
})  # fmt: skip


def visible_values(thing: Any, apart: tuple[str, ...]) -> dict[str, str]:
    """Plain values in the attributes of an object, of its classes, and of their modules.

    ``apart`` are the attributes that are known to change.
    """
    found: dict[str, str] = {}
    attributes = {k: v for k, v in vars(thing).items() if k not in apart}
    _collect("attribute ", attributes, found, 0)
    for cls in _own_classes(type(thing)):
        _collect(f"{cls.__name__}.", vars(cls), found, 0)
        module = sys.modules.get(cls.__module__)
        if module is not None:
            _collect("global ", vars(module), found, 0)
    return found


def _collect(where: str, values: Mapping[Any, Any], found: dict[str, str], depth: int) -> None:
    for key, value in values.items():
        if str(key).startswith("__"):
            continue
        place = f"{where}{key}"
        if isinstance(value, _PLAIN):
            found[place] = repr(value)
        elif isinstance(value, list | tuple | set | frozenset | dict):
            found[place] = f"{type(value).__name__} of {len(value)}"
            if depth < 2 and len(value) < 100:
                inner = value if isinstance(value, dict) else dict(enumerate(value))
                _collect(f"{place}/", inner, found, depth + 1)


def refuse_hidden_state(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise :class:`~symopt.errors.LiftError` for what a step changed that is no visible state."""
    for place in {**before, **after}:
        if before.get(place) != after.get(place):
            raise LiftError(
                f"a step changes {place}, which is not visible as state; keep it in the "
                "optimizer's state, and it can be lifted"
            )


def refuse_hidden_reads(cls: type) -> None:
    """Raise :class:`~symopt.errors.LiftError` for code that reads a clock or random numbers."""
    for owner in _own_classes(cls):
        for name, member in vars(owner).items():
            code = getattr(getattr(member, "__wrapped__", member), "__code__", None)
            if isinstance(code, CodeType):
                for used in _names(code):
                    if used in _READS:
                        raise LiftError(
                            f"{owner.__name__}.{name} uses {used}: what a step does may then "
                            "depend on more than its state, and cannot be lifted"
                        )


def refuse_impure(function: Any) -> None:
    """The same for a function that should depend on its arguments alone, and change nothing.

    Raises :class:`~symopt.errors.LiftError` for a function that writes to what outlives it.
    """
    name = getattr(function, "__name__", "the function")
    code = getattr(getattr(function, "func", function), "__code__", None)
    if not isinstance(code, CodeType) or str(function.__module__).partition(".")[0] in _LIBRARIES:
        return
    for used in _names(code):
        if used in _READS:
            raise LiftError(f"{name} uses {used}: it may depend on more than its arguments")
    for step in dis.get_instructions(code):
        outer = step.opname == "STORE_DEREF" and step.argval in code.co_freevars
        if outer or step.opname in ("STORE_GLOBAL", "STORE_ATTR"):
            raise LiftError(f"{name} changes {step.argval}, which is not visible as state")


def _own_classes(cls: type) -> Iterator[type]:
    for owner in cls.__mro__:
        if owner.__module__.partition(".")[0] not in _TRUSTED:
            yield owner


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
