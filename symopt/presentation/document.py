"""A document as data: what a derivation says, before it is LaTeX, text or anything else.

Renderers are small files that read this data: :mod:`symopt.presentation.latex`,
:mod:`symopt.presentation.text`. Formulas are carried in both notations, so that a renderer never
looks at an expression; text of users is carried as it is and escaped by the renderer.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from symopt.errors import InputError, OutputError
from symopt.presentation.names import Style
from symopt.presentation.notation import Writer
from symopt.presentation.order import STANDARD, Roles
from symopt.statement.source import Reference, Source

__all__ = [
    "Algorithm", "Block", "Cite", "Document", "EquationLine", "Equations", "Inline", "Items",
    "Math", "Paragraph", "Section", "Spans", "Table", "Text", "joined", "math", "spans", "written",
]  # fmt: skip


#: Relations of equations as text; ``=`` and the like stand for themselves.
TEXT_RELATIONS = {r"\approx": "≈", r"\gets": "←", r"\le": "≤", r"\ge": "≥"}


@dataclass(frozen=True)
class Text:
    """Running text; ``emphasis`` is set in italics."""

    text: str
    emphasis: bool = False


@dataclass(frozen=True)
class Math:
    """A formula in LaTeX and as text, with an upper estimate of its width in em."""

    latex: str
    text: str
    width: float = 0.0


@dataclass(frozen=True)
class Cite:
    """A source where the text names it; renderers add its number in the bibliography."""

    source: Source


Inline: TypeAlias = Text | Math | Cite
#: What stands in a line of running text.
Spans: TypeAlias = tuple[Inline, ...]


def spans(*parts: str | Inline) -> Spans:
    """Running text from strings and formulas.

    >>> spans("with ", Math(r"\\\\eta", "η"))
    (Text(text='with ', emphasis=False), Math(latex='\\\\\\\\eta', text='η', width=0.0))
    """
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)


def math(expression: Any, roles: Roles = STANDARD, labels: Any = None) -> Math:
    """A SymPy expression as a formula in both notations."""
    piece = Writer(Style.LATEX, roles, labels).write(expression)
    return Math(piece.text, Writer(Style.UNICODE, roles, labels).text(expression), piece.width)


@dataclass(frozen=True)
class Paragraph:
    """Running text with formulas in it."""

    spans: Spans


@dataclass(frozen=True)
class Items:
    """A list of points."""

    items: tuple[Spans, ...]


@dataclass(frozen=True)
class EquationLine:
    """``left relation right``, with the reason why it holds.

    ``right`` is in pieces between which a line may be broken; a piece carries its own sign. An
    empty ``left`` continues the line above.
    """

    left: Math | None
    right: tuple[Math, ...]
    reason: Spans = ()
    relation: str = "="


@dataclass(frozen=True)
class Equations:
    """Equations aligned at their relation."""

    lines: tuple[EquationLine, ...]


@dataclass(frozen=True)
class Algorithm:
    """An update rule as pseudo-code: what is given, how it starts, what each step does."""

    title: Spans
    inputs: tuple[Spans, ...]
    start: tuple[EquationLine, ...]
    loop: tuple[EquationLine, ...]
    counter: Math = field(default_factory=lambda: Math("t = 1, 2, \\dots", "t = 1, 2, ..."))


@dataclass(frozen=True)
class Table:
    """A table; ``alignments`` has one of ``l``, ``c``, ``r`` per column."""

    header: tuple[Spans, ...]
    rows: tuple[tuple[Spans, ...], ...]
    alignments: str = ""
    caption: Spans = ()

    def __post_init__(self) -> None:
        columns = len(self.header)
        object.__setattr__(self, "alignments", self.alignments or "l" * columns)
        if len(self.alignments) != columns or any(len(row) != columns for row in self.rows):
            raise InputError(
                f"a table of {columns} columns has rows or alignments of another length"
            )


@dataclass(frozen=True)
class Section:
    """A titled part of a document."""

    title: Spans
    blocks: tuple[Block, ...]


Block: TypeAlias = Paragraph | Items | Equations | Algorithm | Table | Section


@dataclass(frozen=True)
class Document:
    """A derivation as data.

    ``references`` are the sources that the text names; renderers append them as a bibliography.

    >>> document = Document("A note", (Paragraph(spans("Nothing but text.")),))
    >>> print(document)
    A note
    ======
    <BLANKLINE>
    Nothing but text.
    """

    title: str
    blocks: tuple[Block, ...]
    references: tuple[Source, ...] = ()

    @property
    def bibliography(self) -> tuple[Reference, ...]:
        """The references of the sources, each once, in the order in which they are named."""
        found = {source.key: source.reference for source in self.references if source.reference}
        return tuple(found.values())

    def bibtex(self) -> str:
        """The bibliography as BibTeX entries."""
        from symopt.presentation.bibliography import bibtex

        return "\n".join(bibtex(reference) for reference in self.bibliography)

    def latex(self) -> str:
        """A complete LaTeX document that needs nothing but amsmath."""
        from symopt.presentation.latex import render

        return render(self)

    def text(self, width: int = 88) -> str:
        """Plain text for a terminal of that many columns."""
        from symopt.presentation.text import render

        return render(self, width)

    def __str__(self) -> str:
        return self.text()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the document in the format that the file name's ending tells.

        Raises :class:`~symopt.errors.InputError` for an ending that is not known and
        :class:`~symopt.errors.OutputError` where the file cannot be written. An existing file is
        replaced as a whole or not at all.
        """
        target = Path(path)
        renderers: dict[str, Callable[[], str]] = {
            ".tex": self.latex,
            ".txt": self.text,
            ".bib": self.bibtex,
        }
        if target.suffix.lower() not in renderers:
            raise InputError(
                f"{target}: no renderer for the ending {target.suffix!r}; use one of "
                + ", ".join(renderers)
            )
        return written(target, renderers[target.suffix.lower()]())


def written(target: Path, content: str | bytes) -> Path:
    """Write text or bytes through a temporary file, so that no half-written file is ever seen.

    Raises :class:`~symopt.errors.OutputError` that names the path and the cause.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {target}: {reason}; choose another path") from error
    return target


def _mode(target: Path) -> int:
    """The mode of the file to be replaced, or what a new file would get here."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def joined(parts: Sequence[Spans], separator: str = ", ") -> Spans:
    """Runs of text and formulas, one after the other."""
    result: list[Inline] = []
    for index, part in enumerate(parts):
        if index:
            result.append(Text(separator))
        result.extend(part)
    return tuple(result)
