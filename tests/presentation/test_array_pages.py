"""Derivations of array objectives in print."""

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

import symopt
from symopt.array import ArrayObjective, columns, data, dot, frobenius, parameter, trace
from symopt.cli import main
from symopt.presentation.array_notation import _FORMS, _NAMES, array_math
from symopt.presentation.array_page import array_document, array_sheet
from symopt.statement.array.functions import ELEMENTWISE, apply

X, y = data("X", "n", "d"), data("y", "n")
A, w, W = data("A", "d", "d"), parameter("w", "d"), parameter("W1", "d", "K")


@pytest.mark.parametrize(
    ("node", "latex", "text"),
    [
        (X @ W, r"\mathbf{X}\,\mathbf{W}_1", "X W₁"),
        (w @ W, r"\mathbf{W}_1^{\top}\,\mathbf{w}", "W₁ᵀ w"),
        (w @ A @ w, None, "(Aᵀ w)ᵀ w"),
        ((X @ W) * (X @ W), None, "X W₁ ⊙ (X W₁)"),
        (dot(w, w), r"\mathbf{w}^{\top}\,\mathbf{w}", "wᵀ w"),
        (dot(X, X), r"\left\langle \mathbf{X}, \mathbf{X}\right\rangle", "⟨X, X⟩"),
        (frobenius(X), r"\left\lVert \mathbf{X}\right\rVert_{F}^2", "‖X‖²"),
        (trace(A), r"\operatorname{tr}\left(\mathbf{A}\right)", "tr(A)"),
        (columns(y, "d"), r"\mathbf{y}\,\mathbf{1}^{\top}", "y 1ᵀ"),
        (X - (X - X), None, "X − (X − X)"),
        (-(X + X) @ W, None, "(−(X + X)) W₁"),
        (1 - w, r"\mathbf{1} - \mathbf{w}", "1 − w"),
    ],
)
def test_an_expression_is_printed_in_matrix_form(node, latex, text):
    assert array_math(node).text == text
    if latex:
        assert array_math(node).latex == latex


def test_every_operation_and_function_has_a_form():
    from symopt.statement.array.entries import _RULES

    named = {"let", "adjoint"}
    assert set(_RULES) - named <= set(_FORMS)
    for name, entry in ELEMENTWISE.items():
        constants = [2] * entry.constants
        made = array_math(apply(name, X, *constants))
        assert r"\mathbf{X}" in made.latex
        assert name in _NAMES or made.text != "X"


@pytest.mark.parametrize("name", list(symopt.models))
def test_a_model_s_derivation_names_every_gradient_and_its_proof(name):
    model = symopt.models[name]
    text = array_document(model).text(200)
    assert "✓ proved" in text
    for step in model.gradient.steps:
        assert f"∂L/∂{array_math(step.target).text} =" in text


def test_the_reason_names_the_layer_and_the_rule():
    text = symopt.derive("softmax_regression").text(200)
    assert "∂L/∂W = Xᵀ ∂L/∂Z    [from Z: times the first factor transposed, from the left]" in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("name", list(symopt.models))
def test_a_model_s_derivation_compiles(name, tmp_path):
    file = symopt.derive(name).save(tmp_path / "model.tex")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", file.name],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_page_is_also_html_with_formulas():
    page = array_sheet(symopt.models.ridge).html()
    assert "<math" in page
    assert "&#x022A4;" in page or "⊤" in page
    assert 'mathvariant="bold"' in page


def test_the_command_line_lists_shows_and_derives_models(tmp_path):
    runner = CliRunner()
    assert "softmax_regression" in runner.invoke(main, ["list", "models"]).output
    shown = runner.invoke(main, ["show", "linear_regression"]).output
    assert "∂L/∂w = Xᵀ ∂L/∂r" in shown
    as_json = json.loads(runner.invoke(main, ["show", "ridge", "--json"]).output)
    assert as_json["parameters"] == {"w": ["d"], "b": []}
    assert as_json["gradient"]["r"] == "2/n*r"
    target = tmp_path / "x.tex"
    done = runner.invoke(main, ["derive", "softmax_regression", "-o", str(target)])
    assert done.exit_code == 0
    assert r"\operatorname{softmax}" in target.read_text()
    missed = runner.invoke(main, ["derive", "softmx_regression"])
    assert missed.exit_code == 2
    assert "Did you mean 'softmax_regression'" in missed.output + missed.stderr


def test_a_derivation_of_an_own_objective():
    own = ArrayObjective(frobenius(X @ W), (W,), (X,), "Size of a product")
    text = symopt.derive(own).text(200)
    assert "∂L/∂W₁ = 2 Xᵀ X W₁" in text
