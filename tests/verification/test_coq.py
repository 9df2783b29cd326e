"""Coq accepts the files that are made for it, rests them on the reals alone, and refuses errors."""

import re
import shutil
import subprocess

import pytest

import symopt
from symopt.statement.symbols import eta
from symopt.verification.certificates.coq import UnfitError, coq_file
from symopt.verification.relation import proved_always

COQC = shutil.which("coqc")
compiled = pytest.mark.skipif(COQC is None, reason="coqc is not installed (Debian: coq)")
#: The axioms on which Coq's real numbers rest.
AXIOMS = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
}


def compile_text(text, folder):
    path = folder / "certificate.v"
    path.write_text(text, encoding="utf-8")
    return subprocess.run(
        [COQC, path.name], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


def axioms(printed):
    """The axioms in what ``Print Assumptions`` has printed."""
    found = set(re.findall(r"^([\w.]+)\s*:", printed.split("Axioms:")[1], flags=re.MULTILINE))
    found |= set(re.findall(r"^([\w.]+)$", printed, flags=re.MULTILINE))
    assert found
    return found


def text_of(first, second):
    return symopt.prove(first, second).certificates["coq"]


@compiled
@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("momentum", "heavy_ball"),
        ("momentum_buffer", "momentum_ema"),  # a map and a relation with divisors
        ("momentum", "momentum_pytorch"),  # another first step
        ("nesterov_keras", "nesterov_pytorch"),
        ("adamw", "adamw_optax"),
        ("adam", "adam_epsilon_hat"),  # the folded learning rate, with its map
        ("adadelta", "adadelta_pytorch"),
    ],
)
def test_coq_accepts_the_proof_and_rests_it_on_the_axioms_of_the_reals(first, second, tmp_path):
    done = compile_text(text_of(first, second), tmp_path)
    assert done.returncode == 0, done.stderr
    assert axioms(done.stdout) <= AXIOMS


@compiled
@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "old", "new"),
    [
        ("momentum", "heavy_ball", "mu * v - eta * g", "mu * v + eta * g"),
        ("adam", "adam_epsilon_hat", "epsilon * u", "2 * epsilon * u"),
        ("adam", "adam_epsilon_hat", "g * (1 - beta1)", "g * (1 + beta1)"),
    ],
)
def test_coq_refuses_an_altered_rule(first, second, old, new, tmp_path):
    text = text_of(first, second)
    name = first if f"Definition {first}_step" in text and old in _step(text, first) else second
    step = _step(text, name)
    assert old in step, step
    done = compile_text(text.replace(step, step.replace(old, new)), tmp_path)
    assert done.returncode != 0
    assert "Error" in done.stderr


def _step(text, name):
    """The definition of a rule's step."""
    start = text.index(f"Definition {name}_step")
    return text[start : text.index("\n\n", start)]


def test_the_theorem_speaks_of_all_steps_and_of_where_both_rules_are_defined():
    text = text_of("adam", "adam_epsilon_hat")
    theorem = text[text.index("Theorem equal") :]
    assert "adam_defined (S k)" in theorem
    assert "adam_epsilon_hat_defined (S k)" in theorem
    assert "forall n, adam_epsilon_hat_x (adam_epsilon_hat_run x n) = adam_x" in theorem
    assert "Admitted" not in text
    assert "Axiom" not in text


def test_a_divisor_of_the_relation_that_may_vanish_is_a_hypothesis():
    rules = symopt.rules
    v, b = (next(iter(rule.state)) for rule in (rules.momentum, rules.momentum_buffer))
    divided = proved_always(rules.momentum, rules.momentum_buffer, {b: -v / eta})
    assert "Hypothesis divisor0 : eta <> 0." in coq_file(divided, "")
    assert "Hypothesis divisor" not in text_of("momentum_ema", "momentum_buffer")  # 1 - beta > 0


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ("amsgrad_pytorch", "amsgrad_keras", "max"),
        ("gradient_descent_clipped", "gradient_descent_clipped", "several coordinates"),
    ],
)
def test_a_proof_that_does_not_fit_says_why(first, second, word):
    verdict = symopt.prove(first, second)
    assert "coq" not in verdict.certificates
    assert word in verdict.no_certificates["coq"]
    with pytest.raises(UnfitError, match=word):
        coq_file(verdict.proof.equalities[0], "")


def test_names_of_rules_and_symbols_cannot_end_the_comment():
    text = coq_file(symopt.prove("momentum", "heavy_ball").proof.equalities[0], 'a *) "b (* c')
    head = text[: text.index("Require")]
    assert head.count("(*") == head.count("*)") == 1
