"""The LaTeX renderer: a complete document that needs nothing but amsmath.

Lines are broken by the widths that the formulas carry, so that nothing sticks out of the margin.
Text of any language survives: what pdfLaTeX cannot set itself is declared in the preamble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symopt.presentation.bibliography import entry
from symopt.presentation.document import (
    Algorithm,
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Items,
    Math,
    Paragraph,
    Spans,
    Table,
    Text,
)  # fmt: skip
from symopt.presentation.tex_text import address, declarations, escape

__all__ = ["render"]

#: The width of the text in em of the main font: 16 cm at 10.95 pt.
TEXT_WIDTH = 41.0
_ROWS_PER_TABLE = 36
#: Sizes of type for tables, and how much narrower they are.
_SIZES = (("", 1.0), (r"\small", 0.92), (r"\footnotesize", 0.86), (r"\scriptsize", 0.79))
_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[fleqn]{amsmath}
\setlength{\textwidth}{16cm}
\setlength{\textheight}{24cm}
\setlength{\oddsidemargin}{-0.04cm}
\setlength{\topmargin}{-1.2cm}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em plus 0.2em}
\setlength{\mathindent}{1.5em}
\setlength{\emergencystretch}{6em}
\tolerance=9999
\hbadness=10000
\AtBeginDocument{%
  \setlength{\abovedisplayskip}{5pt plus 2pt}\setlength{\belowdisplayskip}{7pt plus 2pt}%
  \setlength{\abovedisplayshortskip}{3pt plus 2pt}\setlength{\belowdisplayshortskip}{7pt plus 2pt}}
\setlength{\jot}{5pt}
\setlength{\fboxsep}{7pt}
\allowdisplaybreaks
\raggedbottom
\ifdefined\pdfpagewidth \pdfpagewidth=\paperwidth \pdfpageheight=\paperheight \fi
"""


def render(document: Document) -> str:
    """The document as a complete LaTeX source.

    >>> from symopt.presentation.document import Document, Paragraph, spans
    >>> "50\\\\% of \\\\_" in render(Document("", (Paragraph(spans("50% of _")),)))
    True
    """
    numbers = {reference.key: i for i, reference in enumerate(document.bibliography, start=1)}
    body = _Body(numbers)
    parts = [body.blocks(document.blocks, 0)]
    if document.bibliography:
        parts.append(_bibliography(document))
    text = "\n".join(parts)
    title = escape(document.title)
    heading = rf"\begin{{center}}\LARGE\bfseries {title}\end{{center}}"
    declared = declarations(document.title + text)
    return "\n".join(
        [_PREAMBLE + declared, r"\begin{document}", heading, text, r"\end{document}", ""]
    )


def _bibliography(document: Document) -> str:
    lines = [r"\section*{Sources}", r"\begin{itemize}\raggedright"]
    for number, reference in enumerate(document.bibliography, start=1):
        lines.append(rf"\item[{{[{number}]}}] {escape(entry(reference))}")
        if reference.url:
            lines.append(address(reference.url))
    return "\n".join([*lines, r"\end{itemize}"])


