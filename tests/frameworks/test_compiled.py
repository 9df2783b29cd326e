"""Compiled runs: the same bits as plain Python, for one trajectory and in every lane."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import sympy
from structures import one_of_each_structure

import symopt
from symopt.derivation.step import step_program
from symopt.execution import compiled, compiled_blocks, machine_code
from symopt.execution.compiled_blocks import CompiledBlocks
from symopt.execution.lanes import varying
from symopt.program.printers.llvm import library_calls
from symopt.statement.symbols import grad, t, x

pytestmark = pytest.mark.frameworks
pytest.importorskip("llvmlite")

RULES, OBJECTIVES = list(symopt.rules), list(symopt.objectives)


def schedules_of(rule):
    return tuple((e.symbol, e.default) for e in symopt.rules[rule].parameters if e.is_schedule)


def step_of(rule, objective):
    return step_program(symopt.rules[rule], symopt.objectives[objective], schedules_of(rule))


def calls_the_library(rule, objective):
    """Whether something that differs from lane to lane is computed by the C library."""
    step = step_of(rule, objective)
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


def start_of(objective):
    return np.array([float(value) for value in symopt.objectives[objective].start])


def assert_compiled_is_plain(rule, objective, arithmetic="float64"):
    """One run is the one of plain Python; in float32 of NumPy, where no function is its own."""
    backend = "python" if arithmetic == "float64" else "numpy"
    if backend == "python" or not calls_the_library(rule, objective):
        runs = [symopt.run(rule, objective, None, 6, arithmetic, backend=b)
                for b in ("llvm", backend)]  # fmt: skip
        assert runs[0].backend == "llvm"
        assert_equal(*runs, (rule, objective, arithmetic))


def assert_lanes_agree(rule, objective, arithmetic="float64"):
    """Each lane is a single run; and the one of NumPy, where no function is its own."""
    what = (rule, objective, arithmetic)
    starts = start_of(objective) + np.random.default_rng(0).uniform(
        -1, 1, (19, len(start_of(objective)))
    )
    many = symopt.run(rule, objective, starts, 6, arithmetic, record=2, backend="llvm")
    assert many.recorded == (0, 2, 4, 6)
    if not calls_the_library(rule, objective):
        blocks = symopt.run(rule, objective, starts, 6, arithmetic, record=2, backend="numpy")
        assert_equal(many, blocks, what)
    single = symopt.run(rule, objective, starts[18], 6, arithmetic, backend="llvm")
    assert_same(single.x[::2], many.x[:, 18], what)


def assert_compiled_agrees(rule, objective, arithmetic):
    assert_compiled_is_plain(rule, objective, arithmetic)
    assert_lanes_agree(rule, objective, arithmetic)


@pytest.mark.study
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_rule_on_every_objective_to_the_bit(objective, arithmetic):
    for rule in RULES:
        assert_compiled_agrees(rule, objective, arithmetic)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_structure_of_rule_on_every_objective_to_the_bit(objective):
    for rule in one_of_each_structure(OBJECTIVES.index(objective)):
        assert_compiled_agrees(rule, objective, "float64")
        assert_compiled_agrees(rule, objective, "float32")


def chain_of(dimension):
    """Rosenbrock's chain over 7: the slope of a coordinate needs its neighbors."""
    names = sympy.symbols(f"x1:{dimension + 1}")
    chain = sum((1 - a) ** 2 + 100 * (b - a**2) ** 2 for a, b in itertools.pairwise(names))
    return symopt.Objective(chain / 7, names, title="Chain")


def loops_on(rule, objective):
    step = step_program(symopt.rules[rule], objective, schedules_of(rule))
    return compiled.loops_of(step, compiled.REALS[np.float64], frozenset(step.slots))


def test_eight_coordinates_are_put_into_vectors():
    assert [loops_on("adam", chain_of(size)).packed for size in (7, 8)] == [False, True]


def test_coordinates_in_vectors_have_the_bits_of_each_alone():
    """In a chain, with one coordinate that is lost, and in what mixes all of them."""
    objective = chain_of(9)
    start = np.linspace(-1.5, 2, 9)
    for rule in one_of_each_structure(0):
        for begin in (start, np.where(start > 1.9, 1e200, start)):
            runs = [
                symopt.run(rule, objective, begin, 6, backend=backend)
                for backend in ("llvm", "python")
            ]
            assert_equal(*runs, (rule,))


@pytest.mark.slow
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


