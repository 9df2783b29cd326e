"""Settled disputes as a document: the formulas, the proof or difference, and the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr

from symopt.presentation.breaking import pieces
from symopt.presentation.document import (
    Badge,
    Block,
    Code,
    Details,
    Document,
    EquationLine,
    Equations,
    Link,
    Listing,
    Math,
    Paragraph,
    Section,
    Spans,
    Table,
    joined,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.indices import IndexedLine, indexed_lines, initial_lines
from symopt.presentation.names import Label
from symopt.statement.rule import Rule
from symopt.verification.dispute import Departure, Settled
from symopt.verification.verdict import Verdict

__all__ = ["dispute_section", "disputes_document", "thread"]

#: A formula with more operations is not shown; the witness says it in numbers.
_MOST_OPERATIONS = 140
_STATUS = {
    "one rule": "same", "one rule, mapped": "same", "one rule, scheduled": "differs",
    "one rule, bounded": "same", "a special case": "differs", "two rules": "differs",
}  # fmt: skip
_HOW = {
    "one rule, mapped": "One rule with other values, proved for every step: with ",
    "one rule, scheduled": "Two rules for every constant value, and one, proved for every step, "
    "if a hyperparameter follows a schedule: with ",
    "a special case": "One is the other with a hyperparameter held fixed, proved for every step: "
    "with ",
}


def disputes_document(title: str, introduction: str, settled: Sequence[Settled]) -> Document:
    """A page of settled disputes, one section each, after a table of what came out.

    >>> from symopt.verification.dispute import Dispute, settle
    >>> dispute = Dispute(
    ...     "Where decay stands", "Before the step, or in it?", ("pytorch/pytorch#3740",), "adamw",
    ...     "adamw_optax", "It never does.")
    >>> page = disputes_document("Settled", "By proof.", [settle(dispute)])
    >>> "one rule" in page.text()
    True
    """
    blocks: list[Block] = [Paragraph(spans(introduction)), _overview(settled)]
    blocks += map(dispute_section, settled)
    sources = [rule.source for found in settled for rule in (found.first, found.second)]
    return Document(title, tuple(blocks), tuple(sources))


def thread(name: str) -> Link:
    """The link to a thread that is named as ``owner/repository#number``.

    >>> thread("pytorch/pytorch#3740").address
    'https://github.com/pytorch/pytorch/issues/3740'
    """
    repository, _, number = name.partition("#")
    return Link(name, f"https://github.com/{repository}/issues/{number}")


def _overview(settled: Sequence[Settled]) -> Table:
    header = ("dispute", "settled", "from step", "in float64", "in float32")
    rows = []
    for found in settled:
        first = "never" if found.outcome == "one rule" else str(found.same.step or "")
        shown = [_since(found, form) for form in ("float64", "float32")]
        rows.append(
            tuple(spans(cell) for cell in (found.dispute.title, found.outcome, first, *shown))
        )
    caption = spans(
        "Settled: by proof for all inputs, hyperparameters and steps. From step: the first at "
        "which the two formulas differ. In float64, float32: the first step at which runs of the "
        "two, rounded in that format, differ in any bit."
    )
    return Table(tuple(spans(cell) for cell in header), tuple(rows), "pllll", caption)


def _since(found: Settled, form: str) -> str:
    step = found.shows[form]
    if step is None:
        last = max((departure.step for departure in found.departures), default=0)
        return f"not in {last} steps" if last else ""
    return f"at step {step}"


def dispute_section(found: Settled) -> Section:
    """One dispute: its two formulas, what decides it, the difference, the numbers, the threads."""
    dispute = found.dispute
    badge = Badge(_STATUS.get(found.outcome, found.outcome))
    blocks: list[Block] = [
        Paragraph(spans(dispute.question)),
        *_formulas(found.first, found.second),
        Paragraph((badge, *spans(" "), *_decision(found))),
        *_difference(found),
        *_numbers(found),
    ]
    if dispute.matters:
        blocks.append(Paragraph((*spans("When it matters: "), *spans(dispute.matters))))
    if dispute.threads:
        links = joined([(thread(name),) for name in dispute.threads])
        blocks.append(Paragraph((*spans("Argued in "), *links, *spans("."))))
    return Section(spans(dispute.title), tuple(blocks))


def _formulas(first: Rule, second: Rule) -> list[Block]:
    """The lines in which two rules differ, each under its rule's title."""
    blocks: list[Block] = []
    for rule, other in ((first, second), (second, first)):
        theirs = set(map(_written, _lines(other)))
        own = [line for line in _lines(rule) if _written(line) not in theirs]
        blocks.append(
            Paragraph(
                (*spans(f"{rule.title} ("), Code(rule.name), *spans(f"; {rule.source.text}):"))
            )
        )
        if own:
            blocks.append(Equations(tuple(_equation(line) for line in own)))
        else:
            blocks.append(Paragraph(spans("no line that the other does not have.")))
    return blocks


