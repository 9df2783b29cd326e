"""ISTA and FISTA on the lasso: what they minimize, and that they reach it."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

import symopt
from symopt.array import ArrayObjective, data, let, mean, parameter, square

X, y, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
SMOOTH = ArrayObjective(mean(square(let("r", X @ w - y))) / 2, (w,), (X, y), "Smooth part")
ROWS = np.array([[3, 1, 0], [1, -2, 1], [0, 1, 1], [2, 0, -1]]) / 2
TARGET = np.array([2, 0, 1, 3]) / 2
FIT = SMOOTH.bind(X=ROWS, y=TARGET)


@pytest.mark.parametrize("rule", ["ista", "fista"])
def test_the_limit_satisfies_the_conditions_of_the_lasso(rule):
    """At the minimum the gradient is -lamda1*sign(w), and at most lamda1 where w is 0."""
    lamda = 0.4
    run = symopt.run(rule, FIT, np.zeros(3), 3000, record="final", eta="1/4", lamda1=str(lamda))
    found, slope = run.x[-1], FIT.gradient(run.x[-1])
    assert (found == 0).any(), "thresholding gives exact zeros"
    assert (found != 0).any()
    inside = found != 0
    np.testing.assert_allclose(slope[inside], -lamda * np.sign(found[inside]), atol=1e-10)
    assert (np.abs(slope[~inside]) <= lamda).all()


def test_one_step_is_the_minimizer_of_the_linearized_problem():
    """u |-> g*u + (u - x)^2/(2 eta) + lamda1*|u| is least at the new point, exactly."""
    step = symopt.run("ista", "half_square", ("1",), 1, "rational", eta="1/4", lamda1="1/2").x[-1][
        0
    ]
    u = sympy.Symbol("u", real=True)
    model = 1 * u + (u - 1) ** 2 * 2 + sympy.Rational(1, 2) * u
    (least,) = sympy.solve(sympy.diff(model, u), u)
    assert step == Fraction(int(least.p), int(least.q)) == Fraction(5, 8)


def test_the_first_three_steps_of_fista_by_hand():
    """Beck and Teboulle's t_k are 1, (1 + sqrt 5)/2, ...: the first step that leaves ISTA is the
    third, from y_3 = x_2 + (t_2 - 1)/t_3 (x_2 - x_1).
    """
    settings = {"eta": "1/4", "lamda1": "1/2"}
    made = symopt.run("fista", "half_square", ("1",), 3, "ball", **settings)
    x1, x2 = sympy.Rational(5, 8), sympy.Rational(11, 32)  # ISTA's: 3/4 x - 1/8 of 1, of 5/8
    t2 = (1 + sympy.sqrt(5)) / 2
    t3 = (1 + sympy.sqrt(1 + 4 * t2**2)) / 2
    y3 = x2 + (t2 - 1) / t3 * (x2 - x1)
    x3 = y3 * sympy.Rational(3, 4) - sympy.Rational(1, 8)
    found = [float(row[0].mid()) for row in made.x]
    assert found == pytest.approx([1, 0.625, 0.34375, float(x3)], rel=1e-15)


def test_fista_is_ahead_of_ista():
    ends = {
        rule: FIT.value(symopt.run(rule, FIT, np.zeros(3), 30, eta="1/20", lamda1="1/1000").x[-1])
        for rule in ("ista", "fista")
    }
    assert ends["fista"] < ends["ista"]
