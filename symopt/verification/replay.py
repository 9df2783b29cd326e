"""The exact rule replayed along what an implementation did, step by step.

Every step restarts from the point that the implementation itself reported (an exact dyadic
number). Hidden state is carried exactly, with a radius for what rounding may have changed in it;
state that can be seen is checked like the point, and the next step restarts from what was seen.
Each reported number is then compared with the bound of :mod:`symopt.verification.rounding`, over
a family of evaluation forms that are proved equal to the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.derivation.opaque import OpaqueStep, is_elementwise, opaque_step
from symopt.errors import InputError
from symopt.execution.arithmetic import precision
from symopt.program.graph import Label, Program
from symopt.program.joined import joined, part
from symopt.program.rewrite import evaluation_forms
from symopt.statement.rule import Rule
from symopt.verification.implementation import Array, Observation, Question
from symopt.verification.rounding import (
    FORMATS,
    PRECISION,
    Bounded,
    Input,
    Profile,
    bound_outputs,
)
from symopt.verification.verdict import Check

__all__ = ["FAMILIES", "Replay", "eta_of", "first_state", "profiles", "replay"]

#: Families of evaluation forms, strict first: which forms of the rule are admitted.
FAMILIES: dict[str, Any] = {
    "as stated, in any order of its products and sums": lambda name: "β" not in name
    and "√" not in name
    and "folded" not in name,
    "all forms proved equal": lambda name: True,
}  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """The checks of one run against one rule, and how finely hyperparameters were resolved."""

    checks: tuple[Check, ...]
    resolution: Mapping[str, float]

    @property
    def eta(self) -> float:
        return max((check.eta for check in self.checks), default=0.0)

    @property
    def first_refuted(self) -> Check | None:
        return next((check for check in self.checks if check.eta > 1), None)

    @property
    def unbounded(self) -> Check | None:
        """The first check whose bound is infinite: there nothing is decided."""
        return next((c for c in self.checks if not c.bound.is_finite()), None)


def profiles(dtype: str, known: Sequence[str] = (), powers: bool = True) -> tuple[Profile, ...]:
    """The formats in which an implementation on arrays of this dtype may compute.

    Scalars are in binary64 or in the arrays' own format, and powers are the C library's or made
    by multiplication (left out for a rule without ``powers``), unless an implementation is
    ``known`` to do otherwise: ``"scalars in float64"``, ``"scalars in float32"``, ``"scalar state
    in float32"``, ``"hyperparameters rounded to float32"``, each also with ``", powers by
    multiplication"``.

    >>> [profile.name for profile in profiles("bfloat16", powers=False)]
    ['bfloat16, scalars in float64', 'bfloat16']
    >>> [profile.name for profile in profiles("float64")]
    ['float64', 'float64, powers by multiplication']
    >>> [profile.name for profile in profiles("float64", ["scalar state in float32"])]
    ['float64, scalar state in float32']
    """
    double, single, own = FORMATS["float64"], FORMATS["float32"], FORMATS[dtype]
    named = {
        "scalars in float64": Profile(own, double),
        "scalars in float32": Profile(own, single),
        "scalar state in float32": Profile(own, double, kept=single),
        "hyperparameters rounded to float32": Profile(own, double, received=single),
    }
    named |= {
        f"{name}, powers by multiplication": replace(profile, products=True)
        for name, profile in named.items()
    }
    unknown = sorted(set(known) - set(named))
    if unknown:
        raise InputError(f"no profile {unknown[0]!r}; there are {', '.join(named)}")
    usual = [Profile(own, double), Profile(own, own)]
    if powers:
        usual += [replace(profile, products=True) for profile in usual]
    return tuple(dict.fromkeys([named[name] for name in known] or usual))


@dataclass(frozen=True)
class _Plan:
    """A rule's step with the programs that a replay evaluates.

    ``asks`` has the points where gradients are asked for, ``forms`` each way of computing the
    slots, and ``together`` all of these ways as one program.
    """

    step: OpaqueStep
    asks: tuple[Program, ...]
    forms: tuple[Program, ...]
    together: Program


@lru_cache(maxsize=512)
def _plan(rule: Rule, size: int, schedules: tuple[tuple[Symbol, Expr], ...], family: str) -> _Plan:
    step = opaque_step(rule, size, schedules)
    forms = evaluation_forms(step.program, step.scalars, FAMILIES[family])
    slots = tuple(part(program, step.slots) for _, program in forms)
    asks = tuple(
        part(step.program, [("ask", number, index) for index in range(size)])
        for number in range(1, step.asks + 1)
    )
    return _Plan(step, asks, slots, joined(slots))


@dataclass
class _Lane:
    """The coordinates that are replayed together: one, or all where the rule mixes them."""

    plan: _Plan
    columns: tuple[int, ...]
    memory: dict[Label, Input]

    @property
    def step(self) -> OpaqueStep:
        return self.plan.step


def replay(
    rule: Rule,
    observation: Observation,
    hyper: Mapping[str, Fraction],
    schedules: tuple[tuple[Symbol, Expr], ...],
    profile: Profile,
    family: str,
    visible: Mapping[str, Array] | None = None,
) -> Replay:
    """Check every reported point of a run, and what is visible of the state.

    ``visible`` has rows of state, one for each step, under the names of the rule's own state.
    """
    with precision(PRECISION):
        return _Player(rule, observation, hyper, schedules, profile, family, visible).play()


def first_state(
    rule: Rule,
    observation: Observation,
    hyper: Mapping[str, Fraction],
    schedules: tuple[tuple[Symbol, Expr], ...],
    profile: Profile,
    family: str,
) -> dict[tuple[str, int | None], Input]:
    """The rule's state after the first step of a run, by name and coordinate, with its radius.

    Empty where the run has no first step that the rule could have made.
    """
    with precision(PRECISION):
        player = _Player(rule, observation, hyper, schedules, profile, family)
        return player.state_after_first()


class _Player:
    def __init__(
        self,
        rule: Rule,
        observation: Observation,
        hyper: Mapping[str, Fraction],
        schedules: tuple[tuple[Symbol, Expr], ...],
        profile: Profile,
        family: str,
        visible: Mapping[str, Array] | None = None,
    ) -> None:
        self.rule, self.seen, self.hyper, self.profile = rule, observation, hyper, profile
        self.visible = visible or {}
        self.advanced = 0
        self.size = observation.points.shape[1]
        together = not is_elementwise(rule)
        groups = [tuple(range(self.size))] if together else [(i,) for i in range(self.size)]
        self.lanes = []
        for columns in groups:
            plan = _plan(rule, len(columns), schedules, family)
            self.lanes.append(_Lane(plan, columns, self._start(plan.step, columns)))
        self.position = 0
        #: The radii of gradients that the code computed itself, by question.
        self.radii: dict[int, Array] = {}
        self.resolution: dict[str, float] = {}

    def _constants(self, step: OpaqueStep) -> dict[Label, Input]:
        return {("hyper", name): Input(self.hyper[name], outside=True) for name in step.hyper}

    def _start(self, step: OpaqueStep, columns: Sequence[int]) -> dict[Label, Input]:
        inputs = self._constants(step)
        for index, column in enumerate(columns):
            inputs["x", index] = Input(float(self.seen.points[0, column]))
        found = self._bounds(step.start, inputs, step)
        return {
            slot: Input(found[slot].value, found[slot].radius)
            for slot in step.slots[len(columns) :]
        }

    def _bounds(
        self, program: Program, inputs: Mapping[Label, Input], step: OpaqueStep
    ) -> dict[Label, Bounded]:
        return bound_outputs(program, inputs, step.scalars, self.profile)

    def play(self) -> Replay:
        checks: list[Check] = []
        for t in range(1, self.seen.steps + 1):
            for check in self._step(t):
                checks.append(check)
                if check.eta > 1 or not check.bound.is_finite():
                    return Replay(tuple(checks), self.resolution)
        return Replay(tuple(checks), self.resolution)

    def state_after_first(self) -> dict[tuple[str, int | None], Input]:
        found: dict[tuple[str, int | None], Input] = {}
        if self.seen.steps and list(self._step(1)) and self.advanced == 1:
            for lane in self.lanes:
                for name, index in lane.step.slots[len(lane.columns) :]:
                    place = None if index is None else lane.columns[index]
                    found[name, place] = lane.memory[name, index]
        return found

    def _step(self, t: int) -> Iterator[Check]:
        answers: dict[int, Question] = {}
        asks = max(lane.step.asks for lane in self.lanes)
        for number in range(1, asks + 1):
            wanted = [self._asked(lane, t, number, answers) for lane in self.lanes]
            flat = {
                column: bound
                for lane, bounds in zip(self.lanes, wanted, strict=True)
                for column, bound in zip(lane.columns, bounds, strict=True)
            }
            question, etas = self._own(t, number, flat) or self._match(flat)
            for column, eta in etas.items():
                yield Check(
                    t, f"gradient asked at, coordinate {column}",
                    float(question.point[column]) if question else math.nan,
                    flat[column].value, flat[column].radius, eta,
                )  # fmt: skip
            if question is None:
                return
            answers[number] = question
        for lane in self.lanes:
            yield from self._advance(lane, t, answers)
        self.advanced = t

    def _inputs(self, lane: _Lane, t: int, answers: Mapping[int, Question]) -> dict[Label, Input]:
        inputs = {**self._constants(lane.step), **lane.memory, ("t",): Input(t)}
        for index, column in enumerate(lane.columns):
            inputs["x", index] = Input(float(self.seen.points[t - 1, column]))
            for number in range(1, lane.step.asks + 1):
                answer = answers.get(number)
                value = float(answer.answer[column]) if answer else 0.0
                radius = self.radii[number][column] if number in self.radii else 0
                inputs["g", number, index] = Input(value, radius)
        return inputs

    def _asked(
        self, lane: _Lane, t: int, number: int, answers: Mapping[int, Question]
    ) -> list[Bounded]:
        program = lane.plan.asks[number - 1]
        found = self._bounds(program, self._inputs(lane, t, answers), lane.step)
        return list(found.values())

    def _own(
        self, t: int, number: int, wanted: Mapping[int, Bounded]
    ) -> tuple[Question, dict[int, float]] | None:
        """What code that computes gradients itself should have found where the rule asks."""
        if self.seen.gradients is None:
            return None
        bounds = [wanted[column] for column in range(self.size)]
        point = np.array([float(bound.value.mid()) for bound in bounds])
        off = np.array([
            float((abs(bound.value - float(bound.value.mid())).upper() + bound.radius).upper())
            for bound in bounds
        ])  # fmt: skip
        # Upward: what is converted to a float may have been rounded down.
        off = np.where(off > 0, off * (1 + 2.0**-40) + 2.0**-1070, 0.0)
        values, radii = self.seen.gradients(t, point, off, self.profile.tensor.name)
        self.radii[number] = radii
        return Question(point, values), dict.fromkeys(wanted, 0.0)

    def _match(self, wanted: Mapping[int, Bounded]) -> tuple[Question | None, dict[int, float]]:
        """The next question that was asked where the rule asks; else the nearest, and how far."""
        best: tuple[Question | None, dict[int, float]] = (None, dict.fromkeys(wanted, math.inf))
        least = (math.inf, math.inf)
        for position in range(self.position, len(self.seen.questions)):
            question = self.seen.questions[position]
            etas = {
                column: eta_of(float(question.point[column]), bound)
                for column, bound in wanted.items()
            }
            if max(etas.values()) <= 1:
                self.position = position
                return question, etas
            far = max(
                abs(float(question.point[column]) - float(bound.value.mid()))
                for column, bound in wanted.items()
            )
            if best[0] is None or (max(etas.values()), far) < least:
                best, least = (question, etas), (max(etas.values()), far)
        return best

    def _in_every_form(
        self, lane: _Lane, inputs: Mapping[Label, Input]
    ) -> Iterator[tuple[Label, Bounded]]:
        """Each slot's bound in each form, in the order of the forms."""
        if self.profile.kept is None:
            found = self._bounds(lane.plan.together, inputs, lane.step)
            yield from ((label[1], bound) for label, bound in found.items())  # type: ignore[index]
            return
        # What is kept in another format is an output, which another form may not keep.
        for program in lane.plan.forms:
            yield from self._bounds(program, inputs, lane.step).items()

    def _advance(self, lane: _Lane, t: int, answers: Mapping[int, Question]) -> Iterator[Check]:
        inputs = self._inputs(lane, t, answers)
        merged: dict[Label, Bounded] = {}
        for label, bound in self._in_every_form(lane, inputs):
            before = merged.get(label)
            if before is None or bound.radius > before.radius:
                merged[label] = bound
        seen: dict[Label, float] = {}
        for slot in lane.step.slots[len(lane.columns) :]:
            name, place = slot
            if name not in self.visible:
                continue
            row = self.visible[name][t - 1]
            where = "" if place is None else f", coordinate {lane.columns[place]}"
            observed = float(row if place is None else row[lane.columns[place]])
            seen[slot] = observed
            bound = merged[slot]
            yield Check(
                t, f"{name}{where}", observed, bound.value, bound.radius, eta_of(observed, bound)
            )
            self._resolve(bound)
        for index, column in enumerate(lane.columns):
            bound = merged["x", index]
            observed = float(self.seen.points[t, column])
            yield Check(
                t, f"x, coordinate {column}", observed, bound.value, bound.radius,
                eta_of(observed, bound),
            )  # fmt: skip
            self._resolve(bound)
        lane.memory = {
            slot: Input(seen[slot])
            if slot in seen
            else Input(merged[slot].value, merged[slot].radius)
            for slot in lane.step.slots[len(lane.columns) :]
        }

    def _resolve(self, bound: Bounded) -> None:
        """The relative change of each hyperparameter that this number would have shown."""
        for name, value in self.hyper.items():
            slope = bound.sensitivity.get(("hyper", name))
            if slope is None or not bound.radius.is_finite():
                continue
            effect = abs(slope.mid()) * abs(float(value)) if value else abs(slope.mid())
            size = float((bound.radius / effect).mid()) if effect > 0 else math.inf
            self.resolution[name] = min(self.resolution.get(name, math.inf), size)


def eta_of(observed: float, bound: Bounded) -> float:
    """Deviation over bound, rounded up; 0 where the bound is infinite (nothing is claimed)."""
    from flint import arb

    if not bound.radius.is_finite() or not bound.value.is_finite():
        return 0.0
    if not math.isfinite(observed):
        return math.inf
    deviation = abs(arb(observed) - bound.value).upper()
    if deviation <= arb(2) ** (-PRECISION + 8) * abs(bound.value).upper():
        return 0.0  # the exact value itself, up to the radius of its ball
    if bound.radius == 0:
        return math.inf
    return float((deviation / bound.radius).upper())
