"""For which hyperparameters a rule converges on a quadratic: by algebra, and by exact runs."""

from fractions import Fraction

import pytest
import sympy

import symopt
from symopt.derivation.linear_step import linear_step
from symopt.derivation.recurrence import equal
from symopt.derivation.schur import BOUNDED, CONVERGES, DIVERGES, conditions, fate, is_schur
from symopt.statement.parse import parse_expression

#: What the literature, or a calculation by hand, says of eta * curvature; of eta with decay.
LIMITS = {
    "gradient_descent": "2",
    **dict.fromkeys(
        ["momentum", "momentum_positive_velocity", "momentum_buffer", "momentum_negative_buffer",
         "heavy_ball", "sgdw_constant_decay"], "2*(1 + mu)"),
    **dict.fromkeys(
        ["momentum_pytorch", "momentum_dampening_documented"], "2*(1 + mu)/(1 - tau)"),
    **dict.fromkeys(["momentum_ema", "momentum_ema_negative"], "2*(1 + beta)/(1 - beta)"),
    **dict.fromkeys(
        ["nesterov", "nesterov_bengio", "nesterov_keras", "nesterov_pytorch", "nesterov_buffer",
         "nesterov_two_velocities"], "2*(1 + mu)/(1 + 2*mu)"),
    "nesterov_new_velocity": "2*(1 + mu)/(1 + 2*mu + 2*mu**2)",
    "nesterov_full_velocity": "2*(1 + mu)/3",
    "gradient_descent_l2": "2/(h + lamda)",
    "gradient_descent_decoupled": "2/(h + lamda)",
    "gradient_descent_unscaled_decay": "2 - lamda",
    "momentum_pytorch_l2": "2*(1 + mu)/((1 - tau)*(h + lamda))",
    "sgdw": "(2 - gamma*lamda)*(1 + mu)/gamma",
    "sgdw_timm": "2*(1 + mu)/(h + lamda*(1 + mu))",
}  # fmt: skip
LINEAR = sorted(LIMITS)
#: Values inside the domains that no default has; eta is chosen by each test.
OTHERS = {"mu": "3/5", "beta": "3/5", "tau": "1/5", "lamda": "1/7", "gamma": "5/4"}


def others(rule):
    return {name: OTHERS[name] for name in map(str, rule.hyperparameters) if name in OTHERS}


def test_every_other_linear_rule_of_the_catalogue_has_a_region_that_runs_obey():
    """Rules that are added need no line in the table."""
    found = []
    for name in symopt.rules:
        try:
            linear_step(symopt.rules[name])
        except symopt.InputError:
            continue
        found.append(name)
    assert set(LINEAR) <= set(found)
    for name in sorted(set(found) - set(LINEAR)):
        result = symopt.stability(name)
        fates = set()
        for eta in ("1/10", "1/2", "1", "3/2", "5"):
            fate_here = result.fate(curvature=1, eta=eta)
            path = symopt.run(name, "half_square", x0=["1"], steps=200, arithmetic="rational",
                              eta=eta)  # fmt: skip
            away = [abs(Fraction(point[0])) for point in path.x]
            fates.add(fate_here)
            if fate_here == CONVERGES:
                assert max(away[150:]) < max(away[:50])
            if fate_here == DIVERGES:
                assert max(away[150:]) > max(away[:50])
        assert CONVERGES in fates
        form = symopt.closed_form(name, "half_square", x0=["1"])
        path = symopt.run(name, "half_square", x0=["1"], steps=30, arithmetic="rational")
        assert [form.value(k)[0] for k in range(31)] == [Fraction(point[0]) for point in path.x]


@pytest.mark.parametrize("name", LINEAR)
def test_the_limit_is_the_one_in_the_table(name):
    result = symopt.stability(name)
    names = {s.name: s for s in (*result.rule.hyperparameters, result.curvature)}
    assert result.linear
    assert result.region.limit is not None
    assert equal(result.region.limit, parse_expression(LIMITS[name], names))


