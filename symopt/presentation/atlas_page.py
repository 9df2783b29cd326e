"""The atlas as a document: an answer within seconds first, every formula in full behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import sympy
from sympy import Expr, Symbol

from symopt.errors import InputError
from symopt.presentation.blocks import (
    Badge,
    Block,
    Code,
    Details,
    EquationLine,
    Equations,
    Inline,
    Items,
    Listing,
    Math,
    Paragraph,
    Section,
    Spans,
    Table,
    Text,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.breaking import pieces
from symopt.presentation.document import Document
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.presentation.sheets import algorithm
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.statement.symbols import eta, x
from symopt.verification.atlas.data import Atlas, Comparison, Entry, Map, Pair

__all__ = ["atlas_page"]

#: A formula wider than this many em is set in full at the end, and numbered.
_WIDE = 13.0
#: A formula of more operations than this is left to the JSON.
_HUGE = 600

_FIRST_MINUS_SECOND = Math(r"\text{first} - \text{second}", "first - second", 8.5)

#: What the kinds of a framework's configurations are, in words.
_KINDS = {
    "optimizer": "optimizers", "variant": "optimizers with other settings", "alias": "aliases",
    "transformation": "transformations", "schedule": "schedules of the rate",
    "combinator": "combinators, here around a momentum of 9/10", "contrib": "contributed",
    "estimator": "estimators",
}  # fmt: skip


def atlas_page(atlas: Atlas) -> Document:
    """The atlas as a document for every renderer.

    First the counts and the defects, then framework by framework, rule by rule, and the pairs
    that share a name. Formulas that are too wide for a line stand in full at the end.
    """
    page = _Page(atlas)
    body = [
        *page.opening(),
        page.counts(),
        *page.defects(),
        *(page.framework(name) for name, _ in atlas.versions),
        page.by_rule(),
        page.namesakes(),
        *page.refusals(),
    ]
    return Document("Atlas of optimizers", (*body, *page.appendix()))


@dataclass
class _Page:
    atlas: Atlas
    #: The formulas and algorithms of the appendix, in the order in which they are referred to.
    formulas: list[tuple[Spans, Block]] = field(default_factory=list)

    def opening(self) -> Iterator[Block]:
        versions = ", ".join(f"{name} {version}" for name, version in self.atlas.versions)
        yield Paragraph(
            spans(
                f"Which optimizer of {versions} is which rule. Each was read out of the "
                "framework's own code with all hyperparameters, gradients and states as unknowns, "
                "and checked against that code at a second point; then it was compared with the "
                "rules that symopt states. ",
                Badge("proved"),
                " means equal in real arithmetic at every step, for all starts, gradients and "
                "hyperparameters for which both sides are defined, under the map that is shown. "
                "Rounding, and casts to narrower formats, are not part of it. Rules are read on a "
                "list of coordinates: Muon, or Adafactor, treats matrices otherwise.",
            )
        )
        yield Paragraph(
            spans(
                "Made by ", Code("symopt atlas --md derivations/atlas.md"),
                ", which makes it again; ", Code("symopt show adam"), " shows a rule, ",
                Code("symopt prove adam adam_epsilon_hat"), " a proof.",
            )
        )  # fmt: skip
        if self.atlas.missing:
            yield Items(tuple(spans(f"Not here: {name}: {why}")
                              for name, why in self.atlas.missing))  # fmt: skip

    def counts(self) -> Section:
        rows = []
        for count in self.atlas.counts:
            rows.append(
                (
                    spans(f"{count.framework}: {_KINDS.get(count.kind, count.kind)}"),
                    spans(f"{count.names_lifted} of {count.names}"),
                    spans(f"{count.lifted} of {count.configurations}"),
                    spans(str(count.programs)), spans(str(count.refused)),
                )
            )  # fmt: skip
        header = ("", "names lifted", "configurations lifted", "as programs only", "refused")
        legend = (
            "A configuration is a class or factory with its settings, in one of its code paths. A "
            "program is a checked step that treats a matrix as more than a list of coordinates, or "
            "asks for more than a gradient, so that no rule can state it."
        )
        placed = {
            status: sum(e.configurations for e in self.atlas.entries if e.status == status)
            for status in ("rule", "other")
        }
        found = (
            f"Of the configurations that lifted as rules, {placed['rule']} are proved to be a "
            f"stated rule, and {placed['other']} are not."
        )
        return Section(
            spans("What was read"),
            (
                Table(tuple(map(spans, header)), tuple(rows), "lrrrr"),
                Paragraph(spans(legend)),
                Paragraph(spans(found)),
            ),
        )

    def defects(self) -> Iterator[Block]:
        found = self.atlas.defects
        if not found:
            return
        items = []
        for entry in found:
            direction = "gives the direction of " if entry.direction else "is "
            line = [
                *spans(f"{entry.framework} ", Code(entry.label), f" {direction}",
                       Code(entry.stated), f": {entry.defect}"),
            ]  # fmt: skip
            between = self.atlas.between(entry.stated, entry.nearest) if entry.nearest else None
            if between is not None and between.status == "refuted":
                line += spans(". From ", Code(entry.nearest), " it departs ")
                line += self.departure(between, spans(f"{entry.stated} against {entry.nearest}"))
            items.append((*line, Text(".")))
        intro = "Optimizers that are proved to be a rule which departs from its own source:"
        yield Section(spans("Defects found"), (Paragraph(spans(intro)), Items(tuple(items))))

    # Framework by framework

    def framework(self, name: str) -> Section:
        own = [
            entry for entry in self.atlas.entries
            if entry.framework == name and entry.status != "refused"
        ]  # fmt: skip
        groups = [
            (group, list(members)) for group, members in groupby(own, lambda entry: entry.group)
        ]
        blocks: list[Block] = []
        for group, members in groups:
            table = self.entries(members)
            if len(groups) == 1:
                blocks.append(table)
            else:
                blocks.append(Section(spans(f"{name}: {_KINDS.get(group, group)}"), (table,)))
        return Section(spans(name), tuple(blocks))

    def entries(self, members: Sequence[Entry]) -> Table:
        by_result: dict[tuple[Spans, Spans, Spans], list[Spans]] = {}
        for entry in members:
            result = self.verdict(entry), self.parameters(entry), self.departs(entry)
            by_result.setdefault(result, []).append(self.called(entry))
        paths = any(entry.paths for entry in members)
        rows = [
            (joined(names), *result) for result, names in by_result.items()
        ]  # fmt: skip
        first = "optimizer, and code paths that are one" if paths else "optimizer"
        header = (first, "is", "with", "against the rule of its name")
        return Table(tuple(map(spans, header)), tuple(rows), "pppp")

    def called(self, entry: Entry) -> Spans:
        if not entry.paths:
            return spans(Code(entry.label))
        how = f", {entry.same}" if entry.same == "with states" else ""
        return spans(Code(entry.label), f" ({', '.join(entry.paths)}{how})")

    def verdict(self, entry: Entry) -> Spans:
        if entry.status == "program":
            return spans("a step that no rule states, lifted as a program")
        if entry.status == "rule":
            of = "the direction of " if entry.direction else ""
            return spans(Badge("proved"), f" {of}", Code(entry.stated))
        if entry.twin:
            return spans("the same as ", Code(entry.twin))
        formula = _step(entry)
        if formula is not None and formula.width <= 2 * _WIDE:
            return spans("the direction " if entry.direction else "the step ", formula)
        rule = entry.rule
        assert rule is not None
        number = self.note(spans(f"{entry.framework} {entry.label}, as lifted"), _algorithm(rule))
        if entry.reason:
            return spans(Badge("undecided"), f": algorithm {number}")
        return spans(f"a rule of its own: algorithm {number}")

    def parameters(self, entry: Entry) -> Spans:
        if entry.against is not None and entry.against.status == "proved":
            if entry.against.conditions:
                return spans(f"for {entry.against.conditions}")
            return _assigned(entry.against.map)
        if entry.status != "rule":
            return ()
        return _put(entry.map, rules[entry.stated])

    def departs(self, entry: Entry) -> Spans:
        """How the entry stands to the rule that its name promises."""
        if not entry.nearest or entry.stated == entry.nearest or entry.rule is None:
            return spans(entry.reason) if entry.status == "other" else ()
        if entry.stated:
            between = self.atlas.between(entry.stated, entry.nearest)
            title = spans(f"{entry.stated} against {entry.nearest}")
        else:
            between = entry.against
            title = spans(f"{entry.framework} {entry.label} against {entry.nearest}")
        if entry.status == "other" and entry.reason:
            return spans(entry.reason)
        if between is None:
            return ()
        name = Code(entry.nearest)
        if between.status == "proved":
            equal = spans(Badge("proved"), " ", name)
            if between.conditions:
                return (*equal, *spans(f" for {between.conditions}"))
            return (*equal, *spans(", "), *_assigned(between.map)) if between.map else equal
        if between.status == "refuted":
            return (*spans(Badge("differs"), " from ", name, " "), *self.departure(between, title))
        return spans(Badge("undecided"), " against ", name, f": {between.reason}")

    def departure(self, between: Comparison, title: Spans) -> Spans:
        """``at step 1 by -eta lambda x``, or where that formula stands in full."""
        at = f"at step {between.step}"
        difference = between.difference
        if difference is None or difference.count_ops() > _HUGE:
            return spans(f"{at} (see the JSON)")
        formula = _math(difference)
        if isinstance(formula, Math) and formula.width <= _WIDE:
            return spans(f"{at} by ", formula)
        block: Block = Listing(formula.text)
        if isinstance(formula, Math):
            lines = pieces(difference, roles=_roles(difference))
            block = Equations((EquationLine(_FIRST_MINUS_SECOND, lines),))
        number = self.note(
            (*title, *spans(f", first minus second {at} ({between.quantity})")), block
        )
        return spans(f"{at}, by formula {number}")

    def note(self, title: Spans, block: Block) -> int:
        """The number under which a block stands in the appendix."""
        for number, known in enumerate(self.formulas, start=1):
            if known == (title, block):
                return number
        self.formulas.append((title, block))
        return len(self.formulas)

    # Rule by rule

    def by_rule(self) -> Section:
        rows = []
        for name in rules:
            names = [
                self.member(entry, entry.map)
                for entry in self.atlas.entries
                if entry.stated == name and not entry.twin
            ]
            for entry in self.atlas.entries:
                if entry.nearest != name or entry.stated == name or entry.twin:
                    continue
                between = self.atlas.between(entry.stated, name)
                if between is not None and between.status == "proved":
                    names.append((*self.member(entry, ()), *spans(" with "),
                                  *_assigned(between.map)))  # fmt: skip
            if names:
                rows.append((spans(f"{rules[name].title}: ", Code(name)), joined(names, "; ")))
        header = (spans("rule"), spans("optimizers that are proved to be it"))
        return Section(spans("Rule by rule"), (Table(header, tuple(rows), "lp"),))

    def member(self, entry: Entry, put: Map) -> Spans:
        of = " (direction)" if entry.direction else ""
        name = spans(f"{entry.framework} ", Code(entry.label), of)
        shown = _put(put, rules[entry.stated]) if entry.stated else ()
        return (*name, *spans(" with "), *shown) if shown else name

    def namesakes(self) -> Section:
        rows = [
            (
                spans(f"{pair.first[0]} ", Code(pair.first[1])),
                spans(f"{pair.second[0]} ", Code(pair.second[1])),
                self.compared(pair),
            )
            for pair in self.atlas.pairs
        ]
        header = (spans("first"), spans("second"), spans("first against second"))
        return Section(spans("One name, two frameworks"), (Table(header, tuple(rows), "llp"),))

    def compared(self, pair: Pair) -> Spans:
        comparison = pair.comparison
        title = spans(f"{' '.join(pair.first)} against {' '.join(pair.second)}")
        if comparison.status == "proved":
            told = _assigned(comparison.map) or spans("the same at every step")
            return (*spans(Badge("proved"), " "), *told)
        if comparison.status == "refuted":
            return (*spans(Badge("differs"), " "), *self.departure(comparison, title))
        return spans(Badge("undecided"), f" {comparison.reason}")

    def refusals(self) -> Iterator[Section]:
        rows = tuple(
            (spans(f"{entry.framework} ", Code(entry.label)), spans(entry.reason))
            for entry in self.atlas.entries
            if entry.status == "refused"
        )
        if rows:
            header = (spans("optimizer"), spans("why it was not lifted"))
            yield Section(spans("Refused"), (Table(header, rows, "lp"),))

    def appendix(self) -> Iterator[Section]:
        if self.formulas:
            parts = tuple(
                Details((*spans(f"{number}. "), *title), (block,))
                for number, (title, block) in enumerate(self.formulas, start=1)
            )
            yield Section(spans("Formulas and algorithms in full"), parts)


# Formulas


def _math(expression: Expr) -> Math | Code:
    """A formula, or its text where there is no notation for what it holds."""
    try:
        return math(expression, _roles(expression))
    except InputError:
        return Code(str(expression))


def _algorithm(rule: Rule) -> Block:
    try:
        return algorithm(rule)
    except InputError:  # no notation for what a line holds
        return Listing(str(rule))


def _roles(expression: Expr) -> Roles:
    """What the symbols of an unrolled formula are: g1 is a gradient, x0 the start."""
    symbols = sorted(expression.free_symbols, key=str)
    gradients = [symbol for symbol in symbols if re.fullmatch(r"g\d+'*(_\d+)?", symbol.name)]
    starts = [symbol for symbol in symbols if re.match(r"x0(_|$)", symbol.name)]
    others = [symbol for symbol in symbols if symbol not in (*gradients, *starts)]
    order = {name: place for place, name in enumerate(_LETTERS)}
    ranked = sorted(others, key=lambda symbol: (order.get(symbol.name, len(order)), symbol.name))
    return Roles(
        hyperparameters=tuple(ranked),
        variables=(*starts, *gradients),
        gradients=frozenset(gradients),
    )


_LETTERS = ("eta", "mu", "beta", "beta1", "beta2", "beta3", "rho", "lamda", "tau", "epsilon")


def _letter(name: str) -> Inline:
    """A hyperparameter's letter; what has none is code."""
    known = {entry.name for rule in rules.values() for entry in rule.parameters}
    if name not in known:
        return Code(name)
    label = Label(name)
    return Math(label.latex, label.unicode, label.width)


