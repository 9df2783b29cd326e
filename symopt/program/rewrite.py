"""Other orders of evaluation of the same program: the forms in which people write it.

Each pass maps a program to one that computes the same real numbers by other operations.
:func:`evaluation_forms` keeps those that are proved equal to the original by their normal form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.sweep import proved_by_parts

__all__ = ["Form", "evaluation_forms"]

#: A name that says what was rewritten, and the program.
Form = tuple[str, Program]
_Rule = Callable[[Graph, int], int | None]


def _rewrite(program: Program, rule: _Rule) -> Program:
    """Apply a local rule to every node, arguments first, until it no longer applies."""
    graph = Graph()

    def visit(node: Node, args: list[int]) -> int:
        if node.op == "input":
            return graph.input(node.value)
        if node.op == "const":
            return graph.const(node.value)
        index = graph.apply(node.op, *args)
        for _ in range(4):
            better = rule(graph, index)
            if better is None or better == index:
                break
            index = better
        return index

    return graph.program(program.fold(visit))


def _factors(graph: Graph, index: int) -> tuple[list[int], list[int], bool]:
    """A product cluster as numerator factors, denominator factors and a sign."""
    node = graph.nodes[index]
    if node.op == "mul":
        top, bottom, negative = _factors(graph, node.args[0])
        more, less, flipped = _factors(graph, node.args[1])
        return top + more, bottom + less, negative != flipped
    if node.op == "div":
        top, bottom, negative = _factors(graph, node.args[0])
        more, less, flipped = _factors(graph, node.args[1])
        return top + less, bottom + more, negative != flipped
    if node.op == "neg":
        top, bottom, negative = _factors(graph, node.args[0])
        return top, bottom, not negative
    return [index], [], False


def _times(graph: Graph, factors: Iterable[int]) -> int:
    result = graph.const(1)
    for factor in factors:
        result = graph.mul(result, factor)
    return result


def _complement(graph: Graph, index: int) -> int | None:
    """``b`` if the node is ``1 - b``."""
    node = graph.nodes[index]
    if node.op == "sub" and graph.value(node.args[0]) == 1:
        return node.args[1]
    return None


def _average(graph: Graph, index: int) -> tuple[int, int, int, int] | None:
    """``(b, 1 - b, old, new)`` if the node is ``b * old + (1 - b) * new``."""
    node = graph.nodes[index]
    if node.op != "add":
        return None
    for first, second in (node.args, node.args[::-1]):
        tops = _factors(graph, second)
        if graph.nodes[first].op != "mul" or tops[2]:
            continue
        for weight in tops[0]:
            kept = _complement(graph, weight)
            if kept is None or kept not in graph.nodes[first].args:
                continue
            left = list(graph.nodes[first].args)
            left.remove(kept)
            rest = list(tops[0])
            rest.remove(weight)
            new = _times(graph, rest)
            if tops[1]:
                new = graph.div(new, _times(graph, tops[1]))
            return kept, weight, left[0], new
    return None


def _interpolate(graph: Graph, index: int) -> int | None:
    """b m + (1 - b) g  ->  m + (1 - b) (g - m)."""
    found = _average(graph, index)
    if found is None:
        return None
    _, weight, old, new = found
    return graph.add(old, graph.mul(weight, graph.sub(new, old)))


def _interpolate_back(graph: Graph, index: int) -> int | None:
    """b m + (1 - b) g  ->  g + b (m - g)."""
    found = _average(graph, index)
    if found is None:
        return None
    kept, _, old, new = found
    return graph.add(new, graph.mul(kept, graph.sub(old, new)))


def _split_root(graph: Graph, index: int) -> int | None:
    """sqrt(v / c)  ->  sqrt(v) / sqrt(c)."""
    node = graph.nodes[index]
    if node.op != "sqrt" or graph.nodes[node.args[0]].op != "div":
        return None
    top, bottom = graph.nodes[node.args[0]].args
    return graph.div(graph.sqrt(top), graph.sqrt(bottom))


def _fold_scale(graph: Graph, index: int) -> int | None:
    """u / (sqrt(v / c) + e)  ->  u sqrt(c) / (sqrt(v) + e sqrt(c))."""
    node = graph.nodes[index]
    if node.op != "div" or graph.nodes[node.args[1]].op not in ("add", "sqrt"):
        return None
    below = graph.nodes[node.args[1]]
    terms = list(below.args) if below.op == "add" else [node.args[1]]
    for term in terms:
        root = graph.nodes[term]
        if root.op != "sqrt" or graph.nodes[root.args[0]].op != "div":
            continue
        inner, scale = graph.nodes[root.args[0]].args
        factor = graph.sqrt(scale)
        others = [graph.mul(other, factor) for other in terms if other != term]
        denominator = graph.total([graph.sqrt(inner), *others])
        return graph.div(graph.mul(node.args[0], factor), denominator)
    return None


def _ordered(scalars: frozenset[Label], first: bool) -> Callable[[Program], Program]:
    """Products with their scalar factors multiplied first, or last."""

    def rewrite(program: Program) -> Program:
        varies = program.depends_on([label for label in program.inputs if label not in scalars])
        outer = _cluster_heads(program)
        graph = Graph()
        tensor: dict[int, bool] = {}
        copies: list[int] = []

        def visit(node: Node, args: list[int]) -> int:
            position = len(copies)
            if node.op == "input":
                made = graph.input(node.value)
            elif node.op == "const":
                made = graph.const(node.value)
            else:
                made = graph.apply(node.op, *args)
                if position in outer and varies[position]:
                    made = _regroup(graph, made, tensor, first)
            tensor[made] = tensor.get(made, False) or varies[position]
            copies.append(made)
            return made

        return graph.program(program.fold(visit))

    return rewrite


def _cluster_heads(program: Program, ops: tuple[str, ...] = ("mul", "div")) -> set[int]:
    """Products and quotients that no other product or quotient uses alone (or sums, by ``ops``)."""
    heads = {i for i, node in enumerate(program.nodes) if node.op in ops}
    inner = {
        arg
        for i, node in enumerate(program.nodes)
        if i in heads
        for arg in node.args
        if program.uses[arg] == 1
    }
    return heads - inner


def _regroup(graph: Graph, index: int, tensor: dict[int, bool], first: bool) -> int:
    top, bottom, negative = _factors(graph, index)

    def pick(factors: list[int], wanted: bool) -> list[int]:
        return [factor for factor in factors if tensor.get(factor, False) is wanted]

    scalar = _times(graph, pick(top, False))
    below = pick(bottom, False)
    if below:
        scalar = graph.div(scalar, _times(graph, below))
    vector, divisor = pick(top, True), pick(bottom, True)
    if first:
        result = _times(graph, [scalar, *vector])
        result = graph.div(result, _times(graph, divisor)) if divisor else result
    else:
        result = _times(graph, vector)
        result = graph.div(result, _times(graph, divisor)) if divisor else result
        result = graph.mul(scalar, result)
    return graph.neg(result) if negative else result


def _sum_terms(program: Program, index: int, inner: set[int]) -> list[tuple[int, bool]]:
    """The terms of a sum, each with whether it is subtracted."""
    node = program.nodes[index]
    terms: list[tuple[int, bool]] = []
    for position, arg in enumerate(node.args):
        minus = node.op == "sub" and position == 1
        parts = _sum_terms(program, arg, inner) if arg in inner else [(arg, False)]
        terms += [(part, negative != minus) for part, negative in parts]
    return terms


def _regrouped(first: int) -> Callable[[Program], Program]:
    """Sums of three and more terms in another order: a - b + c as (a + c) - b, or a + (c - b).

    ``first`` rotates the terms; the sum then runs from the left. With -1 all terms but the first
    are added up before they meet it.
    """
    ops = ("add", "sub")

    def rewrite(program: Program) -> Program:
        heads = _cluster_heads(program, ops)
        inner = {i for i, node in enumerate(program.nodes) if node.op in ops} - heads
        graph = Graph()
        copies: list[int] = []

        def signed_sum(terms: list[tuple[int, bool]]) -> int:
            start, minus = terms[0]
            result = graph.neg(copies[start]) if minus else copies[start]
            for term, negative in terms[1:]:
                result = graph.apply("sub" if negative else "add", result, copies[term])
            return result

        def visit(node: Node, args: list[int]) -> int:
            position = len(copies)
            if node.op == "input":
                made = graph.input(node.value)
            elif node.op == "const":
                made = graph.const(node.value)
            else:
                terms = _sum_terms(program, position, inner) if position in heads else []
                if len(terms) < 3:
                    made = graph.apply(node.op, *args)
                elif first < 0:
                    made = graph.add(signed_sum(terms[:1]), signed_sum(terms[1:]))
                else:
                    turn = first % len(terms)
                    made = signed_sum(terms[turn:] + terms[:turn])
            copies.append(made)
            return made

        return graph.program(program.fold(visit))

    return rewrite


def _identity(program: Program) -> Program:
    return program


#: Proofs are kept: the same pair is asked for by every run against a rule.
_same = lru_cache(maxsize=8192)(proved_by_parts)


@lru_cache(maxsize=512)
def _candidates(program: Program, scalars: frozenset[Label]) -> tuple[Form, ...]:
    averages = [
        ("", _identity),
        ("m + (1-β)(g-m)", lambda p: _rewrite(p, _interpolate)),
        ("g + β(m-g)", lambda p: _rewrite(p, _interpolate_back)),
    ]
    roots = [
        ("", _identity),
        ("√v/√c", lambda p: _rewrite(p, _split_root)),
        ("folded learning rate", lambda p: _rewrite(p, _fold_scale)),
    ]
    orders = [
        ("", _identity),
        ("scalars first", _ordered(scalars, True)),
        ("scalars last", _ordered(scalars, False)),
    ]
    sums = [
        ("", _identity),
        ("sums from the second term", _regrouped(1)),
        ("sums from the third term", _regrouped(2)),
        ("first term of sums last", _regrouped(-1)),
    ]
    # What two choices make the same so far stays the same, whatever is rewritten after it.
    forms: dict[Program, tuple[str, ...]] = {program: ()}
    for rewrites in (roots, averages, orders, sums):
        made: dict[Program, tuple[str, ...]] = {}
        for before, parts in forms.items():
            for name, rewrite in rewrites:
                made.setdefault(rewrite(before), (*parts, name) if name else parts)
        forms = made
    return tuple((", ".join(parts) or "as stated", made) for made, parts in forms.items())


def evaluation_forms(
    program: Program, scalars: Iterable[Label], accept: Callable[[str], bool] = bool
) -> tuple[Form, ...]:
    """The program as stated and its rewritten forms, each proved equal to it.

    ``scalars`` are the inputs that are the same for all coordinates; ``accept`` says by name which
    forms are wanted, so that no others are proved.
    """
    return tuple(
        (name, candidate)
        for name, candidate in _candidates(program, frozenset(scalars))
        if accept(name) and (candidate is program or _same(program, candidate))
    )
