"""Where the runs of a sweep start: points one by one, or a grid over a window, exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from symopt.errors import InputError, UnknownNameError, did_you_mean
from symopt.execution import arithmetic as numbers
from symopt.execution.inputs import read_start
from symopt.execution.sweep.values import spaced
from symopt.statement.numbers import exact
from symopt.statement.objective import Objective

__all__ = ["Grid", "Mesh", "Points", "Starts", "grid", "starts_of"]

_MOST = 10**9


@dataclass(frozen=True)
class Grid:
    """A grid of starts: how many along each variable, and over which window."""

    counts: tuple[int, ...]
    window: tuple[tuple[Fraction, Fraction], ...] = ()


def grid(*counts: int, window: Sequence[Any] = ()) -> Grid:
    """Starts in a grid, evenly spaced along each variable, both ends of the window included.

    One count is that of every variable. Without a window it is the objective's own; its ends may
    be text, and are exact: the k-th of n coordinates is the float nearest to
    low + (high - low) k/(n - 1).

    >>> grid(3, 2, window=[("-1", "1"), (0, "1/3")]).window[1]
    (Fraction(0, 1), Fraction(1, 3))

    Raises :class:`~symopt.errors.InputError` for counts below 2 and intervals that are empty.
    """
    if not counts:
        raise InputError("grid() needs the number of starts along each variable, such as grid(25)")
    for count in counts:
        if isinstance(count, bool) or not isinstance(count, int) or count < 2:
            raise InputError(f"a grid has at least 2 starts along each variable, not {count!r}")
    try:
        pairs = tuple((exact(low, "window"), exact(high, "window")) for low, high in window)
    except TypeError:
        raise InputError("window: give one interval (low, high) for each variable") from None
    if any(low >= high for low, high in pairs):
        raise InputError("window: an interval is empty; give the smaller end first")
    return Grid(counts, pairs)


@dataclass(frozen=True, eq=False)
class Points:
    """Starts one by one: ``points`` has the shape (n, d)."""

    points: Any

    @property
    def count(self) -> int:
        """How many starts there are."""
        return len(self.points)

    @property
    def shape(self) -> tuple[int, ...]:
        """How they are laid out."""
        return (self.count,)

    @property
    def all(self) -> Any:
        """All of them, shape (n, d)."""
        return self.points

    def at(self, places: Any) -> Any:
        """The starts of these numbers."""
        return self.points[places]

    def between(self, first: int, last: int) -> Points:
        """Those from a first to before a last one, with nothing else to carry along."""
        return Points(self.points[first:last])

    @property
    def statement(self) -> Any:
        """What tells these starts from others."""
        data = np.ascontiguousarray(self.points, "<f8").tobytes()
        return {"points": list(self.points.shape), "sha256": hashlib.sha256(data).hexdigest()}


@dataclass(frozen=True)
class Mesh:
    """A grid on one objective, as coordinates along each variable; the last one runs fastest."""

    sides: tuple[tuple[float, ...], ...]
    window: tuple[tuple[str, str], ...]
    skipped: int = 0
    size: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """How many starts there are along each variable."""
        return tuple(len(side) for side in self.sides)

    @cached_property
    def count(self) -> int:
        """How many starts there are."""
        whole = 1
        for number in self.shape:
            whole *= number
        return whole - self.skipped if self.size is None else self.size

    @property
    def all(self) -> Any:
        """All of them, shape (n, d)."""
        return self.at(np.arange(self.count))

    def at(self, places: Any) -> Any:
        """The starts of these numbers, shape (n, d)."""
        along = np.unravel_index(np.asarray(places) + self.skipped, self.shape)
        return np.stack(
            [np.array(side)[part] for side, part in zip(self.sides, along, strict=True)], axis=-1
        )

    def between(self, first: int, last: int) -> Mesh:
        """Those from a first to before a last one."""
        return Mesh(self.sides, self.window, self.skipped + first, last - first)

    @property
    def statement(self) -> Any:
        """What tells these starts from others."""
        return {"grid": list(self.shape), "window": [list(pair) for pair in self.window]}


Starts: TypeAlias = Points | Mesh


def starts_of(given: Any, objective: Objective) -> Starts:
    """The starts on one objective: its customary one, points, a grid, or a mapping by objective.

    Raises :class:`~symopt.errors.InputError` that names the objective they do not fit.
    """
    name = objective.name
    if isinstance(given, Mapping):
        for key in (objective, name):
            if key in given:
                return starts_of(given[key], objective)
        raise UnknownNameError(
            f"starts: none for {name}; there are some for {', '.join(map(str, given)) or 'nothing'}"
            + did_you_mean(name, [str(key) for key in given])
        )
    if isinstance(given, Grid):
        return _mesh(given, objective)
    if given is None:
        point, _ = read_start(objective, None)
        return Points(np.array([[numbers.nearest(value) for value in point]]))
    try:
        rows = given if isinstance(given, np.ndarray) else list(given)
        if isinstance(given, str) or not len(rows) or np.ndim(rows[0]) == 0:
            rows = given
        point, batch = read_start(objective, rows)
    except InputError as error:
        raise InputError(f"starts on {name}: {error}") from None
    except TypeError:
        raise InputError(
            f"starts: {given!r} is no list of points, and no symopt.grid(...)"
        ) from None
    if batch is None:
        batch = np.array([[numbers.nearest(value) for value in point]])
    return Points(np.array(batch, dtype=np.float64))


def _mesh(given: Grid, objective: Objective) -> Mesh:
    name, size = objective.name, objective.dimension
    counts = given.counts * size if len(given.counts) == 1 else given.counts
    window: Sequence[Any] = given.window or objective.window
    if not window:
        raise InputError(f"{name} has no window of its own; give grid(..., window=[(low, high)])")
    if len(counts) != size or len(window) != size:
        raise InputError(
            f"a grid on {name} needs one count and one interval for each of its {size} variables, "
            f"not {len(counts)} and {len(window)}"
        )
    if np.prod([float(count) for count in counts]) > _MOST:
        raise InputError(f"a grid of {' x '.join(map(str, counts))} starts on {name} is too large")
    sides = tuple(
        tuple(numbers.nearest(value) for value in spaced(low, high, count))
        for (low, high), count in zip(window, counts, strict=True)
    )
    return Mesh(sides, tuple((str(low), str(high)) for low, high in window))
