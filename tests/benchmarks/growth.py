"""How cost grows: with steps, starts, coordinates, depth of unrolling, and digits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sympy

import symopt
from symopt.derivation.step import step_program

from .lambdified import lambdified_unrolled
from .problem import SETTINGS, START, batch_starts
from .tables import Results, Table
from .timing import interleave

__all__ = ["add_tables"]

ADAM = SETTINGS["adam"]


def _seconds(call: Callable[[], Any], rounds: int) -> float:
    return interleave({"it": call}, rounds, time.process_time, least=0.0, warm_up=0)["it"].median


def _exponent(before: tuple[float, float] | None, now: tuple[float, float]) -> float | None:
    """The power of the size with which the cost grew since the row before."""
    if before is None:
        return None
    return math.log(now[1] / before[1]) / math.log(now[0] / before[0])


def _curve(
    title: str,
    size: str,
    sizes: Iterable[int],
    measure: Callable[[int], dict[str, Any]],
    cost: str,
    note: str = "",
) -> Table:
    """A row for each size, with the local exponent of one of its columns."""
    rows: list[list[Any]] = []
    columns: list[str] = []
    before: tuple[float, float] | None = None
    for number in sizes:
        found = measure(number)
        now = (float(number), float(found[cost]))
        rows.append([number, *found.values(), _exponent(before, now)])
        columns = [size, *found, "exponent"]
        before = now
    return Table(title, columns, rows, note)


def by_steps(sizes: Sequence[int]) -> Table:
    def measure(steps: int) -> dict[str, Any]:
        def run() -> Any:
            return symopt.run("adam", "beale", START, steps, record="final", **ADAM)

        backend = run().backend
        seconds = _seconds(run, 3 if steps <= 10**6 else 1)
        return {"backend": backend, "s": seconds, "ns a step": seconds / steps * 1e9}

    return _curve("Growth with steps: Adam on Beale, one start", "steps", sizes, measure, "s")


def by_batch(sizes: Sequence[int]) -> Table:
    def measure(count: int) -> dict[str, Any]:
        starts, steps = batch_starts(count), 100

        def run() -> Any:
            return symopt.run("adam", "beale", starts, steps, record="point", **ADAM)

        backend = run().backend
        seconds = _seconds(run, 3)
        each = seconds / steps / count * 1e9
        return {"backend": backend, "s": seconds, "ns an element and step": each}

    title = "Growth with starts: Adam on Beale, 100 steps"
    return _curve(title, "starts", sizes, measure, "s")


def by_dimension(name: str, sizes: Sequence[int], make: Callable[[int], Any]) -> Table:
    def measure(dimension: int) -> dict[str, Any]:
        began = time.process_time()
        objective = make(dimension)
        stated = time.process_time()
        step = step_program(symopt.rules.adam, objective)
        built = time.process_time()
        start = np.linspace(-1, 1, dimension)

        def run() -> Any:
            return symopt.run("adam", objective, start, 10, record="point", **ADAM)

        run()
        first = time.process_time()
        seconds = _seconds(run, 1)
        return {
            "operations": step.program.operations,
            "statement, s": stated - began,
            "step as a program, s": built - stated,
            "first run, s": first - built,
            "ten steps again, s": seconds,
            "all, s": first - began,
        }

    return _curve(f"Growth with dimension: Adam on {name}", "dimension", sizes, measure, "all, s")


def by_features(sizes: Sequence[int], rows: int = 200) -> Table:
    """Least squares, whose data are arrays: a step is a few products of matrices."""

    def measure(features: int) -> dict[str, Any]:
        rng = np.random.default_rng(0)
        data, seen = rng.standard_normal((rows, features)), rng.standard_normal(rows)
        start = {"w": np.zeros(features), "b": 0.0}
        began = time.process_time()
        objective = symopt.models.linear_regression.bind(X=data, y=seen)

        def run() -> Any:
            return symopt.run("adam", objective, start, 100, record="point", **ADAM)

        run()
        first = time.process_time() - began
        seconds = _seconds(run, 3)
        each = seconds / 100 / rows / features * 1e9
        return {"first run, s": first, "again, s": seconds, "ns a step and datum": each}

    title = f"Growth with dimension: Adam on least squares with {rows} rows, 100 steps"
    return _curve(title, "features", sizes, measure, "again, s")


def by_depth(depths: Sequence[int], others: int) -> Table:
    def measure(depth: int) -> dict[str, Any]:
        made = symopt.unroll("adam", "beale", depth)
        seconds = _seconds(lambda: symopt.unroll("adam", "beale", depth), 3)
        function = _seconds(made.lambdify, 3)
        other = lambdified_unrolled(made) if depth <= others else None
        return {
            "operations": made.operations,
            "unroll, s": seconds,
            "unroll(...).lambdify(), s": function,
            "sympy.lambdify(cse=True), s": other and _seconds(other, 1),
        }

    title = "Growth with depth: Adam on Beale, unrolled"
    note = f"SymPy's lambdify is measured to {others} steps: it grows exponentially."
    return _curve(title, "steps", depths, measure, "unroll, s", note)


def by_digits(cases: Sequence[tuple[str, int]]) -> Table:
    """How long exact fractions become; the last column is their growth from step to step."""
    rows = []
    for name, steps in cases:
        objective = symopt.objectives[name]
        start = ("1", "3/2")[: objective.dimension]
        for count in sorted({max(1, steps // 2), steps}):

            def run(name: str = name, start: Any = start, count: int = count) -> Any:
                return symopt.run("momentum", name, start, count, "rational")

            made = run()
            digits = [_digits(made.x[-2]), _digits(made.x[-1])]
            rows.append([name, count, digits[1], digits[1] / digits[0], _seconds(run, 1)])
    title = "Growth of exact fractions: momentum, from rational starts"
    columns = ["objective", "steps", "digits", "times those before", "s"]
    return Table(title, columns, rows)


def _digits(point: Any) -> int:
    bits = max(value.denominator.bit_length() for value in point)
    return max(1, math.ceil(bits * math.log10(2)))


def sum_of_squares(dimension: int) -> Any:
    x = sympy.symbols(f"x1:{dimension + 1}", real=True)
    return symopt.Objective(sympy.Add(*(v**2 for v in x)), variables=x, title="Sum of squares")


def add_tables(results: Results, quick: bool = False, plots: Path | None = None) -> None:
    powers = range(2, 4) if quick else range(2, 8)
    batches = range(3) if quick else range(7)
    dimensions = [2, 10] if quick else [2, 10, 100, 1000, 10_000]
    depths = [1, 2] if quick else [1, 2, 3, 5, 10, 20, 50, 100, 200]
    cases = [("half_square", 10)]
    if not quick:
        cases = [("half_square", 1000), ("cubic", 16), ("beale", 7)]
    chain = symopt.objectives.rosenbrock.in_dimension
    curves: list[Callable[[], Table]] = [
        lambda: by_steps([10**k for k in powers]),
        lambda: by_batch([10**k for k in batches]),
        lambda: by_dimension("Rosenbrock's chain", dimensions, chain),
        lambda: by_dimension("a sum of squares", dimensions, sum_of_squares),
        lambda: by_features(dimensions),
        lambda: by_depth(depths, 2 if quick else 3),
    ]
    for curve in curves:
        table = curve()
        results.add(table)
        if plots is not None:
            draw(table, plots)
    results.add(by_digits(cases))


def draw(table: Table, folder: Path) -> None:
    """A picture of a curve: all columns of seconds over the size, both logarithmic."""
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(5, 3.5), layout="constrained")
    for place, column in enumerate(table.columns):
        if column == "s" or column.endswith(", s"):
            points = [(row[0], row[place]) for row in table.rows if row[place]]
            axes.loglog(*zip(*points, strict=True), marker="o", label=column)
    title, _, subject = table.title.partition(": ")
    axes.set(xlabel=table.columns[0], ylabel="seconds of processor time", title=subject or title)
    axes.legend()
    name = "".join(c if c.isalnum() else "_" for c in table.title.lower())
    figure.savefig(folder / f"{name}.png", dpi=150)
    plt.close(figure)
