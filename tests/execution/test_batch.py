"""Batches: each lane is the run from its own start, to the bit, and nothing else is kept."""

import re
import sys
import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symopt
from symopt.derivation.step import step_program
from symopt.execution import machine_code
from symopt.execution.arithmetic import lanes
from symopt.execution.kernel import compile_source
from symopt.execution.lanes import lane_kernel, varying
from symopt.execution.reductions import Watch
from symopt.program.graph import ARITY, Graph
from symopt.program.printers.numpy import PREDICATES, lane_code

RULES, OBJECTIVES = list(symopt.rules), list(symopt.objectives)
STEPS = 4


def starts_of(objective, count, seed=0):
    the_objective = symopt.objectives[objective]
    center = np.array([float(value) for value in the_objective.start])
    return center + np.random.default_rng(seed).uniform(-1, 1, (count, len(center)))


def assert_lanes_are_single_runs(rule, objective, arithmetic):
    starts = starts_of(objective, 3)
    together = symopt.run(rule, objective, starts, STEPS, arithmetic)
    assert together.backend == "numpy"
    for lane, start in enumerate(starts):
        alone = symopt.run(rule, objective, tuple(start.tolist()), STEPS, arithmetic,
                           backend="numpy")  # fmt: skip
        for name in ("x", *alone.state):
            one = alone.x if name == "x" else alone.state[name]
            many = together.x if name == "x" else together.state[name]
            assert many.dtype == one.dtype
            assert np.array_equal(many[:, lane], one, equal_nan=True), (rule, objective, name)
            whole = np.isfinite(one)
            signs = np.signbit(many[:, lane])[whole] == np.signbit(one)[whole]
            assert signs.all(), (rule, objective, name)


@pytest.mark.parametrize("rule", RULES)
def test_each_lane_is_its_own_run_to_the_bit(rule):
    """Each rule on one objective in the fast set, so that every objective has its turn."""
    position = RULES.index(rule)
    arithmetic = "float32" if position % 3 == 0 else "float64"
    assert_lanes_are_single_runs(rule, OBJECTIVES[position % len(OBJECTIVES)], arithmetic)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_lane_is_its_own_run_for_every_pair(objective):
    for rule in RULES:
        for arithmetic in ("float64", "float32"):
            assert_lanes_are_single_runs(rule, objective, arithmetic)


def settings_of(rule):
    """Five lanes of different numbers for all hyperparameters; some lanes agree in all of them."""
    found = {}
    for entry in symopt.rules[rule].parameters:
        if not entry.is_schedule:
            for factors in ([1, 0.75, 1, 0.5, 0.75], [1, 1.25, 1, 1.5, 1.25]):
                values = np.array(factors) * float(entry.default)
                if all(float(v) in entry.domain for v in values):
                    found[entry.name] = values
    return found


@pytest.mark.parametrize("rule", RULES)
def test_each_lane_has_its_own_hyperparameters_to_the_bit(rule):
    position = RULES.index(rule)
    arithmetic = "float32" if position % 3 == 1 else "float64"
    objective = ("beale", "ackley")[position % 2]
    starts = starts_of(objective, 5)
    given_settings = settings_of(rule)
    if not given_settings:
        assert all(entry.is_schedule for entry in symopt.rules[rule].parameters)
        return
    together = symopt.run(rule, objective, starts, STEPS, arithmetic, **given_settings)
    for lane, start in ((1, starts[1]), (3, starts[3])):
        own = {name: values[lane] for name, values in given_settings.items()}
        alone = symopt.run(rule, objective, tuple(start.tolist()), STEPS, arithmetic,
                           backend="numpy", **own)  # fmt: skip
        for name, value in own.items():
            received = together.hyperparameters[name][lane]
            assert received.dtype == arithmetic
            assert Fraction(float(received)) == alone.hyperparameters[name]
            assert np.isclose(received, value)
        for name, values in {"x": alone.x, **alone.state}.items():
            many = together.x if name == "x" else together.state[name]
            assert np.array_equal(many[:, lane], values, equal_nan=True), (rule, lane, name)


