"""State that can be seen in an implementation, matched with the state of a rule.

Frameworks keep their state under names of their own, and by their own conventions: a velocity
where the rule has a buffer, a maximum taken before the correction. A quantity is taken for one of
the rule's own only if its value after the first step is what the rule has there, within rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.verification.implementation import Array, Observation
from symopt.verification.replay import Replay
from symopt.verification.rounding import Input

__all__ = ["Visible", "agreement", "matched"]


@dataclass(frozen=True)
class Visible:
    """What of a run's state is the rule's, under the rule's names, and what is not.

    ``arrays`` has a row for each step. ``renamed`` says under which name each was seen, ``other``
    which visible quantities are none of the rule's by their value after the first step.
    """

    arrays: Mapping[str, Array]
    renamed: Mapping[str, str]
    other: tuple[str, ...]


def matched(
    observation: Observation,
    first: Mapping[tuple[str, int | None], Input],
    by_name: bool = False,
) -> Visible | None:
    """Match what was seen with the rule's state after the first step; ``None`` if nothing was.

    Equal names go first; then what is left, by its values, of which one at least must not be 0.
    ``by_name`` trusts equal names whatever the values are: to say where refuted code departs.
    """
    steps, size = observation.steps, observation.points.shape[1]
    usable = {
        name: rows
        for name, rows in observation.state.items()
        if rows.shape in ((steps,), (steps, 1), (steps, size))
    }
    if not usable or not first:
        return None
    arrays: dict[str, Array] = {}
    renamed: dict[str, str] = {}
    names = list(dict.fromkeys(name for name, _ in first))
    pairs = [(name, name) for name in names if name in usable]
    pairs += [(name, seen) for name in names for seen in usable if name != seen]
    for name, seen in pairs:
        if name in arrays or seen in renamed.values():
            continue
        rows = _shaped(usable[seen], (name, None) in first, size)
        own = {place: value for (label, place), value in first.items() if label == name}
        trusted = by_name and name == seen
        if rows is not None and (trusted or _agree(rows[0], own, name == seen)):
            arrays[name], renamed[name] = rows, seen
    other = tuple(sorted(set(usable) - set(renamed.values())))
    return Visible(arrays, renamed, other)


def _shaped(rows: Array, is_scalar: bool, size: int) -> Array | None:
    """Rows of the shape that the rule's quantity has, or ``None``."""
    if is_scalar:
        return rows.reshape(len(rows)) if rows.size == len(rows) else None
    return rows if rows.shape[1:] == (size,) else None


def _agree(row: Any, own: Mapping[int | None, Input], is_named: bool) -> bool:
    from flint import arb

    values = np.atleast_1d(row)
    some = False
    for place, entry in own.items():
        value = float(values[place or 0])
        if not np.isfinite(value) or not arb(entry.radius).is_finite():
            return False
        # The entry's value is a ball itself; its own radius is what the arithmetic left.
        if not abs(arb(value) - arb(entry.value)) <= arb(entry.radius) and not (
            arb(entry.value) - arb(value)
        ).contains(0):
            return False
        some = some or value != 0
    return some or is_named


def agreement(visible: Visible, result: Replay) -> str:
    """What a replay from the visible state says, in words; empty where nothing was matched."""
    if not visible.arrays:
        return ""
    shown = ", ".join(
        name if name == seen else f"{name} (seen as {seen})"
        for name, seen in visible.renamed.items()
    )
    failed = result.first_refuted
    stopped = result.unbounded
    if failed is None and stopped is not None:
        return f"visible state compared before step {stopped.step}: {shown}"
    if failed is None:
        return f"visible state compared at every step: {shown}"
    if failed.quantity.split(",")[0] in visible.arrays:
        return (
            f"visible state: {failed.quantity} departs from the rule's at step {failed.step}: "
            f"expected {failed.expected.str(17, radius=False)}, observed {failed.observed!r}"
        )
    return f"visible state: {shown} agree with the rule's up to there"
