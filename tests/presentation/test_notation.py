"""Formulas read like the papers, and printing loses nothing."""

from __future__ import annotations

import re

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational, Symbol, sqrt

import symopt
from symopt.errors import InputError
from symopt.presentation.breaking import abbreviated, pieces
from symopt.presentation.indices import initial_lines, rule_lines
from symopt.presentation.names import Label, Style
from symopt.presentation.notation import expression_latex, plain
from symopt.presentation.order import PLAIN, STANDARD, Roles
from symopt.statement.parse import parse_expression
from symopt.statement.rule import Rule
from symopt.statement.source import Reference, Source
from symopt.statement.symbols import (
    beta1,
    beta2,
    epsilon,
    eta,
    g,
    grad,
    lamda,
    m,
    m_hat,
    mu,
    norm,
    t,
    tau,
    v,
    v_hat,
    variable,
    where,
    x,
)  # fmt: skip

X, Y = sympy.symbols("x y", real=True)
OWN = Source("own", "here", reference=Reference("own", "Own", "Own, Ada", 2024))


def test_adam_reads_like_algorithm_1_of_kingma_and_ba() -> None:
    assert rule_lines(symopt.rules.adam) == [
        ("g_t", r"\nabla f(x_{t-1})"),
        ("m_t", r"\beta_1 m_{t-1} + (1 - \beta_1) g_t"),
        ("v_t", r"\beta_2 v_{t-1} + (1 - \beta_2) g_t^2"),
        (r"\hat m_t", r"\frac{m_t}{1 - \beta_1^t}"),
        (r"\hat v_t", r"\frac{v_t}{1 - \beta_2^t}"),
        ("x_t", r"x_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}"),
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("momentum", ("v_t", r"\mu v_{t-1} - \eta g_t")),
        ("momentum", ("x_t", "x_{t-1} + v_t")),
        ("nesterov", ("g_t", r"\nabla f(x_{t-1} + \mu v_{t-1})")),
        ("nesterov_bengio", ("x_t", r"x_{t-1} + \mu^2 v_{t-1} - \eta (1 + \mu) g_t")),
        ("adagrad", ("x_t", r"x_{t-1} - \eta\, \frac{g_t}{\sqrt{G_t} + \epsilon}")),
        ("adagrad_epsilon_inside", ("x_t", r"x_{t-1} - \eta\, \frac{g_t}{\sqrt{G_t + \epsilon}}")),
        ("heavy_ball", ("x_t", r"x_{t-1} + \mu (x_{t-1} - x_{t-2}) - \eta g_t")),
        ("rmsprop_centered", (r"\bar g_t", r"\rho \bar g_{t-1} + (1 - \rho) g_t")),
        (
            "momentum_pytorch",
            (
                "b_t",
                r"\begin{cases} g_t & \text{if } t = 1 \\ "
                r"\mu b_{t-1} + (1 - \tau) g_t & \text{otherwise} \end{cases}",
            ),
        ),
    ],
)
def test_a_line_of_a_rule_reads_like_its_paper(name: str, line: tuple[str, str]) -> None:
    assert line in rule_lines(symopt.rules[name])


def test_polyak_starts_from_two_equal_points_and_needs_no_auxiliary_lines() -> None:
    lines = initial_lines(symopt.rules.heavy_ball)
    assert [line.written(Style.LATEX) for line in lines] == [("x_{-1}", "x_0")]
    assert [left for left, _ in rule_lines(symopt.rules.heavy_ball)] == ["g_t", "x_t"]


def test_the_order_of_the_statement_does_not_reach_the_page() -> None:
    # SymPy itself prints g*(1 - beta1) + beta1*m.
    assert expression_latex(g * (1 - beta1) + m * beta1) == r"\beta_1 m + (1 - \beta_1) g"


