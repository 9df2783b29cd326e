"""Options that several commands share, and how they are read. Only click is imported here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from fractions import Fraction

    from symopt.statement.library import Library
    from symopt.statement.objective import Objective
    from symopt.statement.rule import Rule

__all__ = [
    "Catalogue", "Command", "catalogue", "for_each", "intervals", "json_option", "set_option",
    "settings", "start", "x0_option",
]  # fmt: skip

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(\s*/\s*\d+)?,?|[+-]?(nan|inf)", re.I)
Function = TypeVar("Function", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose ``--x0`` takes all the numbers that follow it: ``--x0 -7 2``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        joined: list[str] = []
        rest = list(args)
        while rest:
            joined.append(rest.pop(0))
            if joined[-1] != "--x0":
                continue
            numbers = []
            while rest and _NUMBER.fullmatch(rest[0]):
                numbers.append(rest.pop(0).rstrip(","))
            if numbers:
                joined.append(",".join(numbers))
        return super().parse_args(ctx, joined)


@dataclass(frozen=True)
class Catalogue:
    """The user's own files beside the package's catalogue."""

    rule_paths: tuple[str, ...] = ()
    objective_paths: tuple[str, ...] = ()
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def rules(self) -> Library[Rule]:
        """All rules: the package's, and those of ``--rules``."""
        from symopt.statement.library import rules

        made: Library[Rule] = self._made.setdefault("rules", rules.extended(*self.rule_paths))
        return made

    @property
    def objectives(self) -> Library[Objective]:
        """All objectives: the package's, and those of ``--objectives``."""
        from symopt.statement.library import objectives

        made: Library[Objective] = self._made.setdefault(
            "objectives", objectives.extended(*self.objective_paths)
        )
        return made


def catalogue(function: Function) -> Function:
    """``--rules`` and ``--objectives``: the user's own files, as the argument ``library``."""
    import functools

    @functools.wraps(function)
    def with_library(
        *args: Any, rules_path: tuple[str, ...], objectives_path: tuple[str, ...], **more: Any
    ) -> Any:
        return function(*args, library=Catalogue(rules_path, objectives_path), **more)

    options = [
        click.option(
            "--rules", "rules_path", multiple=True, metavar="PATH",
            help="Also read rules from this Python file or folder. The code is executed.",
        ),
        click.option(
            "--objectives", "objectives_path", multiple=True, metavar="PATH",
            help="Also read objectives from this Python file or folder. The code is executed.",
        ),
    ]  # fmt: skip
    decorated: Any = with_library
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")
x0_option = click.option(
    "--x0", multiple=True, metavar="NUMBERS",
    help="The start, one number per variable: --x0 1 3/2, --x0 '-7, 2', or repeated. Text such "
    "as 0.1 or 3/2 is exact. Default: the objective's customary start.",
)  # fmt: skip
set_option = click.option(
    "--set", "assignments", multiple=True, metavar="NAME=VALUE",
    help="A hyperparameter: --set eta=1/10, or a schedule in t: --set 'eta=1/(10*t)'. Repeatable.",
)  # fmt: skip


def start(given: tuple[str, ...]) -> list[str] | None:
    """The numbers of ``--x0``, or ``None`` for the customary start.

    >>> start(("-7, 2",)), start(("1", "3/2")), start(())
    (['-7', '2'], ['1', '3/2'], None)
    """
    numbers = [number for text in given for number in text.replace(",", " ").split()]
    return numbers if given else None


def settings(given: tuple[str, ...], rule: Rule | None = None) -> dict[str, Any]:
    """The hyperparameters of ``--set``; the rule must have them.

    >>> settings(("eta=1/10", "mu = 0.9"))
    {'eta': '1/10', 'mu': '0.9'}

    Raises :class:`click.BadParameter` for what is not of the form ``name=value``, and
    :class:`~symopt.errors.UnknownNameError` for what the rule does not have.
    """
    result: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE, such as eta=1/10")
        if name.strip() in result:
            raise click.BadParameter(f"{name.strip()} is given twice")
        if rule is not None:
            rule.parameter(name.strip())
        result[name.strip()] = value.strip()
    return result


def for_each(rules: list[Any], given: dict[str, str]) -> list[dict[str, Any]]:
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
                f"--set {name}: {own!r} is not among the rules."
                + did_you_mean(own, [rule.name for rule in rules])
            )
        for index in fitting or takers[:1]:
            # Where no rule has it, the first one says which hyperparameters there are.
            rules[index].parameter(inner)
            result[index][inner] = given[name]
    return result


def intervals(text: str) -> list[tuple[Fraction, Fraction]]:
    """The intervals of ``-5,5,-2,2``, exactly.

    >>> intervals("0,1/3")
    [(Fraction(0, 1), Fraction(1, 3))]
    """
    numbers = text.replace(",", " ").split()
    if not numbers or len(numbers) % 2:
        raise click.BadParameter(f"{text!r} is no interval (two numbers) for each axis: -5,5,-2,2")
    try:
        from symopt.statement.numbers import exact

        ends = [exact(number, "window") for number in numbers]
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if any(low >= high for low, high in zip(ends[::2], ends[1::2], strict=True)):
        raise click.BadParameter(f"{text!r} has an empty interval")
    return list(zip(ends[::2], ends[1::2], strict=True))
