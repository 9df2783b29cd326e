"""Where a lifted rule belongs: floats suggest a stated rule with a map, and a proof decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise
from symopt.errors import SymoptError
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.atlas.data import Comparison, Map
from symopt.verification.atlas.statements import at_defaults, respelled, step_along
from symopt.verification.prove import prove
from symopt.verification.siblings import candidate_maps, proved_by_induction, specialized
from symopt.verification.verdict import Verdict

__all__ = ["Found", "compared", "placed", "same_with_states"]

#: Candidates that are worth a proof; the rest are maps that say the same in a longer way.
_MOST = 6
#: Hyperparameters that maps may use up; all others can only be equal at a fixed value.
_MAPPED = frozenset({
    "eta", "mu", "beta", "beta1", "beta2", "beta3", "rho", "epsilon", "epsilon_root", "lamda",
    "tau", "gamma",
})  # fmt: skip


@dataclass(frozen=True)
class Found:
    """The place of a rule among the stated ones.

    ``stated`` is empty where none was proved; ``subject`` is what was compared: the rule in the
    catalogue's letters, and as a whole step where it is a ``direction``.
    """

    subject: Rule
    stated: str = ""
    map: Map = ()
    direction: bool = False
    against: Comparison | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Candidate:
    rank: tuple[int, ...]
    name: str
    subject: Rule
    map: tuple[tuple[Symbol, Expr], ...]
    fixed: Map


def placed(rule: Rule, nearest: str, direction: bool) -> Found:
    """The place of a rule; ``nearest`` is the stated rule of its name, if there is one.

    ``direction`` says that it is the step of a transformation, which may lack a learning rate.

    >>> placed(rules.heavy_ball, "", False).stated
    'momentum'
    """
    spelled, _ = respelled(rule)
    along = step_along(spelled) if direction else None
    found = None
    for subject in (spelled, along):
        if subject is not None and (found is None or not found.stated):
            found = replace(_among_stated(subject, nearest), direction=subject is along)
    assert found is not None
    if not found.stated and along is not None:
        found = replace(found, subject=along, direction=True)
    if nearest and not found.stated:
        against = compared(found.subject, rules[nearest])
        equal = nearest if against.status == "proved" else ""
        found = replace(found, against=against, stated=equal)
    return found


def _among_stated(subject: Rule, nearest: str) -> Found:
    open_: list[str] = []
    for candidate in sorted(_candidates(subject, nearest), key=lambda entry: entry.rank)[:_MOST]:
        stated = rules[candidate.name]
        written = specialized(stated, dict(candidate.map), candidate.subject.parameters)
        if written is None:
            continue
        verdict = _verdict(candidate.subject, written, maps=False)
        if verdict.status == "proved":
            changed = tuple((s.name, value) for s, value in candidate.map if s != value)
            return Found(subject, candidate.name, (*changed, *candidate.fixed))
        if verdict.status == "undecided":
            put = ", ".join(f"{s} = {value}" for s, value in candidate.map if s != value)
            given = f" with {put}" if put else ""
            open_.append(f"{candidate.name}{given}: {verdict.reason}")
    reason = "; ".join(dict.fromkeys(open_))
    return Found(subject, reason=f"undecided against {reason}" if reason else "")


def _candidates(subject: Rule, nearest: str) -> Iterator[_Candidate]:
    """Stated rules with maps under which the floats agree, the plainest first by ``rank``."""
    family = rules[nearest].family if nearest else ""
    own = {entry.name for entry in subject.parameters}
    forms: dict[frozenset[str], Rule | None] = {frozenset(): subject}
    for position, (name, stated) in enumerate(rules.items()):
        if is_elementwise(stated) != is_elementwise(subject):
            continue
        lacking = own - {entry.name for entry in stated.parameters}
        for fixed in dict.fromkeys((frozenset(lacking - _MAPPED), frozenset(lacking - {"eta"}))):
            if fixed not in forms:
                forms[fixed] = at_defaults(subject, fixed)
            form = forms[fixed]
            maps = _maps(form, stated) if form is not None else ()
            for mapping in maps:
                defaults = {entry.symbol: entry.default for entry in stated.parameters}
                special = sum(v.is_number and v != defaults[s] for s, v in mapping.items())
                changed = sum(s != v for s, v in mapping.items())
                rank = (
                    special + 2 * len(fixed), changed, name != nearest, stated.family != family,
                    position,
                )  # fmt: skip
                assert form is not None
                held = tuple((f"{entry.name}", entry.default)
                             for entry in subject.parameters if entry.name in fixed)  # fmt: skip
                yield _Candidate(rank, name, form, tuple(mapping.items()), held)
            if maps:
                break


def _maps(form: Rule, stated: Rule) -> tuple[dict[Symbol, Expr], ...]:
    """The maps that survive in floats; none for a rule that cannot be run in floats."""
    try:
        return candidate_maps(form, stated)
    except (SymoptError, ArithmeticError):
        return ()


def compared(first: Rule, second: Rule, maps: bool = True) -> Comparison:
    """The verdict about two rules in plain fields.

    >>> compared(rules.nesterov_new_velocity, rules.nesterov_bengio).difference
    -eta*g1*mu**2
    """
    verdict = _verdict(first, second, maps=maps)
    return Comparison(
        verdict.status,
        verdict.step,
        verdict.quantity,
        verdict.difference,
        tuple((name, _expression(value)) for name, value in verdict.map.items()),
        tuple(verdict.relation),
        verdict.reason,
        "" if verdict.witness is None else str(verdict.witness),
        verdict.conditions,
    )


def _expression(value: Any) -> Expr:
    assert isinstance(value, Expr)
    return value


def same_with_states(first: Rule, second: Rule) -> bool:
    """Whether two rules are proved equal at every step, their memories included, name by name.

    >>> same_with_states(rules.adamw, rules.adamw_optax)
    True
    """
    return _verdict(first, second, maps=False).status == "proved" and proved_by_induction(
        first, second
    )


def _verdict(first: Rule, second: Rule, *, maps: bool) -> Verdict:
    try:
        return prove(first, second, maps=maps)
    except SymoptError as error:
        return Verdict("undecided", first.name, second.name, reason=str(error))
