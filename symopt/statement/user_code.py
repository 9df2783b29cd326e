"""Python files of the user's own, executed as modules. Never text that came from elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from symopt.errors import InputError, StatementError, SymoptError

__all__ = ["execute_file"]


def execute_file(file: Path) -> ModuleType:
    """The module that a Python file defines, executed once per call.

    Raises :class:`~symopt.errors.InputError` where there is no such file, and
    :class:`~symopt.errors.StatementError` that names the file where executing it fails.
    """
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}")
    name = f"symopt_user_{file.stem}_{abs(hash(str(file.resolve())))}"
    specification = importlib.util.spec_from_file_location(name, file)
    if specification is None or specification.loader is None:
        raise InputError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except SymoptError as error:
        raise StatementError(f"{file}: {error}") from error
    except Exception as error:
        raise StatementError(f"{file} cannot be loaded: {type(error).__name__}: {error}") from error
    return module
