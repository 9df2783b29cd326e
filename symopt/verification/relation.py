"""Relations between the hidden states of two rules: found by linear algebra, proved by induction.

A velocity is minus eta times a buffer; Polyak's previous point is x less the velocity. Such a
relation is guessed from the first three steps, at rational starts and gradients and with symbolic
hyperparameters. It then is proved: it holds after the first step, and if it holds before a step it
holds after it, and both rules ask at and report the same points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.derivation.opaque import OpaqueStep, is_elementwise, opaque_step
from symopt.errors import BudgetError, StatementError, UndefinedError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.program.normal_form import Field, Quotient, normal_forms, proved_equal, settled
from symopt.program.ranges import Range, range_of
from symopt.program.sweep import proved_by_parts
from symopt.statement.rule import Rule
from symopt.statement.symbols import t, x
from symopt.verification.bounds import Bounds, bounds_of, far_apart
from symopt.verification.guess import DECAYS, guesses
from symopt.verification.siblings import opaque_program

__all__ = ["Equality", "find_relations", "proved_always", "shared_ranges"]

#: Starts and gradients of the samples: small, of both signs, and nothing special.
_SAMPLES = (
    (Fraction(2), (Fraction(1), Fraction(-3), Fraction(5, 2))),
    (Fraction(-1), (Fraction(4), Fraction(1, 2), Fraction(-2))),
    (Fraction(1, 3), (Fraction(-2), Fraction(7, 3), Fraction(3))),
    (Fraction(5), (Fraction(3, 2), Fraction(2), Fraction(-1, 4))),
    (Fraction(-7, 2), (Fraction(-1), Fraction(-5, 3), Fraction(1, 5))),
)
_STEPS = 3
#: Programs with more operations are proved equal piece by piece first, and with twice as many only.
_SMALL = 35
#: How many cases of signs are tried for each piece, and for a step as a whole.
_PART_CASES = 20
_CASES = 40

#: For each state of the second rule, its value in terms of the first one's.
Relation = Mapping[Symbol, Expr]


@dataclass(frozen=True)
class Equality:
    """A proof for every step: the relation between the memories, and the programs compared.

    ``relation`` gives the state of the rule ``second`` in terms of that of ``first``; ``stages``
    holds the pairs of programs that were proved equal, by name, in ``size`` coordinates, and
    ``more`` the same for other numbers of coordinates. ``bounds`` are the inequalities that the
    memory of ``first`` meets at every step, as far as the proof needs them.
    """

    first: Rule
    second: Rule
    relation: Relation
    stages: tuple[tuple[str, Program, Program], ...]
    ranges: Mapping[Label, Range]
    size: int = 1
    more: tuple[Equality, ...] = ()
    bounds: tuple[Bounds, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether the memories are the same, name by name."""
        return _is_identity(self.relation)


def shared_ranges(first: Rule, second: Rule) -> dict[Label, Range]:
    """The ranges of the hyperparameters that two rules share, and of t from the second step on."""
    domains: dict[str, sympy.Set] = {}
    for entry in (*first.parameters, *second.parameters):
        domains[entry.name] = domains.get(entry.name, sympy.Reals).intersect(entry.domain)
    ranges: dict[Label, Range] = {
        ("hyper", name): range_of(domain) for name, domain in domains.items()
    }
    ranges["t",] = Range.counter(2)
    return ranges


def _size(first: Rule, second: Rule) -> int:
    return 1 if is_elementwise(first) and is_elementwise(second) else 2


def live_states(step: OpaqueStep) -> frozenset[str]:
    """The names of the states on which points or questions ever depend."""
    live: set[Any] = {label for label in step.program.outputs if label[0] in ("x", "ask")}  # type: ignore[index]
    while True:
        graph = Graph()
        nodes = graph.inline(step.program, {})
        needed = graph.program({label: nodes[label] for label in live}).inputs
        more = live | (set(needed) & set(step.program.outputs))
        if more == live:
            return frozenset(str(slot[0]) for slot in step.slots if slot in live) - {"x"}
        live = more


def nonnegative_states(step: OpaqueStep, ranges: Mapping[Label, Range]) -> dict[Label, Range]:
    """States that start nonnegative (or positive) and stay so, whatever the gradients are."""
    memory = step.slots[step.size :]
    try:
        field, [(start, _)] = normal_forms(step.start, ranges=ranges)
        kept: dict[Label, Range] = {}
        slot: Label
        for slot in memory:
            if field.is_nonnegative(start[slot]):
                kept[slot] = Range(nonnegative=True, positive=field.is_positive(start[slot]))
        every = {**ranges, ("t",): Range.counter(1)}
        while kept:
            field, [(after, _)] = normal_forms(step.program, ranges={**every, **kept})
            now: dict[Label, Range] = {}
            for slot, values in kept.items():
                if field.is_nonnegative(after[slot]):
                    positive = values.positive and field.is_positive(after[slot])
                    now[slot] = Range(nonnegative=True, positive=positive)
            if now == kept:
                break
            kept = now
        return kept
    except (BudgetError, UndefinedError):
        return {}


