"""Maps of learning rates: what a run comes to, where it fails, and the exact limit of stability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import InputError
from symopt.presentation import canvas, drawing
from symopt.presentation.names import Label
from symopt.presentation.plot.rate_map import RateMap, rate_map
from symopt.presentation.plot.stability_pictures import draw_boundary
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learning_rates"]

_FAILED = "#8c8c8c"
#: Scores beyond this many times that of the start are not shown: the rest would be a flat line.
_ABOVE = 100.0


def learning_rates(
    rules: Any,
    objective: Objective | str | None = None,
    steps: int = 100,
    ax: Axes | None = None,
    *,
    over: Sequence[str] | str | None = None,
    starts: Any = None,
    show: str = "final",
    threshold: Any = None,
    across: str = "worst",
    mesh: int | None = None,
    executor: Any = None,
    watch: Callable[[str, int, int], None] | None = None,
    legend: bool = True,
    **hyper: Any,
) -> Axes:
    """What rules come to on an objective, for each learning rate.

    Over one hyperparameter a line for each rule, its star the best value, hatched above where it
    fails (diverges, or does not reach the threshold). Over two a map, dark where the score is low,
    hatched where the rule fails. On a quadratic the exact limit of stability of linear rules is
    drawn.

    Parameters
    ----------
    rules
        Rules, or the result of :func:`rate_map`, as are the other arguments.

    >>> axes = learning_rates("gradient_descent", "elongated_bowl", 20, mesh=15)
    >>> axes.get_xlabel(), axes.get_xscale()
    ('η', 'log')

    Raises :class:`~symopt.errors.InputError` as :func:`rate_map` does.
    """
    if isinstance(rules, RateMap):
        found = rules
    elif objective is None:
        raise InputError("learning_rates() needs an objective, such as 'beale'")
    else:
        found = rate_map(
            rules, objective, steps, over=over, starts=starts, show=show, threshold=threshold,
            across=across, mesh=mesh, executor=executor, watch=watch, **hyper,
        )  # fmt: skip
    own = ax is None
    ax = canvas.figure(6.8, 4.8).add_subplot() if ax is None else ax
    entries = (_lines if len(found.over) == 1 else _map)(ax, found)
    if _is_log(found.values[0]):
        ax.set_xscale("log")
    ax.set_xlim(found.values[0][0], found.values[0][-1])
    ax.set_xlabel(Label(found.over[0]).unicode)
    ax.set_title(f"{_title(found)} on {found.objective.title}, {found.goal.steps} steps")
    if legend:
        canvas.legend(ax, below=own, entries=entries)
    return ax


def _title(found: RateMap) -> str:
    rules = found.rules
    return rules[0].title if len(rules) == 1 else f"{len(rules)} rules"


def _is_log(values: drawing.Array) -> bool:
    return bool(values[0] > 0 and values[-1] / values[-2] < (values[-1] - values[0]) / values[0] and
                (values[-1] - values[-2]) > 2 * (values[1] - values[0]))  # fmt: skip


def _lines(ax: Axes, found: RateMap) -> list[Any]:
    from matplotlib.patches import Patch

    etas = found.values[0]
    finite = np.concatenate([score[np.isfinite(score)] for score in found.scores])
    if not finite.size:
        raise InputError(
            f"nothing to draw: {found.goal.failing} for every value of {found.over[0]}; choose "
            "others"
        )
    entries: list[Any] = []
    many = len(found.rules) > 1
    for index, (rule, score, best) in enumerate(
        zip(found.rules, found.scores, found.best, strict=True)
    ):
        look: dict[str, Any] = {"color": drawing.color(index), "linestyle": drawing.dashes(index)}
        # What is far above the picture would only overflow in it.
        far = 1e9 * _ABOVE * found.begin if found.begin > 0 else np.inf
        shown = np.where(np.isfinite(score) & (score < far), score, np.nan)
        entries += ax.plot(etas, shown, linewidth=1.8, label=rule.title, zorder=3, **look)
        if best is not None:
            (value,) = [float(v) for k, v in best.hyperparameters.items() if k == found.over[0]]
            ax.plot(
                [value], [best.score], marker="*", markersize=13, color=canvas.STAR,
                markeredgecolor=look["color"], linestyle="none", zorder=6,
            )  # fmt: skip
            entries[-1].set_label(f"{rule.title}, best at {value:.4g}")
        _failures(ax, etas, found.failed[index], index, look["color"], many)
        for low, high in found.stable[index]:
            for end in (low, high):
                if etas[0] <= end <= etas[-1]:
                    line = ax.axvline(
                        end,
                        color=look["color"],
                        linewidth=1.2,
                        linestyle=(0, (1, 1.2)),
                        zorder=2,
                        label=f"exact limit of stability {end:.6g}",
                    )
                    entries.append(line)
    if any(failed.any() for failed in found.failed):
        entries.append(
            Patch(facecolor="white", edgecolor=_FAILED, hatch="////", label=found.failing)
        )
    _scale(ax, found, finite)
    ax.set_ylabel(found.goal.text)
    ax.grid(True, color="#d9e2ea", linewidth=0.6)
    return entries


def _failures(
    ax: Axes, etas: drawing.Array, failed: Any, index: int, color: str, many: bool
) -> None:
    """Hatched where a rule fails: all the height for one rule, a strip for each of many."""
    import matplotlib

    if not failed.any():
        return
    top = 1 - 0.045 * index
    with matplotlib.rc_context({"hatch.color": color if many else _FAILED, "hatch.linewidth": 0.7}):
        edges = _edges(etas)
        first = 0
        while first < len(failed):
            if not failed[first]:
                first += 1
                continue
            last = first
            while last + 1 < len(failed) and failed[last + 1]:
                last += 1
            ax.fill_between(
                [edges[first], edges[last + 1]], top - 0.04 if many else 0, top,
                transform=ax.get_xaxis_transform(), facecolor="none", hatch="////",
                edgecolor=color if many else _FAILED, linewidth=0.0, zorder=1,
            )  # fmt: skip
            first = last + 1


def _scale(ax: Axes, found: RateMap, finite: drawing.Array) -> None:
    """A logarithmic axis where scores are positive; heights far above the start's are cut."""
    if found.goal.criterion == "steps":
        ax.set_ylim(0, float(finite.max()) * 1.12)
        return
    positive = finite[finite > 0]
    if finite.min() < 0 or not positive.size:
        calm = float(np.abs(finite[np.isfinite(finite)]).min()) or 1.0
        ax.set_yscale("symlog", linthresh=max(calm, 1e-3))
        return
    ax.set_yscale("log", nonpositive="mask")
    top = _ABOVE * found.begin if found.begin > 0 else np.inf
    low, high = float(positive.min()), min(float(positive.max()), top)
    ax.set_ylim(low / (high / low) ** 0.05, high * (high / low) ** 0.12)


