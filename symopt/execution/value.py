"""The value of an expression at numbers: a fraction where it is rational, else an enclosure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sympy import Expr, Symbol

from symopt.errors import InexactError, UndecidedError
from symopt.execution import arithmetic as numbers
from symopt.execution.ball import relative_radius
from symopt.execution.kernel import compile_source, function_source
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph
from symopt.program.printers.python import EXACT

__all__ = ["Number", "exact_value"]

#: Bits of the enclosures, and the relative radius that suffices. The radius of the arguments does
#: not shrink, so the first precision leaves ample room for the steps that one works by hand.
_BITS = (1024, 8192)
_GOOD = -80

#: An exact fraction, or an enclosure (``flint.arb``).
Number = Any


def exact_value(expression: Expr, values: Mapping[Symbol, Number]) -> Number:
    """The value of an expression: a fraction where it is rational, else an enclosure.

    >>> from symopt.statement.symbols import m, v, sqrt
    >>> exact_value(m / sqrt(v), {m: Fraction(1, 2), v: Fraction(9, 4)})
    Fraction(1, 3)

    Raises :class:`~symopt.errors.UndefinedError` for a division by zero and the like.
    """
    graph = Graph()
    used = sorted(expression.free_symbols, key=str)
    names = {symbol: f"a{index}" for index, symbol in enumerate(used)}
    node = Reader(graph, {symbol: graph.input(symbol) for symbol in used}).read(expression)
    source = function_source("value", graph.program({"value": node}), names, EXACT)
    given = [values[symbol] for symbol in used]
    if all(isinstance(value, (int, Fraction)) for value in given):
        try:
            rational = numbers.rational()
            (found,) = compile_source(source, rational)(*map(rational.convert, given))
            return Fraction(int(found.p), int(found.q)) if hasattr(found, "p") else Fraction(found)
        except InexactError:
            pass
    from flint import arb

    for bits in _BITS:
        with numbers.precision(bits):
            ball = numbers.ball()
            arguments = [
                ball.convert(Fraction(value)) if isinstance(value, (int, Fraction)) else value
                for value in given
            ]
            try:
                found = arb(compile_source(source, ball)(*arguments)[0])
            except UndecidedError:
                if bits == _BITS[-1]:
                    raise
                continue
            if relative_radius(found) <= _GOOD or bits == _BITS[-1]:
                return found
    raise AssertionError("the loop returns or raises at its last precision")
