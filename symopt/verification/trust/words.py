"""The part of Python and NumPy in which code cannot tell an unknown number from a float.

This is a list of what is allowed, not of what is forbidden: names, attributes and constructs that
mean the same for traced numbers and for floats. Whatever is not on it is a doubt, with its line.
"""

from __future__ import annotations

import ast
import builtins
import math
import types
from collections.abc import Collection
from typing import Any

import numpy as np

from symopt.verification.lift.arguments import COUNTS
from symopt.verification.target import CONFIGURATION_NAMES
from symopt.verification.trust.apart import Apart
from symopt.verification.trust.genuine import Doubt

__all__ = ["Words"]

_BUILTINS = frozenset({
    "range", "len", "enumerate", "zip", "abs", "max", "min", "float", "list", "dict",
    "tuple", "pow", "reversed", "super", "isinstance", "hasattr", "getattr", "print", "object",
    "ValueError", "TypeError", "RuntimeError", "NotImplementedError", "AssertionError",
    "True", "False", "None",
})  # fmt: skip
_NUMPY = frozenset({
    "sqrt", "abs", "absolute", "fabs", "square", "power", "exp", "log", "sign", "maximum",
    "minimum", "clip", "where", "zeros", "ones", "zeros_like", "ones_like", "full_like", "full",
    "empty_like", "array", "asarray", "add", "subtract", "multiply", "divide", "true_divide",
    "negative", "reciprocal", "tanh", "sin", "cos", "copy", "float64", "pi", "e", "empty",
})  # fmt: skip
_MATH = frozenset({"sqrt", "exp", "log", "pow", "fabs", "pi", "e", "tanh", "sin", "cos"})
#: Attributes of arrays, dictionaries, lists and parameters; beside those that a class has itself.
_ATTRIBUTES = frozenset({
    "copy", "clip", "reshape", "items", "keys", "values", "get", "setdefault", "append", "shape",
    "size", "data", "grad",
})  # fmt: skip
#: Names that only traced numbers and arrays have.
_TELLING = frozenset({"tape", "node", "known"})
_PLAIN = (bool, int, float, str, type(None))
#: What may be handled without being called; modules are looked at with their attribute.
_VALUES = (*_PLAIN, types.ModuleType)
_STATEMENTS = (
    ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.For, ast.While, ast.If, ast.Expr,
    ast.Pass, ast.Break, ast.Continue, ast.Raise, ast.Assert,
)  # fmt: skip
_EXPRESSIONS = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.IfExp, ast.Attribute,
    ast.Subscript, ast.Name, ast.List, ast.Tuple, ast.Dict, ast.Constant, ast.ListComp,
    ast.DictComp, ast.Slice, ast.Starred, ast.Yield, ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip
_PARTS = (
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context, ast.comprehension,
    ast.keyword, ast.arguments, ast.arg,
)  # fmt: skip
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
#: Arguments of NumPy's functions that change more than the value.
_MODES = frozenset({"out", "where", "dtype", "casting", "order", "subok"})
_SIZES = ("shape", "size", "ndim")


