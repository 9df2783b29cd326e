"""How values show themselves in a notebook: each as a small document, in every format at once.

``_repr_mimebundle_`` of rules, objectives, trajectories and verdicts leads here; nothing of
presentation is loaded before a notebook asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symopt.derivation.unroll import Unrolled
from symopt.execution.trajectory import Trajectory
from symopt.presentation.array_page import array_sheet
from symopt.presentation.closed_forms import gradient_forms
from symopt.presentation.document import (
    Badge,
    Block,
    Code,
    Document,
    Equations,
    Listing,
    Paragraph,
    Table,
    spans,
)  # fmt: skip
from symopt.presentation.run_pictures import pictures_of
from symopt.presentation.sheets import objective_sheet, rule_sheet
from symopt.presentation.verdict_page import verdict_document
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.identification import Identification
from symopt.verification.verdict import Verdict

__all__ = ["bundle", "sheet"]


def bundle(value: Any) -> dict[str, str]:
    """What a notebook may show, by MIME type.

    >>> import symopt
    >>> sorted(bundle(symopt.rules.momentum))
    ['text/html', 'text/latex', 'text/markdown', 'text/plain']
    """
    document = sheet(value)
    return {
        "text/plain": str(value),
        "text/markdown": document.markdown(),
        "text/latex": document._repr_latex_(),
        "text/html": document._repr_html_(),
    }


def sheet(value: Any) -> Document:
    """A value as a small document.

    >>> import symopt
    >>> sheet(symopt.rules.momentum).title
    'Momentum'
    """
    for kind, make in _SHEETS.items():
        if isinstance(value, kind):
            return make(value)
    raise TypeError(f"{type(value).__name__} has no sheet")


def _run_sheet(made: Trajectory) -> Document:
    blocks: list[Block] = [Paragraph(spans(made.caption + "."))]
    if getattr(made.x, "ndim", 2) == 2:
        header, rows = made.table()
        cells = tuple(tuple(spans(cell) for cell in row) for row in rows)
        blocks.append(Table(tuple(map(spans, header)), cells, "r" + "l" * (len(header) - 1)))
        if made.arithmetic in ("float64", "float32") and len(made) == made.steps + 1:
            blocks += pictures_of(made)
    return Document(f"{made.rule.title} on {made.objective.title}", tuple(blocks))


def _unrolled_sheet(made: Unrolled) -> Document:
    blocks: list[Block] = [Paragraph(spans(str(made) + "."))]
    if made.objective is None:
        forms = gradient_forms(made.rule, made.steps)
        if forms.lines:
            blocks.append(Equations(forms.lines))
    else:
        blocks.append(Listing(str(made.closed_form())))
    return Document(f"{made.steps} steps of {made.rule.title}", tuple(blocks))


def _identification_sheet(found: Identification) -> Document:
    header = tuple(map(spans, ("rule", "", "hyperparameters", "verdict")))
    known = found.matches or ((found.nearest,) if found.nearest else ())
    rows = tuple(
        (
            spans(match.title),
            spans(Code(match.rule)),
            spans(match.settings),
            spans(Badge(match.verdict.status)),
        )
        for match in known
    )
    blocks: list[Block] = [Table(header, rows, "llpl")] if rows else []
    blocks.append(Listing(str(found)))
    return Document(f"What {found.implementation} is", tuple(blocks))


_SHEETS: dict[type, Callable[[Any], Document]] = {
    Rule: rule_sheet,
    Objective: objective_sheet,
    ArrayObjective: array_sheet,
    Verdict: verdict_document,
    Trajectory: _run_sheet,
    Unrolled: _unrolled_sheet,
    Identification: _identification_sheet,
}
