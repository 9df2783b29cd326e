"""z3 finds no counterexample to what is proved, and one to what is refuted."""

import subprocess
import sys

import pytest

import symopt
from symopt.errors import MissingExtraError, SymoptError
from symopt.statement.symbols import eta, g, sqrt, x
from symopt.verification import prove as prove_module
from symopt.verification.smt import CrossCheck, cross_check

pytestmark = pytest.mark.frameworks
pytest.importorskip("z3", reason="z3-solver is not installed")
SOURCE = symopt.Source("kingma2015adam", "changed for a test")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("momentum", "heavy_ball"),
        ("momentum_buffer", "momentum_ema"),  # a map with a divisor
        ("nesterov_keras", "nesterov_buffer"),
        ("adam", "adam_epsilon_hat"),  # roots
        ("adagrad_keras", "adagrad_optax"),  # an if-then-else
    ],
)
def test_z3_finds_no_counterexample_to_a_proof(first, second):
    verdict = symopt.prove(first, second, smt=True)
    assert verdict.status == "proved"
    for steps, line in enumerate(verdict.cross_checks, start=1):
        assert line.endswith(f"no counterexample for k = {steps}")
    assert "cross-check: z3" in str(verdict)


@pytest.mark.parametrize(
    ("first", "second", "step"),
    [("momentum", "gradient_descent", 2), ("adam", "adam_epsilon_inside", 1), ("adam", "adamw", 1)],
)
def test_z3_finds_a_counterexample_to_what_is_refuted_at_the_same_step(first, second, step):
    rules = symopt.rules[first], symopt.rules[second]
    assert symopt.prove(first, second).step == step
    for steps in range(1, step):
        assert cross_check(*rules, steps).answer == "unsat"
    found = cross_check(*rules, step)
    assert found.answer == "sat"
    assert "eta = " in found.point


def test_a_root_is_the_nonnegative_one():
    plain = symopt.rules.gradient_descent
    size = plain.variant("Root of the square", {x: x - eta * sqrt(g**2)}, source=SOURCE)
    assert cross_check(plain, size).answer == "sat"


def test_what_z3_cannot_be_asked_says_so():
    found = cross_check(symopt.rules.adafactor, symopt.rules.adafactor)
    assert found.answer == "not posed"
    assert "pow" in str(found)


def test_a_timeout_is_reported_and_confirms_nothing():
    rules = symopt.rules.adadelta, symopt.rules.adadelta_mxnet
    found = cross_check(*rules, 2, timeout=1)
    assert found.answer == "unknown"
    assert "undecided" in str(found)


def test_a_counterexample_to_a_proof_asks_to_be_reported(monkeypatch):
    def contradicted(first, second, steps, **options):
        return CrossCheck("5", steps, "sat", point="eta = 1")

    monkeypatch.setattr(prove_module, "cross_check", contradicted)
    with pytest.raises(SymoptError, match="report"):
        symopt.prove("momentum", "heavy_ball", smt=True)


def test_without_z3_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(MissingExtraError, match=r"symopt\[smt\]"):
        cross_check(symopt.rules.momentum, symopt.rules.heavy_ball)


def test_the_command_line_asks_z3():
    command = [sys.executable, "-m", "symopt", "prove", "momentum", "heavy_ball", "--smt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "no counterexample for k = 2" in done.stdout
