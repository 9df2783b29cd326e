"""The point after every step on a quadratic, against exact runs, in each case of the roots."""

import random
from fractions import Fraction
from itertools import product

import pytest
import sympy

import symopt
from symopt.derivation.branches import _induction, branches, d0, d1, r, solved
from symopt.derivation.linear_step import linear_step
from symopt.derivation.surd import Surd, plain, sign
from symopt.errors import UndecidedError

FIRST_ORDER = [
    "gradient_descent", "gradient_descent_decoupled", "gradient_descent_l2",
    "gradient_descent_unscaled_decay",
]  # fmt: skip
SECOND_ORDER = [
    "heavy_ball", "momentum", "momentum_buffer", "momentum_dampening_documented", "momentum_ema",
    "momentum_ema_negative", "momentum_negative_buffer", "momentum_positive_velocity",
    "momentum_pytorch", "momentum_pytorch_l2", "nesterov", "nesterov_bengio", "nesterov_buffer",
    "nesterov_full_velocity", "nesterov_keras", "nesterov_new_velocity", "nesterov_pytorch",
    "nesterov_two_velocities", "sgdw", "sgdw_constant_decay", "sgdw_timm",
]  # fmt: skip
HALF = symopt.Objective("x**2/2 - x/3", variables="x")


def agrees(form, values, x0, objective=HALF):
    """The closed form equals the exact run of the rule for t = 0, ..., 30."""
    texts = {name: str(value) for name, value in values.items()}
    path = symopt.run(
        form.rule, objective, x0=[str(v) for v in x0], steps=30, arithmetic="rational", **texts
    )
    return all(
        form.value(step, **texts) == tuple(Fraction(part) for part in path.x[step])
        for step in range(31)
    )


def with_double_root(form):
    """Rational hyperparameters at which the discriminant vanishes, found by exact roots in eta."""
    motion = form.motions[0]
    eta = symopt.symbols.eta
    choices = {
        "mu": ["1/4", "5/8"], "beta": ["1/4"], "lamda": ["3/5", "5/3"], "gamma": ["5/4"],
        "tau": ["1/5"],
    }  # fmt: skip
    names = [n for n in map(str, form.rule.hyperparameters) if n != "eta"]
    for chosen in product(*(choices[name] for name in names)):
        values = dict(zip(names, chosen, strict=True))
        numbers = {
            form.rule.parameter(name).symbol: sympy.Rational(value)
            for name, value in values.items()
        }
        for root in sympy.roots(sympy.Poly(motion.discriminant.xreplace(numbers), eta)):
            if root.is_Rational and root > 0:
                return {**values, "eta": str(root)}
    raise AssertionError(f"no double root for {form.rule.name}")


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_of_first_order_the_form_is_the_run(name):
    random.seed(name)
    form = symopt.closed_form(name, HALF, x0=["5/7"])
    for _ in range(3):
        values = {entry.name: Fraction(random.randint(1, 19), 10) for entry in form.rule.parameters}
        assert form.kinds(**values) == ("geometric",)
        assert agrees(form, values, ["5/7"])


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_of_second_order_the_form_is_the_run_in_each_case_of_the_roots(name):
    random.seed(name)
    form = symopt.closed_form(name, HALF, x0=["5/7"])
    double = with_double_root(form)
    assert form.kinds(**double) == ("double",)
    assert agrees(form, double, ["5/7"])
    wanted = {"distinct", "complex"}
    for _ in range(200):
        values = {entry.name: Fraction(random.randint(1, 9), 10) for entry in form.rule.parameters}
        kind = form.kinds(**values)[0]
        if kind in wanted:
            assert agrees(form, values, ["5/7"])
            wanted -= {kind}
        if not wanted:
            return
    raise AssertionError(f"{name}: never {wanted}")


@pytest.mark.parametrize(
    ("name", "quadratic", "x0"),
    [
        ("momentum", "x**2 + x*y + 2*y**2 - x", ["1", "-2"]),  # irrational curvatures
        ("nesterov", "elongated_bowl", ["-7", "2"]),
        ("sgdw_constant_decay", "x**2 + x*y + 2*y**2 - x", ["1", "-2"]),
        ("momentum_pytorch", "x**2 + x*y + 2*y**2 + y", ["1", "-2"]),
        ("heavy_ball", "x**2 + y**2 + z**2 + x*y + y*z", ["1", "0", "3"]),
        ("gradient_descent", "x**2 + y**2 + z**2 + x*y + y*z + z*x", ["1", "0", "3"]),
        ("momentum", "(x - y)**2/2", ["1", "5"]),  # a flat direction
        # sqrt(2) in one plane, sqrt(5) in the other
        ("momentum", "x**2 + x*y + 2*y**2 - x + u**2 + 2*u*v + 3/2*v**2", ["1", "-2", "3", "1"]),
    ],
)
def test_in_several_dimensions_irrational_parts_cancel(name, quadratic, x0):
    rule = symopt.rules[name]
    names = "x y z" if "z" in quadratic else "x y u v" if "u" in quadratic else "x y"
    objective = (
        symopt.objectives[quadratic]
        if quadratic in symopt.objectives
        else symopt.Objective(quadratic, variables=names)
    )
    form = symopt.closed_form(rule, objective if "u" in names else quadratic, x0=x0)
    given = {"eta": "1/9", "mu": "1/3", "tau": "1/5", "lamda": "1/7"}
    values = {n: v for n, v in given.items() if n in map(str, rule.hyperparameters)}
    assert agrees(form, values, x0, objective)


