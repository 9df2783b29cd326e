"""``symopt run``: the numbers of a run."""

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
arithmetic_option = click.option(
    "--arithmetic", type=click.Choice(_ARITHMETICS), default="float64", show_default=True,
    help="rational is exact; ball is certified digits.",
)  # fmt: skip


def recording(text: str) -> Any:
    """What ``--record`` says, as :func:`symopt.run` takes it.

    >>> recording("final"), recording("10"), recording("below=1e-6")
    ('final', 10, FirstBelow(threshold=Fraction(1, 1000000)))
    """
    from symopt.execution.reductions import Best, FirstBelow

    if text.isdecimal():
        return int(text)
    kind, equals, value = text.partition("=")
    if kind == "below" and equals:
        return FirstBelow(value)
    if text not in ("all", "final", "best"):
        raise click.BadParameter(
            f"{text!r} is none of all, final, a number of steps, best, below=VALUE"
        )
    return Best() if text == "best" else text


@click.command("run", cls=Command)
@click.argument("rule")
@click.argument("objective")
@click.option("--steps", type=int, default=20, show_default=True, help="How many steps.")
@x0_option
@arithmetic_option
@set_option
@click.option(
    "--record", default="all", show_default=True, metavar="WHAT",
    help="all, final, every so many steps (a number), best (the lowest value on the way), or "
    "below=VALUE (the first step whose value is at most that).",
)  # fmt: skip
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
    record: str,
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
      symopt run adam beale --steps 5000 --record below=1e-6
    """
    from symopt.execution.run import run

    stated = library.rules.resolve(rule)
    result = run(
        stated,
        library.objectives.resolve(objective),
        start(x0),
        steps,
        arithmetic,
        record=recording(record),
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
