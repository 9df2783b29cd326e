"""What code remembers: the numbers in an object graph, found, compared and replaced."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.numpy_arrays import TracedArray
from symopt.verification.lift.trace import Traced

__all__ = ["Leaf", "entries", "is_number", "leaves", "lists", "replaced", "same"]

#: A number or an array of numbers.
Leaf = Any
Visit = Callable[[str, Leaf], Leaf]
_DEPTH = 8
_IDENTITY = 1 << 20
_INERT = (types.ModuleType, type(Ellipsis), slice, range, property)


def leaves(roots: Mapping[str, Any], files: Collection[str]) -> dict[str, Leaf]:
    """All numbers, arrays of numbers, truth values and texts, by their paths.

    >>> leaves({"self": {"lr": 0.5, "m": [1, 2]}}, [])
    {"self['lr']": 0.5, "self['m'][-2]": 1, "self['m'][-1]": 2}
    """
    found: dict[str, Leaf] = {}

    def record(path: str, leaf: Leaf) -> Leaf:
        found[path] = leaf.copy() if isinstance(leaf, np.ndarray) else leaf
        return leaf

    replaced(roots, files, record)
    return found


def replaced(roots: Mapping[str, Any], files: Collection[str], visit: Visit) -> dict[str, Any]:
    """The roots with every leaf replaced by ``visit(path, leaf)``, in place where possible.

    Functions whose code is in one of the ``files`` are searched as well: their attributes,
    defaults and captured variables.

    Raises :class:`~symopt.errors.LiftError` for what remembers in a way that cannot be read.
    """
    walk = _Walk(files, visit)
    return {path: walk.value(path, value, 0) for path, value in roots.items()}


def lists(roots: Mapping[str, Any], files: Collection[str]) -> dict[str, Any]:
    """All lists and deques, by their paths."""
    walk = _Walk(files, lambda path, leaf: leaf)
    for path, value in roots.items():
        walk.value(path, value, 0)
    return walk.lists


class _Walk:
    def __init__(self, files: Collection[str], visit: Visit) -> None:
        self._files = files
        self._visit = visit
        self._seen: dict[int, Any] = {}
        self.lists: dict[str, Any] = {}

    def value(self, path: str, value: Any, depth: int) -> Any:
        if isinstance(value, bool | np.bool_ | str | None):
            self._visit(path, value)
            return value
        if isinstance(value, (set, frozenset, bytes, bytearray)):
            self._visit(path, f"{type(value).__name__} of {len(value)}")
            return value
        if isinstance(value, _INERT):
            return value
        if isinstance(value, (Traced, int, float, np.number, TracedArray)):
            return self._visit(path, value)
        if isinstance(value, np.ndarray):
            return self._visit(path, value) if value.dtype.kind in "fiu" else value
        if id(value) in self._seen or depth > _DEPTH:
            return self._seen.get(id(value), value)
        self._seen[id(value)] = value
        if isinstance(value, dict):
            return self._entries(path, value, list(value.items()), value.__setitem__, depth)
        if isinstance(value, (list, deque)):
            self.lists[path] = value
            # From the end: the last point of a history is what counts.
            size = len(value)
            pairs: list[tuple[Any, Any]] = [(i - size, part) for i, part in enumerate(value)]
            return self._entries(path, value, pairs, value.__setitem__, depth)
        if isinstance(value, tuple):
            fields = getattr(value, "_fields", None)
            names = [f".{f}" for f in fields] if fields else [f"[{i}]" for i in range(len(value))]
            parts = [
                self.value(f"{path}{name}", part, depth + 1)
                for name, part in zip(names, value, strict=True)
            ]
            if all(new is old for new, old in zip(parts, value, strict=True)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return self._object(path, value, depth)

    def _entries(
        self,
        path: str,
        holder: Any,
        pairs: list[tuple[Any, Any]],
        put: Callable[[Any, Any], None],
        depth: int,
    ) -> Any:
        for place, (key, part) in enumerate(pairs):
            # Identities of objects, as keys, differ from run to run: their order does not.
            plain = isinstance(key, str) or (isinstance(key, int) and abs(key) < _IDENTITY)
            name = repr(key) if plain else f"#{place}"
            new = self.value(f"{path}[{name}]", part, depth + 1)
            if new is not part:
                put(key, new)
        return holder

    def _object(self, path: str, value: Any, depth: int) -> Any:
        if isinstance(value, types.MethodType):
            self.value(path, value.__self__, depth + 1)
            return value
        if isinstance(value, types.FunctionType):
            return self._function(path, value, depth)
        if isinstance(value, type):
            if getattr(value, "__module__", "") != "builtins" and self._is_own(value):
                self._attributes(path, value, dict(vars(value)), depth)
            return value
        if isinstance(value, (Iterator, types.GeneratorType)) or type(value).__module__ in (
            "numpy.random", "numpy.random._generator", "numpy.random.mtrand", "random",
        ):  # fmt: skip
            raise LiftError(
                f"{path} is a {type(value).__name__}, which remembers in a way that cannot be read"
            )
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            self._attributes(path, value, dict(attributes), depth)
        for kind in type(value).__mro__:
            slots = vars(kind).get("__slots__", ())
            names = (slots,) if isinstance(slots, str) else slots
            held = {name: getattr(value, name) for name in names if hasattr(value, name)}
            self._attributes(path, value, held, depth)
        return value

    def _is_own(self, kind: type) -> bool:
        return any(
            isinstance(entry, types.FunctionType) and entry.__code__.co_filename in self._files
            for entry in vars(kind).values()
        )

    def _attributes(self, path: str, holder: Any, held: dict[str, Any], depth: int) -> None:
        for name, part in held.items():
            if name.startswith("__"):
                continue
            new = self.value(f"{path}.{name}", part, depth + 1)
            if new is not part:
                if isinstance(holder, type):
                    setattr(holder, name, new)
                else:
                    object.__setattr__(holder, name, new)

    def _function(self, path: str, function: types.FunctionType, depth: int) -> Any:
        if function.__code__.co_filename not in self._files:
            return function
        self._attributes(path, function, dict(function.__dict__), depth)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            if isinstance(default, (dict, list, deque)):
                self.value(f"{path}'s default", default, depth + 1)
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                held = cell.cell_contents
            except ValueError:
                continue
            new = self.value(f"{path}:{name}", held, depth + 1)
            if new is not held:
                cell.cell_contents = new
        return function


def same(a: Leaf, b: Leaf, node: Callable[[Any], Hashable]) -> bool:
    """Whether two leaves hold the same."""
    if is_number(a) != is_number(b) or np.shape(a) != np.shape(b):
        return False
    if not is_number(a):
        return bool(a == b)
    return [node(entry) for entry in entries(a)] == [node(entry) for entry in entries(b)]


def entries(leaf: Leaf) -> list[Any]:
    """The numbers of a leaf, in order."""
    if isinstance(leaf, np.ndarray):
        return list(leaf.view(np.ndarray).ravel())
    return [leaf]


def is_number(leaf: Leaf) -> bool:
    """Whether a leaf is a number or an array, and not a truth value or a text."""
    return not isinstance(leaf, bool | np.bool_ | str | None)
