"""What is known of a number before it is known: its sign, and whether it lies below one."""

from __future__ import annotations

from dataclasses import dataclass

import sympy

__all__ = ["REAL", "Range", "range_of"]


@dataclass(frozen=True)
class Range:
    """Where the values of an input lie.

    ``floor`` is a lower bound that counts from 1 on, ``unit`` means [0, 1), ``integer`` whole
    numbers.

    >>> range_of(sympy.Interval.Ropen(0, 1))
    Range(nonnegative=True, positive=False, unit=True, floor=0, integer=False)
    """

    nonnegative: bool = False
    positive: bool = False
    unit: bool = False
    floor: int = 0
    integer: bool = False

    @classmethod
    def counter(cls, first: int) -> Range:
        """A counter of steps that starts at ``first``, at least 1."""
        return cls(nonnegative=True, positive=True, floor=first, integer=True)


REAL = Range()


def range_of(domain: sympy.Set) -> Range:
    """The range of a hyperparameter's domain; what it does not say is not assumed."""
    positive = domain.is_subset(sympy.Interval.open(0, sympy.oo)) is True
    least = domain.inf
    return Range(
        nonnegative=domain.is_subset(sympy.Interval(0, sympy.oo)) is True,
        positive=positive,
        unit=domain.is_subset(sympy.Interval.Ropen(0, 1)) is True,
        floor=int(least) if least.is_Rational and least >= 1 else 0,
    )
