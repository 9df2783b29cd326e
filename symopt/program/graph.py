"""The spine: a hash-consed straight-line program that knows nothing of optimizers.

A :class:`Graph` is built node by node; equal nodes are made once. A :class:`Program` is the frozen
result: nodes in an order in which every node comes after its arguments, and labelled outputs.
Only identities of exact real arithmetic are folded while building, and only where they cannot
hide an undefined value.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt
from typing import Any, NamedTuple

from symopt.errors import UndefinedError

__all__ = ["ARITY", "Graph", "Guard", "Label", "Node", "Program"]

Label = Hashable
#: A place in nested if-then-elses: the conditions on the way in, and which branch was taken.
Guard = tuple[tuple[int, bool], ...]

#: Every operation and its number of arguments. ``const`` and ``input`` carry a value instead.
ARITY: dict[str, int] = {
    "const": 0, "input": 0, "pi": 0, "e": 0,
    "neg": 1, "sqrt": 1, "abs": 1, "sign": 1, "exp": 1, "log": 1, "sin": 1, "cos": 1, "tan": 1,
    "atan": 1, "sinh": 1, "cosh": 1, "tanh": 1, "not": 1,
    "add": 2, "sub": 2, "mul": 2, "div": 2, "pow": 2, "max": 2, "min": 2,
    "lt": 2, "le": 2, "eq": 2, "and": 2, "or": 2,
    "select": 3,
}  # fmt: skip
_COMMUTATIVE = frozenset({"add", "mul", "max", "min", "eq", "and", "or"})
#: Operations that have a value wherever their arguments do.
_TOTAL = frozenset(ARITY) - {"div", "sqrt", "pow", "log", "tan"}
#: A power of constants is folded only while its result stays below this many bits.
_FOLD_BITS = 4096


class Node(NamedTuple):
    """One operation: its name, the indices of its arguments, and the value of a leaf."""

    op: str
    args: tuple[int, ...] = ()
    value: Any = None


@dataclass(frozen=True)
class Program:
    """A frozen straight-line program with labelled inputs and outputs.

    >>> graph = Graph()
    >>> x = graph.input("x")
    >>> program = graph.program({"square": graph.mul(x, x)})
    >>> program.operations, program.inputs
    (1, ('x',))
    """

    nodes: tuple[Node, ...]
    outputs: Mapping[Label, int]

    def __hash__(self) -> int:
        return hash((self.nodes, tuple(self.outputs.items())))

    @cached_property
    def inputs(self) -> tuple[Label, ...]:
        """The labels of the inputs that the outputs depend on, in the order of their creation."""
        return tuple(node.value for node in self.nodes if node.op == "input")

    @cached_property
    def operations(self) -> int:
        """The number of arithmetic operations: nodes that are no leaves."""
        return sum(1 for node in self.nodes if ARITY[node.op])

    @cached_property
    def uses(self) -> tuple[int, ...]:
        """How often each node is used, outputs included."""
        count = [0] * len(self.nodes)
        for node in self.nodes:
            for arg in node.args:
                count[arg] += 1
        for index in self.outputs.values():
            count[index] += 1
        return tuple(count)

    def has(self, *ops: str) -> bool:
        """Whether any of these operations occurs."""
        return any(node.op in ops for node in self.nodes)

    def depends_on(self, labels: Iterable[Label]) -> tuple[bool, ...]:
        """For each node, whether it depends on one of these inputs."""
        wanted = set(labels)
        result: list[bool] = []
        for node in self.nodes:
            if node.op == "input":
                result.append(node.value in wanted)
            else:
                result.append(any(result[arg] for arg in node.args))
        return tuple(result)

    def guards(
        self, wanted: Iterable[int], known: Container[int] = (), branches: bool = True
    ) -> dict[int, Guard]:
        """For each node that the wanted ones need, the innermost branch that holds all its uses.

        ``known`` nodes need no arguments; without ``branches`` everything is outside of any.
        """
        guards: dict[int, Guard] = dict.fromkeys(wanted, ())
        for index in range(len(self.nodes) - 1, -1, -1):
            if index not in guards or index in known:
                continue
            guard = guards[index]
            node = self.nodes[index]
            for position, arg in enumerate(node.args):
                inner = inside(guard, node, position) if branches else guard
                guards[arg] = _common(guards[arg], inner) if arg in guards else inner
        return dict(sorted(guards.items()))

    def fold(self, visit: Callable[[Node, list[Any]], Any]) -> dict[Label, Any]:
        """The outputs' values of one pass of ``visit(node, values of its arguments)``."""
        values: list[Any] = []
        for node in self.nodes:
            values.append(visit(node, [values[arg] for arg in node.args]))
        return {label: values[index] for label, index in self.outputs.items()}


