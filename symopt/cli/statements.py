"""``symopt list`` and ``symopt show``: what is stated, and what follows from it at once."""

from __future__ import annotations

from typing import Any

import click

from symopt.cli.options import Catalogue, Command, catalogue, json_option
from symopt.cli.output import print_json, print_table, print_text, terminal_width

_KINDS = ("rules", "objectives", "models", "systems")


@click.command("list", cls=Command)
@click.argument("kind", type=click.Choice(_KINDS), required=False)
@catalogue
@json_option
def list_command(kind: str | None, library: Catalogue, as_json: bool) -> None:
    """Name every rule, objective, model with data, and source system that is stated.

    \b
    Examples:
      symopt list
      symopt list rules --rules my_rules.py
      symopt list objectives --json
      symopt list models
    """
    wanted = [kind] if kind else list(_KINDS)
    found = {name: _entries(name, library) for name in wanted}
    if as_json:
        print_json(found if kind is None else found[kind])
        return
    for name in wanted:
        rows = [[str(entry[key]) for key in _COLUMNS[name]] for entry in found[name]]
        header = [key.replace("_", " ") for key in _COLUMNS[name]]
        print_table(header, rows, title=f"{len(rows)} {name}", styles=["bold cyan"])
        if name != wanted[-1]:
            click.echo()


_COLUMNS = {
    "rules": ("name", "title", "defect"),
    "objectives": ("name", "title", "variables", "source"),
    "models": ("name", "title", "parameters", "data", "source"),
    "systems": ("name", "title", "runs", "printed", "claims"),
}


def _entries(kind: str, library: Catalogue) -> list[dict[str, Any]]:
    if kind == "rules":
        return [
            {
                "name": name, "family": rule.family, "title": rule.title,
                "source": rule.source.text, "defect": "defective" if rule.defect else "",
            }
            for name, rule in library.rules.items()
        ]  # fmt: skip
    if kind == "objectives":
        return [
            {
                "name": name, "family": objective.family, "title": objective.title,
                "variables": ", ".join(map(str, objective.variables)),
                "source": objective.source.text if objective.source else "",
            }
            for name, objective in library.objectives.items()
        ]  # fmt: skip
    if kind == "models":
        from symopt.statement.library import models

        return [
            {
                "name": name, "family": model.family, "title": model.title,
                "parameters": ", ".join(leaf.name for leaf in model.parameters),
                "data": ", ".join(leaf.name for leaf in model.data),
                "source": model.source.text if model.source else "",
            }
            for name, model in models.items()
        ]  # fmt: skip
    from symopt.verification.systems import systems

    return [
        {
            "name": name, "title": system.title,
            "runs": len(system.runs) + len(system.fits),
            "printed": len(system.printed), "claims": len(system.claims),
        }
        for name, system in systems.items()
    ]  # fmt: skip


@click.command("show", cls=Command)
@click.argument("name")
@catalogue
@json_option
def show_command(name: str, library: Catalogue, as_json: bool) -> None:
    """Show one statement: a rule, an objective (with gradient, Hessian and critical points), a
    model with data (with its gradient in matrix form), or a source system.

    \b
    Examples:
      symopt show adam
      symopt show beale
      symopt show "rosenbrock[3]" --json
      symopt show linear_regression
      symopt show N3d
    """
    found = _statement(name, library)
    kind = type(found).__name__
    if as_json:
        from symopt.cli import data

        print_json(getattr(data, f"{kind.lower()}_data")(found))
    elif kind == "System":
        _show_system(found)
    else:
        from symopt.presentation import sheets

        if kind == "ArrayObjective":
            from symopt.presentation.array_page import array_sheet

            click.echo(array_sheet(found).text(terminal_width()))
            return
        sheet = sheets.rule_sheet if kind == "Rule" else sheets.objective_sheet
        click.echo(sheet(found).text(terminal_width()))


def _show_system(system: Any) -> None:
    click.echo(f"{system.name}: {system.title}\n{system.note}\n")
    rows = [
        [
            run.label, run.rule, str(run.objective), run.where, str(run.steps),
            ", ".join(f"{name}={value}" for name, value in run.hyperparameters.items()),
        ]
        for run in system.runs
    ]  # fmt: skip
    if rows:
        print_table(["run", "rule", "objective", "start", "steps", "settings"], rows)
    for fit in system.fits:
        print_text(str(fit))
    for made in dict.fromkeys(fit.made for fit in system.fits):
        print_text(f"Data: {made}.")
    click.echo("\nClaims:")
    for claim in system.claims:
        click.echo(f"  {claim.by}: {claim.text}")
    click.echo(f"\n`symopt report --system {system.name}` computes it.")


def _statement(name: str, library: Catalogue) -> Any:
    """The rule, objective, model or system of that name.

    Raises :class:`~symopt.errors.UnknownNameError` with the nearest names of all kinds.
    """
    from symopt.errors import UnknownNameError, did_you_mean
    from symopt.statement.library import models
    from symopt.verification.systems import systems

    places: list[Any] = [library.rules, library.objectives, models, systems]
    for place in places:
        try:
            return place[name]
        except UnknownNameError:
            continue
    known = [known for place in places for known in place]
    hint = did_you_mean(name, known) or " `symopt list` shows all."
    raise UnknownNameError(f"no rule, objective, model or system named {name!r}.{hint}")
