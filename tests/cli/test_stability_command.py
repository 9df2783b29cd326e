"""``symopt stability`` and ``symopt closed-form``."""

import json

import pytest
from click.testing import CliRunner

from symopt.cli import main


def run(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_stability_prints_region_rate_and_optimum():
    result = run("stability", "nesterov")
    assert result.exit_code == 0
    assert "0 < η λ < 2 (1 + μ) / (1 + 2 μ)" in result.stdout
    assert "best        η = 1/L, μ = (√L - √m) / (√L + √m)" in result.stdout


def test_stability_decides_at_numbers():
    result = run("stability", "momentum", "--set", "eta=1", "--set", "mu=1", "--curvature", "4")
    assert "x diverges, spectral radius 1" in result.stdout
    data = json.loads(
        run("stability", "momentum", "--set", "eta=1", "--curvature", "3/2", "--json").stdout
    )
    assert data["at"] == {"fate": "converges", "rate": "3*sqrt(10)/10"}
    assert data["region"] == ["0 < eta*lamda", "eta*lamda < 2*(1 + mu)"]


def test_stability_without_a_fixed_point_is_refused():
    result = run("stability", "lion")
    assert result.exit_code == 2
    assert "it jumps there" in result.stderr


def test_closed_form_prints_its_three_branches():
    result = run("closed-form", "heavy_ball")
    assert result.exit_code == 0
    assert [line.strip() for line in result.stdout.splitlines() if line.startswith("    if")] == [
        "if Δ > 0:", "if Δ = 0:", "if Δ < 0:",
    ]  # fmt: skip


def test_closed_form_gives_exact_points_of_late_steps():
    arguments = ["closed-form", "momentum", "half_square", "--x0", "1", "--set", "eta=1/4",
                 "--set", "mu=1/4"]  # fmt: skip
    result = run(*arguments, "--at", "5", "--at", "0")
    assert result.stdout.splitlines() == ["t = 5: 7/64", "t = 0: 1"]
    data = json.loads(run(*arguments, "--at", "5", "--json").stdout)
    assert data["points"] == {"5": ["7/64"]}
    assert [b["kind"] for b in data["directions"][0]["branches"]] == ["double"]


@pytest.mark.parametrize("command", ["stability", "closed-form"])
def test_the_derivation_is_written_to_a_file(command, tmp_path):
    path = tmp_path / "it.tex"
    result = run(command, "momentum_ema", "-o", str(path))
    assert result.exit_code == 0
    assert result.stdout == ""
    text = path.read_text("utf-8")
    assert r"\begin{document}" in text
    assert r"\Delta < 0" in text


def test_a_rule_that_is_not_linear_has_no_closed_form():
    result = run("closed-form", "adam")
    assert result.exit_code == 2
    assert "in the line v <- " in result.stderr
