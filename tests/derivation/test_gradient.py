"""The gradient is exactly SymPy's, in a form that a person would write, and every step is true."""

from __future__ import annotations

import pickle
import random

import pytest
import sympy
from sympy import (
    Abs,
    Max,
    Min,
    Mul,
    Piecewise,
    Rational,
    Symbol,
    atan,
    cos,
    cosh,
    exp,
    log,
    pi,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

import symopt
from symopt import Objective
from symopt.derivation.gradient import Step, differentiate, gradient, gradient_steps, hessian
from symopt.errors import StatementError

x, y = sympy.symbols("x y", real=True)
half3, nine4, twentyone8 = Rational(3, 2), Rational(9, 4), Rational(21, 8)

BEALE = (half3 - x + x * y) ** 2 + (nine4 - x + x * y**2) ** 2 + (twentyone8 - x + x * y**3) ** 2
ACKLEY = (
    -20 * exp(-sqrt((x**2 + y**2) / 2) / 5)
    - exp((cos(2 * pi * x) + cos(2 * pi * y)) / 2) + sympy.E + 20
)  # fmt: skip
GOLDSTEIN = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
    30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
)

SMOOTH = {
    "beale": BEALE,
    "ackley": ACKLEY,
    "goldstein": GOLDSTEIN,
    "cubic": x**2 + y**2 + y**3 + x * y,
    "rosenbrock": 100 * (y - x**2) ** 2 + (1 - x) ** 2,
    "rastrigin": 20 + x**2 - 10 * cos(2 * pi * x) + y**2 - 10 * cos(2 * pi * y),
    "mccormick": sin(x + y) + (x - y) ** 2 - half3 * x + y + 1,
    "camel": (4 - Rational(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2,
    "quotient": (x - y) / (1 + x**2 + y**2) ** 2,
    "elementary": tan(x * y / 9) * atan(x) + tanh(x + 2 * y) * sinh(y) - cosh(x * y) ** 3,
    "powers": (2 + x**2) ** (x * y) + 3 ** (x - y) + log(1 + x**2 * y**2) * sqrt(1 + y**2),
    "nested": exp(sin(x * cos(y)) ** 2) / (2 + cos(x + exp(y))),
    "factored": 5 * (x - 3) * (x + y) * (2 - y) * exp(x) * x**3,
    "constant": sympy.Integer(7) + 0 * x,
}
KINKED = {
    "abs": Abs(x - 2 * y) * 3 + Abs(x * y - 1) ** 3,
    "maximum": Max(x, y**2, x * y - 1) * x,
    "minimum": Min(x + y, 2 * x - y) ** 2,
    "huber": Piecewise((x**2 / 2, Abs(x) <= 1), (Abs(x) - Rational(1, 2), True)) + y**2,
}


def same(ours: sympy.Expr, theirs: sympy.Expr) -> bool:
    """Equal at random rational points, exactly: as rationals, or to 60 digits past roundoff."""
    generator = random.Random(7)
    for _ in range(6):
        point = {s: Rational(generator.randint(-40, 40), 17) + Rational(1, 101) for s in (x, y)}
        difference = (ours - theirs).subs(point, simultaneous=True)
        if difference.is_Rational:
            if difference != 0:
                return False
        elif abs(sympy.N(difference, 80, maxn=400, chop=False)) > Rational(1, 10**60):
            return False
    return True


def tree(step: Step) -> list[Step]:
    return [step, *(inner for child in step.children for inner in tree(child))]


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_gradient_is_the_derivative(name: str) -> None:
    expression = {**SMOOTH, **KINKED}[name]
    found = gradient(Objective(expression, variables=[x, y]))
    for component, variable in zip(found, (x, y), strict=True):
        assert same(component, sympy.diff(expression, variable))


@pytest.mark.parametrize("name", ["beale", "camel", "goldstein", "cubic", "rosenbrock"])
def test_polynomial_gradients_are_equal_after_expansion(name: str) -> None:
    found = gradient(Objective(SMOOTH[name], variables=[x, y]))
    for component, variable in zip(found, (x, y), strict=True):
        assert sympy.expand(component - sympy.diff(SMOOTH[name], variable)) == 0


@pytest.mark.parametrize("name", SMOOTH)
def test_hessian_is_the_matrix_of_second_derivatives(name: str) -> None:
    found = hessian(Objective(SMOOTH[name], variables=[x, y]))
    expected = sympy.hessian(SMOOTH[name], (x, y))
    assert found[0, 1] == found[1, 0]
    for i, j in [(0, 0), (0, 1), (1, 1)]:
        assert same(found[i, j], expected[i, j])


@pytest.mark.parametrize("name", [*SMOOTH, *KINKED])
def test_every_step_is_true_by_itself(name: str) -> None:
    objective = Objective({**SMOOTH, **KINKED}[name], variables=[x, y])
    for top in gradient_steps(objective):
        for step in tree(top):
            renamed = dict.fromkeys(
                step.before.free_symbols - {x, y}, x
            )  # the letter u is any number
            left = sympy.diff(step.before, step.variable).xreplace(renamed)
            assert same(step.after.xreplace(renamed), left), step


def test_every_objective_of_the_catalogue() -> None:
    for objective in symopt.objectives.values():
        found = gradient(objective)
        assert len(found) == objective.dimension
        point = {s: Rational(7 + i, 13) for i, s in enumerate(objective.variables)}
        for component, variable in zip(found, objective.variables, strict=True):
            difference = (component - sympy.diff(objective.expression, variable)).subs(point)
            assert abs(sympy.N(difference, 60, maxn=300)) < Rational(1, 10**50), objective.name


def test_beale_keeps_its_three_chain_rule_terms() -> None:
    dx, dy = gradient(Objective(BEALE, variables=[x, y]))
    first, second, third = half3 - x + x * y, nine4 - x + x * y**2, twentyone8 - x + x * y**3
    assert set(dx.args) == {
        Mul(2, y - 1, first), Mul(2, y**2 - 1, second), Mul(2, y**3 - 1, third)
    }  # fmt: skip
    assert set(dy.args) == {
        Mul(2, x, first), Mul(4, x, y, second), Mul(6, x, y**2, third)
    }  # fmt: skip


def test_numbers_stay_in_front_of_sums() -> None:
    dx, dy = gradient(Objective((x + y) ** 2, variables=[x, y]))
    assert str(dx) == str(dy) == "2*(x + y)"
    dx, dy = gradient(Objective(100 * (y - x**2) ** 2, variables=[x, y]))
    assert str(dx) == "-400*x*(-x**2 + y)"
    assert str(dy) == "200*(-x**2 + y)"
    assert str(hessian(Objective((y - 1) * (x * y - 3) * x * 2, variables=[x, y]))[0, 0]) == (
        "4*y*(y - 1)"
    )


def test_steps_name_their_rules() -> None:
    (step,) = gradient_steps(Objective("3*x**2 + 5 + exp(2*x)*x", variables="x"))
    assert step.rule == "sum"
    rules = {child.before: child.rule for child in step.children}
    assert rules == {
        3 * x**2: "constant factor", sympy.Integer(5): "constant", x * exp(2 * x): "product"
    }  # fmt: skip
    chain = differentiate(exp(2 * x), x)
    outer, inner = chain.children
    assert (chain.rule, outer.rule, inner.rule) == ("chain", "exponential", "constant factor")
    assert outer.before == outer.after == exp(outer.variable)
    assert inner.after == 2


def test_the_letter_of_the_chain_rule_is_free() -> None:
    u = Symbol("u", real=True)
    outer, _ = differentiate(sin(u * x), x).children
    assert outer.variable != u


def test_a_maximum_takes_the_slope_of_one_branch() -> None:
    (slope,) = gradient(Objective(Max(0, x), variables=[x]))
    assert [slope.subs(x, value) for value in (-1, 0, 1)] == [0, 0, 1]
    (slope,) = gradient(Objective(Min(0, x), variables=[x]))
    assert [slope.subs(x, value) for value in (-1, 1)] == [1, 0]


def test_unknown_function_is_refused_by_name() -> None:
    with pytest.raises(StatementError, match="gamma"):
        differentiate(sympy.gamma(x), x)


def test_gradient_survives_pickling() -> None:
    found = gradient(Objective("x**2 + y", variables="x y"))
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.variables == found.variables
