"""A fit as data: a rule that trains a model with data, in the whole or in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from symopt.errors import StatementError
from symopt.statement.numbers import exact
from symopt.statement.system import Claim

__all__ = ["Fit", "LossFalls", "SameRule"]

#: The data by name, and the start of the parameters by name.
Made = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Fit:
    """One training run of a note, with every number exactly as written.

    Parameters
    ----------
    label, rule, model
        What it is called, and the library names of the rule and of the model.
    make
        A function that makes the data and the start of the parameters, each by name. Numbers that
        float32 holds make runs in all arithmetics start from the same.
    made
        In words, how they are made.
    steps, hyperparameters
        How the rule was run.
    sizes
        Sizes of the model that the data do not tell.
    learned
        The parameters that the rule moves; all others are held. Default all.
    batch, order, seed
        Mini-batches, as in ``bound.batches``; without ``batch`` every step sees all samples.
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
    model: str
    make: Callable[[], Made]
    made: str
    steps: int
    hyperparameters: Mapping[str, str] = field(hash=False)
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    learned: Sequence[str] = ()
    batch: int | None = None
    order: str = "in order"
    seed: int | None = None
    shown: Sequence[int] = ()
    certified: int = 0

    def __post_init__(self) -> None:
        for number in self.hyperparameters.values():
            exact(number, f"fit {self.label!r}")
        if self.steps < 1:
            raise StatementError(f"fit {self.label!r} has {self.steps} steps; it needs at least 1")
        object.__setattr__(self, "shown", tuple(self.shown) or (0, self.steps))
        object.__setattr__(self, "learned", tuple(self.learned))
        for step in self.shown:
            if not 0 <= step <= self.steps:
                raise StatementError(f"fit {self.label!r} has no step {step}")
        if not 0 <= self.certified <= self.steps:
            raise StatementError(f"fit {self.label!r} has no {self.certified} steps to certify")

    @property
    def described(self) -> str:
        """The rule, the model and the settings, in words."""
        values = ", ".join(f"{key} {value}" for key, value in self.hyperparameters.items())
        which = f", moving {', '.join(self.learned)} alone" if self.learned else ""
        batch = f", batches of {self.batch} {self.order}" if self.batch else ""
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps"
        return f"{self.rule} on {self.model}, {steps}, {values}{which}{batch}"

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
