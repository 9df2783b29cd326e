"""What a run comes to for each learning rate, from a sweep, with the exact limit of stability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from symopt.derivation.quadratic import read_quadratic
from symopt.derivation.stability import stability as stability_of
from symopt.errors import InputError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import value_and_gradient
from symopt.execution.sweep import sweep
from symopt.execution.sweep.result import Ends, Sweep, setting
from symopt.execution.sweep.values import label, listed, spaced
from symopt.presentation.plot.stability_map import StabilityMap, stability_map
from symopt.presentation.plot.stable_set import polynomials, stable_intervals
from symopt.statement.library import objectives
from symopt.statement.library import rules as known_rules
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.tuning.goal import OVER, Goal, Trial, read_goal

__all__ = ["RateMap", "rate_map"]

#: Values of one learning rate, and of each of two hyperparameters.
_MESH, _MESH_OF_TWO = 161, (121, 61)
#: Bits of a curvature that is no fraction: its limit is then right to far more than is drawn.
_DIGITS = 40


@dataclass(frozen=True, eq=False)
class RateMap:
    """The score of a run for each value of one or two hyperparameters.

    ``scores`` has an array for each rule, infinite where the run fails; ``begin`` is what f is at
    the start. ``stable`` has, for each
    rule, the intervals in which it converges on the objective, where that is quadratic and the
    rule linear; over two hyperparameters ``region`` is that set.
    """

    sweep: Sweep
    over: tuple[str, ...]
    goal: Goal
    values: tuple[Any, ...]
    scores: tuple[Any, ...]
    best: tuple[Trial | None, ...]
    stable: tuple[tuple[tuple[float, float], ...], ...]
    begin: float
    region: StabilityMap | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are drawn."""
        return tuple(one.rule for one in self.sweep.ends)

    @property
    def objective(self) -> Objective:
        """What they ran on."""
        return self.sweep.ends[0].objective

    @property
    def failed(self) -> tuple[Any, ...]:
        """For each rule where it fails: diverges, ends above its start, or misses the threshold."""
        rises = self.begin if self.goal.criterion == "final" else np.inf
        return tuple(~np.isfinite(score) | (score > rises) for score in self.scores)

    @property
    def failing(self) -> str:
        """What a rule does where it fails, in a few words."""
        if self.goal.criterion == "steps":
            return f"not reached in {self.goal.steps} steps"
        return "diverges, or ends above its start" if np.isfinite(self.begin) and (
            self.goal.criterion == "final"
        ) else "diverges"  # fmt: skip

    @property
    def caption(self) -> str:
        """What was run, which value was best, and where the limits of stability are."""
        parts = []
        for one, best, stable in zip(self.sweep.ends, self.best, self.stable, strict=True):
            fixed = f" ({setting(one.fixed)})" if one.fixed else ""
            text = f"{one.rule.title}{fixed}: "
            text += (
                f"{self.goal.failing} for every value"
                if best is None
                else f"best {best.score:.4g} at {setting(best.hyperparameters)}"
            )
            if stable:
                text += ", converges exactly for " + " and ".join(
                    f"{low:.6g} < {self.over[0]} < {high:.6g}" for low, high in stable
                )
            parts.append(text)
        count = len(self.sweep.ends[0].starts)
        many = f", {self.goal.over} of {count} starts" if count > 1 else ""
        return (
            f"{self.goal.text} on {self.objective.title} after {self.goal.steps} steps{many}, over "
            f"{' and '.join(self.over)}. {'. '.join(parts)}."
        )


