"""What PyTorch's operations mean on arrays of nodes: one table, and the few that need care."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.arrays import Array, Nodes

__all__ = ["ALIASES", "UNKNOWN", "VIEWS", "assign", "evaluate"]

#: Reads an argument of the code (a tensor, a number) as an array of nodes.
Get = Callable[[Any], Array]

#: What :func:`evaluate` gives for an operation that it does not know.
UNKNOWN: Any = object()

_UNARY = {
    "neg": "neg", "negative": "neg", "abs": "abs", "absolute": "abs", "sqrt": "sqrt",
    "rsqrt": "rsqrt", "reciprocal": "reciprocal", "square": "square", "sign": "sign",
    "sgn": "sign", "exp": "exp", "log": "log", "tanh": "tanh", "sin": "sin", "cos": "cos",
    "atan": "atan", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "logical_not": "not",
    "bitwise_not": "not", "invert": "not",
}  # fmt: skip
_BINARY = {
    "mul": "mul", "multiply": "mul", "div": "div", "true_divide": "div", "truediv": "div",
    "divide": "div", "pow": "pow", "float_power": "pow", "maximum": "max", "minimum": "min",
    "fmax": "max", "fmin": "min", "clamp_min": "max", "clamp_max": "min", "eq": "eq", "ne": "ne",
    "not_equal": "ne", "lt": "lt", "less": "lt", "le": "le", "gt": "gt", "greater": "gt",
    "ge": "ge", "logical_and": "and", "logical_or": "or", "logical_xor": "xor",
    "bitwise_and": "and", "bitwise_or": "or", "and": "and", "or": "or", "xor": "xor",
}  # fmt: skip
#: The result shares memory with the argument.
ALIASES = frozenset({"detach", "data", "alias", "requires_grad", "contiguous", "real", "positive",
                     "to", "cpu", "double", "float", "type_as", "view_as_real"})  # fmt: skip
_COPIES = frozenset({"clone", "half", "bfloat16", "type", "conj", "resolve_conj", "nan_to_num"})
VIEWS = frozenset({
    "view", "reshape", "t", "transpose", "permute", "unsqueeze", "squeeze", "expand", "flatten",
    "ravel", "narrow", "select", "unflatten", "movedim", "view_as", "expand_as", "reshape_as",
    "chunk", "split", "unbind", "flip", "diagonal", "broadcast_to", "T", "mT", "adjoint", "H", "mH",
})  # fmt: skip
_FILLED = {"zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1}
_FINITE = {"isnan": 0, "isinf": 0, "isfinite": 1}
_REDUCTIONS = frozenset({"sum", "mean", "prod", "amax", "amin", "max", "min", "any", "all"})
_NORMS = frozenset({"norm", "vector_norm", "linalg_vector_norm", "linalg_norm", "frobenius_norm"})


def evaluate(nodes: Nodes, get: Get, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
             ) -> Any:  # fmt: skip
    """The result of an operation as an array of nodes (or a list of them).

    ``name`` is the operation without the marks of in-place and foreach versions. Gives
    :data:`UNKNOWN` for what is not here; raises :class:`~symopt.errors.LiftError` for what cannot
    be lifted.
    """
    if name in _UNARY:
        return nodes.each(_UNARY[name], get(args[0]))
    if name in ALIASES:
        return get(args[0])
    if name in _COPIES:
        return get(args[0]).copy()
    if name in VIEWS:
        return _view(get, name, args, kwargs)
    if name in _FILLED:
        return _filled(nodes, get, name, args)
    if name in _FINITE:
        return np.full(get(args[0]).shape, nodes.constant(_FINITE[name]), dtype=np.int64)
    if name in _BINARY:
        if kwargs.get("rounding_mode") is not None:
            raise LiftError(f"torch.{name} with rounding is not an operation of symopt")
        return nodes.each(_BINARY[name], get(args[0]), get(_second(args, kwargs)))
    if name in _REDUCTIONS:
        return _reduction(nodes, get, name, args, kwargs)
    if name in _NORMS:
        return _norm(nodes, get, name, args, kwargs)
    special = _SPECIAL.get(name)
    return UNKNOWN if special is None else special(nodes, get, args, kwargs)


def _second(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if len(args) > 1:
        return args[1]
    return next(kwargs[key] for key in ("other", "exponent", "min", "max") if key in kwargs)


def _filled(nodes: Nodes, get: Get, name: str, args: tuple[Any, ...]) -> Array:
    if name.endswith("_like"):
        shape: tuple[int, ...] = get(args[0]).shape
    else:
        given = args[1] if len(args) == 2 and not isinstance(args[1], int) else args[1:]
        shape = tuple(given)
    return np.full(shape, nodes.constant(_FILLED[name]), dtype=np.int64)


def _view(get: Get, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The same view of the array of nodes, taken by PyTorch itself on a tensor of their memory."""
    import torch

    array = get(args[0])
    if not array.flags.writeable:
        array = array.copy()
    twin = torch.from_numpy(array)
    others = tuple(
        torch.empty(tuple(arg.shape)) if isinstance(arg, torch.Tensor) else arg for arg in args[1:]
    )
    if name in ("T", "mT", "H", "mH"):
        return getattr(twin, name).numpy()
    result = getattr(twin, name)(*others, **kwargs)
    if isinstance(result, tuple | list):
        return [part.numpy() for part in result]
    return result.numpy()


