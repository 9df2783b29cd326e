"""A dispute: two formulas for one name, and what decides between them.

A dispute names two rules and where people argue about them. It is settled by :func:`settle`: are
they one rule at the same hyperparameters; if not, by which formula do they first differ, and does a
map of the hyperparameters make them one; and in a run, how far apart are they after so many steps,
and from which step on do float64 and float32 show it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Symbol

from symopt.errors import InputError, SymoptError
from symopt.execution import arithmetic as numbers
from symopt.execution.run import run
from symopt.statement.library import objectives, rules
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import t
from symopt.verification.prove import prove
from symopt.verification.siblings import specialized
from symopt.verification.verdict import Verdict

__all__ = ["Departure", "Dispute", "Settled", "settle"]

#: After which steps the distance of the two runs is told.
STEPS = (1, 2, 10, 100)


@dataclass(frozen=True)
class Dispute:
    """Two rules that share a name, and where people argue about them.

    Attributes
    ----------
    title, question
        What it is about, in a few words and in a sentence.
    threads
        Where it is argued, as ``owner/repository#number``.
    first, second
        Names, or rules.
    matters
        When the difference matters, and what follows for whoever must choose.
    values
        Hyperparameters that are put into both rules before their formulas are compared, where the
        formula is unreadable otherwise.
    setting
        Hyperparameters of the run, beyond the first rule's defaults: text for exact decimals.
    objective
        What the two rules are run on.
    """

    title: str
    question: str
    threads: tuple[str, ...]
    first: Rule | str
    second: Rule | str
    matters: str
    values: Mapping[str, str] = field(default_factory=dict)
    setting: Mapping[str, str] = field(default_factory=dict)
    objective: Objective | str = "elongated_bowl"


@dataclass(frozen=True)
class Departure:
    """How far apart two runs are after a step, enclosed by balls.

    ``moved`` is how far the first of them is from the start by then. Where the runs are one, the
    ball of the distance holds 0.
    """

    step: int
    distance: Any
    moved: Any


@dataclass(frozen=True)
class Settled:
    """A dispute with what decides it.

    ``same`` compares the rules at the same hyperparameters, ``mapped`` at hyperparameters that
    may be expressions of each other's (``None`` where that is not needed). ``shows`` gives, per
    float format, the first step at which the two runs differ in at least one bit, or ``None`` if
    that is at none of the steps run.
    """

    dispute: Dispute
    first: Rule
    second: Rule
    same: Verdict
    mapped: Verdict | None
    departures: tuple[Departure, ...]
    shows: Mapping[str, int | None]
    reason: str = ""

    @property
    def outcome(self) -> str:
        """What came out, in two or three words.

        ``"one rule"``; ``"one rule, bounded"`` where hyperparameters meet conditions that the
        defaults meet; ``"one rule, mapped"`` with other values of the hyperparameters; ``"one
        rule, scheduled"`` where they must change from step to step; ``"a special case"`` where
        one of them is the other with a hyperparameter held fixed; ``"two rules"``; or
        ``"undecided"``.
        """
        if self.same.status == "proved":
            return "one rule"
        if self.mapped is not None and self.mapped.conditions:
            return "one rule, bounded"
        if self.mapped is not None:
            values = self.mapped.map.values()
            if any(t in value.free_symbols for value in values):
                return "one rule, scheduled"
            if any(value.is_number for value in values):
                return "a special case"
            return "one rule, mapped"
        return "two rules" if self.same.status == "refuted" else "undecided"


def settle(dispute: Dispute, steps: Sequence[int] = STEPS) -> Settled:
    """Decide a dispute by proof, and show it in numbers.

    Raises :class:`~symopt.errors.UnknownNameError` for a name that no rule has, and
    :class:`~symopt.errors.InputError` for a setting that neither rule has.

    >>> found = settle(Dispute("Decay", "Inside the step or before it?", (), "adamw",
    ...                        "adamw_optax", "Never."), steps=(1, 10))
    >>> found.outcome, [departure.step for departure in found.departures]
    ('one rule', [1, 10])
    """
    first, second = (rules.resolve(rule) for rule in (dispute.first, dispute.second))
    known = {entry.name for rule in (first, second) for entry in rule.parameters}
    for name in (*dispute.values, *dispute.setting):
        if name not in known:
            raise InputError(
                f"dispute {dispute.title!r}: neither {first.name} nor {second.name} has a "
                f"hyperparameter {name!r}; they have {', '.join(sorted(known))}"
            )
    pair = [_valued(rule, dispute.values) for rule in (first, second)]
    same = prove(*pair, maps=False)
    mapped = None if same.status == "proved" else prove(first, second)
    if mapped is not None and mapped.status != "proved":
        mapped = None
    departures, reason = _departures(dispute, first, second, steps)
    shows = {form: _shows(dispute, first, second, form, max(steps)) for form in _FORMATS}
    return Settled(dispute, first, second, same, mapped, departures, shows, reason)


_FORMATS = ("float64", "float32")


def _valued(rule: Rule, values: Mapping[str, str]) -> Rule:
    """The rule with some of its hyperparameters put in as numbers."""
    own = {entry.name: entry.symbol for entry in rule.parameters}
    chosen: dict[Symbol, Any] = {
        own[name]: rational(exact(text, name)) for name, text in values.items() if name in own
    }
    return (specialized(rule, chosen) if chosen else None) or rule


def _settings(dispute: Dispute, first: Rule, second: Rule) -> list[dict[str, Any]]:
    """The hyperparameters of the two runs: the first rule's, wherever the second has them too."""
    wanted: dict[str, Any] = {
        entry.name: entry.default
        if entry.is_schedule
        else Fraction(int(entry.default.p), int(entry.default.q))
        for entry in first.parameters
    }
    wanted |= {**dispute.values, **dispute.setting}
    return [
        {entry.name: wanted[entry.name] for entry in rule.parameters if entry.name in wanted}
        for rule in (first, second)
    ]


def _departures(
    dispute: Dispute, first: Rule, second: Rule, steps: Sequence[int]
) -> tuple[tuple[Departure, ...], str]:
    objective = objectives.resolve(dispute.objective)
    settings = _settings(dispute, first, second)
    try:
        paths = [
            run(rule, objective, steps=max(steps), arithmetic="ball", **values)
            for rule, values in zip((first, second), settings, strict=True)
        ]
    except SymoptError as error:
        return (), str(error)
    found = []
    with numbers.precision(max(path.precision or 0 for path in paths)):
        for step in steps:
            one, other = (path.x[step] for path in paths)
            found.append(Departure(step, _distance(one, other), _distance(one, paths[0].x[0])))
    return tuple(found), ""


def _distance(one: Sequence[Any], other: Sequence[Any]) -> Any:
    from flint import arb

    gaps = [a - b for a, b in zip(one, other, strict=True)]
    squares = sum((gap**2 for gap in gaps), arb(0))
    if squares.contains(0):
        # The root of a ball that holds 0 is nan; the sum of the sizes encloses it as well.
        return sum(map(abs, gaps), arb(0))
    return squares.sqrt()


def _shows(dispute: Dispute, first: Rule, second: Rule, form: str, steps: int) -> int | None:
    objective = objectives.resolve(dispute.objective)
    settings = _settings(dispute, first, second)
    with np.errstate(all="ignore"):
        one, other = (
            run(rule, objective, steps=steps, arithmetic=form, **values).x
            for rule, values in zip((first, second), settings, strict=True)
        )
    differs = (one != other).any(axis=1)
    return int(differs.argmax()) if differs.any() else None
