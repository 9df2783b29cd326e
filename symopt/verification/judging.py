"""What runs say about a rule: replays with bounds on rounding, in every way of computing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.program.graph import Program
from symopt.statement.rule import Rule
from symopt.verification.driving import Driven
from symopt.verification.implementation import Implementation, Observation
from symopt.verification.probe import Probe
from symopt.verification.replay import FAMILIES, Replay, first_state, profiles, replay
from symopt.verification.rounding import Profile
from symopt.verification.siblings import siblings
from symopt.verification.verdict import Verdict
from symopt.verification.visible import Visible, agreement, matched
from symopt.verification.witness import Witness, minimal_witness

__all__ = ["Setting", "on_probe"]

#: Equality of rules that are not linear is proved for at most this many steps.
_PROVED_STEPS = 24


def on_probe(code: Implementation, probe: Probe) -> Observation:
    """What an implementation does on a probe."""
    rows = [[float(value) for value in row] for row in probe.gradients]
    return code.observe([float(value) for value in probe.start], rows)


@dataclass(frozen=True)
class _Way:
    """A way of computing: a rule, or one proved equal to it, in a profile and family of forms."""

    rule: Rule
    profile: Profile
    prefix: str
    family: str


class Setting:
    """A rule with the values that the code received."""

    def __init__(
        self,
        rule: Rule,
        fixed: dict[str, Fraction],
        schedules: tuple[tuple[Symbol, Expr], ...],
        form: str,
    ) -> None:
        self.rule, self.fixed, self.schedules, self.form = rule, fixed, schedules, form

    def decide(self, code: Implementation, driven: Driven, state: bool) -> Verdict:
        """The verdict on repeatable runs; another format is tried where all points are in it."""
        verdict, way = self._judged(code, list(driven.runs))
        if driven.repeatable and verdict.status in ("consistent", "refuted"):
            verdict = self._with_state(code, verdict, way, driven, state)
        if not driven.repeatable:
            if verdict:
                note = "two runs from the same start differ, by no more than rounding explains"
                return replace(verdict, assumed=(*verdict.assumed, note))
            reason = (
                "stochastic, or state is kept between runs: two runs from the same start differ"
            )
            return replace(verdict, status="undecided", reason=reason)
        if verdict.status == "refuted" and self.form == "float64" and driven.is_single:
            single = Setting(self.rule, self.fixed, self.schedules, "float32")
            narrow = single.judge(code, list(driven.runs))
            if narrow:
                note = "it computes in float32: every point that it reports is a float32 number"
                return replace(narrow, assumed=(*narrow.assumed, note))
        return verdict

    def witness(self, code: Implementation, probe: Probe) -> Witness | None:
        """The smallest experiment that refutes."""

        def judge(smaller: Probe) -> tuple[Verdict, Observation]:
            seen = on_probe(code, smaller)
            return self.judge(code, [(smaller.name, seen)]), seen

        return minimal_witness(judge, probe, self.rule, self.fixed, self.form)

    def judge(self, code: Implementation, runs: list[tuple[str, Observation]]) -> Verdict:
        """Consistent if one profile and family explains all runs; else refuted or undecided."""
        return self._judged(code, runs)[0]

    def _judged(
        self, code: Implementation, runs: list[tuple[str, Observation]]
    ) -> tuple[Verdict, _Way]:
        """The verdict on points, and the way of computing that explains most."""
        runs = list(runs)
        best: tuple[float, _Way] | None = None
        unbounded: tuple[_Way, list[tuple[str, Replay]]] | None = None
        powers = opaque_step(self.rule, 1 if is_elementwise(self.rule) else 2).program.has("pow")
        formats = profiles(self.form, code.profiles, powers)
        for prefix, rule in self._equals(max(run.steps for _, run in runs)):
            for family, profile in product(FAMILIES, formats):
                replays = self._replays(rule, runs, profile, family)
                worst = max(result.eta for _, result in replays)
                if worst > 1:
                    # The probe that refutes goes first from now on: the others wait for it.
                    runs.sort(key=lambda run: run[0] != replays[-1][0])
                way = _Way(rule, profile, prefix, family)
                if best is None or worst < best[0]:
                    best = (worst, way)
                if worst > 1:
                    continue
                if all(result.unbounded is None for _, result in replays):
                    return self._verdict(code, way, replays), way
                unbounded = unbounded or (way, replays)  # another may still explain all of it
        if unbounded is not None:
            return self._verdict(code, *unbounded), unbounded[0]
        assert best is not None
        way = best[1]
        replays = self._replays(way.rule, runs, way.profile, way.family, every=True)
        return self._verdict(code, way, replays), way

    def _with_state(
        self, code: Implementation, verdict: Verdict, way: _Way, driven: Driven, strict: bool
    ) -> Verdict:
        """The verdict with what the visible state adds to it."""
        seen: dict[str, Visible] = {}
        runs = [run for run in driven.runs if verdict or run[0] == verdict.probe]
        for name, run in runs:
            if run.state:
                first = first_state(
                    way.rule, run, self.fixed, self.schedules, way.profile, way.family
                )
                found = matched(run, first, by_name=not verdict)
                if found is not None:
                    seen[name] = found
        if not seen:
            return verdict
        other = sorted({name for found in seen.values() for name in found.other})
        notes = [f"visible state that is none of the rule's, not compared: {', '.join(other)}"]
        replays: list[tuple[str, Replay]] = []
        used = way
        if any(found.arrays for found in seen.values()):
            used, replays = self._from_state(code, verdict, way, runs, seen)
            texts = [agreement(seen[name], result) for name, result in replays if name in seen]
            notes = [*dict.fromkeys(filter(None, texts)), *(notes if other else [])]
        etas = [result.eta for _, result in replays]
        departed = bool(etas) and max(etas) > 1
        bounded = all(result.unbounded is None for _, result in replays)
        if replays and ((verdict and not departed and bounded) or (strict and departed)):
            verdict = self._verdict(code, used, replays)
        elif verdict and departed:
            notes = [f"{note}; points alone decided" for note in notes]
        if not verdict:
            return replace(verdict, reason="; ".join([verdict.reason, *notes]))
        return replace(verdict, assumed=(*verdict.assumed, *notes))

    def _from_state(
        self,
        code: Implementation,
        verdict: Verdict,
        way: _Way,
        runs: list[tuple[str, Observation]],
        seen: Mapping[str, Visible],
    ) -> tuple[_Way, list[tuple[str, Replay]]]:
        """Replays that restart from the visible state, in the first way that explains them."""
        ways = [way]
        if verdict:  # restarted, bounds are tighter: another way may be the one that explains all
            formats = profiles(self.form, code.profiles, True)
            every = [_Way(way.rule, p, way.prefix, f) for f, p in product(FAMILIES, formats)]
            ways += [other for other in every if other != way]
        tried: list[tuple[_Way, list[tuple[str, Replay]]]] = []
        for one in ways:
            replays = [
                (name, replay(one.rule, run, self.fixed, self.schedules, one.profile, one.family,
                              seen[name].arrays if name in seen else None))
                for name, run in runs
            ]  # fmt: skip
            tried.append((one, replays))
            if max(result.eta for _, result in replays) <= 1:
                return tried[-1]
        return tried[0]

    def _replays(
        self,
        rule: Rule,
        runs: list[tuple[str, Observation]],
        profile: Profile,
        family: str,
        every: bool = False,
    ) -> list[tuple[str, Replay]]:
        """The replays of all runs; without ``every``, up to the first that refutes."""
        replays: list[tuple[str, Replay]] = []
        for name, run in runs:
            result = replay(rule, run, self.fixed, self.schedules, profile, family)
            replays.append((name, result))
            if result.eta > 1 and not every:
                break
        return replays

    def _equals(self, steps: int) -> Iterator[tuple[str, Rule]]:
        """The rule as stated, then the rules of the catalogue that are proved equal to it.

        Their hidden state rounds in other places, as that of somebody's code may.
        """
        yield "", self.rule
        if self.schedules:
            return  # equality is proved for constant hyperparameters
        special = tuple((k, v) for k, v in sorted(self.fixed.items()) if v in (0, 1))
        length = steps if steps <= _PROVED_STEPS else 8
        seen: set[Program] = set()
        for sibling in siblings(self.rule, length, special):
            program = opaque_step(sibling.rule, 1 if is_elementwise(sibling.rule) else 2).program
            if program not in seen and (sibling.always or sibling.steps >= steps):
                seen.add(program)
                yield f"as its equal, {sibling}; ", sibling.rule

    def _verdict(
        self, code: Implementation, way: _Way, replays: list[tuple[str, Replay]]
    ) -> Verdict:
        name, worst = max(replays, key=lambda pair: pair[1].eta)
        resolution: dict[str, float] = {}
        for _, result in replays:
            for key, value in result.resolution.items():
                resolution[key] = min(value, resolution.get(key, value))
        common: dict[str, Any] = {
            "implementation": code.name,
            "rule": self.rule.name,
            "profile": way.profile.name,
            "family": way.prefix + way.family,
            "resolution": resolution,
            "assumed": (
                "rounding to nearest, correctly rounded + - * / and roots, no flush-to-zero",
                "hyperparameters as received: "
                + ", ".join(f"{key} = {float(value)!r}" for key, value in self.fixed.items()),
                *([code.note] if code.note else []),
            ),
            "checks": tuple(check for _, result in replays for check in result.checks),
            "probe": name,
        }
        refuted = worst.first_refuted
        if refuted is not None:
            return Verdict(
                "refuted", eta=refuted.eta, step=refuted.step, quantity=refuted.quantity,
                expected=refuted.expected, observed=refuted.observed,
                reason=f"on the probe {name!r} no evaluation order of {self.rule.name} explains it",
                **common,
            )  # fmt: skip
        for label, result in replays:
            unbounded = result.unbounded
            if unbounded is not None:
                return Verdict(
                    "undecided", step=unbounded.step, quantity=unbounded.quantity,
                    observed=unbounded.observed, expected=unbounded.expected,
                    reason=f"on {label!r}, step {unbounded.step}, rounding cannot be bounded: a "
                    "divisor or a branch is undecided there", **common,
                )  # fmt: skip
        top = max(worst.checks, key=lambda check: check.eta, default=None)
        return Verdict(
            "consistent", eta=worst.eta, step=top.step if top else None,
            quantity=top.quantity if top else "", expected=top.expected if top else None,
            observed=top.observed if top else None, **common,
        )  # fmt: skip
