"""The processors that there are to run on, and work on all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from symopt.errors import InputError

__all__ = ["read_threads", "side_by_side", "usable"]

Part = TypeVar("Part")
Made = TypeVar("Made")


def usable() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1


def read_threads(threads: Any) -> int | None:
    """A positive number of threads, or ``None`` for as many as are of use.

    >>> read_threads(2), read_threads(None)
    (2, None)
    """
    whole = isinstance(threads, int) and not isinstance(threads, bool)
    if threads is None or (whole and threads > 0):
        return threads  # type: ignore[no-any-return]
    raise InputError(f"threads = {threads!r}: it is a positive number, or None for all that pay")


def side_by_side(work: Callable[[Part], Made], parts: Sequence[Part]) -> list[Made]:
    """What ``work`` makes of each part, in order; threads share them, NumPy lets others run.

    Each thread has the context of the caller, ``np.errstate`` among it.

    >>> side_by_side(abs, [-1, 2, -3])
    [1, 2, 3]
    """
    threads = min(usable(), len(parts))
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(copy_context().run, work, part) for part in parts]
        try:
            return [task.result() for task in tasks]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
