"""The gradient of an array objective, proved against scalar differentiation on given sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from symopt.errors import SymoptError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Program
from symopt.program.normal_form import proved_equal
from symopt.statement.array.entries import evaluate
from symopt.statement.array.expression import Array, rebuild
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.array.scalar import symbolic_leaves
from symopt.verification.array.regions import Regions

__all__ = ["GradientProof", "prove_gradient"]

#: How many cases of signs and branches one entry may take.
_CASES = 512


@dataclass(frozen=True)
class GradientProof:
    """Whether a gradient in matrix form is the gradient, for all inputs of the given sizes.

    ``status`` is ``"proved"`` (every entry, for all real parameters and data at which both sides
    are defined; at kinks by the stated conventions) or ``"undecided"``; ``open`` names the entries
    without a proof.

    >>> import symopt
    >>> proof = symopt.prove_gradient(symopt.models.softmax_regression, n=1, d=1)
    >>> bool(proof), proof.entries, proof.sizes
    (True, 4, {'n': 1, 'd': 1, 'K': 2})
    """

    status: str
    reason: str
    sizes: Mapping[str, int]
    entries: int
    open: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.status == "proved"


def prove_gradient(
    objective: ArrayObjective, gradient: Mapping[str, Array] | None = None, **sizes: int
) -> GradientProof:
    """Prove each entry of the gradient equal to ``sympy.diff`` of the loss over entries.

    Kinks of ``relu`` and ``abs`` are apart: every region of signs is proved, and at the kinks the
    stated convention (see :mod:`~symopt.verification.array.regions`).

    ``gradient`` is the objective's own in matrix form, unless another one is given. Sizes that are
    not given are 2. Labels count as arbitrary one-hot rows: as any matrix in their place.

    >>> import symopt
    >>> proof = symopt.prove_gradient(symopt.models.linear_regression, n=2, d=2)
    >>> proof.status, proof.entries
    ('proved', 3)
    """
    chosen = {name: sizes.get(name, 2) for name in objective.sizes}
    small = objective.sized(**{**chosen, **sizes})
    stated = gradient if gradient is not None else objective.gradient
    memo: dict[Array, Array] = {}
    roots = {name: rebuild(stated[name], memo, chosen) for name in stated}
    leaves = symbolic_leaves(small)
    regions = Regions()
    found = evaluate({"": small.loss, **roots}, leaves, regions.numbers)
    loss = sympy.sympify(found.pop("").item())
    unproved: list[str] = []
    count = 0
    for leaf in small.parameters:
        if leaf.name not in found or found[leaf.name].shape != leaf.shape:
            unproved.append(leaf.name)
            continue
        pairs = zip(leaves[leaf.name].ravel(), found[leaf.name].ravel(), strict=True)
        for symbol, entry in pairs:
            count += 1
            if not _equal(regions.plain(sympy.diff(loss, symbol)), regions.plain(entry)):
                unproved.append(symbol.name)
    if unproved:
        return GradientProof(
            "undecided",
            f"no proof found for {', '.join(unproved)}",
            chosen, count, tuple(unproved),
        )  # fmt: skip
    return GradientProof(
        "proved",
        f"all {count} entries have one normal form with sympy.diff of the loss",
        chosen, count,
    )  # fmt: skip


def _equal(expected: sympy.Expr, entry: sympy.Expr) -> bool:
    if expected == entry:
        return True
    try:
        return proved_equal(_program(expected), _program(entry), signs=_CASES)
    except SymoptError:
        return False


def _program(expression: sympy.Expr) -> Program:
    graph = Graph()
    symbols = {s: graph.input(s.name) for s in sorted(expression.free_symbols, key=str)}

    def unmerged(part: Any) -> int | None:
        """exp(2*u), which SymPy makes of exp(u)*exp(u), as the square that it was."""
        if not isinstance(part, sympy.exp):
            return None
        count, inner = part.args[0].primitive()
        if not count.is_Integer or abs(count) < 2:
            return None
        return graph.power(graph.apply("exp", reader.read(inner)), int(count))

    reader = Reader(graph, symbols, unmerged)
    return graph.program({"entry": reader.read(expression)})
