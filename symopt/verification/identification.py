"""What :func:`symopt.identify` finds: matches, the nearest rule, and departures, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symopt.statement.library import rules
from symopt.verification.departures import Departure
from symopt.verification.siblings import Sibling
from symopt.verification.verdict import Verdict

__all__ = ["Identification", "Match"]

#: Print at most so many ways in which rivals depart.
_SHOWN = 8


@dataclass(frozen=True)
class Match:
    """A rule that an implementation is consistent with, or, if none is, the nearest one.

    Attributes
    ----------
    rule, title
        Its name in the catalogue, and what it is called in print.
    hyperparameters
        The exact values that were verified; ``given``, ``inferred`` and ``unresolved`` (no effect
        on the probes, so the default stands) name where each is from.
    verdict
        What :func:`symopt.verify` says about it.
    equals
        The other rules that are proved to walk through the same points.
    share
        The share of points that the rule, evaluated as stated in binary64, meets bit for bit.
    """

    rule: str
    title: str
    hyperparameters: Mapping[str, Fraction]
    verdict: Verdict
    equals: tuple[Sibling, ...] = ()
    given: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    share: float = 0.0

    @property
    def map(self) -> str:
        """Which rules this equals, and with which hyperparameters."""
        plain = [sibling for sibling in self.equals if not sibling.text]
        groups = [[sibling] for sibling in self.equals if sibling.text]
        texts = []
        for group in ([plain] if plain else []) + groups:
            names = "; ".join(sibling.title for sibling in group)
            with_map = f" with {group[0].text}" if group[0].text else ""
            texts.append(f"equals {names}{with_map} ({group[0].proof})")
        return "\n".join(texts)

    @property
    def defect(self) -> str:
        """In what the rule departs from its source, where it is stated because it is wrong."""
        return rules[self.rule].defect

    @property
    def settings(self) -> str:
        """The hyperparameters in a line."""
        return ", ".join(f"{name} = {float(v)!r}" for name, v in self.hyperparameters.items())


@dataclass(frozen=True)
class Identification:
    """Which stated rules an implementation is.

    Attributes
    ----------
    implementation
        Its name.
    matches
        The rules that it is consistent with, the likeliest first. Rules that are proved equal
        count once; see :attr:`Match.equals`.
    nearest
        Where nothing matches: the rule that comes nearest, with the verdict that says at which
        step and in which quantity it departs.
    departures
        For each rival of the first match, where it parts from it.
    notes
        What else a reader must know.

    >>> import symopt
    >>> code = symopt.Implementation.from_step(lambda x, g, state: (x - g / 2, state))
    >>> symopt.identify(code, eta=0.5).matches[0].rule
    'gradient_descent'
    """

    implementation: str
    matches: tuple[Match, ...] = ()
    nearest: Match | None = None
    departures: tuple[Departure, ...] = ()
    notes: tuple[str, ...] = ()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def __bool__(self) -> bool:
        return bool(self.matches)

    def __str__(self) -> str:
        lines = []
        for position, match in enumerate(self.matches):
            lead = f"{self.implementation} is" if not position else "  or, as far as probes show,"
            lines += [f"{lead} {match.title} ({match.rule}): {match.settings}", *_details(match)]
            if not position:
                lines += _parted(self.departures)
        if not self.matches:
            lines.append(f"{self.implementation} is none of the stated rules")
        if self.nearest is not None:
            nearest = self.nearest
            lines.append(f"  nearest: {nearest.title} ({nearest.rule}): {nearest.settings}")
            lines += ["  " + line for line in str(nearest.verdict).splitlines()[1:3]]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def _parted(departures: Iterable[Departure]) -> list[str]:
    """Rivals that part in one and the same way in one line."""
    groups: dict[str, list[str]] = {}
    for entry in departures:
        groups.setdefault(entry.amount, []).append(entry.title)
    lines = [f"  departs from {'; '.join(t)} {amount}" for amount, t in groups.items()]
    rest = len(lines) - _SHOWN
    return lines if rest <= 0 else [*lines[:_SHOWN], f"  and from others in {rest} more ways"]


def _details(match: Match) -> list[str]:
    verdict = match.verdict
    lines = [f"  {verdict.status}: eta = {verdict.eta:.3g}; {verdict.profile}; {verdict.family}"]
    if match.defect:
        lines.append(f"  a known defect: {match.defect}")
    for what, names in (
        ("given", match.given), ("inferred", match.inferred),
        ("not resolved by the probes, default shown", match.unresolved),
    ):  # fmt: skip
        if names:
            lines.append(f"  {what}: {', '.join(names)}")
    return [*lines, *(f"  {line}" for line in match.map.splitlines())]
