"""What every renderer keeps: all of the text, formulas that parse, no user's text as markup."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_document import HOSTILE, LANGUAGES, sample

import symopt
from symopt.errors import OutputError
from symopt.presentation import pdf
from symopt.presentation.document import (
    Code,
    Document,
    EquationLine,
    Equations,
    Figure,
    Link,
    Listing,
    Math,
    Paragraph,
    Section,
    Table,
    spans,
)
from symopt.presentation.pictures import Drawing, Picture

MATHML = re.compile(r"<math.*?</math>", re.DOTALL)


def hostile() -> Document:
    return Document(
        HOSTILE,
        (
            Section(
                spans(HOSTILE),
                (
                    Paragraph(spans(HOSTILE, Code(HOSTILE), Link(HOSTILE, "javascript:alert(1)"))),
                    Listing(HOSTILE + "\n```\n</code></pre><script>"),
                    Table((spans("a|b"),), ((spans(HOSTILE, Code(HOSTILE)),),)),
                    Figure(Picture("png", b""), HOSTILE, spans(HOSTILE)),
                ),
            ),
        ),
    )


def checked(page: str) -> str:
    """The page, if html5lib finds no error in it and every formula is XML."""
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(page)
    for formula in MATHML.findall(page):
        ElementTree.fromstring(formula)
    return page


@pytest.mark.parametrize("made", [sample, hostile, lambda: Document(LANGUAGES, ())])
def test_a_page_is_valid_html_without_script_or_network(made) -> None:
    page = checked(made().html())
    assert "<script" not in page
    assert "javascript:" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:|https?://example\.org|a \(b\))", page)
    assert "@import" not in page
    assert "url(" not in page


def test_every_formula_of_a_derivation_is_mathml_that_parses() -> None:
    page = checked(symopt.derive("adam", "beale", steps=2).html())
    assert len(MATHML.findall(page)) > 100
    assert 'class="math"' not in page, "a formula fell back to text"


def test_languages_survive_in_every_format() -> None:
    document = Document(LANGUAGES, ())
    for rendered in (document.html(), document.markdown(), document.text(), document.latex()):
        assert "优化算法" in rendered
        assert "Нестеров" in rendered


def test_markdown_writes_formulas_as_github_reads_them() -> None:
    r"""No \operatorname, no bar in a table's formula, fences closed, no dollar of the text's."""
    text = symopt.derive("lion", "beale", steps=1).markdown()
    assert r"\operatorname" not in text
    assert r"\mathrm{sign}" in text
    assert text.count("```math") == len(re.findall(r"^(?:> )?```$", text, re.MULTILINE))
    table = [line for line in sample().markdown().splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in table]
    assert {len(row) for row in cells} == {2}
    assert "<span>$</span>5" in hostile().markdown() or "<span>$</span>x" in hostile().markdown()


def test_markdown_keeps_what_is_hostile_as_text() -> None:
    markdown_it = pytest.importorskip("markdown_it")
    rendered = markdown_it.MarkdownIt("commonmark").enable("table").render(hostile().markdown())
    plain = re.sub(r"<[^>]*>", "", rendered)
    assert "&lt;e&gt;" in plain
    assert "_a_ ^b ~c {d}" in plain
    assert "<em>a</em>" not in rendered


def test_code_keeps_its_blanks_and_its_quotes() -> None:
    block = Listing("def f(a):\n    return '--' + \"x\"  # 100%")
    document = Document("", (block,))
    assert "    return '--' + \"x\"" in document.markdown()
    assert "\n    return &#x27;--&#x27; + &quot;x&quot;" in document.html()
    assert r"\hspace*{2em}" in document.latex()
    assert "        return '--'" in document.text()


def test_the_line_that_differs_is_marked_in_every_format() -> None:
    v, w = Math("v", "v", 0.5), Math("w", "w", 0.7)
    lines = (EquationLine(v, (w,)), EquationLine(w, (v,), marked=True))
    document = Document("", (Equations(lines),))
    assert document.latex().count(r"\textcolor{symoptmark}") == 2
    assert document.markdown().count(r"\color") == 2
    assert document.html().count('<tr class="marked">') == 1
    assert document.text().splitlines()[-1].startswith("> w = v")


def test_pictures_are_inside_a_page_and_beside_a_source(tmp_path: Path) -> None:
    run = symopt.run("momentum", "beale", steps=5)
    drawing = Figure(Drawing("losses", (run,)), "Losses", spans("f by step"))
    document = Document("With a picture", (drawing,))
    assert "data:image/svg+xml;base64," in document.html()
    document.save(tmp_path / "d.md")
    assert "![Losses](d-1.png)" in (tmp_path / "d.md").read_text("utf-8")
    assert (tmp_path / "d-1.png").read_bytes().startswith(b"\x89PNG")
    document.save(tmp_path / "d.tex")
    assert r"\includegraphics[width=0.75\linewidth]{d-1.pdf}" in (tmp_path / "d.tex").read_text()
    assert (tmp_path / "d-1.pdf").read_bytes().startswith(b"%PDF")
    assert "includegraphics" not in document.latex()
    assert "Losses" in document.latex()
    assert "[picture: Losses]" in document.text()


def test_without_a_tex_program_the_error_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(OutputError, match=r"install latexmk .* or tectonic"):
        sample().save(tmp_path / "d.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_pdf_that_fails_shows_the_lines_of_the_log(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    broken = Document("", (Paragraph(spans(Math(r"\nosuchcommand", "?"))),))
    with pytest.raises(OutputError, match=r"(?s)fails.*Undefined control sequence.*nosuchcommand"):
        broken.save(tmp_path / "d.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_pdf_is_made_of_a_derivation(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    made = sample().save(tmp_path / "d.pdf")
    assert made.read_bytes().startswith(b"%PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["d.pdf"]


def test_tex_cannot_read_files_elsewhere(tmp_path: Path) -> None:
    """Not even through a formula, which is not escaped."""
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    secret = tmp_path / "secret.tex"
    secret.write_text("READ")
    thief = Document("", (Paragraph(spans(Math(rf"\input{{{secret}}}", "?"))),))
    with pytest.raises(OutputError):
        pdf.render(thief)


@pytest.mark.slow
def test_a_browser_opens_the_page_without_complaint_and_without_network(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("chromium is not installed")
    page = symopt.derive("momentum", "cubic", steps=2).save(tmp_path / "d.html")
    # The page's own policy forbids every request; a request would be a complaint on the console.
    assert "default-src 'none'" in page.read_text("utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert "<math" in done.stdout
