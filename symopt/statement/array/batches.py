"""Mini-batches: a mean over samples with a schedule that says which samples each step sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from sympy import Symbol

from symopt.errors import InputError, did_you_mean
from symopt.statement.array.bound import BoundObjective
from symopt.statement.source import Source

__all__ = ["ORDERS", "Batches", "batches"]

Indices = np.ndarray[Any, Any]

#: How the samples of each step are chosen.
ORDERS = ("in order", "shuffled", "cyclic", "with replacement")


@dataclass(frozen=True, eq=False)
class Batches:
    """A bound objective whose oracle at step t is the gradient on the samples of batch t.

    ``order`` is ``"in order"`` (every epoch from the first sample on, its last batch short where
    ``size`` does not divide the samples), ``"shuffled"`` (the same on a permutation of its own for
    each epoch), ``"cyclic"`` (always ``size`` samples, going on at the first one after the last)
    or ``"with replacement"`` (always ``size`` samples, drawn independently). Permutations and
    draws come from ``numpy.random.default_rng(seed)``, one after the other: ``permutation(n)`` for
    each epoch, ``integers(0, n, size)`` for each step. An epoch is the number of steps after which
    as many samples were seen as there are. A rule that looks ahead asks the same batch at another
    point.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [3], [4], [5]], y=[1, 2, 3, 4, 6])
    >>> parts = fit.batches(size=2)
    >>> parts.per_epoch, [rows.tolist() for rows in parts.schedule(4)]
    (3, [[0, 1], [2, 3], [4], [0, 1]])
    >>> print(parts.at(3).value([1, 0]))
    1.0
    """

    whole: BoundObjective
    size: int
    order: str = "in order"
    seed: int | None = None

    @cached_property
    def samples(self) -> int:
        """How many samples there are."""
        return self.whole.sizes[self.whole.samples]

    @property
    def per_epoch(self) -> int:
        """How many steps make an epoch."""
        return -(-self.samples // self.size)

    def schedule(self, steps: int) -> list[Indices]:
        """The samples of each step, counted from 0."""
        return list(islice(self._rows(), steps))

    def _rows(self) -> Iterator[Indices]:
        rng = np.random.default_rng(self.seed)
        n, size = self.samples, self.size
        start = 0
        while True:
            if self.order == "with replacement":
                yield rng.integers(0, n, size)
            elif self.order == "cyclic":
                yield (start + np.arange(size)) % n
                start = (start + size) % n
            else:
                rows = rng.permutation(n) if self.order == "shuffled" else np.arange(n)
                yield from (rows[first : first + size] for first in range(0, n, size))

    def at(self, step: int) -> BoundObjective:
        """The objective of a step, counted from 1."""
        if step < 1:
            raise InputError(f"step {step}: batches are counted from step 1")
        return self.on(self.schedule(step)[-1])

    def on(self, rows: Indices) -> BoundObjective:
        """The objective on some samples."""
        return self.whole.rows(rows)

    @property
    def title(self) -> str:
        """The title of the statement, and the batches."""
        return f"{self.whole.title}, batches of {self.size} {self.order}"

    @property
    def name(self) -> str:
        """The name of the statement."""
        return self.whole.name

    @property
    def source(self) -> Source | None:
        """The source of the statement."""
        return self.whole.source

    @property
    def variables(self) -> tuple[Symbol, ...]:
        """A symbol for each entry of ``theta``."""
        return self.whole.variables

    @property
    def dimension(self) -> int:
        """The number of entries of all parameters."""
        return self.whole.dimension

    @property
    def slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Where each parameter lies in ``theta``, and its shape."""
        return self.whole.slices

    def unflatten(self, theta: Any) -> dict[str, Any]:
        """An array for each parameter."""
        return self.whole.unflatten(theta)

    def point(self, theta: Any) -> Any:
        """A vector ``theta`` from a vector or from a dict of arrays, checked."""
        return self.whole.point(theta)

    def flatten(self, given: Mapping[str, Any]) -> Any:
        """The vector ``theta`` of an array for each parameter."""
        return self.whole.flatten(given)

    def __str__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.whole}\n  in batches of {self.size} {self.order}{seed}"


def batches(whole: BoundObjective, size: int, order: str, seed: int | None) -> Batches:
    """Batches of a bound objective, the arguments checked."""
    count = whole.sizes[whole.samples]
    if order not in ORDERS:
        known = ", ".join(map(repr, ORDERS))
        raise InputError(f"no order {order!r}; there are {known}.{did_you_mean(order, ORDERS)}")
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise InputError(f"size = {size!r}: a batch has a whole number of samples, at least 1")
    if size > count and order != "with replacement":
        raise InputError(f"batches of {size}, and {whole.name} has {count} samples")
    random = order in ("shuffled", "with replacement")
    if random and seed is None:
        raise InputError(f"batches {order}: give seed=, so that a run can be made again")
    if not random and seed is not None:
        raise InputError(f"batches {order} need no seed; leave it out")
    return Batches(whole, int(size), order, seed)
