"""Symbolic work, done for the first time in a fresh process, and the start of the program."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import symopt

from .child import in_child, processor_time_of
from .tables import Results, Table

__all__ = ["TASKS", "UNROLL", "add_tables"]

UNROLL = "50 steps of Adam on Beale, unrolled"


def _beale() -> Any:
    return symopt.objectives.beale


#: What is timed; a child process calls one of them once, statements read and SymPy imported.
TASKS: dict[str, Callable[[], object]] = {
    "gradient of Beale": lambda: _beale().gradient,
    "Hessian of Beale": lambda: _beale().hessian,
    "critical points of Beale": lambda: _beale().critical_points(),
    "one step of Adam on Beale as a program": lambda: symopt.unroll("adam", "beale", 1),
    UNROLL: lambda: symopt.unroll("adam", "beale", 50),
    "200 steps of Adam on Beale, unrolled": lambda: symopt.unroll("adam", "beale", 200),
    "50 steps of Adam, unrolled, as a NumPy function": lambda: symopt.unroll(
        "adam", "beale", 50
    ).lambdify(),
    "2 steps of descent on Beale, expanded": lambda: symopt.unroll(
        "gradient_descent", "beale", 2
    ).closed_form(),
    "momentum after every step, proved": lambda: symopt.closed_form("momentum"),
    "folded Adam is Adam, proved": lambda: symopt.prove("adam_epsilon_hat", "adam").status,
    "stability of momentum": lambda: symopt.stability("momentum"),
    "derivation of Adam on Beale, LaTeX": lambda: symopt.derive("adam", "beale").latex(),
    "7 exact steps of momentum on Beale": lambda: symopt.run(
        "momentum", "beale", ("1", "3/2"), 7, "rational"
    ),
    "1000 certified steps of Adam on Beale": lambda: symopt.run(
        "adam", "beale", ("1", "3/2"), 1000, "ball"
    ),
    "kernel of Adam on Beale, plain Python": lambda: symopt.kernel("adam", "beale"),
    "first 1000 steps of Adam on Beale": lambda: symopt.run("adam", "beale", (1.0, 1.5), 1000),
    "first batch of Adam on Beale": lambda: symopt.run(
        "adam", "beale", [(1.0, 1.5)] * 2, 1, record="point"
    ),
}
STARTS = {
    "python -c pass": ("-c", "pass"),
    "import symopt": ("-c", "import symopt"),
    "symopt --help": ("-m", "symopt", "--help"),
    "symopt list rules": ("-m", "symopt", "list", "rules"),
}


def prepared() -> None:
    """What is at hand before a task: SymPy imported, and the statements read."""
    import sympy  # noqa: F401

    for name in ("adam", "momentum", "gradient_descent"):
        assert symopt.rules[name].title
    assert _beale().title


def add_tables(results: Results, quick: bool = False) -> None:
    rounds = 1 if quick else 5
    names = list(TASKS)[:2] if quick else list(TASKS)
    measured: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(rounds + 1):
        for name in names:
            milliseconds = in_child("cold", name) * 1e3
            if repeat:  # the first one also compiles modules, which an installation did before
                measured[name].append(milliseconds)
    rows = [[name, *_summary(values)] for name, values in measured.items()]
    for name, values in measured.items():
        results.numbers[f"cold {name}, ms"] = statistics.median(values)
    title = "Symbolic work, for the first time in a process (SymPy imported, statements read)"
    columns = ["task", "ms of processor time", "from", "to"]
    results.add(Table(title, columns, rows))
    started: dict[str, list[float]] = {name: [] for name in STARTS}
    for repeat in range(rounds + 1):
        for name, command in STARTS.items():
            milliseconds = processor_time_of(*command) * 1e3
            if repeat:
                started[name].append(milliseconds)
    rows = [[name, *_summary(values)] for name, values in started.items()]
    results.add(Table("Starting", ["command", *columns[1:]], rows))


def _summary(values: list[float]) -> tuple[float, float, float]:
    return statistics.median(values), min(values), max(values)
