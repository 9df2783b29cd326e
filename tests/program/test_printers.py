"""Generated code: readable, with clean names, and only the taken branch is evaluated."""

import ast
import keyword
import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symopt
from symopt import Objective, Rule, Source
from symopt.execution.arithmetic import float64
from symopt.execution.kernel import build_kernel, compile_source, function_source, kernel
from symopt.program.from_sympy import Reader
from symopt.program.graph import ARITY, Graph
from symopt.program.printers.python import ARRAY, EXACT, FLOAT, RESERVED, clean_names
from symopt.statement.symbols import eta, g, grad, sqrt, where, x

SOURCE = Source("cauchy1847methode", "p. 537")
A, B, C = sympy.symbols("a b c", real=True)


def function_of(expression, symbols=(A, B, C), dialect=FLOAT):
    graph = Graph()
    nodes = {symbol: graph.input(symbol) for symbol in symbols}
    program = graph.program({"f": Reader(graph, nodes).read(expression)})
    source = function_source("f", program, {s: s.name for s in symbols}, dialect)
    return compile_source(source, float64()), source


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A - (B - C), "a + c - b"), (A - B - C, "a - b - c"), (A * B / C, "a * b / c"),
        (A / (B * C), "a / (b * c)"), (A / (B + C), "a / (b + c)"), ((A + B) * C, "c * (a + b)"),
        (-(A + B), "-(a + b)"), (-A * B, "-(a * b)"), (A ** (B - C), "power(a, b - c)"),
        (sympy.sqrt(A + B), "sqrt(a + b)"), (1 - 2 * A, "1.0 - 2.0 * a"),
        (sympy.Max(A, B) - 1, "maximum(a, b) - 1.0"), (A / 10, "a / 10.0"), (A / 8, "0.125 * a"),
        (A**2 + A**4, "a0 + a0 * a0"), (sympy.exp(-A), "exp(-a)"), (A - sympy.pi, "a - pi"),
        (sympy.Rational(-1, 4) * A, "-(0.25 * a)"), (A ** sympy.Rational(1, 3), "power(a, 0.333"),
    ],
)  # fmt: skip
def test_expressions_print_without_idle_parentheses(expression, text):
    function, source = function_of(expression)
    printed = source.splitlines()[-1]
    if "a0" in text:
        assert "a * a" in source
    else:
        assert text in printed, source
    values = {A: 0.75, B: 2.5, C: -1.25}
    expected = float(expression.subs(values))
    assert function(*values.values())[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("dialect", [FLOAT, ARRAY, EXACT])
@pytest.mark.parametrize("rule", symopt.rules)
def test_every_kernel_is_readable_python(rule, dialect):
    made = build_kernel(symopt.rules[rule], symopt.objectives.beale, dialect)
    tree = ast.parse(made.source)
    (function,) = tree.body
    assert [arg.arg for arg in function.args.args][-2:] == ["steps", "record"]
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For)]
    assert len(loops) == 1, "the whole loop is inside, and there is no other"
    long = [line for line in made.source.splitlines() if len(line) > 100]
    assert not long, long
    assigned = [node.id for node in ast.walk(tree)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]  # fmt: skip
    assert not set(assigned) & RESERVED
    assert ast.unparse(ast.parse(made.source)).count("lambda") == 0


def test_the_catalogue_prints_lines_of_at_most_a_hundred_characters():
    for objective in ("beale", "ackley", "goldstein_price"):
        for rule in symopt.rules:
            for line in kernel(rule, objective).source.splitlines():
                assert len(line) <= 100, (objective, line)


def test_nothing_is_computed_twice():
    source = kernel("adam", "beale").source
    right = [line.split(" = ", 1)[1] for line in source.splitlines() if " = " in line]
    wide = [text for text in right if len(text) > 12]
    assert len(set(wide)) == len(wide)


NAMES = ("lambda", "sqrt", "t", "steps", "record", "eta", "m", "θ", "range", "x", "abs", "True",
         "m_x", "a12", "c5", "s3", "v_hat_x", "a12_", "match", "pi", "float64", "def",
         "g_x")  # fmt: skip


@pytest.mark.parametrize("rule", ["adam", "nadam", "radam", "lamb", "rmsprop_centered_momentum"])
@pytest.mark.parametrize("name", NAMES)
def test_any_variable_name_gives_the_same_numbers(rule, name):
    """Names of hyperparameters, state, functions, keywords and temporaries do not clash."""
    other = sympy.Symbol("x" if name != "x" else "y", real=True)

    def stated(label):
        own = sympy.Symbol(label, real=True)
        return Objective((own - 1) ** 2 * (other + 2) ** 2 + own**2 * other**3, [own, other])

    for arithmetic in ("float64", "float32", "ball"):
        plain = symopt.run(rule, stated("plain"), (1.25, 1.5), 4, arithmetic)
        odd = symopt.run(rule, stated(name), (1.25, 1.5), 4, arithmetic)
        assert np.array_equal(plain.floats(), odd.floats()), (name, arithmetic)
    unrolled = symopt.unroll(rule, stated(name), 2)
    values = [1.25, 1.5] + [float(symopt.rules[rule].parameter(s.name).default)
                            for s in unrolled.arguments[2:]]  # fmt: skip
    usual = symopt.unroll(rule, stated("plain"), 2)
    assert unrolled.lambdify()(*values) == usual.lambdify()(*values)


