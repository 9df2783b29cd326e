"""The interactive page: its printed code is the kernel, and the page is one safe offline file."""

import html
import json
import re
from fractions import Fraction

import html5lib
import pytest
from printed import (
    NODE,
    by_kernel_with_rounded_powers,
    by_run,
    cases_for,
    dice,
    in_node,
)

import symopt
from symopt import InputError, UnknownNameError
from symopt.presentation.explore import OFFERED, explore
from symopt.presentation.sliders import decimal_text, scale
from symopt.program.printers import javascript

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
ALGEBRAIC = (
    "beale", "booth", "cubic", "goldstein_price", "himmelblau", "matyas", "weighted_squares",
    "elongated_bowl", "rosenbrock", "saddle", "six_hump_camel", "styblinski_tang",
    "three_hump_camel",
)  # fmt: skip


def compare(page, cases, answers):
    """Equal bits where all operations are exact; with rounded powers where b**t is all else."""
    inexact = {code.rule.name: code.inexact for code in page.codes}
    compared = dict.fromkeys(inexact, 0)
    for case, rows in zip(cases, answers, strict=True):
        what = inexact[case["name"]]
        if not what:
            assert rows == by_run(page, case), case
        elif what == (javascript.WHOLE_POWERS,):
            expected = by_kernel_with_rounded_powers(page, case)
            assert [row[:-1] for row in rows[1:]] == expected, case
        else:
            continue
        compared[case["name"]] += 1
    return compared


@needs_node
def test_printed_rules_compute_the_kernels_numbers_bit_for_bit():
    page = explore("beale")
    cases = cases_for(page, dice(1), count=4, steps=50)
    compared = compare(page, cases, in_node(page.code, cases))
    assert {name for name, count in compared.items() if count < 4} == {"nadam"}


@needs_node
@pytest.mark.slow
@pytest.mark.parametrize("objective", ALGEBRAIC)
def test_printed_rules_compute_the_kernels_numbers_on_every_algebraic_objective(objective):
    page = explore(objective)
    cases = cases_for(page, dice(2), count=3, steps=60)
    compared = compare(page, cases, in_node(page.code, cases))
    assert {name for name, count in compared.items() if count < 3} == {"nadam"}


@needs_node
@pytest.mark.slow
def test_every_rule_of_the_catalogue_without_transcendental_functions_is_equal_bit_for_bit():
    page = explore("styblinski_tang", rules=tuple(symopt.rules))
    plain = [code for code in page.codes if not code.inexact]
    assert len(plain) > 80
    cases = [
        case
        for case in cases_for(page, dice(3), count=2, steps=30)
        if case["name"] in {code.rule.name for code in plain}
    ]
    compared = compare(page, cases, in_node(page.code, cases))
    assert sum(compared.values()) == 2 * len(plain)


@needs_node
def test_powers_with_real_exponents_stay_within_a_few_last_digits():
    """NAdam's momentum schedule is 0.96**(t/250): left to the libraries, and it says so."""
    page = explore("booth", rules=("nadam",))
    assert "powers with real exponents" in page.agreement
    case = {"name": "nadam", "start": ["1", "2"], "steps": 100,
            "hyper": ["0.05", "0.9", "0.999", "1e-8", "0.004"]}  # fmt: skip
    (rows,) = in_node(page.code, [case])
    exact = symopt.run("nadam", "booth", case["start"], 100, "ball", eta=0.05, beta1=0.9,
                       beta2=0.999, epsilon=1e-8, psi=0.004)  # fmt: skip
    for row, point in zip(rows, exact.x, strict=True):
        for bits, coordinate in zip(row[:2], point, strict=True):
            number = Fraction(
                *__import__("struct").unpack(">d", bytes.fromhex(bits))[0].as_integer_ratio()
            )
            assert abs(float(number) - float(coordinate.mid())) < 1e-12


