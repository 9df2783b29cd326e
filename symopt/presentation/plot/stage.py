"""The stage of an animation: what stays, what moves, and what stands beside it at each step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.execution.trajectory import Trajectory
from symopt.presentation import canvas, drawing
from symopt.presentation.plot.paths import scenery
from symopt.presentation.plot.surfaces import ground
from symopt.statement.objective import Objective

if TYPE_CHECKING:
    from symopt.presentation.plot.animation import Animation

__all__ = ["Stage"]


class Stage:
    """A figure with a background that stays, and the artists that move."""

    def __init__(self, animation: Animation, figure: Any) -> None:
        objective, window = animation.objective, animation.window
        grid = figure.add_gridspec(1, 2, width_ratios=(3, 1.3))
        solid = animation.view == "surface"
        axes = figure.add_subplot(grid[0], projection="3d" if solid else None)
        if solid:
            low, high = ground(axes, objective, window, animation.heights)
            box: drawing.Window = (*window, (low, high))
        else:
            scenery(axes, objective, window, None, animation.highest)
            canvas.known_points(axes, objective, window)
            box = window
        side = figure.add_subplot(grid[1])
        side.set_axis_off()
        side.set_xlim(0, 1)
        side.set_ylim(0, 1)
        self.total = animation.runs[0].steps
        self.clock = side.text(0, 0.97, "", fontsize="large", weight="bold", animated=True)
        self.actors: list[_Actor] = []
        for index, (run, name) in enumerate(
            zip(animation.runs, drawing.labels(animation.runs), strict=True)
        ):
            place = 0.88 - 0.8 * index / max(len(animation.runs), 5)
            self.actors.append(_Actor(axes, side, run, name, index, place, box, objective))

    def at(self, step: int) -> Iterator[Any]:
        """The artists of a step, to be drawn in this order."""
        self.clock.set_text(f"step {step}")
        yield self.clock
        for actor in self.actors:
            yield from actor.at(step)


class _Actor:
    """One run on the stage: trail and point of each lane, and a line of text."""

    def __init__(
        self, axes: Any, side: Any, run: Trajectory, name: str, index: int, place: float,
        box: drawing.Window, objective: Objective,
    ) -> None:  # fmt: skip
        look = drawing.style(index)
        self.run = run
        self.lanes: list[tuple[drawing.Array, tuple[int, ...], Any, Any]] = []
        self.leaves: int | None = None
        solid = len(box) > objective.dimension
        empty: list[list[float]] = [[] for _ in range(3 if solid else 2)]
        for path in drawing.paths_of(run, box[: objective.dimension]):
            points = path.points
            if solid or objective.dimension == 1:
                heights = drawing.values_on(objective, *points.T)
                points = np.column_stack([points, heights])
            count = _inside(points, box) if solid else len(points)
            if count < len(run.recorded):
                self.leaves = run.recorded[max(count - 1, 0)]
            trail = axes.plot(
                *empty, color=look["color"], linestyle=drawing.dashes(index), linewidth=1.6,
                zorder=20, animated=True,
            )[0]  # fmt: skip
            head = axes.plot(
                *empty, color=look["color"], marker=look["marker"], markersize=8, linestyle="none",
                markeredgecolor="black", zorder=21, animated=True,
            )[0]  # fmt: skip
            self.lanes.append((points[:count], path.steps[:count], trail, head))
        side.plot(
            [0.03], [place], marker=look["marker"], color=look["color"], markeredgecolor="black",
            markersize=8, linestyle="none",
        )  # fmt: skip
        side.text(0.1, place, name, va="center", fontsize="small", wrap=True)
        self.state = side.text(
            0.1, place - 0.045, "", va="center", fontsize="small", color="#444444", animated=True
        )
        lanes = run.values if np.ndim(run.values) == 1 else None
        self.values = None if lanes is None else [float(value) for value in lanes]

    def at(self, step: int) -> Iterator[Any]:
        for points, steps, trail, head in self.lanes:
            count = int(np.searchsorted(steps, step, side="right"))
            for artist, shown in ((trail, points[:count]), (head, points[:count][-1:])):
                if points.shape[1] == 3:
                    artist.set_data_3d(*shown.T)
                else:
                    artist.set_data(*shown.T)
            yield trail
            yield head
        self.state.set_text(self._text(step))
        yield self.state

    def _text(self, step: int) -> str:
        run = self.run
        if run.diverged_at is not None and step >= run.diverged_at:
            return f"diverges at step {run.diverged_at}"
        if self.leaves is not None and step > self.leaves and len(self.lanes) == 1:
            return f"left the picture after step {self.leaves}"
        if self.values is None:
            return f"{len(self.lanes)} starts"
        row = int(np.searchsorted(run.recorded, step, side="right")) - 1
        ended = f" (ends at {run.steps})" if step > run.steps else ""
        return f"f = {self.values[row]:.4g}{ended}"


def _inside(points: drawing.Array, box: drawing.Window) -> int:
    """How many points come before the first one outside the box."""
    low, high = (np.array(side) for side in zip(*box, strict=True))
    inside = ((points >= low) & (points <= high)).all(axis=1)
    return len(points) if inside.all() else int(np.argmin(inside))
