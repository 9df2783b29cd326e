"""Compiling a document with pdfLaTeX, and what its log complains about."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from symopt.presentation.document import Document


def compiled(document: Document, folder: Path, *, pictures: bool = True) -> str:
    """Compile with pdfLaTeX once; the log. Without pictures their descriptions stand there."""
    program = shutil.which("pdflatex")
    if program is None:
        pytest.skip("pdflatex is not installed")
    if pictures:
        document.save(folder / "d.tex")
    else:
        (folder / "d.tex").write_text(document.latex(), "utf-8")
    done = subprocess.run(
        [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "d.tex"],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=False,
    )
    log = (folder / "d.log").read_text("utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert (folder / "d.pdf").stat().st_size > 1000
    return log


def complaints(log: str) -> list[str]:
    return re.findall(r"^(?:.*Warning.*|Overfull.*|Underfull.*|! .*)$", log, flags=re.MULTILINE)
