"""``symopt.run``: a trajectory in any of the arithmetics, from one generated loop."""

from __future__ import annotations

from typing import Any

import numpy as np

from symopt.errors import BudgetError, InexactError, InputError
from symopt.execution.choice import check_backend, is_worth_compiling
from symopt.execution.exact_run import BIT_BUDGET, run_certified, run_rationals
from symopt.execution.float_run import run_arrays, run_floats, run_machine_code
from symopt.execution.inputs import (
    lanes_of,
    read_record,
    read_start,
    read_steps,
    split_hyperparameters,
    split_lanes,
)
from symopt.execution.job import Job
from symopt.execution.processors import read_threads
from symopt.execution.reductions import Watch
from symopt.execution.trajectory import Trajectory
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.library import models, objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["run"]

ARITHMETICS = ("float64", "float32", "rational", "ball")


def run(
    rule: Rule | str,
    objective: Objective | BoundObjective | Batches | str,
    x0: Any = None,
    steps: int = 100,
    arithmetic: str = "float64",
    *,
    record: Any = "all",
    backend: str = "auto",
    mode: str = "strict",
    budget: int = BIT_BUDGET,
    fast: bool = False,
    threads: int | None = None,
    **hyper: Any,
) -> Trajectory:
    """Run a rule on an objective.

    Parameters
    ----------
    rule, objective
        Names, or the statements themselves. An array objective is run on its data, as
        ``model.bind(X=..., y=...)``, or in batches, ``model.bind(...).batches(size=64)``; then a
        start is a vector or a dict of arrays.
    x0
        The start, one number per variable, as text (``"3/2"``, ``"0.1"``), integers, fractions or
        floats; or a batch of shape (n, d). The objective's customary start if it has one.
    steps
        How many steps, at least 1.
    arithmetic
        ``"float64"``, ``"float32"``, ``"rational"`` (exact fractions) or ``"ball"`` (certified
        enclosures, doubled in precision until the relative radius is below 2**-120).
    record
        ``"all"``, ``"final"``, ``"point"`` (the last point alone, without state), or n for every
        n-th step. What is not recorded takes no memory. Or :class:`~symopt.Best`,
        :class:`~symopt.FirstBelow`, or a list of these and ``"point"``: then each row holds the
        point that one of them found, and ``Trajectory.attained`` the step, without a history.
    backend
        ``"python"`` (one trajectory), ``"numpy"`` (batches), ``"llvm"`` (either, compiled; needs
        ``symopt[jit]``), or ``"auto"``, which compiles where that will be done sooner. All give
        the same bits where only + - * / and roots occur, and one compiled trajectory those of
        plain Python always; ``Trajectory.backend`` says which it was. On an array objective the
        gradient is computed by NumPy; what makes the new state from it may be compiled.
    mode
        ``"auto"`` lets a rational run that is irrational or over its budget become a ball run.
    budget
        The bits that a number of a rational run may need.
    fast
        Lets compiled code contract and reorder what it computes: a little quicker, and no longer
        the same bits as elsewhere. ``Trajectory.fast`` says so.
    threads
        How many threads run a compiled batch; as many as there are processors, where that pays.
        The numbers do not depend on it.
    hyper
        Hyperparameters by name: numbers, or expressions of ``t`` (schedules), also as text; or
        arrays or lists of n numbers, one for each of n runs that are made at once. A batch of n
        starts goes along with them, lane by lane; a single start is where all of them begin.

    A number given as text is the exact number; a float is the exact binary64 value that code
    would receive. ``Trajectory.hyperparameters`` says which values the run received.

    Raises :class:`~symopt.errors.InputError` for unusable arguments,
    :class:`~symopt.errors.UnknownNameError` for unknown names,
    :class:`~symopt.errors.MissingExtraError` for ``backend="llvm"`` or ``fast`` without llvmlite,
    :class:`~symopt.errors.InexactError`, :class:`~symopt.errors.UndefinedError` and
    :class:`~symopt.errors.BudgetError` where an exact run cannot go on.

    >>> run("gradient_descent", "half_square", ("1",), 2, "rational", eta="1/4").x[-1]
    array([Fraction(9, 16)], dtype=object)
    >>> run("gradient_descent", "half_square", ("1",), 2, eta=["1/4", "1/2"]).x[-1]
    array([[0.5625],
           [0.25  ]])
    """
    the_rule = rules.resolve(rule)
    if isinstance(objective, str) and objective not in objectives and objective in models:
        raise InputError(f"{objective} needs data: give symopt.models.{objective}.bind(...)")
    if isinstance(objective, ArrayObjective):
        raise InputError(f"{objective.name} needs data to run on: give .bind(...) of it")
    steps = read_steps(steps)
    every, keep_state, reductions = read_record(record)
    check_backend(backend)
    for value, known, what in (
        (arithmetic, ARITHMETICS, "arithmetic"),
        (mode, ("strict", "auto"), "mode"),
    ):
        if value not in known:
            raise InputError(f"no {what} {value!r}; there are {', '.join(map(repr, known))}")
    if isinstance(objective, (BoundObjective, Batches)):
        floats = arithmetic in ("float64", "float32")
        if backend == "python" or (backend == "llvm" and not floats):
            allowed = "'numpy' or 'llvm'" if floats else "'auto'"
            raise InputError(
                f"{objective.name} in {arithmetic} runs with backend={allowed}, not {backend!r}"
            )
        if fast:
            raise InputError(f"{objective.name} runs on NumPy, which has no fast=True")
        # What only objectives with data need is a third of what running imports.
        if floats:
            from symopt.execution.array.batch_run import BatchRun
            from symopt.execution.array.run import VectorRun, run_bound

            make = BatchRun if isinstance(objective, Batches) else VectorRun
            return run_bound(
                the_rule, objective, x0, steps, arithmetic, record, hyper, make, backend
            )
        from symopt.execution.array.exact_run import run_exactly

        return run_exactly(the_rule, objective, x0, steps, arithmetic, record, hyper, mode, budget)
    the_objective = objectives.resolve(objective)
    dtype = np.float32 if arithmetic == "float32" else np.float64
    shared, varied = split_lanes(the_rule, hyper, dtype)
    fixed, schedules = split_hyperparameters(the_rule, shared)
    start, batch = read_start(the_objective, x0)
    batch = lanes_of(the_rule, batch, start, varied, dtype)
    job = Job(
        the_rule, the_objective, start, steps, every, fixed, schedules, keep_state, varied,
        Watch.of(reductions, dtype) if reductions else None,
    )  # fmt: skip
    if reductions and arithmetic not in ("float64", "float32"):
        raise InputError(
            f"Best and FirstBelow are for float64 and float32; in {arithmetic} use record='all' "
            "and look at .values"
        )
    if reductions and steps > 2 ** (np.finfo(dtype).nmant + 1):
        raise InputError(f"steps = {steps}: {arithmetic} cannot count as far")
    if batch is not None and arithmetic not in ("float64", "float32"):
        raise InputError(f"a batch runs in float64 or float32, not in {arithmetic}")
    if batch is not None and backend == "python":
        raise InputError("a batch needs backend='numpy' (or 'auto'), not 'python'")
    if backend == "llvm" and arithmetic not in ("float64", "float32"):
        raise InputError(f"backend='llvm' runs in float64 or float32, not in {arithmetic}")
    number = read_threads(threads)
    if fast and (backend not in ("auto", "llvm") or arithmetic not in ("float64", "float32")):
        raise InputError(
            "fast=True is for compiled code, backend='llvm' (or 'auto') in float64 or float32; "
            f"{'the ' + backend + ' backend' if backend != 'auto' else arithmetic + ' arithmetic'} "
            "makes every operation as it is written"
        )
    if arithmetic in ("float64", "float32"):
        lanes = None if batch is None else len(batch)
        compiled = fast or backend == "llvm"
        if compiled or (backend == "auto" and is_worth_compiling(job, dtype, lanes)):
            return run_machine_code(job, dtype, batch, number, fast)
        if dtype is np.float32:
            return run_arrays(job, dtype, batch)
        return (
            run_arrays(job, np.float64, batch)
            if batch is not None or backend == "numpy"
            else run_floats(job)
        )
    if arithmetic == "ball":
        return run_certified(job)
    try:
        return run_rationals(job, budget)
    except (InexactError, BudgetError) as reason:
        if mode == "strict":
            raise
        return run_certified(job, note=f"ball arithmetic, since {reason}")
