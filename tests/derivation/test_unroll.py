"""Unrolled steps: linear in length, exact, the same numbers as the run, readable closed forms."""

import time
from fractions import Fraction

import numpy as np
import pytest
import sympy

import symopt
from symopt import InputError, Objective, UnknownNameError
from symopt.statement.symbols import beta, beta1, eta, mu, t

g1, g2, g3, x_0, w_0 = sympy.symbols("g1 g2 g3 x_0 w_0", real=True)


def test_opaque_gradients_by_hand():
    unrolled = symopt.unroll("momentum", steps=3)
    velocity, point = sympy.S.Zero, x_0
    for step, gradient in enumerate((g1, g2, g3), start=1):
        velocity = mu * velocity - eta * gradient
        point = point + velocity
        assert sympy.expand(unrolled.expressions("v", step)[0] - velocity) == 0
        form = unrolled.closed_form(step)
        assert form.kind == "expanded"
        assert sympy.expand(form.expressions[0] - point) == 0
        assert form.terms == len(sympy.Add.make_args(sympy.expand(point)))


def test_several_questions_in_one_step_have_names_of_their_own():
    nesterov = symopt.unroll("nesterov", steps=2)
    assert [str(s) for s in nesterov.arguments] == ["x_0", "eta", "mu", "g1", "g2"]


def test_a_polynomial_closed_form_by_hand():
    form = symopt.unroll("gradient_descent", "half_square", 4).closed_form()
    assert form.kind == "expanded"
    assert sympy.expand(form.expressions[0] - w_0 * (1 - eta) ** 4) == 0
    assert form.step == 4


def test_the_kinds_of_closed_forms_have_one_value():
    """Expanded, explicit and let-bound are three spellings of the same point."""
    start = {"x1_0": sympy.Rational(1), "x2_0": sympy.Rational(3, 2), "eta": sympy.Rational(1, 50)}
    unrolled = symopt.unroll("gradient_descent", "beale", 2)
    values = {s: start[s.name] for s in unrolled.arguments}
    exact = unrolled.evaluate(*[Fraction(str(values[s])) for s in unrolled.arguments])[2]
    kinds = set()
    for budget in (5000, 1):
        form = unrolled.closed_form(2, max_terms=budget)
        kinds.add(form.kind)
        found = [e.xreplace(values) for e in form.substituted()]
        assert [Fraction(str(value)) for value in found] == list(exact)
    assert kinds == {"expanded", "let-bound"}
    adam = symopt.unroll("adam", "half_square", 1)
    assert adam.closed_form(1).kind == "explicit"


def test_the_term_budget_is_exact():
    unrolled = symopt.unroll("momentum", steps=3)
    terms = unrolled.closed_form(3).terms
    assert unrolled.closed_form(3, max_terms=terms).kind == "expanded"
    assert unrolled.closed_form(3, max_terms=terms - 1).kind != "expanded"


def test_let_bound_forms_name_every_quantity_apart():
    x, other = sympy.symbols("x m_x", real=True)
    objective = Objective((x - 1) ** 2 * (other + 3) ** 2, [x, other])
    unrolled = symopt.unroll("adam", objective, 3)
    form = unrolled.closed_form(3)
    names = [symbol for symbol, _ in form.lets]
    assert form.kind == "let-bound"
    assert len(set(names)) == len(names)
    assert not set(names) & set(unrolled.arguments)
    defined = set(unrolled.arguments)
    for symbol, expression in form.lets:
        assert expression.free_symbols <= defined
        defined.add(symbol)
    values = {s: sympy.Rational(i + 2, 7) for i, s in enumerate(unrolled.arguments)}
    balls = unrolled.evaluate(*[Fraction(str(v)) for v in values.values()], arithmetic="ball")[3]
    known = dict(values)
    for symbol, expression in form.lets:
        known[symbol] = expression.xreplace(known).evalf(30)
    for expression, ball in zip(form.expressions, balls, strict=True):
        assert abs(expression.xreplace(known).evalf(30) - float(ball.mid())) < 1e-12