@pytest.mark.parametrize("name", LINEAR)
def test_exact_runs_just_inside_converge_and_just_outside_do_not(name):
    rule = symopt.rules[name]
    result = symopt.stability(name, **others(rule))
    limit = result.region.limit.xreplace({result.curvature: sympy.Integer(1)})
    assert limit.is_Rational
    for nearness, expected in (("49/50", CONVERGES), ("51/50", DIVERGES)):
        eta = str(limit * sympy.Rational(nearness))
        assert result.fate(curvature=1, eta=eta) == expected
        inside = result.region.holds(
            {symopt.symbols.eta: sympy.Rational(eta), result.curvature: sympy.Integer(1)}
        )
        assert inside == (expected == CONVERGES)
        path = symopt.run(
            rule, "half_square", x0=["1"], steps=400, arithmetic="rational", eta=eta, **others(rule)
        )
        rest = Fraction(0)
        if name == "sgdw_constant_decay":  # rests where the constant balances the gradient
            rest = -(1 - Fraction(3, 5)) * Fraction(1, 7)
        away = [abs(Fraction(point[0]) - rest) for point in path.x]
        if expected == CONVERGES:
            assert max(away[350:]) < Fraction(1, 10) < max(away[:50])
        else:
            assert max(away[350:]) > 10 * max(away[:50])


def test_the_defective_nesterov_loses_a_third_of_its_region_at_the_usual_momentum():
    right = symopt.stability("nesterov", mu="9/10").region.limit
    wrong = symopt.stability("nesterov_new_velocity", mu="9/10").region.limit
    assert (round(float(right), 4), round(float(wrong), 4)) == (1.3571, 0.8597)
    assert right == sympy.Rational(19, 14)


def test_characteristic_polynomials_of_nesterov_right_and_wrong():
    """Written with q = eta*lambda: the constant terms are mu(1 - q) and mu(1 - q - q mu)."""
    eta, mu = symopt.symbols.eta, symopt.symbols.mu
    right, wrong = symopt.stability("nesterov_keras"), symopt.stability("nesterov_new_velocity")
    q = eta * right.curvature
    assert equal(right.seen[0], mu * (1 - q))
    assert equal(right.seen[1], q * (1 + mu) - 1 - mu)
    assert equal(wrong.seen[0], mu * (1 - q - q * mu))
    assert equal(wrong.seen[1], q * (1 + mu + mu**2) - 1 - mu)


def test_on_the_boundary_a_simple_root_stays_bounded_and_a_double_one_does_not():
    momentum = symopt.stability("momentum")
    assert momentum.fate(eta=1, mu="1/2", curvature=3) == BOUNDED  # root -1 and -1/2
    assert momentum.fate(eta=1, mu=1, curvature=2) == BOUNDED  # two simple roots on the circle
    assert momentum.fate(eta=1, mu=1, curvature=4) == DIVERGES  # -1 twice: grows like t
    path = symopt.run("momentum", "half_square", x0=["1"], steps=9, arithmetic="rational",
                      eta=4, mu=1)  # fmt: skip
    assert [abs(int(point[0])) for point in path.x[1:]] == [3, 5, 7, 9, 11, 13, 15, 17, 19]


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        ([Fraction(1), Fraction(-8, 5)], BOUNDED),  # (8/5)/2 < 1: a pair on the circle
        ([Fraction(1), Fraction(-5, 2)], DIVERGES),  # 2 and 1/2: a mirror pair off the circle
        ([Fraction(1), Fraction(0), Fraction(2), Fraction(0)], DIVERGES),  # i and -i, twice each
        ([Fraction(1, 8), Fraction(0), Fraction(0)], CONVERGES),
        ([Fraction(1), Fraction(-8, 5), Fraction(1), Fraction(0), Fraction(0)], None),
        ([Fraction(1), Fraction(3, 2), Fraction(3, 2)], BOUNDED),  # (z + 1)(z**2 + z/2 + 1)
    ],
)
def test_the_fate_of_numbers_agrees_with_the_roots(coefficients, expected):
    values = [1, *map(float, reversed(coefficients))]
    import numpy

    largest = max(abs(numpy.roots(values)))
    found = fate(coefficients)
    if expected is not None:
        assert found == expected
    if abs(largest - 1) > 1e-6:
        assert (found == CONVERGES) == (largest < 1)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_inequalities_and_the_exact_reduction_agree_with_the_roots(size):
    import random

    import numpy

    letters = sympy.symbols(f"a0:{size}", real=True)
    tests = conditions(letters)
    random.seed(size)
    seen = set()
    for _ in range(150):
        values = [Fraction(random.randint(-12, 12), 8) for _ in range(size)]
        numbers = {
            letter: sympy.Rational(v.numerator, v.denominator)
            for letter, v in zip(letters, values, strict=True)
        }
        largest = max(abs(numpy.roots([1, *map(float, reversed(values))])), default=0)
        if abs(largest - 1) < 1e-9:
            continue
        inside = bool(largest < 1)
        seen.add(inside)
        assert is_schur(values) == inside
        assert all(test.xreplace(numbers) > 0 for test in tests) == inside
    assert seen == {True, False}


