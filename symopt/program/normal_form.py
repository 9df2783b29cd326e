"""A normal form of programs that proves two of them equal.

Every value is read as a quotient of polynomials (FLINT, rational coefficients) in the inputs and
in atoms: a root ``s`` with ``s**2 = p``, and other functions as unknowns told apart by their
arguments. Two values are equal if the cross-multiplied difference reduces to zero. That proves
equality wherever both programs are defined; a difference that does not reduce to zero proves
nothing, so the answer is "equal" or "unknown", never "different".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symopt.errors import BudgetError
from symopt.program.graph import ARITY, Label, Node, Program

__all__ = ["Quotient", "normal_forms", "proved_equal"]

#: A polynomial with more terms than this ends the attempt.
MAX_TERMS = 20_000
_ATOMS = frozenset(ARITY) - {"const", "input", "neg", "add", "sub", "mul", "div"}


@dataclass(frozen=True)
class Quotient:
    """A quotient of two polynomials of one :class:`_Field`."""

    top: Any
    bottom: Any


class _Field:
    """Quotients over a fixed set of generators, with the relations of the roots among them."""

    def __init__(self, labels: Iterable[Label], atoms: int) -> None:
        from flint import Ordering, fmpq_mpoly_ctx

        self._labels = {label: index for index, label in enumerate(labels)}
        count = len(self._labels) + atoms
        names = tuple(f"z{index}" for index in range(max(count, 1)))
        self._context = fmpq_mpoly_ctx.get(names, Ordering.degrevlex)
        self._generators = self._context.gens()
        self._atoms: dict[Hashable, int] = {}
        self._squares: dict[int, Any] = {}
        self._one = self._context.constant(1)

    def _new(self, key: Hashable) -> int:
        index = self._atoms.get(key)
        if index is None:
            index = self._atoms[key] = len(self._labels) + len(self._atoms)
        return index

    def input(self, label: Label) -> Quotient:
        return Quotient(self._generators[self._labels[label]], self._one)

    def constant(self, value: Any) -> Quotient:
        from flint import fmpq

        return Quotient(self._context.constant(fmpq(value.numerator, value.denominator)), self._one)

    def _reduce(self, polynomial: Any) -> Any:
        """Replace the squares of roots by what they are the roots of, newest roots first."""
        if len(polynomial) > MAX_TERMS:
            raise BudgetError(f"a polynomial of more than {MAX_TERMS} terms")
        for index in sorted(self._squares, reverse=True):
            generator = self._generators[index]
            if polynomial.degrees()[index] < 2:
                continue
            result = self._context.constant(0)
            for exponents, coefficient in polynomial.to_dict().items():
                power = int(exponents[index])
                rest = list(exponents)
                rest[index] = power % 2
                term = self._context.from_dict({tuple(rest): coefficient})
                result += term * self._squares[index] ** (power // 2)
            polynomial = result
            assert generator is not None
        return polynomial

    def quotient(self, top: Any, bottom: Any) -> Quotient:
        top, bottom = self._reduce(top), self._reduce(bottom)
        common = top.gcd(bottom)
        if not common.is_one() and not common.is_zero():
            top, bottom = top / common, bottom / common
        # The sign stays where it is: the root of -v/-c is not that of v over that of c.
        lead = abs(bottom.leading_coefficient()) if not bottom.is_zero() else 1
        if lead != 1:
            top, bottom = top * (1 / lead), bottom * (1 / lead)
        return Quotient(top, bottom)

    def atom(self, op: str, args: list[Quotient]) -> Quotient:
        key = (op, *[(str(arg.top), str(arg.bottom)) for arg in args])
        return Quotient(self._generators[self._new(key)], self._one)

    def root(self, arg: Quotient) -> Quotient:
        """The root of a quotient as a quotient of roots: equal wherever both are defined."""
        return self._divide(self._root(arg.top), self._root(arg.bottom))

    def _root(self, polynomial: Any) -> Quotient:
        if polynomial.is_one():
            return Quotient(self._one, self._one)
        index = self._new(("sqrt", str(polynomial)))
        self._squares[index] = polynomial
        return Quotient(self._generators[index], self._one)

    def _divide(self, a: Quotient, b: Quotient) -> Quotient:
        return self.quotient(a.top * b.bottom, a.bottom * b.top)

    def read(self, node: Node, args: list[Quotient]) -> Quotient:
        if node.op == "const":
            return self.constant(node.value)
        if node.op == "input":
            return self.input(node.value)
        if node.op == "neg":
            return Quotient(-args[0].top, args[0].bottom)
        if node.op in ("add", "sub"):
            a, b = args
            left, right = a.top * b.bottom, b.top * a.bottom
            top = left + right if node.op == "add" else left - right
            return self.quotient(top, a.bottom * b.bottom)
        if node.op == "mul":
            return self.quotient(args[0].top * args[1].top, args[0].bottom * args[1].bottom)
        if node.op == "div":
            return self._divide(*args)
        if node.op == "sqrt":
            return self.root(args[0])
        return self.atom(node.op, args)

    def same(self, a: Quotient, b: Quotient) -> bool:
        return bool(self._reduce(a.top * b.bottom - b.top * a.bottom).is_zero())


def _atoms(program: Program) -> int:
    # A root may bring two atoms: that of the numerator and that of the denominator.
    return sum(2 for node in program.nodes if node.op in _ATOMS)


def normal_forms(*programs: Program) -> tuple[_Field, list[dict[Label, Quotient]]]:
    """The normal forms of the outputs of programs over one common field."""
    labels = dict.fromkeys(label for program in programs for label in program.inputs)
    field = _Field(labels, sum(map(_atoms, programs)))
    return field, [program.fold(field.read) for program in programs]


def proved_equal(
    first: Program, second: Program, outputs: Mapping[Label, Label] | None = None
) -> bool:
    """Whether all outputs are proved equal; ``False`` means unknown.

    ``outputs`` maps labels of the first to labels of the second program (the same by default).

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> v, c = graph.input("v"), graph.input("c")
    >>> joint = graph.program({"r": graph.sqrt(graph.div(v, c))})
    >>> split = graph.program({"r": graph.div(graph.sqrt(v), graph.sqrt(c))})
    >>> proved_equal(joint, split)
    True
    """
    pairs = outputs or {label: label for label in first.outputs}
    try:
        field, (ours, theirs) = normal_forms(first, second)
        return all(field.same(ours[a], theirs[b]) for a, b in pairs.items())
    except BudgetError:
        return False
