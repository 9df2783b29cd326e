"""Documents are data; what users write in them is never a command."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest
from typesetting import compiled, complaints

from symopt.errors import InputError, OutputError
from symopt.presentation.bibliography import bibtex, entry
from symopt.presentation.document import (
    Algorithm,
    Aside,
    Badge,
    Cite,
    Code,
    Details,
    Document,
    EquationLine,
    Equations,
    Figure,
    Items,
    Link,
    Listing,
    Math,
    Paragraph,
    Section,
    Table,
    Text,
    spans,
)
from symopt.presentation.pictures import Picture
from symopt.presentation.tex_text import declarations, escape
from symopt.presentation.text import columns
from symopt.statement.source import Reference, Source

HOSTILE = '\\input{/etc/passwd} \\end{document} $x$ %& #1 _a_ ^b ~c {d} <e> |f| "g" `h\' -- ---'
LANGUAGES = (
    "Größe, Łukasz, naïve, Çelik, Nesterov (Нестеров), 优化算法, βελτιστοποίηση, x₁², ≤ ∞ 🙂"
)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
SOURCE = Source(
    "own",
    "p. 1_2 & 3%",
    reference=Reference("own", "On #hashes & $ signs", "Łoś, Jerzy and Ó Séaghdha, Diarmuid", 1999,
                        "Journal of 100%", "https://example.org/a_b/c%20d?x=1&y=2#z"),
)  # fmt: skip


def sample(title: str = "A title") -> Document:
    x, y = Math("x_1", "x₁", 1.0), Math(r"\frac{1}{2}", "1/2", 0.8)
    long = tuple(Math(f"+ a_{{{k}}}", f"+ a{k}", 3.0) for k in range(60))
    return Document(
        title,
        (
            Paragraph(spans("Text ", x, " and ", Text("more", emphasis=True), Cite(SOURCE), ".")),
            Items((spans("first"), spans("second ", y))),
            Section(
                spans("Equations of ", x),
                (
                    Equations((EquationLine(x, (y,), spans("a reason")), EquationLine(None, (y,)))),
                    Equations((EquationLine(x, long),)),
                    Algorithm(
                        spans("Descent"),
                        (spans("Given: ", x),),
                        (EquationLine(x, (y,)),),
                        (EquationLine(x, (x, Math("- 1", "- 1", 1.0))),),
                    ),
                    Table(
                        (spans("name"), spans("value")),
                        tuple((spans(f"row {k}"), spans(y)) for k in range(50)),
                        "lr",
                        spans("A caption."),
                    ),
                    Equations((EquationLine(x, (y,), marked=True),)),
                    Figure(Picture("png", PIXEL), "One dot", spans("A dot: ", x)),
                    Listing("if a < b:\n    c = '$x$'  # ```", "python"),
                    Aside((Paragraph(spans("Beware of ", x)),), warning=True),
                    Details(spans("More on ", x), (Paragraph(spans("Folded.")),)),
                    Table(
                        (spans("status"), spans("name | code")),
                        (
                            (spans(Badge("proved")), spans(Code("a|b_c"))),
                            (spans(Badge("refuted")), spans(Math(r"|x|", "|x|", 1.0))),
                            (spans(Badge("undecided")), spans(Link("here", "a (b).html"))),
                        ),
                    ),
                ),
            ),
        ),
        (SOURCE,),
    )


def test_the_sample_compiles_without_a_warning(tmp_path: Path) -> None:
    assert complaints(compiled(sample(), tmp_path)) == []


@pytest.mark.parametrize("title", [HOSTILE, LANGUAGES, "", "a" * 300, "\x00\x1b[31m\n\ttabs"])
def test_any_title_compiles_and_is_no_command(title: str, tmp_path: Path) -> None:
    document = Document(title, (Section(spans(title), (Paragraph(spans(title)),)),))
    log = compiled(document, tmp_path)
    assert not [line for line in complaints(log) if line.startswith("!") or "Warning" in line]


def test_the_source_keeps_the_characters_themselves() -> None:
    source = Document(LANGUAGES, ()).latex()
    assert "优化算法" in source
    assert "Größe" in source


def test_a_character_that_no_font_has_is_printed_as_its_code_point() -> None:
    assert r"\texttt{[U+4F18]}" in declarations("优")
    assert r"\texttt{[U+1F642]}" in declarations("🙂")
    assert "{041D}{N}" in declarations("Нестеров")
    assert r"\ensuremath{\beta}" in declarations("β")
    assert declarations("plain") == ""


def test_chinese_is_set_from_its_font_where_the_package_is_there(tmp_path: Path) -> None:
    """And from code points elsewhere; what that font has not is a code point too."""
    document = Document("优化算法, かな und Größe", (Paragraph(spans("文本, 龘, 한글, β ≤ x₁")),))
    assert r"\IfFileExists{CJKutf8.sty}{\usepackage{CJKutf8}" in document.latex()
    assert not [line for line in complaints(compiled(document, tmp_path)) if line.startswith("!")]


def test_escaping_leaves_no_active_character() -> None:
    active = re.sub(r"\\[A-Za-z]+\{\}|\\[{}$&#%_]|-\{\}", "", escape(HOSTILE))
    assert not set(active) & set('\\{}$&#%_^~<>|"`')


def test_text_fits_its_columns_and_breaks_formulas_at_signs() -> None:
    for width in (40, 60, 100):
        lines = sample().text(width).splitlines()
        assert max(map(columns, lines)) <= max(width, 60)
        broken = [line for line in lines if line.lstrip().startswith("+ a")]
        assert broken


def test_accents_take_no_column_and_wide_letters_two() -> None:
    assert columns("m̂ₜ") == 2
    assert columns("优化") == 4


def test_a_document_prints_as_its_text() -> None:
    assert str(sample()) == sample().text()
    assert "[1] Jerzy Łoś and Diarmuid Ó Séaghdha (1999)" in sample().text()


def test_saving_knows_its_endings(tmp_path: Path) -> None:
    for ending in (".tex", ".md", ".html", ".txt", ".bib", ".TEX"):
        path = sample().save(tmp_path / f"d{ending}")
        assert path.read_text("utf-8")
    with pytest.raises(InputError, match=r"\.docx.*\.tex, \.md, \.html, \.pdf, \.txt"):
        sample().save(tmp_path / "d.docx")


def test_an_unwritable_place_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    missing = tmp_path / "none" / "d.tex"
    with pytest.raises(OutputError, match=re.escape(str(missing))):
        sample().save(missing)
    (tmp_path / "d.tex").mkdir()
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "d.tex"))):
        sample().save(tmp_path / "d.tex")
    assert os.listdir(tmp_path) == ["d.tex"]


def test_an_existing_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "d.tex"
    target.write_text("old" * 100_000)
    os.chmod(target, 0o640)
    sample().save(target)
    assert target.read_text("utf-8") == sample().latex(["d-1.png"])
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["d-1.png", "d.tex"]


def test_a_table_with_a_short_row_is_refused() -> None:
    with pytest.raises(InputError, match="2 columns"):
        Table((spans("a"), spans("b")), ((spans("1"),),))


def test_the_bibliography_names_each_source_once() -> None:
    document = Document("", (), (SOURCE, SOURCE))
    assert len(document.bibliography) == 1
    assert document.bibtex().count("@article{own") == 1
    assert "url = {https://example.org/a_b/c%20d?x=1&y=2#z}" in bibtex(document.bibliography[0])
    assert entry(document.bibliography[0]).endswith("Journal of 100%.")
