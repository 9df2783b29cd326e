"""Certificates prove what they say, by SymPy alone, and fail when a rule in them is altered."""

import contextlib
import io
import re
import subprocess
import sys
from fractions import Fraction
from itertools import combinations

import pytest
import sympy

import symopt
from symopt.statement.symbols import eta, g, grad, m, t, where, x
from symopt.verification import prove as prove_module
from symopt.verification.certificates.checker import Reals, prove
from symopt.verification.certificates.linear_script import linear_script

SOURCE = symopt.Source("kingma2015adam", "changed for a test")


def run(text):
    """What a certificate prints when it is run inside this process."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, "certificate", "exec"), {"__name__": "certificate"})
    return printed.getvalue()


def holds(claim, **inputs):
    """Whether the checker proves one claim about these inputs."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            prove("claim", lambda R: [("claim", claim(R, *map(R.inputs, inputs)))], inputs)
    except AssertionError:
        return False
    return True


# Certificates of proofs


@pytest.mark.parametrize(
    ("first", "second"),
    [("momentum", "heavy_ball"), ("adamw", "adamw_optax"), ("nesterov_pytorch", "nesterov_bengio")],
)
def test_a_certificate_runs_by_itself(first, second, tmp_path):
    text = symopt.prove(first, second).certificate
    assert "import symopt" not in text
    path = tmp_path / "certificate.py"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "every later step: " in done.stdout


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("adam", "adam_epsilon_hat"),  # a map with a root of a power
        ("amsgrad_pytorch", "amsgrad_keras"),  # a maximum
        ("adagrad_keras", "adagrad_optax"),  # an if-then-else
    ],
)
def test_maps_maxima_and_branches_are_certified(first, second):
    verdict = symopt.prove(first, second)
    assert verdict.status == "proved"
    assert "every later step: " in run(verdict.certificate)


def test_a_rule_that_looks_at_several_coordinates_is_certified_in_two_and_three():
    clipped = symopt.rules.gradient_descent_clipped
    printed = run(symopt.prove(clipped, "gradient_descent_clipped").certificate)
    assert "the first step in 2 coordinates" in printed
    assert "every later step in 3 coordinates" in printed


def test_absolute_values_and_signs_are_certified_by_cases():
    plain = symopt.rules.gradient_descent
    lines = [(m, sympy.sign(g) * g), (m, sympy.Abs(g)), (m, where(g < 0, -g, g))]
    rules = [
        plain.variant(
            f"Size {number}", source=SOURCE, update=[(g, grad(x)), line, (x, x - eta * m)]
        )
        for number, line in enumerate(lines)
    ]
    for one, other in combinations(rules, 2):
        assert " in 3 cases" in run(symopt.prove(one, other).certificate)


def test_a_proof_by_cayley_and_hamilton_is_certified_and_fails_when_altered(monkeypatch):
    monkeypatch.setattr(prove_module, "_induction", lambda first, second: None)
    prove_module._prove.cache_clear()
    try:
        verdict = symopt.prove("momentum_buffer", "heavy_ball")
    finally:
        prove_module._prove.cache_clear()
    assert "Cayley" in verdict.reason
    printed = run(verdict.certificate)
    assert "momentum_buffer is linear: 3 identities hold" in printed
    assert "the first 5 steps: 10 identities hold" in printed
    rules = verdict.certificate.index("def momentum_buffer_start")
    for old, new in [("mu * ", "mu + "), (" - eta", " + eta")]:
        place = verdict.certificate.index(old, rules)
        text = verdict.certificate[:place] + new + verdict.certificate[place + len(old) :]
        with pytest.raises(AssertionError, match="not proved"):
            run(text)


def test_a_rule_that_changes_with_the_step_is_not_certified_as_linear():
    late = symopt.rules.gradient_descent.variant(
        "Late", {x: x - eta * where(t > 20, 2 * g, g)}, source=SOURCE
    )
    with pytest.raises(AssertionError):
        run(linear_script(symopt.rules.gradient_descent, late, ""))


def test_what_is_not_proved_has_no_certificate():
    verdict = symopt.prove("adam", "adamw")
    assert not verdict.certificate
    assert not verdict.certificates
    assert verdict.no_certificates["sympy"] == verdict.reason


def test_a_certificate_says_what_it_proves_and_assumes():
    text = symopt.prove("adam", "adam_epsilon_hat").certificate
    head = " ".join(text.split('"""')[1].split())
    assert "adam_epsilon_hat.epsilon = epsilon*sqrt(1 - beta2**t)" in head
    assert "wherever both rules are defined" in head
    assert "by induction on t" in head


