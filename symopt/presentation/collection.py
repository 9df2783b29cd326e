"""A folder of derivations: one short Python file each, and beside it the file that it produces.

Each file defines ``document``, a :class:`~symopt.presentation.document.Document`. The files are
Python code, and they are executed.
"""

from __future__ import annotations

import os
import runpy
from dataclasses import dataclass
from pathlib import Path

from symopt.errors import InputError, SymoptError
from symopt.presentation.document import Document, written

__all__ = ["Entry", "read_collection"]

SUFFIXES = (".tex",)


@dataclass(frozen=True)
class Entry:
    """One derivation: its script, and the document that it makes."""

    script: Path
    document: Document

    def _outputs(self) -> dict[Path, str]:
        return {self.script.with_suffix(suffix): self.document.latex() for suffix in SUFFIXES}

    def stale(self) -> list[Path]:
        """The produced files that are missing or differ from what the script makes now."""
        return [
            path
            for path, text in self._outputs().items()
            if not path.is_file() or path.read_text("utf-8") != text
        ]

    def update(self) -> list[Path]:
        """Write the files that are stale, and name them."""
        outputs = self._outputs()
        return [written(path, outputs[path]) for path in self.stale()]


def read_collection(folder: str | os.PathLike[str]) -> list[Entry]:
    """Execute every script of a folder and take its ``document``.

    Raises :class:`~symopt.errors.InputError` for a folder without scripts, a script that fails,
    or one that defines no document.
    """
    path = Path(folder)
    scripts = sorted(file for file in path.glob("*.py") if not file.name.startswith("_"))
    if not scripts:
        raise InputError(f"no derivations (*.py) in {str(path)!r}")
    return [Entry(script, _document(script)) for script in scripts]


def _document(script: Path) -> Document:
    try:
        made = runpy.run_path(str(script)).get("document")
    except SymoptError:
        raise
    except Exception as error:
        raise InputError(f"{script} fails: {type(error).__name__}: {error}") from error
    if not isinstance(made, Document):
        raise InputError(f"{script} defines no document; end it with document = symopt.derive(...)")
    return made
