"""Unrolled steps as functions: vectorized NumPy, and the same map in exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symopt.derivation.unroll import Unrolled
from symopt.errors import InputError
from symopt.execution import arithmetic as numbers
from symopt.execution.ball import run_balls
from symopt.execution.exact import to_fraction
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Graph, Label, Program
from symopt.program.printers.python import ARRAY, EXACT
from symopt.statement.numbers import received

__all__ = ["exact_map", "numpy_map"]


def _part(unrolled: Unrolled, steps: Sequence[int]) -> Program:
    """The program of the points after these steps alone."""
    graph = Graph()
    whole = graph.inline(unrolled.program, {})
    labels: list[Label] = [label for step in steps for label in unrolled.labels("x", step)]
    return graph.program({label: whole[label] for label in labels})


def numpy_map(unrolled: Unrolled, step: int) -> Callable[..., tuple[Any, ...]]:
    """A function of the unrolled arguments, positional, that returns the point after a step."""
    names = {symbol: symbol.name for symbol in unrolled.arguments}
    title = f"{unrolled.rule.name}_{step}_steps"
    source = function_source(title, _part(unrolled, [step]), names, ARRAY)
    function = compile_source(source, numbers.array(np.float64))

    def evaluate(*arguments: Any) -> tuple[Any, ...]:
        if len(arguments) != len(names):
            listed = ", ".join(names.values())
            raise InputError(
                f"{title} takes {len(names)} arguments ({listed}), not {len(arguments)}"
            )
        arrays = [np.asarray(value, dtype=np.float64)[()] for value in arguments]
        with np.errstate(all="ignore"):
            return function(*arrays)  # type: ignore[no-any-return]

    evaluate.__name__ = title
    evaluate.__doc__ = f"The point after {step} steps, from {', '.join(names.values())}."
    evaluate.source = source  # type: ignore[attr-defined]
    return evaluate


def exact_map(unrolled: Unrolled, values: Sequence[Any], arithmetic: str) -> list[tuple[Any, ...]]:
    """The points after steps 0, 1, ..., in rationals or balls."""
    names = {symbol: symbol.name for symbol in unrolled.arguments}
    if len(values) != len(names):
        raise InputError(
            f"{len(values)} values for the {len(names)} arguments {', '.join(names.values())}"
        )
    pairs = zip(values, names.values(), strict=True)
    given = [received(value, name) for value, name in pairs]
    source = function_source("points", _part(unrolled, range(unrolled.steps + 1)), names, EXACT)
    size = len(unrolled.variables)

    def rows(flat: Sequence[Any]) -> list[tuple[Any, ...]]:
        return [tuple(flat[i : i + size]) for i in range(0, len(flat), size)]

    if arithmetic == "rational":
        exact = numbers.rational()
        function = compile_source(source, exact)
        return rows([to_fraction(v) for v in function(*map(exact.convert, given))])
    if arithmetic != "ball":
        raise InputError(f"no arithmetic {arithmetic!r} here; there are 'rational' and 'ball'")

    def attempt(watch: Callable[[tuple[Any, ...]], None]) -> list[tuple[Any, ...]]:
        from flint import arb

        balls = numbers.ball()
        points = rows([arb(v) for v in compile_source(source, balls)(*map(balls.convert, given))])
        for point in points:
            watch(point)
        return points

    label = f"{unrolled.rule.name}, unrolled"
    result, _ = run_balls(attempt, label, unrolled.steps)
    return result
