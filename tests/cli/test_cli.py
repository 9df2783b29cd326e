"""The command line: what it prints, in what form, with which exit code, and what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import symopt
from symopt.cli import main

HEAVY = ("sympy", "numpy", "matplotlib", "rich", "jinja2", "flint", "torch", "jax", "numba")
RULE = """
from symopt import Reference, Rule, Source
from symopt.statement.symbols import eta, g, grad, x

halving = Rule(
    "Halved descent",
    Source("me2026", "p. 1", reference=Reference("me2026", "Notes", "Doe, Jane", 2026)),
    {eta: "1/10"}, {}, [(g, grad(x)), (x, x - eta * g / 2)],
)
"""
OBJECTIVE = """
from symopt import Objective

hollow = Objective("x**2 + 3*y**2", variables="x y", title="Hollow", start=("1", "1/3"),
                   window=[(-2, 2), (-2, 2)])
"""


DERIVATION = """
import symopt

document = symopt.derive("gradient_descent", "half_square", steps=1)
"""


def call(*arguments: str, code: int = 0, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="symopt", env=env)
    assert result.exit_code == code, result.output
    return result


def printed(*arguments: str) -> str:
    return call(*arguments).stdout


def data(*arguments: str) -> object:
    return json.loads(printed(*arguments, "--json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "objectives").mkdir()
    (tmp_path / "rules" / "mine.py").write_text(RULE)
    (tmp_path / "objectives" / "mine.py").write_text(OBJECTIVE)
    return tmp_path


def test_help_imports_click_alone() -> None:
    code = (
        "import sys\nfrom symopt.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print('loaded', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"
    assert "Examples:" in done.stdout


def test_import_of_the_package_is_light() -> None:
    code = f"import sys, symopt; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", ["list", "show", "derive", "unroll", "run", "plot", "report"]
)  # fmt: skip
def test_every_command_teaches_by_examples(command: str) -> None:
    text = printed(command, "--help")
    assert text.count(f"\n    symopt {command}") + text.count(f"\n  symopt {command}") >= 2
    assert "--json" in text
    if command != "report":
        assert command in printed("--help")
    assert "The code is\n" in text or "The code is executed" in " ".join(text.split())


def test_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symopt", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["symopt", symopt.__version__]


def test_list_names_everything() -> None:
    found = data("list")
    assert isinstance(found, dict)
    assert [entry["name"] for entry in found["rules"]] == list(symopt.rules)
    assert [entry["name"] for entry in found["objectives"]] == list(symopt.objectives)
    assert [entry["name"] for entry in found["systems"]] == list(symopt.systems)
    assert "nesterov_full_velocity" in printed("list", "rules")


def test_show_of_a_rule_has_the_papers_order() -> None:
    text = printed("show", "adam")
    assert "β₁ mₜ₋₁ + (1 - β₁) gₜ" in text
    assert "Kingma and Ba (2015), Algorithm 1" in text
    assert "look-ahead point is x + mu*v" in " ".join(
        printed("show", "nesterov_full_velocity").split()
    )


def test_show_of_an_objective_has_its_critical_points() -> None:
    assert "909/64" in printed("show", "beale")
    found = data("show", "beale")
    assert isinstance(found, dict)
    assert [point["kind"] for point in found["critical_points"]] == ["minimum", "saddle", "saddle"]
    assert found["critical_points"][0]["point"] == ["3", "1/2"]
    without = data("show", "ackley")
    assert isinstance(without, dict)
    assert without["critical_points"] is None
    assert "transcendental" in without["why_no_critical_points"]


def test_show_json_is_the_whole_statement() -> None:
    from symopt.statement.serialize import rule_from

    found = data("show", "radam")
    assert isinstance(found, dict)
    assert rule_from(found) == symopt.rules.radam


def test_show_of_a_family_member_and_of_a_system() -> None:
    assert "x₃" in printed("show", "rosenbrock[3]")
    assert "momentum on cubic" in printed("show", "N3d")


def test_run_equals_an_independent_loop() -> None:
    found = data(
        "run", "momentum", "beale", "--x0", "1", "3/2", "--steps", "3",
        "--arithmetic", "rational", "--set", "eta=1/1000",
    )  # fmt: skip
    assert isinstance(found, dict)
    x, y, v, w = Fraction(1), Fraction(3, 2), Fraction(0), Fraction(0)
    for row in found["x"][1:]:
        a, b, c = (
            Fraction(constant) - x + x * y**power
            for constant, power in (("3/2", 1), ("9/4", 2), ("21/8", 3))
        )
        dx = 2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1)
        dy = 2 * a * x + 4 * b * x * y + 6 * c * x * y**2
        v, w = Fraction(9, 10) * v - dx / 1000, Fraction(9, 10) * w - dy / 1000
        x, y = x + v, y + w
        assert [Fraction(value) for value in row] == [x, y]
    assert found["hyperparameters"] == {"eta": "1/1000", "mu": "9/10"}


@pytest.mark.parametrize(
    "start", [["--x0", "-7", "2"], ["--x0", "-7, 2"], ["--x0=-7,2"], ["--x0", "-7", "--x0", "2"]]
)
def test_negative_starts_in_every_spelling(start: list[str]) -> None:
    found = data("run", "adam", "elongated_bowl", *start, "--steps", "1")
    assert isinstance(found, dict)
    assert found["x"][0] == [-7.0, 2.0]


def test_start_takes_only_numbers() -> None:
    found = data("run", "--x0", "1", "3/2", "adam", "beale", "--steps", "1")
    assert isinstance(found, dict)
    assert found["x"][0] == [1.0, 1.5]


def test_run_in_balls_prints_certified_digits() -> None:
    found = data("run", "adagrad", "half_square", "--x0", "1", "--steps", "2",
                 "--arithmetic", "ball", "--set", "eta=0.01", "--set", "epsilon=1e-10")  # fmt: skip
    assert isinstance(found, dict)
    # The digits of the source system N1, to 25.
    assert found["x"][2][0].startswith("0.982964554022295333763431")


def test_schedule_on_the_command_line() -> None:
    found = data("run", "gradient_descent", "half_square", "--x0", "1", "--steps", "2",
                 "--arithmetic", "rational", "--set", "eta=1/(2*t)")  # fmt: skip
    assert isinstance(found, dict)
    assert [Fraction(row[0]) for row in found["x"]] == [1, Fraction(1, 2), Fraction(3, 8)]


def test_rows_are_cut_and_can_be_asked_for() -> None:
    assert "..." in printed("run", "adam", "beale", "--steps", "60")
    whole = printed("run", "adam", "beale", "--steps", "60", "--rows", "0")
    assert "..." not in whole
    assert len(whole.splitlines()) == 63


def test_run_records_what_is_asked_for() -> None:
    whole = data("run", "momentum", "beale", "--steps", "60", "--set", "eta=1/400")
    assert isinstance(whole, dict)
    values = whole["f"]
    lowest = values.index(min(values))
    below = next(step for step, value in enumerate(values) if value <= 2)
    for record, step in (("best", lowest), ("below=2", below), ("below=-1", -1), ("final", 60)):
        found = data("run", "momentum", "beale", "--steps", "60", "--set", "eta=1/400",
                     "--record", record)  # fmt: skip
        assert isinstance(found, dict)
        assert found["recorded"] == [step]
        if step >= 0:
            assert found["x"] == [whole["x"][step]]
    assert "never" in printed("run", "adam", "beale", "--record", "below=-1")
    assert call("run", "adam", "beale", "--record", "lowest", code=2).stdout == ""


def test_json_has_no_bare_nan() -> None:
    found = data("run", "momentum", "cubic", "--steps", "40")
    assert isinstance(found, dict)
    assert found["diverged_at"] == 27
    assert {"inf", "-inf", "nan"} & {value for row in found["x"] for value in row}


def test_saved_run_is_loaded_again(tmp_path: Path) -> None:
    target = tmp_path / "run.npz"
    result = call("run", "adam", "beale", "--steps", "5", "-o", str(target))
    assert "wrote" in result.stderr
    assert "wrote" not in result.stdout
    loaded = symopt.load(target)
    assert (loaded.x == symopt.run("adam", "beale", steps=5).x).all()


def test_derive_writes_a_document_and_prints_text(tmp_path: Path) -> None:
    target = tmp_path / "adam.tex"
    call("derive", "adam", "beale", "--steps", "1", "-o", str(target))
    source = target.read_text("utf-8")
    assert source.startswith(r"\documentclass")
    assert source.rstrip().endswith(r"\end{document}")
    text = printed("derive", "gradient_descent", "half_square", "--steps", "1", "--set", "eta=1/4")
    assert "3/4" in text


def test_unroll_shows_the_closed_form() -> None:
    assert "x₂ = x₀ - η g₁ - η μ g₁ - η g₂" in printed("unroll", "momentum", "--steps", "2")
    found = data("unroll", "gradient_descent", "half_square", "--steps", "3", "--set", "eta=1/2")
    assert isinstance(found, dict)
    assert found["point"][0]["text"] == "w_0/8"
    let = data("unroll", "adam", "beale", "--steps", "2", "--step", "2")
    assert isinstance(let, dict)
    assert let["kind"] == "let-bound"


@pytest.mark.parametrize("kind", ["trajectory", "losses", "panels", "surface"])
def test_plot_writes_a_picture_and_says_what_was_run(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    text = printed(
        "plot", "momentum", "adam", "--on", "cubic", "--kind", kind, "--steps", "5",
        "--set", "eta=1/100", "--set", "adam.eta=1/10", "-o", str(target),
    )  # fmt: skip
    assert target.read_bytes().startswith(b"\x89PNG")
    assert "Momentum (η = 0.01, μ = 0.9)" in text
    assert "Adam (η = 0.1," in text


def test_system_report_prints_printed_beside_exact() -> None:
    text = printed("report", "--system", "N1")
    assert "0.9829645540222953337634319" in text
    assert "does not hold" in text
    found = data("report", "--system", "N1")
    assert isinstance(found, dict)
    rows = {(row["run"], row["step"], row["quantity"]): row for row in found["printed"]}
    assert rows["momentum as run", 2, "w"]["printed"] == "0.971100"
    assert Fraction(rows["momentum as stated", 2, "w"]["exact"]) == Fraction(997101, 10**6)


def test_own_files_by_option(folder: Path, tmp_path: Path) -> None:
    own = ["--rules", str(folder / "rules" / "mine.py"), "--objectives", str(folder)]
    assert "halving" in printed("list", "rules", *own)
    assert "hollow" in printed("list", "objectives", *own)
    assert "Halved descent" in printed("show", "halving", *own)
    assert "6 y" in printed("show", "hollow", *own)
    found = json.loads(
        printed(
            "run", "halving", "hollow", "--steps", "1", "--arithmetic", "rational", "--json", *own
        )
    )
    # x - (1/10)(2x)/2 and y - (1/10)(6y)/2 from (1, 1/3).
    assert [Fraction(value) for value in found["x"][1]] == [Fraction(9, 10), Fraction(7, 30)]
    target = tmp_path / "own.tex"
    call("derive", "halving", "hollow", "--steps", "1", "-o", str(target), *own)
    assert "Halved descent on Hollow" in target.read_text("utf-8")
    assert "halving" not in printed("list", "rules")


def test_own_files_by_environment(folder: Path, tmp_path: Path) -> None:
    env = {"SYMOPT_CATALOGUE": str(folder)}
    assert "halving" in call("list", "rules", env=env).stdout
    assert "Hollow" in call("show", "hollow", env=env).stdout
    assert "Halved descent" in call("show", "halving", env=env).stdout
    target = tmp_path / "own.tex"
    call("derive", "halving", "hollow", "--steps", "1", "-o", str(target), env=env)
    assert target.is_file()
    done = subprocess.run(
        [sys.executable, "-m", "symopt", "run", "halving", "hollow", "--steps", "1", "--json"],
        capture_output=True, text=True, check=True, env={**os.environ, **env},
    )  # fmt: skip
    assert json.loads(done.stdout)["x"][1][0] == pytest.approx(0.9, rel=1e-15)


def test_reader_of_a_pipe_may_leave() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "symopt", "list", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    error = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 0
    assert error == ""


def test_a_terminal_without_greek_gets_escapes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symopt", "show", "adam"], capture_output=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert "\\u03b7 = 1/1000" in done.stdout.decode("latin-1")


def test_compare_prints_a_comparison_and_writes_files(tmp_path: Path) -> None:
    assert "✗ refuted" in printed("compare", "momentum", "nesterov")
    page = tmp_path / "c.html"
    call("compare", "momentum", "heavy_ball", "-o", str(page))
    assert "proved" in page.read_text("utf-8")
    call("compare", "adam", code=2)


def test_derive_shows_as_much_as_a_reader_wants() -> None:
    brief, full = (
        printed("derive", "momentum", "half_square", "--steps", "1", "--detail", detail)
        for detail in ("brief", "full")
    )
    assert "with numbers" not in brief
    assert "the rule's line" in full
    assert "What was checked" in brief


def test_a_folder_of_derivations_is_written_and_found_stale_when_a_line_is_altered(tmp_path):
    (tmp_path / "descent.py").write_text(DERIVATION)
    call("derive", "--check", str(tmp_path), code=1)
    call("derive", "--update", str(tmp_path))
    call("derive", "--check", str(tmp_path))
    page = tmp_path / "descent.md"
    page.write_text(page.read_text().replace("descent", "ascent"))
    assert "descent.md" in call("derive", "--check", str(tmp_path), code=1).output
