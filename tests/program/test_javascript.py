"""Programs printed as JavaScript: the language's own traps, and b**t rounded to nearest."""

import json
import random
import re
import shutil
import struct
import subprocess
from fractions import Fraction

import pytest
import sympy

from symopt.execution.arithmetic import float64, nearest
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Node, Program
from symopt.program.printers import javascript

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
A, B, C = sympy.symbols("a b c", real=True)


def program_of(expression, names=("a", "b", "c")):
    graph = Graph()
    nodes = {symbol: graph.input(name) for symbol, name in zip((A, B, C), names, strict=True)}
    return graph.program({"f": Reader(graph, nodes).read(expression)})


def evaluated(lines):
    """What node prints for the last expression, with the runtime in scope."""
    script = f'"use strict";{javascript.runtime()}\n{lines}'
    done = subprocess.run([NODE, "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@needs_node
@pytest.mark.parametrize(
    ("expression", "arguments", "expected"),
    [
        (-A - 2 * (-B) - (-(C**2)), (1, 2, 4), 19),
        (sympy.Max(A, B) - sympy.Min(B, C), (1, 5, 3), 2),
        (sympy.Piecewise((A, (A < B) & (B < C)), (-A, True)), (1, 2, 3), 1),
        (sympy.Piecewise((A, (A < B) & (B < C)), (-A, True)), (1, 3, 2), -1),
        (sympy.Piecewise((A, ~((A < B) & (B < C))), (-A, True)), (1, 3, 2), 1),
        (sympy.Piecewise((A, (A < B) | sympy.Eq(B, C)), (-A, True)), (5, 2, 2), 5),
        (sympy.sign(A) * sympy.Abs(B) + sympy.sqrt(C), (-2, -3, 16), 1),
        (A**7 + B**-2, (2, 4, 0), 128.0625),
    ],
)
def test_printed_expressions_mean_what_they_meant(expression, arguments, expected):
    source = javascript.function("f", program_of(expression), {"a": "a", "b": "b", "c": "c"})
    call = f"console.log(JSON.stringify(f({', '.join(map(str, arguments))})))"
    assert evaluated(f"{source}\n{call}") == [expected]


@needs_node
def test_a_negated_comparison_and_two_signs_in_a_row_are_printed_whole():
    graph = Graph()
    a, b = graph.input("a"), graph.input("b")
    smaller = graph.apply("not", graph.apply("lt", a, b))
    program = graph.program({"f": graph.apply("select", smaller, a, graph.const(0))})
    source = javascript.function("f", program, {"a": "a", "b": "b"})
    twice = Program((Node("input", (), "a"), Node("neg", (0,)), Node("neg", (1,))), {"g": 2})
    source += javascript.function("g", twice, {"a": "a"})
    answers = evaluated(f"{source}\nconsole.log(JSON.stringify([f(-2, 5), f(7, 5), g(3)]))")
    assert answers == [[0], [7], [3]]


@needs_node
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_larger_and_smaller_are_those_of_the_kernel_for_zeros_and_nans_too(name):
    texts = ["0", "-0", "1", "Infinity", "NaN"]
    number = "(x) => Object.is(x, -0) ? '-0' : String(x)"
    got = evaluated(
        f"const texts = {json.dumps(texts)}, number = {number};"
        "console.log(JSON.stringify(texts.map((a) => texts.map((b) => "
        f"number({name}(Number(a), Number(b)))))))"
    )
    function = float64().functions[name]
    for a, row in zip(texts, got, strict=True):
        for b, answer in zip(texts, row, strict=True):
            expected = function(float(a), float(b))
            assert struct.pack(">d", float(answer)) == struct.pack(">d", expected), (a, b)


@needs_node
def test_no_name_is_a_word_of_the_language_or_of_the_runtime():
    names = ("new", "power", "lambda")
    program = program_of(A + 2 * B + 4 * C, names)
    source = javascript.function("delete", program, {name: name for name in names})
    title, parameters = re.match(r"function (\w+)\((.*)\) {", source).groups()
    assert not {title, *parameters.split(", ")} & javascript.WORDS
    assert evaluated(f"{source}\nconsole.log(JSON.stringify({title}(1, 1, 1)))") == [7]


def test_what_is_left_to_the_library_is_named():
    assert javascript.inexact(program_of(sympy.exp(A) + sympy.cos(B) + C)) == ("exp", "cos")
    assert javascript.inexact(program_of(A**B + C)) == (javascript.REAL_POWERS,)
    assert javascript.inexact(program_of(sympy.Max(A, sympy.sqrt(B)) / C)) == ()


@needs_node
def test_integer_powers_are_rounded_to_nearest():
    dice = random.Random(3)
    cases = [(dice.uniform(0.5, 1), dice.randint(1, 2000)) for _ in range(150)]
    cases += [(dice.uniform(-9, 9), dice.randint(-40, 40)) for _ in range(150)]
    cases += [(1 - 2.0 ** -dice.randint(1, 53), dice.randint(1, 5000)) for _ in range(50)]
    cases += [(0.5, 1074), (0.5, 1075), (0.5, -1023), (0.5, -1024), (3.0, 34), (-0.1, 308)]
    cases += [(3 * 2.0**-215, 5), (5 * 2.0**-215, 5)]  # halfway between two subnormal numbers
    cases += [(1 + 2.0**-27, 4), (1 - 2.0**-27, 4)]  # a little beside halfway
    cases += [(0.7, n) for n in range(1980, 2100)]  # into the subnormal numbers and to zero
    cases += [(5e-324, 1), (5e-324, -1), (1.5, 1), (1.0, 7), (-1.0, 7), (0.3, 0)]
    read = "words.getBigUint64(0).toString(16).padStart(16, 0)"
    bits = f"(x) => {{ words.setFloat64(0, x); return {read}; }}"
    got = evaluated(
        f"const bits = {bits};"
        f"console.log(JSON.stringify({json.dumps(cases)}.map(([b, n]) => bits(power(b, n)))))"
    )
    for (base, exponent), answer in zip(cases, got, strict=True):
        expected = nearest(Fraction(base) ** exponent)
        assert answer == struct.pack(">d", expected).hex(), (base, exponent)
