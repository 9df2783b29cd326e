"""The plain renderer: a document for a terminal or a text file."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from symopt.presentation.bibliography import entry
from symopt.presentation.blocks import (
    TEXT_RELATIONS,
    Algorithm,
    Aside,
    Block,
    Details,
    EquationLine,
    Equations,
    Figure,
    Items,
    Listing,
    Paragraph,
    Spans,
    Table,
    plain,
)  # fmt: skip
from symopt.presentation.document import Document

__all__ = ["columns", "render"]


def render(document: Document, width: int = 88) -> str:
    """The document as text of that many columns; formulas that are wider are broken at signs.

    >>> from symopt.presentation.document import Document, Paragraph, spans
    >>> print(render(Document("Title", (Paragraph(spans("One line.")),))))
    Title
    =====
    <BLANKLINE>
    One line.
    """
    body = _Body(max(width, 24))
    parts = [body.heading(document.title, "="), *body.blocks(document.blocks, 0)]
    if document.bibliography:
        parts.append(body.heading("Sources", "-"))
        for number, reference in enumerate(document.bibliography, start=1):
            text = f"[{number}] {entry(reference)} {reference.url}".rstrip()
            parts.append(body.wrap(text, hanging=4))
    return "\n\n".join(parts)


def columns(text: str) -> int:
    """How many columns of a terminal the text takes: accents none, wide letters two."""
    total = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


@dataclass(frozen=True)
class _Body:
    width: int

    def wrap(self, text: str, indent: int = 0, hanging: int = 0) -> str:
        return textwrap.fill(
            " ".join(text.split()),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def heading(self, text: str, mark: str) -> str:
        clean = " ".join(text.split())
        return f"{clean}\n{mark * columns(clean)}"

    def blocks(self, blocks: Sequence[Block], depth: int) -> list[str]:
        return [text for block in blocks for text in self.block(block, depth)]

    def block(self, block: Block, depth: int) -> list[str]:
        if isinstance(block, Paragraph):
            return [self.wrap(self.spans(block.spans))]
        if isinstance(block, Items):
            return ["\n".join(self.wrap("- " + self.spans(i), 0, 2) for i in block.items)]
        if isinstance(block, Equations):
            return [self.equations(block)]
        if isinstance(block, Algorithm):
            return [self.algorithm(block)]
        if isinstance(block, Table):
            return [self.table(block)]
        if isinstance(block, Figure):
            shown = [self.wrap(f"[picture: {block.alt}]", 2, 1)]
            return shown + ([self.wrap(self.spans(block.caption), 2)] if block.caption else [])
        if isinstance(block, Listing):
            return ["\n".join("    " + line for line in block.text.expandtabs(4).splitlines())]
        if isinstance(block, Aside):
            name = "Warning:" if block.warning else "Note:"
            return [textwrap.indent("\n\n".join([name, *self.inner(block, depth)]), "  ")]
        if isinstance(block, Details):
            return [self.spans(block.summary), *self.blocks(block.blocks, depth + 1)]
        title = self.heading(self.spans(block.title), "-~."[min(depth, 2)])
        return [title, *self.blocks(block.blocks, depth + 1)]

    def inner(self, block: Aside, depth: int) -> list[str]:
        """The blocks of an aside, narrower by its indentation."""
        return _Body(max(self.width - 2, 24)).blocks(block.blocks, depth)

    def spans(self, spans: Spans) -> str:
        return plain(spans)

    def equations(self, block: Equations) -> str:
        left = max((columns(line.left.text) for line in block.lines if line.left), default=0)
        rows: list[str] = []
        for line in block.lines:
            filled = self.filled(line, left, line.relation, 2)
            reason = self.spans(line.reason)
            if reason and len(filled) == 1 and columns(filled[0] + reason) + 6 <= self.width:
                filled[0] += f"    [{reason}]"
            elif reason:
                rows.append(self.wrap(reason + ":", 2, 2))
            rows += _marked(filled) if line.marked else filled
        return "\n".join(rows)

    def filled(self, line: EquationLine, left: int, relation: str, indent: int) -> list[str]:
        name = line.left.text if line.left else ""
        relation = TEXT_RELATIONS.get(relation, relation)
        head = " " * indent + name + " " * (left - columns(name)) + f" {relation} "
        room = self.width - columns(head)
        rows: list[str] = []
        current = ""
        for piece in line.right:
            if current and columns(current) + 1 + columns(piece.text) > room:
                rows.append(current)
                current = "  " + piece.text
            else:
                current += (" " if current else "") + piece.text
        rows.append(current)
        blank = " " * columns(head)
        return [head + rows[0], *(blank + row for row in rows[1:])]

    def algorithm(self, block: Algorithm) -> str:
        rows = [self.spans(block.title)]
        rows += [self.wrap(self.spans(given), 2, 4) for given in block.inputs]
        left = max((columns(line.left.text) for line in block.start if line.left), default=0)
        for line in block.start:
            rows += self.filled(line, left, "=", 2)
        rows.append(f"  for {block.counter.text}:")
        left = max((columns(line.left.text) for line in block.loop if line.left), default=0)
        for line in block.loop:
            filled = self.filled(line, left, "←", 6)
            rows += _marked(filled) if line.marked else filled
        return "\n".join(rows)

    def table(self, block: Table) -> str:
        cells = [[self.spans(cell) for cell in row] for row in (block.header, *block.rows)]
        sizes = [max(columns(row[i]) for row in cells) for i in range(len(block.header))]
        lines = []
        for number, row in enumerate(cells):
            parts = []
            for cell, size, kind in zip(row, sizes, block.alignments, strict=True):
                blank = " " * (size - columns(cell))
                parts.append(blank + cell if kind == "r" else cell + blank)
            lines.append("  ".join(["", *parts]).rstrip())
            if number == 0:
                lines.append("  " + "-" * (sum(sizes) + 2 * len(sizes) - 2))
        if block.caption:
            lines += [self.wrap(self.spans(block.caption), 2)]
        return "\n".join(lines)


def _marked(rows: list[str]) -> list[str]:
    """Rows with a mark in their margin."""
    return [">" + row[1:] if row.startswith(" ") else "> " + row for row in rows]
