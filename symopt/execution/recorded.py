"""The steps that a run records, without a number in memory for each of a million."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

__all__ = ["Recorded"]


@dataclass(frozen=True, eq=False)
class Recorded(Sequence[int]):
    """Step 0, every so many further ones, and the last; ``every`` = 0 is the last one alone.

    It is equal to the tuple of the same numbers.

    >>> Recorded(10, 4), Recorded(10, 4) == (0, 4, 8, 10), Recorded(10, 0)[0]
    (Recorded(steps=10, every=4), True, 10)
    >>> Recorded(10, 4)[1:], 8 in Recorded(10, 4), Recorded(10, 4).index(8)
    ((4, 8, 10), True, 2)
    """

    steps: int
    every: int

    def __len__(self) -> int:
        return -(-self.steps // self.every) + 1 if self.every else 1

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[int, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        size = len(self)
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(size)))
        if not -size <= index < size:
            raise IndexError(f"row {index} of {size}")
        place = index % size
        return self.steps if place == size - 1 else place * self.every

    def __contains__(self, step: object) -> bool:
        if not isinstance(step, int) or not 0 <= step <= self.steps:
            return False
        return step == self.steps or bool(self.every and step % self.every == 0)

    def index(self, value: int, *_: int) -> int:
        """The row of a step."""
        if value not in self:
            raise ValueError(f"step {value} is not recorded")
        return len(self) - 1 if value == self.steps else value // self.every

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Recorded):
            return (self.steps, self.every) == (other.steps, other.every) or (
                tuple(self) == tuple(other)
            )
        return tuple(self) == other if isinstance(other, tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))
