"""The first k steps as one function: vectorized floats, and the same map exactly."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

import symopt
from symopt import InputError, Objective


def test_calls_like_a_function_of_sympy_lambdify():
    unrolled = symopt.unroll("momentum", "half_square", 2)
    f = unrolled.lambdify()
    assert [str(s) for s in unrolled.arguments] == ["w_0", "eta", "mu"]
    assert f(1.0, 0.5, 0.25) == (1.0 - 0.5 - 0.125 - 0.25,)
    assert f.source.startswith("def momentum_2_steps(w_0, eta, mu):")
    assert "w_0, eta, mu" in f.__doc__


def test_arrays_broadcast_and_scalars_stay_scalars():
    f = symopt.unroll("adam", "beale", 3).lambdify()
    settings_ = (0.9, 0.999, 1e-8)
    x1, x2 = np.linspace(-1, 1, 7)[:, None], np.linspace(-1, 1, 5)
    rates = 0.01
    many = f(x1, x2, rates, *settings_)
    assert [part.shape for part in many] == [(7, 5), (7, 5)]
    one = f(x1[3, 0], x2[2], rates, *settings_)
    assert np.shape(one[0]) == ()
    for part, single in zip(many, one, strict=True):
        assert part[3, 2] == single
    assert f(0, 1, 1, *settings_)[0].dtype == np.float64  # integers are numbers too


def test_every_step_has_its_map():
    unrolled = symopt.unroll("momentum", "beale", 4)
    arguments = (1.0, 1.5, 0.01, 0.9)
    run = symopt.run("momentum", "beale", (1.0, 1.5), 4, eta=0.01, mu=0.9)
    for step in range(5):
        np.testing.assert_allclose(unrolled.lambdify(step)(*arguments), run.x[step], rtol=1e-13)
    with pytest.raises(InputError, match="not among the unrolled steps"):
        unrolled.lambdify(5)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.fractions(-2, 2, max_denominator=50)] * 2),
    st.fractions(0, 1, max_denominator=20),
)
def test_the_exact_map_is_the_exact_run(start, rate):
    unrolled = symopt.unroll("nesterov", "cubic", 3, mu="1/2")
    points = unrolled.evaluate(*start, rate)
    run = symopt.run("nesterov", "cubic", start, 3, "rational", eta=rate, mu="1/2")
    assert points == [tuple(row) for row in run.x]
    balls = unrolled.evaluate(*start, rate, arithmetic="ball")
    for point, enclosure in zip(points, balls, strict=True):
        for value, wide in zip(point, enclosure, strict=True):
            assert (wide * value.denominator).overlaps(arb(value.numerator))


def test_floats_are_received_and_text_is_exact():
    unrolled = symopt.unroll("gradient_descent", "half_square", 1)
    assert unrolled.evaluate(0.1, "0.1")[1] == (Fraction(0.1) * Fraction(9, 10),)


def test_wrong_calls():
    unrolled = symopt.unroll("gradient_descent", "half_square", 1)
    with pytest.raises(InputError, match=r"takes 2 arguments \(w_0, eta\), not 1"):
        unrolled.lambdify()(1.0)
    with pytest.raises(InputError, match="3 values for the 2 arguments w_0, eta"):
        unrolled.evaluate(1, 2, 3)
    with pytest.raises(InputError, match="no arithmetic 'float64' here"):
        unrolled.evaluate(1, 2, arithmetic="float64")
    with pytest.raises(symopt.InexactError, match="irrational"):
        symopt.unroll("adam", "half_square", 2).evaluate("1", "1/10", "1/2", "1/2", "1/7")


def test_names_of_arguments_are_cleaned():
    odd = sympy.symbols("lambda sqrt θ steps", real=True)
    objective = Objective(sum(s**2 for s in odd), odd)
    f = symopt.unroll("gradient_descent", objective, 1).lambdify()
    assert f(1.0, 2.0, 3.0, 4.0, 0.5) == (0.0, 0.0, 0.0, 0.0)


def test_undefined_points_are_nan_without_a_warning():
    f = symopt.unroll("gradient_descent", Objective("sqrt(x)", "x"), 1).lambdify()
    with np.errstate(all="raise"):
        (found,) = f(np.array([-1.0, 1.0, 0.0]), 0.5)
    assert np.isnan(found[0])
    assert found[1] == 0.75
    assert found[2] == -np.inf


def test_constant_outputs_need_no_argument():
    unrolled = symopt.unroll("gradient_descent", "half_square", 2, x0="1", eta="1/2")
    assert unrolled.lambdify()() == (0.25,)
    assert unrolled.evaluate() == [(1,), (Fraction(1, 2),), (Fraction(1, 4),)]