def test_the_page_is_one_valid_file_that_loads_nothing():
    page = explore("beale")
    text = page.html()
    assert len(text.encode()) < 300_000
    html5lib.HTMLParser(strict=True).parse(text)
    addresses = set(re.findall(r"\w+://[^\s\"'<)]*", text))
    assert addresses <= {"http://www.w3.org/1998/Math/MathML"}
    assert " style=" not in text
    assert " onclick" not in text
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert html.unescape(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_critical_points_are_embedded_with_kind_and_value():
    points = explore("beale", rules=("momentum",)).data["objective"]["points"]
    assert [point["kind"] for point in points] == ["minimum", "saddle", "saddle"]
    assert [point["x"] for point in points if point["x"] != points[1]["x"]] == [[3, 0.5], [0, 1]]
    assert [point["value"] for point in points][::2] == [0, 14.203125]
    assert points[0]["text"] == "(3, 1/2), f = 0"


def test_where_no_exact_critical_points_are_known_the_page_says_whose_they_are():
    data = explore("ackley", rules=("momentum",)).data["objective"]
    assert [point["kind"] for point in data["points"]] == ["minimum"]
    assert "not derived" in data["origin"]
    assert "exp, cos" in explore("ackley", rules=("momentum",)).agreement


def test_without_a_window_the_map_holds_the_critical_points():
    objective = symopt.Objective("(x - 40)**2 + (y + 7)**2", variables="x y")
    data = explore(objective, rules=("momentum",)).data["objective"]
    assert data["window"] == ((38, 42), (-9, -5))
    assert all(
        low < float(text) < high
        for text, (low, high) in zip(data["start"], data["window"], strict=True)
    )


def test_text_of_users_is_data():
    objective = symopt.Objective("x**2 + y**2", variables="x y", title="</script><b>&", name="own")
    text = explore(objective, rules=("momentum",)).html()
    assert "</script><b>" not in text
    assert text.count("</script>") == 2
    html5lib.HTMLParser(strict=True).parse(text)


@pytest.mark.parametrize(
    ("objective", "rules", "told"),
    [
        ("half_square", ("momentum",), "half_square has 1 variable"),
        ("beale", (), "at least one rule"),
        ("beale", ("adam", "adam"), "two rules named 'adam'"),
    ],
)
def test_what_a_page_cannot_show_is_refused(objective, rules, told):
    with pytest.raises(InputError, match=told):
        explore(objective, rules)


def test_an_unknown_rule_is_refused_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="momentum"):
        explore("beale", ("momentun",))


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"page\.html"):
        explore("saddle", ("momentum",)).save(tmp_path / "page.pdf")


def test_opening_learning_rates_come_lowest_and_the_defaults_stay_where_there_is_no_minimum():
    data = explore("beale", ("momentum",)).data
    (rate,) = data["rules"][0]["opens"].values()
    reached = {
        eta: symopt.run("momentum", "beale", steps=data["steps"], eta=eta).values[-1]
        for eta in ("1", "0.1", "0.01", "0.001", "0.0001")
    }
    assert reached[rate] == min(value for value in reached.values() if value == value)
    assert explore("saddle", ("momentum",)).data["rules"][0]["opens"] == {}


@pytest.mark.parametrize("name", OFFERED)
def test_sliders_cover_the_defaults(name):
    for entry in symopt.rules.resolve(name).parameters:
        ends = scale(entry)
        default = float(entry.default)
        if ends["kind"] == "log":
            inside = default == 0 or 10.0 ** ends["low"] <= default <= 10.0 ** ends["high"]
        elif ends["kind"] == "decay":
            inside = abs(default) <= 1 - 10.0 ** -ends["high"]
        else:
            inside = ends["low"] <= default <= ends["high"]
        assert inside, entry


def test_decimals_of_the_page_are_the_floats_of_the_kernel():
    for value in (Fraction(1, 3), Fraction(1, 10), Fraction(10) ** 22, Fraction(-7, 2)):
        assert float(decimal_text(value)) == value.numerator / value.denominator


def test_the_command_writes_the_page_and_says_what_is_equal(tmp_path):
    from click.testing import CliRunner

    from symopt.cli import main

    target = tmp_path / "page.html"
    done = CliRunner().invoke(
        main,
        ["explore", "saddle", "--rule", "momentum", "--rule", "adam", "-o", str(target), "--json"],
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {"file": str(target), "rules": ["momentum", "adam"], "bit_for_bit": ["momentum"]}
    assert target.read_text("utf-8").startswith("<!DOCTYPE html>")
