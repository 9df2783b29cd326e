"""Compiled steps on vectors of parameters: the same bits as NumPy's, for every rule."""

import numpy as np
import pytest
from own_rules import EXTRAGRADIENT, GATED

import symopt
from symopt.derivation.array.staged import staged_step
from symopt.execution.array.loop import vector_loop
from symopt.execution.array.one_pass import is_pass_worth_compiling
from symopt.program.printers.llvm import library_calls

pytestmark = pytest.mark.frameworks
pytest.importorskip("llvmlite")

RNG = np.random.default_rng(0)
#: Thirteen parameters: no vector of the processor divides them.
FIT = symopt.models.linear_regression.bind(
    X=RNG.integers(-64, 64, (9, 12)) / 64, y=RNG.integers(-64, 64, 9) / 32
)
START = RNG.integers(-64, 64, 13) / 32


def assert_same_bits(rule, objective, arithmetic, steps=5):
    made, plain = (
        symopt.run(rule, objective, START, steps, arithmetic, backend=backend)
        for backend in ("llvm", "numpy")
    )
    assert (made.backend, plain.backend) == ("llvm", "numpy")
    assert made.diverged_at == plain.diverged_at
    assert set(made.state) == set(plain.state)
    pairs = [(made.x, plain.x), *((made.state[name], plain.state[name]) for name in plain.state)]
    for found, expected in pairs:
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected, equal_nan=True), (rule, arithmetic)
        whole = np.isfinite(expected)
        assert (np.signbit(found) == np.signbit(expected))[whole].all(), (rule, arithmetic)


def plan_of(name):
    return vector_loop(staged_step(symopt.rules[name]), one_pass=True).plan


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_every_rule_makes_the_bits_of_numpy(arithmetic):
    """All where only + - * / and roots occur; a power is the C library's in both."""
    alike = [name for name in symopt.rules if not library_calls(plan_of(name).program,
                                                                plan_of(name).inner)]  # fmt: skip
    assert len(alike) > 0.95 * len(symopt.rules)
    for name in alike:
        assert_same_bits(name, FIT, arithmetic)


def test_several_gradients_and_batches_and_schedules_make_the_bits_of_numpy():
    assert_same_bits(EXTRAGRADIENT, FIT, "float64")
    assert_same_bits("adam", FIT.batches(size=4), "float32", steps=9)
    decaying = [
        symopt.run("adam", FIT, START, 9, eta="1/(10*t)", backend=backend).x
        for backend in ("llvm", "numpy")
    ]
    assert np.array_equal(*decaying)


def test_what_reads_an_earlier_mask_is_left_to_numpy():
    runs = [symopt.run(GATED, FIT, START, 5, backend=backend) for backend in ("llvm", "numpy")]
    assert np.array_equal(runs[0].x, runs[1].x)
    assert runs[0].backend == "numpy"


def test_a_divergence_is_found_at_the_same_step():
    runs = [
        symopt.run("gradient_descent", FIT, START, 2000, eta=8, record="final", backend=backend)
        for backend in ("llvm", "numpy")
    ]
    assert runs[0].diverged_at == runs[1].diverged_at is not None


def test_a_compiled_step_needs_no_room_of_its_own():
    adam = staged_step(symopt.rules.adam)
    assert (vector_loop(adam).buffers, vector_loop(adam, one_pass=True).buffers) == (3, 0)


def test_auto_compiles_long_runs_of_many_parameters_only():
    def worth(name, steps, size):
        return is_pass_worth_compiling(staged_step(symopt.rules[name]), np.float64, steps, size)

    assert not worth("adam", 10, 10**4)
    assert not worth("adam", 10**4, 10)
    assert worth("adam", 10**4, 10**5)
    assert not worth("madgrad", 10**4, 10**5)  # a power, which is NumPy's own
    wide = symopt.models.linear_regression.bind(X=RNG.random((1, 10**5)) / 10**3, y=[1])
    start = np.zeros(10**5 + 1)
    assert symopt.run("adam", wide, start, 600, "float32", record="point").backend == "llvm"
    assert symopt.run("adam", wide, start, 2, "float32", record="point").backend == "numpy"
