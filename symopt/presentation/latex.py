"""The LaTeX renderer: a complete document that needs nothing but LaTeX's base and amsmath.

Lines are broken by the widths that the formulas carry, so that nothing sticks out of the margin.
Text of any language survives: what pdfLaTeX cannot set itself is declared in the preamble.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from symopt.presentation.bibliography import entry
from symopt.presentation.blocks import (
    Algorithm,
    Aside,
    Badge,
    Block,
    Cite,
    Code,
    Details,
    EquationLine,
    Equations,
    Figure,
    Inline,
    Items,
    Link,
    Listing,
    Math,
    Paragraph,
    Spans,
    Table,
    Text,
)  # fmt: skip
from symopt.presentation.document import Document
from symopt.presentation.layout import filled, flat, groups, text_width, width_of
from symopt.presentation.tex_text import address, declarations, escape, verbatim

__all__ = ["body", "render"]

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


#: Colors that are told apart by everyone, on paper and by a color-blind reader.
_COLORS = {
    "good": "0,0.42,0.31",
    "bad": "0.72,0.29,0",
    "open": "0.35,0.42,0.49",
    "mark": "0.72,0.29,0",
}
_USES_COLOR = r"\textcolor{symopt"


def render(document: Document, pictures: Sequence[str] = ()) -> str:
    """The document as a complete LaTeX source.

    >>> from symopt.presentation.document import Document, Paragraph, spans
    >>> "50\\\\% of \\\\_" in render(Document("", (Paragraph(spans("50% of _")),)))
    True
    """
    text = body(document, pictures)
    title = escape(document.title)
    heading = rf"\begin{{center}}\LARGE\bfseries {title}\end{{center}}"
    declared = declarations(document.title + text)
    packages = _PREAMBLE
    if r"\includegraphics" in text:
        packages += "\\usepackage{graphicx}\n"
    if _USES_COLOR in text:
        colors = [rf"\definecolor{{symopt{n}}}{{rgb}}{{{c}}}" for n, c in _COLORS.items()]
        packages += "\n".join([r"\usepackage{color}", *colors, ""])
    return "\n".join(
        [packages + declared, r"\begin{document}", heading, text, r"\end{document}", ""]
    )


def body(document: Document, pictures: Sequence[str] = ()) -> str:
    """What stands between ``\\\\begin{document}`` and ``\\\\end{document}``, without the title."""
    numbers = {reference.key: i for i, reference in enumerate(document.bibliography, start=1)}
    names = iter([*pictures, *[""] * len(document.figures)])
    parts = [_Body(numbers, names).blocks(document.blocks, 0)]
    if document.bibliography:
        parts.append(_bibliography(document))
    return "\n".join(parts)


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
    #: The files of the figures to come.
    pictures: Iterator[str] = field(default_factory=lambda: iter(()))

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
        if isinstance(block, Figure):
            return self.figure(block)
        if isinstance(block, Listing):
            lines = verbatim(block.text)
            return f"\\begin{{flushleft}}\\footnotesize\n{lines}\n\\end{{flushleft}}"
        if isinstance(block, Aside):
            inner = self.blocks(block.blocks, depth)
            name = "Warning" if block.warning else "Note"
            return f"\\begin{{quote}}\n\\textbf{{{name}.}} {inner}\n\\end{{quote}}"
        if isinstance(block, Details):
            inner = self.blocks(block.blocks, depth + 1)
            return f"\\textbf{{{self.spans(block.summary)}}}\\par\n{{\\small\n{inner}\n\\par}}"
        command = ("section", "subsection", "subsubsection")[min(depth, 2)]
        return f"\\{command}{{{self.spans(block.title)}}}\n{self.blocks(block.blocks, depth + 1)}"

    def figure(self, block: Figure) -> str:
        """The picture, or in its place what it shows."""
        name = next(self.pictures, "")
        instead = rf"\fbox{{\parbox{{0.8\linewidth}}{{\emph{{{escape(block.alt)}}}}}}}"
        if name:
            shown = rf"\includegraphics[width={block.share:g}\linewidth]{{{name}}}"
            instead = rf"\IfFileExists{{{name}}}{{{shown}}}{{{instead}}}"
        caption = rf"\par\smallskip {self.spans(block.caption)}" if block.caption else ""
        return f"\\begin{{center}}\n{instead}\n{caption}\n\\end{{center}}"

    def spans(self, spans: Spans) -> str:
        return "".join(map(self.inline, spans))

    def inline(self, part: Inline) -> str:
        if isinstance(part, Text):
            text = escape(part.text)
            return rf"\emph{{{text}}}" if part.emphasis else text
        if isinstance(part, Cite):
            number = self.numbers.get(part.source.key)
            return escape(part.source.text) + (f"~[{number}]" if number else "")
        if isinstance(part, Code):
            return address(part.text)
        if isinstance(part, Link):
            return f"{escape(part.text)} ({address(part.address)})"
        if isinstance(part, Badge):
            return rf"\textcolor{{symopt{part.kind}}}{{\textbf{{{escape(part.status)}}}}}"
        return f"${_marked(part.latex) if part.marked else part.latex}$"

    def equations(self, block: Equations) -> str:
        room = TEXT_WIDTH - 2.5
        lines = list(block.lines)
        sides = [width_of(line) for line in lines]
        left = max((size[0] for size in sides), default=0.0)
        right = max((size[1] for size in sides), default=0.0)
        reasons = max((text_width(line.reason) for line in lines), default=0.0)
        if not reasons:
            return self.aligned(lines, room, left)
        if left + 1.5 + right + 2.5 + reasons <= room:
            return self.aligned(lines, room, left, beside=True)
        parts = []
        for group in groups(lines):
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
            broken = filled(line, room - left - 1.5, mark=_marked)
            if line.reason and beside:
                broken[0] += rf" && \text{{{self.spans(line.reason)}}}"
            rows += broken
        return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"

    def algorithm(self, block: Algorithm) -> str:
        lines = [rf"\textbf{{{self.spans(block.title)}}}\par\smallskip"]
        lines += [rf"{self.spans(given)}\par" for given in block.inputs]
        if block.start:
            start = ", ".join(
                f"${(line.left or Math('', '')).latex} = {flat(line)}$" for line in block.start
            )
            lines.append(rf"\textbf{{start}} {start}\par")
        lines.append(rf"\textbf{{for}} ${block.counter.latex}$ \textbf{{do}}\par")
        lines.append(r"\smallskip\hspace*{1.5em}$\displaystyle\begin{aligned}")
        left = max((line.left.width for line in block.loop if line.left), default=0.0)
        room = TEXT_WIDTH - 7 - left
        rows = [
            row
            for line in block.loop
            for row in filled(line, room, relation=r"\gets", mark=_marked)
        ]
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
            max(text_width(row[index]) for row in (block.header, *block.rows))
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
        heights = [
            max(
                (
                    math.ceil(1.15 * text_width(cell) / min(share, width + 1))
                    for cell, kind, width in zip(row, block.alignments, columns, strict=True)
                    if kind == "p" and cell
                ),
                default=1,
            )
            for row in block.rows
        ]
        tables = []
        for chosen in _pages(heights):
            part = "\n".join(rows[index] for index in chosen)
            tables.append(
                f"\\begin{{tabular}}{{{''.join(kinds)}}}\n\\hline\n\\rule{{0pt}}{{1.1em}}{header}"
                f" \\\\\n\\hline\n\\rule{{0pt}}{{1.1em}}{part}\n\\hline\n\\end{{tabular}}"
            )
        caption = f"\\par\\smallskip {self.spans(block.caption)}" if block.caption else ""
        body = "\n\n\\medskip\n".join(tables)
        return f"\\begin{{center}}{size}\n\\renewcommand{{\\arraystretch}}{{1.25}}\n{body}\n" + (
            f"{caption}\n\\end{{center}}"
        )


def _pages(heights: Sequence[int]) -> list[list[int]]:
    """The rows of each part of a long table, by their heights in lines."""
    parts: list[list[int]] = [[]]
    used = 0
    for index, height in enumerate(heights):
        if parts[-1] and used + height > _ROWS_PER_TABLE:
            parts.append([])
            used = 0
        parts[-1].append(index)
        used += height
    return parts


def _marked(row: str) -> str:
    return rf"\textcolor{{symoptmark}}{{{row}}}"
