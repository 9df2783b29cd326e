"""Certified runs: digits that are promised are there, and what is undecided is said."""

from fractions import Fraction

import pytest
import sympy
from flint import arb, ctx

import symopt
from symopt import Objective
from symopt.execution import arithmetic, ball
from symopt.execution.arithmetic import precision
from symopt.execution.ball import relative_radius, run_balls

X = sympy.Symbol("x", real=True)


def test_precision_is_doubled_until_the_radius_is_small_enough():
    """The logistic map x -> 4x(1 - x), as descent on its potential, loses a bit a step."""
    easy = symopt.run("momentum", "beale", steps=10, arithmetic="ball")
    assert easy.precision == 256
    hard = symopt.run("gradient_descent", Objective("4*x**3/3 - 3*x**2/2", "x"),
                      ("1/3",), 150, "ball", eta="1")  # fmt: skip
    assert hard.precision > 256
    for run in (easy, hard):
        for value in run.x.flat:
            assert relative_radius(value) <= -120


def test_precision_is_doubled_and_no_more():
    used = []

    def attempt(watch):
        used.append(ctx.prec)
        watch((arb(1, arb(2) ** -(ctx.prec // 20)),))

    assert run_balls(attempt, "test", 1)[1] == 4096
    assert used == [256, 512, 1024, 2048, 4096]


@pytest.mark.parametrize("rule", ["adam", "momentum", "nadam", "rmsprop", "lamb"])
def test_more_precision_only_narrows(rule, monkeypatch):
    rough = symopt.run(rule, "beale", steps=40, arithmetic="ball")
    monkeypatch.setattr(ball, "FIRST", 4 * rough.precision)
    fine = symopt.run(rule, "beale", steps=40, arithmetic="ball")
    assert fine.precision == 4 * rough.precision
    with precision(2 * fine.precision):
        for wide, narrow in zip(rough.x.flat, fine.x.flat, strict=True):
            assert wide.contains(narrow)


def test_a_doubling_map_needs_a_bit_a_step():
    """x -> x - eta f'(x) with f = -x**2/2 and eta = 1 doubles every error."""
    run = symopt.run("gradient_descent", Objective("-x**2/2", "x"), ("1/3",), 400, "ball", eta="1")
    with precision(4096):
        assert all((value * 3).contains(arb(2) ** step) for step, value in enumerate(run.x[:, 0]))
    assert max(relative_radius(value) for value in run.x.flat) <= ball.TARGET


def test_the_promise_is_kept_for_what_the_float_run_cannot_see():
    """A coordinate that cancels to exactly zero is known to be below every binary64 number."""
    run = symopt.run("gradient_descent", "half_square", ("1",), 1, "ball", eta="1")
    assert run.x[1, 0] == 0
    thirds = Objective("3*x**2/2", "x")
    run = symopt.run("gradient_descent", thirds, ("1",), 1, "ball", eta="1/3")
    assert run.x[1, 0].contains(0)
    assert float(abs(run.x[1, 0]).upper()) < 2.0**-1074 or run.x[1, 0] == 0


def test_what_no_precision_decides_is_a_clear_error():
    """(1 - 3 * 1/3) is zero, but no ball with a radius can prove it."""
    objective = Objective(sympy.Abs(3 * X - 1) ** 3, [X])
    with pytest.raises(symopt.BudgetError) as caught:
        symopt.run("gradient_descent", objective, ("1/3",), 2, "ball")
    message = str(caught.value)
    assert "65536 bits" in message
    assert "sign of a number near zero" in message
    assert "step 1" in message
    assert "fewer steps" in message
    exact = symopt.run("gradient_descent", objective, ("1/3",), 2, "rational")
    assert set(exact.x.flat) == {Fraction(1, 3)}


def test_ackley_at_its_minimum_divides_by_zero():
    with pytest.raises(
        symopt.UndefinedError, match="division by zero, at step 1 of adam on ackley"
    ):
        symopt.run("adam", "ackley", ("0", "0"), 3, "ball")


def test_lion_with_a_zero_gradient_stays():
    run = symopt.run("lion", "beale", ("3", "1/2"), 4, "ball")
    assert all(p == 3 and 2 * q == 1 for p, q in run.x)


def test_an_attempt_that_loses_all_digits_is_given_up_with_the_step():
    def attempt(watch):
        watch((arb(1), arb(2)))
        watch((arb(1), arb(2, 1)))

    with pytest.raises(symopt.BudgetError, match=r"no digit is certain from step 2 on"):
        run_balls(attempt, "test", 10)


def test_the_working_precision_is_put_back():
    before = ctx.prec
    symopt.run("adam", "beale", steps=3, arithmetic="ball")
    with pytest.raises(symopt.UndefinedError):
        symopt.run("adagrad_without_epsilon", "beale", ("3", "1/2"), 3, "ball")
    assert ctx.prec == before
    with pytest.raises(RuntimeError), precision(999):
        raise RuntimeError
    assert ctx.prec == before


@pytest.mark.parametrize(
    ("text", "start", "error"),
    [
        ("sqrt(x)", "-1", "square root of a negative"), ("1/x", "0", "division by zero"),
        ("log(x)**2", "-1", "logarithm of a number"), ("x**(1/3)", "-1", "real power of a neg"),
        ("x**(-2/3)", "0", "division by zero"),
    ],
)  # fmt: skip
def test_undefined_values_are_final_at_the_first_precision(text, start, error, monkeypatch):
    monkeypatch.setattr(ball, "CAP", ball.FIRST)
    with pytest.raises(symopt.UndefinedError, match=error):
        symopt.run("gradient_descent", Objective(text, "x"), (start,), 2, "ball")


class TestFunctions:
    """What a ball decides, and what it says where it cannot."""

    names = arithmetic.ball().functions
    around_zero = arb(0, 1)

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [("divide", (1, around_zero)), ("sqrt", (around_zero,)), ("log", (around_zero,)),
         ("sign", (around_zero,)), ("less", (around_zero, 0)), ("less", (0, around_zero)),
         ("less_equal", (around_zero, 0)), ("equal", (around_zero, 0)),
         ("power", (around_zero, arb("0.5"))), ("power", (arb(0, 1), -1))],
    )  # fmt: skip
    def test_what_is_undecided_raises(self, name, arguments):
        with pytest.raises(symopt.UndecidedError):
            self.names[name](*arguments)

    @pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 1), (2, 2), (0, 0), (-3, -2)])
    def test_exact_numbers_compare_exactly(self, a, b):
        for left, right in ((a, b), (arb(a), b), (arb(a), arb(b)), (a, arb(b))):
            assert self.names["less"](left, right) is (a < b)
            assert self.names["less_equal"](left, right) is (a <= b)
            assert self.names["equal"](left, right) is (a == b)
            assert self.names["maximum"](left, right) == max(a, b)
            assert self.names["minimum"](left, right) == min(a, b)
        assert self.names["sign"](a) == (a > 0) - (a < 0)
        assert self.names["absolute"](a) == abs(a)

    def test_touching_balls_compare_where_they_can(self):
        low, high = arb(1, 0.5), arb(4, 0.5)
        assert self.names["less"](low, high)
        assert not self.names["less"](high, low)
        assert self.names["less_equal"](low, high)
        assert not self.names["less_equal"](high, low)
        assert not self.names["equal"](low, high)
        assert self.names["maximum"](low, arb(1.25, 0.5)).contains(arb(1.75))

    def test_powers_of_zero_and_of_negative_numbers(self):
        assert self.names["power"](0, arb("0.5")) == 0
        assert self.names["power"](-2, 3) == -8
        assert self.names["power"](-2, -1).contains(arb(-1) / 2)
        for base, exponent in ((-2, arb("0.5")), (0, arb("-0.5")), (0, -1)):
            with pytest.raises(symopt.UndefinedError):
                self.names["power"](base, exponent)
