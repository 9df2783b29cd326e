"""``symopt.compare``: rules side by side, with the lines in which they differ set in color."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from symopt.errors import InputError, SymoptError
from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory
from symopt.presentation.checked import checked_section
from symopt.presentation.closed_forms import gradient_forms
from symopt.presentation.document import (
    Algorithm,
    Block,
    Cite,
    Code,
    Document,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Section,
    Spans,
    Table,
    Text,
    joined,
    spans,
)  # fmt: skip
from symopt.presentation.figures import figure
from symopt.presentation.run_pictures import drawable_steps, pictures_of
from symopt.presentation.sheets import algorithm
from symopt.presentation.verdict_page import verdict_blocks, verdict_document
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS
from symopt.verification.argument import Finding
from symopt.verification.prove import prove
from symopt.verification.verdict import Verdict

__all__ = ["compare"]

#: The most rules that are compared, and that stand beside each other in one table.
_MOST, _COLUMNS = 12, 3
_TABLE_STEPS, _DRAWN_STEPS = 5, 50
#: Titles of more letters than this, together, are broken at the head of a table.
_TITLES = 80
#: What the columns of a table may take together, in em of its smallest type.
_WIDEST = 46.0


def compare(
    *compared: Rule | str | Verdict,
    objective: Objective | str | None = None,
    steps: int = 2,
    x0: Sequence[Any] | None = None,
    **hyper: Any,
) -> Document:
    """Compare rules: their lines side by side, what is proved of them, their first exact steps.

    Parameters
    ----------
    compared
        Two or more rules or their names, the first being what the others are measured against;
        a rule that was lifted from code is one like any other. Or one verdict.
    objective, x0
        On what they are run; without an objective only formulas are compared.
    steps
        How many steps are written in closed form.
    hyper
        Hyperparameters of the runs, for every rule that has them.

    Raises :class:`~symopt.errors.InputError` for fewer than two rules or unusable arguments, and
    :class:`~symopt.errors.DerivationError` for a formula that does not hold.

    >>> import symopt
    >>> page = compare("momentum", "nesterov")
    >>> [line.strip() for line in page.text().splitlines() if line.startswith(">")]
    ['>     gₜ ← ∇f(xₜ₋₁ + μ vₜ₋₁)']
    """
    if len(compared) == 1 and isinstance(compared[0], Verdict):
        return verdict_document(compared[0])
    if any(isinstance(entry, Verdict) for entry in compared):
        raise InputError("compare one verdict alone, or rules")
    stated = [rules.resolve(entry) for entry in compared if not isinstance(entry, Verdict)]
    if not 2 <= len(stated) <= _MOST:
        raise InputError(
            f"{len(stated)} rules: a comparison takes 2 to {_MOST}; symopt.derive takes one"
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 6:
        raise InputError(f"steps = {steps!r}: a comparison writes 1 to 6 steps")
    known = {entry.name for rule in stated for entry in rule.parameters}
    for name in hyper:
        if name not in known:
            raise InputError(
                f"{name}: none of the compared rules has it; they have {', '.join(sorted(known))}"
            )
    findings: list[Finding] = []
    blocks: list[Block] = [
        _introduction(stated),
        Section(spans("Side by side"), tuple(_side_by_side(stated))),
        Section(spans("What is proved"), tuple(_proved(stated))),
        Section(spans("The first steps in closed form"), tuple(_closed(stated, steps, findings))),
    ]
    if objective is not None:
        blocks += _on_objective(stated, objectives.resolve(objective), x0, hyper)
    if findings:
        blocks.append(checked_section(findings))
    title = f"{', '.join(rule.title for rule in stated[:-1])} and {stated[-1].title}"
    return Document(title, tuple(blocks), tuple(rule.source for rule in stated))


def _introduction(stated: Sequence[Rule]) -> Block:
    parts = [spans(f"{rule.title} from ", Cite(rule.source)) for rule in stated]
    return Paragraph(
        (
            *joined(parts, "; "),
            *spans(f". Lines that are not those of {stated[0].title} are set in color and marked."),
        )
    )


def _side_by_side(stated: Sequence[Rule]) -> list[Block]:
    boxes = [algorithm(rule) for rule in stated]
    first = {_written(line) for line in boxes[0].loop}
    starts = {_written(line) for line in boxes[0].start}
    blocks: list[Block] = []
    table = _table(stated, boxes)
    if table is not None:
        blocks.append(table)
    for number, (rule, box) in enumerate(zip(stated, boxes, strict=True)):
        if number:
            box = replace(
                box,
                loop=tuple(_marked(line, first) for line in box.loop),
                start=tuple(_marked(line, starts) for line in box.start),
            )
        blocks.append(box)
        if rule.defect:
            defect = Text(f"This rule is stated because it is wrong: {rule.defect}")
            blocks.append(Paragraph(spans(defect)))
    return blocks


def _written(line: EquationLine) -> tuple[str, str]:
    left = line.left.latex if line.left else ""
    return left, " ".join(part.latex for part in line.right)


def _marked(line: EquationLine, known: set[tuple[str, str]]) -> EquationLine:
    return replace(line, marked=_written(line) not in known)


def _table(stated: Sequence[Rule], boxes: Sequence[Algorithm]) -> Table | None:
    """Line by line, one column per rule, where the page is wide enough."""
    if len(stated) > _COLUMNS:
        return None
    targets: list[str] = []
    for box in boxes:
        place = 0
        for line in box.loop:
            name = _written(line)[0]
            if name in targets:
                place = targets.index(name) + 1
            else:
                targets.insert(place, name)
                place += 1
    columns: list[dict[str, Math]] = []
    for box in boxes:
        column = {}
        for line in box.loop:
            left = line.left or Math("", "")
            text = " ".join(part.text for part in line.right)
            latex = rf"{left.latex} \gets {_written(line)[1]}"
            width = left.width + sum(part.width for part in line.right) + 1.5
            column[left.latex] = Math(latex, f"{left.text} ← {text}", width)
        columns.append(column)
    widest = [max((cell.width for cell in column.values()), default=0.0) for column in columns]
    if sum(widest) > _WIDEST:
        return None
    rows = []
    for target in targets:
        base = columns[0].get(target)
        cells = []
        for column in columns:
            cell = column.get(target)
            if cell is None:
                cells.append(spans("–"))
            else:
                differs = base is None or cell.latex != base.latex
                cells.append(spans(replace(cell, marked=differs)))
        rows.append(tuple(cells))
    return Table(tuple(spans(rule.title) for rule in stated), tuple(rows))


def _proved(stated: Sequence[Rule]) -> list[Block]:
    """Each rule against the first one: the verdict, or why there is none."""
    blocks: list[Block] = []
    first = stated[0]
    for other in stated[1:]:
        heading = spans(Text(f"{first.title} and {other.title}", emphasis=True))
        blocks.append(Paragraph((*heading, *_names(first, other))))
        blocks += verdict_blocks(prove(first, other))
    return blocks


def _names(first: Rule, other: Rule) -> Spans:
    return (*spans(" ("), Code(first.name), *spans(", "), Code(other.name), *spans(")"))


def _closed(stated: Sequence[Rule], steps: int, findings: list[Finding]) -> list[Block]:
    """The first points in terms of the gradients that the steps read."""
    blocks: list[Block] = [
        Paragraph(
            spans(
                "In terms of the start and of the gradients ", Math("g_1", "g₁"), ", ",
                Math("g_2", "g₂"), ", ... that the steps read:",
            )
        )
    ]  # fmt: skip
    for rule in stated:
        if any(expression.has(*REDUCTIONS) for _, expression in rule.update):
            blocks.append(
                Paragraph(spans(f"{rule.title} reduces over coordinates; it has no such form."))
            )
            continue
        made = gradient_forms(rule, steps)
        findings += made.findings
        blocks.append(Paragraph(spans(f"{rule.title}:")))
        if made.lines:
            blocks.append(Equations(made.lines))
        if len(made.lines) < steps:
            blocks.append(
                Paragraph(
                    spans(
                        f"Step {len(made.lines) + 1} is too long to be read in one formula; all "
                        f"{steps} steps take {made.unrolled.operations} operations when every "
                        "result is computed once."
                    )
                )
            )
    return blocks


def _on_objective(
    stated: Sequence[Rule], objective: Objective, x0: Any, hyper: dict[str, Any]
) -> list[Block]:
    """Exact first steps of each, and the paths of all in one picture."""
    columns: list[list[Spans]] = []
    drawn: list[Trajectory] = []
    notes: list[Block] = []
    for rule in stated:
        names = {entry.name for entry in rule.parameters}
        own = {name: value for name, value in hyper.items() if name in names}
        try:
            exact = run(rule, objective, x0, _TABLE_STEPS, "rational", mode="auto", **own)
            floats = run(rule, objective, x0, _DRAWN_STEPS, **own)
        except SymoptError as error:
            notes.append(Paragraph(spans(f"{rule.title} has no exact steps here: {error}.")))
            columns.append([spans("–")] * (_TABLE_STEPS + 1))
            continue
        columns.append([_point(row, objective.dimension) for row in exact.x])
        steps = min(_DRAWN_STEPS, drawable_steps(floats))
        if steps >= 1:
            drawn.append(
                floats if steps == _DRAWN_STEPS else run(rule, objective, x0, steps, **own)
            )
    variables = ", ".join(symbol.name for symbol in objective.variables[:2])
    header = [spans(Math("t", "t")), *(spans(rule.title) for rule in stated)]
    rows = [
        (spans(Math(str(step), str(step))), *(column[step] for column in columns))
        for step in range(_TABLE_STEPS + 1)
    ]
    caption = spans(
        f"The points ({variables}) of each rule on {objective.title}: fractions are exact, "
        "decimals correctly rounded from exact or certified runs."
    )
    kind = "p" if sum(len(rule.title) for rule in stated) > _TITLES else "l"
    table = Table(tuple(header), tuple(rows), "r" + kind * len(stated), caption)
    blocks: list[Block] = [Section(spans("The first steps, exactly"), (table, *notes))]
    if drawn:
        blocks.append(Section(spans("Pictures"), pictures_of(*drawn)))
    return blocks


def _point(row: Any, dimension: int) -> Spans:
    digits = 8 if dimension > 1 else 12
    cells = [spans(figure(value, digits, telling=False).math) for value in list(row)[:2]]
    return cells[0] if dimension == 1 else (*spans("("), *joined(cells), *spans(")"))
