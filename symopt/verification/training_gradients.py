"""The exact gradients of each step of training, and those that obvious mistakes would use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.verification.array.rounding import enclose
from symopt.verification.implementation import Observation
from symopt.verification.inference import ROUNDOFF

__all__ = ["ExactGradients", "gradients_of", "mistakes"]

Floats = np.ndarray[Any, Any]
Objective = BoundObjective | Batches


@dataclass(frozen=True, eq=False)
class ExactGradients:
    """The gradient that step t should have used, with all that rounding can do to it.

    Calling it with a step, a point and how far the code's own point may be off gives values and
    radii. ``scale`` multiplies the gradient of a step's objective, which ``of`` gives for each
    step; ``still`` are entries whose gradient is taken to be 0.
    """

    of: Callable[[int], BoundObjective]
    scale: Callable[[BoundObjective], float] = lambda bound: 1.0
    still: tuple[slice, ...] = ()
    _known: dict[Any, tuple[Floats, Floats]] = field(default_factory=dict, repr=False)

    def __call__(self, step: int, point: Floats, off: Floats, form: str) -> tuple[Floats, Floats]:
        key = (step, point.tobytes(), off.tobytes(), form)
        if key not in self._known:
            self._known[key] = self._computed(self.of(step), point, off, form)
        return self._known[key]

    def _computed(
        self, bound: BoundObjective, point: Floats, off: Floats, form: str
    ) -> tuple[Floats, Floats]:
        leaves = {**bound.data, **bound.unflatten(point)}
        found = enclose(dict(bound.statement.gradient), leaves, form, bound.unflatten(off))
        parts = [found[name] for name in bound.slices]
        factor = self.scale(bound)
        values = factor * np.concatenate([part.value.ravel() for part in parts])
        radii = np.concatenate([(part.own + part.error).ravel() for part in parts])
        # A factor that is no power of two rounds once more, here and in the code.
        radii = abs(factor) * radii * (1 + 2.0**-40) + 4 * ROUNDOFF[form] * np.abs(values) * (
            np.frexp(factor)[0] != 0.5
        )
        for part in self.still:
            values[part] = radii[part] = 0.0
        return values, radii


def gradients_of(objective: Objective, steps: int) -> ExactGradients:
    """The gradients of a whole objective, or of the batch of each step."""
    if isinstance(objective, BoundObjective):
        return ExactGradients(lambda step: objective)
    return ExactGradients(_batches(objective, objective.schedule(steps)))


def _batches(objective: Batches, schedule: list[Any]) -> Callable[[int], BoundObjective]:
    made: dict[bytes, BoundObjective] = {}

    def of(step: int) -> BoundObjective:
        rows = schedule[step - 1]
        key = rows.tobytes()
        if key not in made:
            made[key] = objective.on(rows)
        return made[key]

    return of


def mistakes(objective: Objective, seen: Observation) -> Iterator[tuple[str, ExactGradients]]:
    """The obvious mistakes, each with the gradients that it would have used."""
    usual = gradients_of(objective, seen.steps)

    def samples(bound: BoundObjective) -> float:
        return float(bound.sizes[bound.samples])

    for name, (part, _) in objective.slices.items():
        if (seen.points[:, part] == seen.points[0, part]).all():
            yield (
                f"where {name} is never updated",
                replace(usual, still=(part,), _known={}),
            )
    for words, scale in (
        ("on half of the gradient (a factor 1/2: a square's 2 left out)", lambda bound: 0.5),
        ("on twice the gradient", lambda bound: 2.0),
        ("on the negative gradient", lambda bound: -1.0),
        ("on the sum over the samples, not the mean", samples),
        ("on the gradient divided by the samples once more", lambda bound: 1 / samples(bound)),
    ):
        yield words, replace(usual, scale=scale, _known={})
    if not isinstance(objective, Batches):
        return
    per_epoch, steps = objective.per_epoch, seen.steps
    schedule = objective.schedule((steps // per_epoch + 2) * per_epoch)
    backward = [
        schedule[epoch : epoch + per_epoch][::-1]
        for epoch in range(0, steps, per_epoch)
    ]  # fmt: skip
    whole = objective.whole
    orders: list[tuple[str, list[Any]]] = [
        ("on the batches in reverse order", [rows for part in backward for rows in part]),
        ("one batch ahead", schedule[1:]),
        ("on all data at every step", []),
        ("on the first batch at every step", [schedule[0]] * steps),
    ]
    if objective.order == "in order" and objective.samples % objective.size:
        full = schedule[: per_epoch - 1]
        orders.append(("without the short batch of every epoch", full * steps))
        orders.append(("on batches that go on where the last ended",
                       replace(objective, order="cyclic").schedule(steps)))  # fmt: skip
    if objective.order == "shuffled":
        straight = replace(objective, order="in order", seed=None)
        orders.append(("on the batches in order, not shuffled", straight.schedule(steps)))
    for words, rows in orders:
        if rows and len(rows) < steps:
            continue
        of = _batches(objective, rows) if rows else (lambda step: whole)
        yield words, ExactGradients(of)
