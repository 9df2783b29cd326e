"""``symopt.sweep``: starts, hyperparameters, rules and objectives, as one labelled result."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from symopt.errors import WorkerError
from symopt.execution.sweep.executors import carry_out, read_executor
from symopt.execution.sweep.part import Numbers
from symopt.execution.sweep.plan import Kept, Plan, make_plan
from symopt.execution.sweep.result import Ends, Sweep
from symopt.execution.sweep.store import Store
from symopt.statement.numbers import exact

__all__ = ["sweep"]


def sweep(
    rules: Any,
    objectives: Any,
    starts: Any = None,
    steps: int = 100,
    arithmetic: str = "float64",
    *,
    best: bool = False,
    threshold: Any = None,
    executor: Any = None,
    store: str | os.PathLike[str] | None = None,
    watch: Callable[[str, int, int], None] | None = None,
    **hyper: Any,
) -> Sweep:
    """Run rules on objectives from many starts, with many hyperparameters.

    Parameters
    ----------
    rules
        A rule, a list of rules, or a mapping from rules to hyperparameters of their own:
        ``{"adam": {"eta": ["1/100", "1/10"]}, "momentum": {"eta": "1/1000..1/10:5:log"}}``.
    objectives
        An objective, or a list of them.
    starts
        A list of points, :func:`symopt.grid`, or a mapping from objectives to these. Without it
        each objective has its customary start.
    hyper
        Lists of values, ranges (:func:`symopt.spaced`, or text such as ``"1e-4..1:9:log"``), or
        single values. Each goes to every rule that has such a hyperparameter; one that no rule has
        is an error. What is given to a rule of its own wins. All combinations are run.
    best
        Also keep the lowest value of each run, and the step that has it.
    threshold
        Also keep the first step at which each run has a value of at most this.
    executor
        Where the work is done: any ``concurrent.futures.Executor`` (threads, processes, Dask's
        ``client.get_executor()``), or a number of processes to start (a script then needs its
        ``if __name__ == "__main__":``). Without it, here.
    store
        A folder that keeps each part when it is finished. The same sweep with the same store goes
        on where it was stopped, however that was.
    watch
        Called with ``"sweep"``, the parts that are finished, and all parts.

    Where the work is cut, and so every bit of the result, hangs on these arguments alone, neither
    on the executor nor on the order in which parts finish.

    Raises :class:`~symopt.errors.InputError` for unusable arguments and for the store of another
    sweep, :class:`~symopt.errors.UnknownNameError` for unknown names, and
    :class:`~symopt.errors.WorkerError` where workers die that cannot be replaced.

    >>> import symopt
    >>> found = sweep(["momentum", "adam"], "beale", symopt.grid(9), 200, eta=["1/1000", "1/100"])
    >>> found.runs, found["adam", "beale"].f.shape
    (324, (2, 81))
    >>> print(found)
    Momentum, Adam on Beale: 324 runs of 200 steps, float64, 114 diverged
    """
    kept_too = Kept(bool(best), None if threshold is None else exact(threshold, "threshold"))
    made = make_plan(rules, objectives, starts, steps, arithmetic, hyper, kept_too)
    workers = read_executor(executor)
    kept = None if store is None else Store(store, made)
    arrays = [
        made.kept.empty(
            (block.settings, block.starts.count), block.objective.dimension, made.arithmetic
        )
        for block in made.blocks
    ]
    total = len(made.pieces)
    finished = 0

    def place(number: int, values: Numbers) -> None:
        nonlocal finished
        piece = made.pieces[number]
        for name, array in arrays[piece.block].items():
            array[piece.first : piece.last, piece.begin : piece.end] = values[name]
        finished += 1
        if watch is not None:
            watch("sweep", finished, total)

    def keep(number: int, values: Numbers) -> None:
        if kept is not None:
            kept.write(number, values)
        place(number, values)

    left = []
    for number in range(total):
        values = None if kept is None else kept.read(number)
        if values is None:
            left.append(number)
        else:
            place(number, values)
    resumed = finished
    try:
        carry_out(made.task, left, workers, keep)
    except WorkerError as error:
        raise WorkerError(f"{error}; {finished} of {total} parts are done. {_advice(store)}") from (
            error
        )
    return _result(made, arrays, resumed)


def _advice(store: Any) -> str:
    if store is None:
        return "Give store='a/folder', which keeps finished parts, and a working executor"
    return f"They are kept: the same call with store={str(store)!r} goes on from there"


def _result(made: Plan, arrays: list[dict[str, Any]], resumed: int) -> Sweep:
    ends = []
    for block, found in zip(made.blocks, arrays, strict=True):
        shaped = {
            name: array.reshape(*block.shape, *array.shape[1:]) for name, array in found.items()
        }
        starts = block.starts.all
        ends.append(Ends(block.rule, block.objective, block.axes, block.fixed, starts, **shaped))
    return Sweep(tuple(ends), made.steps, made.arithmetic, len(made.pieces), resumed)
