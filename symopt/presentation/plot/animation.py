"""Runs in motion: a frame for each step, with trail, step number and losses in sight.

The background is drawn once; a frame restores it and draws what moved. GIF is written by Pillow,
MP4 by ffmpeg where it is installed.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import InputError, MissingExtraError, OutputError
from symopt.execution.trajectory import Trajectory
from symopt.presentation import canvas, drawing
from symopt.presentation.captions import caption
from symopt.presentation.document import written
from symopt.presentation.plot.paths import common_objective, scenery
from symopt.presentation.plot.surfaces import ground
from symopt.statement.objective import Objective

__all__ = ["ENDINGS", "Animation", "animate"]

#: The endings of moving pictures.
ENDINGS = (".gif", ".mp4")
#: More frames than this are thinned out by default.
_FRAMES = 200
#: How long the last frame stays, in milliseconds.
_REST = 1500
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, eq=False)
class Animation:
    """Runs on one objective in motion: ``save("x.gif")`` writes them.

    ``steps`` are those that the frames show, ``view`` is ``"contours"`` or ``"surface"``.
    """

    runs: tuple[Trajectory, ...]
    objective: Objective
    view: str
    window: drawing.Window
    steps: tuple[int, ...]
    milliseconds: int
    highest: Any = None
    heights: tuple[float, float] | None = None

    @property
    def caption(self) -> str:
        """What is run."""
        return caption(*self.runs)

    def frames(self, dpi: int = 100) -> Iterator[Pixels]:
        """The frames one after another, each of shape (height, width, 3)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        figure = canvas.figure(8.2, 5.2)
        figure.set_dpi(dpi)
        agg = FigureCanvasAgg(figure)
        stage = _Stage(self, figure)
        agg.draw()
        figure.set_layout_engine("none")
        still = agg.copy_from_bbox(figure.bbox)  # type: ignore[attr-defined]
        for step in self.steps:
            agg.restore_region(still)  # type: ignore[attr-defined]
            for artist in stage.at(step):
                artist.axes.draw_artist(artist)
            yield np.asarray(agg.buffer_rgba())[..., :3].copy()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as ``.gif`` or ``.mp4``.

        Raises :class:`~symopt.errors.InputError` for another ending,
        :class:`~symopt.errors.MissingExtraError` for ``.mp4`` without ffmpeg, and
        :class:`~symopt.errors.OutputError` where the file cannot be written.
        """
        target = Path(path)
        ending = target.suffix.lower()
        if ending not in ENDINGS:
            raise InputError(f"{target}: an animation is saved as {' or '.join(ENDINGS)}")
        if not target.parent.is_dir():  # said before the work, not after it
            raise OutputError(f"cannot write {target}: there is no folder {target.parent}")
        return written(target, self._gif() if ending == ".gif" else self._mp4())

    def _gif(self) -> bytes:
        from PIL import Image

        frames = list(self.frames())
        own = _own_colors(len(self.runs))
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
        shown = [self.milliseconds] * (len(few) - 1) + [max(_REST, self.milliseconds)]
        buffer = io.BytesIO()
        few[0].save(
            buffer, "GIF", save_all=True, append_images=few[1:], duration=shown, loop=0
        )  # fmt: skip
        return buffer.getvalue()

    def _mp4(self) -> bytes:
        program = shutil.which("ffmpeg")
        if program is None:
            raise MissingExtraError(
                "an .mp4 file is made by ffmpeg, which is not installed (or not on the PATH); "
                "install it, or write a .gif"
            )
        frames = list(self.frames())
        frames += frames[-1:] * (_REST // self.milliseconds)
        height, width, _ = frames[0].shape
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "made.mp4"
            done = subprocess.run(
                [
                    program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
                    "-video_size", f"{width}x{height}", "-framerate", f"1000/{self.milliseconds}",
                    "-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",
                    "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(made),
                ],
                input=b"".join(frame.tobytes() for frame in frames),
                capture_output=True,
                check=False,
            )  # fmt: skip
            if done.returncode or not made.exists():
                reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
                raise OutputError(
                    f"ffmpeg failed: {reason[-1] if reason else 'no message'}; write a .gif instead"
                )
            return made.read_bytes()


def _own_colors(runs: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """White, black, the star's color, and those of the runs with smoothed edges: (n, 3)."""
    from matplotlib.colors import to_rgb

    found = [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), to_rgb(canvas.STAR)]
    for base in dict.fromkeys(to_rgb(drawing.color(index)) for index in range(runs)):
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


class _Stage:
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


def animate(
    *trajectories: Any,
    view: str = "contours",
    window: Sequence[Any] | None = None,
    milliseconds: int = 60,
    every: int | None = None,
    highest: Any = None,
    heights: tuple[float, float] | None = None,
) -> Animation:
    """Runs on one objective in motion: a point and its trail for each, step number and losses.

    Parameters
    ----------
    trajectories
        Runs on one objective of one or two variables.
    view
        ``"contours"``, or ``"surface"`` for two variables in three dimensions.
    window, highest, heights
        As in :func:`trajectory` and :func:`surface`.
    milliseconds
        How long a frame is shown; GIF counts in hundredths of a second.
    every
        A frame for every n-th step; by default chosen so that there are at most 200.

    >>> import symopt
    >>> moving = animate(symopt.run("adam", "cubic", steps=150, eta="0.1"), view="surface")
    >>> len(moving.steps), moving.milliseconds
    (151, 60)

    Raises :class:`~symopt.errors.InputError` for runs on different objectives, runs of which none
    can be drawn, and frames that are none.
    """
    runs = drawing.flat(trajectories)
    objective = common_objective(runs)
    if view not in ("contours", "surface"):
        raise InputError(f"no view {view!r}; there are 'contours' and 'surface'")
    if view == "surface" and objective.dimension != 2:
        raise InputError(
            f"a surface has two variables; {objective.name} has {objective.dimension}: "
            "use view='contours'"
        )
    if (
        isinstance(milliseconds, bool)
        or not isinstance(milliseconds, int)
        or not 20 <= milliseconds <= 60_000
    ):
        raise InputError(
            f"a frame is shown for 20 to 60000 milliseconds, in whole ones, not {milliseconds!r}"
        )
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise InputError(f"every is a positive number of steps, not {every!r}: no frame is left")
    recorded = max((run.recorded for run in runs), key=len)
    stride = every or math.ceil(len(recorded) / _FRAMES)
    steps = tuple(dict.fromkeys([*recorded[::stride], recorded[-1]]))
    if len(steps) < 2:
        raise InputError("nothing moves in a run of which one step is recorded; use record='all'")
    intervals = drawing.window_of(objective, runs, window)
    drawing.refuse_undrawable(runs, intervals)
    return Animation(tuple(runs), objective, view, intervals, steps, milliseconds, highest, heights)