def test_powers_that_fall_below_the_smallest_number_are_those_of_plain_python():
    p, b = sympy.symbols("p b")
    rule = symopt.Rule(
        title="Powers", source=symopt.rules.adam.source, hyperparameters={b: "9/10"},
        state={p: 1}, update=[(p, b**t), (x, x - p * grad(x))],
    )  # fmt: skip
    runs = [symopt.run(rule, "half_square", (1.0,), 7500, backend=backend)
            for backend in ("llvm", "python")]  # fmt: skip
    assert 0 < runs[1].state["p"][7070] < 1e-320
    assert runs[1].state["p"][7200] == 0
    assert_equal(*runs, ("powers",))
    for base in (0.0, 1.0, 1.5, 0.9999, -0.5):
        runs = [symopt.run(rule, "half_square", (1.0,), 20, backend=backend, b=base)
                for backend in ("llvm", "python")]  # fmt: skip
        assert_equal(*runs, (base,))


@pytest.mark.parametrize("record", ["all", "final", 7])
def test_runs_of_many_calls_are_those_of_one(record, monkeypatch):
    expected = [
        symopt.run("gradient_descent", "beale", (1.0, 1.5), 50, record=record, eta=eta)
        for eta in ("1/1000", "1/1000 + t/300")
    ]
    assert expected[0].diverged_at is None
    assert expected[1].diverged_at > 14
    for module in (compiled, compiled_blocks):
        monkeypatch.setattr(module, "CHUNK", 7)
    for one, eta in zip(expected, ("1/1000", "1/1000 + t/300"), strict=True):
        how = {"steps": 50, "record": record, "eta": eta, "backend": "llvm"}
        assert_equal(symopt.run("gradient_descent", "beale", (1.0, 1.5), **how), one, (eta,))
        lanes = symopt.run("gradient_descent", "beale", [(1.0, 1.5)], **how)
        assert_same(lanes.x[:, 0], one.x, eta)
        assert lanes.diverged_at == one.diverged_at
    numpy = symopt.run("nadam", "beale", [(1.0, 1.5)], 50, record=record, backend="numpy")
    nadam = symopt.run("nadam", "beale", [(1.0, 1.5)], 50, record=record, backend="llvm")
    assert_equal(nadam, numpy, ("what lanes share goes on from call to call",))


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
    blocks = symopt.run("adam", "beale", starts[:100], 200, record="point", backend="numpy")
    assert_same(large.x[:, :100], blocks.x, "x")
    assert symopt.run("adam", "beale", starts[:100], 4, record="point").backend == "numpy"
    assert symopt.run("adam", "beale", steps=100).backend == "python"
    assert symopt.run("adam", "beale", steps=400_000, record="final").backend == "llvm"


def test_auto_never_changes_a_number():
    """What NumPy computes by code of its own stays with NumPy; plain Python asks the C library."""
    starts = np.random.default_rng(0).uniform(-1, 1, (60_000, 2))
    assert symopt.run("adam", "ackley", starts, 200, record="point").backend == "numpy"
    decays = symopt.run("adam", "beale", starts, 200, record="point", eta="exp(-t/100)/10")
    assert decays.backend == "numpy"
    single = symopt.run("adam", "ackley", steps=200_000)
    assert single.backend == "llvm"
    assert_same(single.x, symopt.run("adam", "ackley", steps=200_000, backend="python").x, "x")
    assert symopt.run("adam", "ackley", None, 5000, "float32").backend == "numpy"


def test_auto_compiles_less_than_it_reads_from_the_disk(tmp_path, monkeypatch):
    """From the disk the code is there sooner than plain Python is done; compiling takes longer."""
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path))
    compiled.function_of.cache_clear()
    machine_code.machine_code.cache_clear()
    assert symopt.run("adam", "beale", steps=40_000, record="final").backend == "python"
    symopt.run("adam", "beale", steps=1, backend="llvm")
    assert symopt.run("adam", "beale", steps=40_000, record="final").backend == "llvm"


def test_the_kernel_shows_what_is_compiled():
    kernel = symopt.kernel("adam", "beale", backend="llvm")
    assert kernel.slots == symopt.kernel("adam", "beale").slots
    assert kernel.source.count("fdiv double") == 6
    assert "contract" not in kernel.source
    assert "path:" in kernel.assembly
    settings = {"steps": 7, "eta": 0.25, "beta1": 0.5}
    assert kernel((1.0, 1.5), **settings) == symopt.kernel("adam", "beale")((1.0, 1.5), **settings)


def test_code_from_the_disk_runs_and_damaged_code_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMOPT_CACHE", str(tmp_path))
    made, own = [], machine_code._compile
    monkeypatch.setattr(
        machine_code, "_compile", lambda text, packed: made.append(text) or own(text, packed)
    )

    def as_in_a_new_process():
        for kept in (compiled.function_of, compiled.table_of, machine_code.machine_code):
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
    schedules = {
        "eta": random.choice([0.1, 0.01], 700),
        "t0": random.choice([0.0, 1.0], 700),
        "alpha": each["beta1"],
    }
    for rule, settings in (("adam", each), ("nadam", each), ("asgd", schedules)):
        how = {"arithmetic": arithmetic, "record": 4, **settings}
        runs = [symopt.run(rule, "beale", None, 9, backend=b, **how) for b in ("llvm", "numpy")]
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
