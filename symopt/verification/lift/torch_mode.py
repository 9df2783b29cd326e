"""Watching PyTorch compute: real tensors run, arrays of nodes follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from symopt.errors import LiftError
from symopt.verification.lift.arrays import Array
from symopt.verification.lift.torch_ops import ALIASES, UNKNOWN, VIEWS, assign, evaluate
from symopt.verification.lift.traced_float import Session, TracedFloat, node_of

__all__ = ["Watching", "WithoutCasts"]

_GETTERS = frozenset({"T", "mT", "H", "mH", "data", "real"})
_REFLECTED = {"radd": "add", "rsub": "sub", "rmul": "mul", "rtruediv": "div", "rdiv": "div",
              "rpow": "pow"}  # fmt: skip
_IN_PLACE = {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "idiv": "div",
             "ipow": "pow", "iand": "and", "ior": "or"}  # fmt: skip
#: Keywords that say how to compute, not what.
_MANNER = frozenset({"out", "dtype", "memory_format", "device", "non_blocking", "layout",
                     "requires_grad", "copy", "pin_memory"})  # fmt: skip
#: What lets values leave unseen, and what says nothing of values.
_PLAIN = frozenset({"numpy", "tolist", "__float__", "__int__", "__index__", "__array__",
                    "__complex__", "__repr__", "__format__", "equal", "allclose"})  # fmt: skip
_METADATA = frozenset({"size", "dim", "ndimension", "stride", "is_contiguous", "numel", "len",
                       "element_size", "get_device", "storage_offset", "nelement",
                       "is_same_size", "is_pinned", "is_shared", "result_type", "hash",
                       "is_inference", "has_names", "is_set_to", "is_neg", "is_conj",
                       "is_tensor"})  # fmt: skip
_UNREAL = frozenset({"isnan", "isinf", "isfinite", "nan_to_num"})
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Watching(TorchFunctionMode):
    """A mode in which every operation on a known tensor is also done on its array of nodes."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        # The tensor is kept, so that its identity is not given to another one.
        self._arrays: dict[int, tuple[Any, Array]] = {}

    def bind(self, tensor: Any, array: Array) -> None:
        """Say which nodes a tensor holds."""
        self._arrays[id(tensor)] = (tensor, array)

    def known(self, value: Any) -> bool:
        """Whether a value is, or contains, something symbolic."""
        if isinstance(value, torch.Tensor):
            return id(value) in self._arrays
        if isinstance(value, list | tuple):
            return any(map(self.known, value))
        return isinstance(value, TracedFloat)

    def read(self, value: Any) -> Array:
        """The nodes of a tensor or a number; those of constants where nothing is known of it."""
        if isinstance(value, torch.Tensor):
            if id(value) not in self._arrays:
                numbers = value.detach().to(torch.float64).numpy()
                if value.dtype == torch.float32:
                    numbers = value.detach().numpy()
                self.bind(value, self.session.nodes.constants(numbers))
            return self._arrays[id(value)][1]
        if isinstance(value, np.ndarray):
            return self.session.nodes.constants(value)
        return np.array(node_of(self.session, value), dtype=np.int64)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = func.__self__.__name__
            if name not in _GETTERS:
                return func(*args, **kwargs)
        if name == "numel" and self.known(args):
            # Stays exact: the square root of a count is no decimal.
            count = func(*args)
            return TracedFloat(count, self.session.graph.const(count), self.session)
        if not (self.known(args) or self.known(list(kwargs.values()))):
            return func(*args, **kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            return self._follow(name, func, args, kwargs)

    def _follow(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name in ("__set__", "__delete__", "register_hook", "is_complex", "is_floating_point"):
            return func(*args, **kwargs)
        base = name.strip("_") if name.startswith("__") else name
        each = base.startswith("_foreach_")
        base = base.removeprefix("_foreach_")
        in_place = base in _IN_PLACE or (base.endswith("_") and not name.startswith("__"))
        base = _IN_PLACE.get(base, base).rstrip("_")
        operands = args
        if base in _REFLECTED:
            base, operands = _REFLECTED[base], (args[1], args[0], *args[2:])
        if base == "rsub":
            base, operands = "sub", (args[1], args[0])
        if each:
            return self._foreach(base, in_place, func, args, kwargs)
        if name in _PLAIN or base in _PLAIN:
            raise LiftError(f"{base} turns a symbolic tensor into plain numbers; use .item()")
        if base == "item":
            return TracedFloat(func(*args, **kwargs), int(self.read(args[0]).ravel()[0]),
                               self.session)  # fmt: skip
        if name == "__bool__":
            nodes = self.session.nodes
            condition = nodes.condition(int(self.read(args[0]).ravel()[0]))
            return self.session.decide(condition, func(*args, **kwargs))
        if name == "__setitem__":
            assign(self.session.nodes, self.read, args)
            return func(*args, **kwargs)
        return self._plain(base, in_place, func, args, operands, kwargs)

    def _plain(
        self, base: str, in_place: bool, func: Any, args: Any, operands: Any, kwargs: Any
    ) -> Any:
        settings = {key: value for key, value in kwargs.items() if key not in _MANNER}
        result = evaluate(self.session.nodes, self.read, base, operands, settings)
        value = func(*args, **kwargs)
        tensors = value if isinstance(value, tuple | list) else (value,)
        if result is UNKNOWN:
            if any(isinstance(entry, torch.Tensor) for entry in tensors):
                raise LiftError(f"torch.{base} is not an operation that can be lifted")
            if base not in _METADATA:
                raise LiftError(f"torch.{base} is not an operation that can be lifted")
            return value
        if base in _UNREAL:
            self.session.note("all values are taken to be finite")
        self._cast(operands[0], value)
        target = args[0] if in_place else kwargs.get("out")
        if target is not None:
            if base in VIEWS:
                self.bind(target, np.array(result))  # unsqueeze_ and its like change the shape
            else:
                self.read(target)[...] = result
            return value
        results = result if isinstance(result, list) else [result]
        for entry, array in zip(tensors, results, strict=True):
            if entry is operands[0]:
                continue
            shape = tuple(entry.shape)
            shaped = array if array.shape == shape else np.broadcast_to(array, shape)
            shares = base in ALIASES or base in VIEWS or base == "getitem"
            self.bind(entry, shaped if shares else np.array(shaped))
        return value

    def _cast(self, source: Any, value: Any) -> None:
        """Note a cast; refuse one that rounds to whole numbers."""
        if not (isinstance(source, torch.Tensor) and isinstance(value, torch.Tensor)):
            return
        if source.dtype not in _FLOATS or source.dtype == value.dtype:
            return
        if value.dtype in _FLOATS:
            kind = str(value.dtype).removeprefix("torch.")
            self.session.note(f"a cast to {kind} is no part of the rule")
        elif value.dtype != torch.bool:
            raise LiftError(f"a cast to {value.dtype} rounds to whole numbers; cannot be lifted")

    def _foreach(self, base: str, in_place: bool, func: Any, args: Any, kwargs: Any) -> Any:
        lists = [entry for entry in args if isinstance(entry, list | tuple)]
        results = []
        for index in range(len(lists[0])):
            operands = tuple(e[index] if isinstance(e, list | tuple) else e for e in args)
            settings = {
                key: value[index] if isinstance(value, list | tuple) else value
                for key, value in kwargs.items()
                if key not in _MANNER
            }
            if "scalars" in settings:
                settings["value"] = settings.pop("scalars")
            if base == "copy":
                operands = operands[:2]
            result = evaluate(self.session.nodes, self.read, base, operands, settings)
            if result is UNKNOWN:
                raise LiftError(f"torch._foreach_{base} is not an operation that can be lifted")
            results.append(result)
        value = func(*args, **kwargs)
        if in_place:
            for tensor, result in zip(args[0], results, strict=True):
                self.read(tensor)[...] = result
        else:
            for tensor, result in zip(value, results, strict=True):
                self.bind(tensor, np.array(np.broadcast_to(result, tuple(tensor.shape))))
        return value


class WithoutCasts(TorchFunctionMode):
    """A mode in which casts between floats do nothing: the code as real arithmetic has it."""

    _CASTS = frozenset({"to", "bfloat16", "half", "float", "double", "type", "type_as"})

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in self._CASTS and isinstance(result, torch.Tensor):
            source = args[0]
            if source.dtype in _FLOATS and result.dtype in _FLOATS:
                return source if source.dtype != result.dtype else result
        return result
