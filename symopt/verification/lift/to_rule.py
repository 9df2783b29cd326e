"""A traced step written as a :class:`~symopt.statement.rule.Rule`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.errors import LiftError
from symopt.program.graph import ARITY, Graph
from symopt.program.to_sympy import OPERATIONS
from symopt.statement.numbers import rational
from symopt.statement.rule import Hyperparameter, Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    amax,
    domain_of,
    grad,
    hyperparameter,
    mean,
    norm,
    rms,
    t,
    variable,
    x,
)
from symopt.verification.lift.coordinates import Coordinates

__all__ = ["Memory", "TracedStep", "to_rule"]

_RESERVED = frozenset({"x", "t", "g", "grad"})
#: The inert reading: SymPy must neither decide nor rewrite these.
_INERT: dict[str, Any] = {
    "max": lambda a, b: sympy.Max(a, b, evaluate=False),
    "min": lambda a, b: sympy.Min(a, b, evaluate=False),
    "lt": lambda a, b: sympy.StrictLessThan(a, b, evaluate=False),
    "le": lambda a, b: sympy.LessThan(a, b, evaluate=False),
    "eq": lambda a, b: sympy.Equality(a, b, evaluate=False),
    "pi": lambda: sympy.pi,
    "e": lambda: sympy.E,
}


@dataclass(frozen=True)
class Memory:
    """State of the code: its nodes before the first step and after a step.

    One node for a scalar, or one per coordinate. The step reads it as the inputs ``(name, None)``
    or ``(name, coordinate)``.
    """

    name: str
    start: tuple[int, ...]
    after: tuple[int, ...]
    scalar: bool = False


@dataclass(frozen=True)
class TracedStep:
    """One step of code from an arbitrary state, as nodes of one graph.

    Inputs are labelled as in :class:`~symopt.derivation.opaque.OpaqueStep`: ``("x", i)``,
    ``(state, i)`` or ``(state, None)``, ``("t",)``, ``("hyper", name)``, and the n-th answer of
    the oracle ``("g", n, i)``. ``asks`` are the points of the questions, ``names`` what the code
    calls a value (of the first coordinate).
    """

    graph: Graph
    size: int
    point: tuple[int, ...]
    asks: tuple[tuple[int, ...], ...]
    state: tuple[Memory, ...]
    hyper: Mapping[str, Fraction]
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Line:
    target: Symbol
    node: int
    ask: bool = False


def to_rule(
    step: TracedStep, *, title: str, source: Source, note: str = "", name: str = ""
) -> Rule:
    """The rule that a traced step is, with what it does not need left out.

    Raises :class:`~symopt.errors.LiftError` where coordinates are not all treated alike.

    >>> from symopt.statement.source import Reference
    >>> graph = Graph()
    >>> x0, g0 = graph.input(("x", 0)), graph.input(("g", 1, 0))
    >>> moved = graph.sub(x0, graph.mul(graph.input(("hyper", "lr")), g0))
    >>> step = TracedStep(graph, 1, (moved,), ((x0,),), (), {"lr": Fraction(1, 10)})
    >>> print(to_rule(step, title="SGD", source=Source(
    ...     "mine", "line 1", Reference("mine", "mine.py", "Me", 2026))))
    SGD (Me (2026), line 1)
      lr = 1/10
      g <- grad(x)
      x <- -g*lr + x
    """
    return _Writer(step).rule(title, source, note, name)


class _Writer:
    def __init__(self, step: TracedStep) -> None:
        self.step = step
        self.graph = step.graph
        self.coordinates = Coordinates(step.graph, step.size)
        self.memory = {entry.name: entry for entry in step.state}
        self.needed = self._needed()
        one = self.coordinates.one
        self.point = one(step.point, "the parameter")
        self.asks = [
            one(ask, f"the point of question {number}") if ("g", number) in self.needed else -1
            for number, ask in enumerate(step.asks, 1)
        ]
        kept = [entry for entry in step.state if (entry.name,) in self.needed]
        self.after = {entry.name: one(entry.after, f"the state {entry.name}") for entry in kept}
        self.start = {entry.name: one(entry.start, f"the start of {entry.name}") for entry in kept}
        for entry in kept:
            if entry.scalar and self.coordinates.support(self.after[entry.name]):
                raise LiftError(f"the scalar state {entry.name} depends on single coordinates")
        self.symbols = self._symbols()

    # What the parameter depends on, from step to step.

    def _inputs(self, node: int) -> Iterator[tuple[Any, ...]]:
        seen: set[int] = set()
        stack = [node]
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            entry = self.graph.nodes[current]
            if entry.op == "input":
                yield entry.value
            stack += entry.args

    def _needed(self) -> dict[tuple[Any, ...], None]:
        """The inputs, without their coordinates, that the parameter depends on over all steps."""
        found: dict[tuple[Any, ...], None] = {}
        stack = list(self.step.point)
        while stack:
            for label in self._inputs(stack.pop()):
                key = label[:-1] if len(label) > 1 and isinstance(label[-1], int | None) else label
                if key in found:
                    continue
                found[key] = None
                if key[0] == "g":
                    stack += self.step.asks[key[1] - 1]
                elif key[0] in self.memory and len(key) == 1:
                    stack += [*self.memory[key[0]].after, *self.memory[key[0]].start]
        if not any(key[0] == "g" for key in found):
            raise LiftError("the parameter does not depend on the gradient")
        return found

    def _symbols(self) -> dict[tuple[Any, ...], Symbol]:
        symbols: dict[tuple[Any, ...], Symbol] = {("x",): x, ("t",): t}
        taken = set(_RESERVED)
        questions = sorted(key[1] for key in self.needed if key[0] == "g")
        for number in questions:
            name = "g" if len(questions) == 1 else f"g{number}"
            symbols["g", number] = variable(name)
            taken.add(name)
        for key in sorted(self.needed, key=lambda key: key[0] != "hyper"):  # they keep their names
            if key in symbols or key[0] == "g":
                continue
            if key[0] not in self.memory and key[0] != "hyper":
                what = key[-1] if key[0] == "opaque" else f"a value that is no number ({key[0]})"
                raise LiftError(f"the step depends on {what}, which no rule can say")
            make = variable if key[0] != "hyper" or not self._standard(key[1]) else hyperparameter
            symbols[key] = make(_free(str(key[-1]), taken))
        return symbols

    def _standard(self, name: str) -> bool:
        """Whether a hyperparameter's value is in the domain that its name has in the field."""
        return bool(rational(self.step.hyper[name]) in domain_of(Symbol(name)))

    # SymPy expressions of nodes.

    def expression(self, node: int, cuts: Mapping[int, Symbol]) -> Any:
        memo: dict[int, Any] = {}

        def read(index: int, top: bool = False) -> Any:
            if not top and index in cuts:
                return cuts[index]
            if index not in memo:
                memo[index] = self._read(index, read)
            return memo[index]

        return read(node, True)

    def _read(self, node: int, read: Any) -> Any:
        entry = self.graph.nodes[node]
        if entry.op == "const":
            return rational(entry.value)
        if entry.op == "input":
            label = entry.value
            key = label[:-1] if len(label) > 1 and isinstance(label[-1], int | None) else label
            return self.symbols[key]
        reduced = self._reduction(node, read)
        if reduced is not None:
            return reduced
        if entry.op == "select":
            return _piecewise(*[read(arg) for arg in entry.args])
        operation = _INERT.get(entry.op) or OPERATIONS[entry.op]
        return operation(*[read(arg) for arg in entry.args])

    def _reduction(self, node: int, read: Any) -> Expr | None:
        """The named reductions: norm, rms, mean and the largest entry."""
        coordinates, graph = self.coordinates, self.graph
        found = coordinates.reduction(node)
        if found is not None:
            if found.kind == "max":
                return amax(read(found.element))
            if found.kind == "min":
                return -amax(-read(found.element))
            root = self._root(found.element)
            if root is None:
                raise LiftError(
                    f"a sum of {read(found.element)} over the coordinates is no norm and no mean"
                )
            return norm(read(root)) ** 2
        entry = graph.nodes[node]
        inner = entry.args[0] if entry.op == "sqrt" else node
        scaled = coordinates.scaled(inner)
        sums = scaled and coordinates.reduction(scaled[0])
        whole = coordinates.reduction(inner)
        if entry.op == "sqrt" and whole is not None and whole.kind == "sum":
            root = self._root(whole.element)
            return None if root is None else norm(read(root))
        if scaled is None or not sums or sums.kind != "sum":
            return None
        if scaled[1] * self.step.size != 1:
            return None
        root = self._root(sums.element)
        if entry.op == "sqrt":
            return None if root is None else rms(read(root))
        return mean(read(sums.element))

    def _root(self, node: int) -> int | None:
        """``a`` where the node is ``a*a``."""
        entry = self.graph.nodes[node]
        if entry.op == "mul" and entry.args[0] == entry.args[1]:
            return entry.args[0]
        if entry.op == "mul":
            left, right = (self._root(arg) for arg in entry.args)
            if left is not None and right is not None:
                return self.graph.mul(left, right)
        return None

    # Lines, in an order in which old and new values are told apart.

    def rule(self, title: str, source: Source, note: str, name: str) -> Rule:
        kept = [entry for entry in self.step.state if (entry.name,) in self.needed]
        lines = [
            _Line(self.symbols["g", number], ask, ask=True)
            for number, ask in enumerate(self.asks, 1)
            if ("g", number) in self.symbols
        ]
        lines += [_Line(self.symbols[entry.name,], self.after[entry.name]) for entry in kept]
        lines.append(_Line(x, self.point))
        lines += self._temporaries(lines)
        update = self._ordered(lines)
        hyper = [key for key in self.symbols if key[0] == "hyper" and len(key) == 2]
        parameters = {
            self.symbols[key]: Hyperparameter(
                self.symbols[key],
                rational(self.step.hyper[key[1]]),
                domain_of(self.symbols[key]) if self._standard(key[1]) else sympy.S.Reals,
            )
            for key in hyper
        }
        order = {name: index for index, name in enumerate(self.step.hyper)}
        ranked = sorted(hyper, key=lambda key: order[key[1]])
        state = {
            self.symbols[entry.name,]: self.expression(self.start[entry.name], {}) for entry in kept
        }
        return Rule(
            title=title,
            source=source,
            hyperparameters={self.symbols[key]: parameters[self.symbols[key]] for key in ranked},
            state=state,
            update=update,
            note=note,
            name=name,
        )

    def _temporaries(self, lines: Sequence[_Line]) -> list[_Line]:
        """Lines for values that the code names, where lines need them and they are no leaves."""
        reached: set[int] = set()
        stack = [line.node for line in lines]
        ends = set(stack)
        while stack:
            current = stack.pop()
            if current not in reached:
                reached.add(current)
                stack += self.graph.nodes[current].args
        taken = {symbol.name for symbol in self.symbols.values()} | _RESERVED
        made = []
        for node, name in self.step.names.items():
            ours = node in reached and node not in ends and self.coordinates.support(node) <= {0}
            entry = self.graph.nodes[node]
            if ours and ARITY[entry.op] and entry.op not in ("lt", "le", "eq", "and", "or", "not"):
                made.append(_Line(variable(_free(name, taken)), node))
        return made

    def _ordered(self, lines: list[_Line]) -> list[tuple[Symbol, Expr]]:
        """The lines in order; reading a name before its line means the old value."""
        leaves = {node for node in range(len(self.graph.nodes)) if not self.graph.nodes[node].args}
        state = {line.target for line in lines if not line.ask}
        values = [line for line in lines if not line.ask and line.node not in leaves]
        cut = {line.node: line.target for line in values}
        while True:
            rows = {}
            for line in lines:
                own = {node: name for node, name in cut.items() if name != line.target}
                rows[line.target] = self._row(line, own)
            order = _sorted_lines([line.target for line in lines], rows, state)
            if order is not None:
                break
            if not cut:
                return self._simultaneous(lines)
            # Old and new values of one name are needed in one place: spell one new value out.
            cut.pop(next(reversed(cut)))
        known = set(self.symbols.values())
        while True:
            used = set().union(*(rows[name][1].free_symbols for name in order))
            kept = [name for name in order if name in known or name in used]
            if kept == order:
                return [(name, rows[name][1]) for name in order]
            order = kept

    def _row(
        self, line: _Line, cuts: Mapping[int, Symbol]
    ) -> tuple[set[Symbol], Expr, set[Symbol]]:
        """The new values that a line reads, its expression, and the old values that it reads."""
        new: set[Symbol] = set()
        old: set[Symbol] = set()
        seen: set[int] = set()
        stack = [line.node]
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in cuts and current != line.node:
                new.add(cuts[current])
                continue
            entry = self.graph.nodes[current]
            if entry.op == "input":
                old.add(self._read(current, None))
            stack += entry.args
        expression = self.expression(line.node, cuts)
        if line.node in cuts:
            # Two quantities that become the same value: the second copies the first.
            expression, new, old = cuts[line.node], {cuts[line.node]}, set()
        return new, grad(expression) if line.ask else expression, old

    def _simultaneous(self, lines: list[_Line]) -> list[tuple[Symbol, Expr]]:
        """All right-hand sides first, then the assignments: always right, never pretty."""
        taken = {symbol.name for symbol in self.symbols.values()} | _RESERVED
        asks = [line for line in lines if line.ask]
        known = set(self.symbols.values())
        rest = [line for line in lines if not line.ask and line.target in known]
        update = [(line.target, grad(self.expression(line.node, {}))) for line in asks]
        fresh = {line.target: variable(_free(f"{line.target}_new", taken)) for line in rest}
        update += [(fresh[line.target], self.expression(line.node, {})) for line in rest]
        return update + [(line.target, fresh[line.target]) for line in rest]


