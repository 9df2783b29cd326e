"""Parts carried out by any ``concurrent.futures.Executor``; those of lost workers go out again."""

from __future__ import annotations

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)  # fmt: skip
from typing import Any

from symopt.errors import InputError, WorkerError
from symopt.execution.sweep.part import Numbers, run_task
from symopt.execution.sweep.plan import Task

__all__ = ["carry_out", "guarded_task", "read_executor"]

#: Parts that are out at the same time: enough for a large cluster, and little to hold in memory.
_OUT = 256
#: How often a part may lose its worker while no other part gets done: one that kills every worker
#: must not go round for ever.
_ATTEMPTS = 3
_GUARD = "A script that starts processes does so under `if __name__ == '__main__':`"


def read_executor(given: Any) -> Any:
    """An executor (that of a Dask client), a number of processes, or ``None``."""
    whole = isinstance(given, int) and not isinstance(given, bool)
    if given is None or isinstance(given, Executor) or (whole and given > 0):
        return given
    if hasattr(given, "get_executor"):  # a Dask client itself
        return given.get_executor()
    if not whole and callable(getattr(given, "submit", None)):
        return given
    raise InputError(
        f"executor is a concurrent.futures.Executor or a positive number of processes, not "
        f"{given!r}"
    )


def guarded_task(task: Task) -> Numbers | Exception:
    """What a part gives, or the error that it raised; other errors of a future are its worker's."""
    try:
        return run_task(task, 1)  # its neighbors have the other processors
    except Exception as error:
        return error


def carry_out(
    make: Callable[[int], Task],
    numbers: Iterable[int],
    executor: Any,
    done: Callable[[int, Numbers], None],
) -> None:
    """Run the parts of these numbers, and tell ``done`` of each, in whatever order.

    A number of processes makes a pool, and another one when a process of it dies. A given executor
    that breaks cannot be mended here.

    Raises :class:`~symopt.errors.WorkerError` then, and where a part loses its worker three times
    while no other one gets done.
    """
    crew = _Crew(make, deque(numbers), done)
    if executor is None:
        for number in crew.waiting:
            done(number, run_task(make(number)))
    elif not isinstance(executor, int):
        broken = crew.work(executor)
        if broken is not None:
            raise WorkerError(
                f"the executor broke with {len(crew.waiting)} parts left: "
                f"{broken or type(broken).__name__}"
            ) from broken
    else:
        idle = 0
        while crew.waiting:
            before = len(crew.waiting)
            with _pool(min(executor, before)) as pool:
                broken = crew.work(pool)
            idle = idle + 1 if len(crew.waiting) == before else 0
            refused = broken is not None and not isinstance(broken, BrokenExecutor)
            if refused or idle >= _ATTEMPTS:
                raise WorkerError(f"processes cannot be started: {broken}. {_GUARD}") from broken


def _pool(processes: int) -> ProcessPoolExecutor:
    """Processes of our own. They start afresh: a fork of a process with threads may hang."""
    known = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
    return ProcessPoolExecutor(processes, context)


class _Crew:
    """The parts that are not done yet, and how often each lost its worker."""

    def __init__(
        self,
        make: Callable[[int], Task],
        waiting: deque[int],
        done: Callable[[int, Numbers], None],
    ) -> None:
        self.waiting = waiting
        self._make = make
        self._done = done
        self._lost: Counter[int] = Counter()

    def work(self, pool: Any) -> BaseException | None:
        """Run all that is waiting. The error where the pool breaks: the rest waits again."""
        out: dict[Future[Any], int] = {}
        broken: BaseException | None = None
        try:
            while out or (self.waiting and broken is None):
                while self.waiting and len(out) < _OUT and broken is None:
                    try:
                        future = pool.submit(guarded_task, self._make(self.waiting[0]))
                    except RuntimeError as error:  # broken, or shut down
                        broken = error
                    else:
                        out[future] = self.waiting.popleft()
                for future in wait(out, return_when=FIRST_COMPLETED).done if out else ():
                    broken = self._take(future, out.pop(future)) or broken
        finally:
            for future in out:
                future.cancel()
        return broken

    def _take(self, future: Future[Any], number: int) -> BaseException | None:
        try:
            result = future.result()
        except Exception as error:
            self._lost[number] += 1
            if self._lost[number] >= _ATTEMPTS:
                hint = f" ({_GUARD})" if isinstance(error, BrokenExecutor) else ""
                raise WorkerError(
                    f"part {number} lost its worker {_ATTEMPTS} times; the last time: "
                    f"{error or type(error).__name__}{hint}"
                ) from error
            self.waiting.append(number)
            return error if isinstance(error, BrokenExecutor) else None
        if isinstance(result, Exception):
            raise result
        self._lost.clear()
        self._done(number, result)
        return None
