"""Objectives: text or SymPy, exact numbers, and refusals that name the culprit."""

import pytest
import sympy

import symopt
from symopt import InputError, KnownPoint, Objective, ParseError, StatementError

X, Y = sympy.symbols("x y", real=True)


def test_text_and_sympy_state_the_same():
    text = Objective("(1.5 - x + x*y)**2 + abs(y)", variables="x y")
    plain = sympy.symbols("x y")
    given = Objective((1.5 - plain[0] + plain[0] * plain[1]) ** 2 + sympy.Abs(plain[1]), "x, y")
    assert text.expression == given.expression
    assert text.expression == (sympy.Rational(3, 2) - X + X * Y) ** 2 + sympy.Abs(Y)
    assert text == Objective("(1.5 - x + x*y)**2 + abs(y)", variables=["x", "y"])
    assert text.variables == (X, Y)


def test_the_order_of_variables_is_the_order_of_coordinates():
    one = Objective("x - 3*y", variables="x y")
    other = Objective("x - 3*y", variables="y x")
    assert symopt.run("gradient_descent", one, ("0", "0"), 1, "rational", eta="1").x[1, 0] == -1
    assert symopt.run("gradient_descent", other, ("0", "0"), 1, "rational", eta="1").x[1, 0] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", ""), "at least one variable"),
        (("x", []), "at least one variable"),
        (("x", "x x"), "named twice"),
        (("x", "2x"), "'2x' is not a variable name"),
        (("x", ["x", 3]), "3 is not a variable name"),
        (("x + z", "x y"), "z"),
        ((X + sympy.Symbol("z"), [X]), "z is not among the variables; add it to variables="),
        ((sympy.gamma(X), [X]), "gamma in gamma\\(x\\) is not a function"),
        ((sympy.I * X, [X]), "not a function that objectives can use"),
        ((sympy.oo * X, [X]), "not a function that objectives can use"),
        (([1, 2], "x"), "neither text nor a SymPy expression"),
        ((None, "x"), "neither text nor a SymPy expression"),
    ],
)
def test_a_malformed_objective_names_the_culprit(arguments, message):
    with pytest.raises(StatementError, match=message):
        Objective(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": [(0, 1)]}, "1 intervals in window for 2 variables"),
        ({"window": [(0, 1), (1, 1)]}, "a window interval is empty"),
        ({"start": (1,)}, "a start of 1 numbers for 2 variables"),
        ({"known": [KnownPoint((1,), 0)]}, "a known point of 1 numbers for 2 variables"),
    ],
)
def test_what_is_known_must_fit_the_variables(options, message):
    with pytest.raises(StatementError, match=message):
        Objective("x + y", variables="x y", **options)


@pytest.mark.parametrize("start", [(1, "one"), (1, float("nan")), (1, None)])
def test_a_start_is_made_of_numbers(start):
    with pytest.raises(InputError, match="start"):
        Objective("x + y", variables="x y", start=start)


def test_families():
    five = symopt.objectives["rosenbrock[5]"]
    assert five.dimension == 5
    assert five.name == "rosenbrock[5]"
    assert five.in_dimension(5) is five
    assert five.in_dimension(2).expression == symopt.objectives.rosenbrock.expression
    ones = dict.fromkeys(five.variables, 1)
    assert five.expression.subs(ones) == 0
    for wrong in (0, -1, True):
        with pytest.raises(InputError, match="positive integer"):
            five.in_dimension(wrong)
    with pytest.raises(InputError, match="2 variables only, not 3"):
        symopt.objectives.beale.in_dimension(3)


def test_text_is_never_executed():
    for text in ("__import__('os').getcwd()", "x.__class__", "lambda: x", "x if x else y", "[x]"):
        with pytest.raises(ParseError):
            Objective(text, variables="x y")


@pytest.mark.parametrize("name", symopt.objectives)
def test_objectives_are_values(name):
    objective = symopt.objectives[name]
    assert hash(objective) == hash(objective.named(name))
    assert objective.named(name) == objective
    assert objective.named("other") != objective
    assert not objective.expression.atoms(sympy.Float)
    assert len(objective.start) == objective.dimension == len(objective.window)
