"""A folder of derivations: one short Python file each, and beside it the file that it produces.

Each file defines ``document``, a :class:`~symopt.presentation.document.Document`. The files are
Python code, and they are executed.
"""

from __future__ import annotations

import os
import runpy
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from symopt.errors import InputError, SymoptError
from symopt.execution.files import written
from symopt.presentation.document import Document

__all__ = ["Entry", "read_collection"]

#: Kinds of pictures beside a derivation, in order of preference: LaTeX and Markdown show them.
_PICTURES = ("png",)


@dataclass(frozen=True)
class Entry:
    """One derivation: its script, and the document that it makes."""

    script: Path
    document: Document

    def _outputs(self) -> dict[Path, str]:
        """The files beside the script; both show the same pictures."""
        names = self.document.picture_names(self.script, _PICTURES)
        return {
            self.script.with_suffix(".tex"): self.document.latex(names),
            self.script.with_suffix(".md"): self.document.markdown(names),
        }

    def _missing(self) -> list[Path]:
        """Pictures that are not there; their bytes are matplotlib's affair and not compared."""
        names = self.document.picture_names(self.script, _PICTURES)
        paths = [self.script.with_name(name) for name in names if name]
        return [path for path in paths if not path.is_file()]

    def stale(self) -> list[Path]:
        """The produced files that are missing or differ from what the script makes now."""
        texts = self._outputs().items()
        return [
            *(p for p, text in texts if not p.is_file() or p.read_text("utf-8") != text),
            *self._missing(),
        ]

    def difference(self, path: Path) -> str:
        """The first line of a stale file that is other now, and what it would be."""
        now = self._outputs().get(path)
        if now is None or not path.is_file():
            return "it is missing"
        pairs = zip_longest(path.read_text("utf-8").splitlines(), now.splitlines(), fillvalue="")
        for number, (old, new) in enumerate(pairs, start=1):
            if old != new:
                return f"line {number} is {old.strip()!r}, and now {new.strip()!r}"
        return "its line endings differ"

    def update(self) -> list[Path]:
        """Write the files that are stale, and name them."""
        outputs, stale = self._outputs(), self.stale()
        for path in stale:
            if path in outputs:
                written(path, outputs[path])
        if stale and self.document.figures:
            self.document.save_pictures(self.script, _PICTURES)
        return stale


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
