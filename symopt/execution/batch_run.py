"""Runs of many starts at once: blocks of lanes outside, steps in the middle, lanes inside."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from symopt.execution import arithmetic as numbers
from symopt.execution.groups import Groups
from symopt.execution.job import Job
from symopt.execution.kernel import compile_source, start_source
from symopt.execution.lanes import LaneKernel, lane_kernel
from symopt.execution.trajectory import Trajectory
from symopt.program.printers.python import ARRAY, GROUPS

__all__ = ["Blocks", "even", "fitting", "run_batch"]

#: Lanes of a block, at least and at most; as few as its buffers need to fit a core's cache.
_LEAST, _MOST = 256, 12288
_CACHE = 1 << 20
#: Lanes whose last point is looked at together: what that needs is small beside the result.
_ENDING = 2048
#: Rows lie this many bytes further apart than they are long, or their addresses would agree in
#: the last twelve bits, and the processor would take a read for one of what was just written.
_STAGGER = 576


def fitting(lane: int, cache: int, most: int) -> int:
    """How many lanes of so many bytes a block has."""
    return min(max(cache // lane // 64 * 64, _LEAST), most)


def even(lanes: int, most: int) -> int:
    """The width of blocks of about one length: a short one costs as many calls as a long one.

    >>> even(100, 64), even(1000, 300)
    (64, 256)
    """
    length = math.ceil(lanes / math.ceil(lanes / most))
    return min(-(-length // 64) * 64, lanes)


class Blocks:
    """The loop with its buffers, run on some of the lanes after another."""

    backend = "numpy"

    def __init__(
        self, job: Job, dtype: type[np.floating[Any]], starts: Any, width: int | None = None
    ) -> None:
        """``width`` is how many lanes a block has, by default as many as the cache holds."""
        self.job = job
        self._arithmetic = numbers.lanes(dtype)
        self.kernel = job.kernel(ARRAY)
        self.slots = self.kernel.step.slots
        self.lanes: LaneKernel = lane_kernel(self.kernel.step, frozenset(job.varied))
        self._loop = self.lanes.bind(dtype)
        dialect = GROUPS if job.varied else ARRAY
        self._start = compile_source(start_source(self.kernel.step, dialect), self._arithmetic)
        self._starts = starts
        self._dtype = dtype
        rows = sum(self.lanes.varies) + self.lanes.buffers
        item = np.dtype(dtype).itemsize
        self.width = width or even(len(starts), fitting(rows * item, _CACHE, _MOST))
        line = (self.width * item + _STAGGER) // item
        self.room = np.zeros((rows, line), dtype)
        self._masks = np.empty((self.lanes.masks, self.width), bool)

    def spans(self) -> Iterator[slice]:
        """The blocks, as ranges of lanes."""
        for first in range(0, len(self._starts), self.width):
            yield slice(first, min(first + self.width, len(self._starts)))

    def initial(self, span: slice) -> tuple[Any, ...]:
        """All slots before the first step, the arrays in buffers of their own."""
        block = self._starts[span]
        point = [np.ascontiguousarray(column, dtype=self._dtype) for column in block.T]
        self._groups = Groups(self.job, self.kernel.step, span, merge=self.lanes.powers)
        each = self._groups.settings(self._arithmetic.convert)
        start = self._start(*point, *map(self._groups.spread, each))
        first = [column[:1] for column in point]
        once = self._start(*first, *each) if self.job.varied else start
        rows = iter(self.room[:, : len(block)])
        held = []
        for value, group, varies in zip(start, once, self.lanes.varies, strict=True):
            if varies:
                row = next(rows)
                row[...] = value
                value = row
            else:
                value = group
            held.append(value)
        self._buffers = tuple(rows)
        return tuple(held)

    def run(
        self,
        span: slice,
        slots: tuple[Any, ...],
        visit: Callable[[int, tuple[Any, ...]], None],
        stops: Iterable[int],
    ) -> None:
        """All steps of one block; ``visit`` is called after those in ``stops``, or after each."""
        masks = tuple(self._masks[:, : span.stop - span.start])
        passed = itertools.count(1)

        def record(row: tuple[Any, ...]) -> None:
            visit(next(passed), row)

        more = [self._groups.spread] if self.job.varied else []
        each = self._groups.settings(self._arithmetic.convert)
        self._loop(*slots, *each, self.job.steps, record, self._buffers, masks, *more)

    def spread(self, values: Any) -> Any:
        """What a slot of groups holds, for each lane of the block at hand."""
        return self._groups.spread(values)


class _Table:
    """The recorded numbers: one array over (row, slot, lane), and one for what all lanes share."""

    def __init__(self, job: Job, blocks: Blocks, dtype: Any, lanes: int) -> None:
        self._blocks = blocks
        self._lanes = lanes
        self.recorded = self.stops = job.recorded
        self._rows = dict(zip(self.recorded, itertools.count(), strict=False))
        kept = [i for i, slot in enumerate(blocks.slots) if job.keep_state or slot[0] == "x"]
        own = [a or b for a, b in zip(blocks.lanes.varies, blocks.lanes.grouped, strict=True)]
        self._varying = [i for i in kept if own[i]]
        self._alike = [i for i in kept if not own[i]]
        points = [p for p, i in enumerate(self._varying) if blocks.slots[i][0] == "x"]
        self._points = slice(points[0], points[-1] + 1)  # the coordinates of a name are neighbors
        self.values = np.empty((len(self.recorded), len(self._varying), lanes), dtype)
        self.scalars = np.empty((len(self.recorded), len(self._alike)), dtype)

    def fill(self, span: slice) -> Callable[[int, tuple[Any, ...]], None]:
        """What a block's loop calls with a step's number and all slots, first with 0."""
        rows, grouped = self._rows, self._blocks.lanes.grouped

        def record(step: int, slots: tuple[Any, ...]) -> None:
            row = rows.get(step)
            if row is None:
                return
            for position, index in enumerate(self._varying):
                self.values[row, position, span] = (
                    self._blocks.spread(slots[index]) if grouped[index] else slots[index]
                )
            for position, index in enumerate(self._alike):
                self.scalars[row, position] = slots[index]

        return record

    def column(self, name: str) -> Any:
        """A name's numbers, shaped (rows, lanes) or (rows, lanes, coordinates): a view."""
        slots = self._blocks.slots
        places = [p for p, i in enumerate(self._varying) if slots[i][0] == name]
        if places:  # the coordinates of a name are neighbors
            found = self.values[:, places[0] : places[-1] + 1].transpose(0, 2, 1)
        else:
            places = [p for p, i in enumerate(self._alike) if slots[i][0] == name]
            found = self.scalars[:, None, places[0] : places[-1] + 1]
            found = np.broadcast_to(found, (len(found), self._lanes, len(places)))
        return found[..., 0] if (name, None) in slots else found

    def finite(self, span: slice) -> tuple[Any, Any]:
        """For each lane of a block whether all that is recorded, and the last point, are finite."""
        last = _all_finite(self.values[-1:, self._points, span])
        whole = last
        if self._alike or self.values[:, :, :0].shape != self.values[-1:, self._points, :0].shape:
            whole = _all_finite(self.values[:, :, span]) & bool(np.isfinite(self.scalars).all())
        return whole, last


