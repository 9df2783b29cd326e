"""What a run keeps instead of its history: the best point, or the first one below a threshold.

A reduction is state that a step's program carries along, so that every backend that runs the
program follows it, bit for bit alike, and what the objective's value shares with its gradient is
computed once. A step looks at the point where it begins; the last point is looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from symopt.derivation.step import Slot, Step, objective_programs
from symopt.errors import InputError
from symopt.execution.arithmetic import Arithmetic, round_to
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Graph, Label, Program
from symopt.program.printers.python import Dialect
from symopt.statement.numbers import Number, received

__all__ = ["Best", "FirstBelow", "Last", "Reduction", "Watch"]


@dataclass(frozen=True)
class Best:
    """The lowest value of the objective on the way, for ``record=``: where and when it was reached.

    The first of equal ones; a value that is infinite or nan is never the best. The run has one
    row: the best point; its value is in ``values`` and its step in ``attained``.

    >>> import symopt
    >>> run = symopt.run("momentum", "half_square", ("1",), 99, eta="1/4", record=symopt.Best())
    >>> run.attained.tolist(), run.values.tolist()
    ([94], [3.203666727081221e-11])
    """


@dataclass(frozen=True)
class FirstBelow:
    """The first point whose value is at most a threshold, for ``record=``; the start counts.

    The comparison is with the exact threshold; a value that is infinite or nan is not below. Where
    there is no such point its row holds nan, and its step in ``attained`` is -1.

    >>> import symopt
    >>> run = symopt.run("gradient_descent", "half_square", ("1",), 99,
    ...                  record=symopt.FirstBelow("1e-6"), eta=["1/10", "1/4", "1/1000"])
    >>> run.attained.tolist()
    [[63, 23, -1]]
    """

    threshold: Number

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", received(self.threshold, "threshold"))


@dataclass(frozen=True)
class Last:
    """The last point, beside others."""


Reduction: TypeAlias = Best | FirstBelow | Last


def _slots(step: Step, place: int, reduction: Reduction) -> dict[str, list[Slot]]:
    """The slots that a reduction adds to a step; no symbol has a space in its name."""
    if isinstance(reduction, Last):
        return {}
    kind = "best" if isinstance(reduction, Best) else "below"
    one = f"{kind} {place}" if place else kind
    value: list[Slot] = [(f"{one} value", None)] if isinstance(reduction, Best) else []
    return {
        "value": value,
        "step": [(f"{one} step", None)],
        "point": [(f"{one} point", i) for i in range(step.objective.dimension)],
    }


@dataclass(frozen=True)
class Watch:
    """The reductions of one run; ``largest`` is the largest finite number of its arithmetic."""

    reductions: tuple[Reduction, ...]
    largest: Fraction

    @classmethod
    def of(cls, reductions: Sequence[Reduction], dtype: type[np.floating[Any]]) -> Watch:
        """The same in one arithmetic: a number is at most a threshold where it is at most the
        largest number of the dtype that is.
        """
        largest = Fraction(float(np.finfo(dtype).max))
        rounded = []
        for reduction in reductions:
            if isinstance(reduction, FirstBelow):
                given = min(received(reduction.threshold), largest)
                if given < -largest:
                    raise InputError("a threshold lower than all numbers is never reached")
                near = round_to(given, dtype)
                if Fraction(float(near)) > given:
                    near = np.nextafter(near, dtype(-np.inf))
                reduction = FirstBelow(Fraction(float(near)))
            rounded.append(reduction)
        return cls(tuple(rounded), largest)

    def step(self, step: Step) -> Step:
        """The step that carries them along."""
        return _reduced(step, self.reductions, self.largest)

    def rows(
        self, step: Step, slots: Sequence[Any], steps: int, arithmetic: Arithmetic
    ) -> tuple[list[Any], list[list[Any]]]:
        """For each reduction the step and the point, from all slots after the last step."""
        held: dict[Label, Any] = dict(zip(step.slots, slots, strict=True))
        wanted = [
            slot for place, r in enumerate(self.reductions)
            for group in _slots(step, place, r).values() for slot in group
        ]  # fmt: skip
        if wanted:
            source, inputs = _ending(step, tuple(wanted), arithmetic.dialect)
            given = [
                arithmetic.convert(Fraction(steps + 1)) if label == ("t",) else held[label]
                for label in inputs
            ]
            found = compile_source(source, arithmetic)(*given)
            held |= dict(zip(wanted, found, strict=True))
        ats: list[Any] = []
        points: list[list[Any]] = []
        for place, reduction in enumerate(self.reductions):
            if isinstance(reduction, Last):
                ats.append(steps)
                points.append([held["x", i] for i in range(step.objective.dimension)])
                continue
            own = _slots(step, place, reduction)
            at = np.asarray(held[own["step"][0]])
            ats.append(at)
            points.append([np.where(at < 0, np.nan, held[label]) for label in own["point"]])
        return ats, points


@lru_cache(maxsize=512)
def _ending(step: Step, wanted: tuple[Slot, ...], dialect: Dialect) -> tuple[str, list[Label]]:
    """The source of the function that looks at the last point, and its inputs."""
    graph = Graph()
    outputs: dict[Label, int] = {slot: step.program.outputs[slot] for slot in wanted}
    made = graph.program(graph.inline(Program(step.program.nodes, outputs), {}))
    inputs: list[Label] = [label for label in [*step.slots, ("t",)] if label in made.inputs]
    names = {label: step.identifier(label) for label in inputs}
    return function_source("ending", made, names, dialect), inputs


@lru_cache(maxsize=512)
def _reduced(step: Step, reductions: tuple[Reduction, ...], largest: Fraction) -> Step:
    graph, start = Graph(), Graph()
    # Lines keep their names: they are outputs until the nodes have their numbers.
    lines: dict[Label, int] = {("line", index): index for index in step.names}
    outputs = graph.inline(Program(step.program.nodes, {**lines, **step.program.outputs}), {})
    begins = start.inline(step.start, {})
    point = [graph.input(("x", i)) for i in range(step.objective.dimension)]
    variables = [symbol.name for symbol in step.objective.variables]
    bindings = dict(zip(variables, point, strict=True))
    value = graph.inline(objective_programs(step.objective)[0], bindings)["f"]
    before = graph.sub(graph.input(("t",)), graph.const(1))
    bounded = graph.apply("le", graph.const(-largest), value)
    slots = list(step.slots)
    for place, reduction in enumerate(reductions):
        own = _slots(step, place, reduction)
        if isinstance(reduction, Last):
            continue
        at = graph.input(own["step"][0])
        fresh: dict[Slot, tuple[int, int]] = {}
        if isinstance(reduction, Best):
            (best,) = own["value"]
            hit = graph.apply("lt", value, graph.input(best))
            fresh[best] = value, start.const(largest)
        else:
            threshold = graph.const(received(reduction.threshold))
            waits = graph.apply("lt", at, graph.const(0))
            hit = graph.apply("and", graph.apply("le", value, threshold), waits)
        hit = graph.apply("and", hit, bounded)
        fresh[own["step"][0]] = before, start.const(-1)
        zero = start.const(0)
        fresh |= {slot: (node, zero) for slot, node in zip(own["point"], point, strict=True)}
        for slot, (new, begin) in fresh.items():
            outputs[slot] = graph.apply("select", hit, new, graph.input(slot))
            begins[slot] = begin
        slots += fresh
    program = graph.program(outputs)
    return replace(
        step,
        program=Program(program.nodes, {slot: program.outputs[slot] for slot in slots}),
        start=start.program(begins),
        slots=tuple(slots),
        names={program.outputs["line", index]: name for index, name in step.names.items()},
    )
