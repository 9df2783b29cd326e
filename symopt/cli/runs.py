"""``symopt run`` and ``symopt plot``: numbers and pictures."""

from __future__ import annotations

from typing import Any

import click

from symopt.cli.options import (
    Catalogue,
    Command,
    catalogue,
    json_option,
    set_option,
    settings,
    start,
    x0_option,
)  # fmt: skip
from symopt.cli.output import message, print_json, print_table

_ARITHMETICS = ("float64", "float32", "rational", "ball")
_KINDS = ("trajectory", "losses", "panels", "surface")
arithmetic_option = click.option(
    "--arithmetic", type=click.Choice(_ARITHMETICS), default="float64", show_default=True,
    help="rational is exact; ball is certified digits.",
)  # fmt: skip


@click.command("run", cls=Command)
@click.argument("rule")
@click.argument("objective")
@click.option("--steps", type=int, default=20, show_default=True, help="How many steps.")
@x0_option
@arithmetic_option
@set_option
@click.option("--rows", type=int, default=24, show_default=True, help="Rows to print; 0 for all.")
@click.option("-o", "--output", metavar="FILE.npz", help="Also save the run, to be loaded again.")
@catalogue
@json_option
def run_command(
    rule: str,
    objective: str,
    steps: int,
    x0: tuple[str, ...],
    arithmetic: str,
    assignments: tuple[str, ...],
    rows: int,
    output: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Run RULE on OBJECTIVE and print the points and values.

    \b
    Examples:
      symopt run adam beale --steps 100 --set eta=0.01
      symopt run momentum beale --x0 1 3/2 --steps 6 --arithmetic rational
      symopt run gradient_descent elongated_bowl --x0 -7 2 --set 'eta=1/(2*t)' -o run.npz
    """
    from symopt.execution.run import run

    stated = library.rules.resolve(rule)
    result = run(
        stated,
        library.objectives.resolve(objective),
        start(x0),
        steps,
        arithmetic,
        **settings(assignments, stated),
    )
    if output:
        message(f"wrote {result.save(output)}")
    if as_json:
        from symopt.cli.data import trajectory_data

        print_json(trajectory_data(result))
        return
    shown = rows if rows > 0 else len(result)
    header, cells = result.table(shown)
    if len(result) > len(cells):
        cells.insert(shown // 2, ["..."] + [""] * (len(header) - 1))
    print_table(header, cells, align="r" + "l" * (len(header) - 1), title=result.caption)
    if result.diverged_at is not None:
        click.echo(f"diverged at step {result.diverged_at}")
    if result.note:
        click.echo(result.note)


@click.command("plot", cls=Command)
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@click.option("--on", "objective", required=True, metavar="OBJECTIVE", help="The objective.")
@click.option("--kind", type=click.Choice(_KINDS), default="trajectory", show_default=True)
@click.option("--steps", type=int, default=50, show_default=True, help="How many steps.")
@x0_option
@arithmetic_option
@set_option
@click.option(
    "-o", "--output", default="picture.png", show_default=True, metavar="FILE",
    help="The picture: .png, .svg, .pdf.",
)  # fmt: skip
@catalogue
@json_option
def plot_command(
    rules: tuple[str, ...],
    objective: str,
    kind: str,
    steps: int,
    x0: tuple[str, ...],
    arithmetic: str,
    assignments: tuple[str, ...],
    output: str,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Draw the runs of one or more RULEs on one objective, and print what was run.

    A hyperparameter of --set goes to every rule that has it; NAME.eta=... to the rule NAME alone.

    \b
    Examples:
      symopt plot adam momentum --on beale --set eta=1/100 -o paths.png
      symopt plot gradient_descent momentum adagrad adam --on elongated_bowl --kind panels \\
          --set gradient_descent.eta=0.95 --set momentum.eta=0.1 --set adagrad.eta=1.5 \\
          --set adam.eta=0.3 --steps 30 -o panels.svg
      symopt plot adam --on cubic --kind surface --set eta=0.1 -o surface.png
    """
    from symopt.execution.run import run
    from symopt.presentation import plot

    stated = [library.rules.resolve(rule) for rule in rules]
    surface = library.objectives.resolve(objective)
    given = _for_each(stated, settings(assignments))
    runs = [
        run(rule, surface, start(x0), steps, arithmetic, **values)
        for rule, values in zip(stated, given, strict=True)
    ]
    drawn: Any
    drawn = plot.surface(surface, *runs) if kind == "surface" else getattr(plot, kind)(*runs)
    saved = plot.save(drawn, output)
    caption = plot.caption(*runs)
    message(f"wrote {saved}")
    print_json({"file": str(saved), "caption": caption}) if as_json else click.echo(caption)


def _for_each(rules: list[Any], given: dict[str, str]) -> list[dict[str, Any]]:
    """The settings of each rule; one that fits no rule is refused.

    Raises :class:`~symopt.errors.UnknownNameError` for a hyperparameter that none of them has.
    """
    result: list[dict[str, Any]] = [{} for _ in rules]
    # Settings of one rule come last, so that they win over those of all.
    for name in sorted(given, key=lambda name: "." in name):
        own, dot, inner = name.rpartition(".")
        takers = [i for i, rule in enumerate(rules) if not dot or rule.name == own]
        fitting = [
            i for i in takers if inner in {entry.name for entry in rules[i].parameters}
        ]  # fmt: skip
        if not takers:
            from symopt.errors import UnknownNameError, did_you_mean

            raise UnknownNameError(
                f"--set {name}: {own!r} is not among the rules to plot."
                + did_you_mean(own, [rule.name for rule in rules])
            )
        for index in fitting or takers[:1]:
            # Where no rule has it, the first one says which hyperparameters there are.
            rules[index].parameter(inner)
            result[index][inner] = given[name]
    return result
