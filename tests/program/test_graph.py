"""The spine: equal nodes once, exact folding only, nothing undefined hidden."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symopt import StatementError, UndefinedError
from symopt.program.from_sympy import Reader
from symopt.program.graph import ARITY, Graph, Program, exact_root
from symopt.program.to_sympy import OPERATIONS, to_sympy

X, Y, Z = sympy.symbols("x y z", real=True)
SYMBOLS = (X, Y, Z)


class Undefined(Exception):
    """What an interpreter of the tests says of 1/0."""


def interpret(program, inputs):
    """An interpreter in fractions that shares nothing with the package's arithmetics."""

    def divide(a, b):
        if b == 0:
            raise Undefined
        return Fraction(a) / b

    operations = {
        "neg": lambda a: -a, "abs": abs, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b, "div": divide, "max": max, "min": min,
        "sign": lambda a: Fraction((a > 0) - (a < 0)), "lt": lambda a, b: Fraction(a < b),
        "le": lambda a, b: Fraction(a <= b), "eq": lambda a, b: Fraction(a == b),
        "and": lambda a, b: Fraction(bool(a and b)), "or": lambda a, b: Fraction(bool(a or b)),
        "not": lambda a: Fraction(not a), "pow": lambda a, b: divide(1, a**-b) if b < 0 else a**b,
        "select": lambda c, a, b: a if c else b,
    }  # fmt: skip

    def visit(node, args):
        if node.op == "const":
            return node.value
        if node.op == "input":
            return inputs[node.value]
        return operations[node.op](*args)

    return program.fold(visit)


def read(expression):
    graph = Graph()
    reader = Reader(graph, {symbol: graph.input(symbol.name) for symbol in SYMBOLS})
    return graph.program({"f": reader.read(expression)})


small = st.fractions(min_value=-4, max_value=4, max_denominator=12)
leaves = st.one_of(
    st.sampled_from(SYMBOLS), small.map(lambda q: sympy.Rational(q.numerator, q.denominator))
)
combine = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (1 + b**2),
    lambda a, b: a**2 - b**3, lambda a, b: sympy.Abs(a) + b, lambda a, b: sympy.Max(a, b, 0),
    lambda a, b: sympy.Min(a, b), lambda a, b: sympy.sign(a) * b, lambda a, b: -a * b / 7,
    lambda a, b: sympy.Piecewise((a, a < b), (b * 2, True)),
    lambda a, b: sympy.Piecewise((a, sympy.Or(a >= b, X > 0)), (1, sympy.Eq(Y, 1)), (b, True)),
]  # fmt: skip
expressions = st.recursive(
    leaves,
    lambda inner: st.builds(lambda f, a, b: f(a, b), st.sampled_from(combine), inner, inner),
    max_leaves=8,
)  # fmt: skip
points = st.tuples(small, small, small)


def at(expression, point):
    values = {s: sympy.Rational(q.numerator, q.denominator)
              for s, q in zip(SYMBOLS, point, strict=True)}  # fmt: skip
    return expression.xreplace(values).doit() if hasattr(expression, "xreplace") else expression


@settings(max_examples=200, deadline=None)
@given(expressions, points)
def test_reading_and_writing_keep_the_value(expression, point):
    if expression.has(sympy.zoo, sympy.nan):
        return
    program = read(expression)
    expected = at(expression, point)
    found = interpret(program, dict(zip("xyz", point, strict=True)))["f"]
    assert sympy.Rational(found.numerator, found.denominator) == expected
    back = to_sympy(program, {symbol.name: symbol for symbol in SYMBOLS})["f"]
    assert at(back, point) == expected


@settings(max_examples=100, deadline=None)
@given(st.permutations([X, Y * 2, -Z, sympy.Integer(3), X * Y, Z**2, -X * Z / 3]), points)
def test_the_order_in_which_terms_were_given_does_not_matter(terms, point):
    with sympy.evaluate(False):
        one, other = sympy.Add(*terms), sympy.Add(*reversed(terms))
    inputs = dict(zip("xyz", point, strict=True))
    assert interpret(read(one), inputs) == interpret(read(other), inputs)
    assert read(sum(terms)).nodes == read(sum(reversed(terms))).nodes