@pytest.mark.parametrize("letter", "acs")
def test_temporaries_never_shadow_a_variable(letter):
    """Each number that a temporary may get, as a variable."""
    q = sympy.Symbol("q", real=True)
    for number in range(0, 90, 3):
        p = sympy.Symbol(f"{letter}{number}", real=True)
        objective = Objective(p**3 * q**4 + q**2, [p, q])
        plain = Objective(A**3 * q**4 + q**2, [A, q])
        found = symopt.run("radam", objective, (1.25, 1.5), 3).x
        assert np.array_equal(found, symopt.run("radam", plain, (1.25, 1.5), 3).x), p


def test_many_variables_with_names_like_temporaries():
    symbols = sympy.symbols("a0:20", real=True)
    objective = Objective(sum((s - i) ** 2 * (1 + s**2) for i, s in enumerate(symbols)), symbols)
    plain = sympy.symbols("z0:20", real=True)
    same = Objective(objective.expression.subs(dict(zip(symbols, plain, strict=True))), plain)
    start = [0.5 + i / 7 for i in range(20)]
    found = symopt.run("adam", objective, start, 5).x
    np.testing.assert_allclose(found, symopt.run("adam", same, start, 5).x, rtol=1e-13)


def test_clean_names_are_distinct_identifiers():
    names = clean_names([*NAMES, *NAMES, "1x", "a b", "", "a.b", "__import__"], taken=RESERVED)
    assert len(set(names)) == len(names)
    assert not set(names) & RESERVED
    for name in names:
        assert name.isidentifier()
        assert name.isascii()
        assert not keyword.iskeyword(name)
        assert not keyword.issoftkeyword(name)


class TestBranches:
    def test_only_the_taken_branch_is_evaluated(self):
        function, source = function_of(
            sympy.Piecewise((sympy.log(A) / B + sympy.sqrt(A), A > 0), (A * C, True))
        )
        assert function(-2.0, 0.0, 3.0) == (-6.0,)
        with pytest.raises(ZeroDivisionError):
            function(2.0, 0.0, 3.0)
        assert source.count("if ") == 1

    def test_radam_does_not_take_the_root_before_it_is_real(self):
        """rho_t <= 4 for the first steps, where the rectification's root has no real value."""
        source = kernel("radam", "beale").source
        branch = source[source.index("if ") :]
        assert "sqrt(" in branch
        assert "rho_t" in branch[: branch.index("sqrt(")]
        assert "sqrt(" not in source[: source.index("if ")]
        for arithmetic in ("float64", "ball"):
            result = symopt.run("radam", "beale", (1, "3/2"), 8, arithmetic)
            assert np.isfinite(result.floats()).all()

    def test_one_condition_in_several_places_is_one_decision(self):
        root = sympy.sqrt(A)
        graph = Graph()
        nodes = {symbol: graph.input(symbol) for symbol in (A, B)}
        reader = Reader(graph, nodes)
        program = graph.program({
            "f": reader.read(sympy.Piecewise((root + B, A >= 0), (B, True))),
            "g": reader.read(sympy.Piecewise((root * B, A >= 0), (-B, True))),
        })  # fmt: skip
        source = function_source("f", program, {A: "a", B: "b"}, FLOAT)
        function = compile_source(source, float64())
        assert source.count("sqrt") == 1
        assert function(-4.0, 3.0) == (3.0, -3.0)
        assert function(4.0, 3.0) == (5.0, 6.0)

    def test_a_later_branch_may_use_what_an_earlier_decision_gave(self):
        graph = Graph()
        a, b = graph.input(A), graph.input(B)
        condition = graph.apply("le", graph.const(0), a)
        first = graph.apply("select", condition, graph.sqrt(a), b)
        second = graph.apply("select", condition, graph.div(first, graph.mul(b, first)), a)
        program = graph.program({"f": first, "g": second})
        function = compile_source(function_source("f", program, {A: "a", B: "b"}, FLOAT), float64())
        assert function(4.0, 8.0) == (2.0, 0.125)
        assert function(-4.0, 0.0) == (0.0, -4.0)

    def test_a_condition_within_itself_is_decided_already(self):
        inner = sympy.Piecewise((sympy.sqrt(A), A >= 0), (B, True))
        graph = Graph()
        nodes = {symbol: graph.input(symbol) for symbol in (A, B)}
        reader = Reader(graph, nodes)
        condition = reader.read(A >= 0)
        node = graph.apply("select", condition, graph.mul(reader.read(inner), nodes[B]), nodes[A])
        source = function_source("f", graph.program({"f": node}), {A: "a", B: "b"}, FLOAT)
        function = compile_source(source, float64())
        assert source.count("if ") == 1
        assert function(9.0, 2.0) == (6.0,)
        assert function(-9.0, 2.0) == (-9.0,)

    def test_nested_branches_and_both_orders(self):
        expression = sympy.Piecewise(
            (sympy.Piecewise((sympy.log(A), B > 0), (1 / B, True)), A > 0),
            (sympy.Piecewise((1 / A, B > 0), (A * B, True)), True),
        )
        function, _ = function_of(expression)
        assert function(2.0, 1.0, 0.0) == (math.log(2.0),)
        assert function(2.0, -4.0, 0.0) == (-0.25,)
        assert function(-2.0, 1.0, 0.0) == (-0.5,)
        assert function(0.0, 0.0, 0.0) == (0.0,)

    def test_a_rule_may_branch_on_state(self):
        rule = Rule("Guarded", SOURCE, {eta: "1"}, {},
                    [(g, grad(x)), (x, where(g > 0, x - eta * sqrt(g), x + eta * sqrt(-g)))]
                    )  # fmt: skip
        objective = Objective("x**2 + y**2", variables="x y")
        result = symopt.run(rule, objective, (4.5, -2.0), 1)
        assert list(result.x[1]) == [4.5 - 3.0, -2.0 + 2.0]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_printing_is_the_program(data):
    """Random graphs, printed and run, against the same operations applied node by node."""
    graph = Graph()
    values = {A: -1.5, B: 2.25, ("t",): 3}
    nodes = [graph.input(label) for label in values] + [graph.const(c) for c in (2, -3, 0)]
    conditions = [graph.apply("lt", nodes[0], nodes[1]), graph.apply("le", nodes[1], nodes[2])]
    ops = ["neg", "abs", "add", "sub", "mul", "div", "pow", "max", "select", "select", "select"]
    for _ in range(data.draw(st.integers(1, 25))):
        op = data.draw(st.sampled_from(ops))
        pick = lambda: data.draw(st.sampled_from(nodes))  # noqa: E731
        if op == "select":
            nodes.append(graph.apply(op, data.draw(st.sampled_from(conditions)), pick(), pick()))
        elif op == "pow":
            nodes.append(graph.apply(op, pick(), nodes[2]))
        elif op == "div":
            nodes.append(graph.div(pick(), graph.add(graph.mul(nodes[0], nodes[0]), nodes[3])))
        else:
            nodes.append(graph.apply(op, *[pick() for _ in range(ARITY[op])]))
    wanted = data.draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=4))
    program = graph.program(dict(enumerate(wanted)))
    meaning = {
        "neg": lambda a: -a, "abs": abs, "add": lambda a, b: a + b, "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "pow": lambda a, b: a**b,
        "max": lambda a, b: a if a >= b else b, "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b, "select": lambda c, a, b: a if c else b,
    }  # fmt: skip

    def visit(node, args):
        if node.op == "const":
            return float(node.value)
        return values[node.value] if node.op == "input" else meaning[node.op](*args)

    try:
        expected = program.fold(visit)
    except OverflowError:
        return
    names = {A: "a", B: "b", ("t",): "t"}
    source = function_source("f", program, names, FLOAT)
    found = compile_source(source, float64())(*values.values())
    assert found == tuple(expected[i] for i in range(len(wanted))), source


