"""One step as a program: order of lines, scalars and coordinates, the oracle, layout."""

from fractions import Fraction

import pytest
import sympy

import symopt
from symopt import InputError, Objective, Rule, Source
from symopt.derivation.step import objective_programs, scalar_names, step_program
from symopt.program.to_sympy import to_sympy
from symopt.statement.symbols import (
    G,
    amax,
    b,
    beta1,
    eta,
    g,
    grad,
    m,
    mean,
    mu,
    norm,
    r,
    rms,
    t,
    v,
    x,
    x_previous,
)

SOURCE = Source("cauchy1847methode", "p. 537")
BOWL = Objective("x**2/2 + y**2", variables="x y")


def one_step(rule, objective=BOWL, **values):
    """The outputs of one step as SymPy expressions of symbols named like the slots."""
    step = step_program(rule, objective)
    names = {label: sympy.Symbol(step.identifier(label)) for label in
             [*step.slots, *[("hyper", n) for n in step.hyper], ("t",)]}  # fmt: skip
    outputs = to_sympy(step.program, names)
    return {step.identifier(label): sympy.expand(e) for label, e in outputs.items()}


def symbols(names):
    return sympy.symbols(names)


def test_momentum_by_hand():
    p, q, vx, vy, rate, factor = symbols("x y v_x v_y eta mu")
    found = one_step(symopt.rules.momentum)
    assert found == {
        "v_x": factor * vx - rate * p, "v_y": factor * vy - 2 * rate * q,
        "x": p + factor * vx - rate * p, "y": q + factor * vy - 2 * rate * q,
    }  # fmt: skip


def test_look_ahead_asks_at_another_point():
    p, q, vx, vy, rate, factor = symbols("x y v_x v_y eta mu")
    found = one_step(symopt.rules.nesterov)
    assert found["v_x"] == sympy.expand(factor * vx - rate * (p + factor * vx))
    assert found["y"] == sympy.expand(q + factor * vy - 2 * rate * (q + factor * vy))


def test_polyaks_two_points_swap_at_once():
    """x_previous takes the old x although x is assigned first."""
    rule = Rule("Two points", SOURCE, {eta: 1, mu: 0}, {x_previous: x},
                [(g, grad(x)), (v, mu * (x - x_previous)), (x_previous, x),
                 (x, x - eta * g + v)])  # fmt: skip
    result = symopt.run(rule, "half_square", ("1",), 3, "rational", eta="1/4", mu="1/2")
    points = [Fraction(1), Fraction(1)]
    for _ in range(3):
        points.append(points[-1] * Fraction(3, 4) + (points[-1] - points[-2]) / 2)
    assert list(result.x[:, 0]) == points[1:]
    assert list(result.state["x_previous"][:, 0]) == points[:-1]
    kernel = symopt.kernel(rule, "half_square")
    assert kernel([1.0], steps=3, eta=0.25, mu=0.5) == (float(points[-1]),)


def test_swapping_state_needs_both_old_values():
    rule = Rule("Swap", SOURCE, {eta: 1}, {m: 1, v: 2},
                [(g, grad(x)), (r, m), (m, v), (v, r), (x, x - eta * (g + m))])  # fmt: skip
    result = symopt.run(rule, "half_square", ("0",), 3, "rational", eta="1")
    assert list(result.state["m"]) == [1, 2, 1, 2]  # no coordinate enters: one number each
    assert list(result.state["v"]) == [2, 1, 2, 1]
    assert list(result.x[:, 0]) == [0, -2, -1, -2]


