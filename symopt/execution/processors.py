"""How many processors there are to run on."""

from __future__ import annotations

import os
from typing import Any

from symopt.errors import InputError

__all__ = ["read_threads", "usable"]


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
