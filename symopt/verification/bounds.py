"""Bounds of a memory that depend on hyperparameters alone, proved to hold at every step.

A step size that is clipped between two hyperparameters stays between them, whatever the gradients
are. The bounds are read off the rules' maxima and minima, and proved by induction: the first
memory lies between them, and if a memory does, so does the next. What is proved of a step then is
needed only for memories between the bounds. These are written as low + below, and the upper bound
as low + below + above, with both gaps nonnegative and otherwise free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.opaque import OpaqueStep
from symopt.errors import BudgetError, UndefinedError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Graph, Label, Program
from symopt.program.normal_form import normal_forms, proved_equal
from symopt.program.printers.python import ARRAY
from symopt.program.ranges import REAL, Range

__all__ = ["Bounds", "bounds_of", "far_apart"]

#: How many cases of signs are tried for each proof that a bound is kept.
_CASES = 40
_BELOW, _ABOVE = ("gap", "below"), ("gap", "above")
#: Floats at which two programs are compared, and how far apart leaves no hope.
_LANES, _FAR = 64, 1e-2
#: Operations that have a value everywhere: a bound must not be what leaves a point out.
_TOTAL = frozenset({"input", "const", "neg", "add", "sub", "mul"})
_GAP = Range(nonnegative=True)


@dataclass(frozen=True)
class Bounds:
    """``low <= slot <= high`` at every step; both bounds are programs of hyperparameters.

    ``pivot`` is a hyperparameter that occurs in ``high - low`` as a term of its own: it is what
    gives way if the distance of both bounds is written as ``below + above``.
    """

    slot: Label
    low: Program
    high: Program
    pivot: Label
    ranges: Mapping[Label, Range]

    def put_in(self, program: Program) -> Program:
        """The program where the memory and the pivot are written in gaps."""
        graph = Graph()
        below, above = graph.input(_BELOW), graph.input(_ABOVE)
        # The pivot is what is left: high - low = pivot + rest, so pivot = below + above - rest.
        gap = graph.sub(self._at(graph, self.high, None), self._at(graph, self.low, None))
        pivot = graph.sub(graph.add(below, above), gap)
        inputs: dict[Label, int] = {
            self.slot: graph.add(self._at(graph, self.low, pivot), below),
            self.pivot: pivot,
        }
        return graph.program(graph.inline(program, inputs))

    def _at(self, graph: Graph, bound: Program, pivot: int | None) -> int:
        """A bound; without a pivot, as it is where the pivot is zero."""
        given = {self.pivot: graph.const(0) if pivot is None else pivot}
        return graph.inline(bound, given)["bound"]


def bounds_of(
    ours: OpaqueStep, theirs: OpaqueStep, ranges: Mapping[Label, Range]
) -> Iterator[Bounds]:
    """What is proved of the first rule's memory; the candidates come from both rules."""
    lows = [*_hyper_only(ours.program, "max"), *_hyper_only(theirs.program, "max")]
    highs = [*_hyper_only(ours.program, "min"), *_hyper_only(theirs.program, "min")]
    for slot in ours.slots[ours.size :]:
        for low in dict.fromkeys(lows):
            for high in dict.fromkeys(highs):
                pivot = _pivot(low, high, ranges)
                if pivot is not None:
                    found = _proved(ours, slot, low, high, pivot, tuple(ranges.items()))
                    if found is not None:
                        yield found


def far_apart(pair: tuple[Program, Program], ranges: Mapping[Label, Range]) -> bool:
    """Whether floats leave no hope that two programs are one, from whatever state.

    Nothing is proved by it, and no proof rests on it: it only says where to look for one.
    """
    first, second = pair
    rng = np.random.default_rng(5)
    labels = list(dict.fromkeys((*first.inputs, *second.inputs)))
    names = {label: f"i{index}" for index, label in enumerate(labels)}
    given = [_floats(rng, ranges.get(label, REAL)) for label in labels]
    results = []
    for program in pair:
        wanted = Program(program.nodes, {label: program.outputs[label] for label in first.outputs})
        function = compile_source(function_source("f", wanted, names, ARRAY), array(np.float64))
        with np.errstate(all="ignore"):
            results.append([np.asarray(value) + np.zeros(_LANES) for value in function(*given)])
    for left, right in zip(*results, strict=True):
        known = np.isfinite(left) & np.isfinite(right)
        gap, scale = np.abs(left - right)[known], (np.abs(left) + np.abs(right))[known]
        if np.any(gap > _FAR * (1 + scale)):
            return True
    return False