class Graph:
    """A builder of programs in which equal nodes are made once.

    >>> graph = Graph()
    >>> x = graph.input("x")
    >>> graph.add(x, graph.const(1)) == graph.add(graph.const(1), x)
    True
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._index: dict[Node, int] = {}
        self._total: list[bool] = []
        self._values: list[Fraction | None] = []
        # A fraction is slow to hash, and constants are asked for more often than made.
        self._constants: dict[int | tuple[int, int], int] = {}

    def _make(self, op: str, args: tuple[int, ...] = (), value: Any = None) -> int:
        if op in _COMMUTATIVE and args[0] > args[1]:
            args = (args[1], args[0])
        node = Node(op, args, value)
        index = self._index.get(node)
        if index is None:
            index = self._index[node] = self._append(node)
        return index

    def _append(self, node: Node) -> int:
        op, args, value = node
        total = self._total
        self.nodes.append(node)
        self._values.append(value if op == "const" else None)
        total.append(op in _TOTAL and all(map(total.__getitem__, args)))
        return len(total) - 1

    def const(self, value: Fraction | int) -> int:
        """An exact rational constant."""
        whole = value.denominator == 1
        key = value.numerator if whole else (value.numerator, value.denominator)
        index = self._constants.get(key)
        if index is None:
            index = self._constants[key] = self._append(Node("const", (), Fraction(value)))
        return index

    def input(self, label: Label) -> int:
        """An input, by its label."""
        return self._make("input", (), label)

    def value(self, index: int) -> Fraction | None:
        """The value of a constant node, else ``None``."""
        return self._values[index]

    def apply(self, op: str, *args: int) -> int:
        """The node of an operation on nodes, folded where exact arithmetic allows it."""
        special = _FOLDS.get(op)
        folded = special(self, *args) if special else None
        return folded if folded is not None else self._make(op, args)

    def add(self, a: int, b: int) -> int:
        return self.apply("add", a, b)

    def sub(self, a: int, b: int) -> int:
        return self.apply("sub", a, b)

    def mul(self, a: int, b: int) -> int:
        return self.apply("mul", a, b)

    def div(self, a: int, b: int) -> int:
        return self.apply("div", a, b)

    def neg(self, a: int) -> int:
        return self.apply("neg", a)

    def sqrt(self, a: int) -> int:
        return self.apply("sqrt", a)

    def total(self, terms: Sequence[int]) -> int:
        """The sum of nodes, from left to right."""
        result = self.const(0)
        for term in terms:
            result = self.add(result, term)
        return result

    def product(self, factors: Sequence[int]) -> int:
        """The product of nodes, from left to right."""
        result = self.const(1)
        for factor in factors:
            result = self.mul(result, factor)
        return result

    def ratio(self, above: Sequence[int], below: Sequence[int]) -> int:
        """The product of some nodes over that of others, constants coming first.

        3/2 * x is one multiplication by 3/2, but x/20 stays one (correctly rounded) division.
        """
        divisor = self.value(below[0]) if len(below) == 1 and above else None
        if divisor is not None:
            coefficient = self.value(above[0])
            if coefficient is not None:
                above, below = [self.const(coefficient / divisor), *above[1:]], []
            elif divisor.numerator & (divisor.numerator - 1) == 0:
                above, below = [self.const(1 / divisor), *above], []
        result = self.product(above)
        return self.div(result, self.product(below)) if below else result

    def power(self, base: int, exponent: int) -> int:
        """An integer power as a chain of multiplications that shares its squares."""
        if exponent < 0:
            return self.div(self.const(1), self.power(base, -exponent))
        if exponent == 0:
            return self.const(1)
        value = self.value(base)
        if value is not None and _power_bits(value, exponent) > _FOLD_BITS:
            return self._make("pow", (base, self.const(exponent)))
        if exponent == 1:
            return base
        half = self.power(base, exponent // 2)
        square = self.mul(half, half)
        return self.mul(square, base) if exponent % 2 else square

    def is_total(self, index: int) -> bool:
        """Whether the node has a value wherever its inputs do."""
        return self._total[index]

    def inline(self, program: Program, bindings: Mapping[Label, int]) -> dict[Label, int]:
        """Copy a program into this graph with its inputs bound to nodes; the outputs' nodes."""

        nodes: list[int] = []
        for op, args, value in program.nodes:
            if op == "input":
                bound = bindings.get(value)
                nodes.append(self.input(value) if bound is None else bound)
            elif op == "const":
                nodes.append(self.const(value))
            else:
                nodes.append(self.apply(op, *[nodes[arg] for arg in args]))
        return {label: nodes[index] for label, index in program.outputs.items()}

    def program(self, outputs: Mapping[Label, int]) -> Program:
        """The part of the graph that these outputs need, frozen."""
        needed = [False] * len(self.nodes)
        for index in outputs.values():
            needed[index] = True
        for index in range(len(self.nodes) - 1, -1, -1):
            if needed[index]:
                for arg in self.nodes[index].args:
                    needed[arg] = True
        renumbered = [-1] * len(self.nodes)
        nodes: list[Node] = []
        for index, node in enumerate(self.nodes):
            if needed[index]:
                renumbered[index] = len(nodes)
                op, old, value = node
                args = tuple([renumbered[arg] for arg in old])
                nodes.append(node if args == old else Node(op, args, value))
        return Program(tuple(nodes), {label: renumbered[i] for label, i in outputs.items()})


