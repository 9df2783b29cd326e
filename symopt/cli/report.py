"""``symopt report``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symopt.cli.options import Catalogue, Command, catalogue, json_option
from symopt.cli.output import (
    message,
    number,
    print_json,
    print_table,
    print_text,
    progress,
    text_table,
)

if TYPE_CHECKING:
    from symopt.presentation.report import Report
    from symopt.verification.systems import Reproduction


@click.command("report", cls=Command)
@click.option("--quick", is_flag=True, help="The main rule of each family only, fewer derivations.")
@click.option("--steps", type=int, default=50, show_default=True, help="Steps of each run.")
@click.option(
    "--on", "objectives", multiple=True, metavar="OBJECTIVE",
    help="Survey this objective of two variables; repeatable. Default: those of the source "
    "systems.",
)  # fmt: skip
@click.option("--system", metavar="NAME", help="Only this source system, on the terminal: N3d.")
@click.option(
    "-o", "--output", default="symopt-report", show_default=True, metavar="FOLDER",
    help="Where index.html and the .tex files go.",
)  # fmt: skip
@click.option("--long", is_flag=True, help="One line for each run instead of one for each rule.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@catalogue
@json_option
def report_command(
    quick: bool,
    steps: int,
    objectives: tuple[str, ...],
    system: str | None,
    output: str,
    long: bool,
    quiet: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Run every rule on every objective, compare float64 with exact arithmetic, reproduce the
    source systems, and write it all as one offline HTML page.

    \b
    Examples:
      symopt report
      symopt report --quick -o /tmp/report
      symopt report --system N3d
      symopt report --quick --on himmelblau --on rosenbrock --long
    """
    if system is not None:
        from symopt.verification.systems import reproduce

        found = reproduce(system)
        print_json(_system_data(found)) if as_json else print_system(found)
        return
    if steps < 1:
        raise click.BadParameter("a report makes at least 1 step", param_hint="--steps")
    from symopt.errors import InputError
    from symopt.presentation.report import make_report, prepare, write_report
    from symopt.verification.survey import OBJECTIVES

    surfaces = [library.objectives.resolve(name) for name in objectives or OBJECTIVES]
    for surface in surfaces:
        if surface.dimension != 2:
            raise InputError(
                f"the report draws objectives of two variables; {surface.name} has "
                f"{surface.dimension}"
            )
    folder = Path(output)
    prepare(folder)
    with progress(quiet) as watch:
        report = make_report(library.rules, surfaces, steps=steps, quick=quick, watch=watch)
        files = write_report(report, folder, watch=watch)
    if as_json:
        print_json(
            {
                "page": str(files.page), "derivations": [str(path) for path in files.derivations],
                "summary": report.summary(), "cells": [cell.data() for cell in report.cells],
                "systems": [_system_data(found) for found in report.reproductions],
            }
        )  # fmt: skip
        return
    (_print_long if long else _print_matrix)(report)
    click.echo()
    for line in report.summary():
        print_text(line)
    message(f"wrote {files.page} and {len(files.derivations)} derivations")


def _print_matrix(report: Report) -> None:
    """One row for each rule: f and the agreeing digits on every objective."""
    from symopt.presentation.report import short

    header = ["rule", *(f"{surface.title}" for surface in report.objectives)]
    rows = []
    for rule in report.rules:
        cells = []
        for surface in report.objectives:
            cell = report.cell(rule, surface)
            end = (
                f"div. {cell.diverged_at}"
                if cell.diverged_at is not None
                else short(float(cell.trajectory.values[-1]), 2)
            )
            cells.append(f"{end:>8} {cell.accuracy.digits:4.1f}")
        rows.append([rule.name, *cells])
    print_table(
        header, rows, align="l" + "r" * len(report.objectives), styles=["cyan"],
        title=f"f after {report.steps} steps, and decimal digits that float64 shares with the "
        "exact run",
    )  # fmt: skip


def _print_long(report: Report) -> None:
    """One row for each run, with everything that was found."""
    from symopt.presentation.report import short

    header = ["rule", "objective", "eta", "steps", "ulp", "at", "digits", "diverges", "f, exact"]
    rows = [
        [
            cell.rule.name, cell.objective.name, cell.rate or "default", str(cell.steps),
            short(cell.accuracy.max_ulp), _dash(cell.accuracy.worst_step),
            f"{cell.accuracy.digits:.1f}", _dash(cell.diverged_at), cell.value,
        ]
        for cell in report.cells
    ]  # fmt: skip
    print_table(header, rows, align="lllrrrrrl")