def build(graph, op, args):
    return graph.apply(op, *args)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_folding_never_changes_a_value(data):
    """Random operations on constants and inputs, built with folding and computed without."""
    graph = Graph()
    inputs = {name: data.draw(small) for name in "xyz"}
    nodes = [graph.input(name) for name in inputs]
    values = list(inputs.values())
    nodes += [graph.const(value) for value in (0, 1, -1, Fraction(2, 3))]
    values += [Fraction(0), Fraction(1), Fraction(-1), Fraction(2, 3)]
    ops = [
        "neg",
        "abs",
        "sign",
        "add",
        "sub",
        "mul",
        "div",
        "max",
        "min",
        "lt",
        "le",
        "eq",
        "select",
    ]
    for _ in range(data.draw(st.integers(1, 12))):
        op = data.draw(st.sampled_from(ops))
        chosen = [data.draw(st.integers(0, len(nodes) - 1)) for _ in range(ARITY[op])]
        args = [values[i] for i in chosen]
        if op == "div" and args[1] == 0:
            continue
        plain = {
            "neg": lambda a: -a, "abs": abs, "sign": lambda a: Fraction((a > 0) - (a < 0)),
            "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
            "div": lambda a, b: a / b, "max": max, "min": min, "lt": lambda a, b: Fraction(a < b),
            "le": lambda a, b: Fraction(a <= b), "eq": lambda a, b: Fraction(a == b),
            "select": lambda c, a, b: a if c else b,
        }[op]  # fmt: skip
        nodes.append(graph.apply(op, *[nodes[i] for i in chosen]))
        values.append(plain(*args))
    program = graph.program(dict(enumerate(nodes)))
    assert interpret(program, inputs) == dict(enumerate(values))


class TestFolding:
    def graph(self):
        graph = Graph()
        return graph, graph.input("x"), graph.input("y")

    def test_equal_nodes_are_made_once(self):
        graph, x, y = self.graph()
        for op in ("add", "mul", "max", "min", "eq"):
            assert graph.apply(op, x, y) == graph.apply(op, y, x)
        assert graph.sub(x, y) != graph.sub(y, x)
        assert graph.const(1) == graph.const(Fraction(2, 2))

    def test_identities(self):
        graph, x, y = self.graph()
        zero, one = graph.const(0), graph.const(1)
        assert graph.add(x, zero) == graph.mul(one, x) == graph.div(x, one) == x
        assert graph.neg(graph.neg(x)) == x
        assert graph.sub(x, x) == graph.mul(x, zero) == zero
        assert graph.add(x, graph.neg(y)) == graph.sub(x, y)
        assert graph.add(graph.neg(x), y) == graph.sub(y, x)
        assert graph.sub(x, graph.neg(y)) == graph.add(x, y)
        assert graph.sub(zero, x) == graph.mul(graph.const(-1), x) == graph.neg(x)
        assert graph.div(x, graph.const(-1)) == graph.neg(x)
        assert graph.apply("select", one, x, y) == x
        assert graph.apply("select", zero, x, y) == y
        assert graph.apply("select", graph.apply("lt", x, y), x, x) == x

    def test_undefined_values_are_not_hidden(self):
        graph, x, _ = self.graph()
        zero = graph.const(0)
        inverse = graph.div(graph.const(1), x)
        logarithm, tangent = graph.apply("log", x), graph.apply("tan", x)
        for risky in (inverse, graph.sqrt(x), logarithm, tangent, graph.apply("pow", x, x)):
            assert graph.value(graph.mul(risky, zero)) is None
            assert graph.value(graph.sub(risky, risky)) is None
            assert not graph.is_total(graph.add(risky, x))
        assert graph.value(graph.div(x, zero)) is None
        assert graph.value(graph.div(x, x)) is None
        assert graph.value(graph.div(zero, x)) is None
        with pytest.raises(UndefinedError):
            graph.apply("log", zero)

    def test_roots_fold_only_where_they_are_rational(self):
        graph, *_ = self.graph()
        assert graph.value(graph.sqrt(graph.const(Fraction(9, 4)))) == Fraction(3, 2)
        assert graph.value(graph.sqrt(graph.const(2))) is None
        assert graph.value(graph.sqrt(graph.const(-4))) is None
        assert exact_root(Fraction(10**40, 49)) == Fraction(10**20, 7)
        assert exact_root(Fraction(10**40 + 1)) is None

    @pytest.mark.parametrize("exponent", [*range(1, 20), 31, 64, 100])
    def test_powers_are_short_chains(self, exponent):
        graph, x, _ = self.graph()
        program = graph.program({"f": graph.power(x, exponent)})
        assert interpret(program, {"x": Fraction(3, 2)})["f"] == Fraction(3, 2) ** exponent
        assert program.operations <= 2 * exponent.bit_length()
        inverse = graph.program({"f": graph.power(x, -exponent)})
        assert interpret(inverse, {"x": Fraction(3, 2)})["f"] == Fraction(2, 3) ** exponent

    def test_huge_powers_of_constants_are_not_computed(self):
        graph, *_ = self.graph()
        huge = graph.apply("pow", graph.const(9), graph.const(9**9))
        assert graph.nodes[huge].op == "pow"
        assert graph.value(graph.apply("pow", graph.const(2), graph.const(-10))) == Fraction(
            1, 1024
        )