def proved_always(
    first: Rule, second: Rule, relation: Relation, *, points: bool = True
) -> Equality | None:
    """The proof that two rules ask at the same points, and report the same ones, at every step.

    ``relation`` gives the second rule's states in terms of the first one's. Without ``points``
    only the questions are the same, and the relation gives the second rule's x too. ``None``
    means unknown.
    """
    ours, theirs = (opaque_step(rule, _size(first, second)) for rule in (first, second))
    if ours.asks != theirs.asks or not live_states(theirs) <= {s.name for s in relation}:
        return None
    ranges = shared_ranges(first, second)
    proofs = [_proved(first, second, relation, size, ranges) for size in _sizes(first, second)]
    found = [proof for proof in proofs if proof is not None]
    return replace(found[0], more=tuple(found[1:])) if len(found) == len(proofs) else None


def _sizes(first: Rule, second: Rule) -> tuple[int, ...]:
    """One coordinate is all there is, unless a rule looks at several: then two and three."""
    return (1,) if _size(first, second) == 1 else (2, 3)


def _proved(
    first: Rule, second: Rule, relation: Relation, size: int, ranges: Mapping[Label, Range]
) -> Equality | None:
    maker = _Translation(first, second, relation, size)
    try:
        base = maker.base()
        if not _equal(base, ranges, size == 1):
            return None
        general = settled_pair(maker.general(), ranges)
    except (BudgetError, StatementError, UndefinedError):
        return None
    known: dict[Label, Range] = dict(ranges)
    bounds: tuple[Bounds, ...] = ()
    hopeless = size == 1 and far_apart(general, ranges)
    if hopeless or not _equal(general, known, size == 1):
        # What starts nonnegative and stays so may be taken out of roots and signs.
        known.update(nonnegative_states(opaque_step(first, size), ranges))
        if known == ranges and not hopeless:
            return None
        if hopeless and far_apart(general, known):
            # Not one step from all such states: from those between bounds, perhaps.
            within = _within_bounds(maker, general, known)
            if within is None:
                return None
            general, known, bounds = within
        elif not _equal(general, known, size == 1):
            return None
    stages = (("the first step", *base), ("every later step", *general))
    return Equality(first, second, dict(relation), stages, known, size, bounds=bounds)


def _within_bounds(
    maker: _Translation, general: tuple[Program, Program], ranges: Mapping[Label, Range]
) -> tuple[tuple[Program, Program], dict[Label, Range], tuple[Bounds, ...]] | None:
    """The general step, proved where a memory lies between bounds that it is proved to keep."""
    for bounds in bounds_of(maker.ours, maker.theirs, ranges):
        pair = settled_pair((bounds.put_in(general[0]), bounds.put_in(general[1])), bounds.ranges)
        if proved_equal(*pair, ranges=bounds.ranges, signs=_CASES):
            return pair, dict(bounds.ranges), (bounds,)
    return None


def settled_pair(
    pair: tuple[Program, Program], ranges: Mapping[Label, Range]
) -> tuple[Program, Program]:
    """Both programs without the comparisons that are settled by the ranges."""
    return settled(pair[0], ranges), settled(pair[1], ranges)


def _equal(pair: tuple[Program, Program], ranges: Mapping[Label, Range], one: bool) -> bool:
    """Outright, else piece by piece: what is common below is one unknown above."""
    size = max(program.operations for program in pair)
    return (
        (size <= _SMALL and proved_equal(*pair, ranges=ranges))
        or proved_by_parts(*pair, ranges, signs=_PART_CASES)
        or (one and size <= 2 * _SMALL and proved_equal(*pair, ranges=ranges, signs=_CASES))
    )