def test_a_rule_of_three_states_has_the_region_of_its_cubic():
    """Two velocities of different decays, added: the average of momenta."""
    s = symopt.symbols
    u = s.variable("u")
    rule = symopt.Rule(
        "Two velocities", symopt.Source("sutskever2013importance", "eqs. 1-2, twice"),
        {s.eta: "1/10", s.mu: "9/10"}, {s.v: 0, u: 0},
        [(s.g, s.grad(s.x)), (s.v, s.mu * s.v - s.eta * s.g), (u, -s.eta * s.g + u / 2),
         (s.x, s.x + (s.v + u) / 2)],
    )  # fmt: skip
    result = symopt.stability(rule)
    assert len(result.seen) == 3
    assert result.rate is None
    for eta in ("1/10", "1", "5/2", "3", "7/2", "5"):
        ball = result.rate_at(eta=eta, curvature=1)
        assert (result.fate(eta=eta, curvature=1) == CONVERGES) == (float(ball.mid()) < 1)


# Rates and optima


def test_the_rate_of_the_heavy_ball_is_the_root_of_momentum_in_the_complex_case():
    result = symopt.stability("heavy_ball")
    assert result.rate_at(eta="1/10", mu="9/10", curvature=1) == 3 * sympy.sqrt(10) / 10
    assert result.rate_at(eta=1, mu=0, curvature="1/4") == sympy.Rational(3, 4)


@pytest.mark.parametrize(
    ("name", "chosen", "rate"),
    [
        ("gradient_descent", {"eta": "1/5"}, "4/5"),
        ("heavy_ball", {"eta": "1/4", "mu": "1/4"}, "1/2"),
        ("momentum_buffer", {"eta": "1/4", "mu": "1/4"}, "1/2"),
        ("momentum_ema", {"eta": "1/3", "beta": "1/4"}, "1/2"),
        ("nesterov", {"eta": "1/9", "mu": "1/2"}, "2/3"),
        ("nesterov_pytorch", {"eta": "1/9", "mu": "1/2"}, "2/3"),
    ],
)
def test_the_optimum_on_curvatures_from_1_to_9(name, chosen, rate):
    result = symopt.stability(name)
    values, best = result.optimum().at(1, 9)
    assert {symbol.name: str(value) for symbol, value in values.items()} == chosen
    assert str(best) == rate
    rates = [result.rate_at(curvature=c, **chosen) for c in range(1, 10)]
    assert max(rates) == best
    # Nothing on a grid around it does better.
    names = [n for n in chosen if not (n == "eta" and "nesterov" in name)]
    for factor in ("1/2", "9/10", "11/10", "3/2"):
        for moved in names:
            near = {**chosen, moved: str(sympy.Rational(chosen[moved]) * sympy.Rational(factor))}
            assert max(result.rate_at(curvature=c, **near) for c in (1, 9)) > best


def test_weight_decay_moves_the_interval_of_curvatures():
    best = symopt.stability("gradient_descent_l2", lamda=1).optimum()
    values, rate = best.at(1, 9)
    assert values == {symopt.symbols.eta: sympy.Rational(1, 6)}
    assert rate == sympy.Rational(2, 3)


def test_a_step_uphill_has_no_optimum():
    s = symopt.symbols
    uphill = symopt.rules.gradient_descent.variant(
        "Gradient ascent", {s.x: s.x + s.eta * s.g}, source=symopt.rules.gradient_descent.source
    )
    assert symopt.stability(uphill).fate(curvature=1, eta="1/100") == DIVERGES
    with pytest.raises(symopt.InputError, match="no optimum is derived"):
        symopt.stability(uphill).optimum()