@dataclass(frozen=True)
class _Body:
    numbers: dict[str, int]

    def blocks(self, blocks: Sequence[Block], depth: int) -> str:
        return "\n\n".join(self.block(block, depth) for block in blocks)

    def block(self, block: Block, depth: int) -> str:
        if isinstance(block, Paragraph):
            return self.spans(block.spans)
        if isinstance(block, Items):
            items = "\n".join(rf"\item {self.spans(item)}" for item in block.items)
            return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"
        if isinstance(block, Equations):
            return self.equations(block)
        if isinstance(block, Algorithm):
            return self.algorithm(block)
        if isinstance(block, Table):
            return self.table(block)
        command = ("section", "subsection", "subsubsection")[min(depth, 2)]
        return f"\\{command}{{{self.spans(block.title)}}}\n{self.blocks(block.blocks, depth + 1)}"

    def spans(self, spans: Spans) -> str:
        return "".join(map(self.inline, spans))

    def inline(self, part: Text | Math | Cite) -> str:
        if isinstance(part, Text):
            text = escape(part.text)
            return rf"\emph{{{text}}}" if part.emphasis else text
        if isinstance(part, Cite):
            number = self.numbers.get(part.source.key)
            return escape(part.source.text) + (f"~[{number}]" if number else "")
        return f"${part.latex}$"

    def equations(self, block: Equations) -> str:
        room = TEXT_WIDTH - 2.5
        lines = list(block.lines)
        sides = [width_of(line) for line in lines]
        left = max((size[0] for size in sides), default=0.0)
        right = max((size[1] for size in sides), default=0.0)
        reasons = max((_text_width(line.reason) for line in lines), default=0.0)
        if not reasons:
            return self.aligned(lines, room, left)
        if left + 1.5 + right + 2.5 + reasons <= room:
            return self.aligned(lines, room, left, beside=True)
        groups: list[list[EquationLine]] = []
        for line in lines:
            if line.reason or not groups:
                groups.append([])
            groups[-1].append(line)
        parts = []
        for group in groups:
            own = max(width_of(line)[0] for line in group)
            reason = self.spans(group[0].reason)
            reason = reason[:1].upper() + reason[1:]
            parts.append((f"{reason}:\n" if reason else "") + self.aligned(group, room, own))
        return "\n".join(parts)

    def aligned(
        self, lines: Sequence[EquationLine], room: float, left: float, *, beside: bool = False
    ) -> str:
        """Equations aligned at their relation; the reasons beside them where asked."""
        rows = []
        for line in lines:
            filled = self.filled(line, room - left - 1.5)
            if line.reason and beside:
                filled[0] += rf" && \text{{{self.spans(line.reason)}}}"
            rows += filled
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def filled(self, line: EquationLine, room: float, *, relation: str = "") -> list[str]:
        """The rows of one equation, each as full as the room allows."""
        sign = relation or line.relation
        rows: list[str] = []
        current, used = "", 0.0
        for piece in line.right:
            if current and used + piece.width > room - (2.0 if rows else 0.0):
                rows.append(current)
                current, used = piece.latex, piece.width
            else:
                current += (" " if current else "") + piece.latex
                used += piece.width
        rows.append(current)
        left = line.left.latex if line.left else ""
        first = f"{left} &{sign} {rows[0]}" if sign else f"{left} & {rows[0]}"
        return [first, *(rf"&\phantom{{{sign}}}\quad {row}" for row in rows[1:])]

    def algorithm(self, block: Algorithm) -> str:
        lines = [rf"\textbf{{{self.spans(block.title)}}}\par\smallskip"]
        lines += [rf"{self.spans(given)}\par" for given in block.inputs]
        if block.start:
            start = ", ".join(
                f"${(line.left or Math('', '')).latex} = {_flat(line)}$" for line in block.start
            )
            lines.append(rf"\textbf{{start}} {start}\par")
        lines.append(rf"\textbf{{for}} ${block.counter.latex}$ \textbf{{do}}\par")
        lines.append(r"\smallskip\hspace*{1.5em}$\displaystyle\begin{aligned}")
        left = max((line.left.width for line in block.loop if line.left), default=0.0)
        room = TEXT_WIDTH - 7 - left
        rows = [row for line in block.loop for row in self.filled(line, room, relation=r"\gets")]
        lines.append(" \\\\[0.35em]\n".join(rows))
        lines.append(r"\end{aligned}$\par\smallskip")
        inner = "\n".join(lines)
        return (
            "\\begin{center}\n\\fbox{\\begin{minipage}"
            "{\\dimexpr\\linewidth-2\\fboxsep-2\\fboxrule\\relax}\n\\raggedright\n"
            "\\setlength{\\parskip}{0.25em}\n"
            f"{inner}\n\\end{{minipage}}}}\n\\end{{center}}"
        )

    def table(self, block: Table) -> str:
        columns = [
            max(_text_width(row[index]) for row in (block.header, *block.rows))
            for index in range(len(block.header))
        ]
        gaps = 1.2 * len(columns)
        prose = block.alignments.count("p")
        fixed = sum(w for w, kind in zip(columns, block.alignments, strict=True) if kind != "p")
        needed = fixed + 10 * prose
        size, factor = next(
            (option for option in _SIZES if needed * option[1] + gaps <= TEXT_WIDTH), _SIZES[-1]
        )
        share = max(8.0, ((TEXT_WIDTH - gaps) / factor - fixed) / max(prose, 1))
        kinds = [
            rf"p{{{min(share, width + 1) * factor:.1f}em}}" if kind == "p" else kind
            for kind, width in zip(block.alignments, columns, strict=True)
        ]
        header = " & ".join(rf"{self.spans(cell)}" for cell in block.header)
        rows = [" & ".join(self.spans(cell) for cell in row) + r" \\" for row in block.rows]
        tables = []
        for index in range(0, max(len(rows), 1), _ROWS_PER_TABLE):
            part = "\n".join(rows[index : index + _ROWS_PER_TABLE])
            tables.append(
                f"\\begin{{tabular}}{{{''.join(kinds)}}}\n\\hline\n\\rule{{0pt}}{{1.1em}}{header}"
                f" \\\\\n\\hline\n\\rule{{0pt}}{{1.1em}}{part}\n\\hline\n\\end{{tabular}}"
            )
        caption = f"\\par\\smallskip {self.spans(block.caption)}" if block.caption else ""
        body = "\n\n\\medskip\n".join(tables)
        return f"\\begin{{center}}{size}\n\\renewcommand{{\\arraystretch}}{{1.25}}\n{body}\n" + (
            f"{caption}\n\\end{{center}}"
        )


def width_of(line: EquationLine) -> tuple[float, float]:
    """The widths of both sides of an equation set in one line."""
    return line.left.width if line.left else 0.0, sum(piece.width for piece in line.right)


def _flat(line: EquationLine) -> str:
    return " ".join(piece.latex for piece in line.right)


def _text_width(spans: Spans) -> float:
    total = 0.0
    for part in spans:
        if isinstance(part, Math):
            total += part.width or 0.55 * len(part.text)
        else:
            total += 0.5 * len(part.text if isinstance(part, Text) else part.source.text + " [10]")
    return total