class _Translation:
    """Programs of the first rule and, through a relation, of the second one."""

    def __init__(self, first: Rule, second: Rule, relation: Relation, size: int) -> None:
        self.relation, self.size = relation, size
        self.first, self.second = first, second
        self.ours, self.theirs = opaque_step(first, size), opaque_step(second, size)

    def base(self) -> tuple[Program, Program]:
        """The first step of both, from one start."""
        graph = Graph()
        before: dict[Label, int] = {("x", i): graph.input(("x", i)) for i in range(self.size)}
        sides = []
        for step in (self.ours, self.theirs):
            begun = graph.inline(step.start, before)
            sides.append(graph.inline(step.program, {**begun, **self._given(graph, step, 1)}))
        return self._compared(graph, sides[0], sides[1], graph.const(1))

    def general(self) -> tuple[Program, Program]:
        """One step from an arbitrary state of the first rule, at t >= 2."""
        graph = Graph()
        time = graph.input(("t",))
        state: dict[Label, int] = {slot: graph.input(slot) for slot in self.ours.slots}
        other: dict[Label, int] = {
            **state,
            **self._translated(graph, state, graph.sub(time, graph.const(1))),
        }
        if x not in self.relation:
            other.update({("x", i): state["x", i] for i in range(self.size)})
        ours = graph.inline(self.ours.program, {**state, **self._given(graph, self.ours, None)})
        inputs: dict[Label, int] = {
            slot: other[slot] for slot in self.theirs.slots if slot in self._needed(other)
        }
        theirs = graph.inline(
            self.theirs.program, {**inputs, **self._given(graph, self.theirs, None)}
        )
        return self._compared(graph, ours, theirs, time)

    def _needed(self, other: Mapping[Label, int]) -> set[Label]:
        names = {symbol.name for symbol in self.relation} | {"x"}
        return {slot for slot in self.theirs.slots if slot[0] in names and slot in other}

    def _given(self, graph: Graph, step: OpaqueStep, time: int | None) -> dict[Label, int]:
        """The counter; gradients and hyperparameters are inputs of the same labels."""
        return {("t",): graph.input(("t",)) if time is None else graph.const(time)}

    def _translated(self, graph: Graph, state: Mapping[Label, int], time: int) -> dict[Label, int]:
        hyper: dict[Expr, int] = {
            symbol: graph.input(("hyper", symbol.name)) for symbol in self.first.hyperparameters
        }
        scalars = {slot[0] for slot in self.theirs.slots if slot[1] is None}
        made: dict[Label, int] = {}
        for symbol, value in self.relation.items():
            for index in [None] if symbol.name in scalars else range(self.size):
                nodes: dict[Expr, int] = {**hyper, t: time}
                for name, place in self.ours.slots:
                    if place == index or place is None:
                        nodes[self._symbol(name)] = state[name, place]
                made[symbol.name, index] = Reader(graph, nodes).read(value)
        return made

    def _symbol(self, name: str) -> Symbol:
        if name == "x":
            return x
        return next(symbol for symbol in self.first.state if symbol.name == name)

    def _compared(
        self, graph: Graph, ours: Mapping[Label, int], theirs: Mapping[Label, int], time: int
    ) -> tuple[Program, Program]:
        wanted = [label for label in ours if label[0] == "ask"]  # type: ignore[index]
        if x not in self.relation:
            wanted += [("x", index) for index in range(self.size)]
        translated = self._translated(graph, ours, time)
        left = {**{label: ours[label] for label in wanted}, **translated}
        right = {label: theirs[label] for label in left}
        return graph.program(left), graph.program(right)


def find_relations(first: Rule, second: Rule, *, points: bool = True) -> Iterable[Relation]:
    """Candidate relations: the same names, then what the first three steps suggest."""
    size = _size(first, second)
    theirs = opaque_step(second, size)
    names = live_states(theirs)
    wanted = [symbol for symbol in second.state if symbol.name in names]
    own = {symbol.name: symbol for symbol in first.state}
    same = points and all(symbol.name in own for symbol in wanted)
    if same:
        yield {symbol: own[symbol.name] for symbol in wanted}
    guess = guesses(first, second, size)
    known = {symbol: guess[symbol] for symbol in wanted if symbol in guess}
    if points and len(known) == len(wanted) and not (same and _is_identity(known)):
        yield known
    found = _fit(first, second, wanted if points else [*wanted, x], points)
    if found is not None and found != known:
        yield found


def _is_identity(relation: Relation) -> bool:
    return all(symbol == value for symbol, value in relation.items())


def _fit(
    first: Rule, second: Rule, wanted: list[Symbol], points: bool
) -> dict[Symbol, Expr] | None:
    size = _size(first, second)
    ours, theirs = opaque_step(first, size), opaque_step(second, size)
    with_x = not (ours.program.has("sqrt") or theirs.program.has("sqrt"))
    scalar = {slot[0] for slot in (*ours.slots, *theirs.slots) if slot[1] is None}
    columns = [symbol for symbol in first.state if symbol.name not in scalar]
    scalars = [symbol for symbol in first.state if symbol.name in scalar]
    if with_x or not points:
        columns.append(x)
    decays = [symbol for symbol in first.hyperparameters if symbol.name in DECAYS]
    solver = _Solver(first, second, size)
    result: dict[Symbol, Expr] = {}
    for symbol in wanted:
        basis: list[Expr] = [*columns] if symbol.name not in scalar else []
        basis += [*scalars, sympy.S.One]
        if symbol.name in scalar:
            basis += [decay**t for decay in decays]
        try:
            value = solver.solve(symbol, basis)
        except (BudgetError, UndefinedError, StatementError):
            value = None
        if value is None:
            return None
        result[symbol] = value
    return result


