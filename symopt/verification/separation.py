"""Which probes tell a rule from its rivals: chosen, with what none of them can tell apart.

A rival is run in floats as if it were somebody's code, and held against the rule on a probe: the
probe separates the two where rounding cannot explain the rival, in the given format. Rivals are
the rule's single-edit mutants and its family in the catalogue, or what is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import SymoptError
from symopt.statement.library import rules
from symopt.statement.numbers import rational, received
from symopt.statement.rule import Rule
from symopt.verification.mutants import mutants
from symopt.verification.probe import Probe, further_probes, long_probe, standard_probes
from symopt.verification.siblings import proved_same_points, specialized
from symopt.verification.stated import implementation_of
from symopt.verification.verify import verify

__all__ = ["Inseparable", "Separation", "choose_probes", "family_of", "rivals_of"]

#: Equality of the points is proved for so many steps.
_STEPS = 8
#: Seeds of long probes that are tried for a rival that the pool does not separate.
_SEEDS = 60


@dataclass(frozen=True)
class Inseparable:
    """A rival that no probe tells from the rule, and why."""

    rival: Rule
    reason: str


@dataclass(frozen=True)
class Separation:
    """Probes that tell a rule from its rivals in one format.

    ``separated`` gives, for each rival, the probe that tells it apart, and by how much: the
    deviation over what rounding can explain.
    """

    rule: Rule
    format: str
    probes: tuple[Probe, ...]
    separated: tuple[tuple[Rule, str, float], ...]
    inseparable: tuple[Inseparable, ...]

    def __str__(self) -> str:
        names = ", ".join(f"{probe.name} ({probe.steps} steps)" for probe in self.probes)
        lines = [
            f"{self.rule.name} in {self.format}: {len(self.separated)} rivals told apart by {names}"
        ]
        lines += [f"  not {pair.rival.title}: {pair.reason}" for pair in self.inseparable]
        return "\n".join(lines)


def family_of(rule: Rule) -> tuple[Rule, ...]:
    """The other rules of the catalogue in a rule's family."""
    home = rule.family or rule.name
    members = (rules[name] for name in rules)
    return tuple(other for other in members if other.family == home and other != rule)


def rivals_of(rule: Rule) -> tuple[Rule, ...]:
    """The mutants of a rule, then its family."""
    return (*(mutant.rule for mutant in mutants(rule)), *family_of(rule))


def choose_probes(
    rule: Rule | str,
    rivals: Iterable[Rule | str] | None = None,
    dtype: str = "float64",
    pool: Sequence[Probe] | None = None,
    **hyper: Any,
) -> Separation:
    """The probes of a pool that are needed to tell a rule from its rivals.

    A probe is taken if it separates a rival that those before it do not; without a ``pool``, one is
    searched for where the pool does not suffice. ``rivals`` are the
    rule's mutants and its family by default, ``pool`` the standard probes and the further ones.
    A rival's own hyperparameters that the rule does not have keep their defaults.

    >>> found = choose_probes("momentum", ["nesterov_keras", "momentum_ema", "momentum_buffer"])
    >>> print(found)
    momentum in float64: 2 rivals told apart by small (8 steps)
      not Momentum, buffer form: proved to walk through the same points
    """
    the_rule = rules.resolve(rule)
    for name in hyper:
        the_rule.parameter(name)
    epsilon = the_rule.parameter("epsilon").default if _has(the_rule, "epsilon") else None
    level = received(hyper["epsilon"], "epsilon") if "epsilon" in hyper else _fraction(epsilon)
    candidates = tuple(pool) if pool is not None else _pool(level)
    given = rivals_of(the_rule) if rivals is None else [rules.resolve(one) for one in rivals]
    taken: list[Probe] = []
    separated: list[tuple[Rule, str, float]] = []
    left: list[Inseparable] = []
    for rival in given:
        reason = ""
        order = [*taken, *[probe for probe in candidates if probe not in taken]]
        for probe in order:
            eta, reason = _told_apart(the_rule, rival, probe, dtype, hyper)
            if not reason:
                separated.append((rival, probe.name, eta))
                if probe not in taken:
                    taken.append(probe)
                break
            if probe is order[0] and (why := _equal(the_rule, rival, hyper)):
                reason = why
                break
        if reason and pool is None and not reason.startswith("proved"):
            for probe in _searched(the_rule, rival, hyper):
                eta, still = _told_apart(the_rule, rival, probe, dtype, hyper)
                if not still:
                    separated.append((rival, probe.name, eta))
                    taken.append(probe)
                    reason = ""
        if reason:
            left.append(Inseparable(rival, reason))
    return Separation(the_rule, dtype, tuple(taken), tuple(separated), tuple(left))


def _pool(epsilon: Fraction | None) -> tuple[Probe, ...]:
    unit, small, spread = standard_probes(epsilon)
    return (small, spread, unit, *further_probes())


def _searched(rule: Rule, rival: Rule, hyper: dict[str, Any]) -> list[Probe]:
    """A probe on which the two part in floats, found among seeds; empty if none does."""
    for seed in range(7, _SEEDS):
        probe = long_probe(seed)
        rows = [[float(value) for value in row] for row in probe.gradients]
        start = [float(value) for value in probe.start]
        try:
            first, second = [
                implementation_of(one, **_values(rule, one, hyper)).observe(start, rows).points
                for one in (rule, rival)
            ]
        except SymoptError:
            return []
        if not np.allclose(first, second, rtol=1e-6, atol=0, equal_nan=True):
            return [probe]
    return []


def _values(rule: Rule, other: Rule, hyper: dict[str, Any]) -> dict[str, Any]:
    """What a rival receives: the rule's values for the hyperparameters that they share."""
    defaults = {p.name: float(p.default) for p in rule.parameters if not p.is_schedule}
    return {name: value for name, value in {**defaults, **hyper}.items() if _has(other, name)}


def _has(rule: Rule, name: str) -> bool:
    return any(entry.name == name for entry in rule.parameters)


def _fraction(value: Any) -> Fraction | None:
    return None if value is None else Fraction(int(value.p), int(value.q))


def _told_apart(
    rule: Rule, rival: Rule, probe: Probe, dtype: str, hyper: dict[str, Any]
) -> tuple[float, str]:
    """By how much the probe separates the two, or why it does not."""
    try:
        code = implementation_of(rival, dtype, **_values(rule, rival, hyper))
        verdict = verify(code, rule, probes=[probe], proof=False, **hyper)
    except SymoptError as error:
        return 0.0, f"cannot be run: {error}"
    if verdict.status == "refuted":
        return verdict.eta, ""
    if verdict.status == "undecided":
        return 0.0, verdict.reason
    return verdict.eta, f"no probe of the pool shows more than rounding in {dtype}"


def _equal(rule: Rule, rival: Rule, hyper: dict[str, Any]) -> str:
    """Why the two are one rule at these hyperparameters, if that is proved."""
    if proved_same_points(rule, rival, _STEPS):
        return "proved to walk through the same points"
    bound = rule.bind(hyper, received)
    special = {symbol: value for symbol, value in bound.items() if value in (0, 1)}
    if not special:
        return ""
    first = specialized(rule, special)
    second = specialized(rival, {symbol: rational(v) for symbol, v in special.items()})
    if first is None or second is None or not proved_same_points(first, second, _STEPS):
        return ""
    named = ", ".join(f"{symbol} = {value}" for symbol, value in special.items())
    return f"proved to walk through the same points at {named}"
