"""Entries of array expressions where kinks are apart: one symbol for each side of each kink.

Between its kinks relu(u) is s*u with a constant s, 0 or 1, and its derivative is that s; |u| is
s*u with the sign s. At a kink the stated convention gives s = 0. So an identity that holds for
*arbitrary* s holds in every region of signs and at every kink, whichever comes to pass.

Likewise a sigmoid v = 1/(1 + exp(-u)) becomes a symbol in what is compared, by
exp(-u) = (1 - v)/v, so that sigmoids of sigmoids stay polynomials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.statement.array.entries import Numbers
from symopt.statement.array.scalar import SYMBOLIC

__all__ = ["Regions"]


class Regions:
    """SymPy's expressions as an arithmetic in which kinks and sigmoids have become symbols."""

    def __init__(self) -> None:
        self._sides: dict[tuple[str, Expr], Symbol] = {}
        self._sigmoids: dict[Expr, Expr] = {}

    @property
    def numbers(self) -> Numbers:
        """The arithmetic, for :func:`~symopt.statement.array.entries.evaluate`."""
        return Numbers(SYMBOLIC.constant, self._function)

    def plain(self, expression: Any) -> Expr:
        """The expression with a symbol for each sigmoid that was met."""
        made: Expr = sympy.sympify(expression).xreplace(self._sigmoids)
        return made

    def _side(self, kind: str, u: Expr) -> Symbol:
        name = f"{kind}_{len(self._sides) + 1}"
        return self._sides.setdefault((kind, u), Symbol(name, real=True))

    def _sigmoid(self, u: Expr) -> Expr:
        power = sympy.exp(-u)
        if power.free_symbols and power not in self._sigmoids:
            v = Symbol(f"sigmoid_{len(self._sigmoids) // 2 + 1}", positive=True)
            self._sigmoids[power] = (1 - v) / v
            self._sigmoids[sympy.exp(u)] = v / (1 - v)
        return 1 / (1 + power)

    def _function(self, value: tuple[Any, ...]) -> Callable[[Any], Any]:
        own: dict[str, Callable[[Expr], Expr]] = {
            "relu": lambda u: self._side("side", u) * u,
            "step": lambda u: self._side("side", u),
            "abs": lambda u: self._side("sign", u) * u,
            "sign": lambda u: self._side("sign", u),
            "sigmoid": self._sigmoid,
        }
        return own.get(value[0]) or SYMBOLIC.function(value)
