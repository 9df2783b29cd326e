"""Pages: whatever the rule, nothing sticks out of the margin and every formula is MathML."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typesetting import compiled

import symopt
from symopt.presentation.collection import read_collection
from symopt.presentation.document import Document, Section, spans
from symopt.verification.survey import heads

pytestmark = pytest.mark.slow

DERIVATIONS = Path(__file__).parents[2] / "derivations"
#: A line may stick out by this much before it is seen, in points.
SEEN = 10.0


def too_wide(log: str) -> list[float]:
    widths = re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)
    return [float(width) for width in widths if float(width) > SEEN]


def together(names: list[str], objective: str, steps: int, detail: str) -> Document:
    start = ("1/2",) * symopt.objectives[objective].dimension
    parts = []
    for name in names:
        made = symopt.derive(name, objective, steps=steps, x0=start, detail=detail)
        parts.append(Section(spans(name), made.blocks))
    return Document(f"Rules on {objective}", tuple(parts))


@pytest.mark.parametrize(
    ("chosen", "objective", "steps", "detail"),
    [
        pytest.param("every rule", "half_square", 1, "full", marks=pytest.mark.study),
        ("main rules", "cubic", 2, "normal"),
    ],
)
def test_no_line_of_any_rule_sticks_out_and_no_formula_falls_back_to_text(
    chosen: str, objective: str, steps: int, detail: str, tmp_path: Path
) -> None:
    main = [rule.name for rule in heads(symopt.rules).values()]
    names = list(symopt.rules) if chosen == "every rule" else main
    assert len(names) > 15
    document = together(names, objective, steps, detail)
    assert too_wide(compiled(document, tmp_path, pictures=False)) == []
    assert 'class="math"' not in _without_pictures(document)


def _without_pictures(document: Document) -> str:
    from symopt.presentation import html

    kept = [block for part in document.blocks for block in getattr(part, "blocks", ())]
    named = [block for block in kept if not _is_pictures(block)]
    return "".join(html.block(block) for block in named)


def _is_pictures(block: object) -> bool:
    return isinstance(block, Section) and block.title == spans("Pictures")


def test_committed_derivations_compile_and_fit_the_page(tmp_path: Path) -> None:
    for number, entry in enumerate(read_collection(DERIVATIONS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert too_wide(compiled(entry.document, folder, pictures=False)) == [], entry.script
