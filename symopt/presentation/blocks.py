"""What a document is made of: running text, formulas, tables, algorithms, pictures, as data.

Formulas are carried in both notations, so that a renderer never looks at an expression; text of
users is carried as it is and escaped by the renderer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from symopt.errors import InputError
from symopt.presentation.names import Style
from symopt.presentation.notation import Writer
from symopt.presentation.order import STANDARD, Roles
from symopt.presentation.pictures import Image
from symopt.statement.source import Source

__all__ = [
    "BADGES", "TEXT_RELATIONS", "Algorithm", "Aside", "Badge", "Block", "Cite", "Code", "Details",
    "EquationLine", "Equations", "Figure", "Inline", "Items", "Link", "Listing", "Math",
    "Paragraph", "Section", "Spans", "Table", "Text", "joined", "math", "plain", "spans",
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
    """A formula in LaTeX and as text, with an upper estimate of its width in em.

    A ``marked`` formula in running text or in a table is set in color, with a mark behind it.
    """

    latex: str
    text: str
    width: float = 0.0
    marked: bool = False


@dataclass(frozen=True)
class Cite:
    """A source where the text names it; renderers add its number in the bibliography."""

    source: Source


@dataclass(frozen=True)
class Code:
    """A piece of code in a line of text, such as a name or an option."""

    text: str


@dataclass(frozen=True)
class Link:
    """Text that leads to an address on the web or to a file beside the document."""

    text: str
    address: str


#: What a badge says of its status: ``"good"``, ``"bad"`` or ``"open"``.
BADGES = {
    "proved": "good", "consistent": "good", "holds": "good", "same": "good", "minimum": "good",
    "refuted": "bad", "fails": "bad", "differs": "bad", "defective": "bad",
}  # fmt: skip


@dataclass(frozen=True)
class Badge:
    """A status that is seen at a glance: ``proved``, ``refuted``, ``undecided``, ``holds``, ..."""

    status: str

    @property
    def kind(self) -> str:
        """``"good"``, ``"bad"``, or ``"open"`` for every other status."""
        return BADGES.get(self.status, "open")

    @property
    def mark(self) -> str:
        """The status as one character, for those who see no color."""
        return {"good": "✓", "bad": "✗", "open": "?"}[self.kind]


Inline: TypeAlias = Text | Math | Cite | Code | Link | Badge
#: What stands in a line of running text.
Spans: TypeAlias = tuple[Inline, ...]


def spans(*parts: str | Inline) -> Spans:
    """Running text from strings and formulas.

    >>> spans("with ", Math("x", "x"))
    (Text(text='with ', emphasis=False), Math(latex='x', text='x', width=0.0, marked=False))
    """
    return tuple(Text(part) if isinstance(part, str) else part for part in parts)


def joined(parts: Sequence[Spans], separator: str = ", ") -> Spans:
    """Runs of text and formulas, one after the other."""
    result: list[Inline] = []
    for index, part in enumerate(parts):
        if index:
            result.append(Text(separator))
        result.extend(part)
    return tuple(result)


def plain(parts: Spans) -> str:
    """Running text without any markup.

    >>> plain(spans("with ", Math(r"\\\\eta", "η"), ": ", Badge("proved")))
    'with η: ✓ proved'
    """
    return "".join(map(_plain, parts))


def _plain(part: Inline) -> str:
    if isinstance(part, Cite):
        return part.source.text
    if isinstance(part, Math) and part.marked:
        return f"{part.text} ◂"
    return f"{part.mark} {part.status}" if isinstance(part, Badge) else part.text


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
    empty ``left`` continues the line above. A ``marked`` line is set in color, with a mark beside.
    """

    left: Math | None
    right: tuple[Math, ...]
    reason: Spans = ()
    relation: str = "="
    marked: bool = False


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
    """A table; ``alignments`` has one of ``l``, ``c``, ``r``, ``p`` (prose) per column."""

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
class Figure:
    """A picture with what it shows in words (``alt``, for those who do not see it) and a caption.

    ``share`` is the part of the line's width that it takes.
    """

    image: Image
    alt: str
    caption: Spans = ()
    share: float = 0.75


@dataclass(frozen=True)
class Listing:
    """Code or output, line for line."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Aside:
    """A remark beside the text; a ``warning`` stands out."""

    blocks: tuple[Block, ...]
    warning: bool = False


@dataclass(frozen=True)
class Details:
    """What only some readers want: folded where the format can fold, in smaller type elsewhere."""

    summary: Spans
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section:
    """A titled part of a document."""

    title: Spans
    blocks: tuple[Block, ...]


Block: TypeAlias = (
    Paragraph | Items | Equations | Algorithm | Table | Figure | Listing | Aside | Details | Section
)
