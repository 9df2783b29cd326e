"""Programs printed as straight-line Python that a person can read.

One printer serves every arithmetic: a :class:`Dialect` says how operations and constants are
written (floats as literals, exact numbers through a constructor, arrays through NumPy). The
branches of an if-then-else are printed as an ``if`` statement that holds exactly the operations
which only that branch needs, so nothing undefined is evaluated on the other one.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symopt.errors import InputError
from symopt.program.graph import ARITY, Guard, Label, Node, Program

__all__ = [
    "ARRAY",
    "EXACT",
    "FLOAT",
    "GROUPS",
    "RESERVED",
    "Dialect",
    "Printer",
    "Syntax",
    "clean_names",
]

#: How tightly an operation binds, as Python has it; calls and names bind tightest.
_BINDING = {
    "or": 1, "and": 2, "not": 3, "lt": 4, "le": 4, "eq": 4, "add": 5, "sub": 5, "mul": 6, "div": 6,
    "neg": 7, "pow": 8,
}  # fmt: skip
_TIGHT = 9
_ATOM = re.compile(r"-?[\w.]+")
#: Room that a line keeps for `name = `.
_NAME_WIDTH = 16
#: Where an argument must bind tighter than the operation itself, so that no sum is regrouped; and
#: two signs in a row would count down in JavaScript.
_STRICT = {
    "add": (0, 1), "sub": (0, 1), "mul": (0, 1), "div": (0, 1), "pow": (1, 1), "lt": (1, 1),
    "le": (1, 1), "eq": (1, 1), "neg": (1,),
}  # fmt: skip
_INFIX = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "pow": "{} ** {}",
    "neg": "-{}", "lt": "{} < {}", "le": "{} <= {}", "eq": "{} == {}", "and": "{} and {}",
    "or": "{} or {}", "not": "not {}",
}  # fmt: skip
_CALLS = {
    "sqrt": "sqrt({})", "abs": "abs({})", "sign": "sign({})", "exp": "exp({})", "log": "log({})",
    "sin": "sin({})", "cos": "cos({})", "tan": "tan({})", "atan": "atan({})", "sinh": "sinh({})",
    "cosh": "cosh({})", "tanh": "tanh({})", "max": "maximum({}, {})", "min": "minimum({}, {})",
}  # fmt: skip


@dataclass(frozen=True)
class Syntax:
    """How a language writes the statements around expressions, and which words it keeps."""

    assignment: str = "{} = {}"
    then: str = "if {}:"
    otherwise: str = "else:"
    end: str = ""
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Dialect:
    """How one arithmetic writes operations and constants.

    ``branches`` tells whether an if-then-else may become an ``if`` statement,
    ``cheap_literals`` whether a fraction is written again wherever it is used.
    """

    operations: Mapping[str, str]
    literal: Callable[[Fraction], str]
    branches: bool = True
    cheap_literals: bool = True
    pi: str = "pi"
    e: str = "e"
    syntax: Syntax = Syntax()


def float_literal(value: Fraction) -> str:
    try:
        number = value.numerator / value.denominator
    except OverflowError:
        raise InputError(
            f"a constant of {value.numerator.bit_length()} bits is beyond the range of binary64; "
            "use the rational or the ball arithmetic"
        ) from None
    return repr(number)


def _exact_literal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"ratio({value.numerator}, {value.denominator})"


#: Python floats. A real power is a function, for ``**`` makes complex numbers of negative ones.
FLOAT = Dialect({**_INFIX, **_CALLS, "real_pow": "power({}, {})"}, float_literal)
#: NumPy arrays and scalars: conditions are arrays, so both branches are evaluated.
ARRAY = Dialect(
    {
        **_INFIX, **_CALLS, "and": "logical_and({}, {})", "or": "logical_or({}, {})",
        "not": "logical_not({})", "select": "where({}, {}, {})",
    },
    float_literal,
    branches=False,
)  # fmt: skip
#: Arrays over groups of runs: each power is the one that a single run has, by a function.
GROUPS = replace(ARRAY, operations={**ARRAY.operations, "pow": "power({}, {})"})
#: Exact numbers: constants are made by ``ratio``; comparisons are functions, for an arithmetic
#: may be unable to decide them and must be able to say so.
EXACT = Dialect(
    {
        **_INFIX, **_CALLS, "abs": "absolute({})", "pow": "power({}, {})", "div": "divide({}, {})",
        "lt": "less({}, {})", "le": "less_equal({}, {})", "eq": "equal({}, {})",
    },
    _exact_literal,
    cheap_literals=False,
    pi="pi()",
    e="e()",
)  # fmt: skip


def clean_names(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Distinct identifiers of plain Python near the given names.

    >>> clean_names(["x", "lambda", "x", "sqrt", "θ"], taken=["sqrt"])
    ['x', 'lambda_', 'x_', 'sqrt_', 'v4']
    """
    used = set(taken)
    result = []
    for position, name in enumerate(names):
        clean = name if name.isascii() and name.isidentifier() else f"v{position}"
        while clean in used or keyword.iskeyword(clean) or keyword.issoftkeyword(clean):
            clean += "_"
        used.add(clean)
        result.append(clean)
    return result


