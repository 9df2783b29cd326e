"""``symopt stability`` and ``symopt closed-form``: what a rule does on quadratics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from symopt.cli.output import message, print_json, terminal_width

if TYPE_CHECKING:
    from symopt.derivation.every_step import EveryStep
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


@click.command("closed-form", cls=Command)
@click.argument("rule")
@click.argument("quadratic", required=False)
@x0_option
@set_option
@click.option("--at", type=int, multiple=True, metavar="T", help="The point after T steps.")
@click.option("-o", "--output", metavar="FILE", help="Write the derivation to this file.")
@click.option("--long", "whole", is_flag=True, help="Print the whole derivation.")
@catalogue
@json_option
def closed_form_command(
    rule: str,
    quadratic: str | None,
    x0: tuple[str, ...],
    assignments: tuple[str, ...],
    at: tuple[int, ...],
    output: str | None,
    whole: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Give the point of RULE after every step t on QUADRATIC, with its proof by induction.

    QUADRATIC is an objective or a text in x, y and z, whose other letters are constants. Without
    one it is half the curvature times x squared.

    \b
    Examples:
      symopt closed-form heavy_ball
      symopt closed-form momentum half_square --x0 1 --set eta=1/4 --set mu=1/4 --at 5
      symopt closed-form nesterov "x**2 + x*y + y**2" --x0 1 -1 --set eta=1/9 --at 100
      symopt closed-form momentum_ema -o average.tex
    """
    from symopt.derivation.every_step import closed_form

    stated = library.rules.resolve(rule)
    where: Any = quadratic
    if quadratic is not None and quadratic in library.objectives:
        where = library.objectives[quadratic]
    result = closed_form(stated, where, x0=start(x0), **settings(assignments, stated))
    if output:
        message(f"wrote {result.document().save(output)}")
    if as_json:
        print_json(_closed_data(result, at, output))
        return
    if whole:
        click.echo(result.document().text(terminal_width()))
    elif not output and not at:
        click.echo(str(result))
    for step in at:
        click.echo(f"t = {step}: {', '.join(str(part) for part in result.at(step))}")


def _closed_data(result: EveryStep, at: tuple[int, ...], output: str | None) -> dict[str, Any]:
    from symopt.presentation.notation import plain

    def text(value: Any) -> str:
        return plain(value, ascii=True)

    return {
        "rule": result.rule.name,
        "quadratic": text(result.quadratic.expression),
        "variables": [variable.name for variable in result.quadratic.variables],
        "directions": [
            {
                "curvature": text(motion.direction.curvature),
                "vector": [text(part) for part in motion.direction.vector],
                "from": motion.offset,
                "recurrence": [text(part) for part in motion.coefficients],
                "rest": text(motion.rest),
                "first": [text(part) for part in motion.first],
                "branches": [
                    {
                        "kind": branch.kind,
                        "condition": None if branch.condition is None else text(branch.condition),
                        "formula": text(branch.formula),
                        "lets": {letter.name: str(value) for letter, value in branch.lets},
                    }
                    for branch in motion.branches
                ],
            }
            for motion in result.motions
        ],
        "points": {str(step): [str(part) for part in result.at(step)] for step in at},
        "file": output,
    }