def _edges(values: drawing.Array) -> drawing.Array:
    """The borders between values, halfway."""
    if _is_log(values):
        return np.exp(_edges_of(np.log(values)))
    return _edges_of(values)


def _edges_of(values: drawing.Array) -> drawing.Array:
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[values[0]], middle, [values[-1]]])


def _map(ax: Axes, found: RateMap) -> list[Any]:
    from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
    from matplotlib.patches import Patch

    first, second = found.values
    score = found.scores[0].T
    failed = found.failed[0].T
    if failed.all():
        raise InputError(f"nothing to draw: {found.goal.failing} everywhere; choose other values")
    good = score[~failed]
    low, high = float(good.min()), float(good.max())
    logarithmic = found.goal.criterion != "steps" and low > 0
    if logarithmic:  # a score of 1e-300 must not take all the colors
        low = max(low, high * 1e-16)
    norm = (LogNorm if logarithmic else Normalize)(low, high if high > low else low + 1)
    shades = LinearSegmentedColormap.from_list(
        "score", ["#123f5f", "#5f7f9c", "#bccad8", "#f6f9fc"]
    )
    mesh = ax.pcolormesh(
        _edges(first), _edges(second), np.ma.masked_array(score, failed), cmap=shades, norm=norm,
        rasterized=True,
    )  # fmt: skip
    ax.figure.colorbar(mesh, ax=ax, label=found.goal.text, extend="both")
    entries: list[Any] = []
    if failed.any():
        # Each border twice, so that hatching fills whole cells.
        across, up = (np.repeat(_edges(values), 2)[1:-1] for values in (first, second))
        canvas.hatch(ax, across, up, failed.repeat(2, axis=0).repeat(2, axis=1))
        entries.append(
            Patch(facecolor="white", edgecolor=_FAILED, hatch="////", label=found.failing)
        )
    if found.region is not None:
        entries += draw_boundary(ax, found.region)
    best = found.best[0]
    if best is not None:
        place = [float(best.hyperparameters[name]) for name in found.over]
        entries += ax.plot(
            *[[value] for value in place], linestyle="none", marker="*", markersize=13,
            color=canvas.STAR, markeredgecolor="black", zorder=6,
            label=f"best, {best.score:.3g} at ({place[0]:.4g}, {place[1]:.4g})",
        )  # fmt: skip
    ax.set_ylim(second[0], second[-1])
    ax.set_ylabel(Label(found.over[1]).unicode)
    return entries
