"""Rules in vectorized binary64 along prescribed points and gradients.

Only for finding candidates: what is found so is then proved, or replayed exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.opaque import OpaqueStep, is_elementwise, opaque_step
from symopt.execution.arithmetic import array
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.printers.python import ARRAY
from symopt.statement.rule import Rule

__all__ = ["FloatRule", "Path", "float_rule"]

Array = np.ndarray[Any, np.dtype[Any]]
#: The hyperparameters of a step, as numbers or as arrays of lanes.
Settings = Callable[[int], Mapping[str, Any]]


@dataclass(frozen=True)
class Path:
    """Points after each step, and where gradients were asked for: (steps, lanes, d)."""

    points: Array
    asked: Array


class FloatRule:
    """One rule, compiled for arrays of lanes (settings) times coordinates."""

    def __init__(self, rule: Rule, size: int) -> None:
        self.rule = rule
        self.together = not is_elementwise(rule)
        self.step: OpaqueStep = opaque_step(rule, size)
        labels: list[Label] = [
            *self.step.slots,
            ("t",),
            *[("hyper", name) for name in self.step.hyper],
            *[
                ("g", number, index)
                for number in range(1, self.step.asks + 1)
                for index in range(self.step.size)
            ],
        ]
        self._place: dict[Label, int] = {label: index for index, label in enumerate(labels)}
        outputs = list(self.step.program.outputs)
        self._points = [outputs.index(("x", index)) for index in range(self.step.size)]
        self._asks = [outputs.index(("ask", 1, index)) for index in range(self.step.size)]
        self._carried = self._memory(self.step.program)
        self._begun = self._memory(self.step.start)
        self._advance = self._compile("advance", self.step.program)
        self._start = self._compile("start", self.step.start)

    def _compile(self, name: str, program: Program) -> Callable[..., tuple[Any, ...]]:
        names = {label: f"i{index}" for label, index in self._place.items()}
        return compile_source(function_source(name, program, names, ARRAY), array(np.float64))

    def run(self, points: Array, gradients: Array, settings: Settings, lanes: int = 1) -> Path:
        """Along points (steps + 1, d): each step restarts from the given point.

        ``points`` of one row only, (1, d), is a start from which the rule runs by itself.
        """
        free = len(points) == 1
        steps, size = gradients.shape
        columns = [slice(i, i + 1) for i in range(size)] if self.together else [slice(None)]
        given: list[Any] = [0.0] * len(self._place)
        rows = np.empty((steps, lanes, size))
        asks = np.empty((steps, lanes, size))
        one = np.ones((lanes, 1))
        places = [(self._place["x", index], column) for index, column in enumerate(columns)]
        answers = [
            (self._place["g", number, index], column)
            for index, column in enumerate(columns)
            for number in range(1, self.step.asks + 1)
        ]
        moved = list(zip(self._points, self._asks, columns, strict=True))
        for place, column in places:
            given[place] = one * points[0, column]
        known: Mapping[str, Any] | None = None
        with np.errstate(all="ignore"):
            for t in range(1, steps + 1):
                given[self._place["t",]] = t
                values = settings(t)
                if values is not known:
                    known = values
                    for name, value in values.items():
                        given[self._place["hyper", name]] = value
                if t > 1 and not free:
                    for place, column in places:
                        given[place] = one * points[t - 1, column]
                for place, column in answers:
                    given[place] = gradients[t - 1, column]
                if t == 1:
                    begun = self._start(*given)
                    for place, output in self._begun:
                        given[place] = begun[output]
                result = self._advance(*given)
                for place, output in self._carried:
                    given[place] = result[output]
                for point, ask, column in moved:
                    rows[t - 1, :, column] = result[point]
                    asks[t - 1, :, column] = result[ask]
                if free:
                    for (place, _), output in zip(places, self._points, strict=True):
                        given[place] = one * result[output]
        return Path(rows, asks)

    def _memory(self, program: Program) -> list[tuple[int, int]]:
        """For each slot of hidden state, its place among the inputs and among the outputs."""
        order = list(program.outputs)
        own = self.step.slots[self.step.size :]
        return [(self._place[slot], order.index(slot)) for slot in own]


@lru_cache(maxsize=512)
def _compiled(rule: Rule, size: int) -> FloatRule:
    return FloatRule(rule, size)


def float_rule(rule: Rule, size: int) -> FloatRule:
    """The compiled rule in ``size`` coordinates.

    >>> import symopt
    >>> walk = float_rule(symopt.rules.gradient_descent, 2).run(
    ...     np.zeros((1, 2)), np.ones((2, 2)), lambda t: {"eta": 0.5})
    >>> walk.points[:, 0]
    array([[-0.5, -0.5],
           [-1. , -1. ]])
    """
    return _compiled(rule, 1 if is_elementwise(rule) else size)
