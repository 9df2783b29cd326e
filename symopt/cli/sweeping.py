"""``symopt sweep``: many runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from symopt.cli.options import (
    Catalogue,
    Command,
    catalogue,
    for_each,
    intervals,
    json_option,
    set_option,
    settings,
    x0_option,
)  # fmt: skip
from symopt.cli.output import message, number, print_json, print_table, progress

if TYPE_CHECKING:
    from symopt.execution.sweep.result import Sweep

__all__ = ["choices", "points", "sweep_command"]

starts_option = click.option(
    "--starts", metavar="N[xM]", help="A grid of starts over the window: 25, or 25x40."
)
window_option = click.option(
    "--window", metavar="A,B[,C,D]",
    help="The window of --starts: -5,5,-2,2. Default: the objective's.",
)  # fmt: skip
workers_option = click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N",
    help="Processes that share the work; the numbers are the same.",
)  # fmt: skip


@click.command("sweep", cls=Command)
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@click.option("--on", "objectives", multiple=True, required=True, metavar="OBJECTIVE",
              help="The objective; repeatable.")  # fmt: skip
@set_option
@starts_option
@window_option
@x0_option
@click.option("--steps", type=int, default=100, show_default=True, help="How many steps.")
@click.option(
    "--arithmetic", type=click.Choice(["float64", "float32"]), default="float64", show_default=True
)
@workers_option
@click.option("--store", metavar="FOLDER", help="Keep finished parts here; a rerun goes on.")
@click.option("-o", "--output", metavar="FILE", help="All runs: .nc, .csv or .json.")
@click.option("--rows", type=int, default=24, show_default=True, help="Rows to print; 0 for all.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@catalogue
@json_option
def sweep_command(
    rules: tuple[str, ...],
    objectives: tuple[str, ...],
    assignments: tuple[str, ...],
    starts: str | None,
    window: str | None,
    x0: tuple[str, ...],
    steps: int,
    arithmetic: str,
    workers: int,
    store: str | None,
    output: str | None,
    rows: int,
    quiet: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Run each RULE on each objective, with every combination of hyperparameters, from every start.

    --set takes lists (eta=1/100,1/10), ranges (eta=1/100..1/10:10, evenly spaced; with :log in
    even quotients) and single values, for every rule that has the hyperparameter;
    NAME.eta=... is for the rule NAME alone. Each --x0 is a start. The table has the lowest median
    first.

    \b
    Examples:
      symopt sweep adam momentum --on beale --set eta=1e-4..1:9:log --starts 25
      symopt sweep nesterov --on beale --on cubic --set mu=1/2,9/10 --set eta=1/1000..1/100:10 \\
          --starts 200x200 --steps 1000 --workers 2 --store parts -o sweep.nc
      symopt sweep adam --on rosenbrock --x0 0 0 --x0 -1 2 --set eta=1/10,1/100 -o runs.csv
    """
    from symopt.execution.sweep import sweep

    stated = [library.rules.resolve(name) for name in rules]
    own = for_each(stated, settings(assignments))
    chosen = {
        rule: {name: choices(text) for name, text in given.items()}
        for rule, given in zip(stated, own, strict=True)
    }
    if len(chosen) < len(stated):
        raise click.UsageError("a rule is given twice")
    with progress(quiet) as watch:
        found = sweep(
            chosen,
            [library.objectives.resolve(name) for name in objectives],
            points(starts, window, x0),
            steps,
            arithmetic,
            executor=None if workers == 1 else workers,
            store=store,
            watch=watch,
        )
    if output:
        message(f"wrote {found.save(output)}")
    if as_json:
        print_json(_data(found, output))
        return
    header, cells = found.table(rows if rows > 0 else None)
    print_table(header, cells, align="lll" + "r" * (len(header) - 3), title=found.caption)
    if len(cells) < len(found.summaries):
        click.echo(f"... and {len(found.summaries) - len(cells)} more; --rows 0 prints all")
    if found.resumed:
        message(f"{found.resumed} of {found.parts} parts were in {store}")


def choices(text: str) -> Any:
    """The values of ``--set``: a list between commas, or the text itself (a range, one value).

    >>> choices("1/10,1/100"), choices("1/10"), choices("max(1/t,1/10),1")
    (['1/10', '1/100'], '1/10', ['max(1/t,1/10)', '1'])
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    found = [part.strip() for part in parts if part.strip()]
    return found if len(parts) > 1 else text


def points(starts: str | None, window: str | None, x0: tuple[str, ...]) -> Any:
    """The starts of ``--starts``, ``--window`` and ``--x0``."""
    if starts is None:
        if window is not None:
            raise click.UsageError("--window needs --starts: how many there are along each side")
        return [text.replace(",", " ").split() for text in x0] or None
    if x0:
        raise click.UsageError("--starts and --x0 are two ways to say it; leave one out")
    from symopt.execution.sweep.starts import grid

    counts = starts.lower().replace("x", " ").replace(",", " ").split()
    if not counts or not all(count.isdecimal() and len(count) < 10 for count in counts):
        raise click.BadParameter(f"{starts!r} is no number of starts, such as 25 or 25x40")
    return grid(*map(int, counts), window=() if window is None else intervals(window))


def _data(found: Sweep, output: str | None) -> dict[str, Any]:
    return {
        "caption": found.caption, "runs": found.runs, "diverged": found.diverged,
        "parts": found.parts, "resumed": found.resumed, "digest": found.digest,
        "settings": [
            {
                "rule": one.rule, "objective": one.objective,
                "hyperparameters": {k: str(v) for k, v in one.hyperparameters.items()},
                "starts": one.starts, "diverged": one.diverged, "median": number(one.median),
                "lowest": number(one.lowest),
            }
            for one in found.summaries
        ],
        "file": output,
    }  # fmt: skip
