"""Runs against loops written out by hand, and what a run does with odd and bad input."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import example, given, settings
from hypothesis import strategies as st

import symopt
from symopt import Objective, Rule, Source
from symopt.execution.arithmetic import precision
from symopt.statement.symbols import b, eta, g, grad, norm, r, sqrt, t, x

SOURCE = Source("cauchy1847methode", "p. 537")
X = sympy.Symbol("x", real=True)


def beale_gradient(p, q):
    """Differentiated by hand, term by term, from the three squares."""
    first = Fraction(3, 2) - p + p * q
    second = Fraction(9, 4) - p + p * q**2
    third = Fraction(21, 8) - p + p * q**3
    return (
        2 * first * (q - 1) + 2 * second * (q**2 - 1) + 2 * third * (q**3 - 1),
        2 * first * p + 4 * second * p * q + 6 * third * p * q**2,
    )


def test_rational_momentum_on_beale_equals_a_loop_in_fractions():
    result = symopt.run("momentum", "beale", x0=("1", "3/2"), steps=6, arithmetic="rational")
    rate, momentum = Fraction(1, 100), Fraction(9, 10)
    assert result.hyperparameters == {"eta": rate, "mu": momentum}
    point, velocity = [Fraction(1), Fraction(3, 2)], [Fraction(0), Fraction(0)]
    expected = [tuple(point)]
    for _ in range(6):
        gradient = beale_gradient(*point)
        velocity = [momentum * v - rate * d for v, d in zip(velocity, gradient, strict=True)]
        point = [p + v for p, v in zip(point, velocity, strict=True)]
        expected.append(tuple(point))
    assert [tuple(row) for row in result.x] == expected
    assert result.x.dtype == object
    assert all(type(value) is Fraction for value in result.x.flat)


def bowl_gradient(p, q):
    return p / 10, 2 * q  # of x**2/20 + y**2


def plain_adam(p, steps, lr, b1, b2, eps, gradient):
    m, v, path = [0.0] * len(p), [0.0] * len(p), [tuple(p)]
    for step in range(1, steps + 1):
        d = gradient(*p)
        for i in range(len(p)):
            m[i] = b1 * m[i] + (1 - b1) * d[i]
            v[i] = b2 * v[i] + (1 - b2) * d[i] ** 2
        scaled = [
            (m[i] / (1 - b1**step)) / (math.sqrt(v[i] / (1 - b2**step)) + eps)
            for i in range(len(p))
        ]
        p = [p[i] - lr * scaled[i] for i in range(len(p))]
        path.append(tuple(p))
    return np.array(path)


def plain_rmsprop(p, steps, lr, decay, eps, gradient):
    v, path = [0.0] * len(p), [tuple(p)]
    for _ in range(steps):
        d = gradient(*p)
        v = [decay * a + (1 - decay) * b * b for a, b in zip(v, d, strict=True)]
        p = [a - lr * b / (math.sqrt(c) + eps) for a, b, c in zip(p, d, v, strict=True)]
        path.append(tuple(p))
    return np.array(path)


def plain_adagrad(p, steps, lr, eps, gradient):
    total, path = [0.0] * len(p), [tuple(p)]
    for _ in range(steps):
        d = gradient(*p)
        total = [a + b * b for a, b in zip(total, d, strict=True)]
        p = [a - lr * b / (math.sqrt(c) + eps) for a, b, c in zip(p, d, total, strict=True)]
        path.append(tuple(p))
    return np.array(path)


def plain_nesterov(p, steps, lr, mu, gradient):
    v, path = [0.0] * len(p), [tuple(p)]
    for _ in range(steps):
        ahead = [a + mu * b for a, b in zip(p, v, strict=True)]
        v = [mu * a - lr * b for a, b in zip(v, gradient(*ahead), strict=True)]
        p = [a + b for a, b in zip(p, v, strict=True)]
        path.append(tuple(p))
    return np.array(path)


@pytest.mark.parametrize(
    ("rule", "loop", "settings"),
    [
        ("adam", lambda *a: plain_adam(*a[:2], 0.1, 0.9, 0.999, 1e-8, a[2]),
         {"eta": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
        ("rmsprop", lambda *a: plain_rmsprop(*a[:2], 0.05, 0.9, 1e-8, a[2]),
         {"eta": 0.05, "rho": 0.9, "epsilon": 1e-8}),
        ("adagrad", lambda *a: plain_adagrad(*a[:2], 0.5, 1e-8, a[2]),
         {"eta": 0.5, "epsilon": 1e-8}),
        ("nesterov", lambda *a: plain_nesterov(*a[:2], 0.05, 0.8, a[2]), {"eta": 0.05, "mu": 0.8}),
    ],
)  # fmt: skip
def test_float_runs_follow_plain_loops_written_by_hand(rule, loop, settings):
    """Another order of operations may differ in the last bits: on a bowl these do not grow."""
    steps = 60
    ours = symopt.run(rule, "elongated_bowl", (-7.0, 2.0), steps, **settings)
    theirs = loop([-7.0, 2.0], steps, bowl_gradient)
    certain = symopt.run(rule, "elongated_bowl", (-7.0, 2.0), steps, "ball", **settings).floats()
    # Each step makes fewer than 32 roundings of numbers below 8, and the bowl contracts errors;
    # a different convention is off by far more than 2**20 times that.
    bound = steps * 32 * 8 * 2.0**-53
    assert np.abs(ours.x - theirs).max() < bound
    assert np.abs(certain - theirs).max() < bound


def test_state_is_recorded_with_the_point():
    result = symopt.run("momentum", "half_square", ("1",), 2, "rational", eta="1/10", mu="1/2")
    assert list(result.x[:, 0]) == [1, Fraction(9, 10), Fraction(19, 25)]
    assert list(result.state["v"][:, 0]) == [0, Fraction(-1, 10), Fraction(-7, 50)]
    assert list(result.gradients[:, 0]) == list(result.x[:, 0])
    assert list(result.values) == [value**2 / 2 for value in result.x[:, 0]]


fractions = st.fractions(min_value=-3, max_value=3, max_denominator=1000)


@settings(max_examples=30, deadline=None)
@given(
    start=st.tuples(fractions, fractions), rate=st.fractions(0, Fraction(1, 20), max_denominator=99)
)
def test_rational_runs_lie_inside_ball_runs_wherever_they_start(start, rate):
    for objective, steps in (("beale", 3), ("cubic", 4), ("rosenbrock", 3)):
        exact = symopt.run("nesterov", objective, start, steps, "rational", eta=rate)
        balls = symopt.run("nesterov", objective, start, steps, "ball", eta=rate)
        with precision(4096):
            for value, enclosure in zip(exact.x.flat, balls.x.flat, strict=True):
                top, bottom = arb(value.numerator), arb(value.denominator)
                assert (enclosure * bottom).overlaps(top), (objective, value, enclosure)


class TestReceived:
    def test_text_is_exact_and_a_float_is_what_code_receives(self):
        text = symopt.run("gradient_descent", "half_square", ("0.1",), 1, "rational", eta="0.1")
        number = symopt.run("gradient_descent", "half_square", (0.1,), 1, "rational", eta=0.1)
        tenth = Fraction(0.1)
        assert list(text.x[:, 0]) == [Fraction(1, 10), Fraction(9, 100)]
        assert list(number.x[:, 0]) == [tenth, tenth - tenth * tenth]
        assert number.hyperparameters["eta"] == tenth

    def test_a_float_run_says_which_binary64_values_it_received(self):
        result = symopt.run("gradient_descent", "half_square", ("1/3",), 1, eta="0.1")
        assert result.x0 == (Fraction(1 / 3),)
        assert result.hyperparameters == {"eta": Fraction(0.1)}

    def test_a_float32_run_rounds_once(self):
        # Rounded to binary64 first, this decimal lies on the middle between two binary32 numbers.
        text = "1.00000017881393432617187499999"
        result = symopt.run("gradient_descent", "half_square", (text,), 1, "float32")
        assert result.x[0, 0] == np.float32(1.0000001192092896)
        assert np.float32(float(text)) == np.float32(1.0000002384185791)

    @pytest.mark.parametrize(
        "start",
        [np.float64(2), np.float32(2), np.longdouble(2), np.int64(2), 2, 2.0, "2", "4/2", "2e0",
         sympy.Integer(2), Fraction(2)],
    )  # fmt: skip
    def test_every_kind_of_number_is_a_start(self, start):
        assert symopt.run("gradient_descent", "half_square", (start,), 1, "rational").x[0, 0] == 2

    def test_starts_of_more_digits_than_python_reads_at_once(self):
        result = symopt.run("gradient_descent", "half_square", ("1" * 5000,), 1, "rational")
        assert result.x[0, 0] == (10**5000 - 1) // 9
        negative = symopt.run("gradient_descent", "half_square", ("-0." + "0" * 4999 + "3",), 1,
                              "rational")  # fmt: skip
        assert negative.x[0, 0] == Fraction(-3, 10**5000)

    def test_one_string_is_a_whole_start(self):
        assert list(symopt.run("adam", "beale", "1, 3/2", 1).x[0]) == [1.0, 1.5]

    def test_the_customary_start_is_the_default(self):
        assert tuple(symopt.run("adam", "beale", steps=1).x0) == (1, Fraction(3, 2))


class TestSchedules:
    def test_schedules_in_every_spelling_are_the_same(self):
        plain = sympy.Symbol("t")
        spellings = ["1/(10*t)", "0.1/t", sympy.Rational(1, 10) / t, 0.1 / t, 0.1 / plain]
        runs = [symopt.run("gradient_descent", "half_square", ("1",), 3, "rational", eta=spelling)
                for spelling in spellings]  # fmt: skip
        expected = [1, Fraction(9, 10), Fraction(171, 200), Fraction(1653, 2000)]
        for result in runs:
            assert list(result.x[:, 0]) == expected

    def test_a_schedule_of_another_symbol_is_refused(self):
        with pytest.raises(symopt.InputError, match=r"'k'.*expression of t alone"):
            symopt.run("gradient_descent", "half_square", eta=1 / sympy.Symbol("k"))

    @pytest.mark.parametrize("backend", ["python", "numpy"])
    def test_a_schedule_that_divides_by_zero_gives_infinity_at_that_step(self, backend):
        result = symopt.run("gradient_descent", "half_square", (1,), 4, backend=backend,
                            eta="1/(t - 3)")  # fmt: skip
        assert result.diverged_at == 3
        assert result.x.shape == (5, 1)
        assert list(result.x[:3, 0]) == [1.0, 1.5, 3.0]

    @pytest.mark.parametrize("backend", ["python", "numpy"])
    def test_a_schedule_may_overflow(self, backend):
        result = symopt.run("gradient_descent", "half_square", (1e-300,), 1100, backend=backend,
                            eta="2**t")  # fmt: skip
        assert len(result) == 1101
        assert result.diverged_at is not None
        assert np.isnan(result.x[-1, 0])


class TestDivergence:
    def test_overflow_is_a_value_and_dated(self):
        result = symopt.run("gradient_descent", "beale", (4.0, 4.0), 50, eta=1.0)
        first = next(i for i, row in enumerate(result.x) if not np.isfinite(row).all())
        assert result.diverged_at == first
        assert np.isfinite(result.x[:first]).all()
        assert f"diverged at step {first}" in str(result)

    @pytest.mark.parametrize("record", ["final", 7])
    @pytest.mark.parametrize("options", [{}, {"backend": "numpy"}, {"arithmetic": "float32"}])
    def test_the_step_is_exact_when_not_every_step_is_recorded(self, record, options):
        whole = symopt.run("gradient_descent", "beale", (4.0, 4.0), 50, eta=1.0, **options)
        part = symopt.run("gradient_descent", "beale", (4.0, 4.0), 50, eta=1.0, record=record,
                          **options)  # fmt: skip
        assert part.diverged_at == whole.diverged_at

    def test_a_batch_counts_its_diverged_lanes(self):
        starts = [(4.0, 4.0), (1.0, 1.0), (3.0, 0.5)]
        result = symopt.run("gradient_descent", "beale", starts, 50, eta=1.0)
        alone = [symopt.run("gradient_descent", "beale", start, 50, eta=1.0) for start in starts]
        steps = [run.diverged_at for run in alone if run.diverged_at is not None]
        assert result.diverged == len(steps)
        assert result.diverged_at == min(steps)
        final = symopt.run("gradient_descent", "beale", starts, 50, eta=1.0, record="final")
        assert final.diverged_at == min(steps)

    def test_a_ball_run_goes_on_past_the_range_of_floats(self):
        result = symopt.run("gradient_descent", "half_square", ("1",), 400, "ball", eta="9")
        assert (result.x[400, 0] - arb(8) ** 400).contains(0)
        assert result.diverged_at == 342  # 8**342 = 2**1026 is the first above 2**1024
        assert result.floats()[400, 0] == math.inf


class TestRealFunctions:
    def test_roots_of_negative_numbers_are_nan_and_never_complex(self):
        for text in ("sqrt(x)", "log(x)", "x**(1/3)", "abs(x**(1/3))"):
            objective = Objective(text, variables="x")
            for backend in ("python", "numpy"):
                result = symopt.run("gradient_descent", objective, (-8,), 2, backend=backend)
                assert np.isnan(result.values).all(), text
                if text == "log(x)":
                    continue  # 1/x has a value where log(x) has none
                assert np.isnan(result.x[1:]).all(), text
            with pytest.raises(symopt.UndefinedError, match=r"negative|not positive"):
                _ = symopt.run("gradient_descent", objective, (-8,), 2, "ball").values

    def test_division_by_zero_names_the_step_in_exact_arithmetic(self):
        objective = Objective("1/x", variables="x")  # x + 1/x**2 with eta = 1: -1 -> 0
        for arithmetic in ("rational", "ball"):
            with pytest.raises(symopt.UndefinedError, match="division by zero, at step 2 of"):
                symopt.run("gradient_descent", objective, ("-1",), 5, arithmetic, eta="1")
        floats = symopt.run("gradient_descent", objective, ("-1",), 5, eta="1")
        assert floats.diverged_at == 2
        assert floats.x.shape == (6, 1)

    def test_only_the_taken_branch_is_evaluated(self):
        objective = Objective(
            sympy.Piecewise((sympy.exp(X) * sympy.log(X) ** 2 / X, X > 0), (X**2, True)), [X]
        )
        for arithmetic in ("float64", "ball"):
            result = symopt.run("gradient_descent", objective, ("-1",), 2, arithmetic, eta="1/4")
            assert list(result.floats()[:, 0]) == [-1.0, -0.5, -0.25]

    def test_a_power_of_zero_is_certain(self):
        objective = Objective("abs(x)**(7/3)", variables="x")
        assert symopt.run("gradient_descent", objective, (0,), 2, "ball").x[-1, 0] == 0


class TestStart:
    def test_the_first_row_is_the_start(self):
        for arithmetic in ("float64", "float32", "rational", "ball"):
            result = symopt.run("momentum", "beale", ("1", "3/2"), 1, arithmetic)
            assert result.x.shape == (2, 2)
            assert list(result.floats()[0]) == [1.0, 1.5]

    def test_the_exact_minimum_is_a_fixed_point(self):
        for rule in ("adam", "lion", "momentum", "rmsprop", "adamax_pytorch"):
            result = symopt.run(rule, "beale", ("3", "1/2"), 5, "ball")
            assert all(p == 3 and 2 * q == 1 for p, q in result.x), rule

    def test_a_rule_without_epsilon_divides_by_zero_there(self):
        with pytest.raises(symopt.UndefinedError, match="division by zero, at step 1"):
            symopt.run("adagrad_without_epsilon", "beale", ("3", "1/2"), 5, "ball")


class TestScalarState:
    """AdaGrad-Norm: one accumulator for all coordinates, made by a reduction."""

    rule = Rule("AdaGrad-Norm", SOURCE, {eta: "1"}, {b: 0},
                [(g, grad(x)), (b, b + norm(g) ** 2), (x, x - eta * g / sqrt(b))])  # fmt: skip

    def test_reduced_state_is_one_number(self):
        result = symopt.run(self.rule, "elongated_bowl", (-7.0, 2.0), 3, eta=0.5)
        assert result.state["b"].shape == (4,)
        p, total = [-7.0, 2.0], 0.0
        for row in range(3):
            d = bowl_gradient(*p)
            total += d[0] ** 2 + d[1] ** 2
            p = [a - 0.5 * c / math.sqrt(total) for a, c in zip(p, d, strict=True)]
            np.testing.assert_allclose(result.x[row + 1], p, rtol=1e-14)
            assert result.state["b"][row + 1] == pytest.approx(total, rel=1e-14)

    def test_it_unrolls_and_runs_in_balls(self):
        balls = symopt.run(self.rule, "beale", ("1", "1"), 2, "ball")
        point = symopt.unroll(self.rule, "beale", 2, ("1", "1"), eta="1").evaluate(
            arithmetic="ball"
        )[-1]
        assert all(a.overlaps(b) for a, b in zip(point, balls.x[-1], strict=True))
        assert symopt.run(self.rule, "beale", np.ones((5, 2)), 2).state["b"].shape == (3, 5)

    def test_a_reduction_of_the_oracle_itself(self):
        rule = Rule("Normalized", SOURCE, {eta: "1"}, {r: 0},
                    [(r, norm(grad(x))), (x, x - eta * grad(x) / r)])  # fmt: skip
        result = symopt.run(rule, "elongated_bowl", (-10.0, 0.0), 1)
        assert list(result.state["r"]) == [0.0, 1.0]
        assert list(result.x[1]) == [-9.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("adm", "beale"), {}, symopt.UnknownNameError, "Did you mean 'adam"),
        (("adam", "baele"), {}, symopt.UnknownNameError, "Did you mean 'beale'"),
        (("adam", 3), {}, symopt.InputError, "by name or as symopt.Objective, not int"),
        (("adam", "beale"), {"lr": 1}, symopt.UnknownNameError, "no hyperparameter 'lr'.*'eta'"),
        (("adam", "beale", (1,)), {}, symopt.InputError, "1 numbers, but beale has 2 variables"),
        (("adam", "beale", ()), {}, symopt.InputError, "0 numbers"),
        (("adam", "beale", (1, math.nan)), {}, symopt.InputError, "x2: nan is not a finite"),
        (("adam", "beale", (1, math.inf)), {}, symopt.InputError, "inf is not a finite"),
        (("adam", "beale", (1, np.longdouble("nan"))), {}, symopt.InputError, "not a finite"),
        (("adam", "beale", (1, "one")), {}, symopt.InputError, "'one' is not a number"),
        (("adam", "beale", (1, "1/0")), {}, symopt.InputError, "divides by zero"),
        (("adam", "beale", (1, True)), {}, symopt.InputError, "True is not a number"),
        (("adam", "beale", (1, None)), {}, symopt.InputError, "None is not a number"),
        (("adam", "beale", (1, 1j)), {}, symopt.InputError, "1j is not a number"),
        (("adam", "beale", {"x1": 1, "x2": 2}), {}, symopt.InputError, "x0 has no order"),
        (("adam", "beale", [(1, 2), (3,)]), {}, symopt.InputError, "rows of one length"),
        (("adam", "beale", np.ones((2, 3))), {}, symopt.InputError, r"shape \(2, 3\)"),
        (("adam", "beale", np.full((2, 2), np.nan)), {}, symopt.InputError, "nan or infinite"),
        (("adam", "beale", np.array([["a", "b"]])), {}, symopt.InputError, "array of numbers"),
        (("adam", "beale", ("1e400", 1)), {}, symopt.InputError, "x1 is beyond the range"),
        (("adam", "beale", (1, 1), 2, "float32"), {"eta": "1e39"}, symopt.InputError,
         "eta is beyond"),
        (("adam", "beale", None, -1), {}, symopt.InputError, "steps = -1"),
        (("adam", "beale", None, 1.5), {}, symopt.InputError, "steps is an integer"),
        (("adam", "beale", None, True), {}, symopt.InputError, "steps is an integer"),
        (("adam", "beale", None, 2, "float16"), {}, symopt.InputError, "no arithmetic 'float16'"),
        (("adam", "beale"), {"backend": "cuda"}, symopt.InputError, "no backend 'cuda'"),
        (("adam", "beale"), {"backend": "numba"}, symopt.InputError, "'llvm', which took its"),
        (("adam", "beale"), {"mode": "fast"}, symopt.InputError, "no mode 'fast'"),
        (("adam", "beale"), {"record": 0}, symopt.InputError, "record = 0"),
        (("adam", "beale"), {"record": "some"}, symopt.InputError, "record = 'some'"),
        (("adam", "beale"), {"record": True}, symopt.InputError, "record = True"),
        (("adam", "beale"), {"beta1": 1}, symopt.InputError, "beta1 = 1 is outside its domain"),
        (("adam", "beale"), {"eta": "-1/10"}, symopt.InputError, "outside its domain"),
        (("adam", "beale"), {"eta": math.nan}, symopt.InputError, "not a finite number"),
        (("adam", "beale"), {"eta": sympy.pi}, symopt.InputError, "pi is not a rational"),
        (("adam", "beale", np.ones((2, 2)), 1, "ball"), {}, symopt.InputError, "a batch runs in"),
        (("adam", "beale", np.ones((2, 2))), {"backend": "python"}, symopt.InputError, "numpy"),
        (("adam", "beale", None, 2, "rational"), {}, symopt.InexactError, "sqrt.*'ball'"),
        (("momentum", "ackley", None, 2, "rational"), {}, symopt.InexactError, "arithmetic='ball'"),
    ],
)  # fmt: skip
def test_bad_input_names_the_culprit(arguments, options, error, message):
    with pytest.raises(error, match=message) as caught:
        symopt.run(*arguments, **options)
    assert isinstance(caught.value, symopt.SymoptError)


def test_an_objective_without_a_customary_start_needs_one():
    with pytest.raises(symopt.InputError, match=r"no customary start; give x0.*x, y"):
        symopt.run("adam", Objective("x**2 + y**2", variables="x y"))


@settings(max_examples=200, deadline=None)
@given(whole=st.integers(0, 10**30), digits=st.text("0123456789", max_size=30),
       power=st.integers(-300, 300), sign=st.sampled_from(["", "-", "+"]))  # fmt: skip
@example(whole=0, digits="", power=0, sign="-")
def test_a_decimal_is_the_number_that_it_says(whole, digits, power, sign):
    text = f"{sign}{whole}.{digits}e{power}"
    expected = Fraction(int(f"{whole}{digits}")) * Fraction(10) ** (power - len(digits))
    found = symopt.run("gradient_descent", "half_square", (text,), 1, "rational").x[0, 0]
    assert found == (-expected if sign == "-" else expected)


def test_record_every_nth_step_and_the_last():
    whole = symopt.run("adam", "beale", steps=10)
    part = symopt.run("adam", "beale", steps=10, record=np.int64(4))
    assert part.recorded == (0, 4, 8, 10)
    assert np.array_equal(part.x, whole.x[[0, 4, 8, 10]])
    assert np.array_equal(part.state["m"], whole.state["m"][[0, 4, 8, 10]])
    final = symopt.run("adam", "beale", steps=10, record="final")
    assert final.recorded == (10,)
    assert np.array_equal(final.x, whole.x[-1:])
    assert np.array_equal(final.values, whole.values[-1:])