class TestScalars:
    def test_what_never_meets_a_coordinate_is_one_number(self):
        nadam = (
            symopt.rules.nadam_pytorch if "nadam_pytorch" in symopt.rules else symopt.rules.nadam
        )
        for symbol in scalar_names(nadam):
            assert symbol not in (m, v)
        assert scalar_names(symopt.rules.adam) == frozenset()

    def test_it_spreads_through_lines(self):
        rule = Rule("R", SOURCE, {eta: 1, beta1: 0}, {b: 1, G: 0, m: x},
                    [(g, grad(x)), (r, norm(g) + t), (b, beta1 * b + r), (v, r * g), (G, G + v),
                     (m, beta1 * m + b), (x, x - eta * (G + m) / b)])  # fmt: skip
        assert scalar_names(rule) == {b, r}
        step = step_program(rule, BOWL)
        assert step.slots == (
            ("x", 0),
            ("x", 1),
            ("b", None),
            ("G", 0),
            ("G", 1),
            ("m", 0),
            ("m", 1),
        )

    def test_reductions(self):
        p, q = symbols("x y")
        for reduce, expected in (
            (norm, sympy.sqrt(p**2 + 4 * q**2)),
            (rms, sympy.sqrt(p**2 / 2 + 2 * q**2)),
            (mean, (p + 2 * q) / 2),
            (amax, sympy.Max(p, 2 * q)),
        ):
            rule = Rule("R", SOURCE, {eta: 1}, {b: 0},
                        [(g, grad(x)), (b, reduce(g)), (x, x - eta * b)])  # fmt: skip
            found = one_step(rule)
            point = {"x": 3, "y": sympy.Rational(5, 2), "eta": 1}
            values = {sympy.Symbol(name): value for name, value in point.items()}
            assert sympy.simplify(found["b"].subs(values) - expected.subs(values)) == 0

    def test_a_reduction_over_one_coordinate(self):
        rule = Rule("R", SOURCE, {eta: 1}, {b: 0},
                    [(g, grad(x)), (b, b + norm(g)), (x, x - eta * g / b)])  # fmt: skip
        result = symopt.run(rule, "half_square", (-2.0,), 2)
        assert result.state["b"].shape == (3,)
        assert list(result.x[:, 0]) == [-2.0, -1.0, -1.0 + 1.0 / 3.0]


class TestOracle:
    def test_one_question_for_one_point(self):
        """grad(x) twice is the same question: the gradient is computed once."""
        once = Rule("A", SOURCE, {eta: 1}, {}, [(g, grad(x)), (x, x - eta * (g + g**2))])
        twice = Rule("A", SOURCE, {eta: 1}, {}, [(x, x - eta * (grad(x) + grad(x) ** 2))])
        counts = [step_program(rule, symopt.objectives.beale).program.operations
                  for rule in (once, twice)]  # fmt: skip
        assert counts[0] == counts[1]

    def test_the_cheaper_gradient_is_taken_and_both_are_the_gradient(self):
        value, gradient = objective_programs(symopt.objectives.beale)
        point = {"x1": sympy.Rational(2, 3), "x2": sympy.Rational(-5, 7)}
        found = to_sympy(gradient, point)
        symbol = dict(zip(point, symopt.objectives.beale.variables, strict=True))
        values = {symbol[name]: number for name, number in point.items()}
        for name in point:
            derivative = sympy.diff(symopt.objectives.beale.expression, symbol[name])
            assert found[name] == derivative.subs(values)
        assert to_sympy(value, point)["f"] == symopt.objectives.beale.expression.subs(values)


class TestSchedules:
    def test_a_schedule_is_no_input(self):
        step = step_program(symopt.rules.adam, BOWL, ((eta, 1 / t),))
        assert "eta" not in step.hyper
        assert ("hyper", "eta") not in step.program.inputs

    def test_initial_state_may_not_follow_a_schedule(self):
        rule = Rule("R", SOURCE, {eta: 1}, {m: eta}, [(m, m + grad(x)), (x, x - eta * m)])
        with pytest.raises(InputError, match=r"eta cannot follow a schedule.*initial value of m"):
            symopt.run(rule, BOWL, (1, 1), 2, eta=1 / t)

    def test_adam_with_a_schedule_equals_a_loop(self):
        result = symopt.run("gradient_descent", "half_square", ("1",), 5, "rational",
                            eta="1/(t + 1)**2")  # fmt: skip
        expected = [Fraction(1)]
        for step in range(1, 6):
            expected.append(expected[-1] * (1 - Fraction(1, (step + 1) ** 2)))
        assert list(result.x[:, 0]) == expected


def test_the_state_keeps_its_coordinates_in_order():
    three = Objective("x + 10*y + 100*z", variables="x y z")
    result = symopt.run("momentum", three, ("1", "2", "3"), 2, "rational", eta="1", mu="1/2")
    assert list(result.x[1]) == [0, -8, -97]
    assert list(result.state["v"][2]) == [Fraction(-3, 2), -15, -150]


@pytest.mark.parametrize("name", symopt.rules)
def test_slots_inputs_and_outputs_fit(name):
    rule = symopt.rules[name]
    step = step_program(rule, symopt.objectives.beale)
    assert set(step.program.outputs) == set(step.slots)
    assert set(step.start.outputs) == set(step.slots)
    known = {*step.slots, ("t",), *[("hyper", entry.name) for entry in rule.parameters]}
    assert set(step.program.inputs) <= known
    identifiers = [step.identifier(slot) for slot in step.slots]
    assert len(set(identifiers)) == len(identifiers)
    scalars = scalar_names(rule)
    for symbol in rule.state:
        coordinates = [index for label, index in step.slots if label == symbol.name]
        assert coordinates == ([None] if symbol in scalars else [0, 1])
