"""The Markdown renderer: formulas as GitHub sets them, in fences and in dollars with backticks.

GitHub passes formulas to MathJax, but refuses some commands (``\\operatorname``); in its tables a
bar ends the cell, even in a formula. Folded parts are HTML, in which Markdown is no longer read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape as html_escape

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
    plain,
)  # fmt: skip
from symopt.presentation.document import Document
from symopt.presentation.layout import filled, flat, groups, width_of

__all__ = ["escape", "render"]

#: The width of a page on GitHub in em of its formulas.
PAGE = 42.0
_ALIGN = {"l": ":---", "c": ":---:", "r": "---:", "p": ":---"}


def render(document: Document, pictures: Sequence[str] = ()) -> str:
    """The document as Markdown.

    >>> from symopt.presentation.document import Document, Math, Paragraph, spans
    >>> x = Math("x_1", "x₁")
    >>> print(render(Document("A *title*", (Paragraph(spans("At ", x, " of _f_.")),))))
    # A \\*title\\*
    <BLANKLINE>
    At $`x_1`$ of \\_f\\_.
    """
    numbers = {reference.key: i for i, reference in enumerate(document.bibliography, start=1)}
    body = _Body(numbers, iter([*pictures, *[""] * len(document.figures)]))
    parts = [f"# {escape(document.title)}".rstrip(), *body.blocks(document.blocks, 2)]
    if document.bibliography:
        parts += ["## Sources", "\n".join(map(_source, document.bibliography))]
    return "\n\n".join(parts) + "\n"


def _source(reference: object) -> str:
    from symopt.statement.source import Reference

    assert isinstance(reference, Reference)
    link = f" <{reference.url}>" if reference.url.startswith(("http://", "https://")) else ""
    return f"1. {escape(entry(reference))}{link}"


def escape(text: str) -> str:
    """Text in which nothing is Markdown, HTML or a formula.

    >>> escape("50 <b> of x_1 & $5 | [a](b)")
    '50 &lt;b&gt; of x\\\\_1 &amp; <span>$</span>5 \\\\| \\\\[a\\\\](b)'
    """
    normal = unicodedata.normalize("NFC", text)
    clean = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in normal)
    marked = re.sub(r"([\\`*_\[\]~|#])", r"\\\1", html_escape(clean, quote=False))
    return marked.replace("$", "<span>$</span>")


def formula(latex: str) -> str:
    r"""LaTeX as GitHub accepts it: no ``\operatorname``, no bare bar.

    >>> formula(r"\operatorname{sign}(x) \left|y\right|")
    '\\mathrm{sign}(x) \\left\\vert y\\right\\vert'
    """
    known = re.sub(r"\\operatorname\*?\{", r"\\mathrm{", latex)
    return re.sub(r"(?<!\\)\|", r"\\vert ", known.replace(r"\|", r"\Vert ")).rstrip()


@dataclass(frozen=True)
class _Body:
    numbers: dict[str, int]
    #: The files of the figures to come.
    pictures: Iterator[str] = field(default_factory=lambda: iter(()))

    def blocks(self, blocks: Sequence[Block], level: int) -> list[str]:
        return [text for block in blocks if (text := self.block(block, level))]

    def block(self, block: Block, level: int) -> str:
        if isinstance(block, Paragraph):
            return _safe_start(self.spans(block.spans))
        if isinstance(block, Items):
            return "\n".join(f"- {self.spans(item)}" for item in block.items)
        if isinstance(block, Equations):
            return self.equations(block)
        if isinstance(block, Algorithm):
            return self.algorithm(block)
        if isinstance(block, Table):
            return self.table(block)
        if isinstance(block, Figure):
            return self.figure(block)
        if isinstance(block, Listing):
            fence = _fence(block.text, 3)
            return f"{fence}{block.language}\n{block.text.rstrip()}\n{fence}"
        if isinstance(block, Aside):
            kind = "WARNING" if block.warning else "NOTE"
            return _quoted(f"[!{kind}]\n" + "\n\n".join(self.blocks(block.blocks, level)))
        if isinstance(block, Details):
            summary = html_escape(plain(block.summary))
            inner = "\n\n".join(self.blocks(block.blocks, level))
            return f"<details><summary>{summary}</summary>\n\n{inner}\n\n</details>"
        title = f"{'#' * min(level, 6)} {self.spans(block.title)}"
        return "\n\n".join([title, *self.blocks(block.blocks, level + 1)])

    def spans(self, parts: Spans) -> str:
        return "".join(map(self.inline, parts))

    def inline(self, part: Inline) -> str:
        if isinstance(part, Text):
            if part.emphasis and part.text.strip():
                inner = part.text.strip()
                before, _, after = part.text.partition(inner)
                return f"{before}*{escape(inner)}*{after}"
            return escape(part.text)
        if isinstance(part, Cite):
            number = self.numbers.get(part.source.key)
            return escape(part.source.text + (f" [{number}]" if number else ""))
        if isinstance(part, Code):
            return _code(part.text)
        if isinstance(part, Link):
            address = part.address.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
            return f"[{escape(part.text)}]({address.replace('<', '%3C').replace('>', '%3E')})"
        if isinstance(part, Badge):
            return f"{part.mark} **{escape(part.status)}**"
        return f"$`{formula(_marked(part.latex) if part.marked else part.latex)}`$"

    def equations(self, block: Equations) -> str:
        parts = []
        for group in groups(block.lines):
            reason = self.spans(group[0].reason)
            if reason:
                parts.append(f"{reason[:1].upper()}{reason[1:]}:")
            parts.append(_fenced(_aligned(group)))
        return "\n\n".join(parts)

    def algorithm(self, block: Algorithm) -> str:
        parts = [f"**{self.spans(block.title)}**", *map(self.spans, block.inputs)]
        if block.start:
            start = ", ".join(
                f"$`{formula((line.left or Math('', '')).latex)} = {formula(flat(line))}`$"
                for line in block.start
            )
            parts.append(f"**start** {start}")
        parts.append(f"**for** $`{formula(block.counter.latex)}`$ **do**")
        parts.append(_fenced(_aligned(block.loop, r"\gets")))
        return _quoted("\n\n".join(parts))

    def table(self, block: Table) -> str:
        header = " | ".join(self.spans(cell) for cell in block.header)
        rule = " | ".join(_ALIGN.get(kind, ":---") for kind in block.alignments)
        rows = [f"| {' | '.join(self.spans(cell) for cell in row)} |" for row in block.rows]
        caption = f"\n\n{self.spans(block.caption)}" if block.caption else ""
        return "\n".join([f"| {header} |", f"| {rule} |", *rows]) + caption

    def figure(self, block: Figure) -> str:
        name = next(self.pictures, "")
        alt = escape(block.alt)
        shown = f"![{alt}]({name.replace(' ', '%20')})" if name else f"*{alt}*"
        return f"{shown}\n\n{self.spans(block.caption)}" if block.caption else shown


def _aligned(lines: Sequence[EquationLine], relation: str = "") -> str:
    left = max((width_of(line)[0] for line in lines), default=0.0)
    rows = [
        row
        for line in lines
        for row in filled(line, PAGE - left - 1.5, relation=relation, mark=_marked)
    ]
    return "\\begin{aligned}\n" + " \\\\\n".join(map(formula, rows)) + "\n\\end{aligned}"


def _marked(row: str) -> str:
    return rf"{{\color{{red}}{row}}}"


def _fenced(inner: str) -> str:
    return f"```math\n{inner}\n```"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _fence(text: str, least: int) -> str:
    """Backticks, more than the text has in a row."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def _code(text: str) -> str:
    one_line = " ".join(text.split()).replace("|", "\\|")
    fence = _fence(one_line, 1)
    blank = " " if one_line.startswith("`") or one_line.endswith("`") else ""
    return f"{fence}{blank}{one_line}{blank}{fence}"


def _safe_start(text: str) -> str:
    """A paragraph that does not begin like a list, a heading or a rule."""
    return re.sub(r"^(\s*)([-+=]|\d+[.)])(?=\s|$|-|=)", _escaped_start, text)


def _escaped_start(match: re.Match[str]) -> str:
    blank, sign = match.groups()
    return f"{blank}{sign[:-1]}\\{sign[-1]}"
