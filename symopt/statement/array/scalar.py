"""The ordinary objective over the entries of an array objective, in SymPy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from symopt.errors import InputError
from symopt.statement.array.entries import Entries, Numbers, evaluate
from symopt.statement.array.expression import Array
from symopt.statement.array.functions import ELEMENTWISE
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.numbers import rational
from symopt.statement.objective import Objective

__all__ = ["SYMBOLIC", "entry_names", "scalar_objective", "symbols_of"]


def _function(value: tuple[Any, ...]) -> Any:
    name, *constants = value
    stated = ELEMENTWISE[name].expression
    return lambda u: stated(u, *constants)


#: SymPy's expressions as an arithmetic.
SYMBOLIC = Numbers(rational, _function)


def entry_names(leaf: Array) -> list[str]:
    """The names of a symbol's entries, row by row, counted from 1.

    >>> from symopt.statement.array import parameter
    >>> entry_names(parameter("W", 2, 2)), entry_names(parameter("b"))
    (['W_1_1', 'W_1_2', 'W_2_1', 'W_2_2'], ['b'])
    """
    shape = tuple(_number(leaf, dim) for dim in leaf.shape)
    return ["_".join([leaf.name, *(str(i + 1) for i in index)]) for index in np.ndindex(shape)]


def _number(leaf: Array, dim: Any) -> int:
    if isinstance(dim, int):
        return dim
    raise InputError(f"{leaf.name} has the open size {dim}; give it: .sized({dim}=2)")


def symbols_of(leaf: Array, width: int | None = None) -> Entries:
    """A real symbol for every entry; for labels (with their width) for every one-hot entry."""
    if width is not None:
        leaf = Array("data", (), (*leaf.shape, width), leaf.name)
    names = entry_names(leaf)
    made = np.empty(len(names), dtype=object)
    made[:] = [Symbol(name, real=True) for name in names]
    return made.reshape(leaf.shape)


@lru_cache(maxsize=64)
def scalar_objective(objective: ArrayObjective) -> Objective:
    """An objective whose variables are all entries, of parameters and then of data."""
    leaves = symbolic_leaves(objective)
    return _made(objective, leaves, [s for leaf in leaves.values() for s in leaf.flat])


def symbolic_leaves(objective: ArrayObjective) -> dict[str, Entries]:
    """Symbols for the entries of all parameters and data."""
    widths = label_widths(objective)
    return {
        leaf.name: symbols_of(leaf, widths.get(leaf))
        for leaf in (*objective.parameters, *objective.data)
    }


def label_widths(objective: ArrayObjective) -> dict[Array, int]:
    """How many classes the labels have, each time that they are used as one-hot rows."""
    from symopt.statement.array.expression import order

    widths: dict[Array, int] = {}
    for node in order(objective.loss):
        if node.op == "onehot":
            width = _number(node.args[0], node.shape[1])
            if widths.setdefault(node.args[0], width) != width:
                raise InputError(f"labels {node.args[0].name} are used with two numbers of classes")
    return widths


def over_parameters(objective: ArrayObjective, data: Mapping[str, Entries]) -> Objective:
    """An objective over the entries of the parameters alone, on exact data."""
    own = {leaf.name: symbols_of(leaf) for leaf in objective.parameters}
    variables = [symbol for leaf in own.values() for symbol in leaf.flat]
    return _made(objective, {**own, **data}, variables)


def _made(
    objective: ArrayObjective, leaves: Mapping[str, Entries], variables: list[Symbol]
) -> Objective:
    found = evaluate({"L": objective.loss}, leaves, SYMBOLIC)["L"].item()
    expression: Expr = sympy.sympify(found)
    return Objective(
        expression,
        variables,
        title=objective.title,
        source=objective.source,
        note=objective.note,
        name=objective.name,
        family=objective.family,
    )
