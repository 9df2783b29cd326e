"""Settling the claims of a source system: every answer is computed, with its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import singledispatch
from typing import Any

import numpy as np
import sympy

from symopt.derivation.array.factor import ratio
from symopt.derivation.array.quadratic import quadratic_loss
from symopt.derivation.critical_points import critical_points
from symopt.derivation.recurrence import equal
from symopt.derivation.stability import stability
from symopt.derivation.unroll import unroll
from symopt.errors import InexactError, StatementError, UndecidedError
from symopt.execution.arithmetic import round_to
from symopt.execution.trajectory import Trajectory
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.expression import array
from symopt.statement.library import models, objectives, rules
from symopt.statement.numbers import exact, rational
from symopt.statement.rule import Rule
from symopt.statement.symbols import grad, x
from symopt.statement.system import (
    BackwardPass,
    Claim,
    ConvergesFaster,
    CountOfKind,
    DependsOn,
    Diverges,
    EndsAtMinimizer,
    EndsLower,
    ExactValue,
    FateOnQuadratic,
    FirstDifference,
    GradientTimes,
    KindOfPoint,
    Moments,
    Printed,
    SamePrint,
    SameTrajectory,
    System,
    UnboundedBelow,
    WeightOfGradient,
)
from symopt.statement.system_data import OnData
from symopt.verification.array.gradient import prove_gradient
from symopt.verification.digits import bounds, decimal, within
from symopt.verification.fits import FittedRuns

__all__ = ["Finding", "Runs", "printed_value", "settle"]


@dataclass(frozen=True)
class Finding:
    """A settled claim: whether it holds, and the computed evidence in words."""

    claim: Claim
    holds: bool
    evidence: str

    def __str__(self) -> str:
        answer = "holds" if self.holds else "does not hold"
        return f"{self.claim.by}: {self.claim.text}: {answer}. {self.evidence}"


class Runs:
    """The trajectories of a system, each computed once and on demand."""

    def __init__(self, system: System, run: Callable[..., Trajectory]) -> None:
        self.system = system
        self._run = run
        self._done: dict[tuple[str, str], Trajectory] = {}
        self.fits = FittedRuns()

    def get(self, label: str, arithmetic: str, steps: int | None = None) -> Trajectory:
        """The run of that label in that arithmetic, with at least that many steps (default all)."""
        stated = self.system.run(label)
        steps = stated.steps if steps is None else steps
        done = self._done.get((label, arithmetic))
        if done is None or done.steps < steps:
            done = self._run(
                stated.rule,
                stated.target,
                x0=stated.x0,
                steps=steps,
                arithmetic=arithmetic,
                **stated.hyperparameters,
            )
            if isinstance(stated.objective, OnData):
                done = replace(done, objective=stated.objective.printed)
            self._done[label, arithmetic] = done
        return done

    def exactly(self, labels: tuple[str, ...], steps: int) -> list[Trajectory]:
        """Some runs, all in rationals where their rules allow it, else all in balls."""
        try:
            return [self.get(label, "rational", steps) for label in labels]
        except InexactError:
            return [self.get(label, "ball", steps) for label in labels]


def printed_value(trajectory: Trajectory, entry: Printed) -> Any:
    """What a trajectory has in the place of a printed number."""
    if entry.quantity == "f":
        return trajectory.values[entry.step]
    if entry.quantity == "g":
        return trajectory.gradients[entry.step - 1, entry.coordinate]
    return trajectory.x[entry.step, entry.coordinate]


def whole_of(objective: BoundObjective | Batches) -> BoundObjective:
    """The objective on all samples."""
    return objective.whole if isinstance(objective, Batches) else objective


@singledispatch
def settle(claim: Claim, runs: Runs) -> Finding:
    """Settle one claim by computing.

    Raises :class:`~symopt.errors.StatementError` for a kind of claim that nothing here settles,
    and :class:`~symopt.errors.UndecidedError` where the arithmetic cannot decide.
    """
    raise StatementError(f"no way is known to settle a {type(claim).__name__}")


@settle.register
def _(claim: ExactValue, runs: Runs) -> Finding:
    value = runs.get(claim.run, "rational", claim.step).x[claim.step, claim.coordinate]
    return Finding(claim, value == exact(claim.value), f"Exactly {Fraction(value)}.")


@settle.register
def _(claim: SameTrajectory, runs: Runs) -> Finding:
    steps = min(runs.system.run(label).steps for label in (claim.left, claim.right))
    left, right = (runs.get(label, "rational", steps).x for label in (claim.left, claim.right))
    for step in range(steps + 1):
        if list(left[step]) != list(right[step]):
            return Finding(claim, False, f"They part at step {step}.")
    return Finding(claim, True, f"Equal rationals at all {steps} steps.")


@settle.register
def _(claim: FirstDifference, runs: Runs) -> Finding:
    left, right = runs.exactly((claim.left, claim.right), claim.step)
    for step in range(claim.step + 1):
        pairs = list(zip(left.x[step], right.x[step], strict=True))
        if all(_equal(a, b) for a, b in pairs):
            continue
        gaps = [a - b for a, b in pairs]
        shown = ", ".join(decimal(gap, 6) for gap in gaps)
        evidence = f"First difference at step {step}, left - right = ({shown})"
        if step != claim.step or claim.difference is None:
            return Finding(claim, step == claim.step, evidence + ".")
        expected = _expected(claim, runs, left, step)
        agree = all(_equal(gap, want) for gap, want in zip(gaps, expected, strict=True))
        formula = f"{'' if agree else 'not '}{claim.difference} in every coordinate"
        return Finding(claim, agree, f"{evidence}: {formula}, exactly.")
    return Finding(claim, False, f"No difference up to step {claim.step}.")


def _equal(a: Any, b: Any) -> bool:
    (low, high), (other_low, other_high) = bounds(a), bounds(b)
    if high < other_low or other_high < low:
        return False
    if low == high == other_low == other_high:
        return True
    raise UndecidedError("balls that overlap are not proved equal; no exact run exists here")


def _expected(
    claim: FirstDifference, runs: Runs, trajectory: Trajectory, step: int
) -> list[Fraction]:
    """The stated difference for each coordinate, from exact hyperparameters and gradients."""
    assert claim.difference is not None
    given = runs.system.run(claim.left).hyperparameters
    known = {
        symbol: rational(exact(given[symbol.name]))
        for symbol in claim.difference.free_symbols
        if symbol.name in given
    }
    values = []
    for gradient in trajectory.gradients[step - 1]:
        point = {
            s: rational(Fraction(gradient)) for s in claim.difference.free_symbols - set(known)
        }
        values.append(exact(claim.difference.subs({**known, **point})))
    return values


@settle.register
def _(claim: SamePrint, runs: Runs) -> Finding:
    entries = [entry for entry in runs.system.printed if entry.run == claim.left]
    steps = max(entry.step for entry in entries)
    trajectory = runs.get(claim.right, "ball", steps)
    off = [
        f"{entry.what or entry.quantity} of step {entry.step} is {decimal(value, 10)}, "
        f"printed {entry.text}"
        for entry in entries
        if not within(value := printed_value(trajectory, entry), entry.value, entry.half_unit)
    ]
    if off:
        return Finding(claim, False, f"{len(off)} of {len(entries)} differ: {'; '.join(off)}.")
    gap = max(
        abs(bounds(printed_value(trajectory, entry))[0] - bounds(printed_value(own, entry))[0])
        for own in [runs.get(claim.left, "ball", steps)]
        for entry in entries
    )
    return Finding(
        claim,
        True,
        f"All {len(entries)} printed numbers fit both; they are at most {decimal(gap, 3)} apart.",
    )


@settle.register
def _(claim: EndsLower, runs: Runs) -> Finding:
    left, right = (runs.get(label, "ball") for label in (claim.left, claim.right))
    (low, high), (other_low, other_high) = bounds(left.values[-1]), bounds(right.values[-1])
    if low <= other_high and other_low <= high:
        raise UndecidedError(f"{claim.left} and {claim.right} end too close to compare")
    parts = [
        f"{label}: f = {decimal(run.values[-1], 10)} after {run.steps} steps"
        for label, run in ((claim.left, left), (claim.right, right))
    ]
    return Finding(claim, high < other_low, "; ".join(parts) + ".")


@settle.register
def _(claim: Diverges, runs: Runs) -> Finding:
    trajectory = runs.get(claim.run, "float64")
    if trajectory.diverged_at is None:
        end = ", ".join(f"{value:.6g}" for value in trajectory.x[-1])
        return Finding(claim, False, f"It ends at ({end}) after {trajectory.steps} steps.")
    last = trajectory.diverged_at - 1
    point = ", ".join(f"{value:.6g}" for value in trajectory.x[last])
    lowest = min(range(last + 1), key=lambda step: float(abs(trajectory.gradients[step]).max()))
    near = ", ".join(f"{value:.6g}" for value in trajectory.x[lowest])
    return Finding(
        claim,
        True,
        f"It was nearest to rest at step {lowest}, at ({near}); the last finite float64 point is "
        f"step {last}, ({point}).",
    )


@settle.register
def _(claim: KindOfPoint, runs: Runs) -> Finding:
    wanted = tuple(rational(exact(value)) for value in claim.point)
    found = critical_points(objectives[claim.objective])
    all_of_them = "; ".join(
        f"{entry.kind} at ({', '.join(map(_short, entry.point))}), f = {_short(entry.value)}"
        for entry in found
    )
    for entry in found:
        if all(sympy.simplify(a - b) == 0 for a, b in zip(entry.point, wanted, strict=True)):
            holds = entry.kind == claim.kind
            if claim.value is not None:
                gap = sympy.simplify(entry.value - rational(exact(claim.value)))
                holds = holds and bool(gap == 0)
            return Finding(claim, holds, f"All critical points: {all_of_them}.")
    return Finding(claim, False, f"It is not critical. All critical points: {all_of_them}.")


def _short(number: sympy.Expr) -> str:
    return str(number) if number.is_Rational else f"{sympy.N(number, 10)}..."


@settle.register
def _(claim: CountOfKind, runs: Runs) -> Finding:
    found = critical_points(objectives[claim.objective])
    points = [entry for entry in found if entry.kind == claim.kind]
    most = len(points) if claim.at_most is None else claim.at_most
    shown = ", ".join(f"({', '.join(map(_short, entry.point))})" for entry in points)
    count = f"{len(points)} of its {len(found)} critical points"
    evidence = f"Exactly {count} are of the kind {claim.kind}: {shown or 'none'}."
    return Finding(claim, claim.at_least <= len(points) <= most, evidence)


@settle.register
def _(claim: UnboundedBelow, runs: Runs) -> Finding:
    objective = objectives[claim.objective]
    along = {symbol: 0 for symbol in objective.variables if symbol.name != claim.variable}
    (symbol,) = set(objective.variables) - set(along)
    toward = sympy.oo if claim.toward == "+" else -sympy.oo
    line = objective.expression.subs(along)
    limit = sympy.limit(line, symbol, toward)
    return Finding(
        claim, limit == -sympy.oo, f"{line} tends to {limit} as {symbol} tends to {toward}."
    )


@settle.register
def _(claim: WeightOfGradient, runs: Runs) -> Finding:
    unrolled = unroll(claim.rule, steps=claim.later)
    after, before = (
        unrolled.closed_form(step).substituted()[0] for step in (claim.later, claim.later - 1)
    )
    old, new = (
        sympy.diff(after - before, sympy.Symbol(f"g{step}", real=True))
        for step in (claim.earlier, claim.later)
    )
    share = sympy.cancel(old / new)
    values = {rules[claim.rule].parameter(name).symbol: rational(exact(value))
              for name, value in claim.at.items()}  # fmt: skip
    found = sympy.cancel(share.xreplace(values))
    return Finding(
        claim,
        equal(found, rational(exact(claim.weight))),
        f"In step {claim.later} the gradient of step {claim.earlier} counts {share} of the new "
        f"one, which is {found} here.",
    )


@settle.register
def _(claim: FateOnQuadratic, runs: Runs) -> Finding:
    stable = stability(claim.rule)
    found = stable.fate(curvature=claim.curvature, **claim.at)
    rate = _short(sympy.sympify(stable.rate_at(curvature=claim.curvature, **claim.at)))
    return Finding(
        claim,
        found == claim.fate,
        f"At curvature {claim.curvature} it {found}: the largest root has the absolute value "
        f"{rate}.",
    )


@settle.register
def _(claim: ConvergesFaster, runs: Runs) -> Finding:
    stable = stability(claim.rule)
    left, right = (
        stable.rate_at(curvature=claim.curvature, **values)
        for values in (claim.faster, claim.slower)
    )
    shown = " and ".join(
        f"{_short(rate)} with {_settings(values)}"
        for rate, values in ((left, claim.faster), (right, claim.slower))
    )
    return Finding(
        claim,
        bool(left < right),
        f"At curvature {claim.curvature} a step shrinks the distance in the long run to {shown}.",
    )


def _settings(values: Any) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


@settle.register
def _(claim: Moments, runs: Runs) -> Finding:
    found = _moments(rules[claim.rule])
    kept = [f"{name} of power {power}" for name, power in found.items() if power]
    other = [name for name, power in found.items() if not power]
    evidence = f"It keeps {' and '.join(kept) or 'no power'} of the gradient"
    evidence += f"; what {', '.join(other)} collects is none of its powers." if other else "."
    return Finding(
        claim, {power for power in found.values() if power} == set(claim.powers), evidence
    )


def _moments(rule: Rule) -> dict[str, int]:
    """For each state the power of the gradient that is added to it; 0 where it is none."""
    gradient = sympy.Symbol("gradient", real=True)
    known = {target: expression for target, expression in rule.update
             if target not in rule.state and target != x}  # fmt: skip
    powers = {}
    for target, expression in rule.update:
        if target not in rule.state:
            continue
        line = expression.xreplace({s: v for s, v in known.items() if v.has(grad)})
        line = line.replace(lambda node: isinstance(node, grad), lambda node: gradient)
        states = line.free_symbols & {*rule.state, x, *known} - {target}
        added = sympy.expand(line - line.subs(gradient, 0))
        usable = added.has(gradient) and added.is_polynomial(gradient)
        degree = sympy.degree(added, gradient) if usable else 0
        alone = sympy.expand(added.coeff(gradient, degree) * gradient**degree)
        one = degree > 0 and alone == added
        powers[str(target)] = int(degree) if one and not states else 0
    return powers


@settle.register
def _(claim: GradientTimes, runs: Runs) -> Finding:
    slopes = [sympy.diff(claim.loss, symbol) for symbol in claim.variables]
    shares = [sympy.cancel(w / s) for w, s in zip(claim.written, slopes, strict=True)]
    factor = rational(exact(claim.factor))
    holds = all(
        equal(written, factor * slope) for written, slope in zip(claim.written, slopes, strict=True)
    )
    pairs = zip(shares, claim.variables, strict=True)
    shown = ", ".join(f"{share} for {name}" for share, name in pairs)
    return Finding(claim, holds, f"What is written is, over the derivative, {shown}.")


@settle.register
def _(claim: BackwardPass, runs: Runs) -> Finding:
    model = models[claim.model]
    factor = exact(claim.factor)
    shares = {name: ratio(claim.written[name], model.gradient[name]) for name in model.gradient}
    scaled = replace(model, loss=array(factor) * model.loss)
    proof = prove_gradient(scaled, claim.written, n=3, d=2)
    found = ", ".join(
        f"{share if share is not None else 'no number'} for {name}"
        for name, share in shares.items()
    )
    number = " and ".join(dict.fromkeys(str(share) for share in shares.values()))
    small = f"{proof.sizes['n']} samples of {proof.sizes['d']} features"
    checked = (
        f"Against scalar differentiation of {factor} times the loss, {small}, "
        + (f"all {proof.entries} entries are equal for all inputs." if proof else
           f"{len(proof.open)} of {proof.entries} entries are not proved equal.")
    )  # fmt: skip
    if None in shares.values():
        raise UndecidedError(
            f"what is written as the gradient of {claim.model} is no number times the derived "
            f"form ({found}), and other identities are not looked for; write it as that form has it"
        )
    return Finding(
        claim,
        bool(proof) and set(shares.values()) == {factor},
        f"In matrix form, for every number of samples and features, what is written is the "
        f"derived gradient times {number} ({found}). {checked}",
    )


@settle.register
def _(claim: EndsAtMinimizer, runs: Runs) -> Finding:
    stated = runs.system.run(claim.run)
    loss = quadratic_loss(whole_of(stated.target))
    end = runs.get(claim.run, "ball").x[-1]
    nearest = loss.minimizer
    forms: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
    form = forms[stated.arithmetic]
    rounded = [round_to(value, form) for value in nearest]
    same = all(
        round_to(low, form) == round_to(high, form) == want
        for (low, high), want in zip(map(bounds, end), rounded, strict=True)
    )
    gap = max(max(abs(low - m), abs(high - m)) for (low, high), m in
              zip(map(bounds, end), nearest, strict=True))  # fmt: skip
    digits = ", ".join(decimal(value) for value in nearest)
    floats = "; ".join(
        f"{name} ends at ({', '.join(repr(float(v)) for v in runs.get(claim.run, name).x[-1])})"
        for name in ("float64", "float32")
    )
    size = max(value.denominator.bit_length() for value in nearest)
    return Finding(
        claim,
        same,
        f"The normal equations, solved in fractions (of {size} bits), give ({digits}); after "
        f"{stated.steps} steps the exact iterate is within {decimal(gap, 3)} of it. {floats}.",
    )


@settle.register
def _(claim: DependsOn, runs: Runs) -> Finding:
    moving = [s for s in claim.variables if not equal(sympy.diff(claim.loss, s), sympy.S.Zero)]
    names = ", ".join(map(str, claim.variables))
    said = (
        f"It depends on {', '.join(map(str, moving))}."
        if moving
        else (
            f"Its derivatives by {names} are 0 everywhere: it is the same number after every step."
        )
    )
    return Finding(claim, bool(moving), said)
