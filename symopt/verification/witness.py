"""Minimal witnesses: the smallest experiment that shows a refutation.

A refuting probe is cut to the fewest steps, to one coordinate if one is enough, and then every
number in it is replaced by the simplest that still refutes. What is left is printed as a pytest
function that needs neither this package nor a tolerance: it compares with the exact value, by the
bound on what rounding can explain.
"""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import SymoptError
from symopt.execution.arithmetic import rational
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.printers.python import EXACT
from symopt.statement.rule import Rule
from symopt.verification.implementation import Observation
from symopt.verification.probe import Probe
from symopt.verification.verdict import Verdict

__all__ = ["Judge", "Witness", "minimal_witness"]

#: Drives the implementation on a probe and decides.
Judge = Callable[[Probe], tuple[Verdict, Observation]]
#: A longer exact fraction is printed as a decimal.
_LONGEST = 60


@dataclass(frozen=True)
class Witness:
    """The smallest probe found, the verdict on it, and the text of a test.

    ``exact`` is the expected value as a fraction where it is rational and short.
    """

    probe: Probe
    verdict: Verdict
    rule: Rule
    values: Mapping[str, Fraction]
    format: str
    exact: Fraction | None
    question: int

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def minimal_witness(
    judge: Judge, probe: Probe, rule: Rule, values: Mapping[str, Fraction], form: str
) -> Witness | None:
    """The smallest witness that shrinking a refuting probe leads to; ``None`` without refutation.

    ``values`` are the hyperparameters that the implementation received.
    """
    found = _refutation(judge, probe)
    if found is None:
        return None
    verdict, seen = found
    for smaller in _shorter(probe, verdict.step or probe.steps):
        found = _refutation(judge, smaller)
        if found is not None:
            probe, (verdict, seen) = smaller, found
            break
    for smaller in [probe.coordinate(index) for index in range(probe.size) if probe.size > 1]:
        found = _refutation(judge, smaller)
        if found is not None:
            probe, (verdict, seen) = smaller, found
            break
    for place in _places(probe):
        for smaller in _simpler(probe, place):
            found = _refutation(judge, smaller)
            if found is not None:
                probe, (verdict, seen) = smaller, found
                break
    probe = replace(probe, name="witness")
    column = int((verdict.quantity.split() or ["0"])[-1])
    return Witness(
        probe, verdict, rule, dict(values), form,
        _exact_value(rule, values, seen, verdict, column), _question(seen, verdict, column),
    )  # fmt: skip


def _refutation(judge: Judge, probe: Probe) -> tuple[Verdict, Observation] | None:
    try:
        verdict, seen = judge(probe)
    except SymoptError:
        return None
    return (verdict, seen) if verdict.status == "refuted" else None


def _shorter(probe: Probe, step: int) -> Iterator[Probe]:
    for steps in range(1, min(step + 1, probe.steps)):
        yield probe.shortened(steps)


#: Where a number stands: in the start (row -1) or in a row of the gradients.
_Place = tuple[int, int]


def _places(probe: Probe) -> list[_Place]:
    return [(row, column) for row in range(-1, probe.steps) for column in range(probe.size)]


def _at(probe: Probe, place: _Place) -> Fraction:
    row, column = place
    return probe.start[column] if row < 0 else probe.gradients[row][column]


