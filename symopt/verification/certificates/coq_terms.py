"""Programs as terms of Coq."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from symopt.derivation.opaque import OpaqueStep
from symopt.program.graph import Node, Program
from symopt.program.printers.python import clean_names
from symopt.program.ranges import Range

__all__ = [
    "PLAIN", "TAKEN", "Text", "UnfitError", "bracket", "check_branches", "leaves", "lets", "number",
    "range_text",
]  # fmt: skip

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
PLAIN = frozenset({*_OPERATORS, "const", "input", "neg", "sqrt", "pow", "eq", "select"})
#: Words of Coq, and names that a file uses itself.
TAKEN = frozenset(
    [
        "R",
        "S",
        "O",
        "t",
        "g",
        "k",
        "answer",
        "equal",
        "related",
        "sqrt",
        "pow",
        "INR",
        "nat",
        "at",
        "in",
        "fun",
        "let",
        "match",
        "end",
        "if",
        "then",
        "else",
        "forall",
        "exists",
        "Prop",
        "Set",
        "Type",
        "as",
        "return",
        "with",
        "fix",
        "cofix",
        "using",
        "where",
        "for",
        "by",
        "sa",
        "sb",
        "ga",
        "gb",
        "two",
        "before",
        "same",
        "asked",
        "later",
        "Da",
        "Db",
    ]
)


class UnfitError(Exception):
    """The proof does not fit the format; the text says why."""


def check_branches(program: Program) -> None:
    """Branches may depend on whether this is the first step, and be defined everywhere."""
    guards = program.guards(program.outputs.values())
    for index, node in enumerate(program.nodes):
        if node.op == "eq" and program.nodes[counted(program, node)].value != 1:
            raise UnfitError("a branch on another step than the first")
        if node.op == "select" and program.nodes[node.args[0]].op != "eq":
            raise UnfitError("a branch on other numbers than the step")
        if node.op in ("div", "sqrt") and guards.get(index):
            raise UnfitError("a branch that is not defined everywhere")


def counted(program: Program, node: Node) -> int:
    """The node with which a comparison compares t."""
    for one, other in (node.args, node.args[::-1]):
        if program.nodes[one].value == ("t",) and program.nodes[other].op == "const":
            return other
    raise UnfitError("a comparison of other numbers than the step")


class Text:
    """The nodes of a program as terms, in full; ``known`` are texts that stand for nodes.

    ``first`` tells whether this is the first step, where that is known.
    """

    def __init__(
        self, program: Program, names: Mapping[Any, str], first: bool | None = None
    ) -> None:
        self.program, self.names, self.first = program, names, first
        self.known: dict[int, str] = {}

    def node(self, index: int) -> str:
        if index not in self.known:
            self.known[index] = self._text(self.program.nodes[index])
        return self.known[index]

    def _text(self, node: Node) -> str:
        if node.op == "pow":
            return f"{bracket(self.node(node.args[0]))} ^ {self._exponent(node.args[1])}"
        if node.op == "eq":
            return f"Nat.eqb t {self.program.nodes[counted(self.program, node)].value}"
        if node.op == "select":
            test, then, other = node.args
            if self.first is not None:
                return self.node(then if self.first else other)
            return f"(if {self.node(test)} then {self.node(then)} else {self.node(other)})"
        if node.op == "input" and node.value == ("t",):
            time = self.names.get(("t",), "t")
            return "1" if time == "1" else f"INR {time}"
        return _term(node, [self.node(arg) for arg in node.args], self.names)

    def _exponent(self, index: int) -> str:
        node = self.program.nodes[index]
        if node.op == "input" and node.value == ("t",):
            return self.names.get(("t",), "t")
        if node.op == "const" and node.value.denominator == 1 and node.value >= 0:
            return str(node.value)
        raise UnfitError("a power with an exponent other than t")


def leaves(program: Program, index: int) -> set[Any]:
    """The labels of the inputs that a node depends on."""
    node = program.nodes[index]
    found = {node.value} if node.op == "input" else set()
    return found.union(*[leaves(program, arg) for arg in node.args])


def lets(step: OpaqueStep, names: Mapping[Any, str]) -> tuple[str, dict[int, str]]:
    """The lines of a rule as ``let``, by their own names, and the text of every node."""
    text = Text(step.program, names)
    taken = {*TAKEN, *names.values()}
    needed = {index for label, index in step.program.outputs.items() if label[0] != "ask"}  # type: ignore[index]
    lines = []
    hints = {i: f"{n}_new" if n in names.values() else n for i, n in step.names.items()}
    for index, node in enumerate(step.program.nodes):
        shown = text.node(index)
        if node.op in ("const", "input"):
            continue
        many = step.program.uses[index] > 1 and node.op not in ("neg",)
        if index in hints or (many and index not in needed):
            name = clean_names([hints.get(index, f"u{index}")], taken)[0]
            taken.add(name)
            lines.append(f"  let {name} := {shown} in\n")
            text.known[index] = name
    return "".join(lines), {index: text.node(index) for index in range(len(step.program.nodes))}


def _term(node: Node, args: list[str], names: Mapping[Any, str]) -> str:
    if node.op == "const":
        return number(node.value)
    if node.op == "input":
        return names[node.value]
    if node.op == "neg":
        return f"- {bracket(args[0])}"
    if node.op == "sqrt":
        return f"sqrt {bracket(args[0])}"
    loose = node.op in ("add", "sub")
    left = args[0] if _binds(args[0], loose) else f"({args[0]})"
    right = args[1] if loose and _binds(args[1], False) else bracket(args[1])
    return f"{left} {_OPERATORS[node.op]} {right}"


def number(value: Fraction) -> str:
    """A rational number."""
    if value.denominator == 1:
        return str(value) if value >= 0 else f"({value})"
    return f"({value.numerator} / {value.denominator})"


def bracket(text: str) -> str:
    """The term in brackets, where it needs them as an argument."""
    plain = text.replace("_", "").isalnum() or (text[0] == "(" and _closes(text) == len(text) - 1)
    return text if plain else f"({text})"


def _binds(text: str, loose: bool) -> bool:
    """Whether a term may stand to the left of a product, or of a sum, without brackets."""
    if text.startswith("-"):
        return False
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "+-" and text[place - 1] == " " and not loose:
            return False
    return True


def _closes(text: str) -> int:
    """Where the bracket that opens a text closes."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
    return -1


def range_text(name: str, values: Range) -> str:
    """What is known of a number as a proposition; empty where that is nothing."""
    if values.unit:
        return f"0 {'<' if values.positive else '<='} {name} < 1"
    if values.positive:
        return f"0 < {name}"
    return f"0 <= {name}" if values.nonnegative else ""
