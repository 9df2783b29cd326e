"""A normal form of programs that proves two of them equal.

Every value is read as a quotient of polynomials (FLINT, rational coefficients) in the inputs and
in further unknowns, each with the one relation that defines it:

- a root ``s`` of a polynomial ``p``: ``s**2 = p``;
- the sign ``z`` of a polynomial ``f``, from which absolute values, maxima, minima and comparisons
  are made: ``z**3 = z`` and ``z**2 * f = f``;
- a power ``b**(t + c)`` with the least offset that occurs, so that all others are its multiples;
- another function, told apart by its arguments.

Every unknown stands for one real number at every point at which both programs are defined, and
every relation holds there. So if the cross-multiplied difference of two values reduces to zero,
they are equal wherever both programs are defined. A difference that does not reduce to zero proves
nothing: the answer is "equal" or "unknown", never "different".

What needs care, and how it is met:

- the root of ``f**2`` is the absolute value of ``f``;
- a root is split only along factors that are known to be positive, from the ranges of the inputs
  or because the programs themselves would be undefined otherwise;
- a branch of an if-then-else may be undefined where it is not taken. Only branches that are
  defined everywhere become polynomials; for the others the two cases are proved one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symopt.errors import BudgetError, UndefinedError
from symopt.program.field import Fact, Field, FullError, Quotient, always_needed
from symopt.program.graph import Graph, Label, Node, Program
from symopt.program.ranges import Range

__all__ = [
    "Field",
    "Quotient",
    "assumed",
    "defined_where",
    "normal_forms",
    "proved_equal",
    "settled",
]

#: How deep cases lie inside of each other.
_MAX_DEPTH = 6
#: How many cases of branches are looked at where no others are asked for.
_BRANCHES = 64
#: How many terms all cases together may multiply.
_MAX_WORK = 1_000_000


def normal_forms(
    *programs: Program,
    ranges: Mapping[Label, Range] | None = None,
    facts: Iterable[Fact] = (),
    imply: bool = False,
) -> tuple[Field, list[tuple[dict[Label, Quotient], list[Quotient]]]]:
    """For each program its outputs and all its nodes, over one common field.

    With ``imply`` signs are derived from the facts too, and not only from the ranges.
    """
    labels = dict.fromkeys(label for program in programs for label in program.inputs)
    room = 4 + sum(_UNKNOWNS.get(node.op, 0) for p in programs for node in p.nodes)
    offsets: dict[Any, int] = {}
    for _ in range(8):
        field = Field(labels, room, ranges, facts, offsets, imply=imply)
        try:
            met = field.facts_met
            forms = [field.read_program(program) for program in programs]
            if field.facts_met > met:  # what was read before a fact was met knew nothing of it
                forms = [field.read_program(program) for program in programs]
            return field, forms
        except FullError:
            offsets = {**offsets, **field.seen_offsets}
            room *= 2
    raise BudgetError("a proof that needs more unknowns than there is room for")


#: How many unknowns an operation usually brings.
_UNKNOWNS = {
    **dict.fromkeys(["abs", "sign", "max", "min", "lt", "le", "eq", "select", "pow"], 1),
    **dict.fromkeys(["exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh"], 1),
    "sqrt": 2, "pi": 1, "e": 1,
}  # fmt: skip


def proved_equal(
    first: Program,
    second: Program,
    outputs: Mapping[Label, Label] | None = None,
    ranges: Mapping[Label, Range] | None = None,
    *,
    signs: int = 0,
) -> bool:
    """Whether all outputs are proved equal wherever both are defined; ``False`` means unknown.

    ``outputs`` maps labels of the first to labels of the second program (the same by default);
    ``ranges`` says in which ranges of the inputs, ``signs`` how many cases of signs may be tried
    where the outputs do not come out the same at once.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> v, c = graph.input("v"), graph.input("c")
    >>> joint = graph.program({"r": graph.sqrt(graph.div(v, c))})
    >>> split = graph.program({"r": graph.div(graph.sqrt(v), graph.sqrt(c))})
    >>> proved_equal(joint, split)
    True
    """
    pairs = dict(outputs) if outputs else {label: label for label in first.outputs}
    try:
        proof = _Proof(pairs, ranges or {}, bool(signs), _Budget(signs or _BRANCHES))
        return proof.holds(first, second, frozenset(), _MAX_DEPTH)
    except (BudgetError, UndefinedError):
        return False


def defined_where(
    program: Program, other: Program, ranges: Mapping[Label, Range] | None = None
) -> bool:
    """Whether a program is proved to have values wherever another one has; ``False`` is unknown.

    >>> graph = Graph()
    >>> x, y = graph.input("x"), graph.input("y")
    >>> quotient = graph.program({"o": graph.div(x, y)})
    >>> at_zero = graph.apply("eq", y, graph.const(0))
    >>> guarded = graph.program({"o": graph.apply("select", at_zero, x, graph.div(x, y))})
    >>> defined_where(guarded, quotient), defined_where(quotient, guarded)
    (True, False)
    >>> defined_where(graph.program({"o": graph.div(y, y)}), quotient)
    True
    """
    try:
        facts: frozenset[Fact] = frozenset()
        for _ in range(2):
            field, _forms = normal_forms(other, ranges=ranges, facts=facts)
            facts = facts | field.found
        _, forms = normal_forms(other, program, ranges=ranges, facts=facts)
    except (BudgetError, UndefinedError):
        return False
    return all(value.defined for value in forms[1][0].values())


@dataclass
class _Budget:
    """What a proof may still spend."""

    cases: int
    work: int = _MAX_WORK

    def spend(self, cases: int, work: int) -> None:
        self.cases -= cases
        self.work -= work
        if self.cases < 0 or self.work < 0:
            raise BudgetError("a proof of too many cases")


@dataclass(frozen=True)
class _Proof:
    """Of the equality of pairs of outputs: outright, with what must be defined, or by cases."""

    pairs: Mapping[Label, Label]
    ranges: Mapping[Label, Range]
    by_sign: bool
    budget: _Budget

    def holds(self, first: Program, second: Program, facts: frozenset[Fact], depth: int) -> bool:
        pairs = _differing(first, second, self.pairs)
        if not pairs:
            return True
        self.budget.spend(1, 0)
        for _ in range(3):
            field, forms = normal_forms(
                first, second, ranges=self.ranges, facts=facts, imply=self.by_sign
            )
            self.budget.spend(0, field.work)
            ours, theirs = forms[0][0], forms[1][0]
            if field.is_contradictory:
                return True
            open_ = {a: b for a, b in pairs.items() if not field.same(ours[a], theirs[b])}
            if not open_:
                return True
            if field.found <= facts:
                break
            facts = facts | field.found
        if not depth:
            return False
        gaps = [field.difference(ours[a], theirs[b]) for a, b in open_.items()]
        signs = field.behind(gaps) if self.by_sign else []
        if signs:
            return self._by_sign(first, second, facts, depth, field, signs[0])
        if not (first.has("select") or second.has("select")):
            return False
        return self._by_cases(first, second, facts, depth, field, [form[1] for form in forms])

    def _by_sign(
        self,
        first: Program,
        second: Program,
        facts: frozenset[Fact],
        depth: int,
        field: Field,
        polynomial: Any,
    ) -> bool:
        """The three cases of a polynomial that has a value everywhere: above, below and at zero."""
        over, under = field.signature(polynomial), field.signature(-polynomial)
        apart = {(over, "nonzero"), (under, "nonzero")}
        for side, other in ((polynomial, over), (-polynomial, under)):
            if not field.is_nonnegative(field.whole(-side)):  # else it cannot be positive
                told = facts | apart | {(other, "nonnegative")}
                if not self.holds(first, second, frozenset(told), depth - 1):
                    return False
        solved = field.solved(polynomial)
        if solved is not None:
            first, second = (_substituted(program, *solved) for program in (first, second))
        none = facts | {(over, "zero"), (under, "zero")}
        return self.holds(first, second, frozenset(none), depth - 1)

    def _by_cases(
        self,
        first: Program,
        second: Program,
        facts: frozenset[Fact],
        cases: int,
        field: Field,
        values: list[list[Quotient]],
    ) -> bool:
        programs = (first, second)
        chosen: tuple[Any, Any] | None = None
        places: list[dict[int, Node]] = [{}, {}]
        example: tuple[str, Quotient] | None = None
        sure = False
        for number, program in enumerate(programs):
            for index in _conditions(program):
                node, value = program.nodes[index], values[number][index]
                key = (str(value.top), str(value.bottom))
                if value.top.is_constant() or (chosen is not None and key != chosen):
                    continue
                if example is None:
                    left, right = (values[number][arg] for arg in node.args)
                    example = node.op, field.add(right, left, -1)
                    # Where a condition has no value, neither it nor its opposite is a fact.
                    sure = left.defined and right.defined
                sure = sure or index in always_needed(program)
                chosen = key
                places[number][index] = node
        if example is None:
            return False
        return all(
            self.holds(
                assumed(first, dict.fromkeys(places[0], truth)),
                assumed(second, dict.fromkeys(places[1], truth)),
                facts | (_consequences(field, *example, truth) if sure else set()),
                cases - 1,
            )
            for truth in (True, False)
        )


def _substituted(
    program: Program, label: Label, terms: list[tuple[Fraction, list[tuple[Label, int]]]]
) -> Program:
    """The program with a polynomial of other inputs in the place of one input."""
    graph = Graph()
    parts = []
    for coefficient, powers in terms:
        part = graph.const(coefficient)
        for name, power in powers:
            part = graph.mul(part, graph.power(graph.input(name), power))
        parts.append(part)
    return graph.program(graph.inline(program, {label: graph.total(parts)}))


def _differing(first: Program, second: Program, pairs: Mapping[Label, Label]) -> dict[Label, Label]:
    """The pairs of outputs that are not written in the same way."""
    graph = Graph()
    ours, theirs = graph.inline(first, {}), graph.inline(second, {})
    return {a: b for a, b in pairs.items() if ours[a] != theirs[b]}


def _conditions(program: Program) -> list[int]:
    """The comparisons on which a branch depends."""
    wanted = {node.args[0] for node in program.nodes if node.op == "select"}
    found: list[int] = []
    for index in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[index]
        if index in wanted and node.op in ("and", "or", "not"):
            wanted |= set(node.args)
        elif index in wanted and node.op in ("lt", "le", "eq"):
            found.append(index)
    return found[::-1]


def settled(program: Program, ranges: Mapping[Label, Range]) -> Program:
    """The program without the comparisons that always come out the same in these ranges.

    >>> graph = Graph()
    >>> t = graph.input("t")
    >>> first = graph.apply("eq", t, graph.const(1))
    >>> program = graph.program({"o": graph.apply("select", first, graph.const(5), t)})
    >>> settled(program, {"t": Range.counter(2)}).has("select")
    False
    """
    varies = program.depends_on(label for label in program.inputs if label not in ranges)
    outputs: dict[Label, int] = {
        index: index
        for index, node in enumerate(program.nodes)
        if node.op in ("lt", "le", "eq") and not varies[index]
    }
    if not outputs:
        return program
    graph = Graph()
    graph.nodes = list(program.nodes)
    _, [(values, _)] = normal_forms(graph.program(outputs), ranges=ranges)
    known = {
        index: values[index].top.is_one()
        for index in outputs.values()
        if values[index].top.is_constant()
    }
    return assumed(program, known) if known else program


def assumed(program: Program, truths: Mapping[int, bool]) -> Program:
    """The program where some conditions are known."""
    graph = Graph()
    copies: list[int] = []

    def visit(node: Node, args: list[int]) -> int:
        truth = truths.get(len(copies))
        if truth is not None:
            made = graph.const(truth)
        elif node.op == "input":
            made = graph.input(node.value)
        elif node.op == "const":
            made = graph.const(node.value)
        else:
            made = graph.apply(node.op, *args)
        copies.append(made)
        return made

    return graph.program(program.fold(visit))


def _consequences(field: Field, op: str, gap: Quotient, truth: bool) -> set[Fact]:
    """What a comparison of left and right says of the gap, right minus left."""
    if not field.is_positive(Quotient(gap.bottom, gap.bottom / gap.bottom)):
        return set()
    over, under = field.signature(gap.top), field.signature(-gap.top)
    if op == "eq":
        return set() if truth else {(over, "nonzero"), (under, "nonzero")}
    facts = {(over if truth else under, "nonnegative")}
    if (op == "lt") == truth:  # left < right, or right < left
        facts |= {(over, "nonzero"), (under, "nonzero")}
    return facts
