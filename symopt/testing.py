"""For test suites: the contract of rules and objectives, and acceptance of implementations.

:func:`assert_implements` holds code against a rule; :func:`mutation_score` says what an acceptance
check of yours does not see. The rest is the contract suite: what every rule and objective must
satisfy, yours included.

Each check is a function that raises ``AssertionError`` with a reason; :func:`rule_checks` and
:func:`objective_checks` list them with names, ready for ``pytest.mark.parametrize``:

    import pytest, symopt.testing

    @pytest.mark.parametrize("check", symopt.testing.rule_checks(my_rule), ids=str)
    def test_my_rule(check):
        check()

>>> import symopt
>>> for check in rule_checks(symopt.rules.momentum):
...     check()
"""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from symopt.derivation.step import objective_programs
from symopt.derivation.unroll import unroll
from symopt.errors import BudgetError, InexactError, UndecidedError, UndefinedError
from symopt.execution.arithmetic import precision
from symopt.execution.kernel import kernel
from symopt.execution.run import run
from symopt.execution.trajectory import to_float
from symopt.program.to_sympy import to_sympy
from symopt.statement.numbers import rational
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule
from symopt.statement.serialize import objective_data, objective_from, rule_data, rule_from
from symopt.verification.acceptance import MutationScore, mutation_score
from symopt.verification.accuracy import accuracy
from symopt.verification.verify import verify

__all__ = [
    "Check", "MutationScore", "assert_implements", "mutation_score", "objective_checks",
    "rule_checks",
]  # fmt: skip

#: An objective on which nothing cancels and no gradient is zero: it tells rules apart.
PROBE = Objective(
    "(x - 2*y)**4/8 + (x*y - 3)**2/4 + x", variables="x y", title="Contract probe", name="probe"
)
START = (Fraction(3, 2), Fraction(-5, 4))
STEPS = 4


@dataclass(frozen=True)
class Check:
    """One check of one statement; calling it runs it."""

    name: str
    subject: str
    function: Callable[[], None]

    def __call__(self) -> None:
        self.function()

    def __str__(self) -> str:
        return f"{self.subject}-{self.name}"


def rule_checks(rule: Rule) -> list[Check]:
    """The checks of a rule."""
    return [
        Check(name, rule.name, lambda function=function: function(rule))  # type: ignore[misc]
        for name, function in _RULE_CHECKS.items()
    ]


def objective_checks(objective: Objective) -> list[Check]:
    """The checks of an objective."""
    return [
        Check(name, objective.name, lambda function=function: function(objective))  # type: ignore[misc]
        for name, function in _OBJECTIVE_CHECKS.items()
    ]


def assert_implements(implementation: Any, rule: Rule | str, **options: Any) -> None:
    """Raise ``AssertionError`` with the verdict unless an implementation follows a rule.

    ``options`` are those of :func:`symopt.verify`, the hyperparameters that the implementation
    received among them. The message of a refutation ends with its smallest witness, a test to
    paste. What is undecided raises too, with the reason: a test that decides nothing is no pass.

    >>> def descend(grad, x, steps):
    ...     for _ in range(steps):
    ...         x = x - 0.1 * grad(x)
    ...         yield x
    >>> assert_implements(descend, "gradient_descent", eta=0.1)
    >>> assert_implements(descend, "gradient_descent", eta=0.2)
    Traceback (most recent call last):
    AssertionError: REFUTED: descend against gradient_descent
    ...
    """
    __tracebackhide__ = True
    verdict = verify(implementation, rule, **{"witness": True, **options})
    if not verdict:
        raise AssertionError(str(verdict))


def _round_trip(rule: Rule) -> None:
    assert rule_from(json.loads(json.dumps(rule_data(rule)))) == rule, "JSON changes the rule"
    assert pickle.loads(pickle.dumps(rule)) == rule, "pickling changes the rule"


def _exact_run(rule: Rule) -> Any:
    try:
        return run(rule, PROBE, START, STEPS, "ball")
    except (UndecidedError, BudgetError) as error:
        raise AssertionError(f"the exact run of {rule.name} fails: {error}") from error


def _runs_exactly(rule: Rule) -> None:
    assert _exact_run(rule).steps == STEPS, "the exact run stops early"


def _unrolled_is_run(rule: Rule) -> None:
    """The unrolled program and the loop are two readings of one statement."""
    whole = _exact_run(rule)
    settings: dict[str, Any] = {entry.name: entry.default for entry in rule.parameters}
    unrolled = unroll(rule, PROBE, STEPS, START, **settings)
    points = unrolled.evaluate(arithmetic="ball")
    for step, point in enumerate(points):
        for ours, theirs in zip(point, whole.x[step], strict=True):
            assert ours.overlaps(theirs), f"step {step}: unrolled {ours}, run {theirs}"


