"""One trajectory on Beale, all steps recorded, in every way that there is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from . import c_code, frameworks, lambdified, ours
from .latency import latency_bound
from .problem import RULES, tutorial
from .race import Candidate, race, with_bound
from .tables import Results, Table, shown
from .timing import Absent

__all__ = ["BARE", "BOUND", "C", "C_CONTRACTED", "PYTHON", "add_tables"]

BOUND = "latency bound of the chain"
C, C_CONTRACTED = "hand-written C", "hand-written C, contracted"
BARE, WHOLE = "symopt, compiled loop alone", "symopt.run, llvm"
PYTHON, WHOLE_PYTHON = "symopt, plain-Python kernel", "symopt.run, python"
OPTAX, TUTORIAL = "optax, jitted lax.scan", "tutorial NumPy"
AUTOGRAD, ANALYTIC = "torch, autograd", "torch, analytic gradient"
FUSED = "torch, analytic gradient, fused"


def candidates(rule: str, steps: int) -> list[Candidate]:
    def lambdify(modules: str, cse: bool) -> Candidate:
        name = f"lambdify, {modules}, cse {'on' if cse else 'off'}"
        make = partial(lambdified.lambdified_loop, rule, steps, modules, cse)
        return Candidate(name, make)

    rows = ours.points_of_rows
    return [
        Candidate(C, partial(c_code.trajectory, rule, steps, *c_code.STRICT)),
        Candidate(C_CONTRACTED, partial(c_code.trajectory, rule, steps)),
        Candidate(BARE, partial(ours.bare_compiled, rule, steps)),
        Candidate(WHOLE, partial(ours.run_path, rule, steps, "llvm")),
        Candidate(f"{WHOLE}, fast", partial(ours.run_path, rule, steps, "llvm", fast=True)),
        Candidate(OPTAX, partial(frameworks.optax_scan, rule, steps)),
        Candidate("CasADi mapaccum, C compiler", partial(frameworks.casadi_map, rule, steps, True)),
        Candidate("CasADi mapaccum", partial(frameworks.casadi_map, rule, steps, False)),
        Candidate(PYTHON, partial(ours.kernel_loop, rule, steps, False), rows),
        Candidate(WHOLE_PYTHON, partial(ours.run_path, rule, steps, "python")),
        lambdify("math", True),
        lambdify("math", False),
        Candidate("kernel on NumPy scalars", partial(ours.kernel_loop, rule, steps, True), rows),
        lambdify("numpy", True),
        lambdify("numpy", False),
        Candidate(TUTORIAL, lambda: lambda: tutorial(rule, steps)),
        Candidate(FUSED, partial(frameworks.torch_loop, rule, steps, "fused")),
        Candidate(ANALYTIC, partial(frameworks.torch_loop, rule, steps, "analytic")),
        Candidate(AUTOGRAD, partial(frameworks.torch_loop, rule, steps, "autograd")),
    ]


def add_tables(results: Results, quick: bool = False, rules: Sequence[str] = RULES) -> None:
    steps, rounds = (100, 3) if quick else (10_000, 7)
    for rule in rules:
        table = race(
            results,
            rule,
            f"One trajectory: {rule} on Beale, {steps} steps",
            candidates(rule, steps),
            baseline=C if c_code.compiler() else PYTHON,
            reference=ours.run_path(rule, steps, "python"),
            scale=1e9 / steps,
            unit="ns a step",
            rounds=rounds,
        )
        results.add(_with_bound(table, results, rule, steps))


def _with_bound(table: Table, results: Results, rule: str, steps: int) -> Table:
    try:
        latencies = c_code.latencies()
    except Absent as reason:
        bound, remark, note = None, str(reason), ""
    else:
        bound = latency_bound(rule, latencies)
        remark = "for the order that symopt.run makes"
        measured = ", ".join(f"{name} {shown(value)}" for name, value in latencies.items())
        note = (
            "The bound is the longest chain of operations from step to step, each waiting for the "
            f"one before, with latencies measured here on such chains in C: {measured} ns."
        )
    return with_bound(
        table, results, rule, BOUND, bound,
        scale=1e9 / steps, baseline=C, remark=remark, note=note,
    )  # fmt: skip