def inside(guard: Guard, node: Node, position: int) -> Guard:
    """The place of a node's argument, the node itself being at ``guard``."""
    if node.op != "select" or position == 0:
        return guard
    branch = (node.args[0], position == 1)
    return guard if branch in guard else (*guard, branch)


def _common(a: Guard, b: Guard) -> Guard:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _power_bits(value: Fraction, exponent: int) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) * exponent


def _fold_neg(graph: Graph, a: int) -> int | None:
    value = graph.value(a)
    if value is not None:
        return graph.const(-value)
    node = graph.nodes[a]
    return node.args[0] if node.op == "neg" else None


def _fold_add(graph: Graph, a: int, b: int) -> int | None:
    u, v = graph.value(a), graph.value(b)
    if u is not None and v is not None:
        return graph.const(u + v)
    if u is not None and not u:
        return b
    if v is not None and not v:
        return a
    if graph.nodes[b].op == "neg":
        return graph.sub(a, graph.nodes[b].args[0])
    if graph.nodes[a].op == "neg":
        return graph.sub(b, graph.nodes[a].args[0])
    return None


def _fold_sub(graph: Graph, a: int, b: int) -> int | None:
    u, v = graph.value(a), graph.value(b)
    if u is not None and v is not None:
        return graph.const(u - v)
    if v is not None and not v:
        return a
    if u is not None and not u:
        return graph.neg(b)
    if a == b and graph.is_total(a):
        return graph.const(0)
    if graph.nodes[b].op == "neg":
        return graph.add(a, graph.nodes[b].args[0])
    return None


