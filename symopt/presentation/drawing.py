"""What the plots share: colors, labels, windows, contour levels, and where a path is cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import value_and_gradient
from symopt.execution.trajectory import Trajectory, as_floats, setting_text
from symopt.presentation.names import Label
from symopt.statement.objective import Objective

__all__ = [
    "BACKGROUND", "Path", "color", "dashes", "flat", "grid", "label", "labels", "levels_of",
    "number", "paths_of", "refuse_undrawable", "settings", "style", "values_on", "window_of",
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[np.float64]]
Window = tuple[tuple[float, float], ...]

#: Okabe and Ito's palette, safe for the common kinds of color blindness (yellow left out: too
#: pale on white). Dashes and markers change too, so that gray prints can be read.
_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
_MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
_DASHES = ["-", "--", "-.", ":"]
#: From low to high: pale, so that every color of the palette stands out.
BACKGROUND = ["#ffffff", "#eef2f6", "#d9e2ea", "#bccad8", "#9db1c5"]
#: A path is drawn until it is this many window sizes away.
_FAR = 3.0


@dataclass(frozen=True)
class Path:
    """One drawn path: its points, the steps they belong to, and why it stops early, if it does."""

    points: Array
    steps: tuple[int, ...]
    ended: str = ""


def color(index: int) -> str:
    """The color of the index-th path."""
    return _COLORS[index % len(_COLORS)]


def dashes(index: int) -> str:
    """The dashes of the index-th line where markers would be too many or too small to tell."""
    return _DASHES[index % len(_DASHES)]


def style(index: int) -> dict[str, Any]:
    """Color, marker and dashes of the index-th path, different for the first 28."""
    dashes = _DASHES[index // len(_COLORS) % len(_DASHES)]
    return {
        "color": color(index),
        "marker": _MARKERS[index % len(_MARKERS)],
        "linestyle": dashes,
        "linewidth": 1.5,
        "markersize": 3.5,
        "markeredgewidth": 0.0,
    }


def flat(given: Iterable[Any]) -> list[Trajectory]:
    """Trajectories given one by one, in a list, or both."""
    result: list[Trajectory] = []
    for item in given:
        if isinstance(item, Trajectory):
            result.append(item)
        elif isinstance(item, Iterable) and not isinstance(item, str):
            result += flat(item)
        else:
            raise InputError(
                f"a plot takes trajectories, not {type(item).__name__}; make one with symopt.run"
            )
    return result


def settings(trajectory: Trajectory, names: Iterable[str] | None = None) -> str:
    """Hyperparameters as they were received, such as ``η = 0.01, μ = 0.9``."""
    chosen = trajectory.hyperparameters if names is None else names
    return ", ".join(
        f"{Label(name).unicode} = "
        f"{setting_text(trajectory.hyperparameters[name], trajectory.arithmetic)}"
        for name in chosen
    )


def label(trajectory: Trajectory, beside: Sequence[Trajectory]) -> str:
    """A short name for a legend: the title, and what differs from others of that title."""
    twins = [
        other
        for other in beside
        if (other.rule.title, other.objective.title)
        == (trajectory.rule.title, trajectory.objective.title)
    ]
    parts = [trajectory.rule.title]
    differing = [
        name
        for name, value in trajectory.hyperparameters.items()
        if any(np.any(other.hyperparameters.get(name, value) != value) for other in twins)
    ]
    if differing:
        parts.append(settings(trajectory, differing))
    if any(other.arithmetic != trajectory.arithmetic for other in twins):
        parts.append(trajectory.arithmetic)
    if any(other.x0 != trajectory.x0 for other in twins):
        start = ", ".join(number(value, trajectory.arithmetic) for value in trajectory.x0)
        parts.append(f"from ({start})")
    return ", ".join(parts)


def labels(trajectories: Sequence[Trajectory]) -> list[str]:
    """The labels of all, with the objective where there are several, and the steps of twins."""
    several = len({trajectory.objective.title for trajectory in trajectories}) > 1
    texts = [
        label(trajectory, trajectories) + several * f" on {trajectory.objective.title}"
        for trajectory in trajectories
    ]
    return [
        f"{text}, {trajectory.steps} steps" if texts.count(text) > 1 else text
        for text, trajectory in zip(texts, trajectories, strict=True)
    ]


def number(value: Fraction, arithmetic: str) -> str:
    """A coordinate: as a fraction while that is short, else as it was received.

    >>> number(Fraction(3, 2), "float64"), number(Fraction(1 / 3), "float64")
    ('3/2', '0.3333333333333333')
    """
    text = str(value)
    return text if len(text) <= 12 else setting_text(value, arithmetic)


def window_of(
    objective: Objective, trajectories: Sequence[Trajectory], given: Sequence[Any] | None
) -> Window:
    """The intervals to draw: those given, else the objective's, else around the paths."""
    if given is not None:
        try:
            pairs = tuple((float(low), float(high)) for low, high in given)
        except (TypeError, ValueError):
            pairs = ()
        if len(pairs) != objective.dimension or any(low >= high for low, high in pairs):
            raise InputError(
                f"window: {objective.name} needs one interval (low, high) for each of its "
                f"{objective.dimension} variables"
            )
        return pairs
    if objective.window:
        return tuple((float(low), float(high)) for low, high in objective.window)
    points = [as_floats(run.x).reshape(-1, objective.dimension) for run in trajectories]
    points.append(
        np.array([list(map(float, known.point)) for known in objective.known]).reshape(
            -1, objective.dimension
        )
    )
    cloud = np.concatenate(points)
    # A diverging path must not decide the scale: the start and its neighborhood do.
    cloud = cloud[(np.abs(cloud) <= 100 * (1 + np.abs(cloud[:1]))).all(axis=1)]
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    margin = np.maximum(0.15 * (high - low), 0.5)
    return tuple((float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True))