class Words:
    """One definition, read word by word.

    ``held`` are the attributes that the code's own classes define, ``methods`` those that are
    functions. Functions of the same file
    that it uses are in ``used`` afterwards.
    """

    def __init__(
        self,
        node: ast.FunctionDef,
        names: dict[str, Any],
        module: ast.Module,
        held: Collection[str] = (),
        methods: Collection[str] = (),
    ) -> None:
        self._node = node
        self._names = names
        self._module = module
        self._held = held
        self._methods = methods
        self._local = _bound(node)
        self._counters = _counters(node)
        self._shapes = _shapes(node)
        self._called = _called(node)
        self._indices = {
            id(part.slice) for part in ast.walk(node) if isinstance(part, ast.Subscript)
        }
        self._ranges = {
            id(part.iter)
            for part in ast.walk(node)
            if isinstance(part, (ast.For, ast.comprehension))
        }
        self.used: dict[str, types.FunctionType] = {}

    def read(self) -> None:
        """Raises :class:`~.genuine.Doubt` for the first word that is not on the list."""
        arguments = self._node.args
        for default in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
            if not _is_constant(default):
                self._doubt(default, "a default value that can change")
        if [d for d in self._node.decorator_list if not _is_plain_decorator(d)]:
            self._doubt(self._node, "a decorator")
        for statement in self._node.body:
            self._visit(statement)

    def _doubt(self, node: ast.AST, what: str) -> None:
        raise Doubt(f"line {getattr(node, 'lineno', self._node.lineno)}: {what}")

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Raise):
            return  # nothing of it is followed
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        if isinstance(node, ast.Expr) and _is_print(node.value):
            for part in ast.walk(node.value):
                if part is not node.value and isinstance(part, (ast.Call, ast.NamedExpr)):
                    self._doubt(part, "a call while printing")
            return
        allowed = isinstance(node, (*_STATEMENTS, *_EXPRESSIONS, *_PARTS))
        if not allowed:
            self._doubt(node, f"{type(node).__name__} is more than a proof rests on")
        check = getattr(self, f"_{type(node).__name__}", None)
        if check is not None:
            check(node)
        if _is_size(node) and id(node) not in self._shapes:
            self._doubt(node, "it computes with the number of coordinates")
        if not isinstance(node, ast.Attribute) or self._library(node) is None:
            for child in ast.iter_child_nodes(node):
                if not isinstance(node, ast.AnnAssign) or child is not node.annotation:
                    self._visit(child)

    def _JoinedStr(self, node: ast.JoinedStr) -> None:
        self._doubt(node, "numbers are made text")

    def _Name(self, node: ast.Name) -> None:
        if node.id.startswith("__"):
            self._doubt(node, f"{node.id} looks at the run itself")
        if node.id in self._local:
            read = isinstance(node.ctx, ast.Load)
            if read and node.id in self._counters and id(node) not in self._indices:
                self._doubt(node, "it computes with the place of a coordinate")
            return
        if id(node) not in self._called and not isinstance(self._names.get(node.id), _VALUES):
            self._doubt(node, f"it handles {node.id} without calling it")
        if node.id not in self._names:
            found = vars(builtins).get(node.id)
            genuine = isinstance(found, (types.BuiltinFunctionType, type, *_PLAIN))
            home = getattr(found, "__module__", "builtins")
            if node.id not in _BUILTINS or not genuine or home != "builtins":
                self._doubt(node, f"it uses {node.id}")
            return
        value = self._names[node.id]
        if isinstance(value, types.FunctionType) and value.__globals__ is self._names:
            self.used[node.id] = value
        elif isinstance(value, types.ModuleType):
            if value is not np and value is not math:
                self._doubt(node, f"it uses the module {value.__name__}")
            self._unassigned(node)
        elif isinstance(value, _PLAIN):
            self._constant(node, value)
        elif not _is_library(value):
            self._doubt(node, f"{node.id} is a {type(value).__name__} outside of the code")
        else:
            self._unassigned(node)

    def _unassigned(self, node: ast.Name) -> None:
        for part in ast.walk(self._module):
            same = isinstance(part, ast.Name) and part.id == node.id
            if same and not isinstance(part.ctx, ast.Load):  # type: ignore[attr-defined]
                self._doubt(part, f"{node.id} is assigned")

    def _constant(self, node: ast.Name, value: Any) -> None:
        """A constant of the module must be bound once, and still be what is written there."""
        bindings = [
            part
            for part in ast.walk(self._module)
            if isinstance(part, ast.Name)
            and part.id == node.id
            and not isinstance(part.ctx, ast.Load)
        ]
        written = [
            part.value
            for part in self._module.body
            if isinstance(part, ast.Assign) and part.targets == bindings
        ]
        if len(bindings) != 1 or len(written) != 1 or not _is_constant(written[0]):
            self._doubt(node, f"{node.id} is no constant of the module")
        stated = ast.literal_eval(written[0])
        if type(stated) is not type(value) or stated != value:
            self._doubt(node, f"{node.id} is {value!r}, and no longer {stated!r} as written")

    def _library(self, node: ast.Attribute) -> Any:
        """What ``np.linalg.norm`` is, or ``None`` where the attribute is none of a module's."""
        path = [node.attr]
        inner: ast.expr = node.value
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id in self._local:
            return None
        found = self._names.get(inner.id)
        if found is not np and found is not math:
            return None
        names = _NUMPY if found is np else _MATH
        for part in reversed(path):
            if part not in names or not hasattr(found, part):
                self._doubt(node, f"it uses {inner.id}.{'.'.join(reversed(path))}")
            found = getattr(found, part)
        if not _is_library(found) and not isinstance(found, (float, types.ModuleType)):
            self._doubt(node, f"{inner.id}.{'.'.join(reversed(path))} is not NumPy's own")
        return found

    def _Attribute(self, node: ast.Attribute) -> None:
        found = self._library(node)
        if (callable(found) or node.attr in self._methods) and id(node) not in self._called:
            self._doubt(node, f"it handles {node.attr} without calling it")
        if found is not None:
            return
        if node.attr in ("__init__",) and isinstance(node.value, ast.Call):
            return  # super().__init__
        known = node.attr in _ATTRIBUTES or node.attr in self._held
        if not known or node.attr in _TELLING or node.attr.startswith("__"):
            self._doubt(node, f"it reads the attribute {node.attr}")

    def _BinOp(self, node: ast.BinOp) -> None:
        if not isinstance(node.op, _ARITHMETIC):
            self._doubt(node, f"the operation {type(node.op).__name__}")

    def _AugAssign(self, node: ast.AugAssign) -> None:
        if not isinstance(node.op, _ARITHMETIC):
            self._doubt(node, f"the operation {type(node.op).__name__}")

    def _UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Invert):
            self._doubt(node, "the operation Invert")

    def _Dict(self, node: ast.Dict) -> None:
        if node.keys:
            self._doubt(node, "a dictionary with keys of its own")

    def _Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and id(node) not in self._called:
            self._doubt(node, f"the text {node.value!r}")
        if not isinstance(node.value, _PLAIN) or node.value != node.value:
            self._doubt(node, f"the constant {node.value!r}")
        if isinstance(node.value, float) and math.isinf(node.value):
            self._doubt(node, "infinity")

    def _Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "range" and id(node) not in self._ranges:
            self._doubt(node, "a range outside of the head of a loop")
        if name == "isinstance":
            kinds = node.args[1] if len(node.args) > 1 else node
            parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            names = [part.id if isinstance(part, ast.Name) else "" for part in parts]
            if not set(names) <= {"dict", "list", "tuple"}:
                self._doubt(node, "it asks for the type of a number")
        if name in ("hasattr", "getattr"):
            on_self = isinstance(node.args[0], ast.Name) and node.args[0].id == "self"
            named = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            if not on_self or not named or node.args[1].value not in self._held:  # type: ignore[attr-defined]
                self._doubt(node, f"it uses {name} of something else than itself")
        if name == "dict" and (node.args or node.keywords):
            self._doubt(node, "a dictionary with keys of its own")
        for keyword in node.keywords:
            kind = keyword.arg == "dtype" and _is_float_type(keyword.value)
            if keyword.arg in _MODES and not kind:
                self._doubt(node, f"the argument {keyword.arg}")

    def _Starred(self, node: ast.Starred) -> None:
        first = self._node.args.args[:1]
        for part in ast.walk(self._node):
            asks = _is_call_of(part, first[0].arg) if first else False
            if asks and node in part.args:  # type: ignore[attr-defined]
                return  # the gradient at coordinates given one by one
        self._doubt(node, "arguments as many as there are coordinates")

    def _Subscript(self, node: ast.Subscript) -> None:
        index = node.slice
        if isinstance(index, ast.Constant) and isinstance(index.value, str):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in CONFIGURATION_NAMES):
                self._doubt(node, f"the key {index.value!r}")

    def _Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.Is, ast.IsNot)):
                if not isinstance(right, ast.Constant):
                    self._doubt(node, "it asks which object something is")
            elif isinstance(operator, (ast.In, ast.NotIn)):
                plain = isinstance(node.left, ast.Name) and isinstance(right, ast.Attribute)
                if not plain:
                    self._doubt(node, "it looks something up by its value")
        for operand in operands:
            for part in ast.walk(operand):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    self._doubt(node, "it compares text")
                if isinstance(part, ast.Name) and part.id in self._counters:
                    self._doubt(node, "it decides by the place of a coordinate")

    def _ListComp(self, node: ast.ListComp | ast.DictComp) -> None:
        for part in node.generators:
            over = part.iter
            whole = isinstance(over, ast.Name) or _is_call_of(over, "range")
            named = isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute)
            if part.ifs or len(node.generators) > 1 or not (whole or named):
                self._doubt(node, "a comprehension that chooses")
        if isinstance(node, ast.ListComp) and not _is_call_of(node.generators[0].iter, "range"):
            self._doubt(node, "it looks at several parameters together")

    _DictComp = _ListComp

    def _For(self, node: ast.For) -> None:
        if not self._is_main(node):
            Apart(node, self._node, self._doubt).check()

    def _is_main(self, node: ast.For) -> bool:
        """Whether this is a loop over steps: over a range of something else than a size."""
        return _is_call_of(node.iter, "range") and not any(map(_is_size, ast.walk(node.iter)))


