"""Sweeps: every run is the run alone, whoever carries it out, and a killed sweep loses nothing."""

import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt.errors import InputError, UnknownNameError, WorkerError
from symopt.execution.sweep import executors, part
from symopt.execution.sweep import plan as planning
from symopt.execution.sweep.plan import make_plan
from symopt.statement.symbols import eta, g, x

STARTS = [["1", "1/2"], [0, "0.3"], [3, 2]]
HYPER = {"eta": ["1/1000", "1/50", 5], "mu": ["1/2", "9/10"]}
#: Rules with both hyperparameters, with one, and one with an exponential in its objective.
CALL = (["momentum", "gradient_descent", "adam"], ["beale", "ackley"])


@pytest.fixture
def many_parts(monkeypatch):
    """Cuts sweeps of these tests into parts of a run or a few."""
    monkeypatch.setattr(planning, "_WORK", 2 * 60 * 4)


@pytest.fixture(scope="module")
def serial():
    return symopt.sweep(*CALL, STARTS, 60, **HYPER)


def test_every_run_of_a_sweep_is_that_run_alone_to_the_bit(serial):
    starts = np.array([[1, 0.5], [0, 0.3], [3, 2]])
    assert [one.f.shape for one in serial.ends] == [(3, 2, 3)] * 2 + [(3, 3)] * 4
    for one in serial.ends:
        for place, values in one.settings:
            alone = symopt.run(one.rule, one.objective, starts, 60, record="point", **values)
            assert np.array_equal(one.x[place], alone.x[0], equal_nan=True)
            assert np.array_equal(one.f[place], alone.values[0], equal_nan=True)
            ended = np.isfinite(alone.x[0]).all(axis=1) & np.isfinite(alone.values[0])
            assert np.array_equal(one.diverged[place], ~ended)
    assert 0 < serial.diverged < serial.runs


@pytest.mark.usefixtures("many_parts")
def test_whoever_carries_it_out_and_wherever_it_is_cut_the_bits_are_the_same(serial):
    seen = []
    with ThreadPoolExecutor(3) as threads:
        found = symopt.sweep(*CALL, STARTS, 60, **HYPER, executor=threads,
                             watch=lambda *told: seen.append(told))  # fmt: skip
    assert found.parts > 12 > serial.parts
    assert seen == [("sweep", done + 1, found.parts) for done in range(found.parts)]
    assert found.digest == serial.digest
    assert symopt.sweep(*CALL, STARTS, 60, **HYPER, executor=2).digest == serial.digest
    assert symopt.sweep(*CALL, STARTS[::-1], 60, **HYPER).digest != serial.digest


def test_a_grid_cut_anywhere_is_the_list_of_its_points(monkeypatch):
    whole = symopt.sweep("momentum", "beale", symopt.grid(7, 5), 20, eta=["1/100", "1/1000"])
    listed = symopt.sweep("momentum", "beale", whole.ends[0].starts, 20, eta=["1/100", "1/1000"])
    monkeypatch.setattr(planning, "_WORK", 2 * 20 * 6)
    cut = symopt.sweep("momentum", "beale", symopt.grid(7, 5), 20, eta=["1/100", "1/1000"])
    assert (whole.parts, cut.parts) == (1, 12)
    assert whole.digest == listed.digest == cut.digest


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_the_best_value_and_when_a_threshold_is_reached_are_those_of_the_history(arithmetic):
    found = symopt.sweep(*CALL, STARTS, 60, arithmetic, **HYPER, best=True, threshold="1/10")
    seen = set()
    for one in found.ends:
        for place, values in one.settings:
            for lane, start in enumerate(one.starts):
                batch = np.array([start])
                f = symopt.run(one.rule, one.objective, batch, 60, arithmetic, **values).values
                f = [float(value) for value in f[:, 0]]
                lowest = min(value for value in f if value == value)
                at = (*place, lane)
                assert one.best[at] == lowest
                assert one.best_at[at] == f.index(lowest)
                first = next((t for t, value in enumerate(f) if value <= 0.1), -1)
                assert one.reached[at] == first
                seen.add(first if first < 1 else 1)
    assert seen == {-1, 1}
    data = found.to_xarray()
    assert data.reached.dims == data.f.dims
    assert data.best.dtype == arithmetic


