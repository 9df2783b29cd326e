"""Rules side by side: what differs is marked, what is proved is said, formulas are checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typesetting import compiled, complaints

import symopt
from symopt.errors import InputError, UnknownNameError
from symopt.presentation.document import Algorithm, Badge, Document, Paragraph, Section, plain


def marked(document: Document, number: int) -> list[str]:
    """The marked lines of one algorithm box."""
    sections = [block for block in document.blocks if isinstance(block, Section)]
    boxes = [block for block in sections[0].blocks if isinstance(block, Algorithm)]
    lines = (*boxes[number].start, *boxes[number].loop)
    return [line.left.text for line in lines if line.marked and line.left]


def statuses(document: Document) -> list[str]:
    proved = next(b for b in document.blocks if plain(b.title if isinstance(b, Section) else ())
                  == "What is proved")  # fmt: skip
    assert isinstance(proved, Section)
    return [
        part.status
        for block in proved.blocks
        if isinstance(block, Paragraph)
        for part in block.spans
        if isinstance(part, Badge)
    ]


def test_nesterov_differs_from_momentum_in_where_the_gradient_is_asked() -> None:
    document = symopt.compare("momentum", "nesterov")
    assert marked(document, 0) == []
    assert marked(document, 1) == ["gₜ"]
    assert statuses(document) == ["refuted"]
    assert "η μ g₁" in document.text()


def test_a_family_has_one_verdict_for_each_member() -> None:
    document = symopt.compare("momentum", "heavy_ball", "momentum_buffer")
    assert statuses(document) == ["proved", "proved"]
    assert document.title == "Momentum, Heavy ball and " + symopt.rules.momentum_buffer.title


def test_adams_epsilons_differ_in_one_line_each() -> None:
    document = symopt.compare("adam", "adam_epsilon_inside")
    assert marked(document, 1) == ["xₜ"]
    assert statuses(document) == ["refuted"]


def test_exact_first_steps_stand_beside_each_other() -> None:
    text = symopt.compare(
        "momentum", "gradient_descent", objective="half_square", x0=["1"], eta="1/100", mu="9/10"
    ).text()
    assert re.search(r"2 +\(?0\.9711\)? +\(?0\.9801\)?", text)


def test_code_against_a_paper_is_a_comparison_of_two_rules(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def step(w, g, v, lr=0.01, mu=0.9):\n    v = mu * v + lr * g\n    return w + v, v\n"
    )
    from symopt.verification.target import load_target

    lifted = symopt.lift(load_target(f"{file}:step"))
    document = symopt.compare(lifted, "momentum")
    assert statuses(document) == ["refuted"]
    assert "after step 1" in document.text()


def test_a_verdict_is_a_document_of_its_own() -> None:
    verdict = symopt.prove("momentum", "momentum_buffer")
    text = symopt.compare(verdict).text()
    assert "✓ proved" in text
    assert "How the memories hang together" in text


def test_a_comparison_compiles_and_is_valid_html(tmp_path: Path) -> None:
    html5lib = pytest.importorskip("html5lib")
    document = symopt.compare("momentum", "nesterov", "heavy_ball", objective="cubic", x0=(1, 1))
    html5lib.HTMLParser(strict=True).parse(document.html())
    assert 'class="marked"' in document.html()
    assert complaints(compiled(document, tmp_path)) == []


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="2 to"):
        symopt.compare("adam")
    with pytest.raises(UnknownNameError, match="adam"):
        symopt.compare("adam", "adm")
    with pytest.raises(InputError, match="none of the compared rules"):
        symopt.compare("momentum", "nesterov", beta1=1)
    with pytest.raises(InputError, match="steps"):
        symopt.compare("momentum", "nesterov", steps=0)