def _put(probe: Probe, place: _Place, value: Fraction) -> Probe:
    row, column = place

    def changed(numbers: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return (*numbers[:column], value, *numbers[column + 1 :])

    if row < 0:
        return replace(probe, start=changed(probe.start))
    rows = [changed(line) if index == row else line for index, line in enumerate(probe.gradients)]
    return replace(probe, gradients=tuple(rows))


def _simpler(probe: Probe, place: _Place) -> Iterator[Probe]:
    """The probe with one number replaced by simpler ones, the simplest first."""
    value = _at(probe, place)
    if value == 0:
        return
    power = Fraction(2) ** (value.numerator.bit_length() - value.denominator.bit_length())
    candidates = [Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(1, 2)]
    candidates += [power, -power, value.limit_denominator(1), value.limit_denominator(8)]
    size = _size(value)
    for candidate in dict.fromkeys(candidates):
        if _size(candidate) < size and _is_dyadic(candidate):
            yield _put(probe, place, candidate)


def _size(value: Fraction) -> tuple[int, int, bool]:
    """How much there is to read in a number."""
    significant = (abs(value.numerator) * value.denominator).bit_length() if value else 0
    return value.denominator.bit_length(), significant, value < 0


def _is_dyadic(value: Fraction) -> bool:
    return value.denominator & (value.denominator - 1) == 0


def _question(seen: Observation, verdict: Verdict, column: int) -> int:
    """Which question the quantity is about, for a refutation of where a gradient is asked."""
    for index, question in enumerate(seen.questions):
        if verdict.observed is not None and float(question.point[column]) == verdict.observed:
            return index
    return max((verdict.step or 1) - 1, 0)


def _exact_value(
    rule: Rule, values: Mapping[str, Fraction], seen: Observation, verdict: Verdict, column: int
) -> Fraction | None:
    """The expected value as a fraction: the rule in rationals along the reported points."""
    if not is_elementwise(rule) or any(entry.is_schedule for entry in rule.parameters):
        return None
    lane = opaque_step(rule, 1)
    if lane.asks != 1 or not verdict.quantity.startswith("x"):
        return None
    labels: list[Label] = [*lane.slots, *[("hyper", name) for name in lane.hyper], ("t",)]
    labels.append(("g", 1, 0))
    names = {label: f"v{index}" for index, label in enumerate(labels)}

    def compiled(program: Program, wanted: tuple[Label, ...]) -> Callable[..., tuple[Any, ...]]:
        part = Program(program.nodes, {label: program.outputs[label] for label in wanted})
        return compile_source(function_source("step", part, names, EXACT), rational())

    from flint import fmpq

    def number(value: Any) -> Any:
        exact = Fraction(value) if isinstance(value, Fraction) else Fraction(float(value))
        return fmpq(exact.numerator, exact.denominator)

    hyper = [number(values[name]) for name in lane.hyper]
    points = seen.points[:, column]
    result: tuple[Any, ...] = ()
    try:
        blank = [fmpq(0)] * (len(lane.slots) - 1)
        rest = [*hyper, 1, fmpq(0)]
        memory = compiled(lane.start, lane.slots[1:])(number(points[0]), *blank, *rest)
        step = compiled(lane.program, lane.slots)
        for t in range(1, (verdict.step or 0) + 1):
            g = number(seen.questions[t - 1].answer[column])
            result = step(number(points[t - 1]), *memory, *hyper, t, g)
            memory = result[1:]
        value = Fraction(int(fmpq(result[0]).p), int(fmpq(result[0]).q))
    except (SymoptError, IndexError, ValueError, ZeroDivisionError):
        return None  # irrational, or the run does not ask once a step
    if not verdict.expected.contains(fmpq(value.numerator, value.denominator)):
        return None
    return value if len(str(value)) <= _LONGEST else None


def _lines(witness: Witness) -> Iterator[str]:
    verdict, probe, rule = witness.verdict, witness.probe, witness.rule
    asked = verdict.quantity.startswith("gradient")
    column = int((verdict.quantity.split() or ["0"])[-1])
    kind = np.dtype(witness.format if witness.format != "bfloat16" else "float32").name
    name = verdict.implementation.split(".")[-1]
    if not name.isidentifier() or keyword.iskeyword(name):
        name = "implementation"
    values = ", ".join(f"{key} = {float(value)!r}" for key, value in witness.values.items())
    where = "the point where it asks for a gradient" if asked else "x"
    fraction = witness.exact is not None
    expected = (
        f'Fraction("{witness.exact}")'
        if fraction
        else f'Fraction("{verdict.expected.str(25, radius=False)}")'
    )
    check = next(check for check in verdict.checks if check.eta > 1)
    allowed = float(check.bound.upper()) * (1 + 2.0**-50)
    if not fraction:
        allowed += float(abs(verdict.expected).upper()) * 1e-24  # the digits that are cut off
    yield f"def test_{name}_is_{rule.name}(run={name}):"
    title = textwrap.wrap(f'"""{rule.title}: {where} in step {verdict.step}.', 94)
    yield from [f"    {line}" for line in title]
    yield ""
    notes = f"{rule.source.text}. Received: {values}. ``run(grad, x0, steps)`` gives the points."
    yield from [f"    {line}" for line in textwrap.wrap(notes, 94)]
    yield '    """'
    yield "    from fractions import Fraction"
    yield ""
    yield "    import numpy as np"
    yield ""
    yield f"    gradients = {[[float(value) for value in row] for row in probe.gradients]}"
    yield "    asked = []"
    yield ""
    yield "    def grad(*point):"
    yield f"        point = np.array(point, dtype=np.{kind}).reshape(-1)"
    yield "        if not asked or not np.array_equal(asked[-1], point):"
    yield "            asked.append(point)"
    yield f"        return np.array(gradients[min(len(asked), {probe.steps}) - 1], dtype=np.{kind})"
    yield ""
    yield f"    start = np.array({[float(value) for value in probe.start]}, dtype=np.{kind})"
    yield f"    points = [np.array(point) for point in run(grad, start, {probe.steps})]"
    if asked:
        yield f"    observed = asked[{witness.question}][{column}]"
    else:
        after = (verdict.step or 0) - probe.steps - 1
        yield f"    observed = np.reshape(points[{after}], -1)[{column}]"
    comment = "exact" if fraction else "to 25 digits"
    yield f"    expected = {expected}  # {comment}"
    yield f"    rounding = {allowed!r}  # as much as {witness.format} can explain"
    yield "    assert abs(Fraction(float(observed)) - expected) <= rounding, float(observed)"
