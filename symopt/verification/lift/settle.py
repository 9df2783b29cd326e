"""Comparisons whose outcome does not depend on anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from symopt.errors import BudgetError
from symopt.execution.arithmetic import guarded
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Graph, Program
from symopt.program.normal_form import proved_equal

__all__ = ["settled", "settled_comparison"]


def settled(graph: Graph, condition: int) -> bool | None:
    """The outcome of a condition that is a comparison of values a known number apart.

    >>> graph = Graph()
    >>> beta = graph.input("beta")
    >>> rest = graph.sub(graph.const(1), beta)
    >>> one = graph.add(graph.div(beta, rest), graph.const(1))
    >>> settled(graph, graph.apply("lt", one, graph.div(graph.const(1), rest)))
    False
    """
    entry = graph.nodes[condition]
    if entry.op == "not":
        inner = settled(graph, entry.args[0])
        return None if inner is None else not inner
    node = settled_comparison(graph, entry.op, entry.args)
    return None if node is None else bool(graph.value(node))


def settled_comparison(graph: Graph, op: str, args: Sequence[int]) -> int | None:
    """The constant node of such a comparison, ``None`` for everything else."""
    if op not in ("lt", "le", "eq"):
        return None
    difference = graph.program({"difference": graph.sub(*args)})
    guess = _guess(difference)
    if guess is None:
        return None
    try:
        proved = proved_equal(difference, graph.program({"difference": graph.const(guess)}))
    except BudgetError:
        return None
    if not proved:
        return None
    return graph.const({"lt": guess < 0, "le": guess <= 0, "eq": guess == 0}[op])


def _guess(program: Program) -> Fraction | None:
    """The number that a value seems to be everywhere; whether it is remains to be proved."""
    arithmetic = guarded()
    names = {label: f"i{index}" for index, label in enumerate(program.inputs)}
    source = function_source("difference", program, names, arithmetic.dialect)
    function = compile_source(source, arithmetic)
    random = np.random.default_rng(5)
    with np.errstate(all="ignore"):
        first, second = (
            float(function(*map(np.float64, random.uniform(0.1, 0.9, len(names))))[0])
            for _ in range(2)
        )
    if not (math.isfinite(first) and abs(first - second) <= 1e-9 * max(1.0, abs(first))):
        return None
    return Fraction(first).limit_denominator(1000)