def _axes(value: Any) -> tuple[int, ...] | None:
    if value is None or (isinstance(value, tuple | list) and not value):
        return None
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _bound(names: tuple[str, ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    bound = dict(zip(names, args[1:], strict=False)) | dict(kwargs)
    if "axis" in bound:
        bound["dim"] = bound.pop("axis")
    return _axes(bound.get("dim")), bool(bound.get("keepdim", False)), bound


def _reduction(
    nodes: Nodes, get: Get, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Array:
    import torch

    if name in ("max", "min"):
        if len(args) > 1 and isinstance(args[1], torch.Tensor):
            return nodes.each(name, get(args[0]), get(args[1]))
        if len(args) > 1 or kwargs:
            raise LiftError(f"torch.{name} over one dimension (with positions) cannot be lifted")
    axes, keep, _ = _bound(("dim", "keepdim"), args, kwargs)
    array = get(args[0])
    op = {"sum": "add", "mean": "add", "prod": "mul", "amax": "max", "amin": "min", "max": "max",
          "min": "min", "any": "or", "all": "and"}[name]  # fmt: skip
    result = nodes.fold(op, array, axes, keep)
    if name != "mean":
        return result
    return nodes.each("div", result, nodes.constants(array.size // max(result.size, 1)))


def _norm(
    nodes: Nodes, get: Get, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Array:
    order = "p" if name == "norm" else "ord"
    axes, keep, bound = _bound((order, "dim", "keepdim"), args, kwargs)
    kind = bound.get(order, 2)
    array = get(args[0])
    if kind in (2, None, "fro"):
        return nodes.each("sqrt", nodes.fold("add", nodes.each("square", array), axes, keep))
    if kind == 1:
        return nodes.fold("add", nodes.each("abs", array), axes, keep)
    if kind == math.inf:
        return nodes.fold("max", nodes.each("abs", array), axes, keep)
    raise LiftError(f"the norm of order {kind} cannot be lifted; there are 1, 2 and infinity")


def _sum(sign: str) -> Any:
    def add(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
        a, b = get(args[0]), get(args[1] if len(args) > 1 else kwargs["other"])
        alpha = get(kwargs.get("alpha", args[2] if len(args) > 2 else 1))
        return nodes.each(sign, a, nodes.each("mul", alpha, b))

    return add


def _lerp(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    start, end = get(args[0]), get(args[1])
    weight = get(args[2] if len(args) > 2 else kwargs["weight"])
    return nodes.each("add", start, nodes.each("mul", weight, nodes.each("sub", end, start)))


def _add_of(op: str) -> Any:
    def add(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
        value = get(kwargs.get("value", args[3] if len(args) > 3 else 1))
        scaled = nodes.each("mul", value, get(args[1]))
        return nodes.each("add", get(args[0]), nodes.each(op, scaled, get(args[2])))

    return add


def _where(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    import torch

    if len(args) < 2:
        raise LiftError("torch.where with a condition alone gives positions; it cannot be lifted")
    condition, then = args[0], args[1]
    otherwise = args[2] if len(args) > 2 else kwargs["other"]
    # The method is x.where(condition, other), the function where(condition, x, other).
    if (
        isinstance(then, torch.Tensor)
        and then.dtype == torch.bool
        and condition.dtype != then.dtype
    ):
        condition, then = then, condition
    return nodes.each("select", get(condition), get(then), get(otherwise))


def _masked_fill(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    value = args[2] if len(args) > 2 else kwargs["value"]
    return nodes.each("select", get(args[1]), get(value), get(args[0]))


def _clamp(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    low = args[1] if len(args) > 1 else kwargs.get("min")
    high = args[2] if len(args) > 2 else kwargs.get("max")
    result = get(args[0])
    if low is not None:
        result = nodes.each("max", result, get(low))
    return result if high is None else nodes.each("min", result, get(high))


def _spread(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    """``copy_`` and ``fill_``."""
    return np.array(np.broadcast_to(get(args[1]), get(args[0]).shape))


def _zero(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    return np.full(get(args[0]).shape, nodes.constant(0), dtype=np.int64)


def _full(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    value = args[1] if len(args) > 1 else kwargs["fill_value"]
    shape = args[0] if isinstance(args[0], tuple | list) else get(args[0]).shape
    return np.full(tuple(shape), int(get(value)), dtype=np.int64)


def _tensor(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    given = args[0]
    if isinstance(given, tuple | list):
        return np.array([get(entry) for entry in given], dtype=np.int64)
    return get(given).copy()


def _getitem(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    if _is_mask(args[1]):
        raise LiftError("a selection of entries by a mask has an unknown length; cannot be lifted")
    return np.asarray(get(args[0])[_key(args[1])])


def _mm(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    return nodes.product(get(args[0]), get(args[1]))


def _addmm(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    scaled = nodes.each("mul", get(kwargs.get("beta", 1)), get(args[0]))
    product = nodes.product(get(args[1]), get(args[2]))
    return nodes.each("add", scaled, nodes.each("mul", get(kwargs.get("alpha", 1)), product))


def _outer(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    return nodes.each("mul", get(args[0])[:, None], get(args[1])[None, :])


def _joined(function: Callable[..., Any]) -> Any:
    def join(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
        axis = kwargs.get("dim", args[1] if len(args) > 1 else 0)
        result: Array = function([get(part) for part in args[0]], axis=axis)
        return result

    return join


def _sigmoid(nodes: Nodes, get: Get, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Array:
    grown = nodes.each("exp", nodes.each("neg", get(args[0])))
    return nodes.each("reciprocal", nodes.each("add", nodes.constants(1), grown))


def _is_mask(key: Any) -> bool:
    import torch

    return isinstance(key, torch.Tensor) and key.dtype == torch.bool


def _key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_key, key))
    return key.numpy() if hasattr(key, "numpy") else key


def assign(nodes: Nodes, get: Get, args: tuple[Any, ...]) -> None:
    """``tensor[key] = value`` on the array of nodes."""
    array, value = get(args[0]), get(args[2])
    if _is_mask(args[1]):
        if value.size != 1:
            raise LiftError("an assignment of several values by a mask cannot be lifted")
        array[...] = nodes.each("select", get(args[1]), value.reshape(()), array)
    else:
        array[_key(args[1])] = value


_SPECIAL: dict[str, Any] = {
    "add": _sum("add"), "sub": _sum("sub"), "subtract": _sum("sub"), "lerp": _lerp,
    "addcmul": _add_of("mul"), "addcdiv": _add_of("div"), "where": _where,
    "masked_fill": _masked_fill, "clamp": _clamp, "clip": _clamp, "copy": _spread,
    "fill": _spread, "zero": _zero, "full": _full, "full_like": _full, "tensor": _tensor,
    "as_tensor": _tensor, "scalar_tensor": _tensor, "getitem": _getitem, "mm": _mm,
    "matmul": _mm, "bmm": _mm, "mv": _mm, "dot": _mm, "addmm": _addmm, "outer": _outer,
    "ger": _outer, "cat": _joined(np.concatenate), "concat": _joined(np.concatenate),
    "stack": _joined(np.stack), "sigmoid": _sigmoid,
}  # fmt: skip
