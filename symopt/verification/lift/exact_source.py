"""The unmodified source of code, executed with exact literals and with traced numbers in mind.

``0.9`` is read as 9/10, as it is written; ``math``, NumPy and a few built-ins understand traced
numbers. Every run gets a world of its own, so no run sees what another one left behind. What has
no place in a rule (random numbers, the clock, files) is refused where it is used.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import math
import sys
import textwrap
import types
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.needed import needed
from symopt.verification.lift.numpy_arrays import TracedArray, array_of, is_traced
from symopt.verification.lift.trace import Tape, Traced

__all__ = ["Code", "unwrapped"]

#: Modules whose answers differ from run to run, or that look at the run itself.
_CHANGING = frozenset({
    "random", "secrets", "time", "datetime", "uuid", "os", "sys", "inspect", "gc", "ctypes",
    "threading", "multiprocessing", "subprocess", "socket", "weakref", "traceback", "tracemalloc",
    "platform", "pickle", "importlib", "builtins", "contextlib", "json", "struct", "hashlib",
    "decimal", "marshal", "io", "signal", "queue", "asyncio", "concurrent",
})  # fmt: skip
_REFUSED_BUILTINS = (
    "memoryview",
    "vars",
    "dir",
    "eval",
    "exec",
    "compile",
    "open",
    "input",
    "globals",
    "locals",
    "breakpoint",
)


@dataclass(frozen=True)
class Code:
    """A function or a class, by its source.

    ``transform`` changes the syntax tree of the target itself (loops use it).
    """

    target: Any
    transform: Callable[[ast.AST], ast.AST] | None = None

    @cached_property
    def file(self) -> str:
        try:
            return str(inspect.getsourcefile(self.target) or "")
        except TypeError as error:
            raise LiftError(f"{self.target!r} is neither a function nor a class") from error

    @cached_property
    def _local(self) -> bool:
        return "<locals>" in self.target.__qualname__

    @cached_property
    def line(self) -> int:
        return self._lines[1]

    @cached_property
    def length(self) -> int:
        return len(self._lines[0])

    @cached_property
    def _lines(self) -> tuple[list[str], int]:
        try:
            return inspect.getsourcelines(self.target)
        except (OSError, TypeError) as error:
            raise LiftError(
                f"the source of {self.target.__qualname__} cannot be read; put it in a file"
            ) from error

    @cached_property
    def _compiled(self) -> types.CodeType:
        lines, first = self._lines
        if self._local:
            text = textwrap.dedent("".join(lines))
        else:
            text = inspect.getsource(sys.modules[self.target.__module__])
        tree: ast.AST = self._parsed(text)
        if self._local:
            ast.increment_lineno(tree, first - 1)
            tree.body[0].decorator_list = []  # type: ignore[attr-defined]
        else:
            assert isinstance(tree, ast.Module)
            tree = needed(tree, self.target.__qualname__.partition(".")[0])
        if self.transform is not None:
            tree = _Target(self.target.__qualname__.split(".<locals>.")[-1], self.transform).visit(
                tree
            )
        tree = ast.fix_missing_locations(_Literals().visit(tree))
        # Annotations stay text: float is a function in the lifted world.
        flags = __future__.annotations.compiler_flag
        code: Any = compile(cast(Any, tree), self.file, "exec", flags, True)
        assert isinstance(code, types.CodeType)
        return code

    def definition(self) -> ast.AST:
        """The syntax tree of the target."""
        tree = self._parsed(textwrap.dedent("".join(self._lines[0])))
        return ast.increment_lineno(tree.body[0], self.line - 1)

    def _parsed(self, text: str) -> ast.Module:
        try:
            return ast.parse(text)
        except SyntaxError as error:  # a lambda's lines hold parts of what surrounds it
            raise LiftError(
                f"the lines of {self.target.__qualname__} are no code by themselves; give it a "
                "name with def"
            ) from error

    def world(self, tape: Tape) -> tuple[Any, dict[str, Any]]:
        """The target in a world of its own, and that world's names.

        Raises :class:`~symopt.errors.LiftError` where the source does not execute.
        """
        names = self._names(tape)
        try:
            exec(self._compiled, names)  # the user's own code, from its own file
            found: Any = names[self.target.__qualname__.split(".<locals>.")[-1].split(".")[0]]
            for part in self.target.__qualname__.split(".<locals>.")[-1].split(".")[1:]:
                found = getattr(found, part)
        except LiftError:
            raise
        except Exception as error:
            raise LiftError(
                f"{self.file} does not execute with exact numbers: {type(error).__name__}: {error}"
            ) from error
        return unwrapped(found) if self.transform is not None else found, names

    def _names(self, tape: Tape) -> dict[str, Any]:
        shims = _builtins(tape)
        module = sys.modules.get(self.target.__module__)
        names: dict[str, Any] = {
            "__name__": self.target.__module__,
            "__file__": self.file,
            "__package__": getattr(module, "__package__", None),
            "__builtins__": shims,
        }
        if self._local:
            for name, value in vars(module).items():
                if not name.startswith("__"):
                    names[name] = _shimmed(value, tape)
            names.update(_captured(self.target, tape))

        def caught() -> None:
            kind = sys.exc_info()[0]
            usual = (KeyError, AttributeError, IndexError, StopIteration)
            if tape.active and not (kind and issubclass(kind, usual)):
                tape.refuse("an exception that is caught")

        names["__symopt_caught__"] = caught
        names["__symopt_literal__"] = lambda text: Traced(tape, tape.graph.const(Fraction(text)))
        return names


def unwrapped(function: Any) -> Any:
    """The function inside of decorators, whether or not they say what they wrap."""
    function = inspect.unwrap(function)
    while "<locals>" in function.__qualname__ and function.__closure__:
        held = [cell.cell_contents for cell in function.__closure__]
        inner = [
            value
            for value in held
            if inspect.isfunction(value) and "<locals>" not in value.__qualname__
        ]
        if len(inner) != 1 or len(held) != 1:
            break
        function = inspect.unwrap(inner[0])
    return function


class _Target(ast.NodeTransformer):
    """Applies a transformation to one definition, by its qualified name."""

    def __init__(self, name: str, transform: Callable[[ast.AST], ast.AST]) -> None:
        self._path = name.split(".")
        self._transform = transform

    def _visit(self, node: Any) -> ast.AST:
        if node.name != self._path[0]:
            return node  # type: ignore[no-any-return]
        if len(self._path) == 1:
            return self._transform(node)
        self._path.pop(0)
        node.body = [self.visit(part) for part in node.body]
        return node  # type: ignore[no-any-return]

    visit_FunctionDef = visit_ClassDef = _visit


class _Literals(ast.NodeTransformer):
    """Decimals as exact numbers; ``1/3`` and ``10**-8`` of integers as well; no printing."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is not float or not math.isfinite(node.value):
            return node
        return ast.copy_location(_call("__symopt_literal__", ast.Constant(repr(node.value))), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left = node.left
        whole = isinstance(left, ast.Constant) and type(left.value) is int
        if whole and isinstance(node.op, (ast.Pow, ast.Div)):
            assert isinstance(left, ast.Constant)
            made = _call("__symopt_literal__", ast.Constant(str(left.value)))
            node.left = ast.copy_location(made, left)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if named and call.func.id == "print":  # type: ignore[attr-defined]
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """The message of an exception may show numbers that are not known while lifting."""
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        """What code does about an exception is followed only where floats raise it as well."""
        self.generic_visit(node)
        caught = ast.Expr(ast.Call(ast.Name("__symopt_caught__", ast.Load()), [], []))
        for part in ast.walk(caught):
            ast.copy_location(part, node.body[0])
        node.body = [caught, *node.body]
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node


def _call(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def _captured(target: Any, tape: Tape) -> dict[str, Any]:
    """What a nested function took from around it; nothing that it could keep state in."""
    cells = getattr(target, "__closure__", None) or ()
    names = target.__code__.co_freevars if hasattr(target, "__code__") else ()
    found = {}
    for name, cell in zip(names, cells, strict=True):
        value = cell.cell_contents
        plain = isinstance(value, (int, float, str, type(None), types.ModuleType))
        if not plain and not callable(value):
            raise LiftError(
                f"{target.__qualname__} captures {name!r} from around it; move it to module level"
            )
        found[name] = _shimmed(value, tape)
    return found


def _shimmed(value: Any, tape: Tape) -> Any:
    """A module, or a function of one, as traced code should see it."""
    if isinstance(value, types.ModuleType):
        return _module(value, tape)
    if getattr(math, getattr(value, "__name__", ""), None) is value and callable(value):
        return getattr(_Math(math, tape), value.__name__)
    return value


def _module(module: types.ModuleType, tape: Tape) -> Any:
    name = module.__name__
    if name in ("numpy", "autograd.numpy", "autograd.numpy.numpy_wrapper"):
        return _NumPy(np, tape)
    if name == "math":
        return _Math(math, tape)
    if name.partition(".")[0] in _CHANGING or name.startswith("numpy.random"):
        return _Changing(module, tape)
    return module


class _Shim(types.ModuleType):
    """A module some of whose names are replaced."""

    def __init__(self, module: types.ModuleType, tape: Tape) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module
        self.__dict__["_tape"] = tape

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)


class _Changing(_Shim):
    """A module that lifted code may import but, while it steps, not use."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__dict__["_module"], name)
        tape: Tape = self.__dict__["_tape"]
        if not callable(value) or isinstance(value, type):
            if tape.active:
                tape.refuse(f"{self.__name__}.{name}, which differs from run to run")
            return value

        def refused(*args: Any, **options: Any) -> Any:
            if tape.active:
                tape.refuse(f"{self.__name__}.{name}(), which differs from run to run")
            return value(*args, **options)

        return refused


class _Math(_Shim):
    """``math`` for traced numbers."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(math, name)
        if not callable(real):
            if name in ("pi", "e"):
                tape: Tape = self.__dict__["_tape"]
                return Traced(tape, tape.graph.apply(name))
            return real
        special = _MATH.get(name)

        def function(*args: Any) -> Any:
            if not any(isinstance(arg, Traced) for arg in args):
                return real(*args)
            if special is not None:
                return special(*args)
            tape: Tape = self.__dict__["_tape"]
            if name in ("isnan", "isinf"):
                return False
            if name == "isfinite":
                return True
            return tape.refuse(f"math.{name}")

        return function


def _unary(op: str) -> Callable[[Any], Any]:
    return lambda a: a.tape.apply(op, a)


def _logarithm(a: Any, *base: Any) -> Any:
    tape = next(value.tape for value in (a, *base) if isinstance(value, Traced))
    result = tape.apply("log", a)
    return result / tape.apply("log", base[0]) if base else result


_MATH: dict[str, Callable[..., Any]] = {
    **{name: _unary(name) for name in
       ("sqrt", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "atan")},
    "log": _logarithm, "fabs": abs, "pow": lambda a, b: a**b,
    "log1p": lambda a: a.tape.apply("log", 1 + a), "expm1": lambda a: a.tape.apply("exp", a) - 1,
    "hypot": lambda a, b: (a * a + b * b) ** Fraction(1, 2),
    "floor": math.floor, "ceil": math.ceil,
}  # fmt: skip


class _NumPy(_Shim):
    """NumPy whose new arrays can hold traced numbers."""

    def __getattr__(self, name: str) -> Any:
        tape: Tape = self.__dict__["_tape"]
        if name == "random":
            return _Changing(np.random, tape)
        if name in ("pi", "e"):
            return Traced(tape, tape.graph.apply(name))
        made = _NUMPY.get(name)
        if made is not None:
            return _Made(made, tape, getattr(np, name))
        return getattr(np, name)


class _Made:
    """A function of NumPy's for traced numbers; as a type (``dtype=np.float64``) it is NumPy's."""

    def __init__(self, make: Callable[..., Any], tape: Tape, real: Any) -> None:
        self._make = make
        self._tape = tape
        self.real = real
        if isinstance(real, type):
            self.dtype = np.dtype(real)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._make(self._tape, *args, **options)


def _zeros(value: int) -> Callable[..., Any]:
    def make(tape: Tape, shape: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if dtype is not None and np.dtype(dtype).kind in "iub":
            return np.full(shape, value, dtype)
        return array_of(tape, np.full(shape, value, dtype=float))

    return make


def _array(tape: Tape, values: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    if isinstance(values, TracedArray):
        return values.copy()
    if dtype is not None and np.dtype(dtype).kind in "iub":
        return np.array(values, dtype)
    raw = None if is_traced(values) else np.asarray(values)
    if raw is not None and raw.dtype.kind not in "fiu":
        return np.array(values)
    return array_of(tape, values).copy()


def _same(tape: Tape, values: Any, *args: Any, **options: Any) -> Any:
    return values if isinstance(values, TracedArray) else _array(tape, values)


def _number(kind: type[Any]) -> Callable[..., Any]:
    def convert(tape: Tape, value: Any = 0.0) -> Any:
        if kind is not np.float64 and is_traced(value):
            tape.notes[f"casts to {kind.__name__} are left out"] = None
        if isinstance(value, (Traced, TracedArray)):
            return value
        return Traced(tape, tape.node(value))

    return convert


_NUMPY: dict[str, Callable[..., Any]] = {
    "zeros": _zeros(0), "ones": _zeros(1), "empty": _zeros(0), "array": _array, "asarray": _same,
    "asanyarray": _same, "float64": _number(np.float64), "float32": _number(np.float32),
    "full": lambda tape, shape, value, *_, **o: np.full_like(_zeros(0)(tape, shape), value),
}  # fmt: skip


def _builtins(tape: Tape) -> dict[str, Any]:
    """The built-in names, with those replaced that would lose a traced number."""
    names = dict(vars(builtins))

    def imported(name: str, *args: Any) -> Any:
        found = builtins.__import__(name, *args)
        wanted = args[2] if len(args) > 2 else ()
        whole = sys.modules.get(name) if wanted and not (len(args) > 3 and args[3]) else found
        if wanted and name == "autograd" and "numpy" in wanted:
            return types.SimpleNamespace(**{**vars(found), "numpy": _NumPy(np, tape)})
        return _module(whole if whole is not None else found, tape)

    def number(value: Any = 0.0) -> Any:
        if isinstance(value, Traced):
            return value
        if isinstance(value, TracedArray) and value.size == 1:
            return value.item()
        return Traced(tape, tape.node(float(value)))

    number.dtype = np.dtype(float)  # type: ignore[attr-defined]

    def extreme(op: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def pick(*args: Any, **options: Any) -> Any:
            values = list(args[0] if len(args) == 1 else args)
            if options or not any(isinstance(value, Traced) for value in values):
                return real(*args, **options)
            result = values[0]
            for value in values[1:]:
                result = tape.apply(op, result, value)
            return result

        return pick

    def length(value: Any) -> Any:
        grows = tape.growing.get(id(value))
        if grows is None:
            return len(value)
        held, first, growth = grows
        # One step was made before the general one: what was added since is on top.
        added = len(held) - first - growth
        return tape.input(("t",)) * growth + (first - growth + added)

    def instance(value: Any, kinds: Any) -> bool:
        if isinstance(value, Traced):
            kinds = kinds if isinstance(kinds, tuple) else (kinds,)
            return any(kind is number or isinstance(0.0, _class(kind)) for kind in kinds)
        if isinstance(kinds, tuple):
            return any(instance(value, kind) for kind in kinds)
        return isinstance(value, float if kinds is number else _class(kinds))

    def kind_of(value: Any, *rest: Any) -> Any:
        if rest:
            return type(value, *rest)
        if isinstance(value, Traced):
            return number
        return np.ndarray if isinstance(value, TracedArray) else type(value)

    def refused(name: str) -> Callable[..., Any]:
        real = getattr(builtins, name)

        def call(*args: Any, **options: Any) -> Any:
            return tape.refuse(f"{name}()") if tape.active else real(*args, **options)

        return call

    names.update(
        {
            "__import__": imported, "float": number, "isinstance": instance,
            "max": extreme("max", max), "min": extreme("min", min),
            "len": length,
            "print": lambda *args, **options: None, "type": _Type(kind_of),
        },
        **{name: refused(name) for name in _REFUSED_BUILTINS},
    )  # fmt: skip
    return names


class _Type:
    """``type`` as a function; classes in need of the real one get it."""

    def __init__(self, kind_of: Callable[..., Any]) -> None:
        self._kind_of = kind_of

    def __call__(self, *args: Any) -> Any:
        return self._kind_of(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(type, name)


def _class(kind: Any) -> Any:
    if isinstance(kind, _Type):
        return type
    return kind.real if isinstance(kind, _Made) else kind
