"""A program read back as SymPy expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import Expr
from sympy.core.relational import Relational

from symopt.program.graph import Label, Node, Program
from symopt.statement.numbers import rational

__all__ = ["OPERATIONS", "sympy_value", "to_sympy"]

#: What each operation means to SymPy.
OPERATIONS: dict[str, Any] = {
    "neg": lambda a: -a, "sqrt": sympy.sqrt, "abs": sympy.Abs, "sign": sympy.sign,
    "exp": sympy.exp, "log": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan,
    "atan": sympy.atan, "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "pow": lambda a, b: a**b, "max": sympy.Max, "min": sympy.Min,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": sympy.Eq, "and": sympy.And,
    "or": sympy.Or, "not": sympy.Not,
    "select": lambda c, a, b: _select(c, a, b),
}  # fmt: skip
_TRUTHS = (sympy.logic.boolalg.BooleanAtom, sympy.logic.boolalg.BooleanFunction, Relational)


def _select(condition: Any, then: Any, otherwise: Any) -> Any:
    """Piecewise, or ITE where the branches are conditions themselves."""
    parts = (then, otherwise)
    if any(isinstance(part, _TRUTHS) for part in parts):
        truths = {sympy.S.One: sympy.true, sympy.S.Zero: sympy.false}
        return sympy.ITE(condition, *[truths.get(part, part) for part in parts])
    return sympy.Piecewise((then, condition), (otherwise, True))


def to_sympy(program: Program, inputs: Mapping[Label, Expr]) -> dict[Label, Expr]:
    """The outputs as expressions of the given input expressions.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> node = graph.add(graph.power(graph.input("x"), 2), graph.const(1))
    >>> to_sympy(graph.program({"f": node}), {"x": sympy.Symbol("x")})
    {'f': x**2 + 1}
    """

    return program.fold(lambda node, args: sympy_value(node, args, inputs))


def sympy_value(node: Node, args: list[Any], inputs: Mapping[Label, Expr]) -> Any:
    """One node as an expression, its arguments being given."""
    if node.op == "const":
        return rational(node.value)
    if node.op == "input":
        return inputs[node.value]
    if node.op in ("pi", "e"):
        return sympy.pi if node.op == "pi" else sympy.E
    return OPERATIONS[node.op](*args)
