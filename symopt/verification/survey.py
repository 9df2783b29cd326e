"""The survey: every rule on every objective, run in float64 and compared with exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from symopt.errors import BudgetError, InexactError, SymoptError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.statement.library import objectives as known_objectives
from symopt.statement.library import rules as known_rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.accuracy import Accuracy, accuracy
from symopt.verification.digits import decimal

__all__ = ["LADDER", "OBJECTIVES", "Cell", "choose_rate", "heads", "survey", "survey_cell"]

#: The two-dimensional objectives of the source systems.
OBJECTIVES = ("weighted_squares", "elongated_bowl", "cubic", "beale", "saddle")
#: Learning rates that are tried, largest first.
LADDER = (
    "1", "1/2", "1/5", "1/10", "1/20", "1/50", "1/100", "1/200", "1/500", "1/1000", "1/2000",
    "1/5000", "1/10000",
)  # fmt: skip
#: The bits that a number of a rational run may need before the balls alone are the reference.
RATIONAL_BITS = 60_000


@dataclass(frozen=True)
class Cell:
    """One rule on one objective: the float64 run against the exact one.

    Attributes
    ----------
    rate
        The learning rate as text, or an empty string for the rule's own defaults.
    accuracy
        The float64 run beside the certified one.
    exact
        The exact run over the compared steps: ``rational`` where the rule has no roots and the
        fractions stay short, else ``ball``; ``None`` where there is none.
    """

    rule: Rule
    objective: Objective
    rate: str
    accuracy: Accuracy
    exact: Trajectory | None

    @property
    def trajectory(self) -> Trajectory:
        """The float64 run."""
        return self.accuracy.trajectory

    @property
    def steps(self) -> int:
        """Up to which step the runs were compared."""
        return self.accuracy.compared

    @property
    def diverged_at(self) -> int | None:
        """The first step at which the float64 run has inf or nan."""
        return self.trajectory.diverged_at

    @property
    def arithmetic(self) -> str:
        """How the exact value is known: ``"rational"``, ``"ball"``, or an empty string."""
        return self.exact.arithmetic if self.exact is not None else ""

    @cached_property
    def value(self) -> str:
        """The objective after the last compared step, certified to 20 digits."""
        if self.exact is None:
            return ""
        try:
            return decimal(self.exact.values[-1], 20)
        except (UndecidedError, BudgetError) as error:
            return f"({error})"

    def data(self) -> dict[str, Any]:
        """The cell as JSON data."""
        found = self.accuracy
        return {
            "rule": self.rule.name, "objective": self.objective.name, "rate": self.rate or None,
            "steps": self.trajectory.steps, "compared": found.compared,
            "max_ulp": _number(found.max_ulp), "worst_step": found.worst_step,
            "one_step_ulp": _number(found.max_one_step_ulp), "digits": _number(found.digits),
            "diverged_at": self.diverged_at, "value": self.value, "arithmetic": self.arithmetic,
            "reason": found.reason,
        }  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def heads(rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """The main rule of each family: the one of the family's name, else the first stated.

    >>> import symopt
    >>> heads(symopt.rules)["adam"].title
    'Adam'
    """
    chosen: dict[str, Rule] = {}
    for name in rules:
        rule = rules[name]
        if rule.family not in chosen or rule.name == rule.family:
            chosen[rule.family] = rule
    return chosen


def choose_rate(rule: Rule, objective: Objective, steps: int) -> str:
    """The learning rate of the ladder at which the run ends lowest and never leaves the window.

    An empty string where the rule has no learning rate, or no rate of the ladder qualifies: the
    defaults are as good as any then.

    >>> import symopt
    >>> choose_rate(symopt.rules.gradient_descent, symopt.objectives.weighted_squares, 50)
    '1/5'
    """
    if "eta" not in {entry.name for entry in rule.parameters}:
        return ""
    best, chosen = np.inf, ""
    for rate in LADDER:
        path = run(rule, objective, steps=steps, eta=rate)
        if path.diverged_at is not None or not _inside(path):
            continue
        end = replace(path, x=path.x[-1:], state={}, recorded=path.recorded[-1:]).values[0]
        if end < best:
            best, chosen = end, rate
    return chosen


def _inside(path: Trajectory) -> bool:
    window = path.objective.window
    if not window:
        return True
    low, high = (np.array([float(pair[i]) for pair in window]) for i in (0, 1))
    return bool(((path.x >= low) & (path.x <= high)).all())


def survey_cell(rule: Rule, objective: Objective, steps: int = 50) -> Cell:
    """Run one rule on one objective from its customary start, and compare with exact arithmetic.

    Raises :class:`~symopt.errors.SymoptError` if the rational run is not inside the balls: then
    one of the two is wrong.

    >>> import symopt
    >>> cell = survey_cell(symopt.rules.gradient_descent, symopt.objectives.saddle, 10)
    >>> cell.rate, cell.arithmetic, cell.steps, cell.accuracy.max_ulp < 20
    ('1/2', 'rational', 10, True)
    """
    rate = choose_rate(rule, objective, steps)
    values: dict[str, Any] = {"eta": rate} if rate else {}
    path = run(rule, objective, steps=steps, **values)
    found = accuracy(path)
    return Cell(rule, objective, rate, found, _exact(found))


def _exact(found: Accuracy) -> Trajectory | None:
    """The rational run of the same numbers where it is cheap, checked against the balls."""
    path, balls = found.trajectory, found.reference
    if balls is None:
        return None
    values: dict[str, Any] = dict(path.hyperparameters)
    try:
        fractions = run(
            path.rule, path.objective, path.x0, found.compared, "rational",
            budget=RATIONAL_BITS, **values,
        )  # fmt: skip
    except (InexactError, BudgetError, UndefinedError):
        return balls
    with numbers.precision(balls.precision):
        convert = numbers.ball().convert
        for row, step in enumerate(balls.recorded):
            for enclosure, value in zip(balls.x[row], fractions.x[row], strict=True):
                if not enclosure.overlaps(convert(Fraction(value))):
                    raise SymoptError(
                        f"{path.rule.name} on {path.objective.name}: the rational run leaves the "
                        f"certified enclosure at step {step}; please report this"
                    )
    return fractions


def survey(
    rules: Iterable[Rule | str] | None = None,
    objectives: Sequence[Objective | str] = OBJECTIVES,
    steps: int = 50,
) -> Iterator[Cell]:
    """Every rule on every objective, cell by cell, objectives inside rules.

    >>> [cell.objective.name for cell in survey(["momentum"], ["saddle", "beale"], steps=5)]
    ['saddle', 'beale']
    """
    surfaces = [known_objectives.resolve(objective) for objective in objectives]
    for given in known_rules if rules is None else rules:
        rule = known_rules.resolve(given)
        for objective in surfaces:
            yield survey_cell(rule, objective, steps)
