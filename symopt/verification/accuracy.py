"""How far a float run is from the exact one, in fractional ulp, with no tolerance to choose.

The reference is the same statement run in balls from the very numbers that the float run
received. A deviation is ``|float - exact| / ulp(exact)`` against the *unrounded* reference, with
the exponent floored at that of the smallest normal number. ``one_step`` restarts the exact rule
at every step from the float run's own numbers, so it shows the rounding errors of that step alone;
``total`` is what they have grown to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.derivation.step import Step, step_program
from symopt.errors import BudgetError, InputError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.ball import relative_radius
from symopt.execution.kernel import compile_source, function_source
from symopt.execution.run import run
from symopt.execution.trajectory import Trajectory, magnitude
from symopt.program.printers.python import EXACT

__all__ = ["Accuracy", "accuracy", "fractional_ulp"]

#: Bits of significand and the least exponent (2**(e-1) <= smallest normal number < 2**e).
FORMATS = {"float64": (53, -1021), "float32": (24, -125)}


@dataclass(frozen=True)
class Accuracy:
    """A float run against the exact one.

    Attributes
    ----------
    ulp
        Deviation of each coordinate of each recorded step, shape ``(rows, d)``; nan where the
        float run is not finite or the reference could not be computed.
    one_step_ulp
        The same for single steps restarted from the run's own numbers, shape ``(steps, d)``.
    reference
        The exact run (balls), or ``None``.
    compared
        Up to which step the runs were compared.
    reason
        Why the comparison stops before the end, or an empty string.

    >>> import symopt
    >>> symopt.accuracy(symopt.run("momentum", "half_square", (1,), 100)).digits > 13
    True
    """

    trajectory: Trajectory
    reference: Trajectory | None
    ulp: np.ndarray[Any, np.dtype[np.float64]]
    one_step_ulp: np.ndarray[Any, np.dtype[np.float64]]
    compared: int
    reason: str = ""

    @property
    def max_ulp(self) -> float:
        """The largest deviation of the run, in ulp; nan if nothing could be compared."""
        return _largest(self.ulp)

    @property
    def max_one_step_ulp(self) -> float:
        """The largest deviation of a single step, in ulp."""
        return _largest(self.one_step_ulp)

    @property
    def worst_step(self) -> int | None:
        """The step of the largest deviation."""
        if np.isnan(self.ulp).all():
            return None
        row = int(np.nanargmax(np.nanmax(_filled(self.ulp), axis=1)))
        return self.trajectory.recorded[row]

    @property
    def digits(self) -> float:
        """Decimal digits on which the whole run agrees with the exact one (at least 0)."""
        bits, _ = FORMATS[self.trajectory.arithmetic]
        worst = self.max_ulp
        if math.isnan(worst):
            return 0.0
        return max(0.0, (bits - 1 - math.log2(max(worst, 0.5))) * math.log10(2))

    def __str__(self) -> str:
        lines = [f"{self.trajectory.caption}: against the exact run from the same numbers"]
        if not math.isnan(self.max_ulp):
            lines.append(
                f"  largest deviation {self.max_ulp:.3g} ulp at step {self.worst_step} "
                f"({self.digits:.1f} digits agree); single steps {self.max_one_step_ulp:.3g} ulp"
            )
        if self.reason:
            lines.append(f"  compared up to step {self.compared}: {self.reason}")
        return "\n".join(lines)


def _filled(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(np.isnan(values), -1.0, values)


def _largest(values: np.ndarray[Any, Any]) -> float:
    return float("nan") if not values.size or np.isnan(values).all() else float(np.nanmax(values))


def fractional_ulp(got: float, exact: Any, bits: int = 53, floor: int = -1021) -> float:
    """``|got - exact| / ulp(exact)`` for a ball ``exact``; nan if ``got`` is not finite.

    >>> from flint import arb
    >>> fractional_ulp(1.0, arb(1)), fractional_ulp(1.0 + 2**-52, arb(1))
    (0.0, 1.0)
    """
    from flint import arb

    if not math.isfinite(got):
        return math.nan
    exponent = max(magnitude(exact), floor)
    difference = abs(arb(got) - exact)
    return float((difference * arb(2) ** (bits - exponent)).mid())


def accuracy(trajectory: Trajectory, *, one_step: bool = True) -> Accuracy:
    """Compare a float64 or float32 run with the exact run from the same received numbers.

    Raises :class:`~symopt.errors.InputError` for a run that is a batch or not in floats.

    >>> import symopt
    >>> symopt.accuracy(symopt.run("gradient_descent", "half_square", (1,), 1, eta=0.5)).max_ulp
    0.0
    """
    if trajectory.arithmetic not in FORMATS:
        raise InputError(
            f"a {trajectory.arithmetic} run is exact already; accuracy() compares float runs"
        )
    if trajectory.x.ndim != 2:
        raise InputError("accuracy() compares single runs; run the start of interest alone")
    rows, size = trajectory.x.shape
    ulp = np.full((rows, size), np.nan)
    reference, compared, reason = _reference(trajectory)
    bits, floor = FORMATS[trajectory.arithmetic]
    if reference is not None:
        with numbers.precision(reference.precision):
            for row, step in enumerate(trajectory.recorded):
                if step > compared:
                    break
                exact = reference.x[reference.recorded.index(step)]
                for index in range(size):
                    got = float(trajectory.x[row, index])
                    ulp[row, index] = fractional_ulp(got, exact[index], bits, floor)
    single = np.full((0, size), np.nan)
    if one_step and trajectory.recorded == tuple(range(trajectory.steps + 1)):
        single = _single_steps(trajectory)
    return Accuracy(trajectory, reference, ulp, single, compared, reason)


def _reference(trajectory: Trajectory) -> tuple[Trajectory | None, int, str]:
    """The exact run as far as it goes while the float run is finite."""
    steps = trajectory.steps
    reason = ""
    if trajectory.diverged_at is not None:
        steps = trajectory.diverged_at - 1
        reason = f"the float run diverges at step {trajectory.diverged_at}"
    hyper: dict[str, Any] = dict(trajectory.hyperparameters)
    while steps >= 1:
        try:
            exact = run(
                trajectory.rule, trajectory.objective, trajectory.x0, steps, "ball", **hyper
            )
        except (BudgetError, UndefinedError, UndecidedError) as error:
            reason, steps = str(error), steps // 2
            continue
        return exact, steps, reason
    return None, 0, reason


def _single_steps(trajectory: Trajectory) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Each step made exactly from the float run's own numbers, against what the run made."""
    bits, floor = FORMATS[trajectory.arithmetic]
    schedules = tuple(
        (entry.symbol, trajectory.hyperparameters[entry.name])
        for entry in trajectory.rule.parameters
        if not isinstance(trajectory.hyperparameters[entry.name], Fraction)
    )
    step = step_program(trajectory.rule, trajectory.objective, schedules)  # type: ignore[arg-type]
    function = _step_function(step)
    size = trajectory.objective.dimension
    result = np.full((trajectory.steps, size), np.nan)
    balls = numbers.ball()
    last = trajectory.diverged_at or trajectory.steps + 1
    for bits_used in (256, 1024):
        with numbers.precision(bits_used):
            hyper = [balls.convert(trajectory.hyperparameters[n]) for n in step.hyper]  # type: ignore[arg-type]
            for row in range(min(trajectory.steps, last - 1)):
                if not np.isnan(result[row]).any():
                    continue
                slots = [_slot(trajectory, name, index, row) for name, index in step.slots]
                try:
                    exact = function(*slots, *hyper, row + 1)
                except (UndefinedError, UndecidedError):
                    continue
                if any(relative_radius(value) > -100 for value in exact[:size]):
                    continue
                got = trajectory.x[row + 1]
                result[row] = [
                    fractional_ulp(float(got[index]), exact[index], bits, floor)
                    for index in range(size)
                ]
    return result


def _slot(trajectory: Trajectory, name: str, index: int | None, row: int) -> Any:
    from flint import arb

    values = trajectory.x if name == "x" else trajectory.state[name]
    return arb(float(values[row] if index is None else values[row, index]))


def _step_function(step: Step) -> Any:
    labels: Sequence[Any] = [*step.slots, *[("hyper", name) for name in step.hyper], ("t",)]
    names = {label: "_".join(str(part) for part in label) for label in labels}
    source = function_source("step", step.program, names, EXACT)
    inner = compile_source(source, numbers.ball())
    order = list(step.program.outputs)

    def function(*values: Any) -> list[Any]:
        from flint import arb

        found = dict(zip(order, inner(*values), strict=True))
        return [arb(found[slot]) for slot in step.slots]

    return function
