"""The bit forecast is an upper bound, close enough to refuse the right runs, and names the step."""

import time
from fractions import Fraction

import pytest
import sympy

import symopt
from symopt.derivation.step import step_program
from symopt.execution.exact_run import magnitudes
from symopt.execution.forecast import divides_by_state, forecast_bits
from symopt.execution.inputs import read_start, split_hyperparameters
from symopt.execution.job import Job

STEPS = {"beale": 4, "cubic": 7, "elongated_bowl": 12, "half_square": 20, "rosenbrock": 4,
         "himmelblau": 4}  # fmt: skip
RULES = [
    name
    for name in symopt.rules
    if not divides_by_state(step_program(symopt.rules[name], symopt.objectives.beale))
]


def needed(trajectory):
    """The bits of the longest numerator or denominator of each step, counted."""
    columns = [trajectory.x, *trajectory.state.values()]
    return [
        max(max(value.numerator.bit_length(), value.denominator.bit_length())
            for column in columns for value in column[row : row + 1].flat)
        for row in range(len(trajectory))
    ]  # fmt: skip


def forecast(rule, objective, start, steps, **hyper):
    the_rule, the_objective = symopt.rules[rule], symopt.objectives[objective]
    fixed, schedules = split_hyperparameters(the_rule, hyper)
    point, _ = read_start(the_objective, start)
    job = Job(the_rule, the_objective, point, steps, 1, fixed, schedules)
    step = step_program(the_rule, the_objective, tuple(sorted(schedules.items(), key=str)))
    return forecast_bits(step, point, fixed, magnitudes(job), 10**12).bits


@pytest.mark.parametrize("objective", STEPS)
@pytest.mark.parametrize("number", [None, "1/3", 0.1, "1000"])
def test_it_is_an_upper_bound_within_a_factor_of_four(objective, number):
    """From fractions, from binary64 numbers, and where the run diverges."""
    compared = 0
    start = None if number is None else (number,) * symopt.objectives[objective].dimension
    for rule in RULES:
        try:
            run = symopt.run(rule, objective, start, STEPS[objective], "rational", budget=300_000)
        except (symopt.InexactError, symopt.BudgetError):
            continue
        bits = forecast(rule, objective, start, STEPS[objective])
        actual = needed(run)
        assert len(bits) == len(actual)
        for step, (bound, count) in enumerate(zip(bits, actual, strict=True)):
            assert count <= bound, (rule, step)
        # Rules that branch on the sign of state may take the branch of the shorter numbers, and
        # a coordinate that is clipped is as short as the threshold.
        if not any(line.expression.has(sympy.Max, sympy.Min) for line in symopt.rules[rule].update):
            assert bits[-1] <= 4 * max(actual[-1], 64), rule
            compared += 1
    assert compared >= 15


def test_schedules_are_forecast_too():
    for schedule in ("1/(10*t)", "1/2**t", "1/(t**2 + 7)"):
        run = symopt.run("momentum", "half_square", ("1",), 30, "rational", eta=schedule)
        bits = forecast("momentum", "half_square", ("1",), 30, eta=schedule)
        assert all(a <= b for a, b in zip(needed(run), bits, strict=True))
        assert bits[-1] <= 4 * needed(run)[-1]


def test_thousands_of_steps_on_a_quadratic_are_within_the_budget():
    run = symopt.run("gradient_descent", "elongated_bowl", None, 2000, "rational", record="final")
    assert run.x[0, 0] == -7 * (1 - Fraction(1, 1000)) ** 2000


def test_what_is_over_the_budget_is_refused_before_it_is_run():
    began = time.process_time()
    with pytest.raises(symopt.BudgetError) as caught:
        symopt.run("momentum", "beale", None, 40, "rational")
    assert time.process_time() - began < 2
    message = str(caught.value)
    assert "momentum on beale may need" in message
    assert "at step 8" in message
    assert "at most 7 steps" in message
    assert "arithmetic='ball'" in message


def test_the_budget_is_the_callers():
    assert len(symopt.run("momentum", "beale", None, 3, "rational", budget=3000)) == 4
    with pytest.raises(symopt.BudgetError, match=r"at step 3, past the budget of 400"):
        symopt.run("momentum", "beale", None, 3, "rational", budget=400)


def test_rules_that_divide_by_state_are_watched_while_they_run():
    rule = "adamax"
    assert rule not in RULES
    run = symopt.run(rule, "elongated_bowl", None, 10, "rational")
    with pytest.raises(symopt.BudgetError, match=r"adamax on beale needs [\d,]+ bits") as caught:
        symopt.run(rule, "beale", None, 30, "rational", budget=20_000)
    assert "arithmetic='ball'" in str(caught.value)
    assert len(run) == 11


def test_auto_mode_goes_over_to_balls_and_says_so():
    over = symopt.run("momentum", "beale", None, 12, "rational", mode="auto")
    assert over.arithmetic == "ball"
    assert "past the budget" in over.note
    assert "past the budget" in str(over)
    irrational = symopt.run("adam", "beale", None, 2, "rational", mode="auto")
    assert irrational.arithmetic == "ball"
    assert "sqrt" in irrational.note
    within = symopt.run("momentum", "beale", None, 3, "rational", mode="auto")
    assert within.arithmetic == "rational"
    assert within.note == ""


def test_a_start_beyond_binary64_is_forecast_and_run():
    run = symopt.run("gradient_descent", "half_square", ("1e400",), 3, "rational", eta="1/2")
    assert run.x[3, 0] == Fraction(10**400, 8)
    bits = forecast("gradient_descent", "half_square", ("1e400",), 3, eta="1/2")
    assert all(a <= b for a, b in zip(needed(run), bits, strict=True))
