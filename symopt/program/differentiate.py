"""Reverse differentiation of a program: all partial derivatives of one output in one sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from symopt.program.graph import Graph, Guard, Label, Node, Program, inside

__all__ = ["gradient_program"]

_Adjoint = Callable[[Graph, int, int, tuple[int, ...]], tuple[int, ...]]


def gradient_program(program: Program, output: Label, inputs: Sequence[Label]) -> Program:
    """The program of the partial derivatives of one output, labelled by the inputs.

    What only one branch of an if-then-else needs is differentiated inside that branch, so nothing
    undefined is computed on the other one. At a kink the convention is that of the statement: the
    derivative of ``abs`` is ``sign`` with ``sign(0) = 0``, and of a maximum that of its first
    argument on a tie.

    >>> graph = Graph()
    >>> x, y = graph.input("x"), graph.input("y")
    >>> f = graph.program({"f": graph.mul(graph.mul(x, x), y)})
    >>> gradient_program(f, "f", ["x", "y"]).operations
    3
    """
    graph = Graph()
    nodes: list[int] = []
    guards = program.guards([program.outputs[output]])

    def leaving(part: int, inner: Guard, outer: Guard) -> int:
        """A part computed inside a branch, as it counts outside: nothing on the other branch."""
        for condition, taken in reversed(inner[len(outer) :]):
            pair = (part, zero) if taken else (zero, part)
            part = graph.apply("select", nodes[condition], *pair)
        return part

    def copy(node: Node, args: list[int]) -> int:
        if node.op == "input":
            made = graph.input(node.value)
        elif node.op == "const":
            made = graph.const(node.value)
        else:
            made = graph.apply(node.op, *args)
        nodes.append(made)
        return made

    program.fold(copy)
    varies = program.depends_on(inputs)
    zero = graph.const(0)
    adjoints: dict[int, int] = {program.outputs[output]: graph.const(1)}
    for index in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[index]
        if index not in adjoints or not node.args or not varies[index]:
            continue
        parts = _ADJOINTS[node.op](
            graph, adjoints[index], nodes[index], tuple(nodes[arg] for arg in node.args)
        )
        for position, (arg, part) in enumerate(zip(node.args, parts, strict=True)):
            if varies[arg]:
                part = leaving(part, inside(guards[index], node, position), guards[arg])
                before = adjoints.get(arg)
                adjoints[arg] = part if before is None else graph.add(before, part)
    by_label: Mapping[Label, int] = {
        node.value: leaving(adjoints[index], guards[index], ())
        for index, node in enumerate(program.nodes)
        if node.op == "input" and index in adjoints
    }
    return graph.program({label: by_label.get(label, zero) for label in inputs})


def _product(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
    a, b = args
    if a == b:  # both parts are equal: say 2a once instead of a + a
        part = graph.mul(graph.mul(graph.const(2), bar), a)
        return part, graph.const(0)
    return graph.mul(bar, b), graph.mul(bar, a)


def _quotient(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
    part = graph.div(bar, args[1])
    return part, graph.neg(graph.mul(part, out))


def _power(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
    base, exponent = args
    less = graph.sub(exponent, graph.const(1))
    part = graph.mul(graph.mul(bar, exponent), graph.apply("pow", base, less))
    return part, graph.mul(graph.mul(bar, out), graph.apply("log", base))


def _larger(op: str) -> _Adjoint:
    def adjoint(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
        a, b = args
        second = graph.apply("lt", *((a, b) if op == "max" else (b, a)))
        zero = graph.const(0)
        return graph.apply("select", second, zero, bar), graph.apply("select", second, bar, zero)

    return adjoint


def _select(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
    return graph.const(0), bar, bar  # each counts on its own branch only


def _chain(derivative: Callable[[Graph, int, int], int]) -> _Adjoint:
    """The chain rule for a function of one argument: derivative(graph, argument, value)."""
    return lambda graph, bar, out, args: (graph.mul(bar, derivative(graph, args[0], out)),)


def _flat(graph: Graph, bar: int, out: int, args: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(graph.const(0) for _ in args)


def _one_plus(graph: Graph, square_of: int) -> int:
    return graph.add(graph.const(1), graph.mul(square_of, square_of))


_ADJOINTS: dict[str, _Adjoint] = {
    "neg": lambda graph, bar, out, args: (graph.neg(bar),),
    "add": lambda graph, bar, out, args: (bar, bar),
    "sub": lambda graph, bar, out, args: (bar, graph.neg(bar)),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "max": _larger("max"),
    "min": _larger("min"),
    "select": _select,
    "sqrt": lambda graph, bar, out, args: (
        graph.div(bar, graph.mul(graph.const(2), out)),
    ),
    "abs": _chain(lambda graph, a, out: graph.apply("sign", a)),
    "exp": _chain(lambda graph, a, out: out),
    "log": lambda graph, bar, out, args: (graph.div(bar, args[0]),),
    "sin": _chain(lambda graph, a, out: graph.apply("cos", a)),
    "cos": _chain(lambda graph, a, out: graph.neg(graph.apply("sin", a))),
    "tan": _chain(lambda graph, a, out: _one_plus(graph, out)),
    "atan": lambda graph, bar, out, args: (graph.div(bar, _one_plus(graph, args[0])),),
    "sinh": _chain(lambda graph, a, out: graph.apply("cosh", a)),
    "cosh": _chain(lambda graph, a, out: graph.apply("sinh", a)),
    "tanh": _chain(
        lambda graph, a, out: graph.sub(graph.const(1), graph.mul(out, out))
    ),
    **dict.fromkeys(["sign", "lt", "le", "eq", "and", "or", "not"], _flat),
}  # fmt: skip
