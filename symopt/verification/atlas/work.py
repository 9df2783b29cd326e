"""Independent questions to the prover, each asked once: here, or in processes of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any

from symopt.errors import BudgetError

__all__ = ["Watch", "Work"]

#: Told the stage, what is being done, and how many of how many are done.
Watch = Callable[[str, str, int, int], None]


class Work:
    """Questions by key; equal keys are one question.

    >>> with Work(1, lambda stage, what, done, total: None) as work:
    ...     work.ask("a", "adding", sum, (1, 2)), work.ask("a", "again", sum, (1, 2))
    ...     work.answer("a")
    (None, None)
    3
    """

    def __init__(self, jobs: int, watch: Watch, stage: str = "prove") -> None:
        self._watch, self._stage = watch, stage
        self._asked: dict[Hashable, Future[Any]] = {}
        self._done = 0
        # Frameworks run threads of their own, so a copy of this process must not be forked.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(jobs, mp_context=context) if jobs > 1 else None

    def __enter__(self) -> Work:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def ask(self, key: Hashable, what: str, function: Callable[..., Any], *args: Any) -> None:
        """Have ``function(*args)`` computed, unless that was asked before."""
        if key in self._asked:
            return
        if self._pool is not None:
            made: Future[Any] = self._pool.submit(function, *args)
        else:
            made = Future()
            self._tell(what)
            made.set_result(function(*args))
        self._asked[key] = made
        made.add_done_callback(lambda future: self._finished(what))

    def answer(self, key: Hashable) -> Any:
        """The result, waited for.

        Raises :class:`~symopt.errors.BudgetError` where a process was killed.
        """
        try:
            return self._asked[key].result()
        except BrokenProcessPool as error:
            raise BudgetError(
                "a process that proved was killed, most likely for lack of memory; ask for fewer "
                "at a time with --jobs 1"
            ) from error

    def _finished(self, what: str) -> None:
        self._done += 1
        self._tell(what)

    def _tell(self, what: str) -> None:
        self._watch(self._stage, what, self._done, len(self._asked))
