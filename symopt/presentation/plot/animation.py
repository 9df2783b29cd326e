"""Runs in motion: a frame for each step, with trail, step number and losses in sight.

The background is drawn once; a frame restores it and draws what moved. MP4 is written by ffmpeg
where it is installed.
"""

from __future__ import annotations

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
from symopt.execution.files import written
from symopt.execution.trajectory import Trajectory
from symopt.presentation import canvas, drawing
from symopt.presentation.captions import caption
from symopt.presentation.plot.gif import Pixels, gif
from symopt.presentation.plot.paths import common_objective
from symopt.presentation.plot.stage import Stage
from symopt.statement.objective import Objective

__all__ = ["ENDINGS", "Animation", "animate"]

#: The endings of moving pictures.
ENDINGS = (".gif", ".mp4")
#: More frames than this are thinned out by default.
_FRAMES = 200
#: How long the last frame stays, in milliseconds.
_REST = 1500


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
        stage = Stage(self, figure)
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
        frames = list(self.frames())
        shown = [self.milliseconds] * (len(frames) - 1) + [max(_REST, self.milliseconds)]
        return gif(frames, shown, [drawing.color(index) for index in range(len(self.runs))])

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