def _all_finite(values: Any) -> Any:
    """For each lane whether its numbers, those of all but the last axis, are finite."""
    return np.logical_and.reduce(np.isfinite(values).reshape(-1, values.shape[-1]))


class _Attained:
    """What reductions found: the points, an array over (row, coordinate, lane), and the steps."""

    def __init__(self, job: Job, blocks: Blocks, dtype: Any, lanes: int) -> None:
        assert job.watch is not None
        rows = len(job.watch.reductions)
        self._job, self._blocks, self._watch = job, blocks, job.watch
        self._arithmetic = numbers.array(dtype)
        self.stops = (job.steps,)
        self.recorded = self.stops * rows
        self.points = np.empty((rows, job.objective.dimension, lanes), dtype)
        self.steps = np.empty((rows, lanes), np.min_scalar_type(-job.steps - 1))
        self._finite: dict[int, Any] = {}

    def fill(self, span: slice) -> Callable[[int, tuple[Any, ...]], None]:
        step_, lanes = self._blocks.kernel.step, self._blocks.lanes.varies
        places = [place for place, slot in enumerate(step_.slots) if slot[0] == "x"]

        def record(step: int, slots: tuple[Any, ...]) -> None:
            if step < self._job.steps:
                return
            for first in range(0, span.stop - span.start, _ENDING):
                part = slice(first, min(first + _ENDING, span.stop - span.start))
                own = [s[part] if varies else s for s, varies in zip(slots, lanes, strict=True)]
                found, points = self._watch.rows(step_, own, step, self._arithmetic)
                here = slice(span.start + part.start, span.start + part.stop)
                for row, (at, point) in enumerate(zip(found, points, strict=True)):
                    self.steps[row, here] = at
                    for column, values in zip(self.points[row], point, strict=True):
                        column[here] = values
            self._finite[span.start] = np.logical_and.reduce(
                [np.isfinite(slots[place]) for place in places]
            )

        return record

    def column(self, name: str) -> Any:
        return self.points.transpose(0, 2, 1)

    def finite(self, span: slice) -> tuple[Any, Any]:
        """For each lane of a block whether the last point is finite, twice."""
        found = self._finite.pop(span.start)
        return found, found


