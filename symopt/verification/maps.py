"""Maps of hyperparameters between two rules: which are tried, and what one that is proved means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sympy import Expr, Symbol

from symopt.statement.rule import Rule
from symopt.statement.symbols import t
from symopt.verification.siblings import candidate_maps, specialized

__all__ = ["Written", "renamed_alone", "schedules", "special_cases", "written_maps"]


@dataclass(frozen=True)
class Written:
    """Two rules, one of them written in the hyperparameters of the other.

    ``map`` is told by ``"rule.hyperparameter"``. ``degenerate`` says that a hyperparameter has a
    value that is not its default: a part of the rule may vanish there.
    """

    first: Rule
    second: Rule
    map: Mapping[str, Expr]
    degenerate: bool

    @property
    def text(self) -> str:
        """The map in words."""
        return ", ".join(f"{name} = {value}" for name, value in self.map.items())


def written_maps(first: Rule, second: Rule) -> Iterator[Written]:
    """Candidates: what one rule lacks at its default, then maps that agree in floats."""
    at_defaults = _at_defaults(first, second)
    if at_defaults is not None:
        yield at_defaults
    for source, target in ((first, second), (second, first)):
        for mapping in candidate_maps(source, target):
            written = specialized(target, mapping, source.parameters)
            if written is None:
                continue
            changed = {s: value for s, value in mapping.items() if s != value}
            if not changed:
                continue
            names = {f"{target.name}.{s}": value for s, value in changed.items()}
            defaults = _defaults(target)
            degenerate = any(v.is_number and v != defaults[s] for s, v in changed.items())
            pair = (first, written) if target is second else (written, second)
            yield Written(*pair, names, degenerate)


def _defaults(rule: Rule) -> dict[Symbol, Expr]:
    return {entry.symbol: entry.default for entry in rule.parameters}


def _at_defaults(first: Rule, second: Rule) -> Written | None:
    """Each hyperparameter that the other rule lacks at its default."""
    pair, names = [], {}
    for rule, other in ((first, second), (second, first)):
        theirs = {entry.name for entry in other.parameters}
        own = {s: value for s, value in _defaults(rule).items() if s.name not in theirs}
        written = specialized(rule, own) if own else rule
        if written is None or any(value.free_symbols for value in own.values()):
            return None
        names.update({f"{rule.name}.{s}": value for s, value in own.items()})
        pair.append(written)
    return Written(pair[0], pair[1], names, False) if names else None


def renamed_alone(first: Rule, second: Rule, written: Written) -> tuple[Rule, Rule]:
    """Both rules where the map's renamings hold, and what one of them lacks is as mapped."""
    pair = []
    for rule, other in ((first, second), (second, first)):
        theirs = {entry.name for entry in other.parameters}
        own = {
            entry.symbol: written.map[f"{rule.name}.{entry.name}"]
            for entry in rule.parameters
            if f"{rule.name}.{entry.name}" in written.map
        }
        plain = {s: v for s, v in own.items() if v.is_Symbol or s.name not in theirs}
        made = specialized(rule, plain, other.parameters) if plain else rule
        pair.append(made or rule)
    return pair[0], pair[1]


def schedules(written: Written) -> tuple[str, ...]:
    """The hyperparameters that a map makes depend on the step."""
    return tuple(name for name, value in written.map.items() if t in value.free_symbols)


def special_cases(written: Written, first: Rule, second: Rule) -> tuple[str, ...]:
    """Which rule is the other one with some of its hyperparameters at fixed values."""
    lines = []
    for rule, other in ((first, second), (second, first)):
        defaults = {f"{rule.name}.{s}": value for s, value in _defaults(rule).items()}
        fixed = {n: v for n, v in written.map.items() if n in defaults and v.is_number}
        if fixed:
            values = ", ".join(
                f"{name.removeprefix(rule.name + '.')} = {value}"
                + (" (its default)" if defaults[name] == value else "")
                for name, value in fixed.items()
            )
            lines.append(f"special case: {other.name} is {rule.name} with {values}")
    return tuple(lines)
