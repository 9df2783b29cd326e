"""The registries ``symopt.rules``, ``.objectives`` and ``.models``, filled by discovery.

A folder is the registry: each file states one family, and every module-level variable that holds
a rule (or an objective) is an entry under the variable's name. Nothing else is edited when one is
added. Besides the package's own catalogue a library reads

- the folders that the environment variable ``SYMOPT_CATALOGUE`` lists (each may hold ``rules/``
  and ``objectives/``, or files directly),
- entry points of installed packages in the groups ``symopt.rules`` and ``symopt.objectives``.

Files named so are Python code of the user's own, and they are executed.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from symopt.errors import InputError, StatementError, UnknownNameError, did_you_mean
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.system import System
from symopt.statement.user_code import execute_file

__all__ = ["ENVIRONMENT", "Library", "models", "objectives", "rules"]

#: Folders to read besides the package's own, separated as in ``PATH``.
ENVIRONMENT = "SYMOPT_CATALOGUE"

Statement = TypeVar("Statement", Rule, Objective, ArrayObjective, System)


class Library(Mapping[str, Statement], Generic[Statement]):
    """Statements by name: a mapping, with attribute access and did-you-mean errors.

    >>> "adam" in rules
    True
    >>> rules.adam is rules["adam"]
    True
    >>> rules.adm
    Traceback (most recent call last):
    ...
    symopt.errors.UnknownNameError: no rule named 'adm'. Did you mean ...
    """

    def __init__(self, kind: type[Statement], folder: str, paths: tuple[Path, ...] = ()) -> None:
        self._kind: type[Statement] = kind
        self._folder = folder
        self._paths = paths

    @property
    def _what(self) -> str:
        return self._folder.removesuffix("s")

    @cached_property
    def _entries(self) -> dict[str, Statement]:
        found: dict[str, Statement] = {}
        package = importlib.import_module(f"symopt.catalogue.{self._folder}")
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            self._collect(module, info.name, found)
        for point in entry_points(group=f"symopt.{self._folder}"):
            try:
                loaded = point.load()
            except Exception as error:
                raise StatementError(
                    f"the entry point {point.name!r} ({point.value}) cannot be loaded: {error}"
                ) from error
            if isinstance(loaded, ModuleType):
                self._collect(loaded, point.name, found)
            elif isinstance(loaded, self._kind):
                self._add(found, point.name, loaded.named(point.name), point.value)
        listed = os.environ.get(ENVIRONMENT, "").split(os.pathsep)
        for path in [Path(entry) for entry in listed if entry] + list(self._paths):
            for file in self._files(path):
                self._collect(execute_file(file), file.stem, found)
        return found

    def _files(self, path: Path) -> list[Path]:
        if path.is_file():
            return [path]
        if not path.is_dir():
            raise InputError(f"no file or folder {str(path)!r} to read {self._folder} from")
        inner = path / self._folder
        folder = inner if inner.is_dir() else path
        return sorted(file for file in folder.glob("*.py") if not file.name.startswith("_"))

    def _collect(self, module: ModuleType, family: str, found: dict[str, Statement]) -> None:
        for name, value in vars(module).items():
            if isinstance(value, self._kind) and not name.startswith("_"):
                self._add(found, name, value.named(name, family), module.__file__ or family)

    def _add(self, found: dict[str, Statement], name: str, value: Statement, where: str) -> None:
        if name in found:
            raise StatementError(f"{where}: a {self._what} named {name!r} is already stated")
        found[name] = value

    def extended(self, *paths: str | os.PathLike[str]) -> Library[Statement]:
        """A library that also reads these files or folders (Python code, which is executed)."""
        return Library(self._kind, self._folder, (*self._paths, *map(Path, paths)))

    def resolve(self, given: Any) -> Statement:
        """A statement from its name or from itself; ``"rosenbrock[5]"`` names a family's member.

        >>> objectives.resolve("rosenbrock[5]").dimension
        5
        """
        if isinstance(given, self._kind):
            return given
        if not isinstance(given, str):
            raise InputError(
                f"a {self._what} is given by name or as symopt.{self._kind.__name__}, not "
                f"{type(given).__name__}"
            )
        return self[given]

    def __getitem__(self, name: str) -> Statement:
        entries = self._entries
        if name in entries:
            return entries[name]
        member = re.fullmatch(r"(\w+)\[(\d{1,4})\]", name)
        if member and isinstance(family := entries.get(member[1]), Objective):
            return family.in_dimension(int(member[2]))
        hint = did_you_mean(name, entries) or f" `symopt list {self._folder}` shows all."
        raise UnknownNameError(f"no {self._what} named {name!r}.{hint}")

    def get(self, name: str, default: Any = None) -> Any:
        """A statement by name, or the default."""
        try:
            return self[name]
        except UnknownNameError:
            return default

    def __getattr__(self, name: str) -> Statement:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._entries]

    def __repr__(self) -> str:
        return f"<{len(self)} {self._folder}: {', '.join(self)}>"


rules: Library[Rule] = Library(Rule, "rules")
objectives: Library[Objective] = Library(Objective, "objectives")
models: Library[ArrayObjective] = Library(ArrayObjective, "models")
