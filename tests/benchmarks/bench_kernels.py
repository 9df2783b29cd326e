"""What a generated kernel gains: ``python -m tests.benchmarks.bench_kernels``.

Every candidate makes the same trajectory; they take turns, and the medians are compared, so that
a busy machine slows all of them alike. Ratios are what counts (how many times faster than the
tutorial loop). A script, not a test.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import chain

import numpy as np
import sympy

import symopt
from symopt.derivation.step import step_program
from symopt.execution.arithmetic import array, float64
from symopt.execution.kernel import build_kernel
from symopt.program.printers.python import ARRAY, FLOAT
from symopt.program.to_sympy import to_sympy

STEPS, ROUNDS = 2000, 9
START = (1.0, 1.5)
SETTINGS = {
    "momentum": {"eta": 0.001, "mu": 0.9},
    "adam": {"eta": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
}


def tutorial_gradient(p: np.ndarray) -> np.ndarray:
    x, y = p
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return np.array([
        2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1),
        2 * a * x + 4 * b * x * y + 6 * c * x * y**2,
    ])  # fmt: skip


def tutorial_momentum(eta: float, mu: float) -> np.ndarray:
    """As people write it: NumPy arrays of two numbers, a list of points."""
    p, v, path = np.array(START), np.zeros(2), [np.array(START)]
    for _ in range(STEPS):
        v = mu * v - eta * tutorial_gradient(p)
        p = p + v
        path.append(p.copy())
    return np.array(path)


def tutorial_adam(eta: float, beta1: float, beta2: float, epsilon: float) -> np.ndarray:
    p, m, v, path = np.array(START), np.zeros(2), np.zeros(2), [np.array(START)]
    for t in range(1, STEPS + 1):
        g = tutorial_gradient(p)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        p = p - eta * m_hat / (np.sqrt(v_hat) + epsilon)
        path.append(p.copy())
    return np.array(path)


def kernel_loop(rule: str, dialect: object, arithmetic: object) -> Callable[[], np.ndarray]:
    kernel = build_kernel(symopt.rules[rule], symopt.objectives.beale, dialect)  # type: ignore[arg-type]
    function = kernel.bind(arithmetic)  # type: ignore[arg-type]
    values = [SETTINGS[rule][name] for name in kernel.step.hyper]

    def run() -> np.ndarray:
        rows: list[tuple[float, ...]] = []
        function(*START, *values, STEPS, rows.append)
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(rows[0]))
        return np.vstack([[START], flat.reshape(len(rows), -1)[:, :2]])

    return run


def bare_loop(rule: str) -> Callable[[], object]:
    """The generated loop alone; it keeps every step's numbers, as tuples."""
    kernel = build_kernel(symopt.rules[rule], symopt.objectives.beale, FLOAT)
    values = [SETTINGS[rule][name] for name in kernel.step.hyper]

    def run() -> list[tuple[float, ...]]:
        rows: list[tuple[float, ...]] = []
        kernel.function(*START, *values, STEPS, rows.append)
        return rows

    return run


def lambdified_loop(rule: str, modules: str, cse: bool) -> Callable[[], np.ndarray]:
    """One step through ``sympy.lambdify``, driven by a Python loop."""
    step = step_program(symopt.rules[rule], symopt.objectives.beale)
    labels = [*step.slots, *[("hyper", name) for name in step.hyper], ("t",)]
    inputs = {label: sympy.Symbol("_".join(map(str, label))) for label in labels}
    outputs = to_sympy(step.program, inputs)
    function = sympy.lambdify(
        [inputs[label] for label in labels], [outputs[s] for s in step.slots], modules, cse=cse
    )
    values = [SETTINGS[rule][name] for name in step.hyper]

    def run() -> np.ndarray:
        state = [*START, *[0.0] * (len(step.slots) - 2)]
        path = [START]
        for t in range(1, STEPS + 1):
            state = function(*state, *values, t)
            path.append(tuple(state[:2]))
        return np.array(path)

    return run


def whole_run(rule: str) -> Callable[[], np.ndarray]:
    return lambda: symopt.run(rule, "beale", START, STEPS, **SETTINGS[rule]).x


def measure(candidates: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of processor time of each, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            began = time.process_time()
            candidate()
            times[name].append(time.process_time() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    tutorials = {"momentum": tutorial_momentum, "adam": tutorial_adam}
    for rule, tutorial in tutorials.items():
        candidates: dict[str, Callable[[], object]] = {
            "tutorial NumPy": lambda tutorial=tutorial, rule=rule: tutorial(**SETTINGS[rule]),
            "lambdify, numpy, cse off": lambdified_loop(rule, "numpy", False),
            "lambdify, numpy, cse on": lambdified_loop(rule, "numpy", True),
            "lambdify, math, cse off": lambdified_loop(rule, "math", False),
            "lambdify, math, cse on": lambdified_loop(rule, "math", True),
            "kernel, NumPy scalars": kernel_loop(rule, ARRAY, array(np.float64)),
            "symopt.run, everything": whole_run(rule),
            "kernel, result as an array": kernel_loop(rule, FLOAT, float64()),
            "kernel, plain Python": bare_loop(rule),
        }
        reference = candidates["tutorial NumPy"]()
        for name, candidate in candidates.items():
            final = np.asarray(candidate())[-1, :2]
            assert np.allclose(final, reference[-1], rtol=1e-6), name
        seconds = measure(candidates)
        slowest = seconds["tutorial NumPy"]
        print(f"{rule} on Beale, {STEPS} steps")
        for name, value in seconds.items():
            print(f"  {name:28}{value / STEPS * 1e9:9.0f} ns a step {slowest / value:8.1f} x")
    starts = np.random.default_rng(0).uniform(-1, 1, (100_000, 2))
    batch = measure({"batch": lambda: symopt.run("adam", "beale", starts, 10, record="final")})
    print(
        f"adam on Beale, a batch of 100000: {batch['batch'] / 1e6 * 1e9:.1f} ns an element a step"
    )
    unrolled = measure({"unroll": lambda: symopt.unroll("adam", "beale", 50)})
    print(f"unroll 50 steps of Adam on Beale: {unrolled['unroll'] * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
