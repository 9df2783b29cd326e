"""GIF files, by Pillow, in a palette that keeps the colors of the runs exactly."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from symopt.presentation import canvas

__all__ = ["Pixels", "gif"]

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def gif(frames: Sequence[Pixels], shown: Sequence[int], runs: Sequence[str]) -> bytes:
    """Frames as one GIF, each shown for so many milliseconds; ``runs`` are colors to be kept.

    >>> dot = np.full((4, 4, 3), 255, dtype=np.uint8)
    >>> gif([dot, dot // 2], [60, 60], ["#0072B2"])[:6]
    b'GIF89a'
    """
    from PIL import Image

    own = _fixed(runs)
    # The last frame has every color, the trails included.
    rest = Image.fromarray(frames[-1]).quantize(256 - len(own), dither=Image.Dither.NONE)
    colors = np.concatenate([own, np.array(rest.getpalette(), dtype=np.int64).reshape(-1, 3)])
    nearest = _nearest(colors, len(own))
    few = []
    for frame in frames:
        cells = (frame >> 3).astype(np.int32)
        places = nearest[cells[..., 0], cells[..., 1], cells[..., 2]]
        few.append(Image.fromarray(places))
        few[-1].putpalette(colors.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    few[0].save(buffer, "GIF", save_all=True, append_images=few[1:], duration=list(shown), loop=0)
    return buffer.getvalue()


def _fixed(runs: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """White, black, the star's color, and those of the runs with smoothed edges: (n, 3)."""
    from matplotlib.colors import to_rgb

    found = [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), to_rgb(canvas.STAR)]
    for base in map(to_rgb, dict.fromkeys(runs)):
        for toward, share in ((0.0, 1.0), (1.0, 0.6), (1.0, 0.3), (0.0, 0.5)):
            r, g, b = (part * share + toward * (1 - share) for part in base)
            found.append((r, g, b))
    return np.asarray(np.rint(255 * np.array(list(dict.fromkeys(found)))), dtype=np.int64)


def _nearest(colors: Any, own: int) -> Pixels:
    """For each of 32**3 cells of colors the nearest one; the first ones are taken exactly."""
    side = np.arange(4, 256, 8)
    cells = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    found = np.empty(len(cells), dtype=np.uint8)
    for part in range(0, len(cells), 4096):
        away = ((cells[part : part + 4096] - colors) ** 2).sum(axis=-1)
        found[part : part + 4096] = away.argmin(axis=1)
    table = found.reshape(32, 32, 32)
    for index in range(own):
        r, g, b = colors[index] >> 3
        table[r, g, b] = index
    return table
