"""``symopt derive``, ``symopt compare`` and ``symopt unroll``: formulas."""

from __future__ import annotations

import re
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
    from symopt.presentation.document import Document


@click.command("derive", cls=Command)
@click.argument("rule", required=False)
@click.argument("objective", required=False)
@click.option("--steps", type=int, default=2, show_default=True, help="How many steps to work out.")
@x0_option
@set_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write .tex, .md, .html, .pdf, .txt or .bib instead of printing text.",
)
@click.option(
    "--detail",
    type=click.Choice(["brief", "normal", "full"]),
    default="normal",
    show_default=True,
    help="Results, the usual steps, or every rule of calculation that was used.",
)
@click.option(
    "--check",
    metavar="FOLDER",
    help="Say which files of a folder of derivations are stale (exit 1). Its scripts are executed.",
)
@click.option(
    "--update",
    metavar="FOLDER",
    help="Write the stale files of a folder of derivations. Its scripts are executed.",
)
@catalogue
@json_option
def derive_command(
    rule: str | None,
    objective: str | None,
    steps: int,
    x0: tuple[str, ...],
    assignments: tuple[str, ...],
    output: str | None,
    detail: str,
    check: str | None,
    update: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Derive RULE on OBJECTIVE: gradient, algorithm, first steps in closed form and with numbers.

    A model with data is given alone: its gradient in matrix form, with the reasons.

    \b
    Examples:
      symopt derive adam beale --steps 2 -o adam.tex
      symopt derive adam beale -o adam.html
      symopt derive momentum half_square --x0 1 --set eta=1/10
      symopt derive nesterov cubic --x0 -7 2
      symopt derive softmax_regression -o softmax.pdf
      symopt derive --check derivations
    """
    if check or update:
        _collection(check, update, as_json)
        return
    from symopt.statement.library import models

    if rule is not None and objective is None and rule not in library.rules:
        from symopt.presentation.array_page import array_document

        _hand_out(array_document(models.resolve(rule)), output, as_json)
        return
    if rule is None or objective is None:
        raise click.UsageError("give RULE and OBJECTIVE, or --check or --update with a folder")
    from symopt.presentation.derive import derive

    stated = library.rules.resolve(rule)
    document = derive(
        stated,
        library.objectives.resolve(objective),
        steps=steps,
        x0=start(x0),
        detail=detail,
        **settings(assignments, stated),
    )
    _hand_out(document, output, as_json)


def _hand_out(document: Document, output: str | None, as_json: bool) -> None:
    """Write a document into its file, or print it as text, or all of it as JSON."""
    if output:
        message(f"wrote {document.save(output)}")
    if as_json:
        print_json(
            {
                "title": document.title, "latex": document.latex(), "markdown": document.markdown(),
                "text": document.text(), "bibtex": document.bibtex(), "file": output,
            }
        )  # fmt: skip
    elif not output:
        click.echo(document.text(terminal_width()))


@click.command("compare", cls=Command)
@click.argument("compared", nargs=-1, required=True, metavar="RULE RULE...")
@click.option("--on", "objective", metavar="OBJECTIVE", help="Run them on this objective, exactly.")
@click.option("--steps", type=int, default=2, show_default=True, help="Steps in closed form.")
@x0_option
@set_option
@click.option("-o", "--output", metavar="FILE", help="Write .tex, .md, .html, .pdf, .txt or .bib.")
@catalogue
@json_option
def compare_command(
    compared: tuple[str, ...],
    objective: str | None,
    steps: int,
    x0: tuple[str, ...],
    assignments: tuple[str, ...],
    output: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Compare rules: what differs line by line, what is proved, the first steps of each.

    \b
    Examples:
      symopt compare momentum nesterov
      symopt compare adam adam_epsilon_inside adam_epsilon_hat -o adams.html
      symopt compare momentum nesterov --on cubic --x0 1 1 --set eta=1/20
    """
    from symopt.presentation.comparison import compare

    stated = [library.rules.resolve(name) for name in compared]
    document = compare(
        *stated,
        objective=None if objective is None else library.objectives.resolve(objective),
        steps=steps,
        x0=start(x0),
        **settings(assignments),
    )
    _hand_out(document, output, as_json)


def _collection(check: str | None, update: str | None, as_json: bool) -> None:
    """Check or update a folder of derivations."""
    from symopt.presentation.collection import read_collection

    entries = read_collection(update or check or "")
    changed, listed = [], []
    for entry in entries:
        stale = entry.stale()
        told = [f"{path} is stale: {entry.difference(path)}" for path in stale]
        changed += stale
        listed += [f"wrote {path}" for path in entry.update()] if update else told
    if as_json:
        paths = [str(path) for path in changed]
        print_json({"derivations": len(entries), "updated" if update else "stale": paths})
    for line in listed:
        message(line)
    message(f"{len(entries)} derivations, {len(changed)} {'updated' if update else 'stale'}")
    if check and not update and changed:
        raise SystemExit(1)


@click.command("unroll", cls=Command)
@click.argument("rule")
@click.argument("objective", required=False)
@click.option("--steps", type=int, default=2, show_default=True, help="How many steps to unroll.")
@click.option("--step", type=int, default=None, help="Show the point after this one. Default: last")
@click.option(
    "--max-terms", type=int, default=5000, show_default=True,
    help="Expand polynomials up to this many terms.",
)  # fmt: skip
@x0_option
@set_option
@catalogue
@json_option
def unroll_command(
    rule: str,
    objective: str | None,
    steps: int,
    step: int | None,
    max_terms: int,
    x0: tuple[str, ...],
    assignments: tuple[str, ...],
    library: Catalogue,
    as_json: bool,
) -> None:
    """Unroll the first steps of RULE into formulas of the start and the hyperparameters.

    Without OBJECTIVE the gradients stay symbols g1, g2, ...

    \b
    Examples:
      symopt unroll momentum --steps 3
      symopt unroll gradient_descent half_square --steps 4 --set eta=1/4
      symopt unroll adam beale --steps 5 --step 2
    """
    from symopt.derivation.unroll import unroll

    stated = library.rules.resolve(rule)
    unrolled = unroll(
        stated,
        None if objective is None else library.objectives.resolve(objective),
        steps,
        x0=start(x0),
        **settings(assignments, stated),
    )
    form = unrolled.closed_form(step, max_terms=max_terms)
    print_json(_data(unrolled, form)) if as_json else _print(unrolled, form)


def _print(unrolled: Any, form: Any) -> None:
    from symopt.presentation.names import Label
    from symopt.presentation.text import columns

    write = _writer(unrolled, form)
    click.echo(str(unrolled))
    terms = f", {form.terms} terms" if form.terms else ""
    click.echo(f"the point after step {form.step}, {form.kind}{terms}:")
    lets = [(Label(symbol.name).unicode, write(value)) for symbol, value in form.lets]
    point = [
        (Label(name, str(form.step)).unicode, write(value))
        for name, value in zip(unrolled.variables, form.expressions, strict=True)
        # The last names of a let-bound form are the point itself.
        if not form.lets or value not in {symbol for symbol, _ in form.lets}
    ]
    lines = [*lets, *point]
    width = max(columns(name) for name, _ in lines)
    for name, text in lines:
        click.echo(f"  {name}{' ' * (width - columns(name))} = {text}")


def _writer(unrolled: Any, form: Any) -> Any:
    """Writes an expression with hyperparameters first, history before gradients."""
    from symopt.presentation.names import Style
    from symopt.presentation.notation import Writer
    from symopt.presentation.order import Roles

    names = [*unrolled.arguments, *(symbol for symbol, _ in form.lets)]
    rule = unrolled.rule
    others = tuple(symbol for symbol in names if symbol not in rule.hyperparameters)
    # The opaque gradients are g1, g2, ...; those of a let-bound form g_x_1, g_y_1, ...
    gradients = frozenset(symbol for symbol in others if re.match(r"g(\d|_)", symbol.name))
    variables = tuple(symbol for symbol in others if symbol not in gradients)
    roles = Roles(
        hyperparameters=tuple(rule.hyperparameters), variables=variables, gradients=gradients
    )
    return Writer(Style.UNICODE, roles, None).text


def _data(unrolled: Any, form: Any) -> dict[str, Any]:
    from symopt.presentation.notation import plain
    from symopt.statement.serialize import encode

    return {
        "rule": unrolled.rule.name,
        "objective": unrolled.objective.name if unrolled.objective else None,
        "steps": unrolled.steps, "operations": unrolled.operations,
        "arguments": [symbol.name for symbol in unrolled.arguments],
        "step": form.step, "kind": form.kind, "terms": form.terms,
        "lets": [
            {"name": symbol.name, "expression": encode(value), "text": plain(value, ascii=True)}
            for symbol, value in form.lets
        ],
        "point": [
            {"variable": name, "expression": encode(value), "text": plain(value, ascii=True)}
            for name, value in zip(unrolled.variables, form.expressions, strict=True)
        ],
    }  # fmt: skip
