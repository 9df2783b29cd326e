"""The pictures of the source systems, drawn from the systems' own data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from symopt.errors import InputError, did_you_mean
from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.presentation import canvas
from symopt.presentation.captions import caption
from symopt.presentation.plot.animation import ENDINGS, Animation, animate
from symopt.presentation.plot.paths import panels, trajectory
from symopt.presentation.plot.surfaces import surface
from symopt.presentation.plot.training import training
from symopt.statement.system import System, SystemPicture
from symopt.statement.system_data import OnData
from symopt.verification.systems import systems

__all__ = ["Scene", "system"]


@dataclass(frozen=True)
class Scene:
    """A picture of a source system, with its runs; draw it, or save it still or moving."""

    system: System
    picture: SystemPicture

    @cached_property
    def runs(self) -> tuple[Trajectory, ...]:
        """The runs of the picture, in its order."""
        stated = [self.system.run(label) for label in self.picture.runs]
        settings: list[Any] = [one.hyperparameters for one in stated]
        made = [
            run(one.rule, one.target, one.x0, one.steps, one.arithmetic, **given)
            for one, given in zip(stated, settings, strict=True)
        ]
        return tuple(
            replace(each, objective=one.objective.printed)
            if isinstance(one.objective, OnData)
            else each
            for one, each in zip(stated, made, strict=True)
        )

    @property
    def caption(self) -> str:
        """What is run."""
        return f"{self.system.name}: {caption(*self.runs)}"

    def draw(self, ax: Any = None) -> Any:
        """Axes with the picture; panels make a figure of their own."""
        picture = self.picture
        if picture.kind == "panels":
            if ax is not None:
                raise InputError(f"{self.system.name} is a figure of panels; it takes no ax=")
            return panels(*self.runs, window=picture.window, highest=picture.highest)
        if picture.kind == "training":
            if ax is not None:
                raise InputError(f"{self.system.name} is a figure of two panels; it takes no ax=")
            return training(*self.runs)
        if picture.kind == "surface":
            return surface(
                self.runs[0].objective,
                *self.runs,
                ax=ax,
                window=picture.window,
                heights=self._heights(),
            )
        axes = trajectory(*self.runs, ax=ax, window=picture.window, highest=picture.highest)
        if picture.limits:
            (left, right), (low, high) = picture.limits
            axes.set_xlim(float(left), float(right))
            axes.set_ylim(float(low), float(high))
        return axes

    def animate(self) -> Animation:
        """The same picture, moving: a frame for each step."""
        picture = self.picture
        if picture.kind == "training":
            raise InputError(
                f"the picture of {self.system.name} does not move; save a .png or .svg"
            )
        return animate(
            *self.runs,
            view="surface" if picture.kind == "surface" else "contours",
            window=picture.window,
            highest=picture.highest,
            heights=self._heights(),
            milliseconds=picture.milliseconds or 60,
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it: moving for ``.gif`` and ``.mp4``, else still."""
        if Path(path).suffix.lower() in ENDINGS:
            return self.animate().save(path)
        return canvas.save(self.draw(), path)

    def _heights(self) -> tuple[float, float] | None:
        cut = self.picture.heights
        return (float(cut[0]), float(cut[1])) if cut else None


def system(name: System | str, on: str | None = None) -> Scene:
    """The picture that a source system drew; ``on`` names the objective where it has several.

    Every setting is the system's own: see ``symopt.systems``.

    >>> scene = system("N3c")
    >>> [axes.get_title() for axes in scene.draw().axes][:2]
    ['Gradient descent', 'Momentum']

    Raises :class:`~symopt.errors.InputError` for a system that drew nothing, or not on that
    objective.
    """
    stated = systems.resolve(name)
    found: Sequence[SystemPicture] = stated.pictures
    if not found:
        drawn = ", ".join(each.name for each in systems.values() if each.pictures)
        raise InputError(f"the system {stated.name} has no picture; {drawn} have")
    where = {str(stated.run(picture.runs[0]).objective): picture for picture in found}
    if on is not None and on not in where:
        raise InputError(
            f"the system {stated.name} has no picture on {on!r}, but on {', '.join(where)}."
            + did_you_mean(on, where)
        )
    return Scene(stated, found[0] if on is None else where[on])
