"""The report: what it computes, and a page that needs nothing but a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import symopt
from symopt.cli import main
from symopt.errors import InputError, OutputError, SymoptError
from symopt.presentation import html, sheets
from symopt.presentation.report import Report, make_report, write_report
from symopt.verification import survey

NAMES = ("gradient_descent", "momentum", "adam", "nesterov_full_velocity", "radam")
VOID = {"meta", "img", "br", "wbr", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects anchors and links, and sees that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        if given.get("src"):
            self.sources.append(str(given["src"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report() -> Report:
    rules = {name: symopt.rules[name] for name in NAMES}
    surfaces = [symopt.objectives.saddle, symopt.objectives.cubic]
    return make_report(rules, surfaces, steps=12)


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("report") / "new" / "folder"
    write_report(report, target)
    return target


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "index.html").read_text("utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Iterator[Page]:
    parser = Page()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_every_rule_meets_every_objective(report: Report) -> None:
    assert [(cell.rule.name, cell.objective.name) for cell in report.cells] == [
        (name, surface) for name in NAMES for surface in ("saddle", "cubic")
    ]


def test_exact_value_equals_an_independent_loop(report: Report) -> None:
    cell = report.cell(symopt.rules.momentum, symopt.objectives.cubic)
    assert report.cell(symopt.rules.momentum, symopt.objectives.saddle).arithmetic == "rational"
    eta, mu = Fraction(float(Fraction(cell.rate))), Fraction(0.9)
    x, y, v, w = Fraction(2), Fraction(3), Fraction(0), Fraction(0)
    for _ in range(12):
        dx, dy = 2 * x + y, 2 * y + 3 * y**2 + x
        v, w = mu * v - eta * dx, mu * w - eta * dy
        x, y = x + v, y + w
    value = x**2 + y**2 + y**3 + x * y
    assert abs(Fraction(Decimal(cell.value)) - value) <= abs(value) / 10**19


def test_float64_path_is_compared_with_the_exact_one(report: Report) -> None:
    """The deviation of one cell, from fractions of its own."""
    cell = report.cell(symopt.rules.gradient_descent, symopt.objectives.saddle)
    eta, y = Fraction(float(Fraction(cell.rate))), Fraction(1, 2)
    worst = 0.0
    for step in range(1, 13):
        y -= eta * 2 * y
        got = Fraction(float(cell.trajectory.x[step, 1]))
        if y:
            worst = max(worst, float(abs(got - y) / Fraction(float(np.spacing(abs(float(y)))))))
    assert cell.accuracy.max_ulp >= worst * 0.99
    assert np.nanmax(cell.accuracy.ulp[:, 1]) == pytest.approx(worst, rel=0.01)


def test_chosen_rate_is_the_lowest_end_inside_the_window() -> None:
    rule, surface = symopt.rules.adam, symopt.objectives.beale
    ends = {}
    for rate in survey.LADDER:
        path = symopt.run(rule, surface, steps=20, eta=rate)
        if (np.abs(path.x) <= 4.5).all():
            ends[rate] = path.values[-1]
    assert survey.choose_rate(rule, surface, 20) == min(ends, key=lambda rate: ends[rate])


def test_a_rational_run_outside_the_balls_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = survey.run

    def shifted(*given: Any, **more: Any) -> Any:
        result = honest(*given, **more)
        if result.arithmetic != "rational":
            return result
        return replace(result, x=result.x + Fraction(1, 10**30))

    monkeypatch.setattr(survey, "run", shifted)
    with pytest.raises(SymoptError, match="leaves the certified enclosure at step 0"):
        survey.survey_cell(symopt.rules.momentum, symopt.objectives.saddle, 3)


def test_a_diverging_run_is_shown_up_to_where_it_diverges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "choose_rate", lambda *_: "1")
    cell = survey.survey_cell(symopt.rules.momentum, symopt.objectives.cubic, 30)
    assert cell.diverged_at is not None
    assert cell.steps == cell.diverged_at - 1
    assert cell.data()["reason"]


def test_heads_are_one_rule_of_each_family() -> None:
    chosen = survey.heads(symopt.rules)
    assert set(chosen) == {rule.family for rule in symopt.rules.values()}
    assert chosen["adam"].name == "adam"


def test_the_page_is_offline(page: Page, text: str) -> None:
    assert not page.tags & {"script", "link", "iframe", "object", "embed"}
    assert page.sources
    assert all(source.startswith("data:image/") for source in page.sources)
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_links_lead_somewhere(page: Page, folder: Path) -> None:
    assert len(page.ids) == len(set(page.ids))
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert {f"rule-{name}" for name in NAMES} <= set(page.ids)
    assert {"N1", "N3a", "N3c", "N3d", "N5"} <= set(page.ids)
    files = {link for link in page.links if link.endswith(".tex")}
    assert files == {path.name for path in folder.glob("*.tex")}
    assert files


def test_formulas_are_well_formed(text: str) -> None:
    formulas = re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert len(formulas) > 100
    for formula in set(formulas):
        ElementTree.fromstring(formula)
    assert "\\" not in re.sub(r"data:[^\"]*", "", text)


def test_the_page_says_what_was_found(report: Report, text: str) -> None:
    for cell in report.cells:
        assert cell.value in text
    assert "0.9829645540222953337634319" in text
    assert "look-ahead point is x + mu*v" in text
    assert text.count("does not hold") == sum(
        not finding.holds for found in report.reproductions for finding in found.findings
    )


def test_files_are_whole(folder: Path) -> None:
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    for path in folder.glob("*.tex"):
        assert path.read_text("utf-8").rstrip().endswith(r"\end{document}")


def test_unwritable_folder_is_named(report: Report, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_report(report, taken)


def test_texts_of_users_are_escaped() -> None:
    rule = symopt.rules.momentum.variant(
        "<script>alert(1)</script> & co", source=symopt.rules.momentum.source, note="a < b"
    )
    page = "".join(html.block(block) for block in sheets.rule_sheet(rule).blocks)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "a &lt; b" in page


@pytest.mark.parametrize("latex", [r"\nosuchcommand", r"\left( a", "}", r"\frac{a", "a^"])
def test_formulas_that_fail_are_refused(latex: str) -> None:
    with pytest.raises(InputError):
        html.formula(latex)


def test_every_rule_has_its_algorithm_in_mathml() -> None:
    for name in symopt.rules:
        page = html.block(sheets.algorithm(symopt.rules[name]))
        assert 'class="math"' not in page, name
        ElementTree.fromstring(f"<div>{page.replace('<wbr>', '')}</div>")


def test_the_command_writes_the_page_and_a_table(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main,
        ["report", "--quick", "--on", "himmelblau", "--steps", "3", "-o", str(tmp_path), "--json"],
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    families = {rule.family for rule in symopt.rules.values()}
    assert len(found["cells"]) == len(families)
    assert {cell["compared"] for cell in found["cells"]} == {3}
    assert Path(found["page"]).is_file()
    assert "source systems" in result.stderr