def _lines(rule: Rule) -> list[IndexedLine]:
    return [*initial_lines(rule), *indexed_lines(rule)]


def _written(line: IndexedLine) -> tuple[str, str]:
    return line.target.latex, math(line.expression, line.roles, line.labels).latex


def _equation(line: IndexedLine) -> EquationLine:
    left = Math(line.target.latex, line.target.unicode, line.target.width)
    right = pieces(line.expression, roles=line.roles, labels=line.labels)
    return EquationLine(left, right, relation=r"\gets")


def _decision(found: Settled) -> Spans:
    same, mapped = found.same, found.mapped
    if found.outcome == "one rule":
        related = "; ".join(found.same.relation)
        return spans(
            "One rule: proved equal at every step, with the same hyperparameters"
            + (f", where {related}." if related else ".")
        )
    if mapped is not None and mapped.conditions:
        return spans(
            f"One rule for {mapped.conditions}, proved for every step. Elsewhere they differ from "
            f"step {same.step} on."
        )
    if mapped is not None:
        pairs = [_map_entry(name, value) for name, value in mapped.map.items()]
        return (
            *spans(_HOW[found.outcome]),
            *joined(pairs),
            *spans(f". With the same values they differ from step {same.step} on."),
        )
    if same.status == "refuted":
        return spans(f"Two rules: {same.reason}.")
    return spans(f"Undecided: {same.reason}.")


def _map_entry(name: str, value: Expr) -> Spans:
    rule, _, own = name.rpartition(".")
    shown = math(value)
    return (Code(own), *spans(" of "), Code(rule), *spans(" = "), shown)


def _difference(found: Settled) -> list[Block]:
    same = found.same
    if same.status != "refuted":
        return []
    blocks: list[Block] = []
    if same.difference is not None and int(same.difference.count_ops()) <= _MOST_OPERATIONS:
        values = ", ".join(f"{name} = {value}" for name, value in found.dispute.values.items())
        given = f", for {values}" if values else ""
        told = f"The first minus the second after step {same.step}{given}:"
        point = Label("x", str(same.step))
        left = Math(rf"\Delta {point.latex}", f"Δ{point.unicode}", point.width + 0.8)
        blocks.append(Paragraph(spans(told)))
        blocks.append(Equations((EquationLine(left, pieces(same.difference)),)))
    if same.witness is not None:
        blocks.append(Details(spans("A witness in exact numbers"), (Listing(str(same.witness)),)))
    return blocks


def _numbers(found: Settled) -> list[Block]:
    if found.outcome == "one rule":
        return []
    if not found.departures:
        return [Paragraph(spans(f"No run shows it: {found.reason}."))] if found.reason else []
    header = tuple(spans(cell) for cell in ("after step", "distance of the points", "of the way"))
    rows = tuple(_row(found.same, departure) for departure in found.departures)
    setting = ", ".join(f"{k} = {v}" for k, v in found.dispute.setting.items())
    caption = spans(
        f"Certified runs on {_objective(found)} from its customary start, with the "
        f"hyperparameters of {found.first.name}" + (f" and {setting}" if setting else "") + "."
    )
    return [Table(header, rows, "rll", caption)]


def _objective(found: Settled) -> str:
    from symopt.statement.library import objectives

    return objectives.resolve(found.dispute.objective).title


def _row(same: Verdict, departure: Departure) -> tuple[Spans, ...]:
    if same.status == "proved" or (same.step is not None and departure.step < same.step):
        return spans(str(departure.step)), spans("0"), spans("0")
    if departure.distance.contains(0):
        most = figure(departure.distance.upper(), 3, telling=False).math
        return spans(str(departure.step)), (*spans("at most "), most), spans("")
    share = departure.distance / departure.moved
    distance, part = (figure(value, 3, telling=False).math for value in (departure.distance, share))
    return spans(str(departure.step)), (distance,), (part,)
