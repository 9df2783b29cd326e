"""What code keeps and reads outside of the state that it shows.

A counter in an attribute, a global, the clock or random numbers can change what a step does long
after every step that is tried here. Code that has any of them is not lifted.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from symopt.errors import LiftError
from symopt.verification.lift.remembered import fingerprint, is_owned

__all__ = ["refuse_hidden_reads", "refuse_hidden_state", "refuse_impure", "visible_values"]

#: Packages whose classes are taken to read nothing but what they are given.
_TRUSTED = frozenset({"torch", "tinygrad", "keras", "jax", "builtins", "abc", "typing"})
#: Modules of Python that tell what no state holds.
_CLOCKS = frozenset({"random", "secrets", "time", "datetime", "uuid", "os", "posix", "socket",
                     "subprocess", "threading", "gc", "platform", "ctypes"})  # fmt: skip
_LIBRARIES = frozenset({"optax", "jax", "keras"})
_READS = frozenset({
    "time", "perf_counter", "monotonic", "process_time", "datetime", "date", "random", "randn",
    "rand", "randint", "default_rng", "secrets", "urandom", "uuid", "getrandbits", "seed", "os",
    "open", "input", "socket", "subprocess", "environ", "getenv", "_getframe", "gc", "inspect",
    "traceback", "tracemalloc", "time_ns", "perf_counter_ns", "monotonic_ns", "token_hex", "getpid",
    "normal", "normal_", "uniform_", "bernoulli", "bernoulli_", "multinomial", "randperm",
    "rand_like", "randn_like", "randint_like", "random_", "exponential_", "cauchy_", "geometric_",
    "log_normal_", "dropout", "get_rng_state", "Generator", "data_ptr", "globals",
})  # fmt: skip


def visible_values(
    thing: Any, apart: tuple[str, ...], beside: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Whatever user code could remember in, from an object, its classes and their modules.

    ``apart`` are the attributes that are known to change, ``beside`` are further roots.
    """
    roots: dict[str, Any] = {
        f"attribute {name}": value for name, value in vars(thing).items() if name not in apart
    }
    for cls in _own_classes(type(thing)):
        if is_owned(cls.__module__):
            roots[cls.__name__] = cls
    return fingerprint({**roots, **(beside or {})})


def refuse_hidden_state(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Raise :class:`~symopt.errors.LiftError` for what a step changed that is no visible state."""
    for place in {**before, **after}:
        if before.get(place) != after.get(place):
            raise LiftError(
                f"a step changes {place}, which is not visible as state; keep it in the "
                "optimizer's state, and it can be lifted"
            )


def refuse_hidden_reads(cls: type) -> None:
    """Raise :class:`~symopt.errors.LiftError` for code that reads a clock or random numbers.

    Read are the methods of the user's own classes, and the functions of the user's that they name.
    """
    _refuse_reads(
        [
            (f"{owner.__name__}.{name}", member)
            for owner in _own_classes(cls)
            for name, member in vars(owner).items()
        ]
    )


def _refuse_reads(waiting: list[tuple[str, Any]]) -> None:
    seen: set[int] = set()
    while waiting:
        place, member = waiting.pop()
        function = inspect.unwrap(getattr(member, "fget", None) or member)
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if not isinstance(code, CodeType) or id(code) in seen:
            continue
        seen.add(id(code))
        known = getattr(function, "__globals__", {})
        for used in _names(code):
            found = known.get(used)
            named = found.__name__ if isinstance(found, ModuleType) else found
            home = named if isinstance(named, str) else getattr(named, "__module__", "")
            if used in _READS or str(home).partition(".")[0] in _CLOCKS:
                raise LiftError(
                    f"{place} uses {used}: what a step does may then depend on more than its "
                    "state, and cannot be lifted"
                )
            if isinstance(found, FunctionType) and is_owned(found.__module__):
                waiting.append((found.__qualname__, found))
        for cell in getattr(function, "__closure__", None) or ():
            if isinstance(getattr(cell, "cell_contents", None), FunctionType):
                waiting.append((cell.cell_contents.__qualname__, cell.cell_contents))


def refuse_impure(function: Any) -> None:
    """The same for a function that should depend on its arguments alone, and change nothing.

    Raises :class:`~symopt.errors.LiftError` for a function that writes to what outlives it.
    """
    name = getattr(function, "__name__", "the function")
    inner = getattr(function, "func", function)
    code = getattr(inner, "__code__", None)
    if not isinstance(code, CodeType) or str(inner.__module__).partition(".")[0] in _LIBRARIES:
        return
    _refuse_reads([(name, inner)])
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
