"""Basins of attraction: which critical point a rule reaches from each start of a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import BudgetError, InexactError, InputError
from symopt.execution.inputs import read_steps
from symopt.execution.run import run
from symopt.execution.sweep import sweep
from symopt.execution.trajectory import Trajectory, as_floats
from symopt.presentation import canvas, drawing
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ESCAPED", "UNDECIDED", "BasinMap", "basin_map", "basins"]

#: What a start has instead of the number of a critical point.
ESCAPED, UNDECIDED = -1, -2
#: A run this many windows away has escaped.
_FAR = 10.0
#: Fills that differ in lightness too, for prints in gray.
_FILLS = ["#cfe3f1", "#f4c7a5", "#9ed3bf", "#e9cde0", "#f2dc9b", "#86a9c4", "#d9d9d9"]
_MARKERS = {"minimum": "*", "saddle": "X", "maximum": "^", "degenerate": "D"}


@dataclass(frozen=True, eq=False)
class BasinMap:
    """Where a rule ends from every start of a mesh.

    ``reached`` has the shape of the mesh: the number of the critical point within ``within`` of
    the end, -1 where the run escapes (it diverges, or is ten windows away), -2 where after all
    ``steps`` it is at no critical point. ``starts`` are the mesh points, ``ends`` where they end,
    and ``run`` is the run from one of them.
    """

    run: Trajectory
    window: drawing.Window
    starts: drawing.Array
    ends: drawing.Array
    reached: np.ndarray[Any, np.dtype[np.int64]]
    points: drawing.Array
    kinds: tuple[str, ...]
    within: float
    steps: int
    note: str = ""

    @property
    def caption(self) -> str:
        """What was run, and how many starts end where."""
        made = self.run
        settings = drawing.settings(made)
        total = self.reached.size
        many = f"{made.steps} to " if self.steps > made.steps else ""
        parts = [
            f"{kind} ({', '.join(f'{value:.6g}' for value in point)}) {count}"
            for index, (kind, point) in enumerate(zip(self.kinds, self.points, strict=True))
            if (count := int((self.reached == index).sum()))
        ]
        for number, word in ((ESCAPED, "escaped"), (UNDECIDED, "at no critical point")):
            if count := int((self.reached == number).sum()):
                parts.append(f"{word} {count}")
        notes = [self.note] if self.note else []
        if 2 * int((self.reached == UNDECIDED).sum()) > total:
            notes.append("Most have not arrived: try more steps, or other hyperparameters.")
        text = (
            f"{made.rule.title}{f' ({settings})' if settings else ''} on {made.objective.title} "
            f"from {total} starts, {many}{self.steps} steps, {made.arithmetic}; ends within "
            f"{self.within:.3g} of: {', '.join(parts)}."
        )
        return " ".join([text, *notes])


def basin_map(
    rule: Rule | str,
    objective: Objective | str,
    steps: int = 500,
    *,
    window: Sequence[Any] | None = None,
    mesh: int = 161,
    within: Any = None,
    at_most: int | None = None,
    executor: Any = None,
    watch: Callable[[str, int, int], None] | None = None,
    **hyper: Any,
) -> BasinMap:
    """Run a rule from a mesh of starts, as a sweep, and find which critical point each reaches.

    Parameters
    ----------
    objective
        Of two variables. Its critical points are exact; those that the literature gives where
        they cannot be found exactly (the note says so).
    mesh
        Starts along each side of the window.
    within
        How near the end must be; by default a thousandth of the window's shorter side.
    at_most
        Runs that are at no minimum after ``steps`` and do not escape are made longer, twice as
        long again and again, up to this many steps.
    executor, watch
        As for :func:`symopt.sweep`.

    >>> found = basin_map("gradient_descent", "cubic", 2000, mesh=7, eta="1/20")
    >>> sorted({int(number) for number in found.reached.flat}), found.kinds
    ([-1, 0], ('minimum', 'saddle'))

    Raises :class:`~symopt.errors.InputError` for another dimension, and where no critical point
    is known.
    """
    stated, surface = rules.resolve(rule), objectives.resolve(objective)
    if surface.dimension != 2:
        raise InputError(
            f"basins are drawn for two variables; {surface.name} has {surface.dimension}"
        )
    if isinstance(mesh, bool) or not isinstance(mesh, int) or not 2 <= mesh <= 1001:
        raise InputError(f"mesh is a number of starts from 2 to 1001, not {mesh!r}")
    points, kinds, note = _critical(surface)
    if window is None and not surface.window:
        low, high = points.min(axis=0), points.max(axis=0)
        margin = np.maximum(high - low, 1.0)
        window = list(zip(low - margin, high + margin, strict=True))
    intervals = drawing.window_of(surface, [], window)
    sides = [np.linspace(low, high, mesh) for low, high in intervals]
    first, second = np.meshgrid(*sides)
    starts = np.column_stack([first.ravel(), second.ravel()])
    near = _distance(within, min(high - low for low, high in intervals))

    def run_all(some: drawing.Array, count: int) -> tuple[drawing.Array, Any]:
        made = sweep(stated, surface, some, count, executor=executor, watch=watch, **hyper)
        (found,) = made.ends
        ends = as_floats(found.x)
        return ends, _reached(ends, points, near, intervals)

    first_start: Any = starts[:1]
    alone = run(stated, surface, first_start, steps, record="point", **hyper)
    ends, reached = run_all(starts, steps)
    made = alone.steps
    lasting = [number for number, kind in enumerate(kinds) if kind == "minimum"]
    while at_most is not None and made < read_steps(at_most):
        # What is near a saddle may be on its way through.
        open_ = ~np.isin(reached, [*lasting, ESCAPED])
        if not open_.any():
            break
        made = min(2 * made, at_most)
        ends[open_], reached[open_] = run_all(starts[open_], made)
    shape = (mesh, mesh)
    return BasinMap(
        alone, intervals, starts.reshape(*shape, 2), ends.reshape(*shape, 2),
        reached.reshape(shape), points, kinds, near, made, note,
    )  # fmt: skip


def _distance(within: Any, shorter: float) -> float:
    try:
        near = shorter / 1000 if within is None else float(within)
    except (TypeError, ValueError):
        raise InputError(f"within is a distance, not {within!r}") from None
    if not near > 0:
        raise InputError(f"within is a positive distance, not {within!r}")
    return near


def _reached(
    ends: drawing.Array, points: drawing.Array, near: float, window: drawing.Window
) -> Any:
    """The number of the critical point that each end is at, or what it is instead."""
    away = np.hypot(*(ends[:, None, axis] - points[None, :, axis] for axis in (0, 1)))
    away = np.where(np.isfinite(away), away, np.inf)
    reached = np.where(away.min(axis=1) <= near, away.argmin(axis=1), UNDECIDED)
    center = np.array([(low + high) / 2 for low, high in window])
    size = np.array([high - low for low, high in window])
    with np.errstate(invalid="ignore"):
        staying = (np.abs(ends - center) <= _FAR * size).all(axis=1)
    return np.where((reached == UNDECIDED) & ~staying, ESCAPED, reached)


def _critical(objective: Objective) -> tuple[drawing.Array, tuple[str, ...], str]:
    """The critical points in floats, their kinds, and a note where they are not exact."""
    note = ""
    try:
        exact = objective.critical_points()
        found: list[tuple[Any, str]] = [(point.point, point.kind) for point in exact]
    except (InexactError, BudgetError):
        found = [(known.point, known.kind) for known in objective.known]
        note = "The critical points are those that the literature gives, perhaps not all."
    if not found:
        raise InputError(f"no critical point of {objective.name} is known; nothing can be reached")
    points = np.array([[float(value) for value in point] for point, _ in found])
    return points, tuple(kind for _, kind in found), note


def basins(
    rule: Rule | str | BasinMap,
    objective: Objective | str | None = None,
    steps: int = 500,
    ax: Axes | None = None,
    *,
    window: Sequence[Any] | None = None,
    mesh: int = 161,
    within: Any = None,
    at_most: int | None = None,
    executor: Any = None,
    watch: Callable[[str, int, int], None] | None = None,
    legend: bool = True,
    **hyper: Any,
) -> Axes:
    """The basins of attraction of a rule on an objective of two variables.

    Each start has the fill of the critical point that it reaches; hatched starts escape, white
    ones are at no critical point after all steps. The critical points are numbered.

    >>> axes = basins("gradient_descent", "cubic", 200, mesh=11, eta="1/10")
    >>> axes.get_title()
    'Basins of Gradient descent on Cubic'

    Raises :class:`~symopt.errors.InputError` as :func:`basin_map` does.
    """
    if isinstance(rule, BasinMap):
        found = rule
    elif objective is None:
        raise InputError("basins() needs an objective, such as 'himmelblau'")
    else:
        found = basin_map(
            rule, objective, steps, window=window, mesh=mesh, within=within, at_most=at_most,
            executor=executor, watch=watch, **hyper,
        )  # fmt: skip
    own = ax is None
    ax = canvas.figure(6.4, 5.2).add_subplot() if ax is None else ax
    entries = _fill(ax, found)
    _mark(ax, found)
    ax.set_xlim(*found.window[0])
    ax.set_ylim(*found.window[1])
    stated = found.run.objective
    ax.set_xlabel(str(stated.variables[0]))
    ax.set_ylabel(str(stated.variables[1]))
    ax.set_title(f"Basins of {found.run.rule.title} on {stated.title}")
    if legend:
        canvas.legend(ax, below=own, entries=entries)
    return ax


def _fill(ax: Axes, found: BasinMap) -> list[Any]:
    """The mesh in colors, one cell for each start; the entries of the legend."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    present = [int(number) for number in np.unique(found.reached) if number >= 0]
    place = {number: index for index, number in enumerate(present)}
    colors = [_FILLS[index % len(_FILLS)] for index in range(len(present))]
    cells = np.full(found.reached.shape, np.nan)
    for number, index in place.items():
        cells[found.reached == number] = index
    first, second = found.starts[..., 0], found.starts[..., 1]
    if present:
        ax.pcolormesh(
            first, second, np.ma.masked_invalid(cells), cmap=ListedColormap(colors),
            vmin=-0.5, vmax=len(present) - 0.5, shading="nearest", rasterized=True,
        )  # fmt: skip
    for number in present:  # lines between the fills, for prints in gray
        here = (found.reached == number).astype(float)
        if here.min() < 1:
            ax.contour(first, second, here, levels=[0.5], colors="#555555", linewidths=0.7)
    entries: list[Any] = [
        Patch(facecolor=colors[index], edgecolor="#555555", label=_name(found, number))
        for number, index in place.items()
    ]
    for number, hatch, text in (
        (ESCAPED, "////", "escapes"),
        (UNDECIDED, "", f"at no critical point after {found.steps} steps"),
    ):
        here = found.reached == number
        if not here.any():
            continue
        text += f", {here.mean():.1%} of the starts"
        if hatch:
            canvas.hatch(ax, first, second, here, hatch)
        entries.append(
            Patch(facecolor="white", edgecolor="#777777", hatch=hatch, linewidth=0.6, label=text)
        )
    return entries


def _name(found: BasinMap, number: int) -> str:
    point = ", ".join(f"{value:.4g}" for value in found.points[number])
    share = float((found.reached == number).mean())
    return f"{number + 1}: {found.kinds[number]} ({point}), {share:.1%} of the starts"


def _mark(ax: Axes, found: BasinMap) -> None:
    looks: dict[str, Any] = {"minimum": {"markersize": 12, "color": canvas.STAR}}
    for index, (point, kind) in enumerate(zip(found.points, found.kinds, strict=True)):
        inside = all(
            low <= value <= high for value, (low, high) in zip(point, found.window, strict=True)
        )
        if not inside:
            continue
        ax.plot(
            [point[0]], [point[1]], linestyle="none", marker=_MARKERS[kind],
            markeredgecolor="black", zorder=6, label="_nolegend_",
            **looks.get(kind, {"markersize": 8, "color": "white"}),
        )  # fmt: skip
        ax.annotate(
            str(index + 1), (point[0], point[1]), xytext=(7, 4), textcoords="offset points",
            fontsize="small", zorder=7,
        )  # fmt: skip
