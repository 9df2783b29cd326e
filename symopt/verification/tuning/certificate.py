"""The score of the best setting in certified arithmetic, beside that of the floats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symopt.errors import BudgetError, InexactError, UndecidedError, UndefinedError
from symopt.execution.run import run
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.verification.digits import bounds, decimal

__all__ = ["Certificate", "certify"]


@dataclass(frozen=True)
class Certificate:
    """What exact arithmetic says of the run with the best setting from its worst start.

    ``value`` is f after ``step`` steps as correct digits, with the hyperparameters as exact
    rationals; ``agrees`` is how many decimal digits the float run has in common with it. For steps
    to a threshold ``holds`` says whether no earlier step has so small a value. Where nothing could
    be certified, ``reason`` says why.
    """

    step: int
    value: str = ""
    agrees: float = 0.0
    holds: bool | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"not certified: {self.reason}"
        text = f"certified: f = {self.value} after {self.step} steps in exact arithmetic"
        text += (
            ", as in float64"
            if math.isinf(self.agrees)
            else f"; float64 agrees to {self.agrees:.1f} digits"
        )
        if self.holds is None:
            return text
        return f"{text}; it is {'' if self.holds else 'NOT '}the first step so low"


def certify(
    rule: Rule,
    objective: Objective,
    start: Any,
    step: int,
    threshold: Fraction | None,
    hyper: Mapping[str, Any],
) -> Certificate:
    """Run the rule in balls to a step, from a start of shape (1, d), and compare f there."""
    settings: dict[str, Any] = dict(hyper)
    steps = max(step, 1)
    rough = run(rule, objective, start, steps, **settings)
    try:
        exact = run(
            rule, objective, start[0], steps, "ball",
            record="final" if threshold is None and step else "all", **settings,
        )  # fmt: skip
        at = 0 if step == 0 else -1
        low, high = bounds(exact.values[at])
        observed = Fraction(float(rough.values[step, 0]))
        distance = max(abs(observed - low), abs(observed - high))
        holds = None if threshold is None else _first(list(exact.values)[: step + 1], threshold)
        agrees = _digits(distance, low, high)
        return Certificate(step, decimal(exact.values[at], 15), agrees, holds)
    except (BudgetError, InexactError, UndecidedError, UndefinedError) as error:
        return Certificate(step, reason=str(error))


def _first(values: list[Any], threshold: Fraction) -> bool:
    """Whether the last value is certainly at most the threshold, and no earlier one is."""
    for index, value in enumerate(values):
        low, high = bounds(value)
        if low <= threshold < high:
            raise UndecidedError(f"whether f is at most {threshold} after {index} steps")
        if (high <= threshold) != (index == len(values) - 1):
            return False
    return True


def _digits(distance: Fraction, low: Fraction, high: Fraction) -> float:
    """Decimal digits that a number at a distance has in common with one between two ends."""
    size = min(abs(low), abs(high))
    if distance == 0:
        return math.inf
    if size == 0:
        return 0.0
    quotient = distance / size
    return max(0.0, math.log10(quotient.denominator) - math.log10(quotient.numerator))