def _floats(rng: np.random.Generator, values: Range) -> np.ndarray[Any, np.dtype[Any]]:
    if values.integer:
        return values.floor + rng.integers(0, 9, _LANES).astype(float)
    if values.unit:
        return rng.uniform(0.05, 0.95, _LANES)
    size = rng.uniform(0.1, 4.0, _LANES)
    signs = rng.choice([-1.0, 1.0], _LANES)
    return values.floor + size if values.nonnegative else size * signs


def _hyper_only(program: Program, op: str) -> Iterator[Program]:
    """The arguments of maxima or minima that depend on nothing but hyperparameters."""
    varies = program.depends_on(
        label for label in program.inputs if not (isinstance(label, tuple) and label[0] == "hyper")
    )
    for node in program.nodes:
        if node.op == op:
            for arg in node.args:
                if not varies[arg]:
                    # Read anew, so that equal arguments are equal programs.
                    part = Program(program.nodes, {"bound": arg})
                    graph = Graph()
                    bound = graph.program(graph.inline(part, {}))
                    if all(node.op in _TOTAL for node in bound.nodes):
                        yield bound


def _pivot(low: Program, high: Program, ranges: Mapping[Label, Range]) -> Label | None:
    """A hyperparameter with the factor 1 in high - low that stands in no other term of it."""
    graph = Graph()
    ends = graph.inline(low, {})["bound"], graph.inline(high, {})["bound"]
    gap = graph.program({"gap": graph.sub(ends[1], ends[0])})
    try:
        field, [(values, _)] = normal_forms(gap, ranges=ranges)
    except (BudgetError, UndefinedError):
        return None
    value = values["gap"]
    if not value.bottom.is_one() or not field.is_nonnegative(value):
        return None
    terms = value.top.to_dict()
    for label in gap.inputs:
        unknown = field.input(label).top
        (alone,) = unknown.to_dict()
        place = list(alone).index(1)
        if terms.get(alone) == 1 and sum(1 for exponents in terms if exponents[place]) == 1:
            return label
    return None


@lru_cache(maxsize=256)
def _proved(
    step: OpaqueStep,
    slot: Label,
    low: Program,
    high: Program,
    pivot: Label,
    ranges: tuple[tuple[Label, Range], ...],
) -> Bounds | None:
    known = {label: values for label, values in ranges if label not in (pivot, slot)}
    known.update({_BELOW: _GAP, _ABOVE: _GAP})
    bounds = Bounds(slot, low, high, pivot, known)
    start = _clamped(step.start, slot, low, high)
    if not all(proved_equal(*pair, ranges=dict(ranges), signs=_CASES) for pair in start):
        return None
    every = {**known, ("t",): Range.counter(1)}
    after = [
        (bounds.put_in(clamped), bounds.put_in(plain))
        for clamped, plain in _clamped(step.program, slot, low, high)
    ]
    if not all(proved_equal(*pair, ranges=every, signs=_CASES) for pair in after):
        return None
    return bounds


def _clamped(
    program: Program, slot: Label, low: Program, high: Program
) -> Iterator[tuple[Program, Program]]:
    """The memory with and without each bound: where both are the same, the bound is kept."""
    for op, bound in (("max", low), ("min", high)):
        graph = Graph()
        value = graph.inline(program, {})[slot]
        end = graph.inline(bound, {})["bound"]
        yield (
            graph.program({slot: graph.apply(op, value, end)}),
            graph.program({slot: value}),
        )
