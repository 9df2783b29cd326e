"""Which optimizers of the installed frameworks lift: a table that can be made again at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from symopt.errors import InputError, LiftError, did_you_mean
from symopt.statement.rule import Rule
from symopt.verification.lift import framework_cases
from symopt.verification.lift.framework_cases import Case

__all__ = ["FRAMEWORKS", "PACKAGES", "Count", "Lifted", "configurations", "lift_counts", "tally"]


@dataclass(frozen=True)
class Lifted:
    """One optimizer in one configuration: the rule that it lifted to, or why it did not.

    ``program`` says that the step was lifted and checked although no rule can state it: it treats
    a matrix as more than a list of coordinates, or asks for more than a gradient. ``kind`` is what
    the framework offers it as: ``"optimizer"`` (at its defaults) or ``"variant"``, for optax
    ``"alias"``, ``"transformation"``, ``"combinator"``, ``"schedule"`` or ``"contrib"``, for
    scikit-learn also ``"estimator"``.
    """

    framework: str
    configuration: str
    rule: Rule | None
    program: bool
    reason: str
    seconds: float
    kind: str = ""

    @property
    def lifted(self) -> bool:
        """Whether the step was lifted and checked, as a rule or as a program."""
        return self.rule is not None or self.program

    @property
    def name(self) -> str:
        """What the framework calls it, without its settings."""
        return self.configuration.partition("(")[0]


@dataclass(frozen=True)
class Count:
    """How many of one kind lifted: configurations, and the different things that they are of.

    ``lifted`` of ``configurations`` configurations, of which ``rules`` as rules; ``names_lifted``
    of ``names`` things lifted in at least one of their configurations.
    """

    framework: str
    kind: str
    configurations: int
    rules: int
    programs: int
    names: int
    names_lifted: int

    @property
    def lifted(self) -> int:
        """Configurations that lifted, as rules or as programs."""
        return self.rules + self.programs

    @property
    def refused(self) -> int:
        """Configurations that did not."""
        return self.configurations - self.lifted


FRAMEWORKS: dict[str, Callable[[], Iterator[Case]]] = {
    "torch": framework_cases.torch,
    "optax": framework_cases.optax,
    "keras": framework_cases.keras,
    "sklearn": framework_cases.sklearn,
    "autograd": framework_cases.autograd,
    "tinygrad": framework_cases.tinygrad,
}
#: The packages that frameworks come in, where these have another name.
PACKAGES = {"sklearn": "scikit-learn"}


def configurations(framework: str) -> list[str]:
    """The names of the configurations that :func:`lift_counts` tries."""
    return [case.configuration for case in _of(framework)]


def lift_counts(
    framework: str, progress: Callable[[Lifted], None] | None = None
) -> tuple[Lifted, ...]:
    """Every optimizer of a framework, lifted in every configuration.

    Raises :class:`~symopt.errors.MissingExtraError` where the framework is not installed.

    >>> lift_counts("torsch")
    Traceback (most recent call last):
        ...
    symopt.errors.InputError: no framework 'torsch' to lift from; ... Did you mean 'torch'?
    """
    rows = []
    for case in _of(framework):
        begun = time.perf_counter()
        rule, program, reason = None, False, ""
        try:
            rule, program = case.lift()
        except LiftError as error:
            reason = str(error)
        seconds = time.perf_counter() - begun
        row = Lifted(framework, case.configuration, rule, program, reason, seconds, case.kind)
        rows.append(row)
        if progress is not None:
            progress(row)
    return tuple(rows)


def tally(rows: Iterable[Lifted]) -> tuple[Count, ...]:
    """The counts of lifts by framework and kind, in the order in which they come.

    >>> row = Lifted("torch", "LBFGS()", None, False, "a line search", 0.0, "optimizer")
    >>> [(count.kind, count.lifted, count.refused) for count in tally([row])]
    [('optimizer', 0, 1)]
    """
    groups: dict[tuple[str, str], list[Lifted]] = {}
    for row in rows:
        groups.setdefault((row.framework, row.kind), []).append(row)
    return tuple(
        Count(
            framework, kind, len(own),
            sum(row.rule is not None for row in own), sum(row.program for row in own),
            len({row.name for row in own}), len({row.name for row in own if row.lifted}),
        )
        for (framework, kind), own in groups.items()
    )  # fmt: skip


def _of(framework: str) -> Iterator[Case]:
    if framework not in FRAMEWORKS:
        raise InputError(
            f"no framework {framework!r} to lift from; there are {', '.join(FRAMEWORKS)}."
            + did_you_mean(framework, FRAMEWORKS)
        )
    return FRAMEWORKS[framework]()