class TestHyperparametersByLane:
    def test_blocks_and_groups_do_not_matter(self):
        """More lanes than a block, in which few, all or none of the numbers agree."""
        count = 20_001
        generator = np.random.default_rng(3)
        starts = starts_of("beale", count)
        few = generator.choice([0.8, 0.9, 0.95], count)
        for beta1 in (few, np.sort(few), generator.uniform(0.1, 0.9, count)):
            eta = generator.uniform(0.001, 0.1, count)
            many = symopt.run("adam", "beale", starts, 3, record="final", beta1=beta1, eta=eta)
            for lane in (0, 8191, 8192, 13_000, 20_000):
                one = symopt.run("adam", "beale", tuple(starts[lane]), 3, beta1=beta1[lane],
                                 eta=eta[lane])  # fmt: skip
                assert np.array_equal(many.x[0, lane], one.x[-1])
                assert np.array_equal(many.state["v"][0, lane], one.state["v"][-1])

    def test_one_start_for_all(self):
        etas = ["1/100", Fraction(1, 3), 0.25, 1]
        many = symopt.run("momentum", "booth", ("1/3", 2), 5, "float32", eta=etas)
        assert many.x.shape == (6, 4, 2)
        assert many.x0 == (Fraction(1, 3), 2)
        for lane, eta in enumerate(etas):
            one = symopt.run("momentum", "booth", ("1/3", 2), 5, "float32", eta=eta)
            assert np.array_equal(many.x[:, lane], one.x)
        assert "eta = 4 values from 0.01 to 1.0" in str(many)

    def test_schedules_go_along(self):
        many = symopt.run("momentum", "booth", steps=5, eta="1/(100*t)", mu=[0.5, 0.9])
        one = symopt.run("momentum", "booth", steps=5, eta="1/(100*t)", mu=0.9)
        assert np.array_equal(many.x[:, 1], one.x)
        constant = symopt.run("momentum", "booth", steps=5, eta=[0.01, 0.02], mu="1 - 1/t")
        assert np.array_equal(
            constant.x[:, 1], symopt.run("momentum", "booth", steps=5, eta=0.02, mu="1 - 1/t").x
        )

    def test_diverged_lanes_are_counted_and_dated(self):
        found = symopt.run("gradient_descent", "beale", (3.0, 3.0), 40, record="point",
                           eta=[0.00001, 1.0, 0.1, 0.000005])  # fmt: skip
        dates = [symopt.run("gradient_descent", "beale", (3.0, 3.0), 40, eta=eta).diverged_at
                 for eta in (1.0, 0.1)]  # fmt: skip
        assert found.diverged == 2
        assert found.diverged_at == min(dates)

    def test_saved_and_loaded(self, tmp_path):
        run = symopt.run("adam", "beale", steps=3, beta1=[0.5, 0.9], eta="1/(10*t)")
        again = symopt.load(run.save(tmp_path / "run.npz"))
        assert list(again.hyperparameters) == list(run.hyperparameters)
        assert np.array_equal(again.hyperparameters["beta1"], [0.5, 0.9])
        assert again.hyperparameters["eta"] == run.hyperparameters["eta"]
        assert again.hyperparameters["beta2"] == run.hyperparameters["beta2"]
        assert np.array_equal(again.x, run.x)
        assert again.caption == run.caption

    @pytest.mark.parametrize(
        ("given_values", "message"),
        [
            ({"eta": [0.1, 0.2], "beta1": [0.5]}, "eta has 2, beta1 has 1"),
            ({"eta": [[0.1]]}, r"eta has shape \(1, 1\)"),
            ({"eta": []}, r"eta has shape \(0,\)"),
            ({"eta": [0.1, "t"]}, "eta, lane 1: 't' is not a number"),
            ({"eta": np.array([0.1, np.nan])}, "eta is nan in lane 1"),
            ({"beta1": [0.9, 1, 0.5]}, "beta1 = 1 is outside its domain"),
            ({"beta1": np.array([0.9, -0.5])}, "beta1 = -1/2 is outside its domain"),
            ({"eta": [0.1, 0.2, 0.3]}, "x0 has 2 starts, eta has 3"),
        ],
    )
    def test_what_does_not_fit_is_named(self, given_values, message):
        with pytest.raises(symopt.InputError, match=message):
            symopt.run("adam", "beale", np.ones((2, 2)), 3, **given_values)

    def test_out_of_range(self):
        with pytest.raises(symopt.InputError, match="eta, lane 1 is beyond the range of float32"):
            symopt.run("adam", "beale", None, 3, "float32", eta=[1, 1e300])
        with pytest.raises(symopt.InputError, match="not in rational"):
            symopt.run("gradient_descent", "beale", None, 3, "rational", eta=[1, 2])


