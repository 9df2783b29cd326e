"""A document as one HTML page: it needs no network, reads in dark and light, and prints well."""

from __future__ import annotations

from typing import Any

from symopt.presentation import html
from symopt.presentation.bibliography import entry
from symopt.presentation.document import Document

__all__ = ["fragment", "from_template", "render"]


def from_template(name: str, **values: Any) -> str:
    """One of the package's templates, filled; text that is put in is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("symopt.presentation", "templates"),
        autoescape=select_autoescape(["html", "j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return str(environment.get_template(name).render(**values))


def render(document: Document) -> str:
    """The document as a complete page.

    >>> from symopt.presentation.document import Paragraph, spans
    >>> page = render(Document("A < B", (Paragraph(spans("Text.")),)))
    >>> "<h1>A &lt; B</h1>" in page, "<p>Text.</p>" in page, "://" in page
    (True, True, False)
    """
    from markupsafe import Markup

    return from_template(
        "document.html.j2",
        title=Markup(html.clean(document.title)),
        body=Markup(_body(document)),
    )


def fragment(document: Document) -> str:
    """The document as a part of a page, such as the output of a notebook's cell."""
    return f"<div><h2>{html.clean(document.title)}</h2>{_body(document, 3)}</div>"


def _body(document: Document, level: int = 2) -> str:
    parts = [html.block(block, level) for block in document.blocks]
    if document.bibliography:
        parts.append(f"<section><h{level}>Sources</h{level}>{_sources(document)}</section>")
    return "\n".join(parts)


def _sources(document: Document) -> str:
    items = []
    for reference in document.bibliography:
        text = html.clean(entry(reference))
        if reference.url.startswith(("https://", "http://")):
            url = html.clean(reference.url)
            text += f' <a href="{url}">{url}</a>'
        items.append(f"<li>{text}</li>")
    return f'<ol class="sources">{"".join(items)}</ol>'
