"""Reverse differentiation against SymPy, and what it does at kinks and on untaken branches."""

from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from test_graph import SYMBOLS, X, Y, Z, expressions, interpret, points, read

import symopt
from symopt.derivation.step import objective_programs
from symopt.program.differentiate import gradient_program
from symopt.program.graph import Graph
from symopt.program.to_sympy import to_sympy


def gradient(expression):
    return gradient_program(read(expression), "f", ["x", "y", "z"])


def rational(value):
    return sympy.Rational(value.numerator, value.denominator)


def is_smooth_at(expression, values):
    """No kink: every condition, maximum, absolute value and sign is decided strictly there."""
    for node in sympy.preorder_traversal(expression):
        gaps = []
        if isinstance(node, (sympy.Abs, sympy.sign)):
            gaps = [node.args[0]]
        elif isinstance(node, (sympy.Max, sympy.Min)):
            gaps = [a - b for i, a in enumerate(node.args) for b in node.args[:i]]
        elif isinstance(node, sympy.core.relational.Relational):
            gaps = [node.lhs - node.rhs]
        if any(gap.xreplace(values).doit() == 0 for gap in gaps):
            return False
    return True


@settings(max_examples=200, deadline=None)
@given(expressions, points)
def test_the_sweep_is_the_derivative(expression, point):
    values = {s: rational(q) for s, q in zip(SYMBOLS, point, strict=True)}
    if expression.has(sympy.zoo, sympy.nan) or not is_smooth_at(expression, values):
        return
    found = interpret(gradient(expression), dict(zip("xyz", point, strict=True)))
    for symbol in SYMBOLS:
        derivative = sympy.diff(expression, symbol)
        expected = derivative.xreplace(values).doit()
        expected = expected.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero).doit()
        assert rational(found[symbol.name]) == expected, (expression, symbol)


@pytest.mark.parametrize(
    "expression",
    [
        sympy.sqrt(1 + X**2 * Y), sympy.exp(X * Y - Z), sympy.log(3 + X**2) / Z,
        sympy.sin(X) * sympy.cos(Y) + sympy.tan(X * Z), sympy.atan(X / Y),
        sympy.sinh(X) * sympy.cosh(Y) - sympy.tanh(Z), (2 + X**2) ** Y, (1 + Y**2) ** Z,
        (3 + X) ** sympy.Rational(1, 3), (2 + X) ** sympy.Rational(-5, 2), 2**X, X**7 / Y**3,
        sympy.exp(sympy.sin(X) ** 2) / (1 + sympy.exp(-Y)), -X / 3 - Y - 5, X * X * X,
    ],
)  # fmt: skip
def test_every_function_has_its_derivative(expression):
    values = {X: sympy.Rational(3, 7), Y: sympy.Rational(5, 4), Z: sympy.Rational(2, 3)}
    outputs = to_sympy(gradient(expression), {symbol.name: symbol for symbol in SYMBOLS})
    for symbol in SYMBOLS:
        expected = sympy.diff(expression, symbol).subs(values).evalf(40)
        assert abs(outputs[symbol.name].subs(values).evalf(40) - expected) < 1e-35, symbol


def test_what_does_not_enter_has_derivative_zero():
    program = gradient(X + 0 * Y)
    assert interpret(program, {"x": Fraction(1)}) == {"x": 1, "y": 0, "z": 0}
    assert interpret(gradient(sympy.Integer(3)), {}) == {"x": 0, "y": 0, "z": 0}


@pytest.mark.parametrize(
    ("expression", "x", "expected"),
    [(sympy.Abs(X), 0, 0), (sympy.Abs(X), -2, -1), (sympy.Abs(X), 3, 1), (sympy.sign(X), 2, 0)],
)
def test_kinks_follow_the_stated_convention(expression, x, expected):
    assert interpret(gradient(expression), {"x": Fraction(x)})["x"] == expected


def test_a_tie_of_a_maximum_goes_to_one_argument():
    """Never to both: the derivative of max(x, x**2) at 1 is that of one branch."""
    for op, parts in (("max", {1, 2}), ("min", {1, 2})):
        graph = Graph()
        x = graph.input("x")
        program = graph.program({"f": graph.apply(op, x, graph.mul(x, x))})
        swept = gradient_program(program, "f", ["x"])
        assert interpret(swept, {"x": Fraction(1)})["x"] in parts
        low, high = (interpret(swept, {"x": Fraction(v, 2)})["x"] for v in (1, 4))
        assert (low, high) == ((1, 4) if op == "max" else (1, 1))


@pytest.mark.parametrize(
    "inside",
    [1 / X, sympy.log(X) ** 2 * Y, sympy.sqrt(X) * sympy.sin(Y * X), X ** sympy.Rational(1, 3) / Y],
)
def test_nothing_is_computed_on_the_branch_that_is_not_taken(inside):
    """At x = -2 and x = 0 the inner formula has no value; the other branch has a gradient."""
    expression = sympy.Piecewise((inside, X > 0), (X**2 * Y, True))
    objective = symopt.Objective(expression, [X, Y])
    for at in ("-2", "0"):
        for arithmetic in ("float64", "ball"):
            result = symopt.run("gradient_descent", objective, (at, "3"), 1, arithmetic, eta="1/8")
            start = Fraction(at)
            expected = [float(start - start * 2 * 3 / 8), float(3 - start**2 / 8)]
            assert list(result.floats()[1]) == expected, (at, arithmetic)
    swept = gradient_program(read(expression), "f", ["x", "y"])
    guards = swept.guards(swept.outputs.values())
    for index, node in enumerate(swept.nodes):
        if node.op in ("div", "log", "sqrt", "pow"):
            assert guards[index], f"{node.op} is computed whatever x is"


def test_a_variable_of_one_branch_alone_has_derivative_zero_on_the_other():
    swept = gradient_program(read(sympy.Piecewise((Y**2 * Z, X > 0), (X, True))), "f", "xyz")
    for x, expected in ((1, (0, 30, 9)), (-1, (1, 0, 0))):
        found = interpret(swept, {"x": Fraction(x), "y": Fraction(3), "z": Fraction(5)})
        assert tuple(found.values()) == expected


def test_nested_branches_keep_their_derivatives_apart():
    expression = sympy.Piecewise(
        (sympy.Piecewise((X**2 * Y, Y > 0), (X * Y**3, True)), X > 0), (Y**2, True)
    )
    swept = gradient_program(read(expression), "f", ["x", "y"])
    for x, y, expected in ((2, 3, (12, 4)), (2, -3, (-27, 54)), (-2, 3, (0, 6))):
        found = interpret(swept, {"x": Fraction(x), "y": Fraction(y)})
        assert (found["x"], found["y"]) == expected


@pytest.mark.parametrize("name", symopt.objectives)
def test_the_sweep_costs_a_small_multiple_of_the_value(name):
    """Baur and Strassen: all derivatives together cost at most five times the function."""
    objective = symopt.objectives[name]
    value, chosen = objective_programs(objective)
    names = [symbol.name for symbol in objective.variables]
    swept = gradient_program(value, "f", names)
    assert swept.operations <= 5 * value.operations
    assert chosen.operations <= swept.operations