@pytest.mark.parametrize("rule", ["adam", "rmsprop_centered_momentum", "radam"])
def test_where_a_block_ends_does_not_matter(rule):
    starts = starts_of("beale", 20_001)
    ahead = symopt.run(rule, "beale", starts, 3, record="final")
    back = symopt.run(rule, "beale", starts[::-1], 3, record="final")
    assert np.array_equal(ahead.x, back.x[:, ::-1])
    for name, values in ahead.state.items():
        assert np.array_equal(values, back.state[name][:, ::-1]), name
    some = symopt.run(rule, "beale", starts[8190:8195], 3, record="final")
    assert np.array_equal(ahead.x[:, 8190:8195], some.x)


class TestDivergence:
    starts = np.tile([[1.0, 1.0], [3.0, 0.5], [0.5, -0.5]], (9000, 1))

    def test_lanes_are_counted_and_dated_wherever_they_are(self):
        starts = self.starts.copy()
        starts[[10, 26_000, 26_001]] = [(2.5, 2.5), (1e60, 1e60), (2.6, 2.6)]
        alone = [symopt.run("gradient_descent", "beale", tuple(starts[i]), 40, eta="1/100")
                 for i in (10, 26_000, 26_001)]  # fmt: skip
        dates = [run.diverged_at for run in alone]
        assert None not in dates
        assert dates[1] < dates[0], "the first is not in the first block"
        usual = {symopt.run("gradient_descent", "beale", tuple(s), 40, eta="1/100").diverged_at
                 for s in starts[:3]}  # fmt: skip
        assert usual == {None}
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            for record in ("final", "point", 39):
                found = symopt.run("gradient_descent", "beale", starts, 40, record=record,
                                   eta="1/100")  # fmt: skip
                assert found.diverged == 3
                assert found.diverged_at == dates[1], record

    def test_a_schedule_that_overflows_is_dated_in_a_batch(self):
        found = symopt.run("gradient_descent", "half_square", np.ones((5, 1)), 1100, record="point",
                           eta="2**t")  # fmt: skip
        alone = symopt.run("gradient_descent", "half_square", (1,), 1100, eta="2**t")
        assert found.diverged == 5
        assert found.diverged_at == alone.diverged_at


class TestMemory:
    @pytest.mark.parametrize("record", ["point", "final"])
    def test_a_million_lanes_need_little_more_than_their_result(self, record):
        starts = starts_of("beale", 1_000_000)
        symopt.run("adam", "beale", starts[:10], 1)
        tracemalloc.start()
        try:
            found = symopt.run("adam", "beale", starts, 1, record=record)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        result = found.x.nbytes + sum(values.nbytes for values in found.state.values())
        assert peak < result + 4e6
        assert record == "final" or peak < 20e6

    def test_the_point_alone(self):
        starts = starts_of("beale", 5)
        final = symopt.run("adam", "beale", starts, 6, record="final")
        point = symopt.run("adam", "beale", starts, 6, record="point")
        assert point.state == {}
        assert point.recorded == (6,)
        assert np.array_equal(point.x, final.x)
        assert np.array_equal(point.values, final.values)
        single = symopt.run("adam", "beale", tuple(starts[0]), 6, record="point")
        assert single.state == {}
        assert np.array_equal(single.x[0], point.x[0, 0])


