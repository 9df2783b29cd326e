"""SymPy expressions read into a program, term by term, in an order that people would write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr
from sympy.core.relational import Relational

from symopt.errors import StatementError
from symopt.program.graph import Graph

__all__ = ["Reader"]

_UNARY: dict[Any, str] = {
    sympy.Abs: "abs", sympy.sign: "sign", sympy.exp: "exp", sympy.log: "log", sympy.sin: "sin",
    sympy.cos: "cos", sympy.tan: "tan", sympy.atan: "atan", sympy.sinh: "sinh",
    sympy.cosh: "cosh", sympy.tanh: "tanh",
}  # fmt: skip
_COMPARISONS: dict[Any, tuple[str, bool]] = {
    sympy.StrictLessThan: ("lt", False), sympy.StrictGreaterThan: ("lt", True),
    sympy.LessThan: ("le", False), sympy.GreaterThan: ("le", True), sympy.Equality: ("eq", False),
}  # fmt: skip
#: Integer powers up to this one become multiplication chains.
_CHAIN = 64


class Reader:
    """Reads expressions into one graph.

    ``symbols`` gives a node for each symbol; ``functions`` reads applications that are special to
    the caller (the oracle, reductions).

    >>> from sympy.abc import x
    >>> graph = Graph()
    >>> node = Reader(graph, {x: graph.input("x")}).read(x**2 + 1)
    >>> graph.program({"f": node}).operations
    2
    """

    def __init__(
        self,
        graph: Graph,
        symbols: Mapping[Expr, int],
        functions: Callable[[Expr], int | None] | None = None,
    ) -> None:
        self.graph = graph
        self._symbols = symbols
        self._functions = functions
        self._seen: dict[Any, int] = {}

    def read(self, expression: Any) -> int:
        """The node of an expression."""
        found = self._seen.get(expression)
        if found is None:
            found = self._seen[expression] = self._read(expression)
        return found

    def _read(self, expression: Any) -> int:
        graph = self.graph
        if expression in self._symbols:
            return self._symbols[expression]
        if self._functions is not None:
            special = self._functions(expression)
            if special is not None:
                return special
        if isinstance(expression, sympy.Rational):
            return graph.const(Fraction(int(expression.p), int(expression.q)))
        if isinstance(expression, sympy.Symbol):
            raise StatementError(f"the symbol {expression} has no value here")
        if expression is sympy.pi:
            return graph.apply("pi")
        if expression is sympy.E:
            return graph.apply("e")
        if isinstance(expression, sympy.Add):
            return self._sum(expression)
        if isinstance(expression, sympy.Mul):
            return self._product(expression)
        if isinstance(expression, sympy.Pow):
            return self._power(expression.base, expression.exp)
        for kind, op in _UNARY.items():
            if isinstance(expression, kind):
                return graph.apply(op, self.read(expression.args[0]))
        if isinstance(expression, (sympy.Max, sympy.Min)):
            op = "max" if isinstance(expression, sympy.Max) else "min"
            nodes = [self.read(arg) for arg in sorted(expression.args, key=sympy.default_sort_key)]
            result = nodes[0]
            for node in nodes[1:]:
                result = graph.apply(op, result, node)
            return result
        if isinstance(expression, sympy.Piecewise):
            return self._piecewise(expression)
        if isinstance(expression, (Relational, sympy.logic.boolalg.Boolean)):
            return self._condition(expression)
        raise StatementError(
            f"{expression} cannot be computed: {type(expression).__name__} is not an operation "
            "of symopt"
        )

    def _sum(self, expression: sympy.Add) -> int:
        """Positive terms first, then what is subtracted: ``x - step`` is one subtraction."""
        positive: list[Expr] = []
        negative: list[Expr] = []
        for term in expression.args:
            (negative if _is_negative(term) else positive).append(term)
        if not positive:
            return self.graph.neg(self._chain([-term for term in negative]))
        result = self._chain(positive)
        for term in negative:
            result = self.graph.sub(result, self.read(-term))
        return result

    def _chain(self, terms: list[Expr]) -> int:
        # A constant goes last, as in `x + 1`; the rest keep SymPy's stable order.
        terms = sorted(terms, key=lambda term: term.is_Rational is True)
        return self.graph.total([self.read(term) for term in terms])

    def _product(self, expression: sympy.Mul) -> int:
        graph = self.graph
        above: list[int] = []
        below: list[int] = []
        negative = False
        for factor in expression.args:
            if isinstance(factor, sympy.Rational):
                if factor < 0:
                    negative = not negative
                    factor = -factor
                if factor.p != 1:
                    above.insert(0, graph.const(int(factor.p)))
                if factor.q != 1:
                    below.append(graph.const(int(factor.q)))
                continue
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0:
                below.append(self._power(base, -exponent))
            else:
                above.append(self.read(factor))
        result = graph.ratio(above, below)
        return graph.neg(result) if negative else result

    def _power(self, base: Expr, exponent: Expr) -> int:
        graph = self.graph
        if base is sympy.E:
            return graph.apply("exp", self.read(exponent))
        if isinstance(exponent, sympy.Rational):
            if exponent < 0:
                return graph.div(graph.const(1), self._power(base, -exponent))
            if exponent.q == 1 and exponent <= _CHAIN:
                return graph.power(self.read(base), int(exponent))
            if exponent.q == 2 and exponent <= _CHAIN:
                root = graph.sqrt(self.read(base))
                whole = int(exponent.p) // 2
                return graph.mul(graph.power(self.read(base), whole), root) if whole else root
        return graph.apply("pow", self.read(base), self.read(exponent))

    def _piecewise(self, expression: sympy.Piecewise) -> int:
        pairs = list(expression.args)
        if pairs[-1].cond is not sympy.true and pairs[-1].cond != True:  # noqa: E712
            raise StatementError(f"{expression} says nothing for the remaining case; add one")
        result = self.read(pairs[-1].expr)
        for pair in reversed(pairs[:-1]):
            result = self.graph.apply(
                "select", self._condition(pair.cond), self.read(pair.expr), result
            )
        return result

    def _condition(self, condition: Any) -> int:
        graph = self.graph
        if condition in (sympy.true, True):
            return graph.const(1)
        if condition in (sympy.false, False):
            return graph.const(0)
        for kind, (op, swapped) in _COMPARISONS.items():
            if isinstance(condition, kind):
                left, right = (self.read(arg) for arg in condition.args)
                return graph.apply(op, *((right, left) if swapped else (left, right)))
        if isinstance(condition, sympy.Unequality):
            left, right = (self.read(arg) for arg in condition.args)
            return graph.apply("not", graph.apply("eq", left, right))
        if isinstance(condition, sympy.Not):
            return graph.apply("not", self._condition(condition.args[0]))
        if isinstance(condition, (sympy.And, sympy.Or)):
            op = "and" if isinstance(condition, sympy.And) else "or"
            ordered = sorted(condition.args, key=sympy.default_sort_key)
            nodes = [self._condition(arg) for arg in ordered]
            result = nodes[0]
            for node in nodes[1:]:
                result = graph.apply(op, result, node)
            return result
        if isinstance(condition, sympy.ITE):
            nodes = [self._condition(arg) for arg in condition.args]
            if not all(map(graph.is_total, nodes[1:])):
                return graph.apply("select", *nodes)  # the other branch may have no value
        if isinstance(condition, sympy.logic.boolalg.BooleanFunction):
            return self._condition(condition.to_nnf())  # what is made of and, or and not
        raise StatementError(f"the condition {condition} cannot be computed")


def _is_negative(term: Expr) -> bool:
    coefficient, _ = term.as_coeff_Mul()
    return bool(coefficient.is_Rational and coefficient < 0)
