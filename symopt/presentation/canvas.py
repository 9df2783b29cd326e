"""Parts of a picture in matplotlib: figures, contours, known points, legends, files."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.files import written
from symopt.presentation import drawing
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "STAR", "background", "contours", "curve", "figure", "hatch", "known_points", "legend",
    "mark_every", "save",
]  # fmt: skip


#: The color of minima.
STAR = "#F0E442"


def figure(width: float = 6.4, height: float = 4.8) -> Figure:
    """A figure that belongs to nobody but its caller: pyplot does not know it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def background() -> Any:
    """The color map of contours and surfaces, from low to high."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("symopt", drawing.BACKGROUND)


def contours(
    ax: Axes,
    objective: Objective,
    window: drawing.Window,
    given: Sequence[float] | None,
    highest: Any = None,
) -> None:
    """Filled contours of an objective of two variables, cut where f is above the highest."""
    from matplotlib.colors import BoundaryNorm

    first, second, values = drawing.grid(objective, window)
    minima = [float(p.value) for p in objective.known if p.kind == "minimum"]
    if given is None:
        try:
            top = np.inf if highest is None else float(highest)
        except (TypeError, ValueError):
            raise InputError(f"highest is a value of f, not {highest!r}") from None
        shown = values[values <= top]
        if not shown.size:
            raise InputError(f"f is above {top:g} in the whole window; choose a higher cut")
        levels = drawing.levels_of(shown, min(minima, default=None))
        if shown.size < values.size and np.isfinite(top):
            levels = np.append(levels[levels < top], top)
    else:
        levels = np.array(sorted(float(level) for level in given))
    if len(levels) < 2:
        raise InputError("levels needs at least two contour levels")
    # Even colors between uneven levels: where f spans magnitudes, each band is one shade darker.
    norm = BoundaryNorm(levels, 256, extend="neither" if given is None else "both")
    ax.contourf(
        first, second, values, levels=levels, cmap=background(), norm=norm,
        extend="neither" if given is None else "both",
    )  # fmt: skip
    ax.contour(
        first,
        second,
        values,
        levels=levels,
        colors="#7d92a8",
        linewidths=0.4,
        linestyles="solid",
    )


def curve(ax: Axes, objective: Objective, window: drawing.Window) -> None:
    """The curve of an objective of one variable."""
    across = np.linspace(*window[0], 401)
    ax.plot(
        across,
        drawing.values_on(objective, across),
        color="#7d92a8",
        linewidth=1.2,
        zorder=2,
        label="_nolegend_",
    )


def known_points(ax: Axes, objective: Objective, window: drawing.Window) -> None:
    """Known minima as stars and known saddles as crosses, where the window shows them."""
    looks: dict[str, dict[str, Any]] = {
        "minimum": {"marker": "*", "markersize": 13, "color": STAR},
        "saddle": {"marker": "X", "markersize": 8, "color": "white"},
    }
    named: set[str] = set()
    for known in objective.known:
        point = [float(value) for value in known.point]
        inside = all(low <= v <= high for v, (low, high) in zip(point, window, strict=True))
        if known.kind not in looks or not inside:
            continue
        if objective.dimension == 1:
            point.append(float(known.value))
        text = "_nolegend_" if known.kind in named else known.kind
        named.add(known.kind)
        ax.plot(
            *[[value] for value in point], linestyle="none", markeredgecolor="black", zorder=6,
            label=text, **looks[known.kind],
        )  # fmt: skip


def hatch(ax: Axes, first: Any, second: Any, here: Any, pattern: str = "////") -> None:
    """Hatching over the cells of a mesh in which something holds."""
    import matplotlib

    with matplotlib.rc_context({"hatch.color": "#999999", "hatch.linewidth": 0.6}):
        ax.contourf(
            first, second, here.astype(float), levels=[0.5, 1.5], colors="none", hatches=[pattern]
        )


def mark_every(count: int) -> int:
    """All markers of a short path, about 40 of a long one."""
    return max(1, count // 40) if count > 80 else 1


def legend(ax: Any, *, below: bool, entries: Sequence[Any] | None = None) -> None:
    """Below the axes in a figure of ours, where it hides nothing; in axes given to us, inside."""
    handles, texts = ax.get_legend_handles_labels()
    if entries is not None:
        handles, texts = list(entries), [entry.get_label() for entry in entries]
    if not handles:
        return
    if not below:
        ax.legend(handles, texts, loc="best", fontsize="small", framealpha=0.9)
        return
    columns = 1 if max(map(len, texts), default=0) > 48 else 2
    drop = -0.04 if hasattr(ax, "get_zlim") else -0.13
    width, height = ax.figure.get_size_inches()
    ax.figure.set_size_inches(width, height + 0.19 * math.ceil(len(texts) / columns))
    ax.legend(
        handles, texts, loc="upper center", bbox_to_anchor=(0.5, drop), ncols=columns,
        fontsize="small", frameon=False,
    )  # fmt: skip


def save(figure: Figure | Axes, path: str | os.PathLike[str], *, dpi: float = 150) -> Path:
    """Write a figure (or the figure of axes) to a file, whole or not at all.

    The ending says the format: ``.png``, ``.svg``, ``.pdf`` and what else matplotlib knows. The
    file of the same picture is the same, byte for byte.

    Raises :class:`~symopt.errors.InputError` for an unknown ending and
    :class:`~symopt.errors.OutputError` where the file cannot be written.
    """
    import matplotlib

    target = Path(path)
    drawn: Any = figure if hasattr(figure, "savefig") else figure.figure
    ending = target.suffix.lower().lstrip(".")
    known = drawn.canvas.get_supported_filetypes()
    if ending not in known:
        raise InputError(
            f"{target}: no picture format has the ending {target.suffix!r}; use one of "
            + ", ".join(f".{name}" for name in known)
        )
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "symopt"}):
        drawn.savefig(buffer, format=ending, dpi=dpi, metadata=undated)
    return written(target, buffer.getvalue())
