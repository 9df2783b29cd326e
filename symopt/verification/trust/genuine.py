"""Whether the code that runs is the text that its file holds.

A lift reads source; what runs are code objects. A method that was replaced, a constant of a module
that was changed, a file that was edited since: each of them makes the two differ.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Doubt", "Text", "altered_framework", "text_of"]

Definition = ast.FunctionDef | ast.Lambda


class Doubt(Exception):
    """Why nothing may be concluded from reading a piece of code; the message is the reason."""


@dataclass(frozen=True)
class Text:
    """A source file: its syntax tree, and the code that it compiles to."""

    file: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def codes(self) -> frozenset[types.CodeType]:
        """All code objects of the file, however deeply nested."""
        return frozenset(_nested(compile(self.source, self.file, "exec", 0, True)))

    @cached_property
    def _met(self) -> dict[int, types.CodeType]:
        """Code that was compared already: hashing code is slow, and code never changes."""
        return {}

    def holds(self, code: types.CodeType) -> bool:
        """Whether code is what this text compiles to."""
        if self._met.get(id(code)) is code:
            return True
        if code not in self.codes:
            return False
        self._met[id(code)] = code
        return True

    @property
    def name(self) -> str:
        return Path(self.file).name

    def definition(self, function: types.FunctionType) -> ast.FunctionDef:
        """The definition of a function, which must be what is written there.

        Raises :class:`Doubt` where another one runs.
        """
        code = function.__code__
        if not self.holds(code):
            raise Doubt(
                f"{function.__qualname__} is not what {self.name} says at line "
                f"{code.co_firstlineno}: it was replaced, or the file was edited since"
            )
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
        raise Doubt(f"{function.__qualname__} is no plain definition in {self.name}")

    def once(self, name: str) -> None:
        """Raise :class:`Doubt` unless a function or class is the only thing of its name."""
        defined = [part for part in ast.walk(self.tree) if getattr(part, "name", "") == name]
        top = [part for part in defined if part in self.tree.body]
        if len(defined) != 1 or len(top) != 1 or name in self.stored:
            raise Doubt(f"{self.name} gives the name {name} to more than one thing")

    @cached_property
    def stored(self) -> frozenset[str]:
        """Names that are assigned somewhere in the file, in whatever scope."""
        return frozenset(
            part.id
            for part in ast.walk(self.tree)
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
        )


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


@lru_cache(maxsize=1024)
def _read(file: str, stamp: tuple[int, int]) -> Text:
    return Text(file, Path(file).read_text(encoding="utf-8"))


def text_of(file: str) -> Text:
    """The text of a file as it is on disk, which must be what a lift would read.

    Raises :class:`Doubt`.
    """
    try:
        status = Path(file).stat()
        text = _read(file, (status.st_mtime_ns, status.st_size))
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise Doubt(f"its source cannot be read: {error}") from error
    linecache.checkcache(file)
    seen = "".join(linecache.getlines(file))
    if seen.rstrip("\n") != text.source.rstrip("\n"):
        raise Doubt(f"{text.name} on disk is not the source that Python shows for it")
    return text


def altered_framework(package: str, modules: Iterable[str]) -> str:
    """What in modules of a framework is not what their files say; ``""`` for nothing.

    Functions made by the framework's own decorators, or by Python's, are looked through.
    """
    for name in modules:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if not file or not str(file).endswith(".py"):
            continue
        try:
            text = text_of(str(file))
        except Doubt as doubt:
            return str(doubt)
        for owner, function in _functions(module):
            reason = _foreign(function, text, package)
            if reason:
                return f"{name}: {owner}{reason}"
    return ""


def _functions(module: Any) -> Iterator[tuple[str, Any]]:
    for key, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            for name, member in list(vars(value).items()):
                yield f"{key}.{name}", member
        elif isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
            yield key, value


def _foreign(function: Any, text: Text, package: str) -> str:
    """Why a function of a framework is not its own; ``""`` where it is."""
    for _ in range(8):
        if isinstance(function, (staticmethod, classmethod)):
            function = function.__func__
        elif isinstance(function, property):
            function = function.fget
        if not isinstance(function, types.FunctionType):
            return ""
        code = function.__code__
        if code.co_filename == text.file:
            return "" if text.holds(code) else " is not what its file says"
        # What decorators, dataclasses and named tuples make around it is theirs or Python's.
        if not code.co_filename.startswith((*_places(package), "<")):
            return f" was replaced by code of {code.co_filename}"
        function = getattr(function, "__wrapped__", None)
    return ""


@lru_cache(maxsize=16)
def _places(package: str) -> tuple[str, ...]:
    """Folders and files of a framework and of Python's own library."""
    standard = sysconfig.get_path("stdlib")
    own = [str(entry) for entry in (standard, *Path(standard).glob("*.py")) if entry != standard]
    own += [f"{entry}{os.sep}" for entry in Path(standard).iterdir()
            if entry.is_dir() and entry.name != "site-packages"]  # fmt: skip
    for name in (package, "typing_extensions"):
        file = getattr(sys.modules.get(name), "__file__", None)
        if file:
            path = Path(file)
            own.append(f"{path.parent}{os.sep}" if path.name == "__init__.py" else str(path))
    return tuple(own)
