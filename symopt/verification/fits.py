"""Training runs of source systems: their losses in floats beside certified ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.statement.fit import Fit
from symopt.verification.digits import decimal

__all__ = ["FitResult", "FittedRuns", "LossRow"]

_DIGITS = 25


@dataclass(frozen=True)
class LossRow:
    """The loss of a fit after a step: in float32, in float64, and certified where that was made.

    ``exact`` is empty beyond the steps that are made in balls.
    """

    step: int
    float32: float
    float64: float
    exact: str


@dataclass(frozen=True)
class FitResult:
    """A training run reproduced."""

    fit: Fit
    rows: tuple[LossRow, ...]

    def __str__(self) -> str:
        lines = [f"{self.fit}"]
        for row in self.rows:
            lines.append(
                f"  step {row.step}: {row.float32!r} (float32), {row.float64!r} (float64)"
                + (f", {row.exact} (certified)" if row.exact else "")
            )
        return "\n".join(lines)


class FittedRuns:
    """The training runs of a system, each made once and on demand."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], Trajectory] = {}

    def get(self, fit: Fit, arithmetic: str) -> Trajectory:
        """The run of all steps, and in balls of those that are certified."""
        key = fit.label, arithmetic
        if key not in self._done:
            steps = fit.certified if arithmetic == "ball" else fit.steps
            settings: dict[str, Any] = dict(fit.hyperparameters)
            self._done[key] = run(
                fit.rule, fit.on.objective, fit.on.start(), steps, arithmetic, **settings
            )
        return self._done[key]

    def result(self, fit: Fit) -> FitResult:
        """The losses that the fit shows."""
        found = {
            name: map(float, self.losses(fit, name, fit.shown)) for name in ("float32", "float64")
        }
        certain = [step for step in fit.shown if fit.certified and step <= fit.certified]
        exact = [decimal(value, _DIGITS) for value in self.losses(fit, "ball", certain)]
        exact += [""] * (len(fit.shown) - len(exact))
        return FitResult(fit, tuple(map(LossRow, fit.shown, *found.values(), exact)))

    def losses(self, fit: Fit, arithmetic: str, steps: Sequence[int]) -> list[Any]:
        """The loss on all samples after some steps, in the run's arithmetic."""
        if not steps:
            return []
        values = self.get(fit, arithmetic).values
        return [values[step] for step in steps]