def run_batch(
    job: Job,
    dtype: type[np.floating[Any]],
    starts: Any,
    make: Callable[..., Blocks] = Blocks,
    threads: int = 1,
    **more: Any,
) -> Trajectory:
    """The runs from starts of shape (n, d); what is not recorded takes no memory.

    Each of the ``threads`` has blocks of its own and takes the next span that is left, so that no
    number depends on how many there are.
    """
    blocks = make(job, dtype, starts)
    table = (_Attained if job.watch else _Table)(job, blocks, dtype, len(starts))
    losses: dict[int, Any] = {}
    diverged: list[int] = []
    left = deque(blocks.spans())

    def work(own: Blocks) -> None:
        with np.errstate(all="ignore"):  # what is set for one thread is not for another
            while left:
                try:
                    span = left.popleft()
                except IndexError:  # another one was quicker
                    return
                record = table.fill(span)
                slots = own.initial(span)
                record(0, slots)
                own.run(span, slots, record, table.stops)
                whole, last = table.finite(span)
                losses[span.start] = span.start + np.flatnonzero(~whole)
                diverged.append(int((~last).sum()))

    if threads == 1 or len(left) == 1:
        work(blocks)
    else:
        others = [make(job, dtype, starts) for _ in range(1, min(threads, len(left)))]
        with ThreadPoolExecutor(len(others)) as pool:
            try:
                tasks = [pool.submit(work, own) for own in others]
                work(blocks)
                for task in tasks:
                    task.result()
            finally:
                left.clear()  # after an interruption nobody takes another one
    names = [symbol.name for symbol in job.rule.state] if job.keep_state else []
    lost = np.concatenate([losses[first] for first in sorted(losses)])
    part = replace(job, varied={name: array[lost] for name, array in job.varied.items()})
    if isinstance(table, _Attained):
        more["attained"] = table.steps
    return job.trajectory(
        table.recorded,
        table.column("x"),
        {name: table.column(name) for name in names},
        arithmetic=dtype.__name__,
        backend=blocks.backend,
        x0=job.start,
        diverged=sum(diverged),
        diverged_at=_first_loss(make(part, dtype, starts[lost])) if len(lost) else None,
        **more,
    )


def _first_loss(blocks: Blocks) -> int:
    """The first step at which one of these lanes holds an infinite number or nan."""
    first = blocks.job.steps
    with np.errstate(all="ignore"):
        for span in blocks.spans():
            watch = _Watch(first)
            try:
                slots = blocks.initial(span)
                watch(0, slots)
                blocks.run(span, slots, watch, range(blocks.job.steps + 1))
            except StopIteration:
                first = watch.step
    return first


class _Watch:
    """Stops a loop at the first step that holds an infinite number or nan, or at a given one."""

    def __init__(self, last: int) -> None:
        self._last = last
        self.step = 0

    def __call__(self, step: int, slots: tuple[Any, ...]) -> None:
        self.step = step
        if step >= self._last or not all(np.isfinite(value).all() for value in slots):
            raise StopIteration
