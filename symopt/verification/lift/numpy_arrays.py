"""NumPy arrays of traced numbers.

A :class:`TracedArray` is an object array for NumPy, so slicing, broadcasting and assignment are
NumPy's own; to the traced code it is an array of floats. Universal functions and array functions
arrive here by NumPy's protocols; those that are not listed are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symopt.verification.lift.trace import Condition, Tape, Traced

__all__ = ["TracedArray", "apply_function", "apply_ufunc", "array_of", "is_traced"]

_UFUNCS: dict[str, str] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "power": "pow", "float_power": "pow", "negative": "neg", "absolute": "abs", "fabs": "abs",
    "sign": "sign", "sqrt": "sqrt", "square": "square", "reciprocal": "reciprocal", "exp": "exp",
    "log": "log", "sin": "sin", "cos": "cos", "tan": "tan", "arctan": "atan", "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "maximum": "max", "fmax": "max", "minimum": "min",
    "fmin": "min", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
    "equal": "eq", "not_equal": "ne", "logical_and": "and", "logical_or": "or",
    "logical_not": "not", "logical_xor": "xor", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "invert": "not",
}  # fmt: skip
_COMPOSED: dict[str, Callable[..., Any]] = {
    "positive": lambda tape, a: a,
    "conjugate": lambda tape, a: a,
    "log1p": lambda tape, a: tape.apply("log", tape.apply("add", a, 1)),
    "expm1": lambda tape, a: tape.apply("sub", tape.apply("exp", a), 1),
    "hypot": lambda tape, a, b: tape.apply(
        "sqrt", tape.apply("add", tape.apply("square", a), tape.apply("square", b))
    ),
    # Real arithmetic: every value is a finite number.
    "isnan": lambda tape, a: False,
    "isinf": lambda tape, a: False,
    "isfinite": lambda tape, a: True,
    "remainder": lambda tape, a, b: a % b,
    "floor_divide": lambda tape, a, b: a // b,
}
#: Functions that only move entries: NumPy's own code does it on objects.
_MOVES = frozenset({
    "reshape", "ravel", "concatenate", "stack", "vstack", "hstack", "expand_dims", "squeeze",
    "transpose", "atleast_1d", "atleast_2d", "split", "array_split", "broadcast_to", "swapaxes",
    "moveaxis", "roll", "flip", "repeat", "tile", "shape", "ndim", "size", "shares_memory",
    "may_share_memory", "broadcast_arrays", "append", "copyto",
})  # fmt: skip


def is_traced(value: Any) -> bool:
    """Whether a traced number is anywhere in a value."""
    if isinstance(value, (Traced, TracedArray)):
        return True
    return isinstance(value, (list, tuple)) and any(map(is_traced, value))


def array_of(tape: Tape, values: Any) -> TracedArray:
    """The traced array of numbers of any kind, nested in any way."""
    raw = _objects(values)
    flat = np.empty(raw.shape, dtype=object)
    for index in np.ndindex(raw.shape):
        entry = raw[index]
        flat[index] = entry if isinstance(entry, Traced) else Traced(tape, tape.node(entry))
    return _view(tape, flat)


def _objects(values: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if isinstance(values, np.ndarray):
        return values.view(np.ndarray)
    if isinstance(values, Traced):
        single = np.empty((), dtype=object)
        single[()] = values
        return single
    if isinstance(values, (list, tuple)):
        parts = [_objects(value) for value in values]
        if not parts:
            return np.empty((0,), dtype=object)
        result = np.empty((len(parts), *np.broadcast_shapes(*(p.shape for p in parts))), object)
        for index, part in enumerate(parts):
            result[index] = part if part.shape else part[()]
        return result
    return np.asarray(values)


def _view(tape: Tape, raw: Any) -> TracedArray:
    if not isinstance(raw, np.ndarray):
        single = np.empty((), dtype=object)
        single[()] = raw
        raw = single
    array: TracedArray = raw.view(TracedArray)
    array.tape = tape
    return array


def _result(tape: Tape, raw: Any) -> Any:
    """An array, or the number itself where NumPy would give a number."""
    if isinstance(raw, np.ndarray) and raw.shape != ():
        return array_of(tape, raw)
    value = raw[()] if isinstance(raw, np.ndarray) else raw
    return value if isinstance(value, (Traced, bool)) else Traced(tape, tape.node(value))


class TracedArray(np.ndarray[Any, np.dtype[Any]]):
    """An array of traced numbers that code takes for an array of floats."""

    tape: Tape

    def __array_finalize__(self, source: Any) -> None:
        if source is not None and hasattr(source, "tape"):
            self.tape = source.tape

    @property
    def dtype(self) -> Any:  # type: ignore[override]
        return np.dtype(np.float64)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return apply_ufunc(self.tape, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return apply_function(self.tape, function, args, options)

    def __getitem__(self, key: Any) -> Any:
        if _is_mask(key):
            self.tape.refuse("the choice of entries by a condition on unknown numbers")
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raw = self.view(np.ndarray)
        if _is_mask(key):
            new = np.broadcast_to(array_of(self.tape, value).view(np.ndarray), self.shape)
            mask = np.broadcast_to(array_of(self.tape, key).view(np.ndarray), self.shape)
            for index in np.ndindex(self.shape):
                raw[index] = self.tape.apply("select", mask[index], new[index], raw[index])
            return
        made = array_of(self.tape, value)
        raw[key] = made.view(np.ndarray) if made.shape else made.view(np.ndarray)[()]

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        kind = np.dtype(dtype)
        if kind.kind in "iub":
            self.tape.refuse(f"the cast to {kind} of numbers that are not known while lifting")
        if kind != np.dtype(np.float64):
            self.tape.notes[f"casts to {kind} are left out"] = None
        return self.copy()

    def view(self, *args: Any, **options: Any) -> Any:
        plain = len(args) == 1 and not options and isinstance(args[0], type)
        if not (plain and issubclass(args[0], np.ndarray)):
            self.tape.refuse("a view of the bits of numbers that are not known while lifting")
        return super().view(args[0])

    def _bits(self, *args: Any, **options: Any) -> Any:
        self.tape.refuse("the bits of numbers that are not known while lifting")

    tobytes = dump = dumps = tofile = byteswap = _bits
    __reduce__ = __reduce_ex__ = _bits

    def item(self, *args: Any) -> Any:
        return self.view(np.ndarray).item(*args)

    def sum(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        return _reduce(self.tape, "add", self, axis, options.get("keepdims", False))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        return _mean(self.tape, self, axis, options.get("keepdims", False))

    def prod(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        return _reduce(self.tape, "mul", self, axis, options.get("keepdims", False))

    def max(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        return _reduce(self.tape, "max", self, axis, options.get("keepdims", False))

    def min(self, axis: Any = None, out: Any = None, **options: Any) -> Any:
        return _reduce(self.tape, "min", self, axis, options.get("keepdims", False))

    def any(  # type: ignore[override]
        self, axis: Any = None, out: Any = None, **options: Any
    ) -> Any:
        return _reduce(self.tape, "or", self, axis, options.get("keepdims", False))

    def all(  # type: ignore[override]
        self, axis: Any = None, out: Any = None, **options: Any
    ) -> Any:
        return _reduce(self.tape, "and", self, axis, options.get("keepdims", False))

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
        return _clip(self.tape, self, min, max, out)

    def dot(self, other: Any, out: Any = None) -> Any:
        return _product(self.tape, self, other)


def _is_mask(key: Any) -> bool:
    return isinstance(key, (Condition, TracedArray)) or (
        isinstance(key, tuple) and any(map(_is_mask, key))
    )


def _each(tape: Tape, operation: Callable[..., Any], operands: Sequence[Any]) -> Any:
    raw = [array_of(tape, operand).view(np.ndarray) for operand in operands]
    return np.frompyfunc(operation, len(raw), 1)(*raw)


def apply_ufunc(tape: Tape, ufunc: Any, method: str, inputs: Any, options: Any) -> Any:
    """A universal function on traced numbers.

    Raises :class:`~symopt.errors.LiftError` for those that no rule can say.
    """
    name = ufunc.__name__
    out = (options.get("out") or (None,))[0]
    if method == "reduce" and name in ("add", "multiply", "maximum", "minimum", "logical_and",
                                       "logical_or"):  # fmt: skip
        axis = options.get("axis", 0)
        result = _reduce(tape, _UFUNCS[name], inputs[0], axis, options.get("keepdims", False))
    elif method == "outer" and name in _UFUNCS:
        first, second = (array_of(tape, value) for value in inputs)
        first = first.reshape(first.shape + (1,) * second.ndim)
        result = apply_ufunc(tape, ufunc, "__call__", (first, second), {})
    elif method == "at" or method not in ("__call__",):
        tape.refuse(f"np.{name}.{method}")
    elif name == "matmul":
        result = _product(tape, *inputs)
    elif name in _UFUNCS:
        op = _UFUNCS[name]
        result = _each(tape, lambda *args: tape.apply(op, *args), inputs)
    elif name in _COMPOSED:
        composed = _COMPOSED[name]
        result = _each(tape, lambda *args: composed(tape, *args), inputs)
    else:
        tape.refuse(f"np.{name}")
    where = options.get("where", True)
    if where is not True:
        before = 0 if out is None else out
        result = _each(tape, lambda *args: tape.apply("select", *args), (where, result, before))
    result = _result(tape, result)
    if out is None:
        return result
    if not isinstance(out, TracedArray):
        tape.refuse("a write into an array of plain floats that was made outside of the optimizer")
    out[...] = result
    return out


def _axes(array: Any, axis: Any) -> tuple[int, ...] | None:
    return None if axis is None else tuple(np.atleast_1d(axis).tolist())


def _reduce(tape: Tape, op: str, values: Any, axis: Any, keep: bool) -> Any:
    array = array_of(tape, values)
    nodes = np.array([tape.node(entry) for entry in array.view(np.ndarray).ravel()], dtype=np.int64)
    folded = tape.nodes.fold(op, nodes.reshape(array.shape), _axes(array, axis), keep)
    made = np.empty(folded.shape, dtype=object)
    for index in np.ndindex(folded.shape):
        made[index] = tape.value(int(folded[index]))
    return _result(tape, made)


def _count(array: Any, axis: Any) -> int:
    axes = _axes(array, axis)
    return int(array.size if axes is None else np.prod([array.shape[a] for a in axes]))


def _mean(tape: Tape, values: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    array = array_of(tape, values)
    return _reduce(tape, "add", array, axis, keepdims) / _count(array, axis)


def _variance(tape: Tape, values: Any, axis: Any = None, ddof: int = 0, **options: Any) -> Any:
    array = array_of(tape, values)
    centered = array - _mean(tape, array, axis, True)
    total = _reduce(tape, "add", centered * centered, axis, options.get("keepdims", False))
    return total / (_count(array, axis) - ddof)


def _product(tape: Tape, a: Any, b: Any, out: Any = None) -> Any:
    first, second = array_of(tape, a), array_of(tape, b)
    if not first.shape or not second.shape:
        return first * second
    nodes = [
        np.array([tape.node(entry) for entry in array.view(np.ndarray).ravel()], dtype=np.int64)
        .reshape(array.shape) for array in (first, second)
    ]  # fmt: skip
    product = np.asarray(tape.nodes.product(*nodes))
    made = np.empty(product.shape, dtype=object)
    for index in np.ndindex(product.shape):
        made[index] = tape.value(int(product[index]))
    return _result(tape, made)


def _clip(tape: Tape, a: Any, low: Any = None, high: Any = None, out: Any = None, **o: Any) -> Any:
    low, high = o.get("min", low), o.get("max", high)
    result = array_of(tape, a)
    if low is not None:
        result = np.maximum(result, low)
    if high is not None:
        result = np.minimum(result, high)
    if out is None:
        return _result(tape, result)
    out[...] = result
    return out


def _norm(tape: Tape, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    array = array_of(tape, x)
    if ord in (None, 2, "fro") and (array.ndim == 1 or ord != 2 or axis is not None):
        return np.sqrt(_reduce(tape, "add", array * array, axis, keepdims))
    if ord == np.inf and array.ndim == 1:
        return _reduce(tape, "max", np.abs(array), axis, keepdims)
    if ord != 1 or array.ndim != 1:
        tape.refuse(f"np.linalg.norm with ord={ord!r}")
    return _reduce(tape, "add", np.abs(array), axis, keepdims)


def _filled(value: Any) -> Callable[..., Any]:
    def make(tape: Tape, a: Any, *rest: Any, **options: Any) -> Any:
        shape = options.get("shape") or np.shape(_objects(a))
        return array_of(tape, np.full(shape, value))

    return make


def _full_like(tape: Tape, a: Any, fill_value: Any, *rest: Any, **options: Any) -> Any:
    made = array_of(tape, np.zeros(np.shape(_objects(a))))
    made[...] = fill_value
    return made


def _where(tape: Tape, condition: Any, *branches: Any) -> Any:
    if len(branches) != 2:
        tape.refuse("np.where with a condition alone")
    parts = (condition, *branches)
    return _result(tape, _each(tape, lambda *args: tape.apply("select", *args), parts))


def _any(op: str) -> Callable[..., Any]:
    return lambda tape, a, axis=None, keepdims=False, **_: _reduce(tape, op, a, axis, keepdims)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "zeros_like": _filled(0), "empty_like": _filled(0), "ones_like": _filled(1),
    "full_like": _full_like, "where": _where, "clip": _clip, "mean": _mean, "average": _mean,
    "var": _variance, "std": lambda *args, **o: np.sqrt(_variance(*args, **o)),
    "sum": _any("add"), "prod": _any("mul"), "max": _any("max"), "amax": _any("max"),
    "min": _any("min"), "amin": _any("min"), "any": _any("or"), "all": _any("and"),
    "norm": _norm, "dot": _product, "vdot": _product, "inner": _product, "matmul": _product,
    "outer": lambda tape, a, b: np.multiply.outer(array_of(tape, a), array_of(tape, b)),
    "copy": lambda tape, a, *_, **o: array_of(tape, a).copy(),
    "nan_to_num": lambda tape, a, *_, **o: a,
    "real": lambda tape, a: a, "real_if_close": lambda tape, a: a,
    "array_equal": lambda tape, a, b: _reduce(
        tape, "and", np.equal(array_of(tape, a), array_of(tape, b)), None, False
    ),
}  # fmt: skip


def apply_function(tape: Tape, function: Any, args: Any, options: Any) -> Any:
    """A NumPy function on traced arrays.

    Raises :class:`~symopt.errors.LiftError` for those that no rule can say.
    """
    name = function.__name__
    module = (getattr(function, "__module__", "") or "numpy").replace("numpy", "np")
    if name in _FUNCTIONS and (name == "norm" or "linalg" not in module):
        return _FUNCTIONS[name](tape, *args, **options)
    if name not in _MOVES or not hasattr(function, "_implementation"):
        tape.refuse(f"{module}.{name}")
    result = function._implementation(*map(_plain, args), **options)
    if isinstance(result, np.ndarray) and result.view(np.ndarray).dtype == object:
        return _view(tape, result)
    if isinstance(result, (list, tuple)):
        return type(result)(
            _view(tape, part) if isinstance(part, np.ndarray) else part for part in result
        )
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return value.view(np.ndarray)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value
