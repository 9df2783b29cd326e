"""What only a fresh process can tell: peak memory, and the time of things never done before.

Run as ``python -m tests.benchmarks.child memory NAME SIZE STEPS`` or ``... cold NAME``; prints one
number.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

__all__ = ["in_child", "processor_time_of"]

ROOT = Path(__file__).parents[2]


@lru_cache(maxsize=1)
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Where the children keep what Python compiles: an installed package has it compiled."""
    return tempfile.TemporaryDirectory(prefix="symopt-benchmarks-")


def _environment() -> dict[str, str]:
    before = os.environ.get("PYTHONPATH")
    return {
        **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([before] if before else [])]),
        "PYTHONPYCACHEPREFIX": _bytecode().name,
    }


def in_child(*arguments: str) -> float:
    """The number that this module prints in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.child", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=_environment(), cwd=ROOT
    )
    return float(done.stdout)


def processor_time_of(*arguments: str) -> float:
    """Seconds of processor time of a whole run of Python, start and end included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, env=_environment(), cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory_peak() -> int:
    """Bytes: the most that this process has held; the mark can be reset on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def memory_over_resting(name: str, size: int, steps: int) -> float:
    """Megabytes at the peak of a batch run, over those held before it (with its starts)."""
    from .batches import candidates
    from .problem import batch_starts

    candidate = next(one for one in candidates() if one.name == name).make()
    candidate(batch_starts(10_000), 2)  # what is imported, compiled and cached is at rest
    starts = batch_starts(size)
    mark = Path("/proc/self/clear_refs")
    if mark.exists():
        mark.write_text("5")
    before = _memory_peak()
    candidate(starts, steps)
    return (_memory_peak() - before) / 1e6


def cold(name: str) -> float:
    """Seconds of processor time of something symbolic, done for the first time."""
    from .symbolic import TASKS, prepared

    task = TASKS[name]
    prepared()
    began = time.process_time()
    task()
    return time.process_time() - began


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    if kind == "memory":
        print(memory_over_resting(rest[0], int(rest[1]), int(rest[2])))
    else:
        print(cold(rest[0]))
