"""Runs in float64 and float32."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.batch_run import run_batch
from symopt.execution.compiled import run_compiled
from symopt.execution.compiled_blocks import CompiledBlocks, useful_threads
from symopt.execution.job import Job, Recorder, Rows, by_slot, mark_divergence
from symopt.execution.kernel import Kernel
from symopt.execution.trajectory import Setting, Trajectory
from symopt.program.printers.python import ARRAY, FLOAT

__all__ = ["run_arrays", "run_floats", "run_machine_code"]


def run_floats(job: Job) -> Trajectory:
    """One trajectory on Python floats."""
    kernel = job.kernel(FLOAT)
    _check_range(job, np.float64)
    recorder: Recorder | None = None
    for arithmetic in (numbers.float64(), numbers.guarded()):
        point = [arithmetic.convert(value) for value in job.start]
        try:
            recorder = Recorder(job.every, job.initial(kernel, arithmetic, point))
            with np.errstate(all="ignore"):
                inputs = job.inputs(kernel, arithmetic.convert)
                kernel.bind(arithmetic)(*point, *inputs, job.steps, recorder.record)
            break
        except (ZeroDivisionError, OverflowError, ValueError):
            # Python raises where binary64 has inf or nan; the guarded names give those.
            continue
    assert recorder is not None
    if recorder.count < job.steps:
        raise InputError(
            f"{job.rule.name} on {job.objective.name} has a constant beyond the range of "
            "binary64; use the rational or the ball arithmetic"
        )
    result = job.result(
        kernel,
        recorder,
        _table,
        arithmetic="float64",
        hyperparameters=_received(job, np.float64),
        x0=tuple(Fraction(numbers.nearest(value)) for value in job.start),
    )
    dated = _dated(job, mark_divergence(result), kernel, numbers.guarded())
    slots = tuple(np.float64(value) for value in recorder.finish()[1][-1])
    return job.settled(dated, kernel, slots, numbers.guarded())


def _table(rows: Rows) -> Any:
    """Rows of Python floats as one array per slot; a flat iterator is the quickest way in."""
    width = len(rows[0])
    flat = np.fromiter(itertools.chain.from_iterable(rows), np.float64, width * len(rows))
    return flat.reshape(-1, width).T


def run_machine_code(
    job: Job, dtype: type[np.floating[Any]], batch: Any, threads: int | None, fast: bool
) -> Trajectory:
    """One trajectory or a batch of shape (n, d), compiled."""
    _check_range(job, dtype)
    received = _received(job, dtype)
    if batch is None:
        return run_compiled(job, dtype, received, fast)
    threads = threads or useful_threads(job, len(batch))
    make = partial(CompiledBlocks, fast=fast, threads=threads)
    more = {"hyperparameters": received, "fast": fast}
    return run_batch(job, dtype, batch, make, threads, **more)


def run_arrays(job: Job, dtype: type[np.floating[Any]], batch: Any) -> Trajectory:
    """One trajectory or a batch of shape (n, d) on NumPy numbers of a dtype."""
    _check_range(job, dtype)
    received = _received(job, dtype)
    if batch is not None:
        return run_batch(job, dtype, batch, hyperparameters=received)
    arithmetic = numbers.array(dtype)
    kernel = job.kernel(ARRAY)
    point = [arithmetic.convert(value) for value in job.start]
    with np.errstate(all="ignore"):
        recorder = Recorder(job.every, job.initial(kernel, arithmetic, point))
        inputs = job.inputs(kernel, arithmetic.convert)
        kernel.bind(arithmetic)(*point, *inputs, job.steps, recorder.record)
    result = job.result(
        kernel,
        recorder,
        by_slot(lambda values: np.array(values, dtype=dtype)),
        arithmetic=dtype.__name__,
        backend="numpy",
        hyperparameters=received,
        x0=tuple(Fraction(float(value)) for value in point),
    )
    dated = _dated(job, mark_divergence(result), kernel, arithmetic)
    return job.settled(dated, kernel, recorder.finish()[1][-1], arithmetic)


def _dated(job: Job, result: Trajectory, kernel: Kernel, arithmetic: Any) -> Trajectory:
    """The same with the first diverged step, where the recorded rows leave it out."""
    if result.diverged_at is None or job.every == 1:
        return result
    rows = itertools.count()

    def watch(row: tuple[Any, ...]) -> None:
        if not all(np.isfinite(value) for value in row):
            raise StopIteration
        next(rows)

    point = [arithmetic.convert(value) for value in job.start]
    with np.errstate(all="ignore"):
        try:
            watch(job.initial(kernel, arithmetic, point))
            inputs = job.inputs(kernel, arithmetic.convert)
            kernel.bind(arithmetic)(*point, *inputs, job.steps, watch)
        except StopIteration:
            pass
    return replace(result, diverged_at=next(rows))


def _check_range(job: Job, dtype: type[np.floating[Any]]) -> None:
    """Refuse a start or hyperparameter that the dtype could only hold as infinity."""
    named = [*zip((v.name for v in job.objective.variables), job.start, strict=False)]
    for name, value in [*named, *job.fixed.items()]:
        if not np.isfinite(numbers.round_to(value, dtype)):
            raise InputError(
                f"{name} is beyond the range of {dtype.__name__}; use the rational or the ball "
                "arithmetic"
            )


def _received(job: Job, dtype: type[np.floating[Any]]) -> dict[str, Setting]:
    """The exact values of the floats that the run received; arrays hold a float for each lane."""
    return {
        symbol.name: job.varied[symbol.name]
        if symbol.name in job.varied
        else Fraction(float(numbers.round_to(job.fixed[symbol.name], dtype)))
        if symbol.name in job.fixed
        else job.schedules[symbol]
        for symbol in job.rule.hyperparameters
    }
