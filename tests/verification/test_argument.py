"""A derivation's own check: it proves what is true, and names what is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import sympy

import symopt
from symopt.derivation.argument import Argument, argument
from symopt.derivation.gradient import Step
from symopt.errors import DerivationError
from symopt.verification.argument import BALLS, PROVED, UNDECIDED, check, check_derivative

HALF_SQUARE = symopt.objectives.half_square
EXACT = ("gradient_descent", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lion")


def of(rule: str, objective: str = "half_square", steps: int = 2) -> Argument:
    return argument(symopt.rules[rule], symopt.objectives[objective], steps)


@pytest.mark.parametrize("name", EXACT)
def test_the_first_two_steps_of_the_main_rules_are_proved_line_by_line(name: str) -> None:
    made = of(name)
    assert made.lines
    assert {finding.how for finding in check(made)} == {PROVED}


@pytest.mark.parametrize("name", list(symopt.objectives))
def test_every_derivative_of_every_objective_is_proved(name: str) -> None:
    made = of("gradient_descent", name, 1)
    found = check(made)
    assert {finding.how for finding in found} == {PROVED}
    assert {"power", "constant"} & {finding.rule for finding in found}


@pytest.mark.parametrize(
    ("name", "line", "culprit"),
    [
        ("momentum", 1, "v, step [12]: the rule's line"),
        ("momentum", 2, "x, step 1: the rule's line"),
        ("adam", 1, "m, step 1: the rule's line"),
        ("adam", 2, "v, step [12]: the rule's line"),
        ("adam", 5, "x, step 1: the rule's line"),
    ],
)
def test_a_changed_sign_in_the_statement_is_named(name: str, line: int, culprit: str) -> None:
    """The argument for the rule as it was does not hold for the altered rule."""
    rule = symopt.rules[name]
    target, expression = rule.update[line]
    first, *rest = sympy.Add.make_args(expression)
    altered = [*rule.update]
    altered[line] = (target, sympy.Add(-first, *rest))
    made = replace(of(name), rule=replace(rule, update=tuple(altered)))
    with pytest.raises(DerivationError, match=culprit):
        check(made)


def nodes(step: Step) -> list[Step]:
    return [step, *(node for child in step.children for node in nodes(child))]


def test_a_changed_sign_in_any_step_of_a_gradient_is_named() -> None:
    made = of("gradient_descent", "beale", 1)
    whole = made.gradient[0]
    moving = [node for node in nodes(whole) if node.after != 0]
    assert len(moving) > 20

    def altered(step: Step, wanted: Step) -> Step:
        if step is wanted:
            return replace(step, after=-step.after)
        return replace(step, children=tuple(altered(child, wanted) for child in step.children))

    for node in moving:
        wrong = replace(made, gradient=(altered(whole, node), *made.gradient[1:]))
        with pytest.raises(DerivationError, match=rf"df/dx1.*: {node.rule} does not hold"):
            check(wrong)


def test_a_changed_step_of_a_line_is_named_with_the_rule_of_calculation() -> None:
    made = of("momentum")
    last = made.lines[-1]
    for field, name in (("substituted", "substitution"), ("collected", "collecting terms")):
        lines = (*made.lines[:-1], replace(last, **{field: -getattr(last, field)}))
        with pytest.raises(DerivationError, match=f"x, step 2: {name}"):
            check(replace(made, lines=lines))


def test_the_objective_that_is_differentiated_is_the_one_that_is_stated() -> None:
    other = symopt.Objective("w**2", variables="w", title="Half square")
    with pytest.raises(DerivationError, match="df/dw: the derivation differentiates"):
        check(replace(of("momentum"), objective=other))


def test_what_the_normal_form_does_not_know_is_checked_in_balls_and_says_so() -> None:
    """sin(2x) = 2 sin x cos x is true, and beyond the normal form of programs."""
    x = sympy.Symbol("x", real=True)
    true = Step("identity", sympy.sin(x) ** 2, sympy.sin(2 * x), (), x)
    (found,) = check_derivative(true, "df/dx")
    assert found.how.startswith(BALLS)
    with pytest.raises(DerivationError, match="df/dx: identity does not hold"):
        list(check_derivative(replace(true, after=sympy.cos(2 * x)), "df/dx"))


def test_where_nothing_has_a_value_the_step_is_undecided_and_not_proved() -> None:
    x = sympy.Symbol("x", real=True)
    nowhere = sympy.sqrt(-1 - sympy.exp(x))
    (found,) = check_derivative(Step("?", nowhere, sympy.sin(x), (), x), "df/dx")
    assert found.how == UNDECIDED


def test_a_long_result_is_used_under_its_name() -> None:
    made = of("adam", steps=3)
    last = made.lines[-1]
    names = {symbol.name for symbol in last.substituted.free_symbols}
    assert "v_hat_3" in names
    assert max(line.collected.count_ops() for line in made.lines) < 150
    assert Counter(finding.how for finding in check(made)).keys() == {PROVED}


def test_rules_that_reduce_over_coordinates_have_no_lines_in_one_coordinate() -> None:
    assert of("lamb").lines == ()