def rate_map(
    rules: Any,
    objective: Objective | str,
    steps: int = 100,
    *,
    over: Sequence[str] | str | None = None,
    starts: Any = None,
    show: str = "final",
    threshold: Any = None,
    across: str = "worst",
    mesh: int | None = None,
    executor: Any = None,
    watch: Callable[[str, int, int], None] | None = None,
    **hyper: Any,
) -> RateMap:
    """Run rules with many learning rates, and see what each comes to.

    Parameters
    ----------
    rules
        A rule, or several over one hyperparameter.
    over
        The hyperparameter along the axis, by default the learning rate; or two of one rule.
    starts
        As for :func:`symopt.sweep`; by default the objective's customary one.
    show
        ``"final"``, ``"best"`` or ``"steps"`` (to ``threshold``), as for :func:`symopt.tune`.
    across
        How several starts are put together: ``"worst"``, ``"median"`` or ``"mean"``.
    mesh
        How many values along an axis whose values are not given.
    hyper
        The values along the axes as a list or a range (``"1e-4..1:81:log"``); by default from a
        thousandth of the learning rate's default to a thousand times it. Others are fixed.

    >>> found = rate_map("momentum", "half_square", 50, mu="1/2", mesh=9)
    >>> found.stable
    (((0.0, 3.0),),)
    >>> [bool(np.isfinite(score)) for score in found.scores[0][[0, -1]]]
    [True, True]

    Raises :class:`~symopt.errors.InputError` where an axis is none.
    """
    surface = objectives.resolve(objective)
    alone = isinstance(rules, (str, Rule))
    stated = [known_rules.resolve(rule) for rule in ([rules] if alone else rules)]
    if not stated:
        raise InputError("a map of learning rates needs at least one rule, such as 'adam'")
    names = _names(stated, over)
    goal = read_goal(show, across, threshold, steps)
    axes = {
        name: _values(stated, name, hyper.get(name), mesh or _size(len(names), place))
        for place, name in enumerate(names)
    }
    rest: dict[str, Any] = {name: value for name, value in hyper.items() if name not in names}
    for name, value in rest.items():
        if listed(value, name) is not None:
            raise InputError(f"{name} has several values, but is not an axis; say so with over=")
    hyper = {**rest, **axes}
    made = sweep(
        stated, surface, starts, goal.steps, best=goal.criterion == "best",
        threshold=goal.threshold, executor=executor, watch=watch, **hyper,
    )  # fmt: skip
    trials = [list(goal.trials(_ordered(one, names))) for one in made.ends]
    shape = tuple(len(values) for values in axes.values())
    scores = [np.array([trial.score for _, trial in found]).reshape(shape) for found in trials]
    best = [
        min((trial for _, trial in found if np.isfinite(trial.score)), default=None,
            key=lambda trial: trial.score)
        for found in trials
    ]  # fmt: skip
    curvatures = _curvatures(surface)
    alone_over = len(names) == 1
    return RateMap(
        made, names, goal, tuple(np.array([label(v) for v in values]) for values in axes.values()),
        tuple(scores), tuple(best),
        tuple(_stable(one, names[0], curvatures, axes[names[0]]) if alone_over else ()
              for one in made.ends),
        _begin(made.ends[0], goal),
        None if alone_over else _region(made.ends[0], names, curvatures, axes),
    )  # fmt: skip


def _begin(one: Ends, goal: Goal) -> float:
    """What f is at the starts, put together as the scores are."""
    value, _ = value_and_gradient(one.objective, array(np.float64))
    with np.errstate(all="ignore"):
        (f,) = value(*one.starts.T)
    return float(OVER[goal.over](np.broadcast_to(f, len(one.starts))))


def _size(axes: int, place: int) -> int:
    return _MESH if axes == 1 else _MESH_OF_TWO[place]


def _names(rules: Sequence[Rule], over: Any) -> tuple[str, ...]:
    """The names along the axes, which every rule has."""
    if over is None:
        rates = [entry.name for entry in rules[0].parameters if entry.meaning == "learning rate"]
        if not rates:
            raise InputError(f"{rules[0].name} has no learning rate; choose with over=")
        over = rates[0]
    names = (over,) if isinstance(over, str) else tuple(over)
    if not 1 <= len(names) <= 2 or len(set(names)) < len(names):
        raise InputError(f"over: one or two hyperparameters, not {', '.join(names) or 'none'}")
    if len(names) == 2 and len(rules) > 1:
        raise InputError("a map over two hyperparameters has one rule")
    for rule in rules:
        for name in names:
            rule.parameter(name)
    return names


