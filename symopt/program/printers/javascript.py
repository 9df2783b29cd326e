"""Programs printed as straight-line JavaScript: the same operations in the same order as Python's.

JavaScript's numbers are binary64, and ``+ - * /`` and ``Math.sqrt`` round as IEEE 754 says, so a
printed program computes what the Python kernel computes, bit for bit, unless it holds one of the
operations that :func:`inexact` names: those are left to each platform's own mathematics library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from symopt.program.graph import Label, Program
from symopt.program.printers.python import (
    FLOAT,
    RESERVED,
    Dialect,
    Printer,
    Syntax,
    clean_names,
    float_literal,
    is_whole,
)

__all__ = ["JAVASCRIPT", "REAL_POWERS", "WHOLE_POWERS", "function", "inexact", "runtime"]

_WORDS = """
abstract arguments async await boolean break byte case catch char class const continue debugger
default delete do double else enum eval export extends false final finally float for function get
goto if implements import in instanceof int interface let long native new null of package private
protected public return set short static super switch synchronized this throw throws transient true
try typeof undefined var void volatile while with yield
Infinity NaN Math Number BigInt Map Array Object window document globalThis
maximum minimum power nearest known words Powers
"""
#: Words of the language, and what printed code calls.
WORDS = frozenset(_WORDS.split())
_CALLED = (
    "sqrt", "abs", "sign", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh",
)  # fmt: skip

#: ``!`` binds tighter than ``not`` does, hence its parentheses.
JAVASCRIPT = Dialect(
    {
        **FLOAT.operations,
        **{name: f"Math.{name}({{}})" for name in _CALLED},
        "not": "!({})", "and": "{} && {}", "or": "{} || {}", "eq": "{} === {}",
        "pow": "power({}, {})", "real_pow": "Math.pow({}, {})",
    },
    float_literal,
    pi="Math.PI",
    e="Math.E",
    syntax=Syntax("{} = {};", "if ({}) {{", "} else {", "}", WORDS),
)  # fmt: skip
#: Functions that IEEE 754 leaves to the library.
_LIBRARY = ("exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
#: What :func:`inexact` calls b**t, which the runtime rounds to nearest, and all other powers.
WHOLE_POWERS, REAL_POWERS = "powers with integer exponents", "powers with real exponents"


def runtime() -> str:
    """The functions that printed programs call, as JavaScript."""
    return files("symopt.program.printers").joinpath("runtime.js").read_text("utf-8")


def inexact(program: Program) -> tuple[str, ...]:
    """What of a program need not be the same in JavaScript as in Python, to the last digit.

    Empty where all operations are rounded to nearest in both: then the results are equal bits.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> x = graph.input("x")
    >>> inexact(graph.program({"y": graph.sqrt(graph.mul(x, x))}))
    ()
    >>> inexact(graph.program({"y": graph.apply("exp", x)}))
    ('exp',)
    """
    needed = program.guards(list(program.outputs.values()))
    nodes = [program.nodes[index] for index in needed]
    found = [op for op in _LIBRARY if any(node.op == op for node in nodes)]
    whole = {is_whole(program, node.args[1]) for node in nodes if node.op == "pow"}
    return (*found, *[WHOLE_POWERS] * (True in whole), *[REAL_POWERS] * (False in whole))


def function(
    name: str,
    program: Program,
    names: Mapping[Label, str],
    hints: Mapping[int, str] | None = None,
    outputs: Sequence[Label] | None = None,
) -> str:
    """The source of a function of the named inputs that returns the outputs as an array.

    ``hints`` are wished names for nodes. The functions of :func:`runtime` must be in scope.

    >>> from symopt.program.graph import Graph
    >>> graph = Graph()
    >>> x, y = graph.input("x"), graph.input("new")
    >>> program = graph.program({"f": graph.sqrt(graph.add(graph.mul(x, x), y))})
    >>> print(function("f", program, {"x": "x", "new": "new"}))
    function f(x, new_) {
        return [Math.sqrt(new_ + x * x)];
    }
    """
    reserved = {*RESERVED, *WORDS}
    cleaned = dict(zip(names, clean_names(names.values(), reserved), strict=True))
    wanted = [program.outputs[label] for label in outputs or program.outputs]
    printer = Printer(program, JAVASCRIPT, cleaned, hints=hints or {})
    body, texts = printer.lines(wanted)
    bound = dict.fromkeys(
        match[1] for line in body if (match := re.match(r"\s*(\w+) = ", line)) is not None
    )
    head = f"function {clean_names([name], reserved)[0]}({', '.join(cleaned.values())}) {{"
    declared = [f"    let {', '.join(bound)};"] if bound else []
    return "\n".join([head, *declared, *body, f"    return [{', '.join(texts)}];", "}"])
