"""Branches on unknown numbers: every path is run, and the paths become cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from symopt.errors import LiftError
from symopt.verification.lift.trace import Tape

__all__ = ["Oracle", "explored"]

#: More paths than this are refused.
LIMIT = 96
#: So are more questions on one path: a loop asks them.
QUESTIONS = 64
Outputs: TypeAlias = Mapping[Hashable, int]


class Oracle:
    """Answers each new condition by a prefix of choices, then by "yes", and remembers.

    >>> oracle = Oracle([False])
    >>> oracle(7), oracle(8), oracle(7)
    (False, True, False)
    """

    def __init__(self, prefix: list[bool]) -> None:
        self._prefix = prefix
        self.taken: dict[int, bool] = {}

    def __call__(self, condition: int) -> bool:
        if condition not in self.taken:
            place = len(self.taken)
            self.taken[condition] = self._prefix[place] if place < len(self._prefix) else True
        return self.taken[condition]


@dataclass
class _Branch:
    """A tree of paths: a leaf holds outputs (``None`` where the path ends the code)."""

    outputs: Outputs | None = None
    condition: int | None = None
    yes: _Branch | None = None
    no: _Branch | None = None


def explored(tape: Tape, run: Callable[[], Outputs | None]) -> dict[Hashable, int]:
    """The outputs of ``run()`` over all paths, with a case for every branch.

    A path that gives ``None`` is left out: the code stops there.

    Raises :class:`~symopt.errors.LiftError` where paths are too many, or give different things.
    """
    root = _Branch()
    waiting: list[list[bool]] = [[]]
    count = 0
    while waiting:
        prefix = waiting.pop()
        count += 1
        if count > LIMIT:
            raise LiftError(f"more than {LIMIT} paths through one step")
        oracle = Oracle(prefix)
        tape.decide = _limited(tape, oracle)
        try:
            outputs = run()
        finally:
            tape.decide = None
        taken = list(oracle.taken.items())
        _put(root, taken, outputs)
        for place in range(len(prefix), len(taken)):
            choices = [choice for _, choice in taken[:place]]
            waiting.append([*choices, not taken[place][1]])
    merged = _merged(tape, root)
    if merged is None:
        raise LiftError("the code stops on every path, without a step")
    return dict(merged)


def _limited(tape: Tape, oracle: Oracle) -> Callable[[int], bool]:
    asked = 0

    def decide(condition: int) -> bool:
        nonlocal asked
        asked += 1
        if len(oracle.taken) >= QUESTIONS or asked > 20 * QUESTIONS:
            tape.refuse("a loop whose length depends on numbers that are not known while lifting")
        return oracle(condition)

    return decide


def _put(branch: _Branch, taken: list[tuple[int, bool]], outputs: Outputs | None) -> None:
    for condition, choice in taken:
        if branch.condition not in (None, condition):
            raise LiftError("the same choices lead to different questions: a value changes by run")
        branch.condition = condition
        if choice:
            branch.yes = branch.yes or _Branch()
            branch = branch.yes
        else:
            branch.no = branch.no or _Branch()
            branch = branch.no
    branch.outputs = outputs


def _merged(tape: Tape, branch: _Branch) -> Outputs | None:
    if branch.condition is None:
        return branch.outputs
    yes = _merged(tape, branch.yes or _Branch())
    no = _merged(tape, branch.no or _Branch())
    if yes is None or no is None:
        return yes if no is None else no
    if set(yes) != set(no):
        raise LiftError("what the code keeps depends on a condition on unknown numbers")
    nodes = tape.nodes
    return {
        label: node if node == no[label] else nodes.apply(
            "select", branch.condition, node, no[label]
        )
        for label, node in yes.items()
    }  # fmt: skip