def mutants(text):
    """The certificate with one operator of one of its rules' lines exchanged."""
    start = text.index("\ndef ", text.index("def prove("))
    end = text.index("def first_step")
    for found in re.finditer(r" ([-+*/]) ", text[start:end]):
        other = {"-": "+", "+": "-", "*": "+", "/": "*"}[found[1]]
        place = start + found.start(1)
        yield text[:place] + other + text[place + 1 :]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("momentum", "heavy_ball"),
        ("nesterov_keras", "nesterov_buffer"),
        ("momentum", "momentum_buffer"),
    ],
)
def test_a_certificate_fails_when_any_operator_of_a_rule_is_altered(first, second):
    altered = list(mutants(symopt.prove(first, second).certificate))
    assert len(altered) > 5
    for text in altered:
        with pytest.raises(AssertionError, match="not proved"):
            run(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [("adam", "adam_epsilon_hat"), ("amsgrad_pytorch", "amsgrad_keras")],
)
def test_a_certificate_with_roots_fails_when_any_operator_is_altered(first, second):
    altered = list(mutants(symopt.prove(first, second).certificate))
    assert len(altered) > 20
    for text in altered:
        with pytest.raises(AssertionError):
            run(text)


@pytest.mark.study
def test_every_proof_within_a_family_has_a_certificate():
    """All pairs of all families; proofs under conditions on hyperparameters have none."""
    families = {}
    for name, rule in symopt.rules.items():
        families.setdefault(rule.family or name, []).append(name)
    missing, count = {}, 0
    for names in families.values():
        for first, second in combinations(names, 2):
            verdict = symopt.prove(first, second)
            if verdict.status == "proved" and not verdict.conditions:
                count += 1
                if not verdict.certificate:
                    missing[first, second] = verdict.no_certificates
    assert count >= 70
    assert not missing


# The checker by itself


def test_the_root_of_a_square_is_the_absolute_value_and_not_the_number():
    assert holds(lambda R, a: R.same(R.sqrt(a * a), R.absolute(a)), a="real")
    assert not holds(lambda R, a: R.same(R.sqrt(a * a), a), a="real")
    assert holds(lambda R, a: R.same(R.sqrt(a * a), a), a="nonnegative")


def test_a_root_is_split_only_where_that_is_allowed():
    def split(R, a, b):
        return R.same(R.sqrt(a * b), R.sqrt(a) * R.sqrt(b))

    def joined(R, a, b):
        return R.same(R.sqrt(a * b) * R.sqrt(a * b), a * b)

    assert holds(split, a="positive", b="real")
    assert holds(joined, a="real", b="real")
    assert not holds(lambda R, a, b: R.same(R.sqrt(a * a * b), a * R.sqrt(b)), a="real", b="real")


def test_a_bias_correction_is_positive_below_one_and_unknown_beyond():
    def positive(R, b, t):
        return R.positive(1 - b**t)

    assert holds(positive, b="nonnegative, below 1", t="counter from 2")
    assert not holds(positive, b="nonnegative", t="counter from 2")


def test_powers_multiply():
    inputs = {"b": "real", "t": "counter from 2"}
    assert holds(lambda R, b, t: R.same(b ** (2 * t + 1), b**t * b**t * b), **inputs)
    assert not holds(lambda R, b, t: R.same(b ** (2 * t + 1), b**t * b * b), **inputs)


def test_the_larger_of_two_is_one_of_them():
    def middle(R, a, b):
        return R.same(R.maximum(a, b) + R.minimum(a, b), a + b)

    assert holds(middle, a="real", b="real")
    assert not holds(lambda R, a, b: R.same(R.maximum(a, b), a), a="real", b="real")


def test_what_is_undefined_for_all_inputs_is_not_proved():
    assert not holds(lambda R, a: R.same(1 / (a - a), 1 / (a - a)), a="real")
    assert not holds(lambda R, a: R.same(1 / (R.sqrt(a) ** 2 - a), a), a="positive")
    assert not holds(lambda R, a: R.same(R.sqrt(-1 - a * a), a), a="real")


def test_a_branch_that_is_not_taken_may_be_undefined():
    def quotient(R, a):
        return R.same(a / a if a != 0 else 1, 1)

    assert holds(quotient, a="real")


def test_unknown_functions_are_equal_for_equal_arguments_alone():
    inputs = {"a": "real", "b": "real"}

    def value(R, a):
        return R.function("exp", a, known="positive")

    assert holds(lambda R, a, b: R.same(value(R, a + b), value(R, b + a)), **inputs)
    assert not holds(lambda R, a, b: R.same(value(R, a), value(R, b)), **inputs)


def test_floats_never_enter_a_certificate():
    reals = Reals({"a": "real"}, {}, frozenset(), 1)
    with pytest.raises(AssertionError, match="exact"):
        reals.number(0.5)
    assert reals.same(reals.number(Fraction(1, 2)) * 2, 1)
