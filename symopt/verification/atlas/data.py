"""The atlas as data: entries, counts and pairs, with formulas as expressions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from sympy import Expr

from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.statement.serialize import rule_data
from symopt.verification.lift.counts import Count

__all__ = ["Atlas", "Comparison", "Entry", "Pair"]

#: Pairs of a hyperparameter's name and what stands for it.
Map = tuple[tuple[str, Expr], ...]


@dataclass(frozen=True)
class Comparison:
    """What :func:`symopt.prove` said about two rules, in plain fields.

    ``map`` is that of the verdict, by ``"rule.hyperparameter"``; ``difference`` is first minus
    second at ``step``, the first at which they differ; ``conditions`` are those of a proof.
    """

    status: str
    step: int | None = None
    quantity: str = ""
    difference: Expr | None = None
    map: Map = ()
    relation: tuple[str, ...] = ()
    reason: str = ""
    witness: str = ""
    conditions: str = ""


@dataclass(frozen=True)
class Entry:
    """An optimizer with its settings, in those of its code paths that are proved to be one.

    Attributes
    ----------
    framework, group, name, settings
        Where it is and how it is called; ``group`` is the kind of its
        :class:`~symopt.verification.lift.counts.Lifted`.
    paths, same
        The code paths that this entry speaks of, and how they are the same: ``"with states"``
        (proved), ``"the same statement"``, or nothing where there is one.
    configurations
        How many there are of them.
    status
        ``"rule"`` (proved to be ``stated`` with ``map``), ``"other"`` (lifted, and proved to be
        none of the stated rules), ``"program"`` (lifted, but no rule can state it) or
        ``"refused"`` (with the reason).
    rule
        What was lifted.
    direction
        Whether it is a transformation that gives a direction u, which is compared as
        x <- x - eta u.
    twin
        Another entry's name of the same framework that has the same statement.
    nearest, against
        The stated rule of the same name, and the comparison of this one with it.
    """

    framework: str
    group: str
    name: str
    settings: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]
    same: str
    configurations: int
    status: str
    rule: Rule | None = None
    direction: bool = False
    twin: str = ""
    stated: str = ""
    map: Map = ()
    nearest: str = ""
    against: Comparison | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        """The optimizer with its settings, as one would call it."""
        given = ", ".join(f"{key}={value}" if key else value for key, value in self.settings)
        return f"{self.name}({given})" if given else self.name

    @property
    def defect(self) -> str:
        """In what the rule that this is departs from its source; empty for a sound one."""
        return rules[self.stated].defect if self.stated in rules else ""


@dataclass(frozen=True)
class Pair:
    """Two optimizers of one name in two frameworks, plain, and how they compare."""

    first: tuple[str, str]
    second: tuple[str, str]
    comparison: Comparison


@dataclass(frozen=True)
class Atlas:
    """All optimizers of the frameworks at hand, and where they belong.

    ``differences`` compares rules that entries are with the rules of the entries' names, by the
    names of both.
    """

    versions: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    counts: tuple[Count, ...]
    entries: tuple[Entry, ...]
    pairs: tuple[Pair, ...]
    differences: tuple[tuple[tuple[str, str], Comparison], ...]

    @property
    def defects(self) -> tuple[Entry, ...]:
        """The entries that are proved to be a rule which departs from its source."""
        return tuple(entry for entry in self.entries if entry.defect)

    def between(self, stated: str, nearest: str) -> Comparison | None:
        """The comparison of two stated rules, if an entry needed it."""
        return dict(self.differences).get((stated, nearest))

    def data(self) -> dict[str, Any]:
        """Everything as plain data; formulas are text."""
        return {
            "versions": dict(self.versions),
            "missing": dict(self.missing),
            "counts": [
                {**_plain(count), "lifted": count.lifted, "refused": count.refused}
                for count in self.counts
            ],
            "entries": [{**_plain(entry), "defect": entry.defect} for entry in self.entries],
            "pairs": [_plain(pair) for pair in self.pairs],
            "differences": [
                {"first": first, "second": second, **_plain(comparison)}
                for (first, second), comparison in self.differences
            ],
        }

    def json(self) -> str:
        """Everything, as JSON text."""
        return json.dumps(self.data(), indent=1, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Rule):
        return rule_data(value)
    if isinstance(value, Entry | Count | Pair | Comparison):
        return dict(_fields(value))
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Expr) else value


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    for entry in fields(value):
        content = getattr(value, entry.name)
        if entry.name in ("map", "settings"):
            yield entry.name, {key: _plain(part) for key, part in content}
        else:
            yield entry.name, _plain(content)
