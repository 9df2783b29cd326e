"""``symopt plot``: every kind of picture, and those of the source systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    start,
    x0_option,
)  # fmt: skip
from symopt.cli.output import message, print_json, progress
from symopt.cli.runs import arithmetic_option
from symopt.cli.sweeping import choices

#: Kinds that draw runs on one objective, kinds that draw what follows from a rule, and basins.
_OF_RUNS = (
    "trajectory", "panels", "losses", "distance", "error", "surface", "animate", "phase",
)  # fmt: skip
_OF_RULES = ("stability", "rate", "root_locus")
_KINDS = (*_OF_RUNS, *_OF_RULES, "basins", "learning_rates")
#: Which kinds an option is for; the others are for all that draw runs.
_FITTING = {
    "objective": (*_OF_RUNS, "basins", "learning_rates"),
    "steps": (*_OF_RUNS, "basins", "learning_rates"),
    "x0": (*_OF_RUNS, "learning_rates"),
    "arithmetic": _OF_RUNS,
    "window": ("trajectory", "panels", "surface", "animate", "stability", "rate", "basins"),
    "highest": ("trajectory", "panels", "animate"),
    "heights": ("surface", "animate"),
    "milliseconds": ("animate",),
    "view": ("animate",),
    "to": ("distance",),
    "against": ("phase",),
    "over": ("stability", "rate", "learning_rates"),
    "along": ("root_locus",),
    "curvature": _OF_RULES,
    "mesh": ("basins", "learning_rates"),
    "at_most": ("basins",),
    "show": ("learning_rates",),
    "threshold": ("learning_rates",),
}


@click.command("plot", cls=Command)
@click.argument("words", nargs=-1, metavar="[KIND] RULE...")
@click.option("--on", "objective", metavar="OBJECTIVE", help="The objective.")
@click.option("--system", metavar="SYSTEM", help="Draw what this source system drew, such as N3a.")
@click.option(
    "--kind", type=click.Choice(_KINDS), metavar="KIND", help="The kind, if it is not a word."
)
@click.option("--steps", type=int, default=50, show_default=True, help="How many steps.")
@x0_option
@arithmetic_option
@set_option
@click.option("--window", metavar="A,B[,C,D]", help="What the axes show: -5,5,-2,2.")
@click.option("--highest", metavar="F", help="Cut the contours where f is higher.")
@click.option("--heights", metavar="LOW,HIGH", help="Cut a surface to this interval of f.")
@click.option("--view", type=click.Choice(["contours", "surface"]), help="What moves, on what.")
@click.option("--milliseconds", type=int, help="How long a frame of an animation is shown.")
@click.option("--to", metavar="NUMBERS", help="The point to measure the distance to: 3,1/2.")
@click.option("--against", metavar="STATE", help="What a phase portrait shows: step, v, ...")
@click.option("--over", metavar="A,B", help="The axes of a map: eta,mu.")
@click.option("--along", metavar="NAME", help="What grows along a root locus.")
@click.option("--curvature", metavar="NUMBERS", help="Curvatures of the quadratic: 1 or 1,10.")
@click.option("--mesh", type=int, help="Starts along each side of basins; learning rates.")
@click.option("--at-most", type=int, help="Steps of basins for runs at no minimum yet.")
@click.option(
    "--show", type=click.Choice(["final", "best", "steps"]),
    help="Of learning rates: f at the end, the lowest f, or the steps to --threshold.",
)  # fmt: skip
@click.option("--threshold", metavar="F", help="The value of f to reach, for --show steps.")
@click.option(
    "-o", "--output", metavar="FILE",
    help="The picture: .png, .svg, .pdf; .gif or .mp4 moves.  [default: picture.png]",
)  # fmt: skip
@catalogue
@json_option
@click.pass_context
def plot_command(
    context: click.Context,
    /,
    words: tuple[str, ...],
    objective: str | None,
    system: str | None,
    kind: str | None,
    assignments: tuple[str, ...],
    output: str | None,
    library: Catalogue,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw a picture of one or more RULEs, and print what it shows.

    \b
    Kinds that draw runs on one objective (--on):
      trajectory  paths on filled contours (the default; one variable: on its curve)
      panels      the same, a panel for each rule
      losses      f after each step            distance    from the minimum after each step
      error       in ulp, against exact        phase       x against its step; one variable
      surface     in three dimensions          animate     .gif or .mp4 (--view surface)
    Kinds that draw what follows from a rule on quadratics:
      stability   the region of convergence    rate        the spectral radius
      root_locus  the roots as one hyperparameter grows
    And:
      basins      which critical point each start reaches; one rule, --on OBJECTIVE
      learning_rates  what rules come to for each learning rate (--set eta=1e-4..1:81:log), or
                  one rule over two hyperparameters (--over eta,mu); --on OBJECTIVE

    A hyperparameter of --set goes to every rule that has it; NAME.eta=... to the rule NAME alone.

    \b
    Examples:
      symopt plot adam momentum --on beale --set eta=1/100 -o paths.png
      symopt plot panels gradient_descent adagrad --on elongated_bowl --steps 30 \\
          --set gradient_descent.eta=0.95 --set adagrad.eta=1.5 --highest 7 -o panels.svg
      symopt plot error momentum adam --on beale --set eta=1/1000 -o ulp.png
      symopt plot phase momentum --on half_square --against v -o phase.png
      symopt plot stability nesterov nesterov_new_velocity -o region.png
      symopt plot rate momentum --curvature 1,10 -o rate.png
      symopt plot root_locus momentum --set mu=1/2 -o roots.png
      symopt plot basins gradient_descent --on himmelblau --set eta=1/100 --steps 300
      symopt plot learning_rates momentum nesterov --on elongated_bowl -o rates.png
      symopt plot animate adam --on cubic --view surface --set eta=0.1 -o adam.gif
      symopt plot --system N3a -o n3a.png
      symopt plot --system N3d --on saddle -o saddle.gif
    """
    from symopt.presentation import plot

    given = {
        name for name in (*options, "objective")
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }  # fmt: skip
    if system is not None:
        _refuse_beside_a_system(words, kind, assignments, given - {"objective"})
        scene = plot.system(system, objective)
        drawn, caption = scene, scene.caption
    else:
        kind, names = _kind_and_rules(words, kind, output, library)
        for name in sorted(given):
            if kind not in _FITTING[name]:
                option = "--on" if name == "objective" else f"--{name.replace('_', '-')}"
                raise click.UsageError(f"{option} is nothing that {kind} draws from")
        chosen = {name: value for name, value in options.items() if name in given}
        if kind in _OF_RULES:
            drawn, caption = _of_rules(kind, names, assignments, chosen)
        else:
            if objective is None:
                raise click.UsageError(f"{kind} needs --on OBJECTIVE, such as --on beale")
            surface = library.objectives.resolve(objective)
            if kind == "learning_rates":
                read = settings(assignments)
                drawn, caption = _learning_rates(names, surface, read, options, chosen)
            elif kind == "basins":
                drawn, caption = _basins(_only(kind, names), surface, assignments, chosen)
            else:
                read = settings(assignments)
                drawn, caption = _of_runs(kind, names, surface, read, options, chosen)
    moving = isinstance(drawn, plot.Animation)
    saved = plot.save(drawn, output or ("picture.gif" if moving else "picture.png"))
    message(f"wrote {saved}")
    print_json({"file": str(saved), "caption": caption}) if as_json else click.echo(caption)


