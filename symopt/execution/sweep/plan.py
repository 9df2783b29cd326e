"""A sweep as data: what is run, cut into parts by this statement alone."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr

import symopt.execution.sweep.values as along
from symopt.errors import InputError, UnknownNameError, did_you_mean
from symopt.execution.inputs import read_steps, split_hyperparameters
from symopt.execution.sweep.starts import Starts, starts_of
from symopt.statement.library import objectives as known_objectives
from symopt.statement.library import rules as known_rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import decode, encode, objective_data, rule_data

__all__ = ["Axis", "Block", "Kept", "Plan", "Task", "make_plan"]

#: Numbers times steps of one part: some tenths of a second, and some megabytes.
_WORK = 1 << 25
_WIDEST = 1 << 18
#: Written into stores; a store of another format is another sweep.
FORMAT = 1


@dataclass(frozen=True)
class Axis:
    """A hyperparameter of one rule, and the values that it takes: exact numbers or schedules."""

    name: str
    values: tuple[Fraction | Expr, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """All runs of one rule on one objective: every setting of its axes from every start."""

    rule: Rule
    objective: Objective
    axes: tuple[Axis, ...]
    fixed: Mapping[str, Fraction | Expr]
    starts: Starts

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values along each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def settings(self) -> int:
        """How many combinations of hyperparameters there are."""
        return math.prod(self.shape)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return self.settings * self.starts.count


@dataclass(frozen=True)
class Kept:
    """What is kept of a run beside its end: the best value, and when a threshold is reached."""

    best: bool = False
    threshold: Fraction | None = None

    def empty(self, shape: tuple[int, ...], size: int, dtype: Any) -> dict[str, Any]:
        """Arrays for runs of some shape on an objective of ``size`` variables."""
        arrays = {
            "x": np.empty((*shape, size), dtype),
            "f": np.empty(shape, dtype),
            "diverged": np.empty(shape, bool),
        }
        if self.best:
            arrays |= {"best": np.empty(shape, dtype), "best_at": np.empty(shape, np.int64)}
        if self.threshold is not None:
            arrays["reached"] = np.empty(shape, np.int64)
        return arrays


@dataclass(frozen=True, eq=False)
class Task:
    """One part of a sweep, small enough to be sent: statements as text, numbers as text.

    It runs the settings from ``first`` to before ``last`` from all of ``starts``.
    """

    number: int
    rule: str
    objective: str
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    fixed: tuple[tuple[str, str], ...]
    first: int
    last: int
    starts: Starts
    steps: int
    arithmetic: str
    kept: Kept


@dataclass(frozen=True)
class _Piece:
    """Where a part lies: a block, a range of its settings, and a range of its starts."""

    block: int
    first: int
    last: int
    begin: int
    end: int


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that a sweep is; two sweeps of one plan have the same numbers, bit for bit."""

    blocks: tuple[Block, ...]
    steps: int
    arithmetic: str
    kept: Kept

    @property
    def runs(self) -> int:
        """How many runs there are in all."""
        return sum(block.runs for block in self.blocks)

    @cached_property
    def pieces(self) -> tuple[_Piece, ...]:
        """The parts in their order. Nothing but the statement decides where they are cut."""
        return tuple(
            piece for index, block in enumerate(self.blocks) for piece in self._cut(index, block)
        )

    def _cut(self, index: int, block: Block) -> Iterator[_Piece]:
        count = block.starts.count
        most = max(1, min(_WIDEST, _WORK // (self.steps * block.objective.dimension)))
        if count > most:
            pieces = -(-count // most)
            ends = [count * i // pieces for i in range(pieces + 1)]
            for setting in range(block.settings):
                for begin, end in itertools.pairwise(ends):
                    yield _Piece(index, setting, setting + 1, begin, end)
            return
        pieces = -(-block.settings // (most // count))
        ends = [block.settings * i // pieces for i in range(pieces + 1)]
        for first, last in itertools.pairwise(ends):
            yield _Piece(index, first, last, 0, count)

    def task(self, number: int) -> Task:
        """One part, to be run anywhere."""
        piece = self.pieces[number]
        block = self.blocks[piece.block]
        rule, objective, axes, fixed = self._texts[piece.block]
        return Task(
            number, rule, objective, axes, fixed, piece.first, piece.last,
            block.starts.between(piece.begin, piece.end), self.steps, self.arithmetic,
            self.kept,
        )  # fmt: skip

    @cached_property
    def _texts(self) -> list[tuple[str, str, Any, Any]]:
        return [
            (
                json.dumps(rule_data(block.rule)),
                json.dumps(objective_data(block.objective)),
                tuple((axis.name, tuple(map(setting_text, axis.values))) for axis in block.axes),
                tuple((name, setting_text(value)) for name, value in block.fixed.items()),
            )
            for block in self.blocks
        ]

    @cached_property
    def statement(self) -> dict[str, Any]:
        """The plan as JSON: what a store holds to know its sweep again."""
        return {
            "format": FORMAT,
            "symopt": sys.modules["symopt"].__version__,  # whose face is no part of its layers
            "numpy": np.__version__,
            "steps": self.steps,
            "arithmetic": self.arithmetic,
            "best": self.kept.best,
            "threshold": None if self.kept.threshold is None else str(self.kept.threshold),
            "blocks": [
                {
                    "rule": json.loads(rule),
                    "objective": json.loads(objective),
                    "hyperparameters": {name: list(values) for name, values in axes},
                    "fixed": dict(fixed),
                    "starts": block.starts.statement,
                }
                for block, (rule, objective, axes, fixed) in zip(
                    self.blocks, self._texts, strict=True
                )
            ],
            "parts": len(self.pieces),
        }

    @cached_property
    def key(self) -> str:
        """The digest of the statement."""
        text = json.dumps(self.statement, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def setting_text(value: Fraction | Expr) -> str:
    """A hyperparameter as text: a fraction, or a schedule as JSON."""
    return str(value) if isinstance(value, Fraction) else json.dumps(encode(value))


def setting_from(text: str) -> Fraction | Expr:
    """What :func:`setting_text` made the text from."""
    return decode(json.loads(text)) if text.startswith("[") else Fraction(text)


def make_plan(
    rules: Any,
    objectives: Any,
    starts: Any,
    steps: int,
    arithmetic: str,
    hyper: Mapping[str, Any],
    kept: Kept = Kept(),
) -> Plan:
    """The plan of a sweep, its arguments read; see :func:`symopt.sweep`."""
    own = rules if isinstance(rules, Mapping) else {}
    stated = _several(rules, known_rules, Rule, "rule")
    surfaces = _several(objectives, known_objectives, Objective, "objective")
    given = {rule: _own(own, key) for rule, key in zip(stated, own, strict=False)}
    for name in hyper:
        takers = [rule for rule in stated if name in _names(rule)]
        if not takers:
            if len(stated) == 1:
                stated[0].parameter(name)  # says which there are
            raise UnknownNameError(
                f"none of {', '.join(rule.name for rule in stated)} has a hyperparameter {name!r}."
                + did_you_mean(name, dict.fromkeys(n for rule in stated for n in _names(rule)))
            )
    if arithmetic not in ("float64", "float32"):
        raise InputError(f"a sweep runs in float64 or float32, not in {arithmetic!r}")
    steps = read_steps(steps)
    places = {surface: starts_of(starts, surface) for surface in surfaces}
    blocks = []
    for rule in stated:
        common = {name: value for name, value in hyper.items() if name in _names(rule)}
        axes, fixed = _axes(rule, {**common, **given.get(rule, {})})
        blocks += [Block(rule, surface, axes, fixed, places[surface]) for surface in surfaces]
    return Plan(tuple(blocks), steps, arithmetic, kept)


def _own(given: Mapping[Any, Any], key: Any) -> dict[str, Any]:
    if not isinstance(given[key], Mapping):
        raise InputError(
            f"{key}: give its hyperparameters as a mapping, such as "
            "{'adam': {'eta': ['1/100', '1/10']}}"
        )
    return dict(given[key])


def _names(rule: Rule) -> list[str]:
    return [entry.name for entry in rule.parameters]


def _several(given: Any, library: Any, kind: type, what: str) -> list[Any]:
    alone = isinstance(given, (str, kind))
    try:
        items = [given] if alone else list(given)
    except TypeError:
        raise InputError(f"{what}s: give a {what}, or a list of them, not {given!r}") from None
    found = [library.resolve(item) for item in items]
    if not found:
        raise InputError(f"a sweep needs at least one {what}")
    names = [item.name for item in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"the {what} {twice!r} is given twice; rename one: .named('other')")
    return found


def _axes(
    rule: Rule, given: Mapping[str, Any]
) -> tuple[tuple[Axis, ...], dict[str, Fraction | Expr]]:
    """The axes in the order of the rule's hyperparameters, and what has one value."""
    axes: dict[str, Axis] = {}
    fixed: dict[str, Fraction | Expr] = {}
    for name, value in given.items():
        rule.parameter(name)
        values = along.listed(value, f"{rule.name}: {name}")
        if values is None:
            fixed[name] = _read(rule, name, value)
            continue
        read = tuple(_read(rule, name, one) for one in values)
        labels: Sequence[Any] = [along.label(one) for one in read]
        twice = next((one for one in labels if labels.count(one) > 1), None)
        if twice is not None:
            raise InputError(f"{rule.name}: {name} has the value {twice} twice")
        axes[name] = Axis(name, read)
    return tuple(axes[name] for name in _names(rule) if name in axes), fixed


def _read(rule: Rule, name: str, value: Any) -> Fraction | Expr:
    fixed, schedules = split_hyperparameters(rule, {name: value})
    return fixed[name] if name in fixed else schedules[rule.parameter(name).symbol]
