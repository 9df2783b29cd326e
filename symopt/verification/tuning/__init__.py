"""``symopt.tune``: the best hyperparameters of a rule on an objective, by grids ever finer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from symopt.errors import InputError
from symopt.execution.inputs import split_hyperparameters
from symopt.execution.sweep import sweep
from symopt.execution.sweep.result import Ends
from symopt.execution.sweep.starts import starts_of
from symopt.execution.sweep.values import listed, spaced
from symopt.statement.library import objectives, rules
from symopt.statement.numbers import exact
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.tuning.certificate import certify
from symopt.verification.tuning.goal import Trial, read_goal
from symopt.verification.tuning.result import Tuned
from symopt.verification.tuning.search import Point, lines_of, search

__all__ = ["tune"]


def tune(
    rule: Rule | str,
    objective: Objective | str,
    starts: Any = None,
    steps: int = 100,
    *,
    criterion: str = "final",
    over: str = "worst",
    threshold: Any = None,
    budget: int = 2000,
    executor: Any = None,
    watch: Callable[[str, int, int], None] | None = None,
    **hyper: Any,
) -> Tuned:
    """Find the best hyperparameters of a rule on an objective.

    A grid is tried, then finer ones between the neighbors of what was best, until neighbors are
    within two hundredths. Every value that is tried is a short decimal, as exact as it is printed;
    the score of the best one is checked in certified arithmetic.

    Parameters
    ----------
    starts
        As for :func:`symopt.sweep`: points, or :func:`symopt.grid`.
    criterion
        ``"final"``: f after all steps. ``"best"``: the lowest f on the way. ``"steps"``: how many
        steps it takes to ``threshold``. A run that diverges has the score infinity.
    over
        ``"worst"`` start (as for a guarantee), ``"median"``, or ``"mean"``.
    budget
        The largest number of settings to try.
    hyper
        What is tuned: lists or ranges, as for :func:`symopt.sweep`; single values are fixed.
        Without a list, the learning rate from a thousandth of its default to a thousand times it.
    executor, watch
        As for :func:`symopt.sweep`. The result does not depend on them.

    What lies between other points of the first grid is not looked at: the result is the best of
    what was tried, and says so.

    Raises :class:`~symopt.errors.InputError` where every setting fails, and
    :class:`~symopt.errors.BudgetError` where the first grid is over the budget.

    >>> print(tune("gradient_descent", "elongated_bowl", [[-7, 2]], 50, eta="1/100..2:20"))
    Gradient descent on Elongated bowl, 50 steps
      eta = 0.938
      f at the end: 0.000136412; with the defaults 2.74722
      nearly as good: eta = 0.93, 0.000142346
      the best of 33 settings in 3 grids, of which 0 fail (the run diverges)
      certified: f = 0.000136411910178532 after 50 steps in exact arithmetic; float64 agrees ...
    """
    stated, surface = rules.resolve(rule), objectives.resolve(objective)
    goal = read_goal(criterion, over, threshold, steps)
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise InputError(f"budget is a number of settings, not {budget!r}")
    axes, fixed = _axes(stated, hyper)
    lines = lines_of(axes)
    trials: dict[Point, Trial] = {}
    round_ = itertools.count(1)

    def runs(watch: Any = None, **settings: Any) -> Ends:
        found = sweep(
            stated, surface, starts, goal.steps, best=goal.criterion == "best",
            threshold=goal.threshold, executor=executor, watch=watch, **fixed, **settings,
        )  # fmt: skip
        return found.ends[0]

    def score(grid: Sequence[tuple[Fraction, ...]]) -> dict[Point, float]:
        what = f"grid {next(round_)}"
        told = None if watch is None else (lambda _, done, total: watch(what, done, total))
        values = {line.name: values for line, values in zip(lines, grid, strict=True)}
        new = {
            tuple(values[line.name] for line in lines): trial
            for values, trial in goal.trials(runs(told, **values))
        }
        trials.update(new)
        return {point: trial.score for point, trial in new.items()}

    outcome = search(lines, score, budget)
    best = trials[outcome.best]
    if not math.isfinite(best.score):
        tried = ", ".join(f"{one.name} from {one.values[0]} to {one.values[-1]}" for one in lines)
        raise InputError(
            f"{stated.name} on {surface.name}: every setting fails ({goal.failing}), {tried}; give "
            "other ranges" + (", more steps or a higher threshold" if goal.threshold else "")
        )
    ((_, plain),) = goal.trials(runs())
    places = starts_of(starts, surface)
    start = places.at([best.start])
    settings = {**fixed, **best.hyperparameters}
    return Tuned(
        stated, surface, fixed, goal, places.count, best, plain, tuple(trials.values()), lines,
        outcome.rounds, outcome.stopped,
        certify(stated, surface, start, best.step, goal.threshold, settings),
    )  # fmt: skip


def _axes(
    rule: Rule, given: Mapping[str, Any]
) -> tuple[dict[str, tuple[Fraction, ...]], dict[str, Any]]:
    """What is tuned, as exact numbers, and what is fixed."""
    axes: dict[str, tuple[Fraction, ...]] = {}
    fixed: dict[str, Any] = {}
    for name, value in given.items():
        rule.parameter(name)
        values = listed(value, f"{rule.name}: {name}")
        if values is None:
            numbers, schedules = split_hyperparameters(rule, {name: value})
            fixed[name] = numbers.get(name) or schedules.get(rule.parameter(name).symbol, 0)
        else:
            axes[name] = tuple(exact(one, f"{rule.name}: {name}") for one in values)
    return axes or _rate(rule, fixed), fixed


def _rate(rule: Rule, fixed: Mapping[str, Any]) -> dict[str, tuple[Fraction, ...]]:
    """The learning rate around its default."""
    for entry in rule.parameters:
        if entry.meaning == "learning rate" and entry.default.is_Rational and (
            entry.name not in fixed and entry.default > 0
        ):  # fmt: skip
            middle = exact(entry.default)
            return {entry.name: spaced(middle / 1000, 1000 * middle, 25, log=True)}
    names = ", ".join(entry.name for entry in rule.parameters)
    raise InputError(
        f"{rule.name}: say what to tune, such as {rule.parameters[0].name if names else 'eta'}="
        f"'1e-4..1:13:log'; it has {names or 'no hyperparameter'}"
    )
