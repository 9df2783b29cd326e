"""``symopt.identify``: which stated rule is this code?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import UnknownNameError, did_you_mean
from symopt.statement.library import rules
from symopt.statement.numbers import received
from symopt.statement.rule import Rule
from symopt.verification.adapting import as_implementation
from symopt.verification.departures import Departure, departure
from symopt.verification.identification import Identification, Match
from symopt.verification.implementation import Implementation, ImplementationError
from symopt.verification.inference import (
    ROUNDOFF,
    Fit,
    Record,
    fit,
    has_neutral,
    inference_probes,
    record,
)
from symopt.verification.probe import standard_probes
from symopt.verification.siblings import Sibling, siblings
from symopt.verification.stepping import float_rule
from symopt.verification.verdict import Verdict
from symopt.verification.verify import verify

__all__ = ["Identification", "Match", "identify"]

#: A rule whose fitted steps are off by more than this, relatively, is not replayed exactly.
_ROUGH = 1e-3
#: At most so many rules are replayed.
_REPLAYED = 16
_DECAYS = ("mu", "beta", "beta1", "rho")


def identify(implementation: Any, **hyper: Any) -> Identification:
    """Find the stated rules that an implementation follows.

    Every rule of the catalogue is fitted to runs on probes, and what fits is verified by exact
    replay like any claim. Hyperparameters may be given; those that are not are inferred.

    Parameters
    ----------
    implementation
        What :func:`symopt.verify` takes.
    hyper
        Hyperparameters that the code was given, by the catalogue's names.

    Raises :class:`~symopt.errors.UnknownNameError` for a hyperparameter that no rule has.

    >>> def walk(grad, x, steps):
    ...     b = 0.0
    ...     for _ in range(steps):
    ...         b = 0.9 * b + grad(x)
    ...         x = x - 0.05 * b
    ...         yield x
    >>> found = identify(walk)
    >>> found.matches[0].rule, found.matches[0].settings
    ('momentum_buffer', 'eta = 0.05, mu = 0.9')
    """
    code = as_implementation(implementation)
    given = _given(hyper)
    try:
        records = _records(code)
    except ImplementationError as error:
        return Identification(code.name, notes=(f"undecided: the implementation failed: {error}",))
    first = [rule for rule in rules.values() if set(given) <= {e.name for e in rule.parameters}]
    search = _Search(code, records)
    matches = search.matches(first, given)
    notes: list[str] = []
    if not matches:
        odd = [rule for rule in first if has_neutral(rule)]
        matches = search.matches(odd, given, free_all=True)
    if not matches and given:
        matches = search.matches(rules.values(), {})
        if matches:
            notes.append(
                "with the given hyperparameters no rule fits; all of them are inferred here"
            )
    if not matches:
        notes += [f"undecided against {name}: {why}" for name, why in search.undecided.items()]
        return Identification(code.name, (), search.nearest(), (), tuple(notes))
    matches[0] = _proved(code, matches[0])
    return Identification(code.name, tuple(matches), None, _rivals(matches[0]), tuple(notes))


def _proved(code: Implementation, match: Match) -> Match:
    """The match with a proof, where the code can be read; else as the runs left it."""
    settings: dict[str, Any] = dict(match.hyperparameters)
    verdict = verify(code, match.rule, **settings)
    return replace(match, verdict=verdict) if verdict.status == "proved" else match


def _given(hyper: Mapping[str, Any]) -> dict[str, Fraction]:
    known = {entry.name for rule in rules.values() for entry in rule.parameters}
    for name in hyper:
        if name not in known:
            raise UnknownNameError(
                f"no rule has a hyperparameter {name!r}.{did_you_mean(name, sorted(known))}"
            )
    return {name: received(value, name) for name, value in hyper.items()}


def _records(code: Implementation) -> list[Record]:
    """Runs on the inferring probes; on those of two coordinates if it cannot take six."""
    if code.training is not None:
        from symopt.verification.training import record_training

        return [record_training(code)]
    try:
        return [record(code, probe) for probe in inference_probes()]
    except ImplementationError:
        return [record(code, probe) for probe in inference_probes(2)]


class _Search:
    """Fits first, in binary64; then exact replays of what fits."""

    def __init__(self, code: Implementation, records: Sequence[Record]) -> None:
        self.code, self.records = code, records
        self.fits: dict[str, Fit] = {}
        self.undecided: dict[str, str] = {}
        # A rule that follows the run differs from it by little more than rounding.
        self._close = 1e5 * ROUNDOFF[code.format]

    def matches(
        self, candidates: Iterable[Rule], given: Mapping[str, Fraction], *, free_all: bool = False
    ) -> list[Match]:
        fits = {rule.name: fit(rule, self.records, given, free_all=free_all) for rule in candidates}
        for name, fitted in fits.items():
            if name not in self.fits or fitted.misfit < self.fits[name].misfit:
                self.fits[name] = fitted
        shares = {name: self._share(f) for name, f in fits.items() if f.misfit < _ROUGH}
        found: list[Match] = []
        equal: set[str] = set()
        replayed = 0
        for name in sorted(shares, key=lambda name: self._rank(fits[name], shares[name])):
            fitted = fits[name]
            beaten = found and (_is_special(fitted) or fitted.misfit > self._close)
            if name in equal or replayed >= _REPLAYED or beaten:
                continue
            replayed += 1
            values, verdict = self._verified(fitted)
            if verdict.status == "undecided":
                self.undecided[name] = verdict.reason
            if verdict:
                special = tuple((k, v) for k, v in sorted(values.items()) if v in (0, 1))
                others = siblings(fitted.rule, 8, special)
                equal |= {sibling.name for sibling in others}
                shown = tuple(s for s in others if not s.is_degenerate)
                found.append(self._match(fitted, values, verdict, shown))
        return found

    def _match(
        self,
        fitted: Fit,
        values: Mapping[str, Fraction],
        verdict: Verdict,
        equals: tuple[Sibling, ...] = (),
    ) -> Match:
        return Match(
            fitted.rule.name, fitted.rule.title, values, verdict, equals, fitted.given,
            fitted.inferred, fitted.unresolved, self._share(fitted),
        )  # fmt: skip

    def _verified(self, fitted: Fit) -> tuple[Mapping[str, Fraction], Verdict]:
        verdict = self._verdict(fitted.rule, fitted.values)
        exact = fitted.unrounded
        if not verdict and exact is not None and exact != fitted.values:
            again = self._verdict(fitted.rule, exact)
            if again:
                return exact, again
        return fitted.values, verdict

    def _verdict(self, rule: Rule, values: Mapping[str, Fraction]) -> Verdict:
        outside = [e.name for e in rule.parameters if _outside(e, values[e.name])]
        if outside:
            reason = f"{', '.join(outside)} would be outside of its domain"
            return Verdict("undecided", self.code.name, rule.name, reason=reason)
        settings: dict[str, Any] = dict(values)
        return verify(self.code, rule, proof=False, **settings)

    def _share(self, fitted: Fit) -> float:
        """The share of points that the rule as stated meets bit for bit."""
        values = {name: float(value) for name, value in fitted.values.items()}
        hits: list[Any] = []
        for run in self.records:
            rule = float_rule(fitted.rule, run.points.shape[1])
            path = rule.run(run.points, run.gradients, lambda t: values)
            hits.append((path.points[:, 0] == run.points[1:]).ravel())
        return float(np.mean(np.concatenate(hits)))

    def _rank(self, fitted: Fit, share: float) -> tuple[Any, ...]:
        unseen = [name for name in fitted.unresolved if name not in ("gamma", "tau", "kappa")]
        order = list(rules)
        place = order.index(fitted.rule.name) if fitted.rule.name in order else len(order)
        coarse = fitted.misfit > 1e-6
        digits = sum(_digits(fitted.values[name]) for name in fitted.inferred)
        return (
            len(unseen), coarse, _is_special(fitted), -round(share, 2), digits,
            len(fitted.values), place,
        )  # fmt: skip

    def nearest(self) -> Match | None:
        """The rule with the least misfit, and where it departs."""
        if not self.fits:
            return None
        best = sorted(self.fits.values(), key=lambda fitted: fitted.misfit)[:3]
        judged = [(fitted, *self._verified(fitted)) for fitted in best]
        fitted, values, verdict = max(judged, key=lambda entry: entry[2].step or 0)
        return self._match(fitted, values, verdict)


def _outside(entry: Any, value: Fraction) -> bool:
    from symopt.statement.numbers import rational

    return rational(value) not in entry.domain


def _digits(value: Fraction) -> int:
    """The significant digits of the shortest decimal of a float."""
    return len(f"{float(value)!r}".split("e")[0].replace(".", "").strip("-0"))


def _is_special(fitted: Fit) -> bool:
    """Whether a part of the rule is switched off: then a simpler rule says the same."""
    defaults = {entry.name: entry.default for entry in fitted.rule.parameters}
    return any(fitted.values[name] == 0 and defaults[name] != 0 for name in fitted.inferred)


def _rivals(match: Match) -> tuple[Departure, ...]:
    """Where other rules part from a match: its family, and rules of the same hyperparameters."""
    rule = rules[match.rule]
    equal = {sibling.name for sibling in match.equals} | {rule.name}
    probe = standard_probes(match.hyperparameters.get("epsilon"))[0]
    found = []
    for rival in rules.values():
        alike = set(rival.hyperparameters) == set(rule.hyperparameters)
        if rival.name in equal or not (alike or rival.family == rule.family):
            continue
        values = _transferred(match.hyperparameters, rival)
        entry = departure(rule, match.hyperparameters, rival, values, probe)
        if entry is not None:
            found.append(entry)
    return tuple(
        sorted(found, key=lambda e: (rules[e.rule].family != rule.family, -e.step, e.amount))
    )


def _transferred(values: Mapping[str, Fraction], rival: Rule) -> dict[str, Fraction]:
    """The same settings for a rival; a decay under another name keeps its value."""
    result = {}
    for entry in rival.parameters:
        value = values.get(entry.name)
        if value is None and entry.name in _DECAYS:
            value = next((values[name] for name in _DECAYS if name in values), None)
        default = entry.default
        result[entry.name] = Fraction(int(default.p), int(default.q)) if value is None else value
    return result
