"""The exact quadratic of a loss on data, and its minimizer."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

import symopt
from symopt import InputError
from symopt.array import ArrayObjective, data, exp, mean, parameter, square
from symopt.derivation.array.quadratic import degree

ROWS = [[Fraction(1, 3), 2], [5, Fraction(-1, 7)], [-2, 4], [1, 1]]
FIT = symopt.models.linear_regression.bind(X=ROWS, y=[1, "1/5", -3, 2])
RIDGE = symopt.models.ridge.bind(X=ROWS, y=[1, "1/5", -3, 2], lam="1/10")


@pytest.mark.parametrize("fit", [FIT, RIDGE])
def test_the_quadratic_is_the_scalar_objective_and_its_minimizer_has_gradient_0(fit):
    scalar = fit.scalar()
    loss = symopt.quadratic_loss(fit)
    w = sympy.Matrix(scalar.variables)
    stated = (
        (w.T * sympy.Matrix(loss.matrix) * w)[0] / 2
        - (w.T * sympy.Matrix(loss.linear))[0]
        + sympy.Rational(loss.constant)
    )
    assert sympy.expand(stated - scalar.expression) == 0
    found = dict(zip(scalar.variables, map(sympy.Rational, loss.minimizer), strict=True))
    assert [g.subs(found) for g in scalar.gradient] == [0, 0, 0]
    assert loss.value(loss.minimizer) == Fraction(str(scalar.expression.subs(found)))


def test_degrees_are_counted_through_every_operation():
    X, w = data("X", 2, 2), parameter("w", 2)
    assert degree(mean(square(X @ w))) == 2
    assert degree(mean(square(X @ w) * (X @ w))) == 3
    assert degree(mean(exp(X @ w))) is None
    assert degree(mean(exp(X) @ w)) == 1


def test_collinear_columns_have_no_single_minimizer():
    fit = symopt.models.linear_regression.bind(X=[[1, 2], [2, 4], [3, 6], [0, 0]], y=[1, 2, 3, 4])
    with pytest.raises(InputError, match="rank 2 for 3 parameters"):
        _ = symopt.quadratic_loss(fit).minimizer


def test_a_loss_that_falls_forever_has_no_minimizer():
    w = parameter("w", 2)
    X = data("X", "n", 2)
    saddle = ArrayObjective(mean(square(X @ w)) - 10 * mean(square(w)), (w,), (X,), "Saddle")
    loss = symopt.quadratic_loss(saddle.bind(X=np.array([[1.0, 2.0], [0.5, 1.0]])))
    with pytest.raises(InputError, match="negative curvature"):
        _ = loss.minimizer


@pytest.mark.parametrize("rule", ["momentum", "nesterov", "gradient_descent"])
def test_the_closed_form_of_every_step_is_the_exact_run_on_least_squares(rule):
    """One feature and a bias of N4's kind: eigenvalues with a square root, branches by number."""
    fit = symopt.models.linear_regression.bind(X=[[1], [2], [0], ["1/2"]], y=[7, 10, "7/2", 6])
    hyper = {"eta": "1/10"} | ({} if rule == "gradient_descent" else {"mu": "9/10"})
    form = symopt.closed_form(rule, fit, x0=(0, 1), **hyper)
    run = symopt.run(rule, fit, [0, 1], 40, "rational", **hyper)
    for step in (0, 1, 2, 7, 40):
        assert form.value(step) == tuple(run.x[step])


def test_n4_runs_in_closed_form():
    fit = symopt.systems["N4"].runs[0].target
    form = symopt.closed_form("momentum_pytorch", fit, x0=(0, 0), eta="1/10", mu="9/10")
    assert form.kinds() == ("complex", "complex")
    run = symopt.run("momentum_pytorch", fit, [0, 0], 30, "rational", eta="1/10", mu="9/10")
    assert form.value(30) == tuple(run.x[30])
