"""The benchmarks compare only what computes the same thing, and say what a run did not measure."""

import time

import numpy as np
import pytest

from . import batches, networks
from .batches import CAREFUL, NUMPY
from .calls import least_of_calls
from .ours import run_batch
from .problem import SETTINGS, batch_starts
from .race import Candidate, race
from .tables import Results
from .targets import TARGETS, targets_table
from .timing import Absent, Timing, interleave, ratio
from .trajectories import BARE, BOUND, TUTORIAL, C, add_tables, candidates


def _absent():
    raise Absent("not installed")


def test_who_computes_something_else_is_named_and_not_timed():
    path = np.linspace(0, 1, 11)
    results = Results()
    runs = {"right": path, "one off": path + 1e-3, "shorter": path[1:]}
    table = race(
        results,
        "key",
        "title",
        [
            *(Candidate(name, lambda made=made: lambda: made) for name, made in runs.items()),
            Candidate("missing", _absent),
        ],
        baseline="right",
        reference=lambda: path,
        scale=1.0,
        unit="s",
        rounds=3,
    )
    assert list(results.timings) == [("key", "right")]
    remarks = {row[0]: row[-1] for row in table.rows}
    assert remarks["right"] == "same bits"
    assert remarks["one off"].startswith("wrong: differs by")
    assert remarks["shorter"].startswith("wrong: shape")
    assert remarks["missing"] == "not installed"


def test_candidates_take_turns_and_every_other_round_is_reversed():
    calls = []
    both = {name: (lambda name=name: calls.append(name)) for name in "ab"}
    interleave(both, rounds=2, clock=lambda: float(len(calls)), least=1.0, warm_up=0)
    assert "".join(calls) == "ab" + "ab" + "ba"


def test_a_ratio_is_taken_round_by_round():
    assert ratio(Timing((2.0, 20.0, 6.0)), Timing((1.0, 10.0, 1.0))).samples == (2.0, 2.0, 6.0)


def test_every_target_is_judged_by_what_the_run_measured():
    empty = targets_table(Results())
    assert not empty.rows
    assert empty.note == f"{len(TARGETS)} targets are not part of this run."
    target = next(one for one in TARGETS if "against hand-written C" in one.what)
    results = Results()
    results.timings |= {("adam", C): Timing((1.0,)), ("adam", BARE): Timing((1.05,))}
    assert target.row(results)[-1] == "met"
    results.timings["adam", BARE] = Timing((1.2,))
    assert target.row(results)[-1] == "MISSED"
    slower = next(one for one in TARGETS if "tutorial NumPy" in one.what)
    results.timings["adam", TUTORIAL] = Timing((20.0,))
    assert slower.row(results)[-1] == "MISSED"


def test_a_bound_is_compared_with_the_least_time():
    target = next(one for one in TARGETS if "latency bound" in one.what)
    results = Results()
    results.timings |= {
        ("adam", BARE): Timing((1.4, 1.2, 1.3)), ("adam", BOUND): Timing((1.0, 1.0, 1.0)),
    }  # fmt: skip
    assert target.row(results)[2:] == ["1.20 ×", "met"]


def test_a_missed_target_says_what_the_machine_allows():
    target = next(one for one in TARGETS if one.what == "NumPy batch against careful NumPy, 1e5")
    results = Results()
    times = {CAREFUL: 10.0, NUMPY: 9.0, batches.BOUND: 8.0}
    results.timings |= {("batch 100000", k): Timing((v,), (v,)) for k, v in times.items()}
    assert target.row(results)[-1] == "MISSED; NumPy's calls alone: 1.25 ×"
    results.timings["batch 100000", batches.BOUND] = Timing((5.0,), (5.0,))
    assert target.row(results)[-1] == "MISSED; NumPy's calls alone: 2.00 ×"


def test_the_calls_of_a_block_take_some_of_the_time_of_a_batch():
    least = least_of_calls("momentum", SETTINGS["momentum"], steps=3)
    starts, run = batch_starts(4096), run_batch("numpy", 1)
    began = time.process_time()
    run(starts, 100)
    assert 0 < least < (time.process_time() - began) / 4096 / 3 * 1e9


@pytest.mark.frameworks
def test_all_ways_to_run_a_trajectory_agree():
    results, rule = Results(), "adam"
    add_tables(results, quick=True, rules=[rule])
    assert not [why for why in results.absent.values() if "wrong" in why]
    measured = {name for _, name in results.timings}
    absent = {name for _, name in results.absent}
    assert measured | absent == {one.name for one in candidates(rule, 1)} | {BOUND}
    assert TUTORIAL in measured


@pytest.mark.frameworks
def test_all_ways_to_train_a_network_agree_in_every_parameter():
    results = Results()
    networks.add_tables(results, quick=True)
    assert not [why for why in results.absent.values() if "wrong" in why]
    for case in networks.cases(quick=True):
        measured = {name for key, name in results.timings if key == case.key}
        absent = {name for key, name in results.absent if key == case.key}
        assert measured | absent == {networks.OURS, networks.COMPILED, *networks.TORCH}
        assert networks.OURS in measured