def test_the_length_is_linear():
    counts = [symopt.unroll("adam", "beale", k).operations for k in (10, 20, 40)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
    began = time.process_time()
    symopt.unroll("adam", "beale", 200).lambdify()
    assert time.process_time() - began < 10  # exponential ways do not get past five steps


def test_numeric_and_symbolic_arguments_mix():
    unrolled = symopt.unroll("momentum", "half_square", 2, x0=["1/2"], eta="0.1")
    assert unrolled.arguments == (mu,)
    (value,) = unrolled.closed_form().expressions
    assert sympy.expand(value - (sympy.Rational(81, 200) - mu / 20)) == 0
    symbol = sympy.Symbol("s", real=True)
    shifted = symopt.unroll("gradient_descent", "half_square", 1, x0=[symbol + 1], eta=symbol**2)
    assert sympy.expand(shifted.closed_form().expressions[0] - (1 - symbol**2) * (1 + symbol)) == 0


def test_schedules_unroll():
    unrolled = symopt.unroll("gradient_descent", "half_square", 3, x0="1", eta="1/(t + 1)")
    assert unrolled.arguments == ()
    assert unrolled.evaluate()[-1] == (Fraction(1, 4),)
    by_symbol = symopt.unroll("gradient_descent", "half_square", 3, x0="1", eta=beta / (t + 1))
    assert by_symbol.arguments == (beta,)


def test_quantities_of_each_step():
    unrolled = symopt.unroll("adam", "beale", 2)
    assert len(unrolled.expressions("m", 0)) == 2
    assert unrolled.expressions("m", 0) == (0, 0)
    assert unrolled.labels("m_hat", 2) == (("m_hat", 0, 2), ("m_hat", 1, 2))
    with pytest.raises(InputError, match=r"no quantity 'q' at step 1; there are .*m_hat"):
        unrolled.expressions("q", 1)
    for step in (-1, 3):
        with pytest.raises(InputError, match="not among the unrolled steps 0 to 2"):
            unrolled.closed_form(step)
    nadam = symopt.unroll("nadam", "beale", 2)
    scalars = [label for label in nadam.program.outputs if label[1] is None]
    assert scalars


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("adam", "beale", 0), {}, InputError, "at least 1 step"),
        (("adam", "beale", -1), {}, InputError, "at least 1 step"),
        (("adam", "beale", True), {}, InputError, "at least 1 step"),
        (("adam", "beale", "2"), {}, InputError, "at least 1 step"),
        (("adam", "beale", 2, (1,)), {}, InputError, "1 numbers for the variables x1, x2"),
        (("adam", "beale", 2, (1, "one")), {}, InputError, "'one' is not a number"),
        (("adam", "beale"), {"lr": 1}, UnknownNameError, "no hyperparameter 'lr'"),
        (("adam", "beale"), {"beta1": 2}, InputError, "outside its domain"),
        (("adm",), {}, UnknownNameError, "Did you mean"),
    ],
)
def test_bad_arguments_name_the_culprit(arguments, options, error, message):
    with pytest.raises(error, match=message):
        symopt.unroll(*arguments, **options)


def test_the_run_and_the_unrolled_program_agree_with_sympy_alone():
    """The whole of it once more in plain SymPy: Adam on the half square, two steps."""
    w, rate, b1, b2, eps = (
        sympy.Rational(3, 2),
        *map(sympy.Rational, ("1/10", "9/10", "99/100", "1/100")),
    )
    point, first, second = w, 0, 0
    for step in (1, 2):
        first = b1 * first + (1 - b1) * point
        second = b2 * second + (1 - b2) * point**2
        point = point - rate * (first / (1 - b1**step)) / (
            sympy.sqrt(second / (1 - b2**step)) + eps
        )
    unrolled = symopt.unroll("adam", "half_square", 2)
    assert unrolled.arguments[2] == beta1
    values = dict(zip(unrolled.arguments, (w, rate, b1, b2, eps), strict=True))
    (found,) = (e.xreplace(values) for e in unrolled.expressions("x", 2))
    assert sympy.simplify(found - point) == 0
    exact = symopt.run("adam", "half_square", ("3/2",), 2, "ball", eta="1/10", beta2="99/100",
                       epsilon="1/100").x[-1, 0]  # fmt: skip
    assert abs(sympy.Float(exact.str(40, radius=False), 40) - point.evalf(40)) < sympy.Float(
        "1e-35"
    )


def test_text_of_an_unrolled_rule():
    text = str(symopt.unroll("momentum", steps=2))
    assert text.startswith("Momentum, gradients opaque: 2 steps in ")
    assert str(symopt.unroll("momentum", "half_square", 1, x0="1", eta=1, mu=0)).endswith(
        "no free symbols"
    )
    form = symopt.unroll("adam", "beale", 2).closed_form()
    assert str(form).count(" = ") == len(form.lets)


def test_lambdify_broadcasts_like_sympy():
    unrolled = symopt.unroll("gradient_descent", "cubic", 2)
    ours = unrolled.lambdify()
    theirs = sympy.lambdify(unrolled.arguments, unrolled.expressions("x", 2), "numpy")
    grid = np.linspace(-1, 1, 5)[:, None], np.linspace(0, 1, 4)[None, :], 0.01
    for a, b in zip(ours(*grid), theirs(*grid), strict=True):
        assert a.shape == b.shape == (5, 4)
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("rule", ["gradient_descent", "momentum"])
def test_terms_of_an_expanded_form_are_as_sympy_makes_them(rule):
    for expression in symopt.unroll(rule, "cubic", steps=2).closed_form().expressions:
        assert sympy.Add(*expression.args).args == expression.args
        for term in (part for part in expression.args if part.args):
            assert term.func(*term.args).args == term.args
