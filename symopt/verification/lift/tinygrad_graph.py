"""What tinygrad's graph of operations means on arrays of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.arrays import Array
from symopt.verification.lift.traced_float import Session

__all__ = ["Reader"]

_UNARY = {"SQRT": "sqrt", "RECIPROCAL": "reciprocal", "NEG": "neg", "SIN": "sin"}
_BINARY = {
    "ADD": "add", "SUB": "sub", "MUL": "mul", "FDIV": "div", "MAX": "max", "POW": "pow",
    "CMPLT": "lt", "CMPNE": "ne", "CMPEQ": "eq",
}  # fmt: skip
_LOGIC = {"AND": "and", "OR": "or", "XOR": "xor"}
#: What only says how to compute.
_SAME = frozenset({"DETACH", "CONTIGUOUS", "CONTIGUOUS_BACKWARD", "COPY", "NOOP", "STAGE"})
_FOLDS = {"ADD": "add", "MUL": "mul", "MAX": "max"}


class Reader:
    """Reads operations of one graph; ``buffers`` are the arrays of nodes of what is stored."""

    def __init__(self, session: Session, buffers: Mapping[Any, Array]) -> None:
        self.session = session
        self.nodes = session.nodes
        self._known: dict[Any, Array] = dict(buffers)

    def read(self, operation: Any) -> Array:
        """The nodes of a tensor's operation.

        Raises :class:`~symopt.errors.LiftError`, which names the operation, for what has no
        meaning on nodes, and for what is stored but was not there before the step.
        """
        stack = [operation]
        while stack:
            current = stack[-1]
            if current in self._known:
                stack.pop()
                continue
            waiting = [entry for entry in _values(current) if entry not in self._known]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            arrays = [self._known[entry] for entry in _values(current)]
            self._known[current] = self._apply(current, arrays)
        return self._known[operation]

    def _apply(self, operation: Any, values: list[Array]) -> Array:
        name = operation.op.name
        if name in _UNARY:
            return self.nodes.each(_UNARY[name], values[0])
        if name in _BINARY:
            return self.nodes.each(_BINARY[name], *values)
        if name in _SAME:
            return values[0]
        if name == "AFTER":
            # A tensor after something was stored into it.
            return values[-1]
        special = getattr(self, f"_{name.lower()}", None)
        if special is None:
            raise LiftError(f"tinygrad's {name} is not an operation that can be lifted")
        result: Array = special(operation, values)
        return result

    def _buffer(self, operation: Any, values: list[Array]) -> Array:
        raise LiftError(
            "the step reads numbers that are neither parameter, gradient, state nor a setting of "
            "the optimizer; keep them in an attribute of the optimizer that is a tensor"
        )

    def _const(self, operation: Any, values: list[Array]) -> Array:
        return np.array(self.nodes.constant(_plain(operation.arg)), dtype=np.int64)

    def _logical(self, operation: Any, values: list[Array]) -> Array:
        if operation.dtype.name != "bool":
            raise LiftError("tinygrad's operation on bits cannot be lifted")
        return self.nodes.each(_LOGIC[operation.op.name], *values)

    _and = _or = _xor = _logical

    def _exp2(self, operation: Any, values: list[Array]) -> Array:
        return self.nodes.each("pow", self.nodes.constants(2), values[0])

    def _log2(self, operation: Any, values: list[Array]) -> Array:
        two = self.nodes.each("log", self.nodes.constants(2))
        return self.nodes.each("div", self.nodes.each("log", values[0]), two)

    def _mulacc(self, operation: Any, values: list[Array]) -> Array:
        return self.nodes.each("add", self.nodes.each("mul", values[0], values[1]), values[2])

    def _where(self, operation: Any, values: list[Array]) -> Array:
        return self.nodes.each("select", *values)

    def _cast(self, operation: Any, values: list[Array]) -> Array:
        new, old = operation.dtype, operation.src[0].dtype
        if new.name == "bool":
            return self.nodes.each("ne", values[0], self.nodes.constants(0))
        if _is_float(old) and not _is_float(new):
            known = [self.session.graph.value(int(node)) for node in values[0].ravel()]
            if any(value is None or value.denominator != 1 for value in known):
                raise LiftError(f"a cast to {new.name} rounds to whole numbers; cannot be lifted")
        elif _is_float(new) and new.itemsize < 8 and "weak" not in new.name:
            self.session.note(f"a cast to {new.name} is no part of the rule")
        return values[0]

    def _reduce(self, operation: Any, values: list[Array]) -> Array:
        kind, axes = operation.arg[:2]
        if kind.name not in _FOLDS:
            raise LiftError(f"tinygrad's reduction by {kind.name} cannot be lifted")
        if isinstance(axes, int):  # that many from the front
            axes = range(axes)
        folded = self.nodes.fold(_FOLDS[kind.name], values[0], tuple(axes))
        return folded.reshape(operation.shape)

    def _stack(self, operation: Any, values: list[Array]) -> Array:
        return np.stack(values)

    # What moves entries; ``shape`` is that of the result.

    def _reshape(self, operation: Any, values: list[Array]) -> Array:
        return values[0].reshape(operation.shape)

    def _expand(self, operation: Any, values: list[Array]) -> Array:
        shape = operation.shape
        padded = values[0].reshape((1,) * (len(shape) - values[0].ndim) + values[0].shape)
        return np.broadcast_to(padded, shape)

    def _permute(self, operation: Any, values: list[Array]) -> Array:
        return np.transpose(values[0], operation.marg)

    def _flip(self, operation: Any, values: list[Array]) -> Array:
        turned = tuple(axis for axis, turns in enumerate(operation.marg) if turns)
        return np.flip(values[0], turned)

    def _pad(self, operation: Any, values: list[Array]) -> Array:
        zero = self.nodes.constant(0)
        return np.pad(values[0], [tuple(map(int, pair)) for pair in operation.marg],
                      constant_values=zero)  # fmt: skip

    def _shrink(self, operation: Any, values: list[Array]) -> Array:
        """The entries from an offset on, as many as the result has."""
        parts = zip(operation.marg, operation.shape, strict=True)
        return values[0][tuple(slice(int(pair[0]), int(pair[0]) + size) for pair, size in parts)]


def _values(operation: Any) -> tuple[Any, ...]:
    """The sources of an operation that are values, and not shapes or orders of execution."""
    name = operation.op.name
    if name in ("BUFFER", "CONST"):
        return ()
    if name in ("RESHAPE", "EXPAND", "PERMUTE", "PAD", "SHRINK", "FLIP", "COPY"):
        return operation.src[:1]  # type: ignore[no-any-return]
    if name == "AFTER":
        stores = [entry for entry in operation.src[1:] if entry.op.name == "STORE"]
        if len(stores) != len(operation.src) - 1 or len(stores) > 1:
            raise LiftError("an order of execution other than by a store cannot be lifted")
        for store in stores:
            if store.src[0] is not operation.src[0]:
                raise LiftError("a store into a part of a tensor cannot be lifted")
        return (operation.src[0], *(store.src[1] for store in stores))
    return operation.src  # type: ignore[no-any-return]


def _is_float(dtype: Any) -> bool:
    return "float" in dtype.name or dtype.name in ("double", "half")


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value)
    raise LiftError(f"a constant {value!r} of tinygrad is no number")