def _refuse_beside_a_system(
    words: tuple[str, ...], kind: str | None, assignments: tuple[str, ...], given: set[str]
) -> None:
    """A system states everything itself."""
    named = [
        *words,
        *([f"--kind {kind}"] if kind else []),
        *(f"--{name.replace('_', '-')}" for name in given),
    ]
    named += ["--set"] * bool(assignments)
    if named:
        raise click.UsageError(
            f"--system states its own runs; leave out {', '.join(sorted(named))}"
        )


def _kind_and_rules(
    words: tuple[str, ...], kind: str | None, output: str | None, library: Catalogue
) -> tuple[str, list[Any]]:
    """The kind, which may be the first word, and the rules.

    Raises :class:`click.UsageError` without a rule, and
    :class:`~symopt.errors.UnknownNameError` for a word that is neither.
    """
    first = words[0].replace("-", "_") if words else ""
    if first in _KINDS and first not in library.rules:
        if kind is not None and kind != first:
            raise click.UsageError(f"two kinds: {first} and --kind {kind}")
        kind, words = first, words[1:]
    if not words:
        raise click.UsageError(
            "a picture needs a RULE, such as adam, or --system; kinds are " + ", ".join(_KINDS)
        )
    if kind is None:
        moving = output is not None and Path(output).suffix.lower() in (".gif", ".mp4")
        kind = "animate" if moving else "trajectory"
        if words[0] not in library.rules:
            from symopt.errors import UnknownNameError, did_you_mean

            raise UnknownNameError(
                f"{words[0]!r} is neither a rule nor a kind of picture."
                + did_you_mean(words[0], [*_KINDS, *library.rules])
                + f" Kinds are {', '.join(_KINDS)}."
            )
    return kind, [library.rules.resolve(word) for word in words]