def _sorted_lines(
    targets: Sequence[Symbol],
    rows: Mapping[Symbol, tuple[set[Symbol], Expr, set[Symbol]]],
    state: set[Symbol],
) -> list[Symbol] | None:
    """The targets in an order that respects old and new values, or ``None`` if there is none."""
    before: dict[Symbol, set[Symbol]] = {target: set() for target in targets}
    for target, (new, _, old) in rows.items():
        before[target] |= new & set(targets)
        for name in old & set(targets):
            if name not in state:  # an answer of the oracle has no old value
                before[target].add(name)
            elif name != target:
                before[name].add(target)
    order: list[Symbol] = []
    while len(order) < len(targets):
        ready = [name for name in targets if name not in order and before[name] <= set(order)]
        if not ready:
            return None
        order.append(ready[0])
    return order


def _free(name: str, taken: set[str]) -> str:
    """A name that is not taken yet, and takes it."""
    base = name if name.isidentifier() else "s"
    found = base if base not in taken else next(
        candidate for n in range(2, 10_000) if (candidate := f"{base}_{n}") not in taken
    )  # fmt: skip
    taken.add(found)
    return found


def _piecewise(condition: Any, then: Any, otherwise: Any) -> Any:
    rest = otherwise.args if isinstance(otherwise, sympy.Piecewise) else [(otherwise, True)]
    return sympy.Piecewise((then, condition), *rest, evaluate=False)
