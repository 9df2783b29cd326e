"""Accuracy in fractional ulp: numbers that can be worked out by hand, and honest gaps."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb

import symopt
from symopt import Objective
from symopt.execution.arithmetic import precision
from symopt.verification.accuracy import fractional_ulp


class TestFractionalUlp:
    def test_against_the_unrounded_number(self):
        with precision(200):
            third = arb(1) / 3
            assert fractional_ulp(1 / 3, third) == pytest.approx(1 / 3)  # 1/3 = 0.0101...01 01|01
            assert fractional_ulp(math.nextafter(1 / 3, 1), third) == pytest.approx(2 / 3)
            assert fractional_ulp(math.nextafter(1 / 3, 0), third) == pytest.approx(4 / 3)

    def test_an_ulp_belongs_to_the_binade_of_the_exact_number(self):
        assert fractional_ulp(2.0 + 2**-51, arb(2)) == 1.0
        assert fractional_ulp(2.0 - 2**-52, arb(2)) == 0.5
        assert fractional_ulp(1.0 + 2**-23, arb(1), 24, -125) == 1.0
        assert fractional_ulp(-1.0, arb(1)) == 2.0**53

    def test_below_the_normal_numbers_the_ulp_stays(self):
        assert fractional_ulp(2.0**-1074, arb(0)) == 1.0
        assert fractional_ulp(3 * 2.0**-1074, arb(2) ** -1073) == 1.0
        assert fractional_ulp(0.0, arb(0)) == 0.0

    def test_what_is_not_finite_has_none(self):
        assert math.isnan(fractional_ulp(math.nan, arb(1)))
        assert math.isnan(fractional_ulp(math.inf, arb(1)))

    @pytest.mark.parametrize("value", [0.1, 1 / 3, 2 / 3, 1e-300, 7e200])
    def test_a_correctly_rounded_number_is_within_half(self, value):
        with precision(300):
            for shift in (Fraction(0), Fraction(1, 2**60)):
                exact = Fraction(value) * (1 + shift)
                ball = arb(exact.numerator) / exact.denominator
                nearest = exact.numerator / exact.denominator
                assert fractional_ulp(nearest, ball) <= 0.5


def test_one_rounding_by_hand():
    """w - 0.1*w at w = 1 in binary64: only the last subtraction rounds."""
    run = symopt.run("gradient_descent", "half_square", (1.0,), 1, eta=0.1)
    result = symopt.accuracy(run)
    exact = 1 - Fraction(0.1)
    distance = abs(Fraction(run.x[1, 0]) - exact) * 2**53  # the ulp of numbers in [1/2, 1)
    assert result.ulp[0, 0] == 0
    assert result.ulp[1, 0] == pytest.approx(float(distance), abs=1e-12)
    assert result.one_step_ulp[0, 0] == result.ulp[1, 0]
    assert result.max_ulp <= 0.5
    assert result.compared == 1
    assert result.reason == ""


def test_dyadic_runs_are_exact():
    run = symopt.run("gradient_descent", "half_square", (1.0,), 20, eta=0.5)
    result = symopt.accuracy(run)
    assert result.max_ulp == result.max_one_step_ulp == 0.0
    assert result.digits == pytest.approx(53 * math.log10(2), abs=1e-9)


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_against_a_reference_in_fractions(arithmetic):
    """Momentum on the half square: the exact run from the received floats, by a loop."""
    run = symopt.run("momentum", "half_square", ("1/3",), 30, arithmetic, eta="0.1", mu="0.9")
    rate, factor = run.hyperparameters["eta"], run.hyperparameters["mu"]
    point, velocity = run.x0[0], Fraction(0)
    bits = 53 if arithmetic == "float64" else 24
    result = symopt.accuracy(run)
    before = (Fraction(float(run.x[0, 0])), Fraction(0))
    for step in range(1, 31):
        velocity = factor * velocity - rate * point
        point = point + velocity
        got = Fraction(float(run.x[step, 0]))
        for exact, found in (
            (point, result.ulp[step, 0]),
            (sum(_step(before, rate, factor)), result.one_step_ulp[step - 1, 0]),
        ):
            ulp = Fraction(2) ** (math.frexp(float(exact))[1] - bits)
            assert found == pytest.approx(float(abs(got - exact) / ulp), rel=1e-9)
        before = (got, Fraction(float(run.state["v"][step, 0])))
    assert result.worst_step == int(np.nanargmax(result.ulp[:, 0]))


def _step(before, rate, factor):
    point, velocity = before
    return point, factor * velocity - rate * point


def test_errors_grow_over_the_run_but_not_in_a_step():
    run = symopt.run("momentum", "rosenbrock", (-1.2, 1.0), 200, eta=0.0005, mu=0.9)
    result = symopt.accuracy(run)
    assert result.max_ulp > 10 * np.nanmedian(result.one_step_ulp)
    assert 5 < result.digits < 15.9
    assert result.ulp.shape == (201, 2)
    assert result.one_step_ulp.shape == (200, 2)
    assert str(run.steps) in str(result)


def test_a_wrong_number_is_seen():
    """One bit changed in one coordinate of one step shows there and nowhere before."""
    from dataclasses import replace

    run = symopt.run("adam", "beale", steps=20)
    clean = symopt.accuracy(run)
    x = run.x.copy()
    x[12, 1] *= 1 + 2**-40
    result = symopt.accuracy(replace(run, x=x))
    assert result.one_step_ulp[11, 1] > 2**11
    assert result.worst_step == 12
    changed = ~np.isclose(result.one_step_ulp, clean.one_step_ulp, rtol=1e-6, atol=1e-6)
    assert set(np.argwhere(changed)[:, 0]) <= {11, 12}


def test_divergence_ends_the_comparison_with_a_reason():
    run = symopt.run("gradient_descent", "beale", (4.0, 4.0), 30, eta=1.0)
    result = symopt.accuracy(run)
    assert result.compared == run.diverged_at - 1
    assert f"diverges at step {run.diverged_at}" in result.reason
    assert np.isnan(result.ulp[run.diverged_at :]).all()
    assert np.isfinite(result.ulp[: run.diverged_at]).all()
    assert result.reason in str(result)


def test_a_run_without_an_exact_value_says_why():
    run = symopt.run("adagrad_without_epsilon", "beale", (3.0, 0.5), 3)
    assert np.isnan(run.x[1:]).all()
    result = symopt.accuracy(run)
    assert result.compared == 0
    assert "diverges at step 1" in result.reason
    objective = Objective("abs(x)**(1/2)", "x")
    start = symopt.accuracy(symopt.run("gradient_descent", objective, (0.0,), 2))
    assert start.reason


def test_records_of_some_steps_compare_those():
    run = symopt.run("adam", "beale", steps=30, record=10)
    result = symopt.accuracy(run)
    whole = symopt.accuracy(symopt.run("adam", "beale", steps=30))
    assert result.ulp.shape == (4, 2)
    np.testing.assert_allclose(result.ulp, whole.ulp[[0, 10, 20, 30]], rtol=1e-9)
    assert result.one_step_ulp.shape == (0, 2)
    assert math.isnan(result.max_one_step_ulp)
    assert result.worst_step in run.recorded


def test_schedules_are_compared_too():
    run = symopt.run("gradient_descent", "half_square", (1.0,), 10, eta="1/(t + 1)")
    assert symopt.accuracy(run).max_one_step_ulp < 3


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(symopt.InputError, match="a rational run is exact already"):
        symopt.accuracy(symopt.run("momentum", "beale", None, 2, "rational"))
    with pytest.raises(symopt.InputError, match="single runs"):
        symopt.accuracy(symopt.run("momentum", "beale", np.ones((3, 2)), 2))