def _rational_inside_ball(rule: Rule) -> None:
    try:
        exact = run(rule, PROBE, START, 2, "rational")
    except InexactError:
        return  # a rule with roots has no rational run
    balls = run(rule, PROBE, START, 2, "ball")
    from flint import arb, fmpq

    with precision(balls.precision):
        for value, enclosure in zip(exact.x.flat, balls.x.flat, strict=True):
            quotient = fmpq(value.numerator, value.denominator)
            assert enclosure.overlaps(arb(quotient)), f"{value} is not inside {enclosure}"


def _float_is_near(rule: Rule) -> None:
    """A float step differs from the exact one by roundings, never by a convention."""
    result = accuracy(run(rule, PROBE, START, STEPS))
    deviation = result.max_one_step_ulp
    assert not math.isnan(deviation), f"nothing could be compared: {result.reason}"
    # One step makes at most some hundred roundings; another convention is off by 2**20 and more.
    assert deviation < 2**12, f"a single step is {deviation:.3g} ulp from the exact one"


def _backends_agree(rule: Rule) -> None:
    """Python floats and NumPy give the same bits where only + - * / and roots occur."""
    program = kernel(rule, PROBE).step.program
    if program.has("pow", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh"):
        return
    python = run(rule, PROBE, START, STEPS, backend="python")
    numpy = run(rule, PROBE, START, STEPS, backend="numpy")
    assert np.array_equal(python.x, numpy.x, equal_nan=True), "python and numpy kernels differ"


def _gradient_is_derivative(objective: Objective) -> None:
    """The gradient as written, and the program of it, equal SymPy's derivative at points."""
    _, program = objective_programs(objective)
    symbols = objective.variables
    inputs = {symbol.name: symbol for symbol in symbols}
    computed = to_sympy(program, inputs)
    for trial in range(3):
        point = {
            symbol: sympy.Rational(7 * trial + 3 + 2 * place, 11 + place)
            for place, symbol in enumerate(symbols)
        }
        for symbol, written in zip(symbols, objective.gradient, strict=True):
            expected = sympy.diff(objective.expression, symbol).subs(point)
            for found in (written.subs(point), computed[symbol.name].subs(point)):
                difference = (found - expected).evalf(40, chop=False)
                assert abs(difference) < sympy.Float("1e-30") * (1 + abs(expected.evalf(40))), (
                    f"the derivative by {symbol} is {expected}, not {found}"
                )


def _objective_round_trip(objective: Objective) -> None:
    back = objective_from(json.loads(json.dumps(objective_data(objective))))
    assert back.expression == objective.expression, "JSON changes the expression"
    assert (back.variables, back.window, back.start) == (
        objective.variables, objective.window, objective.start,
    ), "JSON changes the variables, the window or the start"  # fmt: skip


def _value_is_expression(objective: Objective) -> None:
    """The value along a run is the expression's value."""
    start = objective.start or tuple(rational(Fraction(3, 7)) for _ in objective.variables)
    point = dict(zip(objective.variables, start, strict=True))
    numbers = [Fraction(int(value.p), int(value.q)) for value in start]
    try:
        value = run("gradient_descent", objective, numbers, 1, "ball").values[0]
    except UndefinedError:
        return  # the gradient is undefined there, and nothing is run
    expected = float(objective.expression.subs(point).evalf(30))
    assert math.isclose(to_float(value), expected, rel_tol=1e-14, abs_tol=1e-300), (
        f"f at the start is {expected}, not {to_float(value)}"
    )


def _runs(objective: Objective) -> None:
    result = run("gradient_descent", objective, objective.start or None, 3, eta="1/1000")
    assert result.x.shape == (4, objective.dimension), "a run has another shape"


_RULE_CHECKS: dict[str, Callable[[Rule], None]] = {
    "survives_storage": _round_trip,
    "runs_exactly": _runs_exactly,
    "unrolled_equals_run": _unrolled_is_run,
    "rational_run_is_inside_ball_run": _rational_inside_ball,
    "float_step_is_explained_by_rounding": _float_is_near,
    "backends_agree_to_the_bit": _backends_agree,
}
_OBJECTIVE_CHECKS: dict[str, Callable[[Objective], None]] = {
    "survives_storage": _objective_round_trip,
    "gradient_is_the_derivative": _gradient_is_derivative,
    "value_is_the_expression": _value_is_expression,
    "runs": _runs,
}
