"""Compiled runs: the same bits as plain Python, for one trajectory and in every lane."""

from dataclasses import replace

import numpy as np
import pytest
from structures import one_of_each_structure

import symopt
from symopt.derivation.step import step_program
from symopt.execution import compiled, machine_code
from symopt.execution.compiled import CompiledBlocks
from symopt.execution.lanes import varying
from symopt.program.printers.llvm import library_calls

pytestmark = pytest.mark.frameworks
pytest.importorskip("llvmlite")

RULES, OBJECTIVES = list(symopt.rules), list(symopt.objectives)


def calls_the_library(rule, objective):
    """Whether something that differs from lane to lane is computed by the C library."""
    schedules = tuple((e.symbol, e.default) for e in symopt.rules[rule].parameters if e.is_schedule)
    step = step_program(symopt.rules[rule], symopt.objectives[objective], schedules)
    differs = step.program.depends_on(varying(step))
    return library_calls(step.program, [index for index, own in enumerate(differs) if own])


def assert_same(found, expected, what):
    assert np.array_equal(found, expected, equal_nan=True), what
    whole = np.isfinite(expected)
    assert (np.signbit(found) == np.signbit(expected))[whole].all(), what


def assert_equal(one, other, what):
    assert one.diverged_at == other.diverged_at, what
    assert_same(one.x, other.x, what)
    for name in other.state:
        assert_same(one.state[name], other.state[name], (*what, name))


def assert_compiled_agrees(rule, objective, arithmetic="float64"):
    """One run is the one of plain Python (in float32: of NumPy); lanes are NumPy's, or single runs.

    NumPy has functions of its own for arrays where a single run asks the C library.
    """
    what, options = (rule, objective, arithmetic), {"arithmetic": arithmetic}
    own = calls_the_library(rule, objective)
    start = np.array([float(value) for value in symopt.objectives[objective].start])
    starts = start + np.random.default_rng(0).uniform(-1, 1, (19, len(start)))
    many = symopt.run(rule, objective, starts, 6, record=2, backend="llvm", **options)
    assert many.recorded == (0, 2, 4, 6)
    if not own:
        assert_equal(many, symopt.run(rule, objective, starts, 6, record=2, backend="numpy",
                                      **options), what)  # fmt: skip
    single = symopt.run(rule, objective, starts[18], 6, backend="llvm", **options)
    assert single.backend == "llvm"
    assert_same(single.x[::2], many.x[:, 18], what)
    if arithmetic == "float64" or not own:
        backend = "python" if arithmetic == "float64" else "numpy"
        assert_equal(single, symopt.run(rule, objective, starts[18], 6, backend=backend,
                                        **options), what)  # fmt: skip


@pytest.mark.study
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_rule_on_every_objective_to_the_bit(objective):
    for rule in RULES:
        assert_compiled_agrees(rule, objective)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_structure_of_rule_on_every_objective_to_the_bit(objective):
    for rule in one_of_each_structure(OBJECTIVES.index(objective)):
        assert_compiled_agrees(rule, objective)


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_every_rule_to_the_bit(arithmetic):
    for rule in RULES:
        assert_compiled_agrees(rule, "beale", arithmetic)


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


def test_code_from_the_disk_runs_and_damaged_code_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path))
    made, own = [], machine_code._compile
    monkeypatch.setattr(machine_code, "_compile", lambda text: made.append(text) or own(text))

    def as_in_a_new_process():
        for kept in (compiled._function, compiled._table, machine_code.machine_code):
            kept.cache_clear()
        made.clear()
        x = symopt.run("adam", "booth", steps=9, backend="llvm").x
        return len(made), x.tobytes()

    count, first = as_in_a_new_process()
    assert count == 2
    assert as_in_a_new_process() == (0, first)
    damaged = sorted((tmp_path / "machine-code").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-7] + b"\xcc" * 7)
    assert as_in_a_new_process() == (1, first)
    assert as_in_a_new_process() == (0, first)
    here = machine_code.machine()
    monkeypatch.setattr(machine_code, "machine", lambda: replace(here, versions="another"))
    assert as_in_a_new_process() == (2, first)


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_reductions_are_those_of_blocks_and_of_plain_python(arithmetic):
    record = ["point", symopt.Best(), symopt.FirstBelow(6), symopt.FirstBelow(-1)]
    starts = np.random.default_rng(0).uniform(-1, 4, (300, 2))
    for objective, eta in (("beale", [0.002, 0.02, 0.1] * 100), ("cubic", "1/10")):
        runs = [symopt.run("momentum", objective, starts, 60, arithmetic, record=record,
                           backend=backend, eta=eta) for backend in ("llvm", "numpy")]  # fmt: skip
        assert runs[0].backend == "llvm"
        assert_same(runs[0].x, runs[1].x, objective)
        assert np.array_equal(runs[0].attained, runs[1].attained)
        assert runs[0].diverged == runs[1].diverged > 0
        for lane in (0, 1, 2):
            own = eta[lane] if isinstance(eta, list) else eta
            alone = symopt.run("momentum", objective, tuple(starts[lane]), 60, arithmetic,
                               record=record, backend="llvm", eta=own)  # fmt: skip
            assert_same(alone.x, runs[0].x[:, lane], objective)
            assert np.array_equal(alone.attained, runs[0].attained[:, lane])


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_hyperparameters_may_differ_from_lane_to_lane(arithmetic):
    random = np.random.default_rng(0)
    each = {"eta": random.uniform(0, 0.1, 700), "beta1": random.choice([0.5, 0.8, 0.9], 700)}
    for rule in ("adam", "nadam"):
        runs = [symopt.run(rule, "beale", None, 9, arithmetic, record=4, backend=backend, **each)
                for backend in ("llvm", "numpy")]  # fmt: skip
        assert_equal(*runs, (rule, arithmetic))


def test_lanes_do_not_depend_on_the_number_of_threads():
    starts = np.random.default_rng(0).uniform(-4, 4, (9001, 2))
    runs = [
        symopt.run("momentum", "beale", starts, 40, record=13, backend="llvm", threads=threads)
        for threads in (1, 2, 3, None)
    ]
    assert 0 < runs[0].diverged < len(starts)
    for run in runs[1:]:
        assert_equal(run, runs[0], ("threads",))
        assert run.diverged == runs[0].diverged
    best = [
        symopt.run("momentum", "beale", starts, 40, record=symopt.Best(), backend="llvm",
                   threads=threads) for threads in (1, 2)
    ]  # fmt: skip
    assert_same(best[1].x, best[0].x, "best")
    assert best[1].diverged == best[0].diverged == runs[0].diverged


def test_an_error_in_a_thread_is_raised(monkeypatch):
    own = CompiledBlocks.run

    def fails(self, span, *more):
        if span.start:
            raise RuntimeError("in a thread")
        own(self, span, *more)

    monkeypatch.setattr(CompiledBlocks, "run", fails)
    with pytest.raises(RuntimeError, match="in a thread"):
        symopt.run("adam", "booth", np.ones((9000, 2)), 2, backend="llvm", threads=2)
