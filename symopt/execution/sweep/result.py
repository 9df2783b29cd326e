"""What a sweep gives: the end of every run, labelled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Expr

from symopt.errors import UnknownNameError, did_you_mean
from symopt.execution.sweep.plan import Axis
from symopt.execution.trajectory import number_text
from symopt.statement.numbers import exact
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["Ends", "Summary", "Sweep", "setting"]


@dataclass(frozen=True, eq=False)
class Ends:
    """The ends of all runs of one rule on one objective.

    Attributes
    ----------
    axes
        The hyperparameters that vary, with their exact values; ``fixed`` are those that were given
        one value. What is in neither has the rule's default.
    starts
        The points from which it ran, shape (n, d).
    x, f
        The last point and its value; the shape is that of the axes, then the starts, and for ``x``
        the coordinates.
    diverged
        Where the last point or its value is infinite or nan.
    best, best_at
        The lowest value from the start on and the first step that has it; ``None`` if not kept.
    reached
        The first step with a value of at most the threshold, -1 without one; ``None`` if there
        was no threshold.

    >>> import symopt
    >>> (ends,) = symopt.sweep("adam", "half_square", [[1]], 1, eta=["1/4", "1/2"]).ends
    >>> [(place, setting(values), float(ends.f[place][0])) for place, values in ends.settings]
    [((0,), 'eta = 1/4', 0.28125...), ((1,), 'eta = 1/2', 0.125...)]
    """

    rule: Rule
    objective: Objective
    axes: tuple[Axis, ...]
    fixed: Mapping[str, Fraction | Expr]
    starts: Any
    x: Any
    f: Any
    diverged: Any
    best: Any = None
    best_at: Any = None
    reached: Any = None

    @property
    def quantities(self) -> dict[str, Any]:
        """The arrays by name."""
        names = ("x", "f", "diverged", "best", "best_at", "reached")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def settings(self) -> Iterator[tuple[tuple[int, ...], dict[str, Fraction | Expr]]]:
        """Every combination of the axes: its place in the arrays, and its values by name."""
        for place in np.ndindex(*(len(axis.values) for axis in self.axes)):
            values = [axis.values[i] for axis, i in zip(self.axes, place, strict=True)]
            names = [axis.name for axis in self.axes]
            yield place, dict(zip(names, values, strict=True))


def setting(values: Mapping[str, Fraction | Expr]) -> str:
    """Hyperparameters in one line, each exactly: as a decimal where that is no longer.

    >>> setting({"eta": Fraction(4, 125), "mu": Fraction(2, 3)})
    'eta = 0.032, mu = 2/3'
    """
    return ", ".join(f"{name} = {_exactly(value)}" for name, value in values.items())


def _exactly(value: Fraction | Expr) -> str:
    if not isinstance(value, Fraction):
        return str(value)
    fraction, decimal = number_text(value), f"{float(value):g}"
    plain = value.numerator == 1 and value.denominator <= 1000
    whole = not plain and exact(decimal) == value
    return decimal if whole and len(decimal) <= len(fraction) else fraction


@dataclass(frozen=True)
class Summary:
    """The runs of one setting from all starts: how many diverged, the median and the lowest f.

    A diverged run counts as one that ends at infinity; ``lowest`` is ``None`` where all do.
    """

    rule: str
    objective: str
    hyperparameters: Mapping[str, Fraction | Expr]
    starts: int
    diverged: int
    median: float
    lowest: float | None


def _summary(one: Ends, place: tuple[int, ...], values: Mapping[str, Any]) -> Summary:
    f, lost = one.f[place], one.diverged[place]
    with np.errstate(invalid="ignore"):  # the mean of two infinities
        middle = float(np.median(np.where(lost, np.inf, f)))
    staying = f[~lost]
    return Summary(
        one.rule.name, one.objective.name, values, f.size, int(lost.sum()), middle,
        float(staying.min()) if staying.size else None,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep's result: the ends of its runs, by rule and objective.

    ``parts`` says into how many parts the work was cut, ``resumed`` how many of them were found
    finished in the store. ``sweep["adam", "beale"]`` gives the :class:`Ends` of one pair.

    >>> import symopt
    >>> found = symopt.sweep("gradient_descent", "half_square", [[1], [2]], eta=["1/2", 3], steps=2)
    >>> found["gradient_descent", "half_square"].x[..., 0]
    array([[0.25, 0.5 ],
           [4.  , 8.  ]])
    """

    ends: tuple[Ends, ...]
    steps: int
    arithmetic: str
    parts: int
    resumed: int = 0

    def __getitem__(self, names: tuple[str, str]) -> Ends:
        known = {(one.rule.name, one.objective.name): one for one in self.ends}
        if names not in known:
            said = " on ".join(map(str, names)) if isinstance(names, tuple) else str(names)
            raise UnknownNameError(
                f"the sweep has no runs of {said}."
                + did_you_mean(said, [f"{rule} on {objective}" for rule, objective in known])
            )
        return known[names]

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(one.f.size for one in self.ends)

    @property
    def diverged(self) -> int:
        """How many runs diverged."""
        return sum(int(one.diverged.sum()) for one in self.ends)

    @property
    def digest(self) -> str:
        """A digest of all numbers: two sweeps with the same one are equal bit for bit."""
        total = hashlib.sha256()
        for one in self.ends:
            for array in one.quantities.values():
                total.update(f"{array.dtype.str} {array.shape}".encode())
                total.update(np.ascontiguousarray(array).tobytes())
        return total.hexdigest()

    @property
    def caption(self) -> str:
        """What was run, in one line."""
        rules = dict.fromkeys(one.rule.title for one in self.ends)
        objectives = dict.fromkeys(one.objective.title for one in self.ends)
        return (
            f"{', '.join(rules)} on {', '.join(objectives)}: {self.runs} runs of {self.steps} "
            f"steps, {self.arithmetic}, {self.diverged} diverged"
        )

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """One for each setting of a rule on an objective: the lowest median first."""
        found = [
            _summary(one, place, values) for one in self.ends for place, values in one.settings
        ]
        objectives = list(dict.fromkeys(one.objective.name for one in self.ends))
        return tuple(sorted(found, key=lambda one: (objectives.index(one.objective), one.median)))

    def table(self, rows: int | None = None) -> tuple[list[str], list[list[str]]]:
        """Header and cells of a readable table of the summaries, or of the first of them."""
        header = ["rule", "objective", "setting", "starts", "diverged", "median f", "lowest f"]
        cells = [
            [
                one.rule, one.objective, setting(one.hyperparameters) or "defaults",
                str(one.starts), str(one.diverged), number_text(one.median, 6),
                "-" if one.lowest is None else number_text(one.lowest, 6),
            ]
            for one in self.summaries[:rows]
        ]  # fmt: skip
        return header, cells

    def __str__(self) -> str:
        return self.caption

    def to_xarray(self) -> Any:
        """The ends as one ``xarray.Dataset`` over rule, objective, each hyperparameter, and start.

        Along a hyperparameter that a rule does not have its numbers are repeated: they do not
        depend on it. ``ran`` is false where a rule was not run with a value that another one was,
        and for starts that only another objective has; numbers are nan there.

        Raises :class:`~symopt.errors.MissingExtraError` where xarray is not installed.
        """
        from symopt.execution.sweep.labelled import dataset

        return dataset(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the runs to ``.nc`` (as :meth:`to_xarray`), ``.csv`` or ``.json``.

        Raises :class:`~symopt.errors.InputError` for another ending,
        :class:`~symopt.errors.MissingExtraError` where ``.nc`` lacks xarray or SciPy, and
        :class:`~symopt.errors.OutputError` where the file cannot be written.
        """
        from symopt.execution.sweep.saving import save

        return save(self, Path(path))
