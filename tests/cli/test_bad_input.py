"""Bad input: every message names the culprit, in Python and on the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import symopt
from symopt import (
    BudgetError,
    InexactError,
    InputError,
    OutputError,
    ParseError,
    StatementError,
    SymoptError,
    UndefinedError,
    UnknownNameError,
)
from symopt.cli import main

run = symopt.run

#: What is called, the error, and what its message must hold.
REFUSED: list[tuple[str, Callable[[], Any], type[SymoptError], list[str]]] = [
    ("unknown rule", lambda: run("adm", "beale"), UnknownNameError, ["'adm'", "'adam'"]),
    ("nothing near", lambda: run("zzz", "beale"), UnknownNameError, ["'zzz'", "symopt list"]),
    ("unknown objective", lambda: run("adam", "bael"), UnknownNameError, ["'bael'", "'beale'"]),
    ("neither name nor rule", lambda: run(3, "beale"), InputError, ["rule", "int"]),  # type: ignore[arg-type]
    (
        "unknown hyperparameter",
        lambda: run("adam", "beale", lr=0.1),
        UnknownNameError,
        ["adam", "'lr'", "'eta'", "learning rate"],
    ),
    ("text hyperparameter", lambda: run("adam", "beale", eta="big"), InputError, ["eta", "'big'"]),
    (
        "outside the domain",
        lambda: run("adam", "beale", beta1=2),
        InputError,
        ["adam", "beta1", "2", "domain"],
    ),
    ("nan", lambda: run("adam", "beale", eta=math.nan), InputError, ["eta", "nan"]),
    (
        "hostile schedule",
        lambda: run("adam", "beale", eta="__import__('os').getcwd()"),
        ParseError,
        ["_"],
    ),
    ("long start", lambda: run("adam", "beale", (1, 2, 3)), InputError, ["3 numbers", "x1, x2"]),
    ("short start", lambda: run("adam", "beale", (1,)), InputError, ["1 numbers", "x1, x2"]),
    ("empty start", lambda: run("adam", "beale", ()), InputError, ["0 numbers", "x1, x2"]),
    ("nan start", lambda: run("adam", "beale", (1, math.nan)), InputError, ["x0, x2", "nan"]),
    ("nan text", lambda: run("adam", "beale", ("1", "nan")), InputError, ["x0, x2", "'nan'"]),
    ("infinite start", lambda: run("adam", "beale", (math.inf, 1)), InputError, ["x0, x1", "inf"]),
    ("1/0", lambda: run("adam", "beale", ("1/0", 1)), InputError, ["x0, x1", "1/0"]),
    ("batch with nan", lambda: run("adam", "beale", np.full((2, 2), np.nan)), InputError, ["nan"]),
    (
        "no start",
        lambda: run("adam", symopt.Objective("p**2 + q**2", variables="p q")),
        InputError,
        ["start", "p, q"],
    ),
    ("steps -1", lambda: run("adam", "beale", steps=-1), InputError, ["steps", "-1"]),
    ("steps 1.5", lambda: run("adam", "beale", steps=1.5), InputError, ["steps", "1.5"]),  # type: ignore[arg-type]
    ("unroll 0", lambda: symopt.unroll("adam", steps=0), InputError, ["steps", "0"]),
    ("unroll -1", lambda: symopt.unroll("adam", steps=-1), InputError, ["steps", "-1"]),
    ("derive 0", lambda: symopt.derive("adam", "beale", steps=0), InputError, ["steps", "0"]),
    (
        "arithmetic",
        lambda: run("adam", "beale", arithmetic="float16"),
        InputError,
        ["'float16'", "'ball'"],
    ),
    (
        "irrational in rationals",
        lambda: run("adam", "beale", arithmetic="rational"),
        InexactError,
        ["adam", "sqrt", "ball"],
    ),
    (
        "over the budget",
        lambda: run("momentum", "beale", steps=40, arithmetic="rational"),
        BudgetError,
        ["momentum", "beale", "ball"],
    ),
    (
        "0/0 in balls",
        lambda: run("amsgrad", "weighted_squares", (0, 0), 3, "ball"),
        UndefinedError,
        ["division by zero", "amsgrad", "weighted_squares", "step 1"],
    ),
    (
        "root of a negative number",
        lambda: run("gradient_descent", symopt.Objective("x**(3/2)", "x"), (-1,), 1, "ball"),
        SymoptError,
        ["gradient_descent"],
    ),
    (
        "unknown variable",
        lambda: symopt.Objective("x*y", variables="x"),
        StatementError,
        ["'y'"],
    ),
    (
        "unwritable run",
        lambda: run("adam", "beale", steps=1).save("/nonexistent/folder/run.npz"),
        OutputError,
        ["/nonexistent/folder/run.npz"],
    ),
    (
        "wrong ending",
        lambda: run("adam", "beale", steps=1).save("run.csv"),
        InputError,
        ["run.csv", ".npz"],
    ),
    (
        "unwritable derivation",
        lambda: symopt.derive("momentum", "half_square", steps=1).save("/nonexistent/a.tex"),
        OutputError,
        ["/nonexistent/a.tex"],
    ),
    (
        "unwritable picture",
        lambda: symopt.plot.save(
            symopt.plot.losses(run("adam", "beale", steps=1)), "/nonexistent/a.png"
        ),
        OutputError,
        ["/nonexistent/a.png"],
    ),
    ("unreadable run", lambda: symopt.load("/nonexistent/a.npz"), OutputError, ["a.npz"]),
]


@pytest.mark.parametrize(
    ("call", "error", "parts"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_python_names_the_culprit(
    call: Callable[[], Any], error: type[SymoptError], parts: list[str]
) -> None:
    with pytest.raises(error) as caught:
        call()
    for part in parts:
        assert part in str(caught.value)


#: Arguments, exit code, and what the one line on stderr must hold.
COMMANDS: list[tuple[list[str], int, list[str]]] = [
    (["run", "adm", "beale"], 2, ["'adm'", "'adam'"]),
    (["run", "adam", "bael"], 2, ["'bael'", "'beale'"]),
    (["show", "bael"], 2, ["'bael'", "'beale'"]),
    (["report", "--system", "N3e"], 2, ["'N3e'", "'N3d'"]),
    (["run", "adam", "beale", "--set", "lr=1"], 2, ["'lr'", "'eta'"]),
    (["run", "adam", "beale", "--set", "steps=1"], 2, ["'steps'", "beta1"]),
    (["unroll", "adam", "--set", "objective=1"], 2, ["'objective'"]),
    (["plot", "adam", "momentum", "--on", "beale", "--set", "kapa=1"], 2, ["'kapa'"]),
    (["plot", "adam", "--on", "beale", "--set", "adma.eta=1"], 2, ["'adma'", "'adam'"]),
    (["run", "adam", "beale", "--set", "eta=-1"], 2, ["eta", "-1", "domain"]),
    (["run", "adam", "beale", "--set", "eta=__import__('os')"], 2, ["_"]),
    (["run", "adam", "beale", "--x0", "1", "2", "3"], 2, ["3 numbers", "x1, x2"]),
    (["run", "adam", "beale", "--x0", "nan", "1"], 2, ["x0, x1", "nan"]),
    (["run", "adam", "beale", "--x0", "inf", "1"], 2, ["x0, x1", "inf"]),
    (["run", "adam", "beale", "--x0", "one", "--x0", "2"], 2, ["x0, x1", "'one'"]),
    (["run", "adam", "beale", "--x0", ""], 2, ["0 numbers"]),
    (["run", "adam", "beale", "--steps", "-1"], 2, ["steps", "-1"]),
    (["unroll", "adam", "--steps", "0"], 2, ["steps", "0"]),
    (["derive", "adam", "beale", "--steps", "0"], 2, ["steps", "0"]),
    (["run", "adam", "beale", "--arithmetic", "rational"], 3, ["sqrt", "ball"]),
    (["run", "momentum", "beale", "--steps", "40", "--arithmetic", "rational"], 3, ["ball"]),
    (
        ["run", "amsgrad", "weighted_squares", "--x0", "0", "0", "--arithmetic", "ball"],
        2,
        ["division by zero", "step 1"],
    ),
    (["run", "adam", "beale", "-o", "/nonexistent/run.npz"], 2, ["/nonexistent/run.npz"]),
    (["derive", "momentum", "half_square", "-o", "/nonexistent/a.tex"], 2, ["/nonexistent/a.tex"]),
    (["derive", "momentum", "half_square", "-o", "a.docx"], 2, ["a.docx", ".tex"]),
    (["plot", "adam", "--on", "beale", "-o", "/nonexistent/a.png"], 2, ["/nonexistent/a.png"]),
    (["report", "--quick", "-o", "/dev/null/report"], 2, ["/dev/null/report"]),
    (["report", "--quick", "--on", "half_square", "-o", "."], 2, ["half_square", "two variables"]),
    (["atlas", "torsch"], 2, ["'torsch'", "'torch'"]),
    (["atlas", "--md", "/nonexistent/atlas.md"], 2, ["/nonexistent/atlas.md"]),
    (["atlas", "-o", "/dev/null/atlas"], 2, ["/dev/null/atlas", "--output"]),
    (["list", "--rules", "/nonexistent/rules.py"], 2, ["/nonexistent/rules.py"]),
]


@pytest.mark.parametrize(
    ("arguments", "code", "parts"), COMMANDS, ids=lambda value: str(value)[:60]
)
def test_command_line_names_the_culprit_in_one_line(
    arguments: list[str], code: int, parts: list[str]
) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="symopt")
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("symopt: error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["lst"], "'list'"),
        (["run", "adam", "beale", "--arithmetic", "float16"], "float16"),
        (["run", "adam", "beale", "--steps", "many"], "many"),
        (["run", "adam", "beale", "--set", "eta"], "NAME=VALUE"),
        (["run", "adam", "beale", "--set", "eta=1", "--set", "eta=2"], "twice"),
        (["report", "--steps", "0"], "--steps"),
        (["run", "adam"], "OBJECTIVE"),
        (["atlas", "--json", "torch"], "frameworks before --json"),
    ],
)
def test_usage_errors_exit_with_2(arguments: list[str], part: str) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="symopt")
    assert result.exit_code == 2
    assert part in result.stderr


def test_unexpected_errors_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("symopt.execution.run.run", broken)
    result = CliRunner().invoke(main, ["run", "adam", "beale"])
    assert result.exit_code == 70  # not 1, which says "refuted"
    assert "Traceback" in result.stderr
    assert "a fault of ours" in result.stderr


def test_a_users_faulty_file_is_named(tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.py"
    faulty.write_text("import nosuchmodule\n")
    result = CliRunner().invoke(main, ["list", "rules", "--rules", str(faulty)])
    assert result.exit_code == 2
    assert "faulty.py" in result.stderr
    assert "nosuchmodule" in result.stderr


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    target = tmp_path / "taken.npz"
    target.mkdir()
    with pytest.raises(OutputError, match=r"taken\.npz"):
        run("adam", "beale", steps=1).save(target)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.npz"]


def test_zero_steps_are_refused() -> None:
    with pytest.raises(InputError, match="steps = 0: a run has at least 1 step"):
        run("adam", "beale", steps=0)


def test_decimal_fraction_and_float_starts() -> None:
    """Text is the exact number; a float is the binary64 number that code would receive."""
    exact = Fraction(1, 10)
    for given, meant in [
        ("0.1", exact), ("1/10", exact), ("1e-1", exact), (exact, exact),
        (0.1, Fraction(0.1)), (np.float64(0.1), Fraction(0.1)), (1, Fraction(1)),
    ]:  # fmt: skip
        result = run("gradient_descent", "half_square", (given,), 1, "rational", eta="1/2")
        assert result.x.tolist() == [[meant], [meant / 2]]
        assert run("gradient_descent", "half_square", (given,), 1).x[0].tolist() == [float(meant)]


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_overflow_is_a_value_not_a_crash(arithmetic: str) -> None:
    result = run("momentum", "cubic", steps=60, arithmetic=arithmetic)
    assert result.diverged_at is not None
    assert np.isfinite(result.x[: result.diverged_at]).all()
    assert not np.isfinite(result.x[result.diverged_at]).all()
    assert f"diverged at step {result.diverged_at}" in str(result)


def test_division_by_zero_in_a_rule_is_nan_in_floats() -> None:
    result = run("amsgrad", "weighted_squares", (0, 0), 3)
    assert result.diverged_at == 1
    assert np.isnan(result.x[1]).all()
    printed = CliRunner().invoke(main, ["run", "amsgrad", "weighted_squares", "--x0", "0", "0"])
    assert printed.exit_code == 0
    assert "diverged at step 1" in printed.stdout