def test_a_flat_direction_with_a_slope_drifts_for_ever():
    quadratic = symopt.Objective("x**2/2 + y", variables="x y")
    for name in ("gradient_descent", "momentum", "nesterov_keras"):
        form = symopt.closed_form(name, quadratic, x0=["1", "2"])
        assert len(form.motions[1].coefficients) == len(form.motions[0].coefficients) + 1
        values = {"eta": "1/9", "mu": "1/3"}
        values = {n: v for n, v in values.items() if n in map(str, form.rule.hyperparameters)}
        assert agrees(form, values, ["1", "2"], quadratic)


def test_a_rule_of_three_states_is_solved_by_its_companion():
    s = symopt.symbols
    u = s.variable("u")
    rule = symopt.Rule(
        "Two velocities", symopt.Source("sutskever2013importance", "eqs. 1-2, twice"),
        {s.eta: "1/10", s.mu: "9/10"}, {s.v: 0, u: 0},
        [(s.g, s.grad(s.x)), (s.v, s.mu * s.v - s.eta * s.g), (u, -s.eta * s.g + u / 2),
         (s.x, s.x + (s.v + u) / 2)],
    )  # fmt: skip
    form = symopt.closed_form(rule, HALF, x0=["5/7"])
    assert form.motions[0].branches == ()
    assert form.kinds() == ("recurrence",)
    assert agrees(form, {"eta": "3/10", "mu": "4/5"}, ["5/7"])


def test_symbols_give_the_unrolled_polynomials():
    form = symopt.closed_form("momentum_ema", "half_square")
    unrolled = symopt.unroll("momentum_ema", "half_square", steps=4)
    for step in range(5):
        assert sympy.expand(form.at(step)[0] - unrolled.expressions("x", step)[0]) == 0


def test_the_generic_power_is_nan_at_the_double_root_and_the_double_branch_is_not():
    """Heavy ball at eta*lambda = 1/4, mu = 1/4: the fifth power has 3/16 in its corner."""
    q, b = sympy.symbols("q b", positive=True)
    k = sympy.Symbol("k", integer=True, positive=True)
    generic = (sympy.Matrix([[1 + b - q, -b], [1, 0]]) ** k)[0, 0]
    quarter = sympy.Rational(1, 4)
    assert generic.subs({q: quarter, b: quarter, k: 5}) in (sympy.nan, sympy.zoo)
    step = linear_step(symopt.rules.heavy_ball)
    numbers = {symopt.symbols.eta: quarter, symopt.symbols.mu: quarter, step.curvature: 1}
    assert (step.matrix.xreplace(numbers) ** 5)[0, 0] == sympy.Rational(3, 16)
    # The corner is the solution that starts with 1 and the trace, 1.
    one = Fraction(1)
    assert solved([Fraction(1, 4), -one], [one, one], 5) == Fraction(3, 16)


def test_the_induction_fails_for_a_wrong_form():
    def wrong(at):
        return d0 if at == 0 else d0 * r**at + at * (d1 + r * d0) * r ** (at - 1)

    with pytest.raises(UndecidedError, match="the induction fails at t = 1"):
        _induction(wrong, 2 * r, r**2)

    def late(at):  # right at first, wrong later
        return d0 if at == 0 else d0 * r**at + (d1 - r * d0) * r ** (at - 1)

    with pytest.raises(UndecidedError, match="the induction fails at t = 2"):
        _induction(late, 2 * r, r**2)


def test_every_branch_carries_its_induction():
    assert [branch.kind for branch in branches(2)] == ["distinct", "double", "complex"]
    for branch in (*branches(1), *branches(2)):
        assert branch.proof[-1].place.startswith("from t")


def test_surds_of_surds_are_exact():
    """The product of all conjugates of sqrt(2) + sqrt(3) is 1, and it is larger than 3."""
    two = Surd(Fraction(0), Fraction(1), Fraction(2))
    number = Surd(two, two * 0 + 1, two * 0 + 3)
    other = Surd(two, two * 0 - 1, two * 0 + 3)
    assert plain(-(number * other)) == 1
    assert sign(number - 3) == 1
    assert sign(number - Fraction(315, 100)) == -1
    assert sign((number / number) - 1) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symopt.closed_form("adam"), "adam is not linear"),
        (lambda: symopt.closed_form("momentum", "beale"), "is not a quadratic"),
        (lambda: symopt.closed_form("momentum", "x**3"), "is not a quadratic"),
        (lambda: symopt.closed_form("momentum", "a*b"), "variables of a quadratic are x, y and z"),
        (lambda: symopt.closed_form("momentum", "mu*x**2"), "mu is a hyperparameter"),
        (lambda: symopt.closed_form("momentum", x0=[1, 2]), "x0 has 2 numbers"),
        (lambda: symopt.closed_form("momentum").value(3), "a number is missing for lamda, x_0"),
        (lambda: symopt.closed_form("momentum").value(-1, x_0=1, lamda=1), "whole numbers from 0"),
        (lambda: symopt.closed_form("momentum", "a*x**2 + x").value(3, a=0, x_0=1), "no one point"),
    ],
)
def test_what_cannot_be_done_says_why(call, message):
    with pytest.raises((symopt.InputError, symopt.UnknownNameError), match=message):
        call()