def test_no_optimum_is_invented_for_another_polynomial():
    with pytest.raises(symopt.InputError, match="no optimum is derived"):
        symopt.stability("nesterov_new_velocity").optimum()


# Rules that are not linear


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("adam", "2*epsilon*(1 + beta1)/(1 - beta1)"),
        ("adam_epsilon_inside", "2*sqrt(epsilon)*(1 + beta1)/(1 - beta1)"),
        ("rmsprop", "2*epsilon"),
        ("rmsprop_epsilon_inside", "2*sqrt(epsilon)"),
        ("rmsprop_momentum", "2*epsilon*(1 + mu)"),
        ("adagrad", "2*(sqrt(G) + epsilon)"),
        ("adadelta_pytorch", "2"),
    ],
)
def test_near_the_minimum_an_adaptive_rule_is_one_of_fixed_step(name, limit):
    result = symopt.stability(name)
    names = {s.name: s for s in result.region.limit.free_symbols}
    assert not result.linear
    assert equal(result.region.limit, parse_expression(limit, names))


@pytest.mark.parametrize(
    ("name", "setting"),
    [("adam", {"epsilon": "1/4", "beta1": "1/2"}), ("rmsprop", {"epsilon": "1/4"}),
     ("rmsprop_momentum_inside", {"epsilon": "1/4", "mu": "1/2"})],
)  # fmt: skip
def test_certified_runs_near_the_minimum_obey_the_linearization(name, setting):
    """Tiny starts shrink inside and grow outside, for as long as they stay tiny."""
    result = symopt.stability(name, **setting)
    limit = result.region.limit
    assert limit.is_Rational
    for factor, grows in (("9/10", False), ("11/10", True)):
        eta = str(limit * sympy.Rational(factor))
        path = symopt.run(name, "half_square", x0=["1e-30"], steps=120, arithmetic="ball",
                          eta=eta, **setting)  # fmt: skip
        last = max(abs(float(point[0])) for point in path.x[-10:])
        assert (last > 1e-29) == grows
        assert last < 1e-6


def test_adam_without_epsilon_has_no_derivative_at_its_fixed_point():
    with pytest.raises(symopt.InputError, match="divides by what is 0 at the fixed point"):
        symopt.stability("adam", epsilon=0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("lion", "jumps there"), ("rmsprop_without_epsilon", "divides by what is 0"),
     ("lamb", "several coordinates"), ("adamw_constant_decay", "does not leave x where it is"),
     ("rprop", "two sides are equal"), ("adagrad_pytorch", "changes with t for ever")],
)  # fmt: skip
def test_what_cannot_be_linearized_is_refused_with_the_reason(name, reason):
    with pytest.raises(symopt.InputError, match=reason):
        symopt.stability(name)


def test_epsilon_of_the_wrong_sign_is_stable_nowhere():
    result = symopt.stability("adam_epsilon_minus")
    assert result.fate(curvature=1, eta="1/1000") == DIVERGES
    assert str(result.region) == "nowhere"


def test_a_conserved_combination_of_states_does_not_hide_convergence():
    """Paddle's ASGD: d is the sum of two gradients, so the root 1 is never excited."""
    s = symopt.symbols
    before = s.variable("g_before")
    rule = symopt.Rule(
        "Two gradients in turn", symopt.Source("sutskever2013importance", "none of it"),
        {s.eta: "1/10"}, {s.d: 0, before: 0},
        [(s.g, s.grad(s.x)), (s.d, s.d + s.g - before), (before, s.g), (s.x, s.x - s.eta * s.d)],
    )  # fmt: skip
    result = symopt.stability(rule)
    assert str(result.region) == "0 < eta*lamda < 2"  # d is the gradient: gradient descent
    assert "conserve" in result.notes[0]


def test_the_family_of_fixed_points_of_adagrad_is_said():
    result = symopt.stability("adagrad")
    assert [str(value) for value in result.fixed.values()] == ["0", "G"]
    assert any("Every value of G" in note for note in result.notes)


def test_a_fixed_hyperparameter_cannot_be_set_again():
    with pytest.raises(symopt.InputError, match="eta is fixed already"):
        symopt.stability("momentum", eta=1).fate(curvature=1, eta=2)
