"""Runs in exact fractions and in certified balls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from symopt.errors import BudgetError, InexactError, InputError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.arithmetic import Arithmetic
from symopt.execution.ball import run_balls
from symopt.execution.exact import as_balls, object_array, to_fraction
from symopt.execution.float_run import run_floats
from symopt.execution.forecast import divides_by_state, forecast_bits
from symopt.execution.job import Job, Recorder, by_slot, mark_divergence
from symopt.execution.kernel import Kernel
from symopt.execution.scaled import Scaled, UnscaledError, scaled
from symopt.execution.trajectory import Trajectory, magnitude
from symopt.program.printers.python import EXACT

__all__ = ["BIT_BUDGET", "run_certified", "run_rationals"]

#: Numbers that stay shorter are quicker in lowest terms.
_LONG = 8_000
#: A rational run is refused when a number may need more bits than this.
BIT_BUDGET = 8_000_000


def run_rationals(job: Job, budget: int) -> Trajectory:
    """A run in fractions, refused where a number would need more bits than the budget."""
    kernel = job.kernel(EXACT)
    irrational = [
        op
        for op in ("sqrt", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
        if kernel.step.program.has(op)
    ]
    if irrational and job.steps:
        raise InexactError(
            f"{job.rule.name} on {job.objective.name} uses {', '.join(irrational)}, which is "
            "irrational in general; use arithmetic='ball' for certified digits"
        )
    if not divides_by_state(kernel.step):  # there the forecast would be far too dark
        forecast = forecast_bits(kernel.step, job.start, job.fixed, magnitudes(job), budget)
        beyond = forecast.first_beyond(budget)
        if beyond is not None:
            raise _over_budget(job, beyond, f"may need {forecast.bits[beyond]:,}", budget)
        if forecast.bits[-1] > _LONG:
            with suppress(UnscaledError):  # a divisor of its own: then in lowest terms
                return _in_fractions(job, kernel, budget, scaled(_denominators(job, kernel)))
    return _in_fractions(job, kernel, budget, numbers.rational())


def _in_fractions(job: Job, kernel: Kernel, budget: int, arithmetic: Arithmetic) -> Trajectory:
    point = [arithmetic.convert(value) for value in job.start]
    recorder = Recorder(job.every, job.initial(kernel, arithmetic, point))

    def watch(row: tuple[Any, ...]) -> None:
        recorder.record(row)
        # A number that was clipped to 0 is an integer of Python's.
        bits = max(map(_bits, row))
        if bits > budget:
            bits = max(_bits(_reduced(value)) for value in row)
            if bits > budget and recorder.count < job.steps:
                raise _over_budget(job, recorder.count, f"needs {bits:,}", budget)

    job.guarded(kernel, arithmetic, point, watch)
    return job.result(
        kernel,
        recorder,
        by_slot(lambda column: object_array([to_fraction(_reduced(value)) for value in column])),
        arithmetic="rational",
    )


def _bits(value: Any) -> int:
    return int(value.bit_length() if isinstance(value, int) else value.height_bits())


def _reduced(value: Any) -> Any:
    return value.reduced if isinstance(value, Scaled) else value


def _denominators(job: Job, kernel: Kernel) -> list[int]:
    """What the numbers of a run are divided by: their own denominators, and constant divisors."""
    step = kernel.step
    given = [*job.start, *job.fixed.values()]
    for program in (step.program, step.start):
        constants = [node.value if node.op == "const" else None for node in program.nodes]
        divisors = [constants[node.args[1]] for node in program.nodes if node.op == "div"]
        given += [value for value in constants if value is not None]
        given += [1 / value for value in divisors if value]
    return [abs(value.denominator) for value in given]


def run_certified(job: Job, note: str = "") -> Trajectory:
    """A run in balls of sufficient precision."""
    kernel = job.kernel(EXACT)

    def attempt(watch: Callable[[tuple[Any, ...]], None]) -> Recorder:
        arithmetic = numbers.ball()
        point = [arithmetic.convert(value) for value in job.start]
        recorder = Recorder(job.every, job.initial(kernel, arithmetic, point))

        def both(row: tuple[Any, ...]) -> None:
            watch(row)
            recorder.record(row)

        job.guarded(kernel, arithmetic, point, both)
        return recorder

    label = f"{job.rule.name} on {job.objective.name}"
    recorder, precision = run_balls(attempt, label, job.steps)
    result = job.result(
        kernel, recorder, by_slot(as_balls), arithmetic="ball", precision=precision, note=note
    )
    return mark_divergence(result)


def _over_budget(job: Job, step: int, need: str, budget: int) -> BudgetError:
    return BudgetError(
        f"an exact rational run of {job.rule.name} on {job.objective.name} {need} bits for a "
        f"number at step {step}, past the budget of {budget:,}; ask for at most "
        f"{max(step - 1, 0)} steps, raise budget=, or use arithmetic='ball'"
    )


def magnitudes(job: Job) -> list[float]:
    """Base-2 logarithms of the largest number at each step, from a float run."""
    try:
        probe = run_floats(replace(job, every=1))
    except InputError:  # a start or constant beyond binary64
        return _ball_magnitudes(job)
    if probe.diverged_at is not None:
        return _ball_magnitudes(job)
    columns = [np.abs(probe.x), *[np.abs(np.atleast_2d(v.T).T) for v in probe.state.values()]]
    with np.errstate(all="ignore"):
        largest = np.max(np.concatenate(columns, axis=1), axis=1)
        logs = np.log2(np.maximum(largest, 1.0))
    return [float(value) for value in logs]


def _ball_magnitudes(job: Job) -> list[float]:
    """The same from balls of a fixed precision, for numbers of any size."""
    kernel, arithmetic = job.kernel(EXACT), numbers.ball()
    levels: list[float] = []

    def measure(row: tuple[Any, ...]) -> None:
        sizes = [float(magnitude(abs(v + 0 * point[0]).upper())) for v in row]
        levels.append(max(1.0, *sizes))
        if levels[-1] > 64 * BIT_BUDGET:
            raise UndecidedError("how large the numbers become")

    with numbers.precision(256):
        point = [arithmetic.convert(value) for value in job.start]
        try:
            measure(job.initial(kernel, arithmetic, point))
            job.guarded(kernel, arithmetic, point, measure)
        except (UndecidedError, UndefinedError):
            pass  # the forecast stops where the run itself would, or where the digits are gone
    return levels
