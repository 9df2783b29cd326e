"""HTML fragments: formulas as MathML, blocks of documents as elements. No network, no script.

latex2mathml converts the leaves (one formula at a time); rows of equations and algorithms are laid
out in HTML. What comes out is accepted only if it parses and holds no backslash.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache
from html import escape
from xml.etree import ElementTree

from symopt.errors import InputError
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
)  # fmt: skip
from symopt.presentation.pictures import address, drawn

__all__ = ["block", "clean", "formula", "inline", "math", "spans"]


@lru_cache(maxsize=4096)
def formula(latex: str, *, display: bool = False) -> str:
    r"""A LaTeX formula as MathML.

    >>> "<mfrac>" in formula(r"\frac{a}{b}")
    True
    >>> formula(r"\nosuchcommand{a}")
    Traceback (most recent call last):
    ...
    symopt.errors.InputError: \nosuchcommand{a} cannot be written in MathML: a backslash is left

    Raises :class:`~symopt.errors.InputError` for what the converter refuses, and for output that
    does not parse as XML or still holds a backslash.
    """
    from latex2mathml.converter import convert

    # The converter closes what is left open by itself, and prints what is closed twice.
    braces = re.sub(r"\\[{}]", "", latex)
    if braces.count("{") != braces.count("}"):
        raise InputError(f"{latex[:120]} cannot be written in MathML: a brace has no partner")
    try:
        converted = str(convert(latex, display="block" if display else "inline"))
        ElementTree.fromstring(converted)
    except Exception as error:
        # The converter has no common base of its errors; whatever it raises, it is a refusal.
        reason = f"{type(error).__name__} {error}".strip()
        raise InputError(f"{latex[:120]} cannot be written in MathML: {reason}") from error
    if "\\" in converted or "&#x0005C;" in converted:
        raise InputError(f"{latex[:120]} cannot be written in MathML: a backslash is left")
    return _NAME.sub(_named, converted)


#: A function's name; as an operator it would be set apart from its parentheses.
_NAME = re.compile(r"(<mrow>|^)?<mo>([A-Za-z]{2,})</mo>")


def _named(match: re.Match[str]) -> str:
    opening, name = match[1], match[2]
    apart = "" if opening is not None else '<mspace width="0.17em" />'
    return f"{opening or ''}{apart}<mi>{name}</mi>"


def math(given: Math, *, display: bool = False) -> str:
    r"""A formula as MathML, or in Unicode where MathML has no way to say it.

    >>> math(Math(r"\nosuchcommand", "α < 1"))
    '<span class="math">α &lt; 1</span>'
    """
    try:
        return formula(given.latex, display=display)
    except InputError:
        return f'<span class="math">{clean(given.text)}</span>'


def inline(part: Inline) -> str:
    """A part of running text."""
    if isinstance(part, Math):
        return f'<span class="marked">{math(part)} ◂</span>' if part.marked else math(part)
    if isinstance(part, Cite):
        reference = part.source.reference
        text = clean(part.source.text)
        if reference is None or not _is_web(reference.url):
            return f"<cite>{text}</cite>"
        return f'<cite><a href="{clean(reference.url)}">{text}</a></cite>'
    if isinstance(part, Code):
        return f"<code>{clean(part.text)}</code>"
    if isinstance(part, Link):
        # A file beside the page, or an address on the web; nothing that runs when clicked.
        safe = _is_web(part.address) or ":" not in part.address.partition("/")[0]
        text = clean(part.text)
        return f'<a href="{clean(part.address)}">{text}</a>' if safe else text
    if isinstance(part, Badge):
        return f'<span class="badge {part.kind}">{part.mark} {clean(part.status)}</span>'
    return f"<em>{clean(part.text)}</em>" if part.emphasis else clean(part.text)


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def clean(text: str) -> str:
    """Text with HTML's characters escaped, and without those that HTML forbids.

    >>> clean("a < b & \\x00")
    'a &lt; b &amp;  '
    """
    forbidden = ("Cc", "Cs", "Cn")
    kept = "".join(" " if unicodedata.category(c) in forbidden and c != "\n" else c for c in text)
    return escape(kept)


def spans(parts: Spans) -> str:
    """Running text.

    >>> from symopt.presentation.document import Text
    >>> spans((Text("a < b, "), Text("so", emphasis=True)))
    'a &lt; b, <em>so</em>'
    """
    return "".join(map(inline, parts))


def block(given: Block, level: int = 3) -> str:
    """A block of a document as HTML; titles of sections start at that level of heading.

    >>> from symopt.presentation.document import Text
    >>> block(Paragraph((Text("x & y"),)))
    '<p>x &amp; y</p>'
    """
    if isinstance(given, Paragraph):
        return f"<p>{spans(given.spans)}</p>"
    if isinstance(given, Items):
        return "<ul>" + "".join(f"<li>{spans(item)}</li>" for item in given.items) + "</ul>"
    if isinstance(given, Equations):
        return _lines(given.lines)
    if isinstance(given, Algorithm):
        return _algorithm(given)
    if isinstance(given, Table):
        return _table(given)
    if isinstance(given, Figure):
        return _figure(given)
    if isinstance(given, Listing):
        return f"<pre><code>{clean(given.text)}</code></pre>"
    inner = "".join(block(part, min(level + 1, 6)) for part in given.blocks)
    if isinstance(given, Aside):
        kind, name = ("warning", "Warning") if given.warning else ("note", "Note")
        return f'<aside class="{kind}"><p class="name">{name}</p>{inner}</aside>'
    if isinstance(given, Details):
        return f"<details><summary>{spans(given.summary)}</summary>{inner}</details>"
    return f"<section><h{level}>{spans(given.title)}</h{level}>{inner}</section>"


def _figure(given: Figure) -> str:
    picture = drawn(given.image, ("svg", "png"))
    shown = (
        f'<img src="{address(picture)}" alt="{clean(given.alt)}" style="width:{given.share:.0%}">'
        if picture
        else f"<p><em>{clean(given.alt)}</em></p>"
    )
    caption = f"<figcaption>{spans(given.caption)}</figcaption>" if given.caption else ""
    return f"<figure>{shown}{caption}</figure>"


def pieces(parts: tuple[Math, ...]) -> str:
    """The pieces of a long formula, between which the browser may break the line.

    The empty group before a leading sign tells that it joins two terms.
    """
    joined = [replace(part, latex=f"{{}} {part.latex}") for part in parts[1:]]
    return "<wbr>".join(math(part) for part in (*parts[:1], *joined))


def _lines(lines: tuple[EquationLine, ...], relation: str = "") -> str:
    """Rows of a table, aligned at the relation."""
    rows = []
    for line in lines:
        left = math(line.left) if line.left else ""
        sign = math(Math(relation or line.relation, relation or line.relation))
        right = pieces(line.right)
        reason = f'<td class="reason">{spans(line.reason)}</td>' if line.reason else ""
        marked = ' class="marked"' if line.marked else ""
        rows.append(
            f'<tr{marked}><td class="left">{left}</td><td>{sign}</td><td>{right}</td>{reason}</tr>'
        )
    return f'<div class="scroll"><table class="equations">{"".join(rows)}</table></div>'


def _algorithm(given: Algorithm) -> str:
    inputs = "".join(f"<p>{spans(item)}</p>" for item in given.inputs)
    start = ", ".join(math(_whole(line)) for line in given.start)
    return (
        f'<div class="algorithm"><p class="name">{spans(given.title)}</p>{inputs}'
        + (f"<p><b>start</b> {start}</p>" if start else "")
        + f"<p><b>for</b> {math(given.counter)} <b>do</b></p>"
        + _lines(given.loop, r"\gets")
        + "</div>"
    )


def _whole(line: EquationLine) -> Math:
    """An equation in one formula."""
    left = line.left or Math("", "")
    latex = " ".join([left.latex, line.relation, *(part.latex for part in line.right)])
    text = " ".join([left.text, line.relation, *(part.text for part in line.right)])
    return Math(latex, text)


def _table(given: Table) -> str:
    names = {"l": "left", "c": "center", "r": "right", "p": "left"}

    def row(cells: tuple[Spans, ...], tag: str) -> str:
        parts = zip(cells, given.alignments, strict=True)
        return "".join(
            f'<{tag} class="{names.get(kind, "left")}">{spans(cell)}</{tag}>'
            for cell, kind in parts
        )

    caption = f"<caption>{spans(given.caption)}</caption>" if given.caption else ""
    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in given.rows)
    head = row(given.header, "th")
    inner = f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table class="values">{inner}</table></div>'
