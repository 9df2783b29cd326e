"""``symopt sweep``: tables, files and stores, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import call, data, printed

import symopt

CALL = ("sweep", "adam", "momentum", "--on", "beale", "--steps", "30", "--set", "eta=1/100,1/10",
        "--set", "momentum.mu=1/2..9/10:3", "--x0", "1", "3/2", "--x0", "-1", "2")  # fmt: skip


@pytest.fixture(scope="module")
def found() -> symopt.Sweep:
    own = {"adam": {"eta": ["1/100", "1/10"]},
           "momentum": {"eta": ["1/100", "1/10"], "mu": ["1/2", "7/10", "9/10"]}}  # fmt: skip
    return symopt.sweep(own, "beale", [["1", "3/2"], [-1, 2]], 30)


def test_the_command_is_the_function(found: symopt.Sweep, tmp_path: Path) -> None:
    shown = data(*CALL, "--store", str(tmp_path / "kept"))
    assert isinstance(shown, dict)
    assert shown["digest"] == found.digest
    assert shown["runs"] == 16
    again = data(*CALL, "--store", str(tmp_path / "kept"), "--workers", "2")
    assert again == {**shown, "resumed": shown["parts"]}
    medians = [float(one["median"]) for one in shown["settings"]]
    assert medians == sorted(medians)
    best = shown["settings"][0]
    ends = found[best["rule"], "beale"]
    (place,) = [p for p, v in ends.settings
                if {k: str(x) for k, x in v.items()} == best["hyperparameters"]]  # fmt: skip
    assert best["median"] == float(np.median(ends.f[place]))


def test_the_table_says_what_it_leaves_out(found: symopt.Sweep) -> None:
    text = printed(*CALL, "--rows", "3")
    lines = text.splitlines()
    assert lines[0] == found.caption
    assert lines[1].split() == ["rule", "objective", "setting", "starts", "diverged", "median",
                                "f", "lowest", "f"]  # fmt: skip
    assert len(lines) == 6
    assert lines[-1] == "... and 5 more; --rows 0 prints all"


def test_files_hold_every_run(found: symopt.Sweep, tmp_path: Path) -> None:
    for ending in ("csv", "json"):
        call(*CALL, "-o", str(tmp_path / f"runs.{ending}"))
    with open(tmp_path / "runs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = json.loads((tmp_path / "runs.json").read_text())["runs"]
    assert len(rows) == len(runs) == found.runs
    momentum = found["momentum", "beale"]
    (row,) = [r for r in rows if (r["rule"], r["eta"], r["mu"], r["start"])
              == ("momentum", "1/100", "7/10", "1")]  # fmt: skip
    assert [float(row["x_1"]), float(row["x_2"])] == momentum.x[0, 1, 1].tolist()
    assert [float(row["x0_1"]), float(row["x0_2"])] == [-1, 2]
    (run,) = [r for r in runs if (r["rule"], r["hyperparameters"], r["start"])
              == ("momentum", {"eta": "1/100", "mu": "7/10"}, 1)]  # fmt: skip
    assert run["x"] == momentum.x[0, 1, 1].tolist()
    assert run["f"] == momentum.f[0, 1, 1]
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("scipy")
    call(*CALL, "-o", str(tmp_path / "runs.nc"))
    with xarray.open_dataset(tmp_path / "runs.nc") as read:
        for name, array in found.to_xarray().items():
            assert np.array_equal(read[name], array, equal_nan=array.dtype.kind == "f"), name


def test_a_grid_over_a_window() -> None:
    shown = data("sweep", "adam", "--on", "beale", "--starts", "3x2", "--window", "0,1/3,-1,1")
    here = symopt.sweep("adam", "beale", symopt.grid(3, 2, window=[(0, "1/3"), (-1, 1)]))
    assert isinstance(shown, dict)
    assert shown["digest"] == here.digest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "mu=1/2"], "adam has no hyperparameter 'mu'"),
        (["--set", "adm.eta=1/2"], "Did you mean 'adam'"),
        (["--set", "eta=1..2..3"], "not a range"),
        (["--starts", "3", "--x0", "1", "1"], "two ways"),
        (["--starts", "3by4"], "no number of starts"),
        (["--window", "0,1,0,1"], "--window needs --starts"),
        (["--starts", "3", "--window", "0,1"], "one interval for each"),
        (["-o", "runs.xls"], "saved as .nc, .csv, .json"),
        (["adam"], "given twice"),
    ],
)  # fmt: skip
def test_what_is_refused(arguments: list[str], message: str) -> None:
    result = call("sweep", "adam", "--on", "beale", "--steps", "2", *arguments, code=2)
    assert message in " ".join(result.stderr.split())
