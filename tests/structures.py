"""Rules that stand for others: one of each structure of step, another one at each turn.

Kernels are printed operation by operation. What a pair of a rule and an objective can break, that
neither breaks with others, hangs on which operations meet: so rules whose steps consist of the
same operations, ask as often and mix coordinates alike stand for each other.
"""

from functools import lru_cache

import symopt
from symopt.derivation.opaque import is_elementwise, opaque_step


@lru_cache
def structures():
    groups = {}
    for rule in symopt.rules.values():
        step = opaque_step(rule, 2)
        key = (
            frozenset(node.op for node in step.program.nodes),
            step.asks,
            is_elementwise(rule),
            any(entry.is_schedule for entry in rule.parameters),
        )
        groups.setdefault(key, []).append(rule.name)
    return tuple(map(tuple, groups.values()))


def one_of_each_structure(turn):
    """Names of rules, one for each structure; turns go round all that have it."""
    return [names[turn % len(names)] for names in structures()]
