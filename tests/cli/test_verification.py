"""``symopt verify`` and ``identify``: exit codes, JSON, and a report that names what happened."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from symopt.cli import main

CODE = '''
import numpy as np

def gd_adam(df_dx, x0, conf_para=None):
    path = [x0]
    x, s, r = np.array(x0, dtype=float), 0.0, 0.0
    for i in range(1, conf_para["n_iter"] + 1):
        g = np.array(df_dx(*x))
        s = 0.9 * s + (1 - 0.9) * g
        r = 0.999 * r + (1 - 0.999) * g * g
        x = x - 0.001 * (s / (1 - 0.9**i)) / (np.sqrt(r / (1 - 0.999**i)) + 1e-8)
        path.append(x)
    return path

class Nesterov:
    """The class of the course code: the updated velocity where equation 7 has the old one."""

    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum, self.v = lr, momentum, None

    def update(self, params, grads):
        if self.v is None:
            self.v = {key: np.zeros_like(value) for key, value in params.items()}
        for key in params:
            self.v[key] *= self.momentum
            self.v[key] -= self.lr * grads[key]
            params[key] += self.momentum * self.momentum * self.v[key]
            params[key] -= (1 + self.momentum) * self.lr * grads[key]

def look_ahead(grad, x, steps, lr=0.001, gamma=0.9):
    v = 0.0
    for _ in range(steps):
        v = gamma * v - lr * grad(x + v)
        x = x + v
        yield x

def broken(grad, x0, steps):
    raise RuntimeError("no gradient today")
'''


@pytest.fixture(scope="module")
def code(tmp_path_factory) -> str:
    path: Path = tmp_path_factory.mktemp("code") / "mine.py"
    path.write_text(CODE)
    return str(path)


def call(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    ("name", "rule", "exit_code", "word"),
    [
        ("gd_adam", "adam", 0, "PROVED"),
        ("gd_adam", "adam_epsilon_inside", 1, "REFUTED"),
        ("Nesterov", "nesterov_bengio", 1, "REFUTED"),
        ("Nesterov", "nesterov_new_velocity", 0, "PROVED"),
        ("look_ahead", "nesterov_full_velocity", 0, "PROVED"),
        ("broken", "adam", 3, "no gradient today"),
        ("missing", "adam", 2, "missing"),
        ("gd_adam", "adm", 2, "adam"),
    ],
)
def test_verify_says_it_and_exits_with_it(code, name, rule, exit_code, word):
    settings = ["--set", "eta=0.001"] if name == "look_ahead" else []
    result = call("verify", f"{code}:{name}", "--rule", rule, "--no-witness", *settings)
    assert result.exit_code == exit_code, result.output
    assert word in result.output


def test_a_refutation_carries_a_witness_that_is_a_test(code):
    result = call("verify", f"{code}:Nesterov", "--rule", "nesterov_bengio")
    assert result.exit_code == 1
    assert "def test_" in result.stdout


def test_json_has_the_fields_of_the_verdict(code):
    result = call("verify", f"{code}:gd_adam", "--rule", "adam", "--json")
    data = json.loads(result.stdout)
    assert data["status"] == "proved"
    assert data["eta"] <= 1
    assert set(data["resolution"]) == {"eta", "beta1", "beta2", "epsilon"}


def test_a_wrong_learning_rate_is_refuted(code):
    result = call("verify", f"{code}:Nesterov", "--rule", "nesterov_new_velocity", "--arg",
                  "lr=0.010000000000001", "--no-witness")  # fmt: skip
    assert result.exit_code == 1


def test_identify_names_the_defective_rule(code):
    result = call("identify", f"{code}:Nesterov", "--set", "eta=0.01", "--set", "mu=0.9")
    assert result.exit_code == 0
    assert "nesterov_new_velocity" in result.stdout


def test_a_proof_is_shown_with_its_map_and_what_it_rests_on(code):
    result = call("verify", f"{code}:gd_adam", "--rule", "adam")
    assert result.exit_code == 0
    assert result.stdout.startswith("PROVED: gd_adam against adam")
    assert "proved at the received values: eta = 1/1000, beta1 = 9/10" in result.stdout
    assert "the code as read: mine.py, SHA-256" in result.stdout


def test_no_proof_leaves_it_to_the_runs(code):
    result = call("verify", f"{code}:gd_adam", "--rule", "adam", "--no-proof")
    assert result.exit_code == 0
    assert result.stdout.startswith("CONSISTENT")


def test_a_refutation_shows_its_formula(code):
    result = call("verify", f"{code}:Nesterov", "--rule", "nesterov_bengio", "--no-witness")
    assert result.exit_code == 1
    assert "differs by -eta*g1*mu**2" in result.stdout


def test_the_certificate_of_a_verdict_runs_by_itself(code, tmp_path):
    file = tmp_path / "proof.py"
    result = call("verify", f"{code}:look_ahead", "--rule", "nesterov_full_velocity",
                  "--set", "eta=0.001", "--certificate", str(file))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "symopt" not in file.read_text().partition('"""')[2].partition('"""')[2]
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_prove_takes_code_for_a_rule(code):
    result = call("prove", f"{code}:Nesterov", "nesterov_bengio")
    assert result.exit_code == 1, result.output
    assert "differs by" in result.stdout
    assert "mu**2" in result.stdout
    assert call("prove", f"{code}:Nesterov", "nesterov_new_velocity").exit_code == 0
