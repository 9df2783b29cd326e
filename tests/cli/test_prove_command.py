"""``symopt prove``: exit codes, JSON and certificates."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from symopt.cli import main


def call(*arguments):
    return CliRunner().invoke(main, ["prove", *arguments])


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["momentum", "heavy_ball"], 0, "PROVED"),
        (["adam", "adamw"], 1, "REFUTED"),
        (["adam", "adam_epsilon_hat"], 0, "epsilon*sqrt(1 - beta2**t)"),
        (["adam", "adam_epsilon_hat", "--same-names"], 1, "REFUTED"),
        (["adam", "adamm"], 2, "Did you mean"),
    ],
)
def test_exit_codes(arguments, code, word):
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert word in result.output


def test_json_holds_the_answer():
    data = json.loads(call("nesterov_new_velocity", "nesterov_bengio", "--json").output)
    assert data["status"] == "refuted"
    assert data["step"] == 1
    assert data["difference"] == "-eta*g1*mu**2"
    data = json.loads(call("momentum_ema", "momentum_buffer", "--json").output)
    assert data["map"] == {"momentum_buffer.eta": "eta*(1 - beta)", "momentum_buffer.mu": "beta"}


def test_a_certificate_is_written_and_runs(tmp_path):
    path = tmp_path / "proof.py"
    assert call("adamw", "adamw_optax", "--certificate", str(path)).exit_code == 0
    done = subprocess.run([sys.executable, "-I", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_certificate_of_a_refutation(tmp_path):
    path = tmp_path / "proof.py"
    result = call("adam", "adamw", "--certificate", str(path))
    assert result.exit_code == 1
    assert "no certificate" in result.output
    assert not path.exists()
