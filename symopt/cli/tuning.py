"""``symopt tune``: the best hyperparameters of a rule on an objective."""

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
    x0_option,
)  # fmt: skip
from symopt.cli.output import number, print_json, print_table, progress
from symopt.cli.sweeping import choices, points, starts_option, window_option, workers_option

if TYPE_CHECKING:
    from symopt.verification.tuning.goal import Trial
    from symopt.verification.tuning.result import Tuned

__all__ = ["tune_command"]


@click.command("tune", cls=Command)
@click.argument("rule")
@click.argument("objective")
@set_option
@click.option("--steps", type=int, default=100, show_default=True, help="How many steps.")
@click.option(
    "--criterion", type=click.Choice(["final", "best", "steps"]), default="final",
    show_default=True, help="f at the end, the lowest f on the way, or the steps to --threshold.",
)  # fmt: skip
@click.option("--threshold", metavar="F", help="The value of f to reach, for --criterion steps.")
@click.option(
    "--over", type=click.Choice(["worst", "median", "mean"]), default="worst", show_default=True,
    help="How several starts are put together.",
)  # fmt: skip
@starts_option
@window_option
@x0_option
@click.option(
    "--budget", type=int, default=2000, show_default=True, help="Settings to try at most."
)
@workers_option
@click.option("--rows", type=int, default=0, show_default=True, help="Also print the best trials.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@catalogue
@json_option
def tune_command(
    rule: str,
    objective: str,
    assignments: tuple[str, ...],
    steps: int,
    criterion: str,
    threshold: str | None,
    over: str,
    starts: str | None,
    window: str | None,
    x0: tuple[str, ...],
    budget: int,
    workers: int,
    rows: int,
    quiet: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Find the best hyperparameters of RULE on OBJECTIVE, as exact numbers.

    A grid over what --set gives as lists or ranges, then finer grids around the best; single
    values are fixed. Without a range the learning rate is tuned. The score of the best setting is
    checked in certified arithmetic.

    \b
    Examples:
      symopt tune adam beale
      symopt tune momentum beale --set eta=1e-4..1e-1:13:log --set mu=1/2,9/10,99/100
      symopt tune adam beale --criterion steps --threshold 1e-6 --steps 1000
      symopt tune nesterov rosenbrock --starts 5 --window -1,1,-1,1 --over median --rows 5
    """
    from symopt.verification.tuning import tune

    stated = library.rules.resolve(rule)
    given: dict[str, Any] = {
        name: choices(text) for name, text in settings(assignments, stated).items()
    }
    with progress(quiet) as watch:
        found = tune(
            stated,
            library.objectives.resolve(objective),
            points(starts, window, x0),
            steps,
            criterion=criterion,
            over=over,
            threshold=threshold,
            budget=budget,
            executor=None if workers == 1 else workers,
            watch=watch,
            **given,
        )
    if as_json:
        print_json(_data(found))
        return
    click.echo(str(found))
    if rows > 0:
        _print_trials(found, rows)


def _print_trials(found: Tuned, rows: int) -> None:
    from symopt.execution.trajectory import number_text

    names = [line.name for line in found.lines]
    best = sorted(found.trials, key=lambda trial: trial.score)[:rows]
    cells = [
        [
            *(str(trial.hyperparameters[name]) for name in names),
            number_text(trial.score, 6), str(trial.failed),
        ]
        for trial in best
    ]  # fmt: skip
    print_table([*names, found.goal.text, "failed"], cells, align="r" * (len(names) + 2))


def _data(found: Tuned) -> dict[str, Any]:
    certificate = found.certificate
    return {
        "rule": found.rule.name, "objective": found.objective.name, "steps": found.goal.steps,
        "criterion": found.goal.criterion, "over": found.goal.over,
        "threshold": None if found.goal.threshold is None else str(found.goal.threshold),
        "fixed": {name: str(value) for name, value in found.fixed.items()},
        "best": _trial(found.best), "defaults": _trial(found.defaults),
        "shorter": None if found.shorter is None else _trial(found.shorter),
        "ties": [_trial(one) for one in found.ties], "grids": found.rounds,
        "certificate": {
            "step": certificate.step, "f": certificate.value,
            "digits": number(certificate.agrees), "first": certificate.holds,
            "reason": certificate.reason,
        },
        "notes": list(found.notes), "trials": [_trial(one) for one in found.trials],
    }  # fmt: skip


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "hyperparameters": {name: str(value) for name, value in trial.hyperparameters.items()},
        "score": number(trial.score), "failed": trial.failed, "start": trial.start,
    }  # fmt: skip