def test_settings_run_together_have_the_bits_of_settings_run_apart(monkeypatch):
    call = (["momentum", "adam"], "ackley", STARTS, 30)
    hyper = {"eta": ["1/10", "1/3", "1/(9*t)", "1/3**t"], "mu": ["1/7", "9/10"],
             "beta1": ["1/3", "9/10"]}  # fmt: skip
    for arithmetic in ("float64", "float32"):
        found = symopt.sweep(*call, arithmetic, **hyper, best=True)
        with monkeypatch.context() as patch:
            patch.setattr(part, "_MANY", 1)
            assert symopt.sweep(*call, arithmetic, **hyper, best=True).digest == found.digest


class TestLabels:
    def test_a_rule_without_a_hyperparameter_is_repeated_along_it(self, serial):
        data = serial.to_xarray()
        assert data.f.dims == ("rule", "objective", "eta", "mu", "start")
        assert data.x.dims == (*data.f.dims, "coordinate")
        assert data.eta.values.tolist() == [0.001, 0.02, 5.0]
        assert data.ran.all()
        assert list(data.coordinate.values) == ["x1", "x2"]
        point = data.sel(rule="momentum", objective="ackley", eta=0.02, mu=0.9, start=2)
        alone = symopt.run("momentum", "ackley", np.array([[3.0, 2]]), 60, eta="1/50", mu="9/10")
        assert np.array_equal(point.x.values, alone.x[-1, 0])
        assert float(point.f) == alone.values[-1, 0]
        assert point.x0.values.tolist() == [3, 2]
        for mu in (0.5, 0.9):
            own = data.f.sel(rule="adam", objective="beale", mu=mu)
            assert np.array_equal(own, serial["adam", "beale"].f)

    def test_rules_with_values_of_their_own_ran_only_there(self):
        found = symopt.sweep(
            {"adam": {"beta2": ["99/100", "999/1000"], "eta": [1]}, "momentum": {},
             "gradient_descent": {"eta": ["1/4", "1/2"]}},
            "half_square", [[1]], 2, eta="1/8",
        )  # fmt: skip
        data = found.to_xarray()
        assert data.f.dims == ("rule", "objective", "eta", "beta2", "start")
        assert data.eta.values.tolist() == [0.125, 0.25, 0.5, 1]
        ran = data.ran.all(["objective", "beta2", "start"])
        assert ran.sel(rule="adam").values.tolist() == [False, False, False, True]
        assert ran.sel(rule="momentum").values.tolist() == [True, False, False, False]
        assert ran.sel(rule="gradient_descent").values.tolist() == [False, True, True, False]
        assert np.array_equal(np.isnan(data.f), ~data.ran)
        assert float(data.x.sel(rule="gradient_descent", eta=0.5)[0, 0, 0, 0]) == 0.25
        alone = symopt.run("adam", "half_square", [1], 2, eta=1, beta2="99/100")
        assert float(data.x.sel(rule="adam", eta=1, beta2=0.99).squeeze()) == alone.x[-1, 0]

    def test_objectives_of_different_size_and_number_of_starts(self):
        found = symopt.sweep("adam", ["half_square", "beale", "rosenbrock[3]"],
                             {"half_square": [[1], [2]], "beale": symopt.grid(3, 4),
                              "rosenbrock[3]": [1, 2, 3]}, 3)  # fmt: skip
        data = found.to_xarray()
        assert data.f.shape == (1, 3, 12)
        assert data.ran.sum("start").values.tolist() == [[2, 12, 1]]
        assert np.isnan(data.x.sel(objective="half_square")[0, 0, 1:]).all()
        window = [[float(v) for v in pair] for pair in symopt.objectives.beale.window]
        corners = found["adam", "beale"].starts[[0, 3, -1]]
        assert corners.tolist() == [[window[0][0], window[1][0]], [window[0][0], window[1][1]],
                                    [window[0][1], window[1][1]]]  # fmt: skip

    def test_schedules_are_labelled_by_their_text(self):
        found = symopt.sweep(["gradient_descent", "momentum"], "half_square", [[1]], 4,
                             eta=["1/4", "1/(2*t)"])  # fmt: skip
        data = found.to_xarray()
        assert data.eta.values.tolist() == ["0.25", "1/(2*t)"]
        ends = [symopt.run("gradient_descent", "half_square", [1], 4, eta=e).x[-1, 0]
                for e in ("1/4", "1/(2*t)")]  # fmt: skip
        assert data.x.sel(rule="gradient_descent").values.ravel().tolist() == ends

    def test_a_grid_is_exact_and_its_last_variable_runs_fastest(self):
        found = symopt.sweep("adam", "beale", symopt.grid(4, 2, window=[(0, "1/3"), (0, 1)]), 1)
        starts = found["adam", "beale"].starts
        assert starts[:, 0].tolist() == [float(Fraction(k, 9)) for k in range(4) for _ in range(2)]
        assert starts[:, 1].tolist() == [0, 1] * 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: symopt.sweep(["adam", "adagrad"], "beale", mu=["1/2"]),
         "none of adam, adagrad has a hyperparameter 'mu'"),
        (lambda: symopt.sweep("adam", "beale", lr=[1]), "adam has no hyperparameter 'lr'.*eta"),
        (lambda: symopt.sweep({"adam": {"mu": [1]}}, "beale"), "adam has no hyperparameter 'mu'"),
        (lambda: symopt.sweep("adam", "beale", beta1=["1/2", 1]), "beta1 = 1 is outside"),
        (lambda: symopt.sweep("adam", "beale", eta=[]), "eta: an empty list"),
        (lambda: symopt.sweep("adam", "beale", eta=["1/2", 0.5]), "eta has the value 0.5 twice"),
        (lambda: symopt.sweep("adam", "beale", eta="1..2"), "not a range; write low..high:count"),
        (lambda: symopt.sweep("adam", "beale", eta="0..2:5:log"), "ends above zero"),
        (lambda: symopt.sweep(["adam", "adam"], "beale"), "'adam' is given twice"),
        (lambda: symopt.sweep("adam", ["beale", "bale"]), "Did you mean 'beale'"),
        (lambda: symopt.sweep("adam", ["beale", "half_square"], [[1, 2]]), "half_square"),
        (lambda: symopt.sweep("adam", "beale", {"cubic": [[1, 2]]}), "none for beale"),
        (lambda: symopt.sweep("adam", "beale", symopt.grid(2, 2, 2)), "its 2 variables"),
        (lambda: symopt.sweep("adam", "beale", arithmetic="ball"), "float64 or float32"),
        (lambda: symopt.sweep("adam", "beale", executor=0), "positive number of processes"),
        (lambda: symopt.grid(1), "at least 2 starts"),
        (lambda: symopt.spaced(1, "1/2", 3), "empty interval"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_with_the_culprit(call, message):
    with pytest.raises((InputError, UnknownNameError), match=message):
        call()


def test_logarithmic_values_are_short_decimals_even_in_quotients():
    values = symopt.spaced("1e-4", 1, 81, log=True)
    assert values[0] == Fraction(1, 10**4)
    assert values[-1] == 1
    quotients = [float(b / a) for a, b in itertools.pairwise(values)]
    assert max(quotients) - 1 < 1.15 * (10 ** (4 / 80) - 1)
    assert all(len(str(float(value)).strip("0.").replace(".", "")) <= 4 for value in values)


class TestParts:
    rule = symopt.rules.gradient_descent.variant(
        "Halved", {x: x - eta * g / 2}, source=symopt.rules.gradient_descent.source
    )
    bowl = symopt.Objective("x**2 + 3*y**2", "x y", title="Bowl",
                            of_dimension=lambda n: ("x**2", "x"))  # fmt: skip

    def test_statements_of_users_pickle_small_whatever_the_number_of_starts(self):
        starts = symopt.grid(1000, window=[(-1, 1)] * 2)
        etas = {"eta": symopt.spaced("1/100", 1, 50)}
        made = make_plan(self.rule, self.bowl, starts, 100, "float64", etas)
        assert made.runs == 50_000_000
        # The coordinates along both sides of the grid are most of it.
        assert len(pickle.dumps(made.task(0))) < 2 * 1000 * 9 + 5000
        points = make_plan(self.rule, self.bowl, np.ones((2**20, 2)), 100, "float64", {})
        sent = [len(pickle.dumps(points.task(i).starts)) for i in range(len(points.pieces))]
        assert max(sent) < 2**20 * 16 / len(points.pieces) * 1.1
        assert len(points.pieces) >= 4

    def test_statements_of_users_run_in_other_processes(self):
        here = symopt.sweep(self.rule, self.bowl, [[1, 2]], 10, eta=["1/10", "1/5"])
        there = symopt.sweep(self.rule, self.bowl, [[1, 2]], 10, eta=["1/10", "1/5"], executor=1)
        assert here.digest == there.digest
        assert here["halved", "bowl"].x[0, 0, 0] == symopt.run(
            "gradient_descent", self.bowl, [1, 2], 10, eta="1/20").x[-1, 0]  # fmt: skip

    def test_an_error_of_a_part_is_raised_here_as_it_is(self):
        with ThreadPoolExecutor(2) as threads, pytest.raises(InputError, match="beyond the range"):
            symopt.sweep("adam", "beale", arithmetic="float32", eta=["1e60"], executor=threads)


@pytest.mark.usefixtures("many_parts")
class TestStore:
    def test_a_finished_store_runs_nothing_again(self, tmp_path, serial, monkeypatch):
        first = symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path / "kept")
        assert (first.digest, first.resumed) == (serial.digest, 0)
        monkeypatch.setattr(executors, "run_task", None)
        again = symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path / "kept")
        assert (again.digest, again.resumed) == (serial.digest, again.parts)

    @pytest.mark.parametrize("harm", ["cut", "flip", "empty", "other", "gone"])
    def test_a_damaged_part_is_run_again(self, tmp_path, serial, harm):
        symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path)
        parts = sorted(tmp_path.glob("part-*"))
        data = parts[4].read_bytes()
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]
        other = parts[5].read_bytes()
        harmed = {"cut": data[:-9], "empty": b"", "other": other, "flip": flipped}
        parts[4].write_bytes(harmed[harm]) if harm in harmed else parts[4].unlink()
        again = symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path)
        assert again.resumed == again.parts - 1
        assert again.digest == serial.digest
        assert parts[4].read_bytes() == data

    def test_the_store_of_another_sweep_is_refused_with_what_differs(self, tmp_path):
        symopt.sweep("adam", "beale", STARTS, 60, eta=["1/100", "1/10"], store=tmp_path)
        with pytest.raises(InputError, match="steps is 60 there and 61 here"):
            symopt.sweep("adam", "beale", STARTS, 61, eta=["1/100", "1/10"], store=tmp_path)
        with pytest.raises(InputError, match=r'eta is \["1/100", "1/10"\] there and .*"1/9'):
            symopt.sweep("adam", "beale", STARTS, 60, eta=["1/100", "1/9"], store=tmp_path)
        with pytest.raises(InputError, match="starts sha256"):
            symopt.sweep("adam", "beale", [*STARTS[:2], [3, 1]], 60, eta=["1/100", "1/10"],
                         store=tmp_path)  # fmt: skip
        inside = symopt.rules.adam_epsilon_inside.named("adam", "adam")
        with pytest.raises(InputError, match="rule title"):
            symopt.sweep(inside, "beale", STARTS, 60, eta=["1/100", "1/10"], store=tmp_path)
        (tmp_path / "sweep.json").write_text("{")
        with pytest.raises(InputError, match="is damaged"):
            symopt.sweep("adam", "beale", STARTS, 60, eta=["1/100", "1/10"], store=tmp_path)

    def test_what_a_killed_process_was_writing_is_in_nobodys_way(self, tmp_path, serial):
        (tmp_path / ".sweep.json.x1y2.part").write_bytes(b"{")
        (tmp_path / ".part-000003.bin.x1y2.part").write_bytes(b"symopt")
        found = symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path)
        assert (found.digest, found.resumed) == (serial.digest, 0)

    def test_a_folder_with_other_things_in_it_is_no_store(self, tmp_path):
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(InputError, match="holds other files"):
            symopt.sweep("adam", "beale", store=tmp_path)
        with pytest.raises(symopt.OutputError, match="cannot use the store"):
            symopt.sweep("adam", "beale", store=tmp_path / "thesis.tex")


