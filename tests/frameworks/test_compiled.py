"""Compiled runs: the same bits as plain Python, for one trajectory and in every lane."""

import numpy as np
import pytest

import symopt
from symopt.derivation.step import step_program
from symopt.execution.compiled import refusal

pytestmark = pytest.mark.frameworks
pytest.importorskip("llvmlite")

RULES, OBJECTIVES = list(symopt.rules), list(symopt.objectives)


def is_compiled(rule, objective):
    schedules = tuple((e.symbol, e.default) for e in symopt.rules[rule].parameters if e.is_schedule)
    return (
        refusal(step_program(symopt.rules[rule], symopt.objectives[objective], schedules)) is None
    )


def assert_same(found, expected, what):
    assert np.array_equal(found, expected, equal_nan=True), what
    whole = np.isfinite(expected)
    assert (np.signbit(found) == np.signbit(expected))[whole].all(), what


def assert_equal_to_python(rule, objective):
    python = symopt.run(rule, objective, None, 6, backend="python")
    single = symopt.run(rule, objective, None, 6, backend="llvm")
    assert single.backend == "llvm"
    assert single.diverged_at == python.diverged_at
    start = np.array([float(value) for value in symopt.objectives[objective].start])
    starts = start + np.random.default_rng(0).uniform(-1, 1, (21, len(start)))
    many = symopt.run(rule, objective, starts, 6, record=2, backend="llvm")
    blocks = symopt.run(rule, objective, starts, 6, record=2, backend="numpy")
    assert many.recorded == (0, 2, 4, 6)
    for name in ("x", *python.state):
        parts = [r.x if name == "x" else r.state[name] for r in (single, python, many, blocks)]
        assert_same(parts[0], parts[1], (rule, objective, name))
        assert_same(parts[2], parts[3], (rule, objective, name))


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_rule_on_every_objective_to_the_bit(objective):
    pairs = [rule for rule in RULES if is_compiled(rule, objective)]
    for rule in pairs:
        assert_equal_to_python(rule, objective)


@pytest.mark.parametrize("objective", ["beale"])
def test_every_rule_to_the_bit(objective):
    pairs = [rule for rule in RULES if is_compiled(rule, objective)]
    assert len(pairs) > 0.9 * len(RULES)
    for rule in pairs:
        assert_equal_to_python(rule, objective)


def test_a_long_run_and_what_is_recorded_of_it():
    python = symopt.run("adam", "beale", steps=20_000, backend="python")
    whole = symopt.run("adam", "beale", steps=20_000, backend="llvm")
    assert_same(whole.x, python.x, "x")
    part = symopt.run("adam", "beale", steps=20_000, record=7000, backend="llvm")
    assert part.recorded == (0, 7000, 14_000, 20_000)
    assert_same(part.state["v"], python.state["v"][list(part.recorded)], "v")


@pytest.mark.parametrize("record", ["all", "final", 7])
def test_divergence_is_dated_as_in_python(record):
    for eta, start in (("1", (4.0, 4.0)), ("1/(t - 3)", (1.0, 1.5))):
        options = {"record": record, "eta": eta}
        runs = [symopt.run("gradient_descent", "beale", start, 50, backend=b, **options)
                for b in ("python", "llvm")]  # fmt: skip
        assert runs[0].diverged_at == runs[1].diverged_at
        batch = symopt.run("gradient_descent", "beale", [start, (3.0, 0.5)], 50, backend="llvm",
                           **options)  # fmt: skip
        assert batch.diverged_at == runs[0].diverged_at


def test_auto_compiles_what_is_large_and_says_so():
    starts = np.random.default_rng(0).uniform(-1, 1, (50_000, 2))
    large = symopt.run("adam", "beale", starts, 200, record="point")
    assert large.backend == "llvm"
    blocks = symopt.run("adam", "beale", starts[:100], 200, record="point")
    assert blocks.backend == "numpy"
    assert_same(large.x[:, :100], blocks.x, "x")
    assert symopt.run("adam", "beale", steps=100).backend == "python"
    assert symopt.run("adam", "ackley", starts, 200, record="point").backend == "numpy"
