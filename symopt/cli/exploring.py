"""``symopt explore``: an interactive page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from symopt.cli.options import catalogue, json_option
from symopt.cli.output import message, print_json

if TYPE_CHECKING:
    from symopt.cli.options import Catalogue

__all__ = ["explore_command"]


@click.command()
@click.argument("objective", metavar="OBJECTIVE")
@click.option(
    "--rule", "rules", multiple=True, metavar="RULE",
    help="A rule that the page offers. Repeatable. Default: a choice of well-known ones.",
)  # fmt: skip
@click.option(
    "-o", "--output", default=None, metavar="FILE",
    help="The page. Default: explore_OBJECTIVE.html.",
)  # fmt: skip
@catalogue
@json_option
def explore_command(
    objective: str,
    rules: tuple[str, ...],
    output: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Write an interactive page on OBJECTIVE: rules to compare, sliders, start by click.

    The page is one file that needs no network. It computes with JavaScript printed from the
    programs of the Python kernels, and says for which rules the numbers are equal bit for bit.

    \b
    Examples:
      symopt explore beale
      symopt explore rosenbrock --rule gradient_descent --rule nesterov --rule adam -o page.html
    """
    from symopt.presentation.explore import OFFERED, explore

    stated = library.objectives.resolve(objective)
    page = explore(stated, [library.rules.resolve(rule) for rule in rules or OFFERED])
    saved = page.save(output or f"explore_{stated.name or 'objective'}.html")
    message(f"wrote {saved}")
    if as_json:
        names = [rule.name for rule in page.rules]
        equal = [code.rule.name for code in page.codes if not code.inexact]
        print_json({"file": str(saved), "rules": names, "bit_for_bit": equal})
    else:
        click.echo(page.agreement)
