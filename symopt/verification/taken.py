"""The branches that a program takes at one point, and under which conditions it takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy

from symopt.errors import InexactError, SymoptError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.normal_form import assumed
from symopt.program.printers.python import EXACT

__all__ = ["straight", "strongest"]

#: A program that meets more comparisons is left as it is.
_MOST = 40
_BITS = 512
_RELATIONS: dict[tuple[str, bool], Any] = {
    ("lt", True): sympy.Lt, ("le", True): sympy.Le, ("eq", True): sympy.Eq,
    ("lt", False): sympy.Ge, ("le", False): sympy.Gt, ("eq", False): sympy.Ne,
}  # fmt: skip


def straight(
    program: Program, values: Mapping[Label, Any], read: Callable[[Program], Mapping[Label, Any]]
) -> tuple[Program, list[Any]] | None:
    """The program without branches as it runs at ``values``, and what must hold for that.

    ``read`` gives outputs as SymPy expressions. ``None`` where a comparison cannot be decided at
    these values, or where there are too many.

    >>> from symopt.program.graph import Graph
    >>> from symopt.program.to_sympy import to_sympy
    >>> graph = Graph()
    >>> x = graph.input("x")
    >>> large = graph.apply("lt", graph.const(1), x)
    >>> cases = graph.program({"o": graph.apply("select", large, x, graph.const(0))})
    >>> found = straight(cases, {"x": 3}, lambda part: to_sympy(part, {"x": sympy.Symbol("x")}))
    >>> found[0].has("select"), found[1]
    (False, [1 < x])
    """
    try:
        truths = _Taken(program, values).truths
    except (SymoptError, ZeroDivisionError):
        return None
    if len(truths) > _MOST:
        return None
    sides: dict[Label, int] = {}
    for index in truths:
        left, right = program.nodes[index].args
        sides.update({("left", index): left, ("right", index): right})
    shown = read(assumed(Program(program.nodes, sides), truths)) if sides else {}
    conditions = []
    for index, truth in truths.items():
        relation = _RELATIONS[program.nodes[index].op, truth]
        condition = relation(shown["left", index], shown["right", index])
        if condition == sympy.false:
            return None
        if condition != sympy.true and condition not in conditions:
            conditions.append(condition)
    return assumed(program, truths), conditions


def strongest(conditions: Iterable[Any]) -> list[Any]:
    """Without the comparisons with a number that others imply.

    >>> a = sympy.Symbol("a")
    >>> strongest([a >= -6, a >= -5, a < 3, a < 7, a > -5])
    [a < 3, a > -5]
    """
    kept: list[Any] = []
    for condition in conditions:
        if not any(_implies(other, condition) for other in kept):
            kept = [other for other in kept if not _implies(condition, other)] + [condition]
    return kept


def _implies(one: Any, other: Any) -> bool:
    if one == other:
        return True
    if one.lhs != other.lhs or not (one.rhs.is_Rational and other.rhs.is_Rational):
        return False
    for kinds in ((sympy.Gt, sympy.Ge), (sympy.Lt, sympy.Le)):
        if isinstance(one, kinds) and isinstance(other, kinds):
            gap = one.rhs - other.rhs if kinds[0] is sympy.Gt else other.rhs - one.rhs
            return bool(gap > 0 or (gap == 0 and isinstance(one, kinds[0])))
    return False


class _Taken:
    """What is computed at a point, from the outputs down, and how its comparisons come out."""

    def __init__(self, program: Program, values: Mapping[Label, Any]) -> None:
        self.program, self.values = program, values
        self.truths: dict[int, bool] = {}
        self._seen: set[int] = set()
        for index in sorted(program.outputs.values()):
            self._visit(index)

    def _visit(self, index: int) -> None:
        if index in self._seen:
            return
        self._seen.add(index)
        node = self.program.nodes[index]
        if node.op == "select":
            condition, then, otherwise = node.args
            self._visit(condition)
            self._decide(condition)
            self._visit(then if self._truth(condition) else otherwise)
            return
        for arg in node.args:
            self._visit(arg)

    def _decide(self, index: int) -> None:
        node = self.program.nodes[index]
        if node.op in ("and", "or", "not"):
            for arg in node.args:
                self._decide(arg)
        elif node.op in ("lt", "le", "eq") and index not in self.truths:
            self.truths[index] = self._evaluate(index)

    def _truth(self, index: int) -> bool:
        node = self.program.nodes[index]
        if node.op == "const":
            return bool(node.value)
        if index in self.truths:
            return self.truths[index]
        parts = [self._truth(arg) for arg in node.args]
        if node.op == "not":
            return not parts[0]
        if node.op in ("and", "or"):
            return all(parts) if node.op == "and" else any(parts)
        raise UndecidedError(f"a condition that is a {node.op}")

    def _evaluate(self, index: int) -> bool:
        part = assumed(Program(self.program.nodes, {"truth": index}), self.truths)
        labels = list(part.inputs)
        names = {label: f"i{place}" for place, label in enumerate(labels)}
        source = function_source("condition", part, names, EXACT)
        for kind in (numbers.rational(), numbers.ball()):
            with numbers.precision(_BITS):
                try:
                    given = [kind.convert(self.values[label]) for label in labels]
                    return bool(compile_source(source, kind)(*given)[0])
                except InexactError:
                    continue
        raise UndefinedError("a comparison of numbers that have no value")