@pytest.mark.parametrize(
    ("expression", "latex"),
    [
        (epsilon + sqrt(v_hat), r"\sqrt{\hat v} + \epsilon"),
        (-(beta1**t) + 1, r"1 - \beta_1^t"),
        (x * (1 - eta * lamda), r"(1 - \eta \lambda) x"),
        (g + lamda * x, r"g + \lambda x"),
        (
            eta * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + epsilon),
            r"\eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}\, \frac{m}{\sqrt{v} + \epsilon}",
        ),
        (norm(g) ** 2, r"\left\lVert g\right\rVert_2^2"),
        (sympy.Max(beta2 * v, sympy.Abs(g)), r"\max(\beta_2 v, \left\lvert g\right\rvert)"),
        (sympy.sign(g), r"\operatorname{sign}(g)"),
        (beta1 ** (t + 1), r"\beta_1^{t + 1}"),
        (grad(x + mu * v), r"\nabla f(x + \mu v)"),
        (where(t > 3, m_hat, g), r"\begin{cases} \hat m & \text{if } t > 3 \\ g & "
         r"\text{otherwise} \end{cases}"),
    ],
)  # fmt: skip
def test_expressions_of_the_field(expression: sympy.Expr, latex: str) -> None:
    # Spacing commands carry no meaning; what is compared is the order of what is printed.
    def squeezed(text: str) -> str:
        return re.sub(r"\\,|\s", "", text)

    assert squeezed(expression_latex(expression)) == squeezed(latex)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(1.5 - x + x*y)^2", "(3/2 - x + x y)²"),
        ("x^2 + y - 11", "x² + y - 11"),
        ("x + y^2 - 7", "x + y² - 7"),
        ("(1 - x)^2 + 100*(y - x^2)^2", "(1 - x)² + 100 (y - x²)²"),
        ("x^2/20 + y^2", "x²/20 + y²"),
        ("-x^2/2 + y^2", "y² - x²/2"),
        ("20 + x^2 - 10*cos(2*pi*x)", "20 + x² - 10 cos(2 π x)"),
        ("-x - y", "-x - y"),
        ("1e-10*x", "10⁻¹⁰ x"),
        ("-x/(2*y)", "-x / (2 y)"),
        ("(-2)*(x+y)**2/3", "-2/3·(x + y)²"),
    ],
)
def test_polynomials_read_like_their_papers(text: str, printed: str) -> None:
    expression = parse_expression(text, {"x": X, "y": Y})
    assert plain(expression, roles=Roles(variables=(X, Y))) == printed


@pytest.mark.parametrize(
    ("name", "latex", "text"),
    [
        ("beta1", r"\beta_1", "β₁"),
        ("lamda", r"\lambda", "λ"),
        ("epsilon_root", r"\epsilon_{\mathrm{root}}", "εᵣₒₒₜ"),
        ("m_hat", r"\hat m", "m̂"),
        ("v_max", r"v^{\max}", "vᵐᵃˣ"),
        ("rho_inf", r"\rho_{\infty}", "ρ_∞"),
        ("x0", "x_0", "x₀"),
        ("theta", r"\theta", "θ"),
        ("θ", r"\theta", "θ"),
        ("speed", r"\mathrm{speed}", "speed"),
        ("权重", r"\mathrm{U6743U91CD}", "权重"),
    ],
)
def test_names(name: str, latex: str, text: str) -> None:
    assert Label(name).latex.replace(r"_\infty", r"_{\infty}") == latex
    assert Label(name).unicode == text


def test_a_step_index_joins_an_index_that_the_name_has() -> None:
    assert Label("x0", "3").latex == "x_{0,3}"
    assert Label("m", "1", "x1").latex == "m_{x_1,1}"


def test_every_rule_has_lines_with_indices_and_no_two_lines_say_the_same() -> None:
    for name, rule in symopt.rules.items():
        lines = rule_lines(rule)
        repeated = len(rule.update) - len(set(rule.update))  # Muon makes one step five times
        assert len(lines) - len(set(lines)) == repeated, name
        assert any(left == "x_t" for left, _ in lines), name
        for left, right in lines:
            assert left != right, name
            assert right.count("{") == right.count("}"), (name, right)
            assert right.count(r"\left") == right.count(r"\right"), (name, right)


def test_a_schedule_carries_the_index_of_its_step() -> None:
    rule = Rule("Decaying", OWN, {eta: 1 / t}, {}, [(g, grad(x)), (x, x - eta * g)])
    assert rule_lines(rule)[-1] == ("x_t", r"x_{t-1} - \eta_t g_t")


