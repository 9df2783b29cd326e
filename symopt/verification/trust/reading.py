"""User code, read from its entry to everything that it reaches."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Iterator
from typing import Any

from symopt.verification.trust.genuine import Doubt, Text, text_of
from symopt.verification.trust.reports import reported_variable
from symopt.verification.trust.sharing import refuse_sharing
from symopt.verification.trust.words import Words

__all__ = ["read_class", "read_function", "read_loop"]

_GIVEN = frozenset({
    "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__qualname__",
    "__firstlineno__", "__static_attributes__",
})  # fmt: skip
#: Methods with underscores that mean nothing while stepping, or exactly one call.
_SPECIAL = frozenset({"__init__", "__call__", "__repr__", "__str__"})


def read_function(function: Any) -> tuple[Text, ast.FunctionDef]:
    """A function and all functions of its file that it uses; its text and definition.

    Raises :class:`~.genuine.Doubt` for what a lift would not see, or see otherwise than it runs.
    """
    text, names = _home(function)
    node = _follow(text, names, [function], ())
    return text, node


def read_loop(function: Any) -> str:
    """A whole-loop function: the path of the variable that it reports.

    Raises :class:`~.genuine.Doubt`, also where the arguments are not ``(grad, x0, steps)``.
    """
    _, node = read_function(function)
    arguments = [entry.arg for entry in (*node.args.posonlyargs, *node.args.args)]
    if len(arguments) < 2:
        raise Doubt("it takes less than a gradient function and a start")
    return reported_variable(node, arguments[0], arguments[2] if len(arguments) > 2 else "")


def read_class(kind: type) -> None:
    """A class, its bases and everything that its methods use.

    Raises :class:`~.genuine.Doubt`.
    """
    held: set[str] = set()
    methods: list[types.FunctionType] = []
    classes = [base for base in kind.__mro__ if base is not object]
    text, names = _home(kind)
    for cls in classes:
        if type(cls) is not type:
            raise Doubt(f"{cls.__qualname__} has a class of classes of its own")
        if _home(cls)[0] is not text:
            raise Doubt(f"it inherits from {cls.__qualname__} of another file")
        own, found = _members(cls, text)
        held |= own
        methods += found
    for method in methods:
        held |= _assigned(text.definition(method))
    _follow(text, names, methods, held, {method.__name__ for method in methods})


def _home(thing: Any) -> tuple[Text, dict[str, Any]]:
    module = sys.modules.get(thing.__module__)
    if module is None:
        raise Doubt(f"its module {thing.__module__} is not loaded")
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:
        file = None
    if not file:
        raise Doubt("its source is not in a file")
    return text_of(file), vars(module)


def _follow(
    text: Text, names: dict[str, Any], waiting: list[Any], held: Any, methods: Any = ()
) -> ast.FunctionDef:
    """Read functions until no further one is reached; the definition of the first."""
    nodes: list[ast.FunctionDef] = []
    seen: list[Any] = []
    waiting = list(waiting)
    while waiting:
        function = waiting.pop(0)
        if any(function is other for other in seen):
            continue
        seen.append(function)
        if not isinstance(function, types.FunctionType) or function.__globals__ is not names:
            raise Doubt(f"{getattr(function, '__qualname__', function)} is of another file")
        node = text.definition(function)
        if function.__closure__ and any(n != "__class__" for n in function.__code__.co_freevars):
            raise Doubt(f"{function.__qualname__} keeps variables of a function around it")
        if function.__dict__:
            raise Doubt(f"{function.__qualname__} has attributes")
        if "." not in function.__qualname__:
            text.once(function.__qualname__)
        _same_defaults(function, node)
        words = Words(node, names, text.tree, held, methods)
        words.read()
        waiting += words.used.values()
        nodes.append(node)
    if not nodes:
        raise Doubt("there is nothing to read")
    refuse_sharing(nodes)
    return nodes[0]


def _same_defaults(function: types.FunctionType, node: ast.FunctionDef) -> None:
    """Defaults are constants (``Words`` sees to it): they must still be those that are written."""
    written = [entry for entry in node.args.defaults if isinstance(entry, ast.expr)]
    live = list(function.__defaults__ or ())
    keywords = {
        entry.arg: default
        for entry, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    }
    held = dict(function.__kwdefaults__ or {})
    pairs = [*zip(written, live, strict=False), *((keywords[n], held.get(n)) for n in keywords)]
    try:
        same = all(_equal(ast.literal_eval(node), value) for node, value in pairs)
    except ValueError:
        return  # no constant: its reading says so
    if not same or len(written) != len(live) or set(held) != set(keywords):
        raise Doubt(f"the defaults of {function.__qualname__} are no longer those in the file")


def _equal(stated: Any, live: Any) -> bool:
    return type(stated) is type(live) and bool(stated == live)


def _members(cls: type, text: Text) -> tuple[set[str], list[types.FunctionType]]:
    """The names that a class defines, and its functions; all as the file has them."""
    node = _class_node(cls, text)
    written = dict(_constants(node))
    defined = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    functions = []
    for name, value in vars(cls).items():
        if name in _GIVEN:
            continue
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        elif isinstance(value, property):
            if value.fset or value.fdel:
                raise Doubt(f"{cls.__qualname__}.{name} does something when it is set")
            value = value.fget
        if isinstance(value, types.FunctionType):
            if name not in defined or (name.startswith("__") and name not in _SPECIAL):
                raise Doubt(f"{cls.__qualname__}.{name} is no plain method")
            if value.__name__ != name:
                raise Doubt(f"{cls.__qualname__}.{name} was replaced by {value.__qualname__}")
            functions.append(value)
        elif name not in written or not _equal(written[name], value):
            raise Doubt(f"{cls.__qualname__}.{name} is no constant as the file has it")
    return {*written, *defined}, functions


def _class_node(cls: type, text: Text) -> ast.ClassDef:
    if "<locals>" in cls.__qualname__:
        raise Doubt(f"{cls.__qualname__} is made inside a function")
    text.once(cls.__qualname__.partition(".")[0])
    body: list[ast.stmt] = text.tree.body
    found: ast.ClassDef | None = None
    for part in cls.__qualname__.split("."):
        nodes = [node for node in body if isinstance(node, ast.ClassDef) and node.name == part]
        if len(nodes) != 1:
            raise Doubt(f"{cls.__qualname__} is not defined once in {text.name}")
        found = nodes[0]
        body = found.body
    assert found is not None
    if found.decorator_list or found.keywords:
        raise Doubt(f"{cls.__qualname__} is decorated, or has a class of classes")
    return found


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for part in node.body:
        if isinstance(part, ast.FunctionDef) or (
            isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        ):
            continue
        target = part.targets[0] if isinstance(part, ast.Assign) else None
        try:
            if not isinstance(target, ast.Name) or not isinstance(part, ast.Assign):
                raise ValueError
            yield target.id, ast.literal_eval(part.value)
        except ValueError:
            if not isinstance(part, (ast.Pass, ast.AnnAssign)):
                raise Doubt(f"line {part.lineno}: {node.name} computes in its body") from None
            if isinstance(part, ast.AnnAssign) and part.value is not None:
                raise Doubt(f"line {part.lineno}: {node.name} computes in its body") from None


def _assigned(node: ast.FunctionDef) -> set[str]:
    """The attributes of itself that a method sets."""
    return {
        part.attr
        for part in ast.walk(node)
        if isinstance(part, ast.Attribute)
        and isinstance(part.ctx, ast.Store)
        and isinstance(part.value, ast.Name)
        and part.value.id == "self"
    }
