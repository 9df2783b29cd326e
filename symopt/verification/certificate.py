"""Certificates: a proof written out as a Python script that needs SymPy and nothing else.

The script holds both rules' steps as plain assignments and the polynomial identities that make
them equal. It does not search: every root and every power is given in terms of a few unknowns,
each with its defining relation, and the script checks those claims too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symopt.errors import BudgetError, UndefinedError
from symopt.program.field import Fact, Field, Quotient
from symopt.program.graph import Label, Program
from symopt.program.normal_form import normal_forms
from symopt.program.printers.python import clean_names
from symopt.program.ranges import Range
from symopt.verification.relation import Equality

__all__ = ["certificate"]

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_PLAIN = frozenset({*_OPERATORS, "const", "input", "neg", "sqrt", "pow"})

_HEAD = '''"""{title}

{claim}
Checked with SymPy alone, by polynomial identities. Run it: it prints what it has checked.

Each root r is given with r**2 = p. A claimed root is checked by its square; it is the root, and
not its negative, because it is a product of nonnegative factors over positive ones.
"""

from itertools import product

from sympy import Integer, Poly, Rational, Symbol, expand, fraction, together


def vanishes(expression, roots, signs):
    """Whether an expression is zero where r**2 = p for every root, and s is the sign of f."""
    for values in product((1, -1, 0), repeat=len(signs)):
        here = dict(zip([s for s, f in signs], values))
        here.update({{f: 0 for (s, f), value in zip(signs, values) if value == 0}})
        top = fraction(together(expression.subs(here)))[0]
        for root, square in reversed(roots):
            terms = Poly(expand(top), root).as_dict()
            square = square.subs(here)
            top = sum(c * square ** (k // 2) * root ** (k % 2) for (k,), c in terms.items())
        if expand(top) != 0:
            return False
    return True

'''


def certificate(equality: Equality) -> str:
    """The script; empty where the proof is not one of polynomials and roots.

    >>> from symopt.statement.library import rules
    >>> from symopt.verification.relation import proved_always
    >>> buffer, velocity = rules.momentum_buffer, rules.momentum
    >>> v, b = next(iter(velocity.state)), next(iter(buffer.state))
    >>> eta = buffer.parameter("eta").symbol
    >>> text = certificate(proved_always(buffer, velocity, {v: -eta * b}))
    >>> exec(compile(text, "certificate", "exec"))
    the first step: 3 identities hold
    every later step: 3 identities hold
    """
    parts = []
    for name, left, right in equality.stages:
        try:
            part = _Stage(name, left, right, equality.ranges).text()
        except (BudgetError, UndefinedError):
            part = None
        if part is None:
            return ""
        parts.append(part)
    states = [f"{symbol} = {value}" for symbol, value in equality.relation.items()]
    related = f", where {', '.join(states)}" if states and not equality.is_identity else ""
    head = _HEAD.format(
        title=f"{equality.first.name} and {equality.second.name} are equal at every step.",
        claim="They are after the first step from any start, and if they are before a step they\n"
        f"are after it{related}. Gradients are arbitrary.",
    )
    return head + "\n".join(parts)


class _Stage:
    """One pair of programs as text."""

    def __init__(
        self, name: str, left: Program, right: Program, ranges: Mapping[Label, Range]
    ) -> None:
        self.name, self.programs, self.ranges = name, (left, right), ranges
        self.lines: list[str] = []

    def text(self) -> str | None:
        if any(node.op not in _PLAIN for program in self.programs for node in program.nodes):
            return None
        read = self._read()
        if read is None:
            return None
        self.field, values = read
        if not self._unknowns():
            return None
        names: list[list[str]] = []
        for number, program in enumerate(self.programs):
            names.append(self._program("ab"[number], program, values[number]))
        first, second = self.programs
        count = 0
        for label, index in first.outputs.items():
            other = names[1][second.outputs[label]]
            self.lines.append(
                f"assert vanishes({names[0][index]} - {other}, roots, signs)  # {_words(label)}"
            )
            count += 1
        self.lines.append(f'print("{self.name}: {count} identities hold")')
        return f"# {self.name[0].upper()}{self.name[1:]}\n\n" + "\n".join(self.lines) + "\n"

    def _read(self) -> tuple[Field, list[list[Quotient]]] | None:
        facts: frozenset[Fact] = frozenset()
        for _ in range(3):
            field, forms = normal_forms(*self.programs, ranges=self.ranges, facts=facts)
            ours, theirs = forms[0][0], forms[1][0]
            if all(field.same(ours[label], theirs[label]) for label in ours):
                return field, [nodes for _, nodes in forms]
            facts |= field.found
        return None

    def _unknowns(self) -> bool:
        """Declare inputs, roots, signs and powers; whether all of them can be told."""
        field = self.field
        inputs = [name for name in field.names if not _is_unknown(field, name)]
        words = clean_names([_words(label) for label in inputs], {"roots", "signs", "powers"})
        self.names = dict(enumerate(words))
        for word in words:
            self.lines.append(f'{word} = Symbol("{word}")')
        roots, signs, powers = [], [], []
        for index in range(len(inputs), len(field.names)):
            name = self.names[index] = f"u{index}"
            self.lines.append(f'{name} = Symbol("{name}")')
            if index in field.squares:
                roots.append(f"({name}, {self._polynomial(field.squares[index])})")
            elif index in field.signs:
                factor = self._polynomial(field.signs[index])
                if factor not in words:
                    return False
                signs.append(f"({name}, {factor})")
            elif index in field.powers:
                base, part, least = field.powers[index]
                exponent = f"{self._polynomial(part)} + {least}"
                powers.append(f"{name}: ({self._quotient(base)}) ** ({exponent})")
            else:
                return False
        self.lines.append(f"roots = [{', '.join(roots)}]")
        self.lines.append(f"signs = [{', '.join(signs)}]")
        self.lines.append(f"powers = {{{', '.join(powers)}}}")
        return True

    def _program(self, prefix: str, program: Program, values: list[Quotient]) -> list[str]:
        names: list[str] = []
        for index, node in enumerate(program.nodes):
            args = [names[arg] for arg in node.args]
            name = f"{prefix}{index}"
            if node.op == "input":
                name = self.names[self.field.names.index(node.value)]
            elif node.op == "const":
                value = node.value
                self.lines.append(f"{name} = Rational({value.numerator}, {value.denominator})")
            elif node.op == "neg":
                self.lines.append(f"{name} = -{args[0]}")
            elif node.op == "sqrt":
                self.lines.append(f"{name} = {self._quotient(values[index])}")
                self.lines.append(f"assert vanishes({name}**2 - {args[0]}, roots, signs)")
            elif node.op == "pow":
                self.lines.append(f"{name} = {self._quotient(values[index])}")
                self.lines.append(
                    f"assert expand({name}.subs(powers) - {args[0]} ** {args[1]}) == 0"
                )
            else:
                self.lines.append(f"{name} = {args[0]} {_OPERATORS[node.op]} {args[1]}")
            names.append(name)
        return names

    def _quotient(self, value: Quotient) -> str:
        top, bottom = self._polynomial(value.top), self._polynomial(value.bottom)
        return top if value.bottom.is_one() else f"({top}) / ({bottom})"

    def _polynomial(self, polynomial: Any) -> str:
        terms = []
        for exponents, coefficient in polynomial.to_dict().items():
            factors = [
                self.names[index] + (f"**{int(power)}" if power > 1 else "")
                for index, power in enumerate(exponents)
                if power
            ]
            if coefficient.q != 1:
                factors.insert(0, f"Rational({int(coefficient.p)}, {int(coefficient.q)})")
            elif coefficient != 1 or not factors:
                number = int(coefficient.p)
                factors.insert(0, f"{number}" if factors else f"Integer({number})")
            terms.append("*".join(factors))
        return " + ".join(terms) or "Integer(0)"


def _is_unknown(field: Field, name: Any) -> bool:
    index = field.names.index(name)
    known = (field.squares, field.signs, field.powers)
    return any(index in relations for relations in known) or not field.is_input(name)


def _words(label: Any) -> str:
    """The name of an input or output, such as ``g`` or ``m``."""
    if label == ("t",):
        return "t"
    if label[0] == "hyper":
        return str(label[1])
    parts = [str(part) for part in label if part not in (None, 0)]
    if label[0] in ("g", "ask") and label[1] == 1:
        parts = [str(label[0]), *[str(part) for part in label[2:] if part]]
    return "_".join(parts)