#: Names that generated code uses for functions, and which inputs therefore may not have.
RESERVED = frozenset(
    re.match(r"\w+", form)[0]  # type: ignore[index]
    for dialect in (FLOAT, ARRAY, EXACT)
    for form in dialect.operations.values()
    if re.match(r"\w+\(", form)
) | {"pi", "e", "ratio", "range", "steps", "record", "float", "int"}


def is_whole(program: Program, index: int) -> bool:
    """Whether a node is an integer whatever the inputs are; ``t`` is one."""
    node = program.nodes[index]
    if node.op == "const":
        return bool(node.value.denominator == 1)
    if node.op == "input":
        return bool(node.value == ("t",))
    return node.op in ("neg", "add", "sub", "mul") and all(
        is_whole(program, arg) for arg in node.args
    )


@dataclass
class Printer:
    """Prints the operations of a program.

    ``names`` gives the identifier of each input label; ``known`` the nodes that are computed
    elsewhere already, by the text that stands for them; ``hints`` wished names for nodes.
    """

    program: Program
    dialect: Dialect
    names: Mapping[Label, str]
    known: Mapping[int, str] = field(default_factory=dict)
    hints: Mapping[int, str] = field(default_factory=dict)
    prefix: str = "a"
    width: int = 100

    def lines(self, wanted: Sequence[int], indent: str = "    ") -> tuple[list[str], list[str]]:
        """The lines that compute the wanted nodes, and the text of each."""
        self._text: dict[int, str] = dict(self.known)
        self._guards = self._place(wanted)
        self._count(wanted)
        self._out: list[str] = []
        syntax = self.dialect.syntax
        taken = {*self.names.values(), *self.known.values(), *RESERVED, *syntax.words}
        hinted = [
            index for index in self._guards if index in self.hints and index not in self.known
        ]
        cleaned = clean_names([self.hints[index] for index in hinted], taken)
        self._hinted = dict(zip(hinted, cleaned, strict=True))
        self._taken = taken | set(cleaned)
        self._block((), indent, len(self.program.nodes))
        return self._out, [self._text[index] for index in wanted]

    def _place(self, wanted: Sequence[int]) -> dict[int, Guard]:
        """For each needed node the innermost branch that holds all of its uses."""
        return self.program.guards(wanted, known=self.known, branches=self.dialect.branches)

    def _count(self, wanted: Sequence[int]) -> None:
        self._used = dict.fromkeys(self._guards, 0)
        self._user: dict[int, int] = {}
        for index in self._guards:
            if index not in self.known:
                for arg in self.program.nodes[index].args:
                    self._used[arg] += 1
                    self._user[arg] = index
        for index in wanted:
            self._used[index] += 1

    def unconditional(self, wanted: Sequence[int]) -> list[int]:
        """The nodes that are needed whatever branch is taken, in order."""
        return [index for index, guard in self._place(wanted).items() if not guard]

    def _block(self, guard: Guard, indent: str, before: int) -> None:
        """The lines of one branch, as far as the ``select`` at ``before`` may need them.

        A later if-then-else on the same condition goes on from what this one has computed.
        """
        for index, place in self._guards.items():
            if index >= before:
                break
            if place != guard or index in self.known or index in self._text:
                continue
            node = self.program.nodes[index]
            if node.op == "select" and self.dialect.branches:
                self._select(index, node, guard, indent)
            else:
                self._operation(index, node, indent)

    def _select(self, index: int, node: Node, guard: Guard, indent: str) -> None:
        name = self.name(index)
        condition, then, otherwise = node.args
        decided = dict(guard).get(condition)
        if decided is not None:  # inside a branch of the same condition already
            self._assign(name, self._text[then if decided else otherwise], indent)
            self._text[index] = name
            return
        syntax = self.dialect.syntax
        for opening, branch, arg in (
            (syntax.then.format(self._text[condition]), True, then),
            (syntax.otherwise, False, otherwise),
        ):
            self._out.append(f"{indent}{opening}")
            self._block((*guard, (condition, branch)), indent + "    ", index)
            self._assign(name, self._text[arg], indent + "    ")
        if syntax.end:
            self._out.append(f"{indent}{syntax.end}")
        self._text[index] = name

    def name(self, index: int) -> str:
        """The variable that holds a node; no input, hint or function has the same name."""
        name = self._hinted.get(index)
        if name is None:
            name = f"{self.prefix}{index}"
            while name in self._taken:
                name += "_"
        return name

    def _operation(self, index: int, node: Node, indent: str) -> None:
        text = self._expression(node)
        room = self.width - len(indent) - _NAME_WIDTH
        for arg in sorted(node.args, key=lambda arg: len(self._text[arg]), reverse=True):
            if len(text) > room and not _ATOM.fullmatch(self._text[arg]):
                self._bind(arg, self._text[arg], indent)
                text = self._expression(node)
        user = self._user.get(index)
        nested = (
            self._used[index] <= 1
            and index not in self._hinted
            and (user is None or self._guards[user] == self._guards[index])
        )
        if ARITY[node.op] == 0:
            nested = node.op != "const" or self.dialect.cheap_literals or "(" not in text[1:]
        if nested:
            self._text[index] = text
            return
        self._bind(index, text, indent)

    def _bind(self, index: int, text: str, indent: str) -> None:
        name = self.name(index)
        self._assign(name, text, indent)
        self._text[index] = name

    def _assign(self, name: str, text: str, indent: str) -> None:
        self._out.append(indent + self.dialect.syntax.assignment.format(name, text))

    def _expression(self, node: Node) -> str:
        if node.op == "const":
            return self.dialect.literal(node.value)
        if node.op == "input":
            return self.names[node.value]
        if node.op in ("pi", "e"):
            return self.dialect.pi if node.op == "pi" else self.dialect.e
        order = list(node.args)
        if node.op == "mul" and self._is_coefficient(order[1]):
            order.reverse()  # coefficients first, as people write products
        form = self._form(node)
        if form.endswith(")"):
            return form.format(*[self._text[arg] for arg in order])
        strict = _STRICT.get(node.op, (0, 0))
        own = _BINDING[node.op]
        parts = [
            self._text[arg] if self._binding(arg) >= own + more else f"({self._text[arg]})"
            for arg, more in zip(order, strict, strict=False)
        ]
        return form.format(*parts)

    def _form(self, node: Node) -> str:
        operations = self.dialect.operations
        if node.op == "pow" and not is_whole(self.program, node.args[1]):
            return operations.get("real_pow", operations["pow"])
        return operations[node.op]

    def _is_coefficient(self, index: int) -> bool:
        node = self.program.nodes[index]
        hyper = node.op == "input" and isinstance(node.value, tuple) and node.value[0] == "hyper"
        return node.op == "const" or hyper or index in self.known

    def _binding(self, index: int) -> int:
        """How tightly the text of a node binds."""
        text = self._text[index]
        node = self.program.nodes[index]
        if text.isidentifier() or node.op not in _BINDING:
            return _TIGHT if not text.startswith("-") else _BINDING["neg"]
        return _TIGHT if self._form(node).endswith(")") else _BINDING[node.op]
