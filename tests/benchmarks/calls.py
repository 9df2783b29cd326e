"""How fast a batch can be with NumPy: the calls of a block's loop alone, on the best block.

Nothing but NumPy's calls and the loop around them is timed, on one block of lanes that stays in
the cache: no starts are read and no results written. What makes these calls takes at least so long.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from symopt.execution.batch_run import Blocks

from .ours import job_of
from .problem import START

__all__ = ["NOTE", "least_of_calls"]

#: Lanes of a block; more or fewer took longer wherever it was tried.
WIDTHS = (4096, 8192, 12288)
ROUNDS = 60
NOTE = (
    "The bound is the loop of NumPy's calls alone, the least of many rounds on the best of blocks "
    f"of {', '.join(map(str, WIDTHS))} lanes that stay in the cache."
)


def least_of_calls(rule: str, settings: Mapping[str, float], steps: int = 20) -> float:
    """Nanoseconds that an element of a step takes at least."""
    least = float("inf")
    for width in WIDTHS:
        starts = np.tile(START, (width, 1))
        blocks = Blocks(job_of(rule, settings, steps), np.float64, starts)
        for span in [slice(0, blocks.width)] * ROUNDS:
            slots = blocks.initial(span)
            began = time.process_time()
            blocks.run(span, slots, lambda step, slots: None, ())
            least = min(least, (time.process_time() - began) / steps / blocks.width)
    return least * 1e9