def test_a_name_is_old_before_its_assignment_and_new_after() -> None:
    rule = Rule(
        "Both", OWN, {eta: 1, tau: "1/2"}, {m: 0},
        [(g, grad(x)), (x, x - eta * m), (m, tau * m + g), (x, x - eta * m)],
    )  # fmt: skip
    assert rule_lines(rule)[1:] == [
        ("x_t", r"x_{t-1} - \eta m_{t-1}"),
        ("m_t", r"\tau m_{t-1} + g_t"),
        ("x_t", r"x_t - \eta m_t"),
    ]


def test_a_constant_of_the_rule_has_no_index() -> None:
    ratio = variable("ratio")
    rule = Rule(
        "Constant", OWN, {eta: 1, beta1: "1/2"}, {},
        [(ratio, eta / (1 - beta1)), (g, grad(x)), (x, x - ratio * g)],
    )  # fmt: skip
    assert rule_lines(rule)[0][0] == r"\mathrm{ratio}"


def test_what_has_no_notation_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="Integral"):
        plain(sympy.Integral(X, X))


numbers = st.builds(Rational, st.integers(-99, 99), st.integers(1, 60))
leaves = st.one_of(numbers, st.sampled_from([X, Y, eta, beta1, epsilon, m, g, sympy.pi, sympy.E]))


def _larger(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, b: a / b if b != 0 else a, inner, inner),
        st.builds(lambda a, n: a**n, inner, st.integers(0, 3)),
        st.builds(lambda a: sqrt(1 + a**2), inner),
        st.builds(lambda a: sympy.exp(a) if a.free_symbols else a, inner),
        st.builds(lambda a: sympy.sin(a) if a.free_symbols else a, inner),
        st.builds(lambda a, b: sympy.Max(a, b) if a.free_symbols else a, inner, inner),
        st.builds(sympy.Abs, inner),
    )


expressions = st.recursive(leaves, _larger, max_leaves=9).filter(
    lambda e: not e.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I)
)
SYMBOLS = {symbol.name: symbol for symbol in (X, Y, eta, beta1, epsilon, m, g)}


def same(a: sympy.Expr, b: sympy.Expr) -> bool:
    """Equal as they stand, or after multiplying out (the parser multiplies numbers into sums)."""
    return bool(a == b or sympy.expand(a - b) == 0 or sympy.simplify(a - b) == 0)


@settings(max_examples=150, deadline=None)
@given(expressions, st.sampled_from([STANDARD, PLAIN]))
def test_plain_ascii_is_read_back_as_the_same_expression(
    expression: sympy.Expr, roles: Roles
) -> None:
    text = plain(expression, roles=roles, ascii=True)
    assert same(parse_expression(text, SYMBOLS), expression), text


@pytest.mark.parametrize("name", list(symopt.objectives))
def test_every_objective_and_its_gradient_are_read_back(name: str) -> None:
    objective = symopt.objectives[name]
    symbols = {symbol.name: symbol for symbol in objective.variables}
    roles = Roles(variables=objective.variables)
    for expression in (objective.expression, *objective.gradient):
        text = plain(expression, roles=roles, ascii=True)
        assert sympy.expand(parse_expression(text, symbols) - expression) == 0


@settings(max_examples=60, deadline=None)
@given(expressions)
def test_pieces_put_together_are_the_formula(expression: sympy.Expr) -> None:
    whole = plain(expression).replace("(", "[").replace(")", "]").replace(" ", "")
    parts = "".join(piece.text for piece in pieces(expression))
    assert parts.replace("(", "[").replace(")", "]").replace(" ", "") == whole


def test_a_fraction_too_wide_for_a_line_is_named_and_the_names_give_it_back() -> None:
    long = sum((X + k) ** 2 * Y**k for k in range(1, 12))
    expression = X - long / (1 + sympy.exp(long))
    names = iter(Symbol(f"A_{k}", real=True) for k in range(1, 99))
    lets, short = abbreviated(expression, names)
    assert lets
    assert max(piece.width for piece in pieces(short)) < 41
    for symbol, value in reversed(lets):
        short = short.xreplace({symbol: value})
    assert sympy.simplify(short - expression) == 0
