"""A rule that is not linear, near a fixed point: the exact derivative of one step there.

The program of a step on ``h x**2 / 2`` is read once, each node with its value at the fixed point
and its derivative there. Three things are known of a node: that it is differentiable; that it is
continuous and no more (a root or an absolute value at 0); or that neither holds, which is refused.
A product of a differentiable factor that vanishes and a continuous one *is* differentiable, since
``(a + o(s)) (b + o(1)) = a b + o(s)``: so the root of Adam's second moment, which has no derivative
at 0, does no harm while epsilon stands beside it. A derivative in this sense (Frechet's, on the
states that occur) is enough for stability: with spectral radius below one, starts near enough to
the fixed point converge to it.

Counters: a decay to the power t tends to 0, so what is linearized is the step in the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.linear_step import curvature_symbol, step_on
from symopt.derivation.opaque import is_elementwise
from symopt.derivation.recurrence import equal, seen_by_x, tidy
from symopt.derivation.region import Signs, region, step_size
from symopt.derivation.schur import conditions
from symopt.errors import InputError
from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.ranges import Range
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from symopt.derivation.stability import Stability

__all__ = ["linearized"]


@dataclass(frozen=True)
class _Local:
    """A node near the fixed point: its value, and its derivative or ``None`` if only continuous."""

    value: Expr
    slope: Matrix | None


class _RefusedError(Exception):
    """Why a node has no derivative, in words that follow its line."""


class _Near:
    """Reads nodes near a fixed point."""

    def __init__(self, signs: Signs, size: int) -> None:
        self.signs = signs
        self.flat = sympy.zeros(1, size)
        self.limits = False

    def positive(self, value: Expr) -> bool:
        """Whether a value is positive, if need be because hyperparameters do not vanish."""
        if self.signs.positive(value):
            return True
        signs = self.signs
        for symbol in value.free_symbols:
            if signs.ranges.get(symbol, Range()).nonnegative:
                signs = signs.with_positive(symbol)
        if signs is not self.signs and signs.positive(value):
            self.signs = signs
            return True
        return False

    def sign(self, value: Expr, what: str) -> int:
        """The sign of a value at the fixed point."""
        if equal(value, sympy.S.Zero):
            return 0
        if self.positive(value):
            return 1
        if self.positive(-value):
            return -1
        raise _RefusedError(f"depends on the sign of {value}, {what}")

    def read(self, node: Node, args: list[_Local], fading: bool) -> _Local:
        """One node from its arguments; ``fading`` says that it is a power that tends to 0."""
        op = node.op
        if op == "const":
            return _Local(sympy.Rational(node.value.numerator, node.value.denominator), self.flat)
        if op == "pow" and fading:
            self.limits = True
            return _Local(sympy.S.Zero, self.flat)
        if op in ("neg", "add", "sub"):
            return self._sum(op, args)
        if op == "mul":
            return self._product(*args)
        if op == "div":
            return self._product(args[0], self._inverse(args[1]))
        if op == "sqrt":
            return self._root(args[0])
        if op == "abs":
            return self._absolute(args[0])
        if op == "sign":
            direction = self.sign(args[0].value, "under sign()")
            if direction == 0:
                raise _RefusedError(
                    "takes the sign of what is 0 at the fixed point: it jumps there"
                )
            return _Local(sympy.Integer(direction), self.flat)
        if op in ("max", "min"):
            return self._extreme(op, *args)
        if op == "select":
            return args[1] if args[0].value == 1 else args[2]
        if op in ("lt", "le", "eq"):
            order = self.sign(args[1].value - args[0].value, "in a condition")
            if order == 0:
                raise _RefusedError("has a condition whose two sides are equal at the fixed point")
            return _Local(sympy.Integer(int(order > 0 and op != "eq")), self.flat)
        if op == "pow" and all(arg.slope == self.flat for arg in args):
            return _Local(args[0].value ** args[1].value, self.flat)
        raise _RefusedError(f"uses {op}, of which no derivative is taken here")

    def _sum(self, op: str, args: list[_Local]) -> _Local:
        signs = {"neg": (-1,), "add": (1, 1), "sub": (1, -1)}[op]
        value = sum((s * arg.value for s, arg in zip(signs, args, strict=True)), sympy.S.Zero)
        if any(arg.slope is None for arg in args):
            return _Local(value, None)
        slope = self.flat
        for factor, arg in zip(signs, args, strict=True):
            slope = slope + arg.slope * factor  # type: ignore[operator]
        return _Local(value, slope)

    def _product(self, a: _Local, b: _Local) -> _Local:
        value = a.value * b.value
        if a.slope is not None and b.slope is not None:
            return _Local(value, a.slope * b.value + b.slope * a.value)
        for smooth, other in ((a, b), (b, a)):
            if smooth.slope is not None and equal(smooth.value, sympy.S.Zero):
                return _Local(sympy.S.Zero, smooth.slope * other.value)
        return _Local(value, None)

    def _inverse(self, arg: _Local) -> _Local:
        if self.sign(arg.value, "a denominator") == 0:
            raise _RefusedError("divides by what is 0 at the fixed point")
        slope = None if arg.slope is None else -arg.slope / arg.value**2
        return _Local(1 / arg.value, slope)

    def _root(self, arg: _Local) -> _Local:
        direction = self.sign(arg.value, "under a root")
        if direction < 0:
            raise _RefusedError("takes the root of a negative number at the fixed point")
        if direction == 0:
            return _Local(sympy.S.Zero, None)
        value = sympy.sqrt(self.signs.upright(tidy(arg.value)))
        return _Local(value, None if arg.slope is None else arg.slope / (2 * value))

    def _absolute(self, arg: _Local) -> _Local:
        direction = self.sign(arg.value, "under abs()")
        if direction == 0:
            return _Local(sympy.S.Zero, None)
        return _Local(direction * arg.value, None if arg.slope is None else direction * arg.slope)

    def _extreme(self, op: str, a: _Local, b: _Local) -> _Local:
        order = self.sign(a.value - b.value, f"in a {op}imum")
        if order == 0:
            return _Local(a.value, None)
        return a if (order > 0) == (op == "max") else b


class _Linearization:
    """The fixed point of a rule on a quadratic whose minimum is at 0, and the derivative there."""

    def __init__(self, rule: Rule, given: Mapping[Symbol, Expr]) -> None:
        self.rule = rule
        self.curvature = curvature_symbol(rule)
        step = step_on(rule, self.curvature)
        graph = Graph()
        numbers: dict[Label, int] = {
            ("hyper", s.name): graph.const(Fraction(int(value.p), int(value.q)))
            for s, value in given.items()
        }
        numbers["slope",] = graph.const(0)
        self.program = graph.program(graph.inline(step.program, numbers))
        self.slots = step.slots
        self.symbols: dict[Label, Expr] = {
            ("curvature",): self.curvature,
            **{("hyper", s.name): s for s in rule.hyperparameters if s not in given},
        }
        self.near = _Near(Signs.of(rule, [self.curvature]), len(self.slots))
        self.fixed: dict[Label, Expr] = {self.slots[0]: sympy.S.Zero}
        self.families: list[Symbol] = []
        self.counted = self.program.depends_on([("t",)])

    def _values(self, wanted: list[Label], states: Mapping[Label, Expr]) -> dict[Label, _Local]:
        """The outputs near a point."""
        program = Program(self.program.nodes, {k: self.program.outputs[k] for k in wanted})
        needed = program.guards(program.outputs.values(), branches=False)
        known: dict[int, _Local] = {}
        for index in needed:
            node = self.program.nodes[index]
            if node.op == "input":
                given = self._input(node.value, states)
                if given is not None:
                    known[index] = given
                continue
            if node.op == "select":  # only the branch that is taken needs a derivative
                taken = known.get(node.args[0])
                branch = node.args[1 if taken is not None and taken.value == 1 else 2]
                if taken is None or branch not in known:
                    raise _RefusedError("is not decided at the fixed point")
                known[index] = known[branch]
                continue
            if node.op in ("eq", "lt", "le") and self.counted[index]:
                late = self._late(node)
                if late is not None:
                    known[index] = _Local(sympy.Integer(int(late)), self.near.flat)
                    continue
            fading = node.op == "pow" and self._fades(node)
            args = [known.get(arg) for arg in node.args]
            if any(arg is None for arg in args) and not fading:
                continue  # a counter, which only a power that fades may use
            known[index] = self.near.read(node, [arg for arg in args if arg], fading)
        for index in program.outputs.values():
            if index not in known:
                raise _RefusedError("changes with t for ever")
        return {label: known[index] for label, index in program.outputs.items()}

    def _input(self, label: Label, states: Mapping[Label, Expr]) -> _Local | None:
        if label == ("t",):
            return None
        if label in self.symbols:
            return _Local(self.symbols[label], self.near.flat)
        slope = self.near.flat.copy()
        slope[self.slots.index(label)] = 1  # type: ignore[arg-type]
        return _Local(states[label], slope)

    def _late(self, node: Node) -> bool | None:
        """A comparison of t itself with a number, once t is large."""
        left, right = (self.program.nodes[arg] for arg in node.args)
        if left.op == "input" and left.value == ("t",) and right.op == "const":
            return False
        if right.op == "input" and right.value == ("t",) and left.op == "const":
            return node.op != "eq"
        return None

    def _fades(self, node: Node) -> bool:
        """Whether a power has a base in [0, 1) and an exponent that is t, up to a constant."""
        base, exponent = (self.program.nodes[arg] for arg in node.args)
        if base.op == "const":
            small = 0 <= base.value < 1
        elif base.op == "input" and base.value in self.symbols:
            small = self.near.signs.ranges.get(self.symbols[base.value], Range()).unit
        else:
            return False
        return small and self._grows(exponent)

    def _grows(self, exponent: Node) -> bool:
        """Whether an exponent is t, shifted by a constant or times something positive."""
        if exponent.op == "input":
            return bool(exponent.value == ("t",))
        parts = [self.program.nodes[arg] for arg in exponent.args]
        if exponent.op == "add":
            return any(p.op == "const" for p in parts) and any(map(self._grows, parts))
        if exponent.op == "sub":
            return parts[1].op == "const" and self._grows(parts[0])
        if exponent.op == "mul":
            for part, other in (parts, parts[::-1]):
                factor = self.symbols.get(other.value) if other.op == "input" else None
                if self._grows(part) and factor is not None and self.near.positive(factor):
                    return True
        return False

    def find(self) -> None:
        """The values of the states at which a step changes nothing while x is at the minimum."""
        waiting = list(self.slots[1:])
        guesses: dict[Label, Symbol] = {slot: Symbol(slot[0], positive=True) for slot in waiting}
        while waiting:
            for slot in waiting:
                states: dict[Label, Expr] = {**guesses, **self.fixed}
                value = self._values([slot], states)[slot].value
                others = {guesses[other] for other in waiting if other != slot}
                if value.free_symbols & others:
                    continue
                own = guesses[slot]
                slope = sympy.cancel(sympy.diff(value, own))
                rest = sympy.cancel(value - slope * own)
                if own in slope.free_symbols or own in rest.free_symbols:
                    raise _RefusedError(f"has no fixed value of {slot[0]} that is found here")
                if slope == 1 and rest == 0:
                    self.fixed[slot] = own
                    self.families.append(own)
                elif slope == 1:
                    raise _RefusedError(f"moves {slot[0]} for ever: there is no fixed point")
                else:
                    value = tidy(rest / (1 - slope))
                    self.fixed[slot] = self.near.signs.upright(value)
                waiting.remove(slot)
                break
            else:
                names = ", ".join(slot[0] for slot in waiting)
                raise _RefusedError(f"ties {names} together: no fixed point is found here")

    def derivative(self) -> Matrix:
        """One row per state; the point is checked to be fixed."""
        rows = []
        for slot in self.slots:
            local = self._values([slot], self.fixed)[slot]
            if not equal(local.value, self.fixed[slot]):
                raise _RefusedError(f"does not leave {slot[0]} where it is")
            if local.slope is None:
                raise _RefusedError(f"gives {slot[0]} no derivative at the fixed point")
            rows.append(local.slope.applyfunc(sympy.cancel))
        return Matrix.vstack(*rows)


def linearized(rule: Rule, given: Mapping[Symbol, Expr], refusal: InputError) -> Stability:
    """The stability of a rule near its fixed point on a quadratic.

    Raises :class:`~symopt.errors.InputError` where there is no derivative, with the reason.
    """
    from symopt.derivation.stability import Stability

    if not is_elementwise(rule):
        raise refusal
    work = _Linearization(rule, given)
    try:
        work.find()
        matrix = work.derivative()
    except _RefusedError as why:
        raise InputError(
            f"{refusal}; and it cannot be linearized at a fixed point: it {why}. "
            "symopt.run shows single runs"
        ) from None
    plain, roots = _without_roots(matrix)
    back = {root: sympy.sqrt(value) for root, value in roots.items()}
    seen = tuple(part.xreplace(back) for part in seen_by_x(plain))
    size = step_size(rule, work.curvature, given)
    fixed = {slot[0]: work.fixed[slot] for slot in work.slots}
    found = region(
        conditions(seen_by_x(plain)), rule, size, work.curvature,
        *work.families, *[s for s, known in work.near.signs.ranges.items() if known.positive],
    ).replaced(back)  # fmt: skip
    return Stability(
        rule, work.curvature, tuple(slot[0] for slot in work.slots), matrix, seen, found, given,
        fixed, _notes(work),
    )  # fmt: skip


def _without_roots(matrix: Matrix) -> tuple[Matrix, dict[Symbol, Expr]]:
    """The entries with a positive symbol for every root, so that they are plain quotients."""
    roots: dict[Symbol, Expr] = {}
    powers = {
        power for entry in matrix for power in entry.atoms(sympy.Pow)
        if power.exp.is_Rational and power.exp.q == 2
    }  # fmt: skip
    for base in sorted({power.base for power in powers}, key=str):
        root = Symbol(f"root_{len(roots)}", positive=True)
        roots[root] = base
        matrix = matrix.xreplace(
            {power: root**power.exp.p for power in powers if power.base == base}
        )
        if base.is_Symbol:
            matrix = matrix.xreplace({base: root**2})
    return matrix.applyfunc(sympy.cancel), roots


def _notes(work: _Linearization) -> tuple[str, ...]:
    notes = [
        "The rule is not linear: this holds near the fixed point, for starts close enough to it."
    ]
    if work.near.limits:
        notes.append("Powers of decays have tended to 0: this is the step for large t.")
    if work.families:
        names = ", ".join(str(symbol) for symbol in work.families)
        notes.append(
            f"Every value of {names} is fixed: along it nothing moves (an eigenvalue 1 that x does "
            "not see), and the region depends on the value that a run arrives at."
        )
    return tuple(notes)