class TestReductions:
    """What is kept instead of a history is what the history has."""

    record = ("point", symopt.Best(), symopt.FirstBelow("15/2"), symopt.FirstBelow(1e-30))

    falling = np.array([[0.0, -5.0], [0.1, 0.1]])

    def expected(self, run, threshold=None):
        """The step of each lane, looked up in its history."""
        values = run.values.astype(np.float64)
        if threshold is None:
            return np.where(np.isfinite(values), values, np.inf).argmin(axis=0)
        below = (values <= threshold) & np.isfinite(values)
        return np.where(below.any(axis=0), below.argmax(axis=0), -1)

    @pytest.mark.parametrize("arithmetic", ["float64", "float32"])
    @pytest.mark.parametrize("rule", ["gradient_descent", "nadam", "rprop", "lamb"])
    def test_lanes(self, rule, arithmetic):
        starts = 1.5 * starts_of("beale", 40)
        options = {} if rule == "rprop" else {"eta": "1/10" if rule == "nadam" else "1/100"}
        whole = symopt.run(rule, "beale", starts, 60, arithmetic, **options)
        found = symopt.run(rule, "beale", starts, 60, arithmetic, record=self.record, **options)
        assert found.x.dtype == arithmetic
        assert found.x.shape == (4, 40, 2)
        assert np.array_equal(found.x[0], whole.x[-1], equal_nan=True)
        assert (found.diverged, found.diverged_at) == (whole.diverged, whole.diverged_at)
        assert found.diverged or rule != "gradient_descent"
        lanes_ = np.arange(40)
        for row, threshold in ((1, None), (2, 7.5), (3, 1e-30)):
            steps = self.expected(whole, threshold)
            assert np.array_equal(found.attained[row], steps)
            seen = steps >= 0
            points = whole.x[steps, lanes_]
            assert np.array_equal(found.x[row][seen], points[seen])
            assert np.isnan(found.x[row][~seen]).all()
        if rule != "lamb":
            assert len(set(found.attained[1])) > 2
            assert len(set(found.attained[2])) > 2
            assert 0 in found.attained[2]

    @pytest.mark.parametrize("backend", ["python", "numpy"])
    def test_a_single_run(self, backend):
        for start in ((1.0, 1.0), (4.0, 4.0)):
            options = {"eta": "1/50", "backend": backend}
            whole = symopt.run("gradient_descent", "beale", start, 200, **options)
            found = symopt.run("gradient_descent", "beale", start, 200, record=self.record,
                               **options)  # fmt: skip
            assert found.diverged_at == whole.diverged_at
            assert found.recorded == tuple(found.attained)
            assert found.attained[1] == self.expected(whole)
            assert found.attained[2] == self.expected(whole, 7.5)
            assert found.attained[3] == -1
            for row in (1, 2):
                if found.attained[row] >= 0:
                    assert np.array_equal(found.x[row], whole.x[found.attained[row]])
                    assert found.values[row] == whole.values[found.attained[row]]

    def test_no_lane_is_best_or_below_where_it_is_lost(self):
        """The cubic falls to minus infinity: the last finite value is the lowest."""
        found = symopt.run("gradient_descent", "cubic", self.falling, 40, eta="1/2",
                           record=[symopt.Best(), symopt.FirstBelow(-1e300)])  # fmt: skip
        assert found.diverged == 1
        assert np.isfinite(found.values[0]).all()
        whole = symopt.run("gradient_descent", "cubic", self.falling, 40, eta="1/2")
        assert np.array_equal(found.attained[0], self.expected(whole))
        assert found.attained[1, 1] == -1

    def test_along_arrays_of_hyperparameters(self):
        etas = ["1/1000", "1/100", "1/30"]
        found = symopt.run("momentum", "beale", None, 300, record=symopt.Best(), eta=etas)
        for lane, eta in enumerate(etas):
            alone = symopt.run("momentum", "beale", None, 300, record=symopt.Best(), eta=eta)
            assert np.array_equal(found.x[:, lane], alone.x)
            assert found.attained[0, lane] == alone.attained[0]

    def test_saved_and_loaded(self, tmp_path):
        run = symopt.run("adam", "beale", np.ones((3, 2)), 300, record=symopt.Best())
        again = symopt.load(run.save(tmp_path / "run.npz"))
        assert np.array_equal(again.attained, run.attained)
        assert again.attained.dtype == np.int16

    def test_what_cannot_be_kept_is_said(self):
        for record in ("best", [], [symopt.Best], ["final", symopt.Best()], 0, True):
            with pytest.raises(symopt.InputError, match="record = "):
                symopt.run("adam", "beale", record=record)
        with pytest.raises(symopt.InputError, match="float64 and float32; in ball use"):
            symopt.run("adam", "beale", None, 3, "ball", record=symopt.Best())
        with pytest.raises(symopt.InputError, match="threshold: 'low' is not a number"):
            symopt.FirstBelow("low")

    def test_a_million_lanes_need_little_more_than_their_result(self):
        starts = starts_of("beale", 1_000_000)
        for record in (symopt.Best(), symopt.FirstBelow("1/10")):
            symopt.run("adam", "beale", starts[:10], 1, record=record)
            tracemalloc.start()
            try:
                found = symopt.run("adam", "beale", starts, 1, record=record)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert found.x.shape == (1, 1_000_000, 2)
            assert peak < 19e6  # steps beyond 127 need a byte more for each lane

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_comparison_is_with_the_exact_threshold(self, dtype):
        for text in ("1/10", "1/3", "2/3", "-1/10", "1e-6", "1/4"):
            (found,) = Watch.of([symopt.FirstBelow(text)], dtype).reductions
            number = dtype(float(found.threshold))
            assert Fraction(float(number)) == found.threshold <= Fraction(text)
            assert Fraction(float(np.nextafter(number, dtype(np.inf)))) > Fraction(text)


