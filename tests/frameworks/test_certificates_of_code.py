"""Proofs about unmodified framework code, written out so that others can check them."""

import functools
import shutil
import subprocess
import sys

import pytest

import symopt

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")
optax = pytest.importorskip("optax")
COQC = shutil.which("coqc")

PAIRS = [
    (functools.partial(torch.optim.Adam), functools.partial(optax.adam, learning_rate=0.1)),
    (functools.partial(torch.optim.AdamW), functools.partial(optax.adamw, learning_rate=0.1)),
    (
        functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True),
        functools.partial(optax.sgd, learning_rate=0.1, momentum=0.9, nesterov=True),
    ),
    (functools.partial(torch.optim.Adadelta), functools.partial(optax.adadelta, learning_rate=0.1)),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["adam", "adamw", "nesterov", "adadelta"])
def test_torch_is_optax_by_a_script_that_needs_sympy_alone(ours, theirs, tmp_path):
    verdict = symopt.prove(symopt.lift(ours), symopt.lift(theirs))
    assert verdict.status == "proved"
    path = tmp_path / "certificate.py"
    path.write_text(verdict.certificate, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "every later step: " in done.stdout


@pytest.mark.skipif(COQC is None, reason="coqc is not installed (Debian: coq)")
@pytest.mark.parametrize(("ours", "theirs"), PAIRS[:3], ids=["adam", "adamw", "nesterov"])
def test_torch_is_optax_by_a_theorem_of_coq(ours, theirs, tmp_path):
    verdict = symopt.prove(symopt.lift(ours), symopt.lift(theirs))
    (tmp_path / "certificate.v").write_text(verdict.certificates["coq"], encoding="utf-8")
    done = subprocess.run(
        [COQC, "certificate.v"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Axioms:" in done.stdout