class _Solver:
    """Coefficients of a basis, as quotients in the hyperparameters, from sampled first steps."""

    def __init__(self, first: Rule, second: Rule, size: int) -> None:
        self.first, self.second, self.size = first, second, size
        self.ranges = shared_ranges(first, second)
        self.symbols = {symbol.name: symbol for symbol in first.hyperparameters}

    def solve(self, target: Symbol, basis: list[Expr]) -> Expr | None:
        field, rows = self._rows(target, basis)
        pivots: list[tuple[int, list[Quotient]]] = []
        for row in rows:
            for column, pivot in pivots:
                row = _eliminated(field, row, pivot, column)
            column = next((i for i, v in enumerate(row) if not v.top.is_zero()), len(row))
            if column == len(basis):
                return None  # the samples contradict each other: no linear relation
            if column > len(basis):
                continue
            scaled = [field.divide(value, row[column]) for value in row]
            pivots = [(c, _eliminated(field, p, scaled, column)) for c, p in pivots]
            pivots.append((column, scaled))
        total: Expr = sympy.S.Zero
        for column, pivot in pivots:
            coefficient = self._expression(field, pivot[-1])
            if coefficient is None:
                return None
            total += coefficient * basis[column]
        return total

    def _rows(self, target: Symbol, basis: list[Expr]) -> tuple[Field, list[list[Quotient]]]:
        graph = Graph()
        outputs: dict[Label, int] = {}
        walks = [
            opaque_program(rule, _STEPS, self.size, cut=False, states=True)
            for rule in (self.first, self.second)
        ]
        hyper: dict[Expr, int] = {
            symbol: graph.input(("hyper", name)) for name, symbol in self.symbols.items()
        }
        for number, (start, gradients) in enumerate(_SAMPLES):
            inputs: dict[Label, int] = {("x", 0, i): graph.const(start + i)
                                        for i in range(self.size)}  # fmt: skip
            for step, (ask, index) in product(
                range(1, _STEPS + 1), product(range(1, 4), range(self.size))
            ):
                value = gradients[step - 1] * (1 + index) + Fraction(ask - 1, 7)
                inputs["g", step, ask, index] = graph.const(value)
            ours, theirs = (graph.inline(walk, inputs) for walk in walks)
            for step in range(1, _STEPS + 1):
                nodes = {**hyper, t: graph.const(step)}
                for symbol in (x, *self.first.state):
                    found = _state(ours, symbol, step)
                    if found is not None:
                        nodes[symbol] = found
                reader = Reader(graph, nodes)
                for column, part in enumerate(basis):
                    outputs[number, step, column] = reader.read(part)
                right = _state(theirs, target, step)
                assert right is not None
                outputs[number, step, len(basis)] = right
        program = graph.program(outputs)
        field, [(values, _)] = normal_forms(program, ranges=self.ranges)
        rows = [
            [values[number, step, column] for column in range(len(basis) + 1)]
            for number, step in product(range(len(_SAMPLES)), range(1, _STEPS + 1))
        ]
        return field, rows

    def _expression(self, field: Field, value: Quotient) -> Expr | None:
        parts = [self._polynomial(field, part) for part in (value.top, value.bottom)]
        if parts[0] is None or parts[1] is None:
            return None
        return parts[0] / parts[1]

    def _polynomial(self, field: Field, polynomial: Any) -> Expr | None:
        total: Expr = sympy.S.Zero
        for exponents, coefficient in polynomial.to_dict().items():
            term: Expr = sympy.Rational(int(coefficient.p), int(coefficient.q))
            for index, power in enumerate(exponents):
                if not power:
                    continue
                name = field.names[index]
                if not (isinstance(name, tuple) and name[0] == "hyper"):
                    return None
                term *= self.symbols[name[1]] ** int(power)
            total += term
        return total


def _state(values: Mapping[Label, int], symbol: Symbol, step: int) -> int | None:
    if symbol == x:
        return values["x", step, 0]
    found = values.get(("slot", step, symbol.name, 0))
    return values.get(("slot", step, symbol.name, None)) if found is None else found


def _eliminated(
    field: Field, row: list[Quotient], pivot: list[Quotient], column: int
) -> list[Quotient]:
    factor = row[column]
    if factor.top.is_zero():
        return row
    return [
        field.add(value, field.multiply(factor, other), -1)
        for value, other in zip(row, pivot, strict=True)
    ]