def _fold_mul(graph: Graph, a: int, b: int) -> int | None:
    u, v = graph.value(a), graph.value(b)
    if u is None and v is None:
        return None
    if u is not None and v is not None:
        return graph.const(u * v)
    for value, other in ((u, b), (v, a)):
        if value == 0 and graph.is_total(other):
            return graph.const(0)
        if value == 1:
            return other
        if value == -1:
            return graph.neg(other)
    return None


def _fold_div(graph: Graph, a: int, b: int) -> int | None:
    u, v = graph.value(a), graph.value(b)
    if v == 0 or v is None:
        return None
    if u is not None:
        return graph.const(u / v)
    if v == 1:
        return a
    return graph.neg(a) if v == -1 else None


def _fold_sqrt(graph: Graph, a: int) -> int | None:
    value = graph.value(a)
    root = None if value is None or value < 0 else exact_root(value)
    return None if root is None else graph.const(root)


def exact_root(value: Fraction) -> Fraction | None:
    """The square root of a nonnegative rational where it is rational, else ``None``.

    >>> exact_root(Fraction(9, 4)), exact_root(Fraction(2))
    (Fraction(3, 2), None)
    """
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return None


def _fold_pow(graph: Graph, a: int, b: int) -> int | None:
    exponent = graph.value(b)
    if exponent is None or exponent.denominator != 1:
        return None
    base = graph.value(a)
    if base is not None:
        if base == 0 and exponent < 0:
            return None
        if _power_bits(base, abs(int(exponent))) > _FOLD_BITS:
            return None
        return graph.const(base ** int(exponent))
    return graph.power(a, int(exponent)) if abs(exponent) <= _FOLD_BITS else None


def _fold_function(compute: Callable[..., Fraction | bool]) -> Callable[..., int | None]:
    def fold(graph: Graph, *args: int) -> int | None:
        values = [graph.value(arg) for arg in args]
        if any(value is None for value in values):
            return None
        return graph.const(Fraction(compute(*values)))

    return fold


def _fold_select(graph: Graph, condition: int, then: int, otherwise: int) -> int | None:
    value = graph.value(condition)
    if value is not None:
        return then if value else otherwise
    return then if then == otherwise else None


def _fold_transcendental(op: str, point: int, result: int) -> Callable[..., int | None]:
    def fold(graph: Graph, a: int) -> int | None:
        if op == "log" and (value := graph.value(a)) is not None and value <= 0:
            raise UndefinedError(f"the logarithm of {value} is undefined")
        return graph.const(result) if graph.value(a) == point else None

    return fold


_FOLDS: dict[str, Callable[..., int | None]] = {
    "neg": _fold_neg, "add": _fold_add, "sub": _fold_sub, "mul": _fold_mul, "div": _fold_div,
    "sqrt": _fold_sqrt, "pow": _fold_pow, "select": _fold_select,
    "abs": _fold_function(abs), "max": _fold_function(max), "min": _fold_function(min),
    "sign": _fold_function(lambda a: (a > 0) - (a < 0)),
    "lt": _fold_function(lambda a, b: a < b), "le": _fold_function(lambda a, b: a <= b),
    "eq": _fold_function(lambda a, b: a == b),
    "and": _fold_function(lambda a, b: bool(a) and bool(b)),
    "or": _fold_function(lambda a, b: bool(a) or bool(b)),
    "not": _fold_function(lambda a: not a),
    "exp": _fold_transcendental("exp", 0, 1), "log": _fold_transcendental("log", 1, 0),
    "sin": _fold_transcendental("sin", 0, 0), "cos": _fold_transcendental("cos", 0, 1),
    "tan": _fold_transcendental("tan", 0, 0), "atan": _fold_transcendental("atan", 0, 0),
    "sinh": _fold_transcendental("sinh", 0, 0), "cosh": _fold_transcendental("cosh", 0, 1),
    "tanh": _fold_transcendental("tanh", 0, 0),
}  # fmt: skip