def _of_runs(
    kind: str, rules: list[Any], surface: Any, given: dict[str, str], options: dict[str, Any],
    chosen: dict[str, Any],
) -> tuple[Any, str]:  # fmt: skip
    from symopt.execution.run import run
    from symopt.presentation import plot

    runs = [
        run(rule, surface, start(options["x0"]), options["steps"], options["arithmetic"], **values)
        for rule, values in zip(rules, for_each(rules, given), strict=True)
    ]
    more = {
        name: value
        for name, value in chosen.items()
        if name in ("highest", "view", "milliseconds", "against")
    }
    if "window" in chosen:
        more["window"] = _pairs(chosen["window"])
    if "heights" in chosen:
        more["heights"] = _pairs(chosen["heights"])[0]
    if "to" in chosen:
        more["to"] = chosen["to"].replace(",", " ").split()
    function = getattr(plot, kind)
    drawn = function(surface, *runs, **more) if kind == "surface" else function(*runs, **more)
    return drawn, plot.caption(*runs)


def _basins(
    rule: Any, surface: Any, given: tuple[str, ...], chosen: dict[str, Any]
) -> tuple[Any, str]:
    from symopt.presentation import plot

    more: dict[str, Any] = {"steps": chosen.get("steps", 500)}
    more |= {name: chosen[name] for name in ("mesh", "at_most") if name in chosen}
    if "window" in chosen:
        more["window"] = _pairs(chosen["window"])
    with progress() as watch:
        found = plot.basin_map(rule, surface, watch=watch, **more, **settings(given, rule))
    return plot.basins(found), found.caption


def _learning_rates(
    rules: list[Any], surface: Any, given: dict[str, str], options: dict[str, Any],
    chosen: dict[str, Any],
) -> tuple[Any, str]:  # fmt: skip
    from symopt.presentation import plot

    more: dict[str, Any] = {name: choices(text) for name, text in given.items()}
    more |= {n: chosen[n] for n in ("steps", "mesh", "show", "threshold") if n in chosen}
    if "over" in chosen:
        more["over"] = chosen["over"].replace(",", " ").split()
    if "x0" in chosen:
        more["starts"] = [start(options["x0"])]
    with progress() as watch:
        found = plot.rate_map(rules, surface, watch=watch, **more)
    return plot.learning_rates(found), found.caption


def _of_rules(
    kind: str,
    rules: list[Any],
    assignments: tuple[str, ...],
    chosen: dict[str, Any],
) -> tuple[Any, str]:
    from symopt.presentation import plot

    more: dict[str, Any] = {}
    if "curvature" in chosen:
        more["curvature"] = chosen["curvature"].replace(",", " ").split()
    if kind == "root_locus":
        rule = _only(kind, rules)
        if len(more.get("curvature", [1])) != 1:
            raise click.UsageError("a root locus has one curvature")
        more = {name: values[0] for name, values in more.items()}
        axes = plot.root_locus(rule, chosen.get("along"), **more, **settings(assignments, rule))
        return axes, axes.get_title().replace("\n", ", ") + "."
    if "over" in chosen:
        more["over"] = chosen["over"].replace(",", " ").split()
    if "window" in chosen:
        more["window"] = _pairs(chosen["window"])
    given = for_each(rules, settings(assignments))
    maps = [
        plot.stability_map(rule, **more, **values)
        for rule, values in zip(rules, given, strict=True)
    ]
    axes = plot.rate(_only(kind, maps)) if kind == "rate" else plot.stability(*maps)
    return axes, " ".join(one.caption for one in maps)


def _only(kind: str, given: list[Any]) -> Any:
    if len(given) != 1:
        raise click.UsageError(f"{kind} draws one rule, not {len(given)}")
    return given[0]


def _pairs(text: str) -> list[tuple[float, float]]:
    """The intervals of ``-5,5,-2,2``, as a picture takes them.

    >>> _pairs("-5,5,-2,2")
    [(-5.0, 5.0), (-2.0, 2.0)]
    """
    return [(float(low), float(high)) for low, high in intervals(text)]
