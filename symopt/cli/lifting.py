"""``symopt lift``: the rule that code computes."""

from __future__ import annotations

from typing import Any

import click

from symopt.cli.options import Command, json_option
from symopt.cli.output import print_json

__all__ = ["lift_command"]


@click.command("lift", cls=Command)
@click.argument("target")
@click.option(
    "--arg", "arguments", multiple=True, metavar="NAME=VALUE",
    help="An argument of the code: --arg nesterov=true, --arg lr=0.1. A decimal becomes the "
    "default of a hyperparameter. Repeatable.",
)  # fmt: skip
@json_option
def lift_command(target: str, arguments: tuple[str, ...], as_json: bool) -> None:
    """Read the rule out of TARGET, your own code. The code is executed.

    TARGET is path/to/file.py:name or package.module:name: a class with update(params, grads) or
    step, a function that makes one step, or a whole loop gd(df, x0, ...). It runs on unknown
    numbers, and then in floats, to check what was read. Never lift code that you would not run.

    \b
    Examples:
      symopt lift my_optimizers.py:Adam
      symopt lift my_optimizers.py:gd_momentum --json
      symopt lift torch.optim:SGD --arg momentum=0.9
    """
    from symopt.statement.serialize import rule_data
    from symopt.verification.lift import lift
    from symopt.verification.target import load_target

    rule = lift(load_target(target), **dict(map(_argument, arguments)))
    if as_json:
        print_json(rule_data(rule))
    else:
        click.echo(str(rule))


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--arg {text!r} is not NAME=VALUE")
    plain: dict[str, Any] = {"true": True, "false": False, "none": None}
    if value.lower() in plain:
        return name, plain[value.lower()]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
