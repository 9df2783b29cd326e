"""A derivation says what the program computes, exactly, and can be handed out as it is."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from flint import arb, fmpq
from typesetting import compiled, complaints

import symopt
from symopt.errors import InputError, SymoptError, UnknownNameError
from symopt.execution.arithmetic import precision
from symopt.presentation.figures import figure
from symopt.presentation.worked import exact_value, work
from symopt.statement.rule import Rule
from symopt.statement.source import Reference, Source
from symopt.statement.symbols import eta, g, grad, norm, t, x

OWN = Source("own", "here", reference=Reference("own", "Own", "Own, Ada", 2024))
START = (Fraction(2), Fraction(3))


def as_ball(value: object) -> arb:
    if isinstance(value, (int, Fraction)):
        return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))
    assert isinstance(value, arb)
    return value


def near(a: object, b: object) -> bool:
    """The two enclosures overlap and are both tight."""
    with precision(512):
        return _near(a, b)


def _near(a: object, b: object) -> bool:
    first, second = as_ball(a), as_ball(b)
    wide = max(first.rad(), second.rad()) > abs(first.mid()) * arb(2) ** -60 + arb(2) ** -200
    return bool(first.overlaps(second)) and not wide


@pytest.mark.parametrize("name", list(symopt.rules))
def test_steps_worked_by_hand_are_the_steps_that_are_run(name: str) -> None:
    rule, cubic = symopt.rules[name], symopt.objectives.cubic
    try:
        reference = symopt.run(rule, cubic, START, 3, "rational", mode="auto")
    except SymoptError as error:
        with pytest.raises(type(error)):
            work(rule, cubic, START, rule.bind({}), 3)
        return
    for step in work(rule, cubic, START, rule.bind({}), 3):
        for mine, theirs in zip(step.point, reference.x[step.number], strict=True):
            if isinstance(mine, Fraction) and isinstance(theirs, Fraction):
                assert mine == theirs
            else:
                assert near(mine, theirs)


@pytest.mark.parametrize("name", list(symopt.rules))
def test_every_rule_is_derived_in_latex_and_text(name: str) -> None:
    document = symopt.derive(name, "cubic", steps=1)
    source = document.latex()
    assert source.count(r"\begin{") == source.count(r"\end{")
    assert source.count(r"\left") == source.count(r"\right")
    assert r"\gets" in source
    assert document.text()


@pytest.mark.parametrize("name", list(symopt.objectives))
def test_every_objective_is_derived(name: str) -> None:
    document = symopt.derive("momentum", name, steps=2)
    assert "critical points" in document.text()
    assert document.references[0] == symopt.rules.momentum.source


def test_two_steps_of_adam_on_beale_by_other_means() -> None:
    text = symopt.derive("adam", "beale", steps=2).text(200)
    assert "(3/2 - x₁ + x₁ x₂)² + (9/4 - x₁ + x₁ x₂²)² + (21/8 - x₁ + x₁ x₂³)²" in text
    # Worked with pencil and paper: the gradient at (1, 3/2) is (69/2, 185/2).
    assert "≈ 69/2" not in text
    assert "= 69/2" in text
    assert "= 185/2" in text
    first = Fraction(1) - Fraction(1, 1000) * Fraction(69, 2) / (
        Fraction(69, 2) + Fraction(1, 10**8)
    )
    assert figure(first, 12).text.text == "0.99900000000029"
    assert "0.99900000000029" in text


def test_momentum_on_the_half_square_in_closed_form() -> None:
    text = symopt.derive("momentum", "half_square", steps=2, eta="1/100").text()
    assert "x₂ = x₀ - η (1 + μ) g₁ - η g₂" in text
    assert "w₁ = (1 - η) w₀" in text
    assert "0.9711" in text  # 9711/10000, the number of the notes


def test_a_tiny_number_is_never_printed_as_zero() -> None:
    text = symopt.derive("adagrad", "half_square", x0=["1"], eta="1/100", epsilon="1e-10").text()
    assert "ε = 10⁻¹⁰" in text
    assert "0.000 " not in text
    assert "0.9900000000009999999999" in text or "0.990000000001" in text


@pytest.mark.parametrize(
    ("rule", "objective", "steps"),
    [
        ("adam", "beale", 2),
        ("nesterov", "rosenbrock", 2),
        ("momentum", "half_square", 3),
        ("adadelta", "goldstein_price", 1),
        ("heavy_ball", "six_hump_camel", 2),
        ("rmsprop_graves", "ackley", 2),
        ("gradient_descent", "rosenbrock[6]", 1),
    ],
)
def test_a_derivation_compiles_without_a_warning(
    rule: str, objective: str, steps: int, tmp_path: Path
) -> None:
    start = ["1/2"] * 6 if objective.endswith("[6]") else None
    document = symopt.derive(rule, objective, steps=steps, x0=start)
    assert complaints(compiled(document, tmp_path)) == []


def test_an_objective_and_a_rule_of_ones_own(tmp_path: Path) -> None:
    rule = Rule(
        "Normalized & 100% own_rule – Größe β", OWN, {eta: 1 / t}, {},
        [(g, grad(x)), (x, x - eta * g / norm(g))],
    )  # fmt: skip
    objective = symopt.Objective("exp(θ*0.1) + (w0 - θ)^4", variables="w0 θ", title="A_b $ \\x")
    document = symopt.derive(rule, objective, x0=("1", "2"))
    assert "ηₜ = 1/t" in document.text()
    assert complaints(compiled(document, tmp_path)) == []


def test_a_root_too_wide_for_the_page_is_named_and_not_cut_off(tmp_path: Path) -> None:
    terms = " + ".join(f"({k}/7 - x*y + {k}*x^2 - y^{k})^2" for k in range(2, 7))
    objective = symopt.Objective(f"sqrt(1 + {terms})/(3 + {terms})", variables="x y", title="Wide")
    document = symopt.derive("momentum", objective, steps=1, x0=("1/3", "1/5"))
    assert re.search(r"A₁ +=", document.text(200))
    assert complaints(compiled(document, tmp_path)) == []


def test_a_step_without_a_value_is_said_and_not_hidden() -> None:
    rule = Rule("Reciprocal", OWN, {eta: 1}, {}, [(g, grad(x)), (x, x - eta / g)])
    text = symopt.derive(rule, "half_square", x0=["0"]).text()
    assert "no values here" in text
    assert "division by zero" in text


@pytest.mark.parametrize("steps", [0, -1, 51, True, 1.5, "2"])
def test_a_number_of_steps_that_is_none_is_refused(steps: object) -> None:
    with pytest.raises(InputError, match="steps"):
        symopt.derive("adam", "beale", steps=steps)  # type: ignore[arg-type]


def test_unknown_names_and_unusable_starts_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="adam"):
        symopt.derive("adm", "beale")
    with pytest.raises(UnknownNameError, match="eta"):
        symopt.derive("adam", "beale", eat=1)
    with pytest.raises(InputError, match="2 variables"):
        symopt.derive("adam", "beale", x0=["1"])
    with pytest.raises(InputError, match="nan"):
        symopt.derive("adam", "beale", x0=[float("nan"), 1])


@pytest.mark.parametrize(
    ("value", "printed", "exact"),
    [
        (Fraction(3, 2), "3/2", True),
        (Fraction(-69, 20), "-69/20", True),
        (Fraction(1, 10**10), "10⁻¹⁰", True),
        (Fraction(9711, 10**4), "0.9711", True),
        (Fraction(1, 3**40), "8.225263340·10⁻²⁰", False),
        (Fraction(10**20 + 1, 10**20), "1.00000000000000000001", False),
        (0, "0", True),
    ],
)
def test_numbers_in_print(value: Fraction, printed: str, exact: bool) -> None:
    shown = figure(value)
    assert shown.exact is exact
    if exact:
        assert shown.text.text == printed
    else:
        assert shown.text.text.rstrip("0") == printed.rstrip("0")


def test_a_value_is_a_fraction_as_long_as_it_is_rational() -> None:
    root = sympy.sqrt(x)
    assert exact_value(root, {x: Fraction(9, 4)}) == Fraction(3, 2)
    irrational = exact_value(root, {x: Fraction(2)})
    assert isinstance(irrational, arb)
    assert irrational.contains(arb(2).sqrt().mid()) or irrational.overlaps(arb(2).sqrt())
