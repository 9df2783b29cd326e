"""What blocks of lanes and compiled lanes gain: ``python -m tests.benchmarks.bench_batches``.

Adam on Beale from many starts. The candidates take turns, and medians of processor time are
compared; the spread is the distance of the quartiles over the median. A script, not a test.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import sympy

import symopt
from symopt.derivation.step import step_program
from symopt.program.to_sympy import to_sympy

ROUNDS = 7
SIZES = {100_000: 50, 1_000_000: 20}
SETTINGS = {"eta": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}


def careful(starts: np.ndarray, steps: int) -> np.ndarray:
    """As a person writes it who knows NumPy: shared products, and state changed in place."""
    eta, beta1, beta2, epsilon = SETTINGS.values()
    points = [starts[:, 0].copy(), starts[:, 1].copy()]
    first = [np.zeros_like(points[0]), np.zeros_like(points[0])]
    second = [np.zeros_like(points[0]), np.zeros_like(points[0])]
    x, y = points
    for t in range(1, steps + 1):
        xy, y2 = x * y, y * y
        y3 = y2 * y
        a, b, c = 1.5 - x + xy, 2.25 - x + x * y2, 2.625 - x + x * y3
        gradient = (
            2 * (a * (y - 1) + b * (y2 - 1) + c * (y3 - 1)),
            2 * (a * x + b * (2 * xy) + c * (3 * (x * y2))),
        )
        unbias1, unbias2 = 1 - beta1**t, 1 - beta2**t
        for p, g, m, v in zip(points, gradient, first, second, strict=True):
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * (g * g)
            p -= eta * (m / unbias1) / (np.sqrt(v / unbias2) + epsilon)
    return np.stack(points, axis=1)


def lambdified() -> Callable[[np.ndarray, int], np.ndarray]:
    step = step_program(symopt.rules.adam, symopt.objectives.beale)
    labels = [*step.slots, *[("hyper", name) for name in step.hyper], ("t",)]
    inputs = {label: sympy.Symbol("_".join(map(str, label))) for label in labels}
    outputs = to_sympy(step.program, inputs)
    function = sympy.lambdify(
        [inputs[label] for label in labels], [outputs[s] for s in step.slots], "numpy", cse=True
    )

    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        state = [starts[:, 0], starts[:, 1], *[np.zeros(len(starts))] * 4]
        for t in range(1, steps + 1):
            state = function(*state, *SETTINGS.values(), t)
        return np.stack(state[:2], axis=1)

    return run


def ours(backend: str) -> Callable[[np.ndarray, int], np.ndarray]:
    def run(starts: np.ndarray, steps: int) -> np.ndarray:
        result = symopt.run("adam", "beale", starts, steps, record="point", backend=backend,
                            **SETTINGS)  # fmt: skip
        return result.x[0]

    return run


def main() -> None:
    candidates = {
        "careful NumPy": careful,
        "lambdify, numpy, cse on": lambdified(),
        "symopt.run, NumPy blocks": ours("numpy"),
    }
    if importlib.util.find_spec("llvmlite"):
        candidates["symopt.run, compiled"] = ours("llvm")
    for size, steps in SIZES.items():
        starts = np.random.default_rng(0).uniform(-1, 1, (size, 2))
        reference = careful(starts, steps)
        times: dict[str, list[float]] = {name: [] for name in candidates}
        for name, candidate in candidates.items():
            assert np.allclose(candidate(starts, steps), reference, rtol=1e-9), name
        for _ in range(ROUNDS):
            for name, candidate in candidates.items():
                began = time.process_time()
                candidate(starts, steps)
                times[name].append((time.process_time() - began) / size / steps * 1e9)
        print(f"adam on Beale, {size} starts, {steps} steps")
        slowest = statistics.median(times["careful NumPy"])
        for name, values in times.items():
            low, middle, high = statistics.quantiles(values, n=4)
            tracemalloc.start()
            candidates[name](starts, 1)
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            print(
                f"  {name:26}{middle:8.1f} ns an element and step "
                f"(spread {(high - low) / middle:4.0%}){slowest / middle:7.2f} x {peak:7.0f} MB"
            )


if __name__ == "__main__":
    main()
