"""Where two rules part: the first step, the quantity, and by exactly how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise
from symopt.errors import InexactError, SymoptError
from symopt.execution import arithmetic as numbers
from symopt.execution.exact import to_fraction
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Label, Program
from symopt.program.printers.python import EXACT
from symopt.program.to_sympy import to_sympy
from symopt.statement.rule import Rule
from symopt.verification.probe import Probe
from symopt.verification.siblings import opaque_program

__all__ = ["Departure", "departure"]

#: A difference is shown as a formula if it has at most this many terms.
_TERMS = 6
_BITS = 512


@dataclass(frozen=True)
class Departure:
    """The first difference between two rules on a probe.

    ``difference`` is the rival's value minus the rule's, a fraction or a certified ball;
    ``formula`` the same for all inputs where it is short, else empty.
    """

    rule: str
    title: str
    step: int
    quantity: str
    difference: Any
    formula: str
    probe: str

    @property
    def number(self) -> str:
        """The difference to 17 digits."""
        return decimal(self.difference)

    @property
    def amount(self) -> str:
        """When and by how much, in words."""
        formula = f"{self.formula} = " if self.formula else ""
        where = "" if self.quantity == "x" else f" ({self.quantity})"
        exactly = "exactly " if self.formula or isinstance(self.difference, Fraction) else ""
        return (
            f"at step {self.step}{where} by {exactly}{formula}{self.number} on the probe "
            f"{self.probe!r}"
        )

    def __str__(self) -> str:
        return f"departs from {self.title} {self.amount}"


def decimal(value: Any) -> str:
    """An exact number, or a ball, to 17 digits."""
    text: str = _ball(value).str(17, radius=False)
    return text


def departure(
    rule: Rule,
    values: Mapping[str, Fraction],
    rival: Rule,
    rival_values: Mapping[str, Fraction],
    probe: Probe,
) -> Departure | None:
    """Where a rival departs from a rule on a probe; ``None`` where no difference is certain.

    >>> import symopt
    >>> from symopt.verification.probe import standard_probes
    >>> settings = {"eta": Fraction(1, 8), "mu": Fraction(1, 2)}
    >>> found = departure(symopt.rules.momentum, settings, symopt.rules.nesterov_keras, settings,
    ...                   standard_probes()[0])
    >>> found.step, found.formula
    (1, '-eta*g1*mu')
    """
    together = not (is_elementwise(rule) and is_elementwise(rival))
    part = probe if together else probe.coordinate(0)
    size = len(part.start)
    ours = opaque_program(rule, probe.steps, size, cut=False)
    theirs = opaque_program(rival, probe.steps, size, cut=False)
    mine, other = (
        _evaluate(program, given, part)
        for program, given in ((ours, values), (theirs, rival_values))
    )
    shared = [label for label in ours.outputs if label in mine and label in other]
    for label in sorted(shared, key=_order):
        difference = _minus(other[label], mine[label])
        if not _may_vanish(difference):
            assert isinstance(label, tuple)
            formula = _formula(label, ours, theirs) if values == rival_values else ""
            quantity = "x" if label[0] == "x" else "the point where the gradient is taken"
            return Departure(
                rival.name, rival.title, label[1], quantity, difference, formula, probe.name
            )
    return None


def _minus(a: Any, b: Any) -> Any:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a - b
    with numbers.precision(_BITS):
        return _ball(a) - _ball(b)


def _ball(value: Any) -> Any:
    from flint import arb, fmpq

    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return value


def _may_vanish(difference: Any) -> bool:
    if isinstance(difference, Fraction):
        return difference == 0
    return not difference.is_finite() or bool(difference.contains(0))


def _order(label: Label) -> tuple[int, bool, tuple[Any, ...]]:
    assert isinstance(label, tuple)
    return label[1], label[0] == "x", label[2:]


def _evaluate(program: Program, values: Mapping[str, Fraction], probe: Probe) -> dict[Label, Any]:
    """All outputs, in fractions where the rule has no roots, else in balls."""
    inputs = [_input(label, values, probe) for label in program.inputs]
    names = {label: f"i{index}" for index, label in enumerate(program.inputs)}
    source = function_source("points", program, names, EXACT)
    exact = numbers.rational()
    try:
        found = compile_source(source, exact)(*map(exact.convert, inputs))
        return dict(zip(program.outputs, map(to_fraction, found), strict=True))
    except InexactError:
        balls = numbers.ball()
    from flint import arb

    with numbers.precision(_BITS):
        try:
            found = compile_source(source, balls)(*map(balls.convert, inputs))
        except SymoptError:
            return {}
        return dict(zip(program.outputs, map(arb, found), strict=True))


def _input(label: Label, values: Mapping[str, Fraction], probe: Probe) -> Fraction:
    assert isinstance(label, tuple)
    if label[0] == "hyper":
        return values[label[1]]
    if label[0] == "x":
        start: Fraction = probe.start[label[2]]
        return start
    gradient: Fraction = probe.gradients[label[1] - 1][label[3]]
    return gradient


def _formula(label: Label, ours: Program, theirs: Program) -> str:
    """The difference of an output as a polynomial, if it is a short one."""
    parts = []
    for program in (ours, theirs):
        part = Program(program.nodes, {label: program.outputs[label]})
        needed = _needed(part, program.outputs[label])
        if any(program.nodes[i].op not in _POLYNOMIAL for i in needed):
            return ""
        parts.append(to_sympy(part, {entry: _symbol(entry) for entry in program.inputs})[label])
    difference = sympy.expand(parts[1] - parts[0])
    if len(sympy.Add.make_args(difference)) > _TERMS:
        return ""
    return str(sympy.factor_terms(difference))


_POLYNOMIAL = frozenset({"const", "input", "neg", "add", "sub", "mul", "div"})


def _needed(program: Program, output: int) -> set[int]:
    needed: set[int] = set()
    waiting: list[int] = [output]
    while waiting:
        index = waiting.pop()
        if index not in needed:
            needed.add(index)
            waiting.extend(program.nodes[index].args)
    return needed


def _symbol(label: Label) -> Expr:
    assert isinstance(label, tuple)
    if label[0] == "hyper":
        return Symbol(label[1])
    return Symbol("x0") if label[0] == "x" else Symbol(f"g{label[1]}")
