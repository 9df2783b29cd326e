"""A document as data: what a derivation says, before it is LaTeX, Markdown, HTML or text.

Renderers are small files that read this data: :mod:`symopt.presentation.latex`,
:mod:`symopt.presentation.markdown`, :mod:`symopt.presentation.page` (HTML),
:mod:`symopt.presentation.pdf` and :mod:`symopt.presentation.text`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from symopt.errors import InputError
from symopt.execution.files import written
from symopt.presentation.blocks import (
    TEXT_RELATIONS,
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
    Section,
    Spans,
    Table,
    Text,
    joined,
    math,
    plain,
    spans,
)  # fmt: skip
from symopt.presentation.pictures import Picture, drawn
from symopt.statement.source import Reference, Source

__all__ = [
    "TEXT_RELATIONS", "Algorithm", "Aside", "Badge", "Block", "Cite", "Code", "Details",
    "Document", "EquationLine", "Equations", "Figure", "Inline", "Items", "Link", "Listing",
    "Math", "Paragraph", "Section", "Spans", "Table", "Text", "joined", "math", "plain", "spans",
]  # fmt: skip

#: The endings that :meth:`Document.save` knows.
ENDINGS = (".tex", ".md", ".html", ".pdf", ".txt", ".bib")


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
    >>> print(document.markdown())
    # A note
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

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All pictures, in the order in which they stand."""
        return tuple(_figures(self.blocks))

    def only(self, *titles: str) -> Document:
        """The sections of these titles alone, in the order of the document.

        Raises :class:`~symopt.errors.InputError` for a title that no section has.
        """
        return self._chosen(titles, True)

    def without(self, *titles: str) -> Document:
        """All but the sections of these titles; raises as :meth:`only` does."""
        return self._chosen(titles, False)

    def _chosen(self, titles: Sequence[str], kept: bool) -> Document:
        own = {plain(part.title): part for part in self.blocks if isinstance(part, Section)}
        for title in titles:
            if title not in own:
                raise InputError(
                    f"{self.title!r} has no section {title!r}; it has {', '.join(own)}"
                )
        named = [own[title] for title in titles]
        return replace(self, blocks=tuple(part for part in self.blocks if (part in named) is kept))

    def bibtex(self) -> str:
        """The bibliography as BibTeX entries."""
        from symopt.presentation.bibliography import bibtex

        return "\n".join(bibtex(reference) for reference in self.bibliography)

    def latex(self, pictures: Sequence[str] = ()) -> str:
        """A complete LaTeX document that needs nothing but LaTeX's base and amsmath.

        ``pictures`` are the files of the figures, in order. Where one is not named, or is not
        there when LaTeX runs, its description stands in its place.
        """
        from symopt.presentation.latex import render

        return render(self, pictures)

    def markdown(self, pictures: Sequence[str] = ()) -> str:
        """Markdown with formulas as GitHub sets them; ``pictures`` as for :meth:`latex`."""
        from symopt.presentation.markdown import render

        return render(self, pictures)

    def html(self) -> str:
        """One HTML page that needs no network: formulas are MathML, pictures are inside."""
        from symopt.presentation.page import render

        return render(self)

    def pdf(self) -> bytes:
        """The document as PDF, set by latexmk, pdflatex or tectonic.

        Raises :class:`~symopt.errors.OutputError` that says what to install where there is none.
        """
        from symopt.presentation.pdf import render

        return render(self)

    def text(self, width: int = 88) -> str:
        """Plain text for a terminal of that many columns."""
        from symopt.presentation.text import render

        return render(self, width)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from symopt.presentation.page import fragment

        return fragment(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def _repr_latex_(self) -> str:
        from symopt.presentation.latex import body

        return body(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the document in the format that the file name's ending tells.

        ``.tex`` and ``.md`` get their pictures as files beside them; ``.html`` and ``.pdf`` have
        them inside. Raises :class:`~symopt.errors.InputError` for an ending that is not known and
        :class:`~symopt.errors.OutputError` where the file cannot be written. An existing file is
        replaced as a whole or not at all.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending == ".tex":
            kinds = ("pdf", "png")
            made = written(target, self.latex(self.picture_names(target, kinds)))
            self.save_pictures(target, kinds)
            return made
        if ending == ".md":
            kinds = ("png", "svg")
            made = written(target, self.markdown(self.picture_names(target, kinds)))
            self.save_pictures(target, kinds)
            return made
        if ending == ".html":
            return written(target, self.html())
        if ending == ".pdf":
            return written(target, self.pdf())
        if ending == ".txt":
            return written(target, self.text())
        if ending == ".bib":
            return written(target, self.bibtex())
        raise InputError(
            f"{target}: no renderer for the ending {target.suffix!r}; use one of "
            + ", ".join(ENDINGS)
        )

    def picture_names(self, target: Path, kinds: Sequence[str]) -> list[str]:
        """What :meth:`save_pictures` calls the files, without drawing anything."""
        found = []
        for number, figure in enumerate(self.figures, start=1):
            kind = figure.image.kind if isinstance(figure.image, Picture) else kinds[0]
            found.append(f"{target.stem}-{number}.{kind}" if kind in kinds else "")
        return found

    def save_pictures(self, target: Path, kinds: Sequence[str]) -> list[str]:
        """Write the pictures beside a file, in the first of these kinds that there is.

        Gives their names in order, empty for a picture that cannot be had in any of the kinds.
        """
        names = self.picture_names(target, kinds)
        for name, figure in zip(names, self.figures, strict=True):
            picture = drawn(figure.image, kinds)
            if picture is not None and name:
                written(target.with_name(name), picture.data)
        return names


def _figures(blocks: Sequence[Block]) -> Iterator[Figure]:
    for block in blocks:
        if isinstance(block, Figure):
            yield block
        elif isinstance(block, Section | Details | Aside):
            yield from _figures(block.blocks)
