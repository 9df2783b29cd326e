"""``symopt stability``: for which hyperparameters a rule converges on quadratics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from symopt.cli.options import Catalogue, catalogue, json_option, set_option, settings
from symopt.cli.output import message, print_json, terminal_width

if TYPE_CHECKING:
    from symopt.derivation.stability import Stability


@click.command("stability")
@click.argument("rule")
@set_option
@click.option(
    "--curvature",
    metavar="NUMBER",
    help="Decide at this curvature, exactly; what --set does not give has its default.",
)
@click.option("-o", "--output", metavar="FILE", help="Write the derivation to this file.")
@click.option("--long", "whole", is_flag=True, help="Print the whole derivation.")
@catalogue
@json_option
def stability_command(
    rule: str,
    assignments: tuple[str, ...],
    curvature: str | None,
    output: str | None,
    whole: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Say for which hyperparameters RULE converges on a quadratic, how fast, and the best ones.

    \b
    Examples:
      symopt stability nesterov
      symopt stability momentum --set mu=9/10
      symopt stability heavy_ball --set eta=1/2 --set mu=1/4 --curvature 5
      symopt stability adam -o adam_stability.tex
    """
    from symopt.derivation.stability import stability

    stated = library.rules.resolve(rule)
    given = settings(assignments, stated)
    result = stability(stated, **(given if curvature is None else {}))
    decided = None
    if curvature is not None:
        decided = (
            result.fate(curvature=curvature, **given),
            result.rate_at(curvature=curvature, **given),
        )
    if output:
        message(f"wrote {result.document().save(output)}")
    if as_json:
        print_json(_data(result, decided, output))
    elif whole:
        click.echo(result.document().text(terminal_width()))
    elif not output:
        click.echo(str(result))
        if decided:
            click.echo(f"at curvature {curvature}: x {decided[0]}, spectral radius {decided[1]}")


def _data(result: Stability, decided: Any, output: str | None) -> dict[str, Any]:
    from symopt.errors import InputError
    from symopt.presentation.notation import plain

    def text(value: Any) -> str:
        return plain(value, ascii=True)

    try:
        best = result.optimum()
    except InputError:
        best = None
    return {
        "rule": result.rule.name, "linear": result.linear, "curvature": result.curvature.name,
        "states": list(result.states),
        "matrix": [[text(entry) for entry in row] for row in result.matrix.tolist()],
        "polynomial": [text(part) for part in result.seen],
        "conditions": [text(part) for part in result.region.conditions],
        "region": [text(part) for part in result.region.inequalities],
        "assumptions": [text(part) for part in result.region.assumptions],
        "fixed": {name: text(value) for name, value in result.fixed.items()},
        "optimum": None if best is None else {
            "hyperparameters": {
                symbol.name: text(value)
                for symbol, value in {**best.fixed, **best.hyperparameters}.items()
            },
            "rate": text(best.rate),
        },
        "notes": list(result.notes),
        "at": None if decided is None else {"fate": decided[0], "rate": str(decided[1])},
        "file": output,
    }  # fmt: skip
