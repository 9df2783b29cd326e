"""``symopt report``: every rule on every objective, the source systems, and one offline page."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from symopt.errors import OutputError
from symopt.execution.files import written
from symopt.execution.trajectory import as_floats
from symopt.presentation import html, plot, sheets
from symopt.presentation.canvas import figure
from symopt.presentation.derive import derive
from symopt.presentation.document import Document, Paragraph
from symopt.presentation.page import from_template
from symopt.presentation.pictures import Picture, address, saved
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.survey import Cell, heads, survey_cell
from symopt.verification.systems import AGREES, Reproduction, reproduce, systems

__all__ = ["Report", "Written", "make_report", "write_report"]

#: Told what is being done, and how much of it.
Watch = Callable[[str, int, int], None]
#: The rules that the pictures compare, where they are in the survey.
DRAWN = ("gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
#: What is derived beside the page: rule and objective, the first ones for a quick report.
DERIVED = (
    ("adam", "beale"), ("momentum", "beale"), ("gradient_descent", "elongated_bowl"),
    ("nesterov", "cubic"), ("adagrad", "weighted_squares"), ("rmsprop", "saddle"),
)  # fmt: skip
_QUICK_DERIVED = 2


@dataclass(frozen=True)
class Report:
    """What the report computed, before it is printed."""

    rules: tuple[Rule, ...]
    objectives: tuple[Objective, ...]
    cells: tuple[Cell, ...]
    reproductions: tuple[Reproduction, ...]
    steps: int
    quick: bool

    @cached_property
    def _places(self) -> dict[tuple[str, str], Cell]:
        return {(cell.rule.name, cell.objective.name): cell for cell in self.cells}

    def cell(self, rule: Rule, objective: Objective) -> Cell:
        """The cell of a rule on an objective."""
        return self._places[rule.name, objective.name]

    @property
    def diverging(self) -> tuple[Cell, ...]:
        """The cells whose float64 run does not stay finite."""
        return tuple(cell for cell in self.cells if cell.diverged_at is not None)

    def summary(self) -> list[str]:
        """What came out, in a few sentences."""
        known = [cell for cell in self.cells if not math.isnan(cell.accuracy.max_ulp)]
        rational = sum(cell.arithmetic == "rational" for cell in self.cells)
        compared = sum(cell.accuracy.reference is not None for cell in self.cells)
        how_many = "each" if compared == len(self.cells) else f"{compared} of them"
        lines = [
            f"{len(self.rules)} rules on {len(self.objectives)} objectives, {self.steps} steps "
            f"each: {len(self.cells)} float64 runs, {how_many} compared with certified balls, "
            f"{rational} with exact fractions too."
        ]
        if known:
            middle = statistics.median(cell.accuracy.digits for cell in known)
            lines.append(
                f"Half of the runs keep {middle:.1f} or more of 16 digits. {_worst(known)}"
            )
        names = ", ".join(
            f"{cell.rule.name} on {cell.objective.name} (step {cell.diverged_at})"
            for cell in self.diverging
        )
        lines.append(f"Diverging: {names}." if names else "No run diverges.")
        rows = [row for found in self.reproductions for row in found.rows]
        findings = [finding for found in self.reproductions for finding in found.findings]
        if rows or findings:
            rows = [row for row in rows if row.printed.text]
            agree = sum(row.verdict == AGREES for row in rows)
            holds = sum(finding.holds for finding in findings)
            lines.append(
                f"{len(self.reproductions)} source systems: {agree} of {len(rows)} printed "
                f"numbers agree with the exact ones to the last printed digit; {holds} of "
                f"{len(findings)} claims hold."
            )
        return lines


def _worst(cells: Sequence[Cell]) -> str:
    """The run with the fewest digits, and where it loses them."""
    cell = min(cells, key=lambda cell: cell.accuracy.digits)
    step, reference = cell.accuracy.worst_step, cell.accuracy.reference
    assert step is not None
    assert reference is not None
    coordinate = int(np.nanargmax(cell.accuracy.ulp[cell.trajectory.recorded.index(step)]))
    exact = as_floats(reference.x[reference.recorded.index(step)])[coordinate]
    got = cell.trajectory.x[cell.trajectory.recorded.index(step)][coordinate]
    return (
        "Digits count relative to each coordinate, so few remain where one comes close to zero. "
        f"The fewest: {cell.rule.title} on {cell.objective.title} at step {step}, where "
        f"{cell.objective.variables[coordinate]} is {exact:.3g} exactly and {got:.3g} in float64."
    )


@dataclass(frozen=True)
class Written:
    """The files of a report."""

    page: Path
    derivations: tuple[Path, ...]


def make_report(
    rules: Mapping[str, Rule],
    objectives: Sequence[Objective],
    *,
    steps: int = 50,
    quick: bool = False,
    watch: Watch | None = None,
) -> Report:
    """Compute the survey and the source systems.

    ``quick`` takes the main rule of each family only. ``watch`` is told the progress.
    """
    tell: Watch = watch or (lambda what, done, total: None)
    chosen = tuple(heads(rules).values()) if quick else tuple(rules[name] for name in rules)
    cells = []
    total = len(chosen) * len(objectives)
    tell("runs against exact ones", 0, total)
    for rule in chosen:
        for objective in objectives:
            cells.append(survey_cell(rule, objective, steps))
            tell("runs against exact ones", len(cells), total)
    found = []
    for number, name in enumerate(systems):
        tell("source systems", number, len(systems))
        found.append(reproduce(name))
    tell("source systems", len(systems), len(systems))
    return Report(chosen, tuple(objectives), tuple(cells), tuple(found), steps, quick)


def write_report(report: Report, folder: Path, *, watch: Watch | None = None) -> Written:
    """Write the page ``index.html`` and the derivations (``.tex``) into a folder.

    Every file is written whole or not at all. Raises :class:`~symopt.errors.OutputError` where
    the folder cannot be written.
    """
    tell: Watch = watch or (lambda what, done, total: None)
    prepare(folder)
    paths = []
    pairs = _derivations(report)
    for number, (rule, objective) in enumerate(pairs):
        tell("derivations", number, len(pairs))
        paths.append(_derivation(report, rule, objective, folder))
    tell("derivations", len(pairs), len(pairs))
    page = written(folder / "index.html", _page(report, [path.name for path in paths], tell))
    return Written(page, tuple(paths))


def prepare(folder: Path) -> None:
    """Make the folder, and see that a file can be written there.

    Raises :class:`~symopt.errors.OutputError` that names the folder and the cause.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".symopt."):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write into {folder}: {reason}; choose another folder") from error


