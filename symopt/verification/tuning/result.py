"""What tuning found: the best setting, what it was compared with, and what is certain of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symopt.execution.sweep.result import setting
from symopt.execution.trajectory import number_text
from symopt.statement.numbers import exact
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.tuning.certificate import Certificate
from symopt.verification.tuning.goal import Goal, Trial
from symopt.verification.tuning.search import Line, significant

__all__ = ["Tuned"]


@dataclass(frozen=True)
class Tuned:
    """The best of the settings that were tried.

    Attributes
    ----------
    best, defaults
        The best trial, and the one with the rule's own defaults.
    fixed
        What was given and not tuned.
    trials
        Everything that was tried, in its order.
    certificate
        The score again, in certified arithmetic.

    >>> import symopt
    >>> found = symopt.tune("adam", "half_square", [[1]], 20, eta="1/100..1:3:log")
    >>> found.hyperparameters, found.best.score < found.defaults.score, len(found.trials)
    ({'eta': Fraction(22, 125)}, True, 22)
    """

    rule: Rule
    objective: Objective
    fixed: Mapping[str, Any]
    goal: Goal
    starts: int
    best: Trial
    defaults: Trial
    trials: tuple[Trial, ...]
    lines: tuple[Line, ...]
    rounds: int
    stopped: str
    certificate: Certificate

    @property
    def hyperparameters(self) -> dict[str, Fraction]:
        """The best values, exactly."""
        return dict(self.best.hyperparameters)

    @property
    def ties(self) -> tuple[Trial, ...]:
        """Other settings with the very same score."""
        return tuple(
            one for one in self.trials if one is not self.best and one.score == self.best.score
        )

    @property
    def at_the_edge(self) -> tuple[str, ...]:
        """The hyperparameters whose best value is an end of its range, and not of its domain."""
        found = []
        for line in self.lines:
            value, domain = self.hyperparameters[line.name], self.rule.parameter(line.name).domain
            limits = [exact(end) for end in (domain.inf, domain.sup) if end.is_Rational]
            ends = {line.values[0], line.values[-1]} - set(limits)
            if len(line.values) > 1 and value in ends:
                found.append(line.name)
        return tuple(found)

    @property
    def shorter(self) -> Trial | None:
        """The setting of the fewest digits with a score within a twentieth of the best one."""
        if not self.best.score > 0:
            return None
        near = [one for one in self.trials if one.score <= self.best.score * 1.05]
        found = min(near, key=lambda one: (_length(one), one.score))
        return found if _length(found) < _length(self.best) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the result."""
        found = [
            f"{name} is at the end of its range: what lies beyond may be better"
            for name in self.at_the_edge
        ]
        if self.ties:
            shown = "; ".join(setting(one.hyperparameters) for one in self.ties[:3])
            more = f" and {len(self.ties) - 3} more" if len(self.ties) > 3 else ""
            found.append(f"the same score: {shown}{more}")
        if self.stopped:
            found.append(self.stopped)
        return tuple(found)

    @property
    def caption(self) -> str:
        """What was tuned, in one line."""
        given = f", {setting(self.fixed)}" if self.fixed else ""
        many = f", {self.goal.over} of {self.starts} starts" if self.starts > 1 else ""
        return f"{self.rule.title} on {self.objective.title}{given}, {self.goal.steps} steps{many}"

    def __str__(self) -> str:
        best, goal = self.best, self.goal
        lines = [self.caption, f"  {setting(best.hyperparameters)}"]
        usual = self.defaults.score
        beside = f"with the defaults {_score(usual)}"
        if math.isinf(usual):
            beside = f"with the defaults {goal.failing}"
        lines.append(f"  {goal.text}: {_score(best.score)}; {beside}")
        if self.shorter is not None:
            near = self.shorter
            lines.append(f"  nearly as good: {setting(near.hyperparameters)}, {_score(near.score)}")
        failed = sum(math.isinf(one.score) for one in self.trials)
        lines.append(
            f"  the best of {len(self.trials)} settings in {self.rounds} grids, of which {failed} "
            f"fail ({goal.failing})"
        )
        lines.append(f"  {self.certificate}")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def _length(trial: Trial) -> int:
    return sum(significant(value) for value in trial.hyperparameters.values())


def _score(value: float) -> str:
    return number_text(value, 6)
