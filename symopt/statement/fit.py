"""A fit as data: a rule that trains a model, and where its loss is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from symopt.errors import StatementError
from symopt.statement.numbers import exact
from symopt.statement.system import Claim
from symopt.statement.system_data import OnData

__all__ = ["Fit", "LossFalls", "SameRule"]


@dataclass(frozen=True)
class Fit:
    """One training run of a note, with every number exactly as written.

    Parameters
    ----------
    label, rule
        What it is called, and the library name of the rule.
    on
        The model, its data and the start of its parameters. Numbers that float32 holds make runs
        in all arithmetics start from the same.
    made
        In words, how data and start are made.
    steps, hyperparameters
        How the rule was run.
    shown
        The steps after which the loss is shown.
    certified
        How many steps are made in certified balls.

    >>> import symopt
    >>> [fit.label for fit in symopt.systems.N2.fits]
    ['A, one plain step', 'B, momentum', 'B, velocity form']
    """

    label: str
    rule: str
    on: OnData
    made: str
    steps: int
    hyperparameters: Mapping[str, str] = field(hash=False)
    shown: Sequence[int] = ()
    certified: int = 0

    def __post_init__(self) -> None:
        for number in self.hyperparameters.values():
            exact(number, f"fit {self.label!r}")
        if self.steps < 1:
            raise StatementError(f"fit {self.label!r} has {self.steps} steps; it needs at least 1")
        object.__setattr__(self, "shown", tuple(self.shown) or (0, self.steps))
        for step in self.shown:
            if not 0 <= step <= self.steps:
                raise StatementError(f"fit {self.label!r} has no step {step}")
        if not 0 <= self.certified <= self.steps:
            raise StatementError(f"fit {self.label!r} has no {self.certified} steps to certify")

    @property
    def described(self) -> str:
        """The rule, the model and the settings, in words."""
        values = ", ".join(f"{key} {value}" for key, value in self.hyperparameters.items())
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return f"{self.rule} on {self.on}, {steps}, {values}"

    def __str__(self) -> str:
        return f"{self.label}: {self.described}"


@dataclass(frozen=True)
class LossFalls(Claim):
    """The loss of a fit is lower after the later step than after the earlier one."""

    of_fits: ClassVar[bool] = True
    fit: str
    earlier: int
    later: int


@dataclass(frozen=True)
class SameRule(Claim):
    """Two fits follow one rule in two forms: for constant hyperparameters the same points."""

    of_fits: ClassVar[bool] = True
    left: str
    right: str