def _bound(node: ast.FunctionDef) -> set[str]:
    """The names that a definition binds itself."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [entry for entry in (arguments.vararg, arguments.kwarg) if entry]
    return {entry.arg for entry in every} | {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    }


def _counters(node: ast.FunctionDef) -> set[str]:
    """Names that count coordinates or parameters: the places of ``enumerate`` and of sizes."""
    found: set[str] = set()
    for part in ast.walk(node):
        if not isinstance(part, (ast.For, ast.comprehension)):
            continue
        target = part.target
        if _is_call_of(part.iter, "enumerate") and isinstance(target, ast.Tuple):
            target = target.elts[0]
        elif not _is_call_of(part.iter, "range") or not any(map(_is_size, ast.walk(part.iter))):
            continue
        found |= {p.id for p in ast.walk(target) if isinstance(p, ast.Name)}
    return found


def _is_size(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in _SIZES) or _is_call_of(node, "len")


def _called(node: ast.FunctionDef) -> set[int]:
    """Expressions that name what is called, a type that is asked for, or a setting."""
    found: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Raise):
            found |= set(map(id, ast.walk(part)))
        if isinstance(part, ast.Subscript):
            found.add(id(part.slice))
        if not isinstance(part, ast.Call):
            continue
        found.add(id(part.func))
        name = getattr(part.func, "id", getattr(part.func, "attr", ""))
        if name == "isinstance":
            found |= {id(p) for arg in part.args[1:] for p in ast.walk(arg)}
        elif name in ("hasattr", "getattr"):
            found |= set(map(id, part.args[1:2]))
        elif name in ("get", "setdefault"):
            owner = getattr(part.func, "value", None)
            if isinstance(owner, ast.Name) and owner.id in CONFIGURATION_NAMES:
                found |= set(map(id, part.args[:1]))
        found |= {id(keyword.value) for keyword in part.keywords if keyword.arg == "dtype"}
    return found


def _shapes(node: ast.FunctionDef) -> set[int]:
    """Where sizes are harmless: as shapes of new arrays, and in ranges of loops."""
    found: set[int] = set()
    for part in ast.walk(node):
        inside: list[ast.expr] = []
        if isinstance(part, (ast.For, ast.comprehension)) and _is_call_of(part.iter, "range"):
            inside = [part.iter]
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            if part.func.attr in ("zeros", "ones", "empty", "full") and part.args:
                inside = [part.args[0]]
            elif part.func.attr == "reshape":
                inside = part.args
        for entry in inside:
            found |= set(map(id, ast.walk(entry)))
    return found


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _is_print(node: ast.AST) -> bool:
    return _is_call_of(node, "print")


def _is_plain_decorator(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("property", "staticmethod", "classmethod")


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if isinstance(node, ast.Tuple):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant) and isinstance(node.value, _PLAIN)


def _is_float_type(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("float", "float64")


def _is_library(value: Any) -> bool:
    """Whether a value is a function or type of NumPy's or of ``math``, as they came."""
    if isinstance(value, np.ufunc):
        return any("d" in kind for kind in value.types)  # not one made of a Python function
    home = str(getattr(value, "__module__", "") or "").partition(".")[0]
    if home not in ("numpy", "math"):
        return False
    if isinstance(value, types.BuiltinFunctionType) or (
        isinstance(value, type) and issubclass(value, (np.generic, np.ndarray))
    ):
        return True
    if type(value) is not type(np.where):
        return False
    inner = getattr(value, "_implementation", None)
    if isinstance(inner, types.FunctionType):
        return inner.__code__.co_filename.startswith(str(np.__path__[0]))
    return isinstance(inner, types.BuiltinFunctionType)


def steps_named(node: ast.expr) -> bool:
    """Whether an expression reads the number of steps from a dictionary of settings."""
    key: Any = None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        key = node.slice.value
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        key = node.args[0].value
    return isinstance(key, str) and (key in COUNTS or key in ("n", "T"))