def test_rows_of_a_batch_are_those_of_the_whole_history():
    starts = starts_of("rosenbrock", 7)
    whole = symopt.run("nadam", "rosenbrock", starts, 10)
    part = symopt.run("nadam", "rosenbrock", starts, 10, record=4)
    assert part.recorded == (0, 4, 8, 10)
    for name, values in whole.state.items():
        assert np.array_equal(part.state[name], values[[0, 4, 8, 10]]), name
    assert whole.state["Pi"].shape == (11, 7)
    assert np.array_equal(part.x, whole.x[[0, 4, 8, 10]])
    assert part.gradients.shape == part.x.shape


@pytest.mark.parametrize("rule", RULES)
def test_what_is_alike_in_all_lanes_is_computed_once(rule):
    """No array holds what neither the point nor the gradient enters."""
    step = step_program(symopt.rules[rule], symopt.objectives.beale,
                        tuple((e.symbol, e.default) for e in symopt.rules[rule].parameters
                              if e.is_schedule))  # fmt: skip
    differs = step.program.depends_on(varying(step))
    calls = re.findall(r"^ {8}(\w+)\(", lane_kernel(step).source, flags=re.MULTILINE)
    steps = [name for name in calls if name not in ("copyto", "record")]
    expected = sum(differs[i] and ARITY[n.op] > 0 and n.op != "select"
                   for i, n in enumerate(step.program.nodes))  # fmt: skip
    assert len(steps) == expected


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_blocks_compute_the_program(data):
    """Random programs with several steps, in which state changes places, stays, and is shared."""
    graph = Graph()
    names = ["p", "q", "s", "u"]
    slots = [graph.input(name) for name in names]
    common = graph.input("k")
    numbers = [*slots, common, graph.const(3)]
    truths = [graph.apply("lt", slots[0], slots[1]), graph.apply("le", common, graph.const(1))]
    ops = ["neg", "abs", "add", "sub", "mul", "max", "select", "lt", "and", "not"]
    for _ in range(data.draw(st.integers(0, 20))):
        op = data.draw(st.sampled_from(ops))
        truth = op in PREDICATES and op != "lt"
        args = [data.draw(st.sampled_from(truths if truth or (op == "select" and not i)
                                          else numbers)) for i in range(ARITY[op])]  # fmt: skip
        (truths if op in PREDICATES else numbers).append(graph.apply(op, *args))
    wanted = {name: data.draw(st.sampled_from(numbers)) for name in names}
    program = graph.program(wanted)
    inputs = {i: n.value for i, n in enumerate(program.nodes) if n.op == "input"}
    differs = program.depends_on(names)
    meaning = {"neg": np.negative, "abs": np.abs, "add": np.add, "sub": np.subtract,
               "mul": np.multiply, "max": np.maximum, "lt": np.less, "le": np.less_equal,
               "and": np.logical_and, "not": np.logical_not, "select": np.where}  # fmt: skip
    values = {name: np.arange(1.0, 6) * (i - 1.5) % 2.75 - 1 for i, name in enumerate(names)}

    def once(values):
        def visit(node, args):
            if node.op == "const":
                return np.float64(node.value)
            if node.op == "input":
                return np.float64(0.5) if node.value == "k" else values[node.value]
            return meaning[node.op](*args)

        return {n: np.broadcast_to(v, (5,)) for n, v in program.fold(visit).items()}

    scalar = {}
    program.fold(lambda node, args: scalar.setdefault(len(scalar), (
        float(node.value) if node.op == "const" else 0.5 if node.op == "input"
        else meaning[node.op](*args))) if not any(isinstance(a, str) for a in args)
        and node.value not in names else scalar.setdefault(len(scalar), "lane"))  # fmt: skip
    texts = {i: repr(bool(v) if isinstance(v, np.bool_) else float(v))
             for i, v in scalar.items() if not differs[i]}  # fmt: skip
    code = lane_code(program, dict(program.outputs),
                     {i: name for i, name in inputs.items() if name in names}, texts)  # fmt: skip
    lines = ["def f(p, q, s, u, buffers, masks):"]
    lines += [f"    ({', '.join(own)},) = {given}" for own, given in
              ((code.buffers, "buffers"), (code.masks, "masks")) if own]  # fmt: skip
    lines += ["    for _ in range(1, 3):", "        pass", *[f"        {x}" for x in code.lines]]
    if code.rotation:
        left, right = ", ".join(code.rotation), ", ".join(code.rotation.values())
        lines.append(f"        ({left},) = ({right},)")
    function = compile_source("\n".join([*lines, "    return p, q, s, u"]), lanes(np.float64))
    given_arrays = [value.copy() for value in values.values()]
    buffers = [np.full(5, np.nan) for _ in code.buffers]
    found = function(*given_arrays, buffers, [np.zeros(5, bool) for _ in code.masks])
    expected = once(once(values))
    for name, array in zip(names, found, strict=True):
        assert np.array_equal(array, expected[name]), (name, lines)
    assert len({id(array) for array in found}) == 4, "every slot has a buffer of its own"