def paths_of(trajectory: Trajectory, window: Window) -> list[Path]:
    """The paths of a trajectory (one, or one for each start of a batch), cut where they are far.

    A path ends at its last finite point, or where it is three windows away: a picture cannot show
    more, and drawing libraries overflow on the points of a diverging run.
    """
    points = as_floats(trajectory.x)
    if points.ndim == 2:
        points = points[:, None, :]
    low, high = (np.array(side) for side in zip(*window, strict=True))
    size = high - low
    paths = []
    for lane in range(points.shape[1]):
        lane_points = points[:, lane, :]
        with np.errstate(invalid="ignore"):
            near = (np.abs(lane_points - (low + high) / 2) <= (_FAR + 0.5) * size).all(axis=1)
        count = len(near) if near.all() else int(np.argmin(near))
        steps = tuple(trajectory.recorded[:count])
        ended = ""
        if trajectory.diverged_at is not None and not np.isfinite(lane_points).all():
            ended = f"diverges at step {trajectory.diverged_at}"
        if count < len(near):
            ended = f"{ended}, " if ended else ""
            ended += f"drawn to step {steps[-1]}" if steps else "outside the window"
        elif ((lane_points[-1] < low) | (lane_points[-1] > high)).any():
            ended = "ends outside the window"
        paths.append(Path(lane_points[:count], steps, ended))
    return paths


def refuse_undrawable(trajectories: Sequence[Trajectory], window: Window) -> None:
    """Refuse runs of which not one shows a point near the window.

    Raises :class:`~symopt.errors.InputError` that says where they are.
    """
    if trajectories and not any(
        path.steps for run in trajectories for path in paths_of(run, window)
    ):
        first = trajectories[0]
        raise InputError(
            f"no run has a point near the window: {first.rule.title} "
            + (
                f"diverges at step {first.diverged_at}"
                if first.diverged_at is not None
                else "starts far outside"
            )
            + "; choose another window, a smaller learning rate or another start"
        )


def values_on(objective: Objective, *coordinates: Array) -> Array:
    """The objective on arrays of coordinates; nan where it has no value."""
    value, _ = value_and_gradient(objective, array(np.float64))
    with np.errstate(all="ignore"):
        result = np.asarray(value(*coordinates)[0], dtype=np.float64)
    return np.broadcast_to(result, np.broadcast_shapes(*(c.shape for c in coordinates)))


def grid(objective: Objective, window: Window, points: int = 201) -> tuple[Array, Array, Array]:
    """A mesh of the window and the objective on it."""
    sides = [np.linspace(low, high, points) for low, high in window]
    first, second = np.meshgrid(*sides)
    return first, second, values_on(objective, first, second)


def levels_of(values: Array, lowest: float | None = None, count: int = 24) -> Array:
    """Contour levels: geometric above the lowest value where f spans magnitudes, else smooth ones.

    ``lowest`` is a known minimum, which the mesh may miss. Where it is the floor of the window,
    the smooth levels grow quadratically, which spaces the rings of a bowl evenly; else linearly.
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        raise InputError("the objective has no finite value in the window; choose another window")
    floor = float(finite.min() if lowest is None else min(lowest, finite.min()))
    top = float(finite.max())
    if top <= floor:
        return np.array([floor - 0.5, floor + 0.5])
    middle = float(np.median(finite)) - floor
    if top - floor < 12 * middle:
        at_minimum = lowest is not None and lowest <= floor + 1e-9 * (top - floor)
        return floor + (top - floor) * np.linspace(0, 1, count + 1) ** (2 if at_minimum else 1)
    smallest = max(middle / 1000, (top - floor) * 1e-9)
    return np.concatenate([[floor], floor + np.geomspace(smallest, top - floor, count)])
