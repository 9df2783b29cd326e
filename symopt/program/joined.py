"""Parts of programs, and several programs as one: what they share is computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symopt.program.graph import Label, Node, Program

__all__ = ["joined", "part"]


def joined(programs: Sequence[Program]) -> Program:
    """Programs as one, whose outputs are ``(number of the program, label)``.

    Every operation keeps its arguments in their order, so that it rounds as it did.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> x, y = graph.input("x"), graph.input("y")
    >>> total = graph.add(x, y)
    >>> parts = [graph.program({"a": total}), graph.program({"a": graph.mul(total, y)})]
    >>> joined(parts).operations, joined(parts).outputs
    (2, {(0, 'a'): 2, (1, 'a'): 3})
    """
    places: dict[Node, int] = {}
    outputs: dict[Label, int] = {}
    for number, program in enumerate(programs):
        own: list[int] = []
        for node in program.nodes:
            made = node._replace(args=tuple(own[arg] for arg in node.args))
            own.append(places.setdefault(made, len(places)))
        outputs.update({(number, label): own[i] for label, i in program.outputs.items()})
    return Program(tuple(places), outputs)


def part(program: Program, labels: Iterable[Label]) -> Program:
    """What a program computes for some of its outputs.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> x = graph.input("x")
    >>> program = graph.program({"double": graph.add(x, x), "square": graph.mul(x, x)})
    >>> part(program, ["square"]).operations
    1
    """
    outputs = {label: program.outputs[label] for label in labels}
    places = {old: new for new, old in enumerate(program.guards(outputs.values(), branches=False))}
    nodes = [program.nodes[old] for old in places]
    return Program(
        tuple(node._replace(args=tuple(places[arg] for arg in node.args)) for node in nodes),
        {label: places[index] for label, index in outputs.items()},
    )