class TestProgram:
    def test_only_what_is_needed_remains(self):
        graph = Graph()
        x, y = graph.input("x"), graph.input("y")
        graph.mul(x, y)
        program = graph.program({"f": graph.add(x, x)})
        assert program.inputs == ("x",)
        assert program.operations == 1
        assert program.uses == (2, 1)
        assert all(arg < index for index, node in enumerate(program.nodes) for arg in node.args)

    def test_dependence(self):
        program = read(X * Y + Z)
        depends = dict(zip(program.nodes, program.depends_on(["x"]), strict=True))
        assert [node.value for node, yes in depends.items() if node.op == "input" and yes] == ["x"]
        assert depends[program.nodes[program.outputs["f"]]]

    def test_inlining_binds_inputs(self):
        program = read(X**2 + Y)
        graph = Graph()
        a = graph.input("a")
        f = graph.inline(program, {"x": graph.add(a, graph.const(1)), "y": a})["f"]
        assert interpret(graph.program({"f": f}), {"a": Fraction(3)})["f"] == 19

    def test_guards_hold_what_one_branch_alone_needs(self):
        graph = Graph()
        x, y = graph.input("x"), graph.input("y")
        condition = graph.apply("lt", x, graph.const(0))
        inner, shared = graph.apply("exp", y), graph.mul(y, y)
        first = graph.apply("select", condition, graph.add(inner, shared), x)
        second = graph.apply("select", condition, graph.mul(inner, x), shared)
        program = graph.program({"a": first, "b": second})
        guards = {program.nodes[index]: guard for index, guard in
                  program.guards(program.outputs.values()).items()}  # fmt: skip
        where = next(i for i, node in enumerate(program.nodes) if node.op == "lt")
        exp = next(node for node in program.nodes if node.op == "exp")
        square = next(n for n in program.nodes if n.op == "mul" and n.args[0] == n.args[1])
        assert guards[exp] == ((where, True),)  # both uses are on the same branch
        assert guards[square] == ()
        assert guards[program.nodes[where]] == ()


def test_every_operation_means_something_to_sympy():
    assert set(ARITY) - {"const", "input", "pi", "e"} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sympy.gamma(X), "gamma is not an operation"),
        (sympy.Piecewise((X, X > 0)), "says nothing for the remaining case"),
        (sympy.Integral(X, X), "Integral is not an operation"),
        (sympy.Float("0.5") * X, "Float is not an operation"),
        (sympy.Symbol("q"), "the symbol q has no value here"),
    ],
)
def test_what_cannot_be_read_is_named(expression, message):
    with pytest.raises(StatementError, match=message):
        read(expression)


@pytest.mark.parametrize(
    ("expression", "ops"),
    [
        (X - Y, ["sub"]), (-X - Y, ["add", "neg"]), (X / 20, ["div"]), (X / 4, ["mul"]),
        (3 * X / 2, ["mul"]), (X / Y, ["div"]), (sympy.sqrt(X), ["sqrt"]),
        (1 / sympy.sqrt(X), ["div", "sqrt"]), (X * sympy.sqrt(X), ["mul", "sqrt"]),
        (X**sympy.Rational(1, 3), ["pow"]), (X**Y, ["pow"]), (sympy.exp(-X), ["exp", "neg"]),
        (2**X, ["pow"]), (sympy.Max(X, Y, Z), ["max", "max"]), (X > Y, ["lt"]),
    ],
)  # fmt: skip
def test_expressions_are_read_as_people_compute_them(expression, ops):
    program = read(expression)
    assert sorted(node.op for node in program.nodes if ARITY[node.op]) == ops


def test_unusual_conditions():
    """SymPy makes if-then-else of conditions, exclusive or, and the like by itself."""
    for condition in (sympy.ITE(X > 0, Y > 0, Z > 0), sympy.Xor(X > 0, Y > 0),
                      sympy.Implies(X > 0, Y > 0), sympy.Not(sympy.And(X > 0, Y > 0)),
                      sympy.Ne(X, Y), sympy.Nand(X > 0, Y > 0)):  # fmt: skip
        program = read(sympy.Piecewise((1, condition), (0, True)))
        for signs in ((a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)):
            found = interpret(program, dict(zip("xyz", map(Fraction, signs), strict=True)))["f"]
            values = dict(zip(SYMBOLS, signs, strict=True))
            assert found == (1 if condition.subs(values) == sympy.true else 0), condition


def test_programs_are_values():
    one, other = read(X + Y), read(X + Y)
    assert one == other
    assert isinstance(one, Program)