def _dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def print_system(found: Reproduction) -> None:
    """A source system: printed numbers beside float64 and exact ones, end points, claims."""
    from symopt.verification.systems import AGREES, UNRECORDED

    click.echo(click.style(f"{found.system.name}: {found.system.title}", bold=True))
    print_text(found.system.note)
    labels = dict.fromkeys(row.run for row in found.rows)
    short = {AGREES: "agrees", UNRECORDED: "not recorded"}
    for label in labels:
        rows = [row for row in found.rows if row.run == label]
        cells = [
            [
                str(row.step), row.quantity, row.printed.text or "-", repr(row.float64),
                repr(row.native), row.exact, short.get(row.verdict, row.verdict),
            ]
            for row in rows
        ]  # fmt: skip
        native = found.system.run(label).arithmetic
        header = ["step", "", "printed", "float64", native, "exact", ""]
        if native == "float64":  # the note's own arithmetic is no further column
            header.pop(4)
            for cell in cells:
                cell.pop(4)
        lines = text_table(header, cells, "r" + "l" * (len(header) - 1)).splitlines()
        click.echo(f"\n{label}")
        click.echo(f"  {lines[0]}")
        for row, line in zip(rows, lines[1:], strict=True):
            body, _, verdict = line.rpartition("  ")
            color = {AGREES: "green", UNRECORDED: "cyan"}.get(row.verdict, "yellow")
            click.echo(f"  {body}  {click.style(verdict, fg=color)}")
            if row.detail:
                print_text(row.detail, 14)
    for fit in found.fits:
        click.echo(f"\n{click.style(fit.fit.label, bold=True)}")
        print_text(fit.fit.described, 2)
        cells = [
            [str(row.step), repr(row.float32), repr(row.float64), row.exact] for row in fit.rows
        ]
        header = ["step", "loss, float32", "loss, float64", "loss, certified"]
        for line in text_table(header, cells, "rlll").splitlines():
            click.echo(f"  {line}".rstrip())
    if found.fits:
        for made in dict.fromkeys(fit.fit.made for fit in found.fits):
            print_text(f"Data: {made}.", 2)
    if found.ends:
        click.echo(f"\n{click.style('Where the runs end', bold=True)}")
    for end in found.ends:
        click.echo(f"{end.run.label}, {end.run.steps} steps")
        if end.exact:
            click.echo(f"    ({', '.join(end.exact)})\n    f = {end.value}")
        else:
            print_text(end.detail, 4)
    click.echo(f"\n{click.style('Claims', bold=True)}")
    for finding in found.findings:
        holds = click.style("holds", fg="green") if finding.holds else click.style(
            "does not hold", fg="red", bold=True
        )  # fmt: skip
        click.echo(f"{finding.claim.by}: {finding.claim.text}: {holds}")
        print_text(finding.evidence, 4)


def _system_data(found: Reproduction) -> dict[str, Any]:
    return {
        "system": found.system.name,
        "printed": [
            {
                "run": row.run, "step": row.step, "quantity": row.quantity,
                "printed": row.printed.text, "float64": number(row.float64), "exact": row.exact,
                "verdict": row.verdict, "detail": row.detail,
            }
            for row in found.rows
        ],
        "ends": [
            {
                "run": end.run.label, "steps": end.run.steps,
                "float64": [number(value) for value in end.float64], "exact": list(end.exact),
                "f": end.value, "detail": end.detail,
            }
            for end in found.ends
        ],
        "fits": [
            {
                "fit": fit.fit.label, "rule": fit.fit.rule, "model": str(fit.fit.on),
                "losses": [
                    {
                        "step": row.step, "float32": number(row.float32),
                        "float64": number(row.float64), "exact": row.exact,
                    }
                    for row in fit.rows
                ],
            }
            for fit in found.fits
        ],
        "claims": [
            {
                "by": finding.claim.by, "text": finding.claim.text, "holds": finding.holds,
                "evidence": finding.evidence,
            }
            for finding in found.findings
        ],
    }  # fmt: skip
