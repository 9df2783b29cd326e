"""``symopt atlas``: which optimizer of which framework is which rule."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symopt.cli.options import Command
from symopt.cli.output import message, print_json, print_table

if TYPE_CHECKING:
    from symopt.verification.atlas import Atlas
    from symopt.verification.atlas.work import Watch

__all__ = ["atlas_command"]

#: Where stderr is no terminal, progress is one line in so many seconds.
_QUIET_SECONDS = 10.0


@click.command("atlas", cls=Command)
@click.argument("frameworks", nargs=-1, metavar="[FRAMEWORK]...")
@click.option("--md", type=click.Path(dir_okay=False), help="Write the page as Markdown.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write it as one offline HTML page.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, allow_dash=True),
              is_flag=False, flag_value="-", default=None, metavar="[FILE]",
              help="Write the data; without a file, print them to stdout.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(file_okay=False), metavar="DIR",
              help="Write atlas.md, .html, .tex and .json into this folder.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=None, metavar="N",
              help="Processes that prove at a time. Default: one for each core.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
def atlas_command(
    frameworks: tuple[str, ...],
    md: str | None,
    html: str | None,
    json_file: str | None,
    output: str | None,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Say which optimizer of each installed FRAMEWORK is which stated rule, by proof.

    Every optimizer is read out of the framework's own code, in every code path, and proved equal
    to a stated rule where it is one, up to a map of hyperparameters that is shown: Keras's Adam is
    Adam with epsilon*sqrt(1 - beta2**t) for epsilon. Where an optimizer differs from the rule of
    its name, the difference is a formula, at the first step that shows it. Optimizers that follow
    a rule known to be defective are listed first.

    FRAMEWORK is torch, optax, keras, sklearn, autograd or tinygrad; all that are installed by
    default. The table goes to stdout, everything else is in the files.

    \b
    Examples:
      symopt atlas
      symopt atlas torch optax --md atlas.md --html atlas.html
      symopt atlas keras --json | jq '.entries[] | {name, stated, map}'
      symopt atlas -o atlas/ --jobs 2
    """
    from symopt.errors import OutputError
    from symopt.execution.files import written
    from symopt.presentation.atlas_page import atlas_page
    from symopt.verification.atlas import atlas
    from symopt.verification.lift.counts import FRAMEWORKS

    if json_file in FRAMEWORKS:
        raise click.UsageError(
            f"--json {json_file} would write a file of that name; put frameworks before --json"
        )
    folder = None if output is None else Path(output)
    if folder is not None:
        _prepare(folder)
    for name in (md, html, json_file):
        if name is not None and name != "-" and not Path(name).parent.is_dir():
            raise OutputError(f"cannot write {name}: there is no folder {Path(name).parent}")
    begun = time.perf_counter()
    with _progress(quiet) as watch:
        made = atlas(frameworks or None, jobs=jobs or os.cpu_count() or 1, progress=watch)
    for name, why in made.missing:
        message(f"skipped {name}: {why}")
    page = atlas_page(made)
    targets = [Path(name) for name in (md, html) if name is not None]
    if folder is not None:
        targets += [folder / f"atlas{ending}" for ending in (".md", ".html", ".tex")]
        written(folder / "atlas.json", made.json() + "\n")
    formats = {md: page.markdown, html: page.html}
    for target in targets:
        make = formats.get(str(target))
        written(target, make()) if make is not None else page.save(target)
        message(f"wrote {target}")
    if json_file == "-":
        print_json(made.data())
    else:
        if json_file is not None:
            written(Path(json_file), made.json() + "\n")
            message(f"wrote {json_file}")
        _print_summary(made)
    message(f"{len(made.entries)} optimizers in {time.perf_counter() - begun:.0f} s")


def _prepare(folder: Path) -> None:
    from symopt.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror}; choose another with --output"
        ) from error


def _print_summary(made: Atlas) -> None:
    rows = []
    for count in made.counts:
        rows.append(
            [
                count.framework, count.kind, f"{count.names_lifted} of {count.names}",
                f"{count.lifted} of {count.configurations}", str(count.programs),
            ]
        )  # fmt: skip
    header = ["framework", "kind", "names lifted", "configurations lifted", "programs only"]
    print_table(header, rows, align="llrrr", title="Lifted")
    click.echo()
    rows = []
    for name, version in made.versions:
        own = [entry for entry in made.entries if entry.framework == name]
        kinds = [
            sum(entry.configurations for entry in own if entry.status == status)
            for status in ("rule", "other", "program", "refused")
        ]
        rows.append([name, version, *map(str, kinds)])
    header = ["framework", "version", "stated rule", "another rule", "program", "refused"]
    print_table(header, rows, align="llrrrr", title="Configurations that are")
    click.echo()
    for entry in made.defects:
        click.echo(f"defect: {entry.framework} {entry.label} is {entry.stated}: {entry.defect}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Watch]:
    """What is lifted and proved now, how many of how many, and the time since the beginning."""
    if quiet:
        yield lambda stage, what, done, total: None
        return
    if not sys.stderr.isatty():
        begun = last = time.perf_counter()

        def announce(stage: str, what: str, done: int, total: int) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - last >= _QUIET_SECONDS:
                last = now
                message(f"{now - begun:4.0f} s  {stage} {done} of {total}: {what}")

        yield announce
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    bars = Progress(
        TextColumn("{task.description:<6}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("{task.fields[what]}"),
        console=Console(file=sys.stderr),
    )  # fmt: skip
    with bars:
        tasks = {stage: bars.add_task(stage, total=None, what="") for stage in ("lift", "prove")}

        def watch(stage: str, what: str, done: int, total: int) -> None:
            bars.update(tasks[stage], completed=done, total=total, what=what)

        yield watch
