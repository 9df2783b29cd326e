"""Pictures as files, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from symopt.presentation import canvas
from symopt.presentation.plot.animation import Animation
from symopt.presentation.plot.scenes import Scene

__all__ = ["save"]


def save(picture: Any, path: str | os.PathLike[str], *, dpi: float = 150) -> Path:
    """Write axes, a figure, an animation or a system's picture; the ending says the format.

    Stills are ``.png``, ``.svg``, ``.pdf`` and what else matplotlib knows; animations are ``.gif``
    (or ``.mp4``, where ffmpeg is installed). A file of the same still is the same, byte for byte.

    Raises :class:`~symopt.errors.InputError` for an unknown ending and
    :class:`~symopt.errors.OutputError` where the file cannot be written.
    """
    if isinstance(picture, (Animation, Scene)):
        return picture.save(path)
    return canvas.save(picture, path, dpi=dpi)
