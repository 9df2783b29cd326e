"""Closed forms of the first steps: expanded, explicit, or let-bound by the rule's own lines.

The point after *every* step, on a quadratic, is in :mod:`symopt.derivation.every_step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Basic, Expr, S, Symbol

from symopt.errors import BudgetError
from symopt.program.graph import ARITY, Label, Program
from symopt.program.to_sympy import OPERATIONS, sympy_value
from symopt.statement.numbers import rational

if TYPE_CHECKING:
    from symopt.derivation.unroll import Unrolled

__all__ = ["ClosedForm", "closed_form"]

#: Formulas that are no polynomials are shown in one piece up to this many operations.
EXPLICIT_OPERATIONS = 60


@dataclass(frozen=True)
class ClosedForm:
    """A point after some steps as a formula.

    ``kind`` is ``"expanded"`` (a polynomial, its terms collected), ``"explicit"`` (one formula,
    not expanded), or ``"let-bound"``: then ``lets`` binds names such as ``m_x_1`` in order, and
    ``expressions`` uses them. ``terms`` counts the terms of an expanded form.
    """

    kind: str
    step: int
    expressions: tuple[Expr, ...]
    lets: tuple[tuple[Symbol, Expr], ...] = ()
    terms: int = 0

    def substituted(self) -> tuple[Expr, ...]:
        """The expressions with every let put in; its size can be exponential in the step."""
        values: dict[Symbol, Expr] = {}
        for symbol, expression in self.lets:
            values[symbol] = expression.xreplace(values)
        return tuple(expression.xreplace(values) for expression in self.expressions)

    def __str__(self) -> str:
        lines = [f"{symbol} = {expression}" for symbol, expression in self.lets]
        lines += [str(expression) for expression in self.expressions]
        return "\n".join(lines)


def closed_form(unrolled: Unrolled, step: int, max_terms: int) -> ClosedForm:
    """The point after ``step`` steps, in the most explicit form within the budget."""
    labels = unrolled.labels("x", step)
    nodes = unrolled.program.nodes
    part = Program(nodes, {label: unrolled.program.outputs[label] for label in labels})
    needed = _needed(part)
    try:
        polynomials = _expand(part, needed, unrolled.arguments, max_terms)
    except BudgetError:
        polynomials = None
    if polynomials is not None:
        expressions = tuple(_polynomial(polynomials[label], unrolled.arguments) for label in labels)
        terms = sum(len(polynomials[label]) for label in labels)
        return ClosedForm("expanded", step, expressions, terms=terms)
    if _tree_size(part, needed) <= EXPLICIT_OPERATIONS * len(labels):
        return ClosedForm("explicit", step, unrolled.expressions("x", step))
    return _let_bound(unrolled, step, labels)


def _needed(program: Program) -> list[bool]:
    needed = [False] * len(program.nodes)
    for index in program.outputs.values():
        needed[index] = True
    for index in range(len(needed) - 1, -1, -1):
        if needed[index]:
            for arg in program.nodes[index].args:
                needed[arg] = True
    return needed


def _expand(
    program: Program, needed: list[bool], arguments: Sequence[Symbol], max_terms: int
) -> dict[Label, Any] | None:
    """The outputs as flint polynomials, ``None`` where one is no polynomial.

    Raises :class:`~symopt.errors.BudgetError` when a polynomial outgrows ``max_terms``.
    """
    from flint import Ordering, fmpq, fmpq_mpoly_ctx

    names = tuple(f"z{index}" for index in range(len(arguments)))
    context = fmpq_mpoly_ctx.get(names, Ordering.lex)
    generators = dict(zip(arguments, context.gens(), strict=True))
    values: list[Any] = []
    for index, node in enumerate(program.nodes):
        if not needed[index]:
            values.append(None)
            continue
        args = [values[arg] for arg in node.args]
        if node.op == "const":
            value = context.constant(fmpq(node.value.numerator, node.value.denominator))
        elif node.op == "input":
            value = generators[node.value]
        elif node.op in ("neg", "add", "sub"):
            value = OPERATIONS[node.op](*args)
        elif node.op == "mul":
            if len(args[0]) * len(args[1]) > 100 * max_terms:
                raise BudgetError("a product has too many terms")
            value = args[0] * args[1]
        elif node.op == "div" and args[1].is_constant() and not args[1].is_zero():
            value = args[0] * (1 / fmpq(args[1].leading_coefficient()))
        else:
            return None
        if len(value) > max_terms:
            raise BudgetError(f"more than {max_terms} terms")
        values.append(value)
    return {label: values[index] for label, index in program.outputs.items()}


def _polynomial(value: Any, arguments: Sequence[Symbol]) -> Expr:
    """A flint polynomial in SymPy: as SymPy makes it, whose products sort their factors anew."""
    terms = value.to_dict()
    used = [sorted({int(exponents[i]) for exponents in terms}) for i in range(len(arguments))]
    powers = {
        (i, exponent): symbol**exponent
        for i, symbol in enumerate(arguments)
        for exponent in used[i]
        if exponent
    }

    def compared(a: tuple[int, int], b: tuple[int, int]) -> int:
        return int(powers[a].compare(powers[b]))

    places = {key: place for place, key in enumerate(sorted(powers, key=cmp_to_key(compared)))}
    constant = [term for term in terms.items() if not any(term[0])]
    made = []
    for exponents, coefficient in terms.items():
        present = [(i, int(exponent)) for i, exponent in enumerate(exponents) if exponent]
        if present:
            ordered = [powers[key] for key in sorted(present, key=places.__getitem__)]
            made.append(_monomial(_number(coefficient), ordered))
    # What Add would do, terms being different monomials: sort them, the number coming first.
    made.sort(key=cmp_to_key(Basic.compare))
    return sympy.Add._from_args([*(_number(c) for _, c in constant), *made], is_commutative=True)


def _number(coefficient: Any) -> Expr:
    return rational(Fraction(int(coefficient.p), int(coefficient.q)))


def _monomial(factor: Expr, powers: list[Expr]) -> Expr:
    """The product of a number and powers of different symbols, which are in SymPy's order."""
    factors = powers if factor is S.One else [factor, *powers]
    return sympy.Mul._from_args(factors, is_commutative=True)


