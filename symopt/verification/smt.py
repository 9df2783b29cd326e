"""A cross-check of proofs by an SMT solver: z3 looks for a point at which two rules differ.

It is no part of a proof. The first steps of both rules, with arbitrary gradients, are handed over
as constraints on real numbers (a root s of p is s*s = p with s >= 0, a quotient q of a and b is
q*b = a with b != 0), and z3 is asked for values at which the points differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr

from symopt.derivation.opaque import is_elementwise
from symopt.errors import MissingExtraError
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.statement.rule import Rule
from symopt.verification.siblings import opaque_program

__all__ = ["CrossCheck", "cross_check"]

#: How long z3 may look for a counterexample, in milliseconds.
TIMEOUT = 5000


@dataclass(frozen=True)
class CrossCheck:
    """What z3 found for the first ``steps`` steps.

    ``answer`` is ``"unsat"`` (there is no point at which the rules differ), ``"sat"`` (with the
    ``point``), ``"unknown"`` or ``"not posed"``, with the ``reason``.

    >>> print(CrossCheck("5.4", 1, "unsat"))
    z3 5.4: no counterexample for k = 1
    """

    solver: str
    steps: int
    answer: str
    reason: str = ""
    point: str = ""

    def __str__(self) -> str:
        found = {
            "unsat": "no counterexample",
            "sat": f"a counterexample at {self.point}",
            "unknown": f"undecided ({self.reason})",
            "not posed": f"not asked, for the rules use {self.reason}",
        }[self.answer]
        return f"z3 {self.solver}: {found} for k = {self.steps}"


def cross_check(
    first: Rule,
    second: Rule,
    steps: int = 1,
    timeout: int = TIMEOUT,
    nonzero: Sequence[Expr] = (),
) -> CrossCheck:
    """Ask z3 for a start, gradients and hyperparameters at which two rules differ.

    ``timeout`` is in milliseconds; ``nonzero`` expressions of hyperparameters are not zero.
    Raises :class:`~symopt.errors.MissingExtraError` without z3.
    """
    try:
        import z3
    except ImportError:
        raise MissingExtraError("the cross-check needs z3: pip install 'symopt[smt]'") from None

    version = z3.get_version_string()
    size = 1 if is_elementwise(first) and is_elementwise(second) else 2
    programs = [opaque_program(rule, steps, size, cut=False) for rule in (first, second)]
    unfit = {node.op for program in programs for node in program.nodes} - _POSED
    if unfit:
        return CrossCheck(version, steps, "not posed", ", ".join(sorted(unfit)))
    domains = _domains(first, second)
    divisors = _divisors(nonzero, domains)
    if divisors is None:
        return CrossCheck(version, steps, "not posed", "a divisor that is no hyperparameter's")
    solver = z3.Solver()
    solver.set("timeout", timeout)
    posed = _Posed(z3, solver)
    values = [posed.program(program) for program in programs]
    solver.add([value != 0 for value in posed.program(divisors).values()])
    for name, domain in domains.items():
        variable = posed.inputs.get(("hyper", name))
        if variable is not None:
            inside = _inside(z3, variable, domain)
            if inside is None:
                return CrossCheck(version, steps, "not posed", f"{domain} for {name}")
            solver.add(inside)
    pairs = [(values[0][label], values[1][label]) for label in values[0]]
    solver.add(z3.Or([a != b for a, b in pairs]))
    answer = str(solver.check())
    if answer == "sat":
        model = solver.model()
        point = ", ".join(
            f"{v} = {model.eval(v, model_completion=True)}" for v in posed.inputs.values()
        )
        return CrossCheck(version, steps, answer, point=point)
    reason = solver.reason_unknown() if answer == "unknown" else ""
    return CrossCheck(version, steps, answer, reason)


_POSED = frozenset({
    "const", "input", "neg", "add", "sub", "mul", "div", "sqrt", "abs", "sign", "max", "min",
    "lt", "le", "eq", "and", "or", "not", "select",
})  # fmt: skip


class _Posed:
    """Programs as constraints of one solver."""

    def __init__(self, z3: Any, solver: Any) -> None:
        self.z3, self.solver = z3, solver
        self.inputs: dict[Any, Any] = {}
        self.fresh = 0

    def program(self, program: Program) -> dict[Any, Any]:
        """The outputs; what must hold for them to be defined is added to the solver."""
        guards = program.guards(program.outputs.values())
        values: list[Any] = []
        for index, node in enumerate(program.nodes):
            args = [values[arg] for arg in node.args]
            if node.op == "input":
                values.append(self._input(node.value))
            elif node.op == "const":
                values.append(self.z3.Q(node.value.numerator, node.value.denominator))
            elif node.op in ("sqrt", "div"):
                # Inside a branch of an if-then-else only where that branch is taken.
                taken = [values[c] if truth else self.z3.Not(values[c])
                         for c, truth in guards.get(index, ())]  # fmt: skip
                values.append(self._defined(node.op, args, taken))
            else:
                values.append(self._operation(node.op, args))
        return {label: values[index] for label, index in program.outputs.items()}

    def _input(self, label: Any) -> Any:
        if label not in self.inputs:
            self.inputs[label] = self.z3.Real(_words(label))
        return self.inputs[label]

    def _defined(self, op: str, args: list[Any], taken: list[Any]) -> Any:
        self.fresh += 1
        value = self.z3.Real(f"{op}{self.fresh}")
        if op == "sqrt":
            holds = self.z3.And(value * value == args[0], value >= 0)
        else:
            holds = self.z3.And(value * args[1] == args[0], args[1] != 0)
        self.solver.add(self.z3.Implies(self.z3.And(taken), holds) if taken else holds)
        return value

    def _operation(self, op: str, args: list[Any]) -> Any:
        z3 = self.z3
        if op in ("lt", "le", "eq", "and", "or", "not"):
            return {
                "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b,
                "and": z3.And, "or": z3.Or, "not": z3.Not,
            }[op](*args)  # fmt: skip
        if op == "select":
            return z3.If(*args)
        numbers = [z3.If(arg, z3.Q(1, 1), z3.Q(0, 1)) if z3.is_bool(arg) else arg for arg in args]
        zero = z3.Q(0, 1)
        table: dict[str, Any] = {
            "neg": lambda a: -a, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b, "abs": lambda a: z3.If(a >= 0, a, -a),
            "sign": lambda a: z3.If(a > 0, z3.Q(1, 1), z3.If(a < 0, z3.Q(-1, 1), zero)),
            "max": lambda a, b: z3.If(a >= b, a, b), "min": lambda a, b: z3.If(a <= b, a, b),
        }  # fmt: skip
        return table[op](*numbers)


def _words(label: Any) -> str:
    if label[0] == "hyper":
        return str(label[1])
    if label[0] == "x":
        return f"x{label[1]}_{label[2] + 1}"
    primes = "'" * (int(label[2]) - 1)
    return f"g{label[1]}{primes}_{label[3] + 1}"


def _domains(first: Rule, second: Rule) -> dict[str, sympy.Set]:
    domains: dict[str, sympy.Set] = {}
    for entry in (*first.parameters, *second.parameters):
        domains[entry.name] = domains.get(entry.name, sympy.Reals).intersect(entry.domain)
    return domains


def _inside(z3: Any, variable: Any, domain: sympy.Set) -> Any:
    """The constraint that a variable lies in intervals with rational ends; ``None`` for others."""
    if isinstance(domain, sympy.Union):
        parts = [_inside(z3, variable, part) for part in domain.args]
        return None if any(part is None for part in parts) else z3.Or(parts)
    if isinstance(domain, sympy.FiniteSet) and all(value.is_Rational for value in domain):
        return z3.Or([variable == z3.Q(int(value.p), int(value.q)) for value in domain])
    if not isinstance(domain, sympy.Interval):
        return z3.BoolVal(True) if domain == sympy.Reals else None
    bounds = [z3.BoolVal(True)]
    for end, is_low in ((domain.start, True), (domain.end, False)):
        if end.is_infinite:
            continue
        if not end.is_Rational:
            return None
        value = z3.Q(int(end.p), int(end.q))
        low, high = (value, variable) if is_low else (variable, value)
        bounds.append(low <= high if end in domain else low < high)
    return z3.And(bounds)


def _divisors(nonzero: Sequence[Expr], hyper: Iterable[str]) -> Program | None:
    """Expressions of hyperparameters as a program; ``None`` where they are of more than those."""
    names = set(hyper)
    graph = Graph()
    outputs: dict[Label, int] = {}
    for number, expression in enumerate(nonzero):
        if not {symbol.name for symbol in expression.free_symbols} <= names:
            return None
        nodes = {s: graph.input(("hyper", s.name)) for s in expression.free_symbols}
        outputs[number] = Reader(graph, nodes).read(expression)
    return graph.program(outputs)
