"""Training loops against rules: the exact gradient at the code's own parameters, step by step.

The code computes its gradients itself, so nothing is prescribed. At each step the exact gradient
of the stated loss is taken at the parameters that the code reported, with a bound on what rounding
may change in it whatever the order of summation (see :mod:`symopt.verification.array.rounding`);
the rule is then replayed from there as for any implementation. What is refuted is tried with the
obvious mistakes, and where one explains every step it is named.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from symopt.errors import InputError, SymoptError
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.verification.array.check import ASSUMED
from symopt.verification.driving import drive_twice
from symopt.verification.implementation import Implementation, ImplementationError, Observation
from symopt.verification.inference import ROUNDOFF, Record
from symopt.verification.judging import Setting
from symopt.verification.training_gradients import gradients_of, mistakes
from symopt.verification.verdict import Verdict

__all__ = [
    "Training", "record_training", "training_implementation", "verify_training",
    "watch_training",
]  # fmt: skip

Floats = np.ndarray[Any, Any]
Objective = BoundObjective | Batches

_STILL = (
    "the parameters never move: every step reports the start, as where an optimizer is bound to "
    "the parameters of another model"
)


@dataclass(frozen=True, eq=False)
class Training:
    """A training loop with the loss that it is said to minimize, its start and its steps."""

    function: Callable[..., Any]
    objective: Objective
    x0: Any = None
    steps: int = 20

    def start(self, x0: Any, dtype: Any) -> Floats:
        """The start in the code's format; without one, normal numbers of a fixed seed."""
        given = self.x0 if x0 is None else x0
        if given is None:
            return np.random.default_rng(0).standard_normal(self.objective.dimension).astype(dtype)
        return np.array([float(value) for value in self.objective.point(given)]).astype(dtype)


def training_implementation(
    function: Callable[..., Any],
    objective: Any,
    x0: Any,
    steps: int,
    dtype: str,
    name: str,
) -> Implementation:
    """An implementation of a training loop; see ``Implementation.from_training``."""
    if not isinstance(objective, (BoundObjective, Batches)):
        raise InputError(
            f"from_training: the loss is given as a model on data, such as "
            f"symopt.models.linear_regression.bind(X=X, y=y), not as {type(objective).__name__}"
        )
    if dtype not in ("float64", "float32"):
        raise InputError(f"from_training: dtype is 'float64' or 'float32', not {dtype!r}")

    def drive(start: Any, oracle: Any, count: int) -> Any:
        raise ImplementationError(
            f"{name} computes its gradients itself, so none can be prescribed to it"
        )

    return Implementation(
        name, drive, dtype=np.dtype(dtype).type,
        training=Training(function, objective, x0, steps),
    )  # fmt: skip


def watch_training(code: Implementation, x0: Any, steps: int | None) -> Observation:
    """What a training loop does, with the exact gradients that it should have used.

    Raises :class:`ImplementationError` where it raises, or returns no parameters per step.
    """
    training: Training = code.training
    objective = training.objective
    count = training.steps if steps is None else steps
    start = training.start(x0, code.dtype)
    given = {name: part.copy() for name, part in objective.unflatten(start.copy()).items()}
    spoken = io.StringIO()
    try:
        with contextlib.redirect_stdout(spoken), np.errstate(all="ignore"):
            rows = islice(training.function(given, count), count + 2)
            points = [_vector(objective, row, code.dtype) for row in rows]
    except SymoptError:
        raise
    except (Exception, SystemExit) as error:
        raise ImplementationError(f"{code.name} raised {type(error).__name__}: {error}") from error
    if len(points) == count:
        points = [start, *points]
    if len(points) != count + 1:
        raise ImplementationError(
            f"{code.name} returned the parameters of {len(points)} steps; {count + 1} (with the "
            f"start) or {count} are expected"
        )
    if not np.array_equal(points[0], start, equal_nan=True):
        raise ImplementationError(f"{code.name} did not start from the parameters it was given")
    return Observation(
        np.array(points), (), spoken.getvalue(), gradients=gradients_of(objective, count)
    )


def _vector(objective: Objective, row: Any, dtype: Any) -> Floats:
    """One step's parameters as a vector: from a dict, a vector, or an array per parameter."""
    if isinstance(row, Mapping):
        unknown = set(row) ^ set(objective.slices)
        if unknown:
            raise ImplementationError(
                f"a step has parameters {', '.join(row)}; {', '.join(objective.slices)} are "
                "expected"
            )
        parts = [np.asarray(row[name], dtype=dtype) for name in objective.slices]
    elif isinstance(row, (list, tuple)) and len(row) == len(objective.slices) > 1:
        parts = [np.asarray(part, dtype=dtype) for part in row]
    else:
        whole = np.array(row, dtype=dtype).ravel()
        if whole.shape != (objective.dimension,):
            raise ImplementationError(
                f"a step has {whole.size} parameters; {objective.dimension} are expected"
            )
        return whole
    for (name, (_, shape)), part in zip(objective.slices.items(), parts, strict=True):
        if part.shape != shape:
            raise ImplementationError(f"{name} has shape {part.shape} in a step; it is {shape}")
    return np.concatenate([np.array(part).ravel() for part in parts])


def verify_training(code: Implementation, setting: Setting, x0: Any, steps: int | None) -> Verdict:
    """The verdict on a training loop, with the mistake that explains it where one does."""
    training: Training = code.training
    name = training.objective.name
    try:
        driven = drive_twice([(name, lambda: watch_training(code, x0, steps))])
    except ImplementationError as error:
        return Verdict(
            "undecided", code.name, setting.rule.name, reason=f"the implementation failed: {error}"
        )
    verdict = setting.decide(code, driven, False)
    verdict = replace(verdict, probe=None, assumed=(*verdict.assumed, *ASSUMED))
    if verdict.status != "refuted":
        return verdict
    seen = driven.runs[0][1]
    words = _explained(code, setting, training.objective, seen)
    return replace(verdict, reason=f"{words}; {verdict.reason}") if words else verdict


def _explained(
    code: Implementation, setting: Setting, objective: Objective, seen: Observation
) -> str:
    """The first mistake under which the rule explains every step, in words."""
    if (seen.points == seen.points[0]).all():
        return _STILL
    for words, gradients in mistakes(objective, seen):
        if setting.judge(code, [(objective.name, replace(seen, gradients=gradients))]):
            return f"all {seen.steps} steps are those of {setting.rule.name} {words}"
    return ""


def record_training(code: Implementation) -> Record:
    """A training loop as a record to which rules are fitted: its gradients are the exact ones."""
    seen = watch_training(code, None, None)
    points = np.asarray(seen.points, dtype=np.float64)
    zero = np.zeros(points.shape[1])
    gradients = np.array(
        [seen.gradients(step, points[step - 1], zero, code.format)[0]
         for step in range(1, seen.steps + 1)]
    )  # fmt: skip
    steps = np.abs(np.diff(points, axis=0))
    size = np.abs(points[1:]) + np.abs(points[:-1]) + 4 * steps.max(axis=0, initial=0)
    # The code's own gradients carry the rounding of their sums.
    noise = 16 * ROUNDOFF[code.format] * size + 1e-300
    return Record(code.training.objective.name, points, gradients, points[:-1], noise)
