"""Recipes: an expression read by kept calls gives what a fresh reading gives, node for node."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from sympy import Expr, Symbol

import symopt
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Node
from symopt.program.recipe import recipe
from symopt.statement.symbols import REDUCTIONS, grad

LINES = [
    *(line for rule in map(symopt.rules.__getitem__, symopt.rules) for _, line in rule.update),
    *(symopt.objectives[name].expression for name in symopt.objectives),
]


def _asked(expression: Expr) -> tuple[Expr, ...]:
    parts = expression.free_symbols | expression.atoms(grad, *REDUCTIONS)
    return tuple(sorted(parts, key=sympy.default_sort_key))


def _both(expression: Expr, numbers: bool) -> tuple[list[Node], list[Node]]:
    """The nodes of a fresh reading and of a recipe's, the given ones inputs or numbers."""
    given = _asked(expression)
    graphs = Graph(), Graph()
    for graph in graphs:
        nodes = [
            graph.const(Fraction(place + 2, 2 if place % 3 else 1))
            if numbers and place % 2 == 0
            else graph.input(str(part))
            for place, part in enumerate(given)
        ]
        known = recipe(expression, given) if graph is graphs[1] else None
        if known is None:
            Reader(graph, dict(zip(given, nodes, strict=True))).read(expression)
        else:
            known.make(graph, nodes)
    return graphs[0].nodes, graphs[1].nodes


@pytest.mark.parametrize("numbers", [False, True])
def test_every_statement_is_read_to_the_same_nodes_in_the_same_order(numbers: bool) -> None:
    for expression in LINES:
        fresh, kept = _both(expression, numbers)
        assert kept == fresh, expression


def test_every_statement_of_the_catalogue_has_a_recipe() -> None:
    assert all(recipe(line, _asked(line)) is not None for line in LINES)


def test_where_the_nodes_decide_there_is_no_recipe() -> None:
    x, y = Symbol("x", real=True), Symbol("y", real=True)
    condition = sympy.ITE(x > 0, 1 / x > y, y > 1)
    assert recipe(sympy.Piecewise((x, condition), (y, True)), (x, y)) is None


def test_a_quotient_by_a_number_is_folded_where_the_number_is_known() -> None:
    x, t = Symbol("x", real=True), Symbol("t", positive=True)
    known = recipe(3 * x / t, (x, t))
    assert known is not None
    for value, factor in ((2, Fraction(3, 2)), (5, Fraction(3, 5))):
        graph = Graph()
        node = known.make(graph, [graph.input("x"), graph.const(value)])
        assert node == graph.mul(graph.const(factor), graph.input("x"))