class TestWithoutACompiler:
    def test_the_extra_is_named_and_auto_does_without(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "llvmlite", None)
        machine_code.binding.cache_clear()  # where other tests have loaded it
        with pytest.raises(symopt.MissingExtraError, match=r"symopt\[jit\]"):
            symopt.run("rmsprop", "booth", steps=2, backend="llvm")
        starts = starts_of("booth", 2000)
        found = symopt.run("rmsprop", "booth", starts, 10_000 // 4, record="point")
        assert found.backend == "numpy"

    def test_what_is_not_compiled_says_so(self):
        with pytest.raises(symopt.InputError, match=r"t to the power 3 is .*backend='auto'"):
            symopt.run("gradient_descent", "booth", None, 300_000, eta="1/(1 + t**3)",
                       backend="llvm")  # fmt: skip
        for refused in ({"backend": "numpy"}, {"backend": "python"}, {"arithmetic": "rational"}):
            with pytest.raises(
                symopt.InputError, match=r"fast=True is for compiled code, .* written"
            ):
                symopt.run("adam", "booth", steps=2, fast=True, **refused)
        for number in (0, -1, 1.5, True):
            with pytest.raises(symopt.InputError, match=r"threads = .*a positive number"):
                symopt.run("adam", "booth", steps=2, threads=number)
        with pytest.raises(symopt.InputError, match="runs in float64 or float32, not in ball"):
            symopt.run("adam", "beale", None, 2, "ball", backend="llvm")