def _derivations(report: Report) -> list[tuple[Rule, Objective]]:
    rules = {rule.name: rule for rule in report.rules}
    objectives = {objective.name: objective for objective in report.objectives}
    pairs = [
        (rules[rule], objectives[objective])
        for rule, objective in DERIVED
        if rule in rules and objective in objectives
    ]
    pairs = pairs or [(report.rules[0], report.objectives[0])]
    return pairs[:_QUICK_DERIVED] if report.quick else pairs


def _derivation(report: Report, rule: Rule, objective: Objective, folder: Path) -> Path:
    rate = report.cell(rule, objective).rate
    values: dict[str, Any] = {"eta": rate} if rate else {}
    document = derive(rule, objective, steps=2, **values)
    return document.save(folder / f"{rule.name}-{objective.name}.tex")


def _page(report: Report, derivations: Sequence[str], tell: Watch) -> str:
    from markupsafe import Markup

    def fragment(document: Document, skip: int = 0) -> Markup:
        return Markup("".join(html.block(block, 4) for block in document.blocks[skip:]))

    objectives = []
    for number, objective in enumerate(report.objectives):
        tell("pictures", number, len(report.objectives))
        objectives.append(
            {
                "statement": objective,
                "sheet": fragment(sheets.objective_sheet(objective)),
                "cells": [report.cell(rule, objective) for rule in report.rules],
                **_pictures(report, objective),
            }
        )
    tell("pictures", len(report.objectives), len(report.objectives))
    families: dict[str, list[dict[str, Any]]] = {}
    for rule in report.rules:
        entry = {"statement": rule, "box": Markup(html.block(sheets.algorithm(rule)))}
        entry["source"] = Markup(html.block(Paragraph(_source(rule))))
        families.setdefault(_family(report, rule), []).append(entry)
    return from_template(
        "report.html.j2",
        report=report,
        objectives=objectives,
        families=families,
        known=[rule.name for rule in report.rules],
        derivations=derivations,
        agrees=AGREES,
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        short=short,
        bar=_bar,
    )


def _family(report: Report, rule: Rule) -> str:
    """The family's name in print: that of its main rule, if there is one."""
    titles = {other.name: other.title for other in report.rules}
    plain = rule.family.replace("_", " ")
    return titles.get(rule.family, plain[:1].upper() + plain[1:])


def _source(rule: Rule) -> Any:
    from symopt.presentation.document import Cite, spans

    return spans(Cite(rule.source))


def short(value: float | None, digits: int = 3) -> str:
    """A float in few digits; a dash for what there is none of.

    >>> short(0.00012345), short(float("nan"))
    ('0.000123', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def _bar(cell: Cell) -> int:
    """Agreeing digits as a percentage of the 15.95 that binary64 has."""
    return round(100 * min(1.0, cell.accuracy.digits / 15.95))


def _pictures(report: Report, objective: Objective) -> dict[str, str]:
    """The paths and the losses of the main rules on an objective, as data addresses."""
    stated = {rule.name: rule for rule in report.rules}
    drawn = [stated[name] for name in DRAWN if name in stated] or report.rules[: len(DRAWN)]
    runs = [report.cell(rule, objective).trajectory for rule in drawn]
    paths = figure(6.4, 5.2)
    plot.trajectory(*runs, ax=paths.add_subplot())
    losses = figure(6.4, 5.2)
    plot.losses(*runs, ax=losses.add_subplot())
    return {
        # The filled contours are many polygons, which a bitmap holds in a third of the bytes.
        "paths": address(Picture("png", saved(paths, "png"))),
        "losses": address(Picture("svg", saved(losses, "svg"))),
        "caption": plot.caption(*runs),
    }
