"""Pictures of documents: bytes that exist already, or a drawing that is made when it is needed."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from symopt.errors import InputError

__all__ = ["Drawing", "Image", "Picture", "address", "drawn", "saved"]

_MIME = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}


@dataclass(frozen=True)
class Picture:
    """A picture as bytes; ``kind`` is ``"svg"``, ``"png"`` or ``"pdf"``."""

    kind: str
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.kind not in _MIME:
            raise InputError(f"a picture of kind {self.kind!r}; use one of {', '.join(_MIME)}")


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture that a function of :mod:`symopt.plot` makes of its arguments, when asked for.

    Documents hold drawings rather than bytes, so that a document as text loads no matplotlib.
    """

    function: str
    arguments: tuple[Any, ...] = field(repr=False)
    size: tuple[float, float] = (6.4, 4.4)

    def make(self, kind: str) -> Picture:
        """Draw it as ``"svg"``, ``"png"`` or ``"pdf"``."""
        from symopt.presentation import plot
        from symopt.presentation.canvas import figure

        made = figure(*self.size)
        getattr(plot, self.function)(*self.arguments, ax=made.add_subplot())
        return Picture(kind, saved(made, kind))


Image: TypeAlias = Picture | Drawing


def drawn(image: Image, kinds: Sequence[str]) -> Picture | None:
    """The picture in the first of these kinds that there is; ``None`` where there is none.

    >>> drawn(Picture("svg", b"<svg/>"), ("png", "svg")).kind
    'svg'
    """
    if isinstance(image, Drawing):
        return image.make(kinds[0])
    return image if image.kind in kinds else None


def address(picture: Picture) -> str:
    """A picture as a ``data:`` address.

    >>> address(Picture("svg", b"<svg/>"))
    'data:image/svg+xml;base64,PHN2Zy8+'
    """
    return f"data:{_MIME[picture.kind]};base64,{base64.b64encode(picture.data).decode('ascii')}"


def saved(figure: Any, kind: str) -> bytes:
    """A matplotlib figure in a format, the same bytes for the same figure."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "symopt", "pdf.fonttype": 42}):
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return _smaller(buffer) if kind == "png" else buffer.getvalue()


def _smaller(drawn: io.BytesIO) -> bytes:
    """A bitmap in 256 colors, a third of the size; pictures of bands and lines have few."""
    from PIL import Image as Bitmaps

    buffer = io.BytesIO()
    few = Bitmaps.open(drawn).convert("RGB").quantize(256, dither=Bitmaps.Dither.NONE)
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