def _values(rules: Sequence[Rule], name: str, given: Any, count: int) -> tuple[Fraction, ...]:
    """The values along an axis: those given, or around the defaults, or the whole domain."""
    if given is not None:
        values = listed(given, name)
        if values is None or len(values) < 2:
            raise InputError(f"{name} is an axis; give at least two values, or a range")
        return tuple(sorted(exact(value, name) for value in values))
    entries = [rule.parameter(name) for rule in rules]
    domain, defaults = entries[0].domain, [entry.default for entry in entries]
    if domain.is_subset(sympy.Interval(-1, 1)):
        return spaced(0, Fraction(99, 100), count)
    if not all(default.is_Rational and default > 0 for default in defaults):
        raise InputError(f"{name}: give its values, such as {name}='1e-4..1:81:log'")
    middle = [exact(default) for default in defaults]
    return spaced(min(middle) / 1000, max(middle) * 1000, count, log=True)


def _ordered(one: Ends, names: Sequence[str]) -> Ends:
    """The same ends with the axes in the order of the map's."""
    order = [[axis.name for axis in one.axes].index(name) for name in names]
    moved = {
        name: array.transpose(*order, *range(len(order), array.ndim))
        for name, array in one.quantities.items()
    }
    return replace(one, axes=tuple(one.axes[i] for i in order), **moved)


def _curvatures(objective: Objective) -> list[Fraction]:
    """The curvatures of a quadratic with a single minimum; none for what is none."""
    try:
        directions = read_quadratic(objective).directions
    except InputError:
        return []
    found = [direction.curvature for direction in directions]
    if not all(curvature.is_positive for curvature in found):
        return []
    return [exact(sympy.Rational(str(sympy.N(c, _DIGITS)))) if not c.is_Rational else exact(c)
            for c in found]  # fmt: skip


def _settings(one: Ends, names: Sequence[str]) -> Mapping[str, Any] | None:
    """The other hyperparameters as numbers; none where one of them changes with the steps."""
    values = {
        entry.name: one.fixed.get(entry.name, entry.default)
        for entry in one.rule.parameters
        if entry.name not in names
    }
    try:
        return {name: exact(value) for name, value in values.items()}
    except InputError:
        return None


def _stable(
    one: Ends, name: str, curvatures: Sequence[Fraction], values: Sequence[Fraction]
) -> tuple[tuple[float, float], ...]:
    """Where a linear rule converges on the quadratic, exactly; nothing where that is not known."""
    fixed = _settings(one, (name,))
    if not curvatures or fixed is None:
        return ()
    try:
        stated = stability_of(one.rule)
        if not stated.linear:
            return ()
        symbol = one.rule.parameter(name).symbol
        known = {one.rule.parameter(key).symbol: rational(v) for key, v in fixed.items()}
        conditions = [
            condition
            for curvature in curvatures
            for condition in polynomials(
                stated.region.conditions, (symbol,),
                {**known, stated.curvature: rational(curvature)}, one.rule.name,
            )
        ]  # fmt: skip
    except InputError:
        return ()
    return stable_intervals(conditions, Fraction(0), 1000 * values[-1])


def _region(
    one: Ends,
    names: tuple[str, ...],
    curvatures: Sequence[Fraction],
    axes: Mapping[str, Sequence[Fraction]],
) -> StabilityMap | None:
    """The same over two hyperparameters."""
    fixed = _settings(one, names)
    if not curvatures or fixed is None:
        return None
    window = [(axes[name][0], axes[name][-1]) for name in names]
    try:
        found = stability_map(one.rule, names, curvature=list(curvatures), window=window, **fixed)
    except InputError:
        return None
    return found if found.stability.linear else None
