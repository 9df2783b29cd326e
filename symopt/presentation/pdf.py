"""A document as PDF, set by a TeX program that is installed: latexmk, pdflatex or tectonic."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from symopt.errors import OutputError
from symopt.presentation.document import Document

__all__ = ["render"]

#: Programs in the order in which they are tried, with their options.
_QUIET = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
PROGRAMS: dict[str, tuple[str, ...]] = {
    "latexmk": ("-pdf", "-norc", *_QUIET),
    "pdflatex": _QUIET,
    "tectonic": ("--untrusted", "--keep-logs"),
}
#: Seconds after which a run is given up.
_PATIENCE = 180


def render(document: Document) -> bytes:
    """The document as PDF.

    Raises :class:`~symopt.errors.OutputError` where no TeX program is found (with what to
    install), and where it fails (with the lines of its log that tell why).
    """
    name, program = _program()
    with tempfile.TemporaryDirectory(prefix="symopt-") as place:
        source = Path(place, "document.tex")
        pictures = document.save_pictures(source, ("pdf", "png"))
        source.write_text(document.latex(pictures), "utf-8")
        # Documents may not read files outside of their folder, whatever their text says.
        safe = {**os.environ, "openin_any": "p", "openout_any": "p"}
        try:
            done = subprocess.run(
                [program, *PROGRAMS[name], source.name],
                cwd=place,
                env=safe,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OutputError(
                f"{name} does not finish within {_PATIENCE} s; save the .tex and run it yourself"
            ) from error
        made = source.with_suffix(".pdf")
        if done.returncode or not made.is_file():
            raise OutputError(
                f"{name} fails on the document; save it as .tex and look:\n{_excerpt(source, done)}"
            )
        return made.read_bytes()


def _program() -> tuple[str, str]:
    """The first program that is there, by name and path."""
    for name in PROGRAMS:
        found = shutil.which(name)
        # latexmk is a script that calls pdflatex.
        if found and (name != "latexmk" or shutil.which("pdflatex")):
            return name, found
    raise OutputError(
        "a PDF needs a TeX program: install latexmk with LaTeX (Debian: apt-get install latexmk "
        "texlive-latex-recommended) or tectonic; .tex and .html need none"
    )


def _excerpt(source: Path, done: subprocess.CompletedProcess[bytes]) -> str:
    """The first complaint of the log and what follows it."""
    log = source.with_suffix(".log")
    text = log.read_text("utf-8", "replace") if log.is_file() else ""
    lines = (text or (done.stdout + done.stderr).decode("utf-8", "replace")).splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("!")), len(lines) - 12)
    return "\n".join(lines[max(start, 0) : start + 12])