def test_powers_of_powers_and_differences_of_differences_keep_their_order():
    graph = Graph()
    a, b, t = (graph.input(label) for label in (A, B, ("t",)))
    program = graph.program({
        "f": graph.apply("pow", graph.apply("pow", a, t), t),
        "g": graph.sub(a, graph.sub(b, t)), "h": graph.sub(a, graph.add(b, t)),
        "i": graph.div(a, graph.div(b, t)), "j": graph.apply("pow", graph.neg(a), t),
    })  # fmt: skip
    source = function_source("f", program, {A: "a", B: "b", ("t",): "t"}, FLOAT)
    found = compile_source(source, float64())(3.0, 5.0, 3)
    assert found == (3.0**9, 1.0, -5.0, 3.0 / (5.0 / 3.0), -27.0), source


def test_real_powers_are_real():
    function, source = function_of(A**B)
    assert "power(a, b)" in source
    with pytest.raises(ValueError, match="math domain"):
        function(-8.0, 1 / 3, 0.0)
    assert "beta1 ** t" in kernel("adam", "beale").source  # whole exponents stay as people write


def test_generated_code_holds_no_text_of_users():
    """A title or a name reaches the source through ``clean_names`` alone."""
    hostile = 'x"); import os; ("'
    objective = Objective("x**2", variables="x", title=hostile, name=hostile)
    rule = symopt.rules.adam.named(hostile)
    source = symopt.kernel(rule, objective).source
    assert "import" not in source
    assert symopt.run(rule, objective, (1.0,), 1).x.shape == (2, 1)


def test_a_constant_beyond_binary64_is_refused_in_floats_and_runs_exactly():
    objective = Objective(10**400 * A**2, [A])
    with pytest.raises(symopt.InputError, match="beyond the range of binary64"):
        symopt.run("gradient_descent", objective, (1.0,), 1)
    exact = symopt.run("gradient_descent", objective, ("1",), 1, "rational", eta="1/2")
    assert exact.x[1, 0] == 1 - 10**400
