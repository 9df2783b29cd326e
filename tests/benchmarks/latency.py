"""How fast one trajectory can be at best: the longest chain of operations from step to step.

Every operation waits for its operands, and a step for the one before. With measured latencies
this bounds from below any code that makes these operations in this order, however many it makes
at once: the largest mean length of a cycle through the state (Karp 1978).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import symopt
from symopt.derivation.step import Step, step_program

__all__ = ["bound_of_chain", "latency_bound"]

#: The latency that an operation has; all others count as nothing, which keeps the bound one.
LATENCY = {"add": "add", "sub": "add", "mul": "mul", "div": "div", "sqrt": "sqrt"}


def latency_bound(rule: str, latencies: Mapping[str, float]) -> float:
    """Nanoseconds that a step of the rule on Beale takes at least."""
    return bound_of_chain(step_program(symopt.rules[rule], symopt.objectives.beale), latencies)


def bound_of_chain(step: Step, latencies: Mapping[str, float]) -> float:
    """The largest mean weight of a cycle through the slots of a step.

    >>> step = step_program(symopt.rules.gradient_descent, symopt.objectives.half_square)
    >>> bound_of_chain(step, {"add": 3.0, "mul": 4.0, "div": 13.0, "sqrt": 20.0})
    7.0
    """
    slots = list(step.slots)
    size = len(slots)
    length = [_distances(step, slot, latencies) for slot in slots]
    edge = [[length[i][step.program.outputs[slot]] for slot in slots] for i in range(size)]
    # walks[k][j]: the longest way to slot j in k steps, from anywhere.
    walks = [[0.0] * size]
    for _ in range(size):
        walks.append([max(walks[-1][i] + edge[i][j] for i in range(size)) for j in range(size)])
    return max(
        min((walks[size][j] - walks[k][j]) / (size - k) for k in range(size))
        for j in range(size)
        if walks[size][j] > -math.inf
    )


def _distances(step: Step, source: object, latencies: Mapping[str, float]) -> list[float]:
    """The longest way from a slot's old value to each node."""
    nodes = step.program.nodes
    away: list[float] = []
    for node in nodes:
        start = 0.0 if node.op == "input" and node.value == source else -math.inf
        before = max((away[arg] for arg in node.args), default=-math.inf)
        away.append(max(start, before + latencies.get(LATENCY.get(node.op, ""), 0.0)))
    return away