def _put(put: Map, stated: Rule) -> Spans:
    """``epsilon sqrt(1 - beta2^t) for epsilon``; numbers as ``lambda = 0``."""
    own = {entry.name for entry in stated.parameters}
    parts = []
    for name, value in put:
        formula = _math(value)
        if name in own and not value.is_number:
            parts.append(spans(formula, " for ", _letter(name)))
        else:
            parts.append(spans(_letter(name), " = ", formula))
    return joined(parts)


def _assigned(put: Map) -> Spans:
    """Pairs that say whose hyperparameter it is: ``epsilon of torch = ...``."""
    parts = []
    for name, value in put:
        owner, _, own = name.rpartition(".")
        of = spans(" of ", Code(owner)) if owner in rules else spans(f" of {owner}" * bool(owner))
        parts.append((*spans(_letter(own)), *of, *spans(" = ", _math(value))))
    return joined(parts)


def _step(entry: Entry) -> Math | None:
    """What a stateless rule adds to x, or the direction that it subtracts; else nothing."""
    rule = entry.rule
    if rule is None or rule.state:
        return None
    values: dict[Symbol, Expr] = {}
    after: Expr = x
    for target, expression in rule.update:
        value = expression.xreplace(values)
        if target == x:
            after = value
        elif target.name != "g":
            values[target] = value
    change = (after - x).expand(deep=False)
    if entry.direction and eta in rule.hyperparameters:
        change = sympy.Add(*[-term / eta for term in sympy.Add.make_args(change)])
    try:
        return math(change, Roles.of_rule(rule))
    except InputError:
        return None
