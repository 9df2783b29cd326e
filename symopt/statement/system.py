"""A source system as data: what a note ran, what it printed, and what it claims.

Nothing here is computed. :mod:`symopt.verification.systems` runs a system and settles its claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from sympy import Expr, Symbol

from symopt.errors import StatementError, did_you_mean
from symopt.statement.array.expression import Array
from symopt.statement.numbers import exact
from symopt.statement.system_data import OnData

if TYPE_CHECKING:
    from symopt.statement.fit import Fit

__all__ = [
    "BackwardPass",
    "Claim",
    "ConvergesFaster",
    "CountOfKind",
    "DependsOn",
    "Diverges",
    "EndsAtMinimizer",
    "EndsLower",
    "ExactValue",
    "FateOnQuadratic",
    "FirstDifference",
    "GradientTimes",
    "KindOfPoint",
    "Moments",
    "Printed",
    "SamePrint",
    "SameTrajectory",
    "System",
    "SystemPicture",
    "SystemRun",
    "UnboundedBelow",
    "WeightOfGradient",
]


@dataclass(frozen=True)
class SystemRun:
    """One run of a note: a rule on an objective, with every number exactly as written.

    ``rule`` and ``objective`` are library names, ``arithmetic`` is what the note computed in. On
    data the objective is an :class:`~symopt.statement.system_data.OnData`, which has the start.
    """

    label: str
    rule: str
    objective: str | OnData
    start: Sequence[str]
    steps: int
    hyperparameters: Mapping[str, str] = field(hash=False)
    arithmetic: str = "float64"
    note: str = ""

    def __post_init__(self) -> None:
        for number in [*self.start, *self.hyperparameters.values()]:
            exact(number, f"run {self.label!r}")
        if self.steps < 1:
            raise StatementError(f"run {self.label!r} has {self.steps} steps; it needs at least 1")
        if isinstance(self.objective, OnData) and self.start:
            raise StatementError(f"run {self.label!r}: the start on data is that of its OnData")

    @property
    def target(self) -> Any:
        """What :func:`symopt.run` takes as objective."""
        return self.objective.objective if isinstance(self.objective, OnData) else self.objective

    @property
    def x0(self) -> Any:
        """What :func:`symopt.run` takes as start."""
        return self.objective.start() if isinstance(self.objective, OnData) else list(self.start)

    @property
    def where(self) -> str:
        """The start in words."""
        return "the start of its data" if self.objective is not self.target else (
            f"({', '.join(self.start)})"
        )  # fmt: skip


@dataclass(frozen=True)
class Printed:
    """One printed number: the text as it stands in the note, empty where that is not recorded.

    ``quantity`` is ``"x"`` (after the step), ``"g"`` (the gradient that the step uses) or ``"f"``
    (the objective after the step).

    >>> Printed("SGD", 2, "x", "0.971100").half_unit
    Fraction(1, 2000000)
    """

    run: str
    step: int
    quantity: str
    text: str
    coordinate: int = 0
    what: str = ""

    def __post_init__(self) -> None:
        if self.quantity not in {"x", "g", "f"}:
            raise StatementError(f"{self.quantity!r} is not a printed quantity; give x, g or f")
        if self.quantity == "g" and self.step < 1:
            raise StatementError("the gradient of a step is printed for steps from 1")
        if not self.text:
            return
        try:
            Decimal(self.text)
        except InvalidOperation:
            raise StatementError(f"{self.text!r} is not a printed number") from None

    @property
    def value(self) -> Fraction:
        """The number that the text says."""
        return Fraction(self.text)

    @property
    def digits(self) -> int:
        """How many decimals are printed (negative for a power of ten as unit)."""
        return -int(Decimal(self.text).as_tuple().exponent)

    @property
    def half_unit(self) -> Fraction:
        """Half a unit of the last printed digit: what rounding to that digit can hide."""
        return Fraction(1, 2) / Fraction(10) ** self.digits


@dataclass(frozen=True)
class Claim:
    """A statement that can be settled; ``text`` says it in words, ``by`` who says it."""

    text: str
    by: str = field(default="symopt", kw_only=True)
    #: Whether labels in it are those of fits, and not of runs.
    of_fits: ClassVar[bool] = False


@dataclass(frozen=True)
class ExactValue(Claim):
    """An iterate is exactly this number."""

    run: str
    step: int
    value: str
    coordinate: int = 0


@dataclass(frozen=True)
class SameTrajectory(Claim):
    """Two runs have exactly the same iterates."""

    left: str
    right: str


@dataclass(frozen=True)
class FirstDifference(Claim):
    """Two runs part at this step, and there by left - right = ``difference``, if it is given.

    ``difference`` is an expression of the left run's hyperparameters and of ``g``, the gradient
    that the step uses.
    """

    left: str
    right: str
    step: int
    difference: Expr | None = None


@dataclass(frozen=True)
class SamePrint(Claim):
    """Every number printed of one run is also what the other run would print."""

    left: str
    right: str


@dataclass(frozen=True)
class EndsLower(Claim):
    """One run ends at a lower value of the objective than the other."""

    left: str
    right: str


@dataclass(frozen=True)
class Diverges(Claim):
    """A run grows beyond every number of its arithmetic."""

    run: str


@dataclass(frozen=True)
class KindOfPoint(Claim):
    """A point is critical for the objective, of this kind, and f has this value there, if given."""

    objective: str
    point: Sequence[str]
    kind: str
    value: str | None = None


@dataclass(frozen=True)
class CountOfKind(Claim):
    """The objective has that many critical points of a kind (``at_least`` or more, if open)."""

    objective: str
    kind: str
    at_least: int
    at_most: int | None = None


@dataclass(frozen=True)
class UnboundedBelow(Claim):
    """The objective falls without bound along one variable, the others at 0."""

    objective: str
    variable: str
    toward: str


@dataclass(frozen=True)
class SystemPicture:
    """A picture of a note: which runs, drawn how, over which window.

    ``kind`` is ``"trajectory"`` (all paths on contours), ``"panels"`` (one each), ``"surface"``
    (in three dimensions) or ``"training"`` (losses by iteration and by
    epoch, without window). ``window`` are the intervals of the contours or the mesh, ``limits``
    those of the axes where they differ, ``highest`` cuts the contours there, ``heights`` cuts a
    surface to an interval of f, and an animation shows a step for ``milliseconds``.
    """

    kind: str
    runs: Sequence[str]
    window: Sequence[tuple[str, str]] = ()
    limits: Sequence[tuple[str, str]] = ()
    highest: str | None = None
    heights: tuple[str, str] | None = None
    milliseconds: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in {"trajectory", "panels", "surface", "training"}:
            raise StatementError(
                f"{self.kind!r} is not a kind of picture; give trajectory, panels, surface or "
                "training"
            )
        ends = [end for interval in (*self.window, *self.limits) for end in interval]
        for number in [*ends, *([self.highest] if self.highest else []), *(self.heights or ())]:
            exact(number, "picture")
        object.__setattr__(self, "runs", tuple(self.runs))
        object.__setattr__(self, "window", tuple(self.window))
        object.__setattr__(self, "limits", tuple(self.limits))


@dataclass(frozen=True)
class WeightOfGradient(Claim):
    """The gradient of an earlier step counts in a later step that much of what the new one does.

    ``at`` puts numbers in for hyperparameters; the others are arbitrary.
    """

    rule: str
    at: Mapping[str, str] = field(hash=False)
    earlier: int
    later: int
    weight: str


@dataclass(frozen=True)
class FateOnQuadratic(Claim):
    """From every start x ``"converges"``, ``"stays bounded"`` or ``"diverges"`` there."""

    rule: str
    at: Mapping[str, str] = field(hash=False)
    curvature: str
    fate: str


@dataclass(frozen=True)
class ConvergesFaster(Claim):
    """On a quadratic one choice of hyperparameters shrinks the distance more per step."""

    rule: str
    faster: Mapping[str, str] = field(hash=False)
    slower: Mapping[str, str] = field(hash=False)
    curvature: str


@dataclass(frozen=True)
class Moments(Claim):
    """The rule keeps averages or sums of these powers of the gradient, and of no others."""

    rule: str
    powers: Sequence[int]


@dataclass(frozen=True)
class GradientTimes(Claim):
    """What is written as the gradient of a loss is that many times its gradient."""

    loss: Expr
    variables: Sequence[Symbol]
    written: Sequence[Expr]
    factor: str


@dataclass(frozen=True)
class BackwardPass(Claim):
    """What is written as the gradient of a model's loss is that many times its gradient.

    ``written`` holds an expression in the model's own parameters and data for each parameter.
    """

    model: str
    written: Mapping[str, Array] = field(hash=False)
    factor: str


@dataclass(frozen=True)
class EndsAtMinimizer(Claim):
    """The exact end of a run, rounded to its arithmetic, is the exact point of least loss."""

    run: str


@dataclass(frozen=True)
class DependsOn(Claim):
    """A loss changes with these variables."""

    loss: Expr
    variables: Sequence[Symbol]


@dataclass(frozen=True)
class System:
    """A source system: its runs, the numbers it printed, the claims about it, its pictures.

    ``fits`` are the runs that train a model with data (:mod:`symopt.statement.fit`).
    """

    title: str
    note: str
    runs: Sequence[SystemRun]
    printed: Sequence[Printed] = ()
    claims: Sequence[Claim] = ()
    pictures: Sequence[SystemPicture] = ()
    name: str = ""
    family: str = ""
    fits: Sequence[Fit] = ()

    def __post_init__(self) -> None:
        for item in ("runs", "printed", "claims", "pictures", "fits"):
            object.__setattr__(self, item, tuple(getattr(self, item)))
        labels = [*(run.label for run in self.runs), *(fit.label for fit in self.fits)]
        if len(set(labels)) < len(labels):
            raise StatementError(f"system {self.title!r} has two runs of one label")
        for thing in [*self.printed, *self.claims]:
            named = self.fit if getattr(thing, "of_fits", False) else self.run
            for attribute in ("run", "left", "right", "fit"):
                label: Any = getattr(thing, attribute, None)
                if label is not None:
                    named(label)
        for entry in self.printed:
            if not 0 <= entry.step <= self.run(entry.run).steps:
                raise StatementError(
                    f"system {self.title!r}: {entry.run!r} has no step {entry.step}"
                )

        for picture in self.pictures:
            if len({self.run(label).objective for label in picture.runs}) != 1:
                raise StatementError(
                    f"system {self.title!r}: a picture shows runs on one objective, and at least "
                    "one run"
                )

    def run(self, label: str) -> SystemRun:
        """The run of that label.

        Raises :class:`~symopt.errors.StatementError` with the nearest labels.
        """
        found: SystemRun = self._labelled("run", self.runs, label)
        return found

    def fit(self, label: str) -> Fit:
        """The fit of that label.

        Raises :class:`~symopt.errors.StatementError` with the nearest labels.
        """
        found: Fit = self._labelled("fit", self.fits, label)
        return found

    def _labelled(self, what: str, items: Sequence[Any], label: str) -> Any:
        for item in items:
            if item.label == label:
                return item
        raise StatementError(
            f"system {self.title!r} has no {what} {label!r}."
            + did_you_mean(label, [item.label for item in items])
        )

    def named(self, name: str, family: str = "") -> System:
        """The same system under a library name."""
        return replace(self, name=name, family=family or self.family)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.title}"]
        for run in self.runs:
            values = ", ".join(f"{key} {value}" for key, value in run.hyperparameters.items())
            lines.append(
                f"  {run.label}: {run.rule} on {run.objective} from {run.where}, "
                f"{run.steps} steps, {values}"
            )
        lines += [f"  {fit}" for fit in self.fits]
        return "\n".join(lines)
