"""Hyperparameters inferred from what an implementation does.

Probes are chosen that expose them: gradients of six magnitudes (epsilon shows where a gradient is
of its order), a start at 0 (no digit of a step is lost in x) and one away from 0 (weight decay).
The rule's own step is fitted to the observed displacements by damped Gauss-Newton from several
guesses, first on a logarithmic scale, then in units of rounding noise; what comes out is snapped
to the simplest decimal within its uncertainty. Nothing rests on this: the values are then verified
like given ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, product
from typing import Any

import numpy as np

from symopt.derivation.opaque import is_elementwise
from symopt.statement.rule import Hyperparameter, Rule
from symopt.verification.implementation import Implementation, ImplementationError, Observation
from symopt.verification.probe import Probe
from symopt.verification.stepping import Array, FloatRule, float_rule

__all__ = ["ROUNDOFF", "Fit", "Record", "fit", "has_neutral", "inference_probes", "record", "snap"]

#: Unit roundoff of the formats in which points may be reported.
ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
_DECAYS = ("mu", "beta", "beta1", "beta2", "beta3", "rho")
_LOGARITHMIC = ("eta", "epsilon", "epsilon_root", "delta", "Delta_max", "Delta_min", "psi")
#: Guesses to start from, by name.
_GUESSES: dict[str, tuple[float, ...]] = {
    "mu": (0.9, 0.5), "beta": (0.9, 0.5), "rho": (0.9, 0.99), "beta1": (0.9, 0.6),
    "beta2": (0.999, 0.99, 0.9), "epsilon": (1e-8, 1e-6, 1e-4), "lamda": (0.01,), "tau": (0.1,),
}  # fmt: skip
#: What these are where nothing is said: a fit that frees them would fit more rules than there are.
_NEUTRAL = ("tau", "kappa", "gamma", "epsilon_root")


@dataclass(frozen=True)
class Record:
    """Runs as arrays: points (steps + 1, d), gradients (steps, d) and the points asked at."""

    name: str
    points: Array
    gradients: Array
    asked: Array
    noise: Array


@dataclass(frozen=True)
class Fit:
    """A rule's hyperparameters, fitted to records.

    ``misfit`` is the root mean square deviation of the fitted steps, relative to the largest step
    of each coordinate; ``given``, ``inferred`` and ``unresolved`` say where each value is from.
    ``unrounded`` are the values before any was taken for the plain decimal near it.
    """

    rule: Rule
    values: Mapping[str, Fraction]
    misfit: float
    given: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    unrounded: Mapping[str, Fraction] | None = None


def inference_probes(size: int = 6) -> tuple[Probe, ...]:
    """The probes that expose hyperparameters: six coordinates, eight steps, float32 numbers.

    For what cannot take six coordinates there are more probes of fewer (a divisor of six).

    >>> [probe.size for probe in inference_probes()]
    [6, 6]
    >>> [probe.size for probe in inference_probes(2)]
    [2, 2, 2, 2, 2, 2]
    """
    magnitudes = (0, -6, -13, -20, -27, -34)
    shape = (0, -3, 1, -5, 2, -1, 0, -2)
    signs = (1, -1, 1, 1, -1, -1, 1, 1)

    def gradient(step: int, column: int, magnitude: int) -> Fraction:
        digits = Fraction(1024 + (step * 397 + column * 811) % 1021, 2048)
        sign = signs[(step + column) % 8]
        return sign * digits * Fraction(2) ** (magnitude + shape[(step + 3 * column) % 8])

    def rows(scales: Sequence[int]) -> tuple[tuple[Fraction, ...], ...]:
        return tuple(tuple(gradient(s, c, m) for c, m in enumerate(scales)) for s in range(8))

    away = tuple(Fraction(n, 8) for n in (24, -10, 9, -16, 40, 5))
    whole = (
        Probe("magnitudes", (Fraction(0),) * 6, rows(magnitudes)),
        Probe("away", away, rows((0, 1, -1, 2, -3, 0))),
    )
    return tuple(part for probe in whole for part in _columns(probe, size))


def _columns(probe: Probe, size: int) -> list[Probe]:
    return [
        Probe(
            probe.name,
            probe.start[first : first + size],
            tuple(row[first : first + size] for row in probe.gradients),
        )
        for first in range(0, probe.size, size)
    ]


def record(code: Implementation, probe: Probe) -> Record:
    """Drive an implementation with a probe.

    Raises :class:`~symopt.verification.implementation.ImplementationError` where it fails, or where
    its questions cannot be told apart step by step.
    """
    rows = [[float(value) for value in row] for row in probe.gradients]
    return aligned(probe.name, code.observe([float(v) for v in probe.start], rows), code.format)


def aligned(name: str, seen: Observation, form: str) -> Record:
    """A run as arrays, one question for each step."""
    questions = list(seen.questions)
    if len(questions) > seen.steps and len(questions) % seen.steps == 0:
        questions = questions[:: len(questions) // seen.steps]
    if len(questions) != seen.steps:
        raise ImplementationError(
            f"it asked for {len(seen.questions)} gradients in {seen.steps} steps, so that they "
            "cannot be told apart step by step"
        )
    points = np.asarray(seen.points, dtype=np.float64)
    steps = np.abs(np.diff(points, axis=0))
    size = np.abs(points[1:]) + np.abs(points[:-1]) + 4 * steps.max(axis=0, initial=0)
    noise = ROUNDOFF[form] * size + 1e-300
    gradients = np.array([np.asarray(q.answer, dtype=np.float64) for q in questions])
    asked = np.array([np.asarray(q.point, dtype=np.float64) for q in questions])
    return Record(name, points, gradients, asked, noise)


class _Seen:
    """What does not change about a record while a rule is fitted to it."""

    def __init__(self, entry: Record) -> None:
        self.record = entry
        self.width = entry.points.shape[1]
        self.before = entry.points[:-1][:, None, :]
        self.largest = np.abs(np.diff(entry.points, axis=0)).max(axis=0, initial=0) + 1e-300
        self.unit = 1e-2 * self.largest
        self.noise = entry.noise[None, :, None, :]
        self.target = np.stack([entry.points[1:], entry.asked])[:, :, None, :]
        self.level = np.arcsinh((self.target - self.before) / self.unit)

    def flat(self, residuals: Array) -> Array:
        """Residuals of shape (2, steps, lanes, d) as one row per lane."""
        return residuals.transpose(2, 0, 1, 3).reshape(residuals.shape[2], -1)


class _Problem:
    """One rule against records, as a function of the transformed unknown hyperparameters."""

    def __init__(self, rule: Rule, seen: Sequence[_Seen], known: Mapping[str, float]) -> None:
        self.rule, self.seen, self.known = rule, seen, dict(known)
        self.free = [entry for entry in rule.parameters if entry.name not in known]

    def values(self, theta: Array) -> dict[str, Any]:
        """Hyperparameters from unknowns of shape (lanes, n), as columns of lanes."""
        columns = {
            entry.name: _value(entry, theta[:, i])[:, None] for i, entry in enumerate(self.free)
        }
        return {**self.known, **columns}

    def paths(self, theta: Array) -> list[tuple[_Seen, Array]]:
        """Predicted points and questions, (2, steps, lanes, d), by record."""
        values = self.values(theta)
        found: list[tuple[_Seen, Array]] = []
        for group, rule, points, gradients in self.walks:
            path = rule.run(points, gradients, lambda t: values, len(theta))
            both = np.stack([path.points, path.asked])
            found += zip(group, _split(both, [seen.width for seen in group]), strict=True)
        return found

    @cached_property
    def walks(self) -> list[tuple[list[_Seen], FloatRule, Array, Array]]:
        """The records that are walked at once: all of them if no coordinate sees another."""
        groups: dict[Any, list[_Seen]] = {}
        for place, seen in enumerate(self.seen):
            length = len(seen.record.gradients)
            groups.setdefault(length if is_elementwise(self.rule) else -place, []).append(seen)
        return [
            (
                group,
                float_rule(self.rule, sum(seen.width for seen in group)),
                np.concatenate([seen.record.points for seen in group], axis=1),
                np.concatenate([seen.record.gradients for seen in group], axis=1),
            )
            for group in groups.values()
        ]

    def logarithmic(self, theta: Array) -> Array:
        """Residuals on a scale that is linear near zero and logarithmic far from it."""
        parts = [
            seen.flat(np.arcsinh((path - seen.before) / seen.unit) - seen.level)
            for seen, path in self.paths(theta)
        ]
        return _finite(np.concatenate(parts, axis=1), 50.0)

    def in_noise(self, theta: Array) -> Array:
        """Residuals in units of the rounding of the points."""
        parts = [seen.flat((path - seen.target) / seen.noise) for seen, path in self.paths(theta)]
        return _finite(np.concatenate(parts, axis=1), 1e18)

    def misfit(self, theta: Array) -> float:
        """The relative root mean square deviation of the steps, of one lane."""
        parts = [
            (np.maximum(np.abs(path - seen.target) - 64 * seen.noise, 0) / seen.largest).ravel()
            for seen, path in self.paths(theta)
        ]
        return float(np.sqrt(np.mean(_finite(np.concatenate(parts), 1e6) ** 2)))


def _split(values: Array, widths: Sequence[int]) -> list[Array]:
    """The last axis cut into pieces."""
    ends = list(accumulate(widths))
    return [values[..., end - width : end] for end, width in zip(ends, widths, strict=True)]


def _finite(values: Array, bound: float) -> Array:
    return np.asarray(np.where(np.isnan(values), bound, np.clip(values, -bound, bound)))


def _value(entry: Hyperparameter, theta: Array) -> Array:
    if entry.name in _DECAYS:
        return np.asarray(1 - np.exp(np.minimum(theta, 0.6)))
    if entry.name in _LOGARITHMIC:
        return np.asarray(np.exp(np.clip(theta, -200, 200)))
    return theta


def _unknown(entry: Hyperparameter, value: float) -> float:
    if entry.name in _DECAYS:
        return math.log(max(1 - value, 1e-12))
    return math.log(max(value, 1e-80)) if entry.name in _LOGARITHMIC else value


def _slope(entry: Hyperparameter, theta: float) -> float:
    """The derivative of the value by the unknown."""
    if entry.name in _DECAYS:
        return -math.exp(min(theta, 0.6))
    return math.exp(theta) if entry.name in _LOGARITHMIC else 1.0


def _starts(problem: _Problem) -> Array:
    choices = []
    for entry in problem.free:
        default = float(entry.default)
        guesses = _GUESSES.get(entry.name, (default if default else 0.1,))
        choices.append([_unknown(entry, value) for value in guesses])
    own = [_unknown(entry, float(entry.default)) for entry in problem.free]
    grid = np.array([own, *product(*choices)], dtype=float)
    names = [entry.name for entry in problem.free]
    if "eta" not in names:
        return grid
    # The learning rate of each guess is the one that gives steps of the observed size.
    column = names.index("eta")
    grid[:, column] = 0.0
    sizes = []
    for seen, path in problem.paths(grid):
        predicted = np.abs(path[0] - seen.before)
        observed = np.abs(seen.target[0] - seen.before)
        with np.errstate(all="ignore"):
            sizes.append(np.log(observed / predicted).transpose(1, 0, 2).reshape(len(grid), -1))
    ratios = np.concatenate(sizes, axis=1)
    ratios[~np.isfinite(ratios)] = 0.0
    grid[:, column] = np.clip(np.median(ratios, axis=1), -40, 10)
    return grid


def _descend(residuals: Any, theta: Array, rounds: int, width: float) -> tuple[Array, Array]:
    """Damped Gauss-Newton in all lanes at once; the unknowns and their costs."""
    lanes, count = theta.shape
    damping = np.full(lanes, 1e-2)
    current = residuals(theta)
    cost = (current**2).sum(axis=1)
    for _ in range(rounds):
        shifted = np.concatenate([theta + width * row for row in np.eye(count)])
        moved = residuals(shifted).reshape(count, lanes, -1)
        jacobian = (moved - current).transpose(1, 2, 0) / width
        size = np.sqrt(np.einsum("lrp,lrp->lp", jacobian, jacobian)) + 1e-30
        jacobian = jacobian / size[:, None, :]
        normal = np.einsum("lrp,lrq->lpq", jacobian, jacobian)
        normal = normal + np.maximum(damping, 1e-10)[:, None, None] * np.eye(count)
        force = np.einsum("lrp,lr->lp", jacobian, current)
        step = np.linalg.solve(normal, force[:, :, None])[:, :, 0] / size
        proposed = theta - np.clip(step, -3, 3)
        fresh = residuals(proposed)
        fresh_cost = (fresh**2).sum(axis=1)
        better = fresh_cost < cost
        theta = np.where(better[:, None], proposed, theta)
        current = np.where(better[:, None], fresh, current)
        settled = bool((~better | (fresh_cost > cost * (1 - 1e-9))).all())
        cost = np.where(better, fresh_cost, cost)
        damping = np.where(better, damping * 0.2, np.minimum(damping * 8, 1e8))
        if settled and bool((damping > 1e6).all() | (cost < 1e-20).all()):
            break
    return theta, cost


def has_neutral(rule: Rule) -> bool:
    """Whether a rule has hyperparameters that a fit leaves alone unless it is told otherwise."""
    return any(entry.name in _NEUTRAL and entry.name != "gamma" for entry in rule.parameters)


def fit(
    rule: Rule,
    records: Sequence[Record],
    given: Mapping[str, Fraction],
    *,
    free_all: bool = False,
    rough: float = 1e-2,
) -> Fit:
    """The hyperparameters with which a rule comes nearest to records.

    ``given`` are exact values. Without ``free_all`` those that are customarily neutral (dampening)
    stay at their defaults, and a schedule's multiplier always does. A fit whose relative misfit
    stays above ``rough`` is not refined and comes back as it is.
    """
    known = {entry.name: given[entry.name] for entry in rule.parameters if entry.name in given}
    neutral = {
        entry.name: Fraction(float(entry.default))
        for entry in rule.parameters
        if entry.name not in known and entry.name in (("gamma",) if free_all else _NEUTRAL)
    }
    fixed = {**known, **neutral}
    seen = [_Seen(entry) for entry in records]
    problem = _Problem(rule, seen, {name: float(value) for name, value in fixed.items()})
    if not problem.free:
        misfit = problem.misfit(np.zeros((1, 0)))
        return Fit(rule, _ordered(rule, fixed), misfit, tuple(known), (), tuple(neutral))
    theta = _search(problem)
    misfit = problem.misfit(theta)
    if misfit >= rough:
        rest = {
            entry.name: Fraction(float(_value(entry, theta[:, i])[0]))
            for i, entry in enumerate(problem.free)
        }
        values = _ordered(rule, {**fixed, **rest})
        return Fit(rule, values, misfit, tuple(known), tuple(rest), tuple(neutral))
    theta, _ = _descend(problem.in_noise, theta, 25, 1e-7)
    tight = {
        entry.name: Fraction(snap(value, width) if width < math.inf else float(entry.default))
        for entry, value, width in _estimates(problem, theta)
    }
    plain, unresolved = _resolved(problem, theta)
    return Fit(
        rule, _ordered(rule, {**fixed, **plain}), problem.misfit(theta), tuple(known),
        tuple(name for name in plain if name not in unresolved), (*neutral, *unresolved),
        _ordered(rule, {**fixed, **tight}),
    )  # fmt: skip


def _ordered(rule: Rule, values: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {entry.name: values[entry.name] for entry in rule.parameters}


def _resolved(problem: _Problem, theta: Array) -> tuple[dict[str, Fraction], tuple[str, ...]]:
    """Values as plain decimals where they are near one, and the names of those that do not show.

    What is a plain decimal to eight digits is taken for it, and the others are fitted anew: in
    rules whose hyperparameters nearly make up for each other that decides them.
    """
    values: dict[str, Fraction] = {}
    while problem.free:
        estimates = _estimates(problem, theta)
        plain: dict[str, float] = {}
        for entry, value, width in estimates:
            near = snap(value, max(width, 1e-8 * abs(value)), 4)
            if width < math.inf and _is_plain(near):
                plain[entry.name] = near
        values.update({name: Fraction(value) for name, value in plain.items()})
        others = [(e, value, width) for e, value, width in estimates if e.name not in plain]
        if not plain or not others:
            seen = [(e.name, snap(value, width)) for e, value, width in others if width < math.inf]
            unseen = [(e.name, float(e.default)) for e, _, width in others if width == math.inf]
            values.update({name: Fraction(value) for name, value in seen + unseen})
            return values, tuple(name for name, _ in unseen)
        kept = [i for i, (entry, _, _) in enumerate(estimates) if entry.name not in plain]
        problem = _Problem(problem.rule, problem.seen, {**problem.known, **plain})
        theta, _ = _descend(problem.in_noise, theta[:, kept], 25, 1e-7)
    return values, ()


def _estimates(problem: _Problem, theta: Array) -> list[tuple[Hyperparameter, float, float]]:
    """Each unknown with its value and uncertainty, infinite where it does not show."""
    found = []
    for i, (entry, spread) in enumerate(
        zip(problem.free, _uncertainty(problem, theta), strict=True)
    ):
        slope = abs(_slope(entry, float(theta[0, i])))
        width = slope * float(spread) if spread < 1 else math.inf
        found.append((entry, float(_value(entry, theta[:, i])[0]), width))
    return found


def _is_plain(value: float) -> bool:
    return float(f"{value:.3e}") == value


def _search(problem: _Problem) -> Array:
    """The best unknowns on the logarithmic scale; guesses that lead nowhere are given up early."""
    # A first look at the first record alone settles most of what is another rule.
    first = _Problem(problem.rule, problem.seen[:1], problem.known)
    theta = _starts(first)
    for part, kept, rounds, hopeless in (
        (first, 3, 5, 0.5), (problem, 2, 8, 0.02), (problem, 1, 20, 0.0),
    ):  # fmt: skip
        theta, cost = _descend(part.logarithmic, theta, rounds, 1e-6)
        order = np.argsort(cost)[:kept]
        theta, cost = theta[order], cost[order]
        count = sum(seen.target.size for seen in part.seen)
        if cost[0] > hopeless**2 * count and hopeless:
            break
    return theta[:1]


def _uncertainty(problem: _Problem, theta: Array) -> Array:
    """How far each unknown may move before the residuals show it."""
    width = 1e-7
    here = problem.in_noise(theta)[0]
    shifted = theta + width * np.eye(theta.shape[1])
    jacobian = (problem.in_noise(shifted) - here).T / width
    norms = np.linalg.norm(jacobian, axis=0)
    seen = norms > 1e-3
    spread = np.full(len(norms), np.inf)
    if seen.any():
        normalized = jacobian[:, seen] / norms[seen]
        inverse = np.linalg.pinv(normalized.T @ normalized, rcond=1e-13)
        noise = max(1.0, float(np.sqrt(np.mean(np.minimum(here, 1e12) ** 2))))
        spread[seen] = 8 * noise * np.sqrt(np.abs(np.diag(inverse))) / norms[seen]
    return spread


def snap(value: float, width: float, most: int = 17) -> float:
    """The simplest decimal, or else a simple fraction, within ``width`` of a value.

    Decimals have at most ``most`` digits; the value itself where none is near.

    >>> snap(0.8999999999999321, 1e-12), snap(0.3333333333333, 1e-12), snap(3e-17, 1e-15)
    (0.9, 0.3333333333333333, 0.0)
    """
    width = max(width, 4e-16 * abs(value))
    if abs(value) <= width:
        return 0.0
    for digits in range(1, min(7, most) + 1):
        near = float(f"{value:.{digits - 1}e}")
        if abs(near - value) <= width:
            return near
    if most < 8:
        return value
    simple = Fraction(value).limit_denominator(4096)
    if abs(float(simple) - value) <= width and simple.denominator > 1:
        return float(simple)
    for digits in range(8, 17):
        near = float(f"{value:.{digits - 1}e}")
        if abs(near - value) <= width:
            return near
    return value