KILLED = """
import sys
import symopt
from symopt.execution.sweep import plan
plan._WORK = 2 * 1000 * 300
symopt.sweep(["momentum", "adam"], "beale", symopt.grid(24), 1000, eta="1/1000..1/100:12",
             store=sys.argv[1])
"""


def test_a_sweep_killed_midway_goes_on_without_redoing_or_losing_a_part(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "_WORK", 2 * 1000 * 300)
    call = (["momentum", "adam"], "beale", symopt.grid(24), 1000)
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "kept")])
    until = time.monotonic() + 60
    while time.monotonic() < until and len(list(tmp_path.glob("kept/part-*"))) < 4:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("kept/part-*")}
    ran = []
    run = executors.run_task
    monkeypatch.setattr(executors, "run_task", lambda task: ran.append(task.number) or run(task))
    found = symopt.sweep(*call, eta="1/1000..1/100:12", store=tmp_path / "kept")
    assert 4 <= len(before) < found.parts, "it was killed midway"
    assert found.resumed == len(before)
    assert len(ran) == len(set(ran)) == found.parts - len(before)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("kept/part-*")}
    assert len(after) == found.parts
    assert before.items() <= after.items()
    assert found.digest == symopt.sweep(*call, eta="1/1000..1/100:12").digest


@pytest.mark.usefixtures("many_parts")
class TestWorkersThatDie:
    def kill(self, *pids):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    @pytest.mark.slow
    def test_processes_of_our_own_are_replaced(self, serial):
        killed = []

        def watch(what, done, total):
            if done in (2, 9):
                victim = multiprocessing.active_children()[0].pid
                killed.append(victim)
                self.kill(victim)

        found = symopt.sweep(*CALL, STARTS, 60, **HYPER, executor=2, watch=watch)
        assert len(set(killed)) == 2
        assert found.digest == serial.digest

    @pytest.mark.slow
    def test_a_given_pool_that_breaks_is_an_error_that_says_how_to_go_on(self, tmp_path, serial):
        context = multiprocessing.get_context("forkserver")
        message = r"of \d+ parts are done.*goes on from there"
        with (
            ProcessPoolExecutor(2, context) as pool,
            pytest.raises(WorkerError, match=message),
        ):
            symopt.sweep(
                *CALL, STARTS, 60, **HYPER, executor=pool, store=tmp_path,
                watch=lambda what, done, total: done == 2 and self.kill(*pool._processes),
            )  # fmt: skip
        found = symopt.sweep(*CALL, STARTS, 60, **HYPER, store=tmp_path)
        assert found.resumed >= 2
        assert found.digest == serial.digest
        with pytest.raises(WorkerError, match="Give store="):
            symopt.sweep(*CALL, STARTS, 60, **HYPER, executor=pool)

    @pytest.mark.slow
    def test_a_script_that_starts_processes_while_it_is_read_is_told_how_not_to(self, tmp_path):
        script = tmp_path / "unguarded.py"
        script.write_text("import symopt\nsymopt.sweep('adam', 'beale', executor=1)\n")
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 1
        assert "WorkerError: part 0 lost its worker 3 times" in done.stderr
        assert "if __name__ == '__main__'" in done.stderr

    def test_a_part_that_loses_every_worker_does_not_go_round_for_ever(self, monkeypatch):
        class Losing(ThreadPoolExecutor):
            def submit(self, function, task):
                if task.number == 3:
                    return super().submit(int, "a connection was lost")
                return super().submit(function, task)

        with Losing(2) as pool, pytest.raises(WorkerError, match="part 3 lost its worker 3 times"):
            symopt.sweep(*CALL, STARTS, 60, **HYPER, executor=pool)
