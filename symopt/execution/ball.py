"""Certified runs: precision is doubled until every number is known to 120 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from symopt.errors import BudgetError, UndecidedError
from symopt.execution.arithmetic import precision
from symopt.execution.trajectory import magnitude

__all__ = ["run_balls"]

#: Relative radius that a finished run guarantees: 2 to this power.
TARGET = -120
#: A number whose radius is below 2 to this power counts as known, whatever its size: binary64
#: cannot tell it from its midpoint (the smallest positive number is 2**-1074).
FLOOR = -1200
#: A run is given up at the present precision when a relative radius exceeds 2 to this power.
LOST = -10
FIRST, CAP = 256, 1 << 16

Result = TypeVar("Result")


class _Lost(Exception):
    """The digits are gone at the present precision."""

    def __init__(self, step: int) -> None:
        self.step = step


def relative_radius(value: Any) -> int:
    """The base-2 exponent of the radius against the midpoint; very small where it is negligible.

    >>> from flint import arb
    >>> relative_radius(arb(3)) < -10**6
    True
    """
    if not value.is_finite():
        return 1 << 30
    mantissa, exponent = value.rad().man_exp()
    size = abs(int(mantissa)).bit_length()
    if size == 0 or size + int(exponent) <= FLOOR:
        return -(1 << 30)
    return size + int(exponent) - magnitude(value)


def run_balls(
    attempt: Callable[[Callable[[tuple[Any, ...]], None]], Result], label: str, steps: int
) -> tuple[Result, int]:
    """The result of ``attempt`` at the first sufficient precision, and that precision.

    ``attempt(watch)`` makes the run and shows each step's numbers to ``watch``.

    Raises :class:`~symopt.errors.BudgetError` where 65536 bits do not suffice.
    """
    bits = FIRST
    while True:
        worst = -(1 << 30)
        step = 0

        def watch(row: tuple[Any, ...]) -> None:
            nonlocal worst, step
            step += 1
            for value in row:
                if isinstance(value, int):
                    continue
                lost = relative_radius(value)
                if lost > worst:
                    worst = lost
                if lost > LOST:
                    raise _Lost(step)

        reason = ""
        try:
            with precision(bits):
                result = attempt(watch)
            if worst <= TARGET:
                return result, bits
        except _Lost as lost:
            reason = f"no digit is certain from step {lost.step} on"
        except UndecidedError as error:
            reason = f"{error} cannot be decided"
        if bits >= CAP:
            raise BudgetError(
                f"{label}, {steps} steps: {reason or 'the radius stays above 2**-120'} with "
                f"{bits} bits; ask for fewer steps, or move the start off the point where the "
                "statement is undecided"
            )
        bits *= 2
