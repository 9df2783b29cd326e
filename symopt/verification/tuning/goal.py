"""What is made small, and the score of every setting of a sweep by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.execution.inputs import read_steps
from symopt.execution.sweep.result import Ends
from symopt.statement.numbers import exact

__all__ = ["CRITERIA", "OVER", "Goal", "Trial", "read_goal"]

#: The criteria, each as it is read in a sentence.
CRITERIA = {
    "final": "f at the end", "best": "the lowest f on the way", "steps": "the steps to f",
}  # fmt: skip
#: How the starts are put together.
OVER: dict[str, Callable[[Any], Any]] = {"worst": np.max, "median": np.median, "mean": np.mean}


@dataclass(frozen=True)
class Trial:
    """A setting with its score; infinite where a run that counts failed.

    ``start`` is the number of its worst start, and ``step`` the step that the score is read at
    there.
    """

    hyperparameters: Mapping[str, Any]
    score: float
    failed: int
    start: int
    step: int


@dataclass(frozen=True)
class Goal:
    """The criterion, how starts are put together, the threshold if there is one, and the steps."""

    criterion: str
    over: str
    threshold: Fraction | None
    steps: int

    @property
    def text(self) -> str:
        """The score in words."""
        level = "" if self.threshold is None else f" <= {float(self.threshold):g}"
        return f"{CRITERIA[self.criterion]}{level}"

    @property
    def failing(self) -> str:
        """What a run with an infinite score does."""
        if self.threshold is None:
            return "the run diverges"
        return f"f is above {float(self.threshold):g} for all of {self.steps} steps"

    def trials(self, ends: Ends) -> Iterator[tuple[dict[str, Any], Trial]]:
        """Every setting of a sweep, with its score."""
        scores, steps = self._scores(ends)
        for place, values in ends.settings:
            own = scores[place]
            worst = int(own.argmax())
            with np.errstate(invalid="ignore"):  # the mean of two infinities
                score = float(OVER[self.over](own))
            yield (
                values,
                Trial(values, score, int(np.isinf(own).sum()), worst, int(steps[(*place, worst)])),
            )

    def _scores(self, ends: Ends) -> tuple[Any, Any]:
        """The score of each run, and the step that it is read at."""
        if self.criterion == "steps":
            return np.where(ends.reached < 0, np.inf, ends.reached), ends.reached
        if self.criterion == "best":
            lost = ends.diverged | ~np.isfinite(ends.best)
            return np.where(lost, np.inf, ends.best), ends.best_at
        return np.where(ends.diverged, np.inf, ends.f), np.full(ends.f.shape, self.steps)


def read_goal(criterion: str, over: str, threshold: Any, steps: Any) -> Goal:
    """The goal, its arguments read."""
    for value, known, what in ((criterion, CRITERIA, "criterion"), (over, OVER, "over")):
        if value not in known:
            raise InputError(f"no {what} {value!r}; there are {', '.join(map(repr, known))}")
    if (threshold is None) == (criterion == "steps"):
        raise InputError(
            "criterion='steps' needs a threshold, such as threshold='1e-6'"
            if threshold is None
            else f"a threshold is for criterion='steps', not for {criterion!r}"
        )
    level = None if threshold is None else exact(threshold, "threshold")
    return Goal(criterion, over, level, read_steps(steps))
