"""Batches by machine code: vectors of lanes, in blocks that stay in the cache, on threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symopt.execution.batch_run import Blocks, even, fitting
from symopt.execution.compiled import CHUNK, VECTOR, Compiled, function_of, table_of
from symopt.execution.job import Job
from symopt.execution.lanes import lane_inputs
from symopt.execution.processors import usable
from symopt.program.printers.python import ARRAY

__all__ = ["CompiledBlocks", "useful_threads"]

#: Bytes of a block of lanes: well inside of a core's nearest cache.
_NEAR = 24 << 10
#: Bytes of all lanes that are written and read by Python at once, and as how many lanes at most:
#: machine code is in the cache, but between two spans Python is not.
_MEMORY, _MOST = 3 << 19, 24576
#: Rows of lanes lie this many bytes further apart than they are long, as those of NumPy's blocks.
_STAGGER = 576
#: Operations, and lanes, from which another thread pays; spans that each has at least.
_SHARE, _LEAST, _SPANS = 10_000_000, 512, 4


def useful_threads(job: Job, lanes: int) -> int:
    """As many threads as there are processors, where each has something to do."""
    work = job.steps * lanes * job.kernel(ARRAY).step.program.operations
    return max(1, min(usable(), work // _SHARE, lanes // _LEAST))


class CompiledBlocks(Blocks):
    """The same blocks of lanes, run by machine code."""

    backend = "llvm"

    def __init__(
        self,
        job: Job,
        dtype: type[np.floating[Any]],
        starts: Any,
        fast: bool = False,
        threads: int = 1,
    ) -> None:
        step = job.kernel(ARRAY).step
        self._compiled = Compiled(job, dtype, lane_inputs(step, job.varied), fast)
        loops = self._loops = self._compiled.loops
        lane = max(len(loops.rows), 1) * np.dtype(dtype).itemsize
        # Some spans for each thread, so that all of them end at about the same time.
        share = max(-(-len(starts) // (_SPANS * threads)), _LEAST)
        width = even(len(starts), min(fitting(lane, _MEMORY, _MOST), share))
        super().__init__(job, dtype, starts, width)
        self._alike = [place for place, slot in enumerate(step.slots) if slot in loops.alike]
        self._ends = len(loops.moving)
        self._blocks = function_of(loops, "blocks")
        self._near = max(_NEAR // lane // loops.width, 1) * loops.width
        item = np.dtype(dtype).itemsize
        line = -(-self.width // loops.width) * loops.width + _STAGGER // item
        space = np.zeros(len(loops.rows) * line * item + VECTOR, np.uint8)
        first = -space.ctypes.data % VECTOR
        self._memory = space[first:][: len(loops.rows) * line * item].view(dtype).reshape(-1, line)
        if not job.varied:  # the rows of lanes are those of the slots that vary, in their order
            self.room = self._memory

    def initial(self, span: slice) -> tuple[Any, ...]:
        """All slots before the first step, those of lanes in memory for machine code."""
        held = dict(zip(self.slots, super().initial(span), strict=True))
        if self.room is self._memory:
            return tuple(held.values())
        grouped = dict(zip(self.slots, self.lanes.grouped, strict=True))
        rows = self._memory[:, : span.stop - span.start]
        labels: list[Any] = self._loops.rows
        for row, label in zip(rows, labels, strict=True):
            if label in held:
                row[...] = super().spread(held[label]) if grouped[label] else held[label]
                held[label] = row
            else:  # a hyperparameter
                row[...] = self.job.varied[label[1]][span]
        return tuple(held.values())

    def spread(self, values: Any) -> Any:
        """What a slot of lanes holds: a number for each."""
        return values

    def run(
        self,
        span: slice,
        slots: tuple[Any, ...],
        visit: Callable[[int, tuple[Any, ...]], None],
        stops: Iterable[int],
    ) -> None:
        """All steps of one block; ``visit`` is called after those in ``stops``."""
        fixed = self._compiled.fixed
        alike = np.array([slots[place] for place in self._alike], self._dtype)
        done = first = 0
        table = np.empty((0, 0))
        for stop in stops:
            while done < stop:
                if done == first + len(table):
                    first, end = done, min(done + CHUNK, self.job.steps)
                    table = table_of(self._loops, first, end, alike.tobytes(), fixed.tobytes())
                    alike = table[-1, self._ends :]
                last = min(stop, first + len(table))
                self._blocks(
                    last - done, span.stop - span.start, self._near, self._memory.ctypes.data,
                    self._memory.shape[1], fixed.ctypes.data,
                    table.ctypes.data + (done - first) * table.strides[0],
                )  # fmt: skip
                done = last
            if stop:
                now = list(slots)
                after = table[done - first - 1, self._ends :]
                for place, value in zip(self._alike, after, strict=True):
                    now[place] = value
                visit(stop, tuple(now))
