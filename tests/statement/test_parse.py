"""The language of objectives: what it means, and that hostile text only ever gets an error."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import Abs, E, Max, Min, Rational, cos, exp, pi, sign, sin, sqrt, tanh

from symopt.errors import InputError, ParseError
from symopt.statement.bounded import ARITIES, MAX_HEIGHT, MAX_NUMBER_BITS
from symopt.statement.objective import Objective
from symopt.statement.parse import parse_expression

x, y = sympy.symbols("x y", real=True)
t = sympy.Symbol("t", integer=True, positive=True)
SYMBOLS = {"x": x, "y": y, "t": t}


def parsed(text: str) -> sympy.Expr:
    return parse_expression(text, SYMBOLS)


GOOD = [
    ("x", x),
    ("  x +\n y ", x + y),
    ("0.1", Rational(1, 10)),
    ("1e-8", Rational(1, 10**8)),
    ("1.5E2 + .5 + 2.", Rational(305, 2)),
    ("007", sympy.Integer(7)),
    ("-x**2", -(x**2)),
    ("(-x)**2", x**2),
    ("2**-1", Rational(1, 2)),
    ("2**-x**2", 2 ** (-(x**2))),
    ("2**3**2", sympy.Integer(512)),
    ("(2**3)**2", sympy.Integer(64)),
    ("x^2^3", x**8),
    ("-2**2", sympy.Integer(-4)),
    ("8/4/2", sympy.Integer(1)),
    ("8/4*2", sympy.Integer(4)),
    ("x - y - 1", x - y - 1),
    ("x - (y - 1)", x - y + 1),
    ("x - -y", x + y),
    ("2*-x*+y", -2 * x * y),
    ("-(x + 1)*(y + 2)", sympy.Mul(-1, x + 1, y + 2)),
    ("x·y × 2 − 1", 2 * x * y - 1),
    ("x² + y³", x**2 + y**3),
    ("-x²", -(x**2)),
    ("x¹² + x⁻¹", x**12 + 1 / x),
    ("x**y²", x ** (y**2)),
    ("x²**3", x**6),
    ("(x + 1)²·2", 2 * (x + 1) ** 2),
    ("pi*e + π", pi * E + pi),
    ("e**x", exp(x)),
    ("sqrt(2)*sin(x) + cos(y)", sqrt(2) * sin(x) + cos(y)),
    ("ln(1 + x²) - log(1 + x^2)", sympy.Integer(0)),
    ("max(x, y, 0) - min(x, -y)", Max(x, y, 0) - Min(x, -y)),
    ("Max(x, 1) + Min(x, 1) + Abs(y)", Max(x, 1) + Min(x, 1) + Abs(y)),
    ("abs(x) + sign(y) + tanh(x)", Abs(x) + sign(y) + tanh(x)),
    ("sinh(x) + cosh(x) + atan(y) + tan(x)",
     sympy.sinh(x) + sympy.cosh(x) + sympy.atan(y) + sympy.tan(x)),
    ("tan(x + pi/2)", -cos(x) / sin(x)),
    ("0.1*0.96**(t - 5000)", Rational(1, 10) * Rational(24, 25) ** (t - 5000)),
    ("0.1/sqrt(t)", 1 / (10 * sqrt(t))),
    ("(-1)**t", sympy.Integer(-1) ** t),
    ("1**(10**9) + (-1)**(10**9)", sympy.Integer(2)),
    ("0**2 + x**0", sympy.Integer(1)),
    ("sqrt(x**2)", Abs(x)),
    ("x**1000", x**1000),
    ("(" * 200 + "x" + ")" * 200, x),
    ("---x", -x),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[text[:30] for text, _ in GOOD])
def test_a_text_means_its_expression(text: str, expected: sympy.Expr) -> None:
    assert parsed(text) == expected


def test_constants_yield_to_variables_of_the_same_name() -> None:
    e, pi_variable = sympy.symbols("e pi", real=True)
    assert parse_expression("e**2 + pi", {"e": e, "pi": pi_variable}) == e**2 + pi_variable
    assert parse_expression("sin + 1", {"sin": x}) == x + 1


def test_a_long_sum_and_a_long_product_are_read() -> None:
    assert parsed("+".join(["x*y"] * 4000)) == 4000 * x * y
    assert parsed("*".join(["x"] * 1000)) == x**1000


HOSTILE = [
    ("__import__('os')", 1, "'__import__' is not a function"),
    ("x.__class__", 2, "no attributes"),
    ("x.real", 2, "no attributes"),
    ("().__class__", 2, "missing before"),
    ("lambda: x", 1, "'lambda' is not a known name"),
    ("x if y else 1", 3, "operator is missing"),
    ("'x'", 1, "remove the quotes"),
    ("[x for x in y]", 1, "no indexing"),
    ("\\frac{x}{y}", 1, "not LaTeX"),
    ("9**9**9", 2, "387420489 would have about 1549681956 bits"),
    ("9**9**9**9", 5, "bits"),
    ("9**(9**(9))", 2, "bits"),
    ("x**(10**9)", 2, "exponent 1000000000 is too large"),
    ("x**1001", 2, "between -1000 and 1000"),
    ("(1+x)**(10**6)", 6, "exponent 1000000 is too large"),
    ("((x**1000)**1000)**1000", 11, "exponent 1000000 is too large"),
    ("*".join(["x"] * 1001), 2000, "exponent 1001 is too large"),
    ("exp(10**9*log(9))", 4, "too large"),
    ("exp(10**9*x*log(9))**(1/x)", 4, "bits"),
    ("2**(x + 10**9)*2**(-x)", 2, "bits"),
    ("(2**(100*x))**(999/x)", 13, "bits"),
    ("exp(10**6*log(x))", 4, "exponent 1000000 is too large"),
    ("(1 + x)**(10**6*(y - 1))", 8, "is too large"),
    ("exp(t**1000 - t)", 4, "inside a function"),
    ("sqrt((x + y + t + 1)**50)", 5, "inside a function"),
    ("abs((sinh(y) - 2)/(1/2 + exp(5))**(10**9*(1 - e)))", 33, "is too large"),
    ("max(1000, tanh(10**9) - 1)", 4, "cannot be compared"),
    ("exp(exp(exp(10)))", 8, "too large"),
    ("2**" * 50 + "x", None, "bits"),
    ("*".join(["9**999"] * 2000), None, "the product would have"),
    ("+".join(["1/9**999"] * 2000), None, "the sum would have"),
    ("*".join(["9**999"] * 10), None, "this number would have"),
    ("sqrt(9**200 + 1)", 5, "under a root"),
    ("*".join(f"sqrt({sympy.prime(n)})" for n in range(1, 100)), None, "under a root"),
    ("(" * 201 + "x" + ")" * 201, 201, "nested more than 200"),
    ("(" * 9000, 201, "nested more than 200"),
    ("sin(" * 150 + "x" + ")" * 150, None, "nested too deeply"),
    ("1/(1 + " * 150 + "x" + ")" * 150, None, "nested too deeply"),
    ("abs(x - " * 50 + "y" + ")" * 50, None, "nested too deeply"),
    ("x**" * 3000 + "x", None, "nested too deeply"),
    ("max(x, " + "+".join(f"x**{n % 90}*y**{n // 90}" for n in range(900)) + ")", 4,
     "too many to compare"),
    ("----x", 4, "signs in a row"),
    ("x" + "-" * 5000 + "x", 6, "signs in a row"),
    ("1" * 1001, 1, "1001 digits is too long"),
    ("0." + "1" * 5000, 1, "too long"),
    ("1e999999999", 1, "power of ten"),
    ("1e-999999999", 1, "power of ten"),
    ("1e" + "9" * 5000, 1, "power of ten"),
    ("x⁹⁹⁹⁹⁹⁹⁹⁹⁹", 2, "exponent 999999999 is too large"),
    ("x" + "⁹" * 5000, 2, "too long"),
    ("x\0", 2, "U+0000"),
    ("x\u202e", 2, "U+202E"),
    ("x + €", 5, "'€' is not part"),
    ("٣", 1, "not part"),
    ("\ud800", 1, "U+D800"),
]  # fmt: skip
SENSELESS = [
    ("", 1, "the text is empty"),
    ("   ", 4, "the text is empty"),
    ("x +", 3, "must follow '+', not the end of the text"),
    ("x*", 2, "must follow '*'"),
    ("x**", 2, "must follow '**'"),
    ("-", 1, "must follow '-'"),
    ("*x", 1, "cannot start with '*'"),
    ("x//2", 2, "must follow '/', not '/'"),
    ("²", 1, "cannot start"),
    ("()", 2, "missing"),
    ("max(x,)", 7, "missing"),
    ("(x", 1, "never closed"),
    ("sin(x", 4, "never closed"),
    ("(x))", 4, "never opened"),
    ("x, y", 2, "comma"),
    ("(x, y)", 3, "comma"),
    ("2x", 2, "write 2*x"),
    ("x y", 3, "write x*y"),
    ("2(x)", 2, "write 2*(...)"),
    ("(x)(y)", 4, "write (...)*(...)"),
    ("x(y)", 2, "x is a variable, not a function; for a product write x*(...)"),
    ("pi(y)", 1, "pi is a number, not a function"),
    ("x 2", 3, "write x*2"),
    ("1.2.3", 4, "operator is missing"),
    ("1_000", 2, "operator is missing"),
    ("sin x", 1, "stands in parentheses: sin(...)"),
    ("sin", 1, "stands in parentheses"),
    ("z + 1", 1, "'z' is not a known name. Known names: t, x, y"),
    ("xx", 1, "Did you mean 'x'?"),
    ("tanhh(x)", 1, "Did you mean 'tanh'"),
    ("pow(x, 2)", 1, "Write x**2"),
    ("sin(x, y)", 4, "sin takes 1 argument, not 2"),
    ("max(x)", 4, "max takes 2 to 12 arguments, not 1"),
    ("x = 1", 3, "without an equation"),
    ("|x|", 1, "write abs(...)"),
    ("1/0", 2, "division by zero"),
    ("x/(1 - 1)", 2, "division by zero"),
    ("x/0.0", 2, "division by zero"),
    ("1/(x - x)", 2, "division by zero"),
    ("1/(sin(1)**2 + cos(1)**2 - 1)", 2, "division by zero"),
    ("0**0", 2, "no value"),
    ("0**-1", 2, "no value"),
    ("0⁰", 2, "no value"),
    ("0**x", 2, "no value"),
    ("sqrt(-1)", 5, "not real"),
    ("sqrt(-x**2 - 1)", 5, "not real"),
    ("(-8)**(1/3)", 5, "not real"),
    ("(-2)**x", 5, "not real"),
    ("log(0)", 4, "no real value"),
    ("log(-2)", 4, "no real value"),
    ("ln(x - x)", 3, "no real value"),
    ("tan(pi/2)", 4, "no value"),
    ("sin(10**400)", 4, "past the range of floats"),
]  # fmt: skip
BAD = HOSTILE + SENSELESS


@pytest.mark.parametrize(("text", "column", "reason"), BAD, ids=[repr(b[0][:30]) for b in BAD])
def test_bad_text_gets_an_error_that_names_place_and_reason(
    text: str, column: int | None, reason: str
) -> None:
    with pytest.raises(ParseError) as caught:
        parsed(text)
    head, shown, carets = str(caught.value).split("\n")
    assert reason in head
    assert len(str(caught.value)) < 600
    assert set(carets.strip()) == {"^"}
    if column is not None:
        assert f"column {column}:" in head
    if column is not None and column <= len(text) and text[column - 1].isprintable():
        assert shown[carets.index("^")] == text[column - 1]


@pytest.mark.parametrize("text", ["(" * 1_000_000, "x" * 20_001, "9**" * 500_000])
def test_a_text_too_long_is_refused_unread(text: str) -> None:
    with pytest.raises(ParseError, match=f"{len(text)} characters is too long"):
        parsed(text)


@pytest.mark.parametrize("thing", [None, 3, 0.5, b"x", ["x"], x])
def test_what_is_not_text_is_an_input_error(thing: Any) -> None:
    with pytest.raises(InputError, match=type(thing).__name__):
        parse_expression(thing, SYMBOLS)


def test_an_objective_reads_beale() -> None:
    beale = Objective("(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2", variables="x y")
    first, second = Rational(3, 2) - x + x * y, Rational(9, 4) - x + x * y**2
    assert beale.expression == first**2 + second**2
    assert beale.expression.subs({x: 3, y: Rational(1, 2)}) == 0


# Random expression trees: ("number", text) | ("name", text) | (operation, part, ...).
Tree = tuple[Any, ...]
NUMBERS = st.one_of(
    st.integers(0, 30).map(str),
    st.tuples(st.integers(0, 9), st.integers(0, 99)).map(lambda p: f"{p[0]}.{p[1]:02d}"),
    st.tuples(st.integers(1, 9), st.integers(-3, 2)).map(lambda p: f"{p[0]}e{p[1]}"),
)
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.one_of(
        st.sampled_from([("name", "x"), ("name", "y")]), NUMBERS.map(lambda n: ("number", n))
    ),
    lambda part: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "max", "min"]), part, part),
        st.tuples(st.sampled_from(["neg", "abs", "sign"]), part),
        st.tuples(st.just("**"), part, st.integers(-3, 4)),
    ),
    max_leaves=10,
)
EVALUATE: dict[str, Callable[..., Fraction]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
    "/": lambda a, b: a / b, "max": max, "min": min, "neg": lambda a: -a, "abs": abs,
    "sign": lambda a: Fraction((a > 0) - (a < 0)),
}  # fmt: skip


def value(tree: Tree, point: dict[str, Fraction]) -> Fraction:
    kind, *parts = tree
    if kind == "number":
        return Fraction(parts[0])
    if kind == "name":
        return point[parts[0]]
    if kind == "**":
        base = value(parts[0], point)
        if base == 0 and parts[1] <= 0:
            raise ZeroDivisionError
        return base ** parts[1]
    return EVALUATE[kind](*(value(part, point) for part in parts))


def growth(tree: Tree) -> int:
    """How high powers of powers, and how deep abs and max, pile up."""
    kind, *parts = tree
    below = max((growth(part) for part in parts if isinstance(part, tuple)), default=1)
    if kind == "**":
        return below * max(1, abs(parts[1]))
    return below + (kind in ("abs", "sign", "max", "min"))


def printed(tree: Tree, style: random.Random, least: int = 1) -> str:
    """The tree as text with as few parentheses as the grammar allows, and some more by chance."""
    kind, *parts = tree
    space = style.choice(["", " "])
    level = {"+": 1, "-": 1, "*": 2, "/": 2, "neg": 3, "**": 4}.get(kind, 5)
    if kind in ("number", "name"):
        text = parts[0]
    elif kind in ("abs", "sign", "max", "min"):
        text = f"{kind}({', '.join(printed(part, style) for part in parts)})"
    elif kind == "neg":
        text = style.choice("-−") + printed(parts[0], style, 4)
    elif kind == "**":
        sign_and_size = str(parts[1])
        base = printed(parts[0], style, 5)
        superscript = sign_and_size.translate(str.maketrans("-01234", "⁻⁰¹²³⁴"))
        text = base + style.choice(["**" + sign_and_size, "^" + sign_and_size, superscript])
    else:
        symbol = style.choice({"*": "*·×", "-": "-−"}.get(kind, kind))
        left, right = printed(parts[0], style, level), printed(parts[1], style, level + 1)
        text = f"{left}{space}{symbol}{space}{right}"
    return f"({text})" if level < least or style.random() < 0.1 else text


COORDINATE = st.fractions(-5, 5, max_denominator=7)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES, COORDINATE, COORDINATE, st.integers(0, 2**32))
def test_a_printed_tree_is_parsed_to_the_same_function(
    tree: Tree, at_x: Fraction, at_y: Fraction, seed: int
) -> None:
    assume(growth(tree) <= 12)
    try:
        expected = value(tree, {"x": at_x, "y": at_y})
    except ZeroDivisionError:
        assume(False)
    text = printed(tree, random.Random(seed))
    point = {x: Rational(at_x.numerator, at_x.denominator),
             y: Rational(at_y.numerator, at_y.denominator)}  # fmt: skip
    found = parsed(text).subs(point, simultaneous=True)
    assert Fraction(int(found.p), int(found.q)) == expected, text


def height(expression: sympy.Basic) -> int:
    return 1 + max(map(height, expression.args), default=0)


def only_refuses(text: str) -> None:
    try:
        found = parsed(text)
    except ParseError:
        return
    assert isinstance(found, sympy.Expr)
    assert found.free_symbols <= {x, y, t}
    assert not found.has(sympy.I, sympy.nan, sympy.zoo, sympy.oo, sympy.Float)
    numbers = found.atoms(Rational)
    assert all(max(abs(n.p), n.q) < 2**MAX_NUMBER_BITS for n in numbers)
    assert height(found) <= MAX_HEIGHT


PIECES = [
    "x", "y", "t", "e", "pi", "2", "0", "1", "0.5", "9", "1e3", "1e999", "10**9", "+", "-", "*",
    "/", "**", "^", "(", ")", "(", ")", ",", "²", "³", "⁻¹", "·", "−", "sqrt(", "exp(", "log(",
    "sin(", "tan(", "atan(", "tanh(", "cosh(", "abs(", "sign(", "max(", "min(", "__", ".", " ",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_sequence_of_words_is_read_or_refused(text: str) -> None:
    only_refuses(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    only_refuses(text)


FORMULAS = st.recursive(
    st.sampled_from(["x", "y", "t", "e", "pi", "0", "2", "0.5", "9", "1e3", "10**9"]),
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from(["+", "-", "*", "/", "**"]), part).map(
            lambda p: f"({p[0]}){p[1]}({p[2]})"
        ),
        st.tuples(
            st.sampled_from([name for name, (least, _) in ARITIES.items() if least == 1]), part
        ).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["max", "min"]), part, part).map(
            lambda p: f"{p[0]}({p[1]}, {p[2]})"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(FORMULAS)
def test_any_well_formed_formula_is_read_or_refused(text: str) -> None:
    only_refuses(text)
