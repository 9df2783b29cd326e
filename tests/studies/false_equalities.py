"""Random programs and what careless algebra makes of them: what is proved equal must be equal.

Half of the rewritings are wrong somewhere: a root of a product split, the root of a square taken
for the number, a sign taken for 1, a strict comparison for a weak one, a branch dropped. Whatever
the normal form proves is held against balls at points with zeros, ones and negative numbers.

    python tests/studies/false_equalities.py [PROGRAMS] [SEED]

With 1500 programs and seeds 1 to 6, 2107 equalities were proved and none was false. The study sees
a normal form that is wrong: with |x| read as x, 8 of 79 are false; with <= read as <, 3 of 95.
"""

import random
import sys
from fractions import Fraction

from symopt.errors import UndecidedError, UndefinedError
from symopt.execution import arithmetic
from symopt.execution.kernel import compile_source, function_source
from symopt.program.graph import Graph
from symopt.program.normal_form import proved_equal
from symopt.program.printers.python import EXACT
from symopt.program.ranges import Range

INPUTS = ("x", "y", "b", "e", "t")
RANGES = {
    "b": Range(nonnegative=True, unit=True),
    "e": Range(nonnegative=True),
    "t": Range.counter(1),
}
OPERATIONS = (
    "add", "sub", "mul", "div", "div", "sqrt", "sqrt", "abs", "sign", "max", "min", "select",
    "select", "neg", "pow", "square", "exp",
)  # fmt: skip
POINTS = 40


def program(graph, source, depth):
    """A random node."""
    if depth == 0 or source.random() < 0.12:
        number = graph.const(source.choice((0, 1, 2, -1, Fraction(1, 2))))
        return source.choice([*map(graph.input, INPUTS[:4]), number])

    def part():
        return program(graph, source, depth - 1)

    op = source.choice(OPERATIONS)
    if op in ("sqrt", "abs", "sign", "neg", "exp"):
        return graph.apply(op, part())
    if op == "square":
        once = part()
        return graph.mul(once, once)
    if op == "pow":
        shift = graph.const(source.choice((-2, -1, 0, 1)))
        return graph.apply("pow", graph.input("b"), graph.add(graph.input("t"), shift))
    if op == "select":
        right = source.choice((graph.const(0), part()))
        condition = graph.apply(source.choice(("lt", "le", "eq")), part(), right)
        return graph.apply("select", condition, part(), part())
    return graph.apply(op, part(), part())


def rewritten(graph, source, index):
    """The node after a few steps of algebra, right ones and wrong ones."""
    node = graph.nodes[index]
    if node.op in ("const", "input"):
        return index
    args = [rewritten(graph, source, arg) for arg in node.args]
    choices = [graph.apply(node.op, *args)] * 2
    inner = graph.nodes[args[0]]
    if node.op == "sqrt" and inner.op in ("mul", "div"):
        choices.append(graph.apply(inner.op, *map(graph.sqrt, inner.args)))
        if inner.args[0] == inner.args[1]:
            choices += [inner.args[0], graph.apply("abs", inner.args[0])]
    elif node.op == "abs":
        choices += [args[0], graph.sqrt(graph.mul(args[0], args[0]))]
    elif node.op == "sign":
        choices += [graph.const(1), graph.div(args[0], graph.apply("abs", args[0]))]
    elif node.op == "max":
        for less in ("lt", "le"):
            choices.append(graph.apply("select", graph.apply(less, *args), args[1], args[0]))
    elif node.op == "select":
        choices += args[1:]
        if inner.op in ("lt", "le"):
            other = graph.apply({"lt": "le", "le": "lt"}[inner.op], inner.args[1], inner.args[0])
            choices.append(graph.apply("select", other, args[2], args[1]))
    elif node.op == "mul":
        choices.append(graph.div(args[0], graph.div(graph.const(1), args[1])))
        if inner.op in ("add", "sub"):
            choices.append(graph.apply(inner.op, *[graph.mul(a, args[1]) for a in inner.args]))
    elif node.op == "pow":
        less = graph.sub(args[1], graph.const(1))
        choices.append(graph.mul(graph.apply("pow", args[0], less), args[0]))
    return source.choice(choices)


def compiled(made, kind):
    return compile_source(function_source("f", made, {n: n for n in INPUTS}, EXACT), kind)


def point(source, ranges):
    values = {}
    for name in INPUTS:
        value = Fraction(source.choice((0, 1, -1, source.randint(-40, 40), source.randint(-9, 9))))
        value /= source.choice((1, 1, 13, 7))
        values[name] = abs(value) if name in ranges else value
    if "b" in ranges:
        values["b"] = Fraction(source.randint(0, 12), 13)
    values["t"] = Fraction(source.randint(1, 4))
    return values


def study(programs, seed):
    """How many equalities were proved, and those that are false."""
    source = random.Random(seed)
    kind = arithmetic.ball()
    proved, false = 0, []
    for _ in range(programs):
        graph = Graph()
        try:
            first = program(graph, source, source.choice((2, 3, 3, 4)))
            second = rewritten(graph, source, first)
        except UndefinedError:
            continue
        ranges = RANGES if source.random() < 0.7 else {"t": RANGES["t"]}
        pair = [graph.program({"o": node}) for node in (first, second)]
        signs = source.choice((0, 20))
        if first == second or not proved_equal(*pair, ranges=ranges, signs=signs):
            continue
        proved += 1
        functions = [compiled(made, kind) for made in pair]
        for _ in range(POINTS):
            values = point(source, ranges)
            with arithmetic.precision(300):
                given = [
                    int(values["t"]) if name == "t" else kind.convert(values[name])
                    for name in INPUTS
                ]
                try:
                    left, right = (kind.convert(Fraction(0)) + f(*given)[0] for f in functions)
                except (UndefinedError, UndecidedError):
                    continue
                if not left.overlaps(right):
                    false.append((pair, values, left, right))
                    break
    return proved, false


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    count, wrong = study(*(numbers + [1500, 1][len(numbers) :]))
    print(f"{count} equalities proved, {len(wrong)} false")
    for found in wrong:
        print(found)
    sys.exit(bool(wrong))
