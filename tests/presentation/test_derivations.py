"""The collection of derivations: every script runs, is committed as it is, and proves its steps."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

import symopt
from symopt.errors import DerivationError
from symopt.presentation import compose
from symopt.presentation.collection import Entry
from symopt.presentation.document import Document
from symopt.symbols import beta, g, v, x

FOLDER = Path(__file__).parents[2] / "derivations"
SCRIPTS = sorted(FOLDER.glob("[!_]*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_derivation_is_what_its_script_makes_now(script):
    document = runpy.run_path(str(script))["document"]
    assert isinstance(document, Document)
    assert Entry(script, document).stale() == []
    assert document.bibliography or script.stem == "claims_settled"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_says_in_its_first_line_what_it_shows(script):
    first = script.read_text("utf-8").splitlines()[0]
    assert first.startswith('"""')
    assert len(first) > 30


def run_with(script: str, monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    for name, value in changed.items():
        monkeypatch.setattr(symopt, name, value, raising=False)
    runpy.run_path(str(FOLDER / f"{script}.py"))


def test_a_flipped_sign_in_the_average_fails_the_derivation_of_the_bias_correction(monkeypatch):
    def flipped(title, source, hyper, state, update):
        return symopt.statement.rule.Rule(
            title, source, hyper, state, [(g, update[0][1]), (x, beta * x - (1 - beta) * g)]
        )

    with pytest.raises(DerivationError, match="does not hold"):
        run_with("bias_correction", monkeypatch, Rule=flipped)


def test_a_flipped_sign_in_the_statement_of_momentum_fails_its_derivation_by_name(monkeypatch):
    momentum = symopt.rules["momentum"]
    flipped = momentum.variant(momentum.title, {x: x - v}, source=momentum.source)
    flipped = flipped.named("momentum")
    resolve = type(symopt.rules).resolve

    def resolved(library, entry):
        return flipped if entry == "momentum" else resolve(library, entry)

    monkeypatch.setattr(type(symopt.rules), "resolve", resolved)
    with pytest.raises(DerivationError, match="momentum against momentum_buffer: not proved"):
        run_with("momentum_conventions", monkeypatch)


def test_a_flipped_sign_in_a_step_of_a_gradient_fails_by_its_name(monkeypatch):
    from symopt.presentation import objective_page

    made = objective_page.derivatives

    def flipped(objective):
        first, second = made(objective)
        return (replace(first[0], after=-first[0].after), *first[1:]), second

    monkeypatch.setattr(objective_page, "derivatives", flipped)
    with pytest.raises(DerivationError, match="df/dx0"):
        compose.compose("Wrong", symopt.objectives.cubic)
