"""Maps over two hyperparameters: where rules converge on a quadratic, and how fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.presentation import canvas, drawing
from symopt.presentation.plot.stability_map import StabilityMap, letter, stability_map
from symopt.presentation.plot.stable_set import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_boundary", "rate", "stability"]


def stability(
    *rules: Any,
    ax: Axes | None = None,
    over: Sequence[str] | None = None,
    curvature: Any = 1,
    window: Sequence[Any] | None = None,
    legend: bool = True,
    **hyper: Any,
) -> Axes:
    """Where rules converge on a quadratic: the stable set of each, with its exact boundary.

    Parameters
    ----------
    rules
        Rules, names, or results of :func:`stability_map`.
    over, curvature, window, hyper
        As in :func:`stability_map`.

    >>> axes = stability("nesterov", "nesterov_new_velocity")
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('η', 'μ')

    Raises :class:`~symopt.errors.InputError` as :func:`stability_map` does.
    """
    maps = _maps(rules, over, curvature, window, hyper)
    own = ax is None
    ax = canvas.figure(6.4, 4.8).add_subplot() if ax is None else ax
    for index, one in enumerate(maps):
        (left, right), name = one.window[0], one.stability.rule.name
        if not any(a < right and b > left for row in one.rows for a, b in row.intervals):
            raise InputError(f"{name} converges nowhere in the window; choose another")
        _area(ax, one, index)
    _frame(ax, maps, "Convergence on a quadratic")
    if legend:
        canvas.legend(ax, below=own)
    return ax


def rate(
    rule: Any,
    ax: Axes | None = None,
    *,
    over: Sequence[str] | None = None,
    curvature: Any = 1,
    window: Sequence[Any] | None = None,
    **hyper: Any,
) -> Axes:
    """How fast a rule converges on a quadratic: the spectral radius, inside the exact boundary.

    With several curvatures the slowest one counts. Dark is fast, lines are labeled, and the star
    is the derived optimum, where there is one; else the fastest point of a mesh.

    >>> axes = rate("momentum", curvature=(1, 10))
    >>> axes.get_title()
    'Rate of Momentum on a quadratic, λ = 1, 10'

    Raises :class:`~symopt.errors.InputError` as :func:`stability_map` does.
    """
    (one,) = _maps([rule], over, curvature, window, hyper)
    ax = canvas.figure(6.8, 4.8).add_subplot() if ax is None else ax
    first, second, values = one.rates()
    inside = np.where(values < 1, values, np.nan)
    if np.isnan(inside).all():
        raise InputError(
            f"{one.stability.rule.name} converges nowhere in the window; choose another"
        )
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("rate", ["#5f7f9c", "#bccad8", "#f6f9fc"])
    levels = np.linspace(0, 1, 11)
    # The values outside are clipped by the level 1, which is the boundary; nan would be ragged.
    ax.contourf(first, second, np.minimum(values, 2), levels=levels, cmap=shades)
    lines = ax.contour(
        first, second, np.minimum(values, 2), levels=levels[1:-1], colors="#5c7187", linewidths=0.6
    )
    ax.clabel(lines, fmt="%.1f", fontsize="x-small")
    _area(ax, one, 0, filled=False)
    across, up, least = one.best or _on_the_mesh(first, second, inside)
    ax.plot(
        [across], [up], linestyle="none", marker="*", markersize=13, color=canvas.STAR,
        markeredgecolor="black", zorder=6,
        label=f"{'optimum' if one.best else 'fastest on the mesh'}, rate {least:.3g}",
    )  # fmt: skip
    _frame(ax, [one], f"Rate of {one.stability.rule.title} on a quadratic")
    canvas.legend(ax, below=True)
    return ax


def _on_the_mesh(
    first: drawing.Array, second: drawing.Array, rates: drawing.Array
) -> tuple[float, float, float]:
    best = np.unravel_index(int(np.nanargmin(rates)), rates.shape)
    return float(first[best]), float(second[best]), float(rates[best])


def _maps(
    given: Sequence[Any], over: Any, curvature: Any, window: Any, hyper: Mapping[str, Any]
) -> list[StabilityMap]:
    if not given:
        raise InputError("a map of stability needs at least one rule, such as 'momentum'")
    maps = [
        item
        if isinstance(item, StabilityMap)
        else stability_map(item, over, curvature=curvature, window=window, **hyper)
        for item in given
    ]
    axes = {tuple(letter(symbol) for symbol in one.over) for one in maps}
    if len(axes) > 1:
        raise InputError(
            "one map has one pair of axes, not "
            + " and ".join(" × ".join(pair) for pair in sorted(axes))
            + "; choose with over="
        )
    return maps


def _area(ax: Axes, one: StabilityMap, index: int, *, filled: bool = True) -> None:
    """The stable set of a map and its boundary; pieces break where the number of pieces changes."""
    look = drawing.style(index)
    dashes = drawing.dashes(index)
    text = f"{one.stability.rule.title}: {one.region}" if filled else "boundary of convergence"
    beyond = max((end for row in one.rows for piece in row.intervals for end in piece), default=0)
    for run in _runs(one.rows):
        heights = [float(row.height) for row in run]
        for piece in range(len(run[0].intervals)):
            starts = [row.intervals[piece][0] for row in run]
            ends = [row.intervals[piece][1] for row in run]
            if filled:
                ax.fill_betweenx(
                    heights, starts, ends, color=look["color"], alpha=0.16, linewidth=0
                )
            for side in (starts, ends):
                outside = float(one.window[0][1])
                shown = [np.nan if end == beyond > outside else end for end in side]
                ax.plot(
                    shown, heights, color=look["color"], linestyle=dashes, linewidth=2,
                    label=text, zorder=4,
                )  # fmt: skip
                text = "_nolegend_"
        for row in run:
            if row.edge:
                for start, end in row.intervals:
                    height = float(row.height)
                    ax.plot(
                        [start, end], [height, height], color=look["color"],
                        linestyle=dashes, linewidth=2, zorder=4, label="_nolegend_",
                    )  # fmt: skip


def draw_boundary(ax: Axes, one: StabilityMap) -> list[Any]:
    """The exact boundary of a stable set on axes of its two hyperparameters; its legend entry."""
    before = len(ax.lines)
    _area(ax, one, 1, filled=False)
    named = [line for line in ax.lines[before:] if not str(line.get_label()).startswith("_")]
    for line in named:
        line.set_label("exact boundary of convergence")
    return named


def _runs(found: Sequence[Row]) -> Iterator[list[Row]]:
    """Neighboring rows with the same number of stable intervals."""
    current: list[Row] = []
    for row in found:
        if current and len(row.intervals) != len(current[-1].intervals):
            yield current
            current = []
        current.append(row)
    if current:
        yield current


def _frame(ax: Axes, maps: Sequence[StabilityMap], title: str) -> None:
    low = [min(float(one.window[axis][0]) for one in maps) for axis in (0, 1)]
    high = [max(float(one.window[axis][1]) for one in maps) for axis in (0, 1)]
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_xlabel(letter(maps[0].over[0]))
    ax.set_ylabel(letter(maps[0].over[1]))
    stated = maps[0].stability
    if stated.curvature not in maps[0].over:
        title += f", {letter(stated.curvature)} = " + ", ".join(map(str, maps[0].curvatures))
    ax.set_title(title)