def _tree_size(program: Program, needed: list[bool]) -> int:
    """Operations of the outputs written out as trees, without sharing."""
    sizes: list[int] = []
    for index, node in enumerate(program.nodes):
        inner = sum(sizes[arg] for arg in node.args) if needed[index] else 0
        sizes.append(inner + (ARITY[node.op] > 0))
    return sum(sizes[index] for index in program.outputs.values())


def _let_bound(unrolled: Unrolled, step: int, labels: tuple[Label, ...]) -> ClosedForm:
    """Every line of every step gets a name; a name stands for the value wherever it is used."""
    program = unrolled.program
    names: dict[int, Symbol] = {}
    taken = set(unrolled.arguments)
    for label, index in program.outputs.items():
        assert isinstance(label, tuple)
        name, coordinate, at = label
        if at == 0 or at > step or not ARITY[program.nodes[index].op]:
            continue
        if index not in names:
            symbol = _name(unrolled, name, coordinate, at)
            while symbol in taken:  # variables m_x and x both have an m_x
                symbol = Symbol(symbol.name + "_", real=True)
            taken.add(symbol)
            names[index] = symbol
    part = Program(program.nodes, {label: program.outputs[label] for label in labels})
    needed = _needed(part)
    inputs = {symbol: symbol for symbol in unrolled.arguments}
    lets: list[tuple[Symbol, Expr]] = []
    values: list[Any] = []
    for index, node in enumerate(program.nodes):
        if not needed[index]:
            values.append(None)
            continue
        value = sympy_value(node, [values[arg] for arg in node.args], inputs)
        symbol = names.get(index)
        if symbol is not None:
            lets.append((symbol, value))
            value = symbol
        values.append(value)
    return ClosedForm(
        "let-bound",
        step,
        tuple(values[program.outputs[label]] for label in labels),
        tuple(lets),
    )


def _name(unrolled: Unrolled, name: str, coordinate: int | None, step: int) -> Symbol:
    if coordinate is None or unrolled.objective is None:
        return Symbol(f"{name}_{step}", real=True)
    variable = unrolled.variables[coordinate]
    return Symbol(f"{variable}_{step}" if name == "x" else f"{name}_{variable}_{step}", real=True)
